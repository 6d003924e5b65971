"""watchbill runs a support plan: alerts in, incidents, escalation, on-call, pages out."""

__version__ = "0.1.0"
