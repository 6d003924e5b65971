"""watchbill runs a support plan: alerts in, incidents, escalation, pages out."""

__version__ = "0.1.0"
