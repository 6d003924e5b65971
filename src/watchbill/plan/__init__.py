"""Plan as code: from the text of a support plan to the values of the book.

``load`` reads a text and returns a plan or the findings for which it is refused;
``bundled`` returns a plan that comes with watchbill; ``simulate`` says who would be
contacted. Nothing here opens a file or reads a clock: callers pass the text and the
time.
"""

from watchbill.plan.alerting import Alerting
from watchbill.plan.card import contact_card_html, contact_card_pdf
from watchbill.plan.contacts import (
    Card,
    Rung,
    contact_card,
    contact_tree,
    render_sms,
    render_tree,
)
from watchbill.plan.editor_schema import json_schema
from watchbill.plan.findings import (
    Code,
    Finding,
    Level,
    Span,
    as_json,
    render_text,
    summary,
)
from watchbill.plan.load import (
    InvalidPlanError,
    Loaded,
    bundled,
    bundled_text,
    load,
)
from watchbill.plan.model import Channel, Meta, Plan, SupportLevel
from watchbill.plan.operations import (
    Changes,
    ChecklistStep,
    Maintenance,
    Metric,
    Monitoring,
    Tool,
)
from watchbill.plan.simulate import Line, render_table, simulate
from watchbill.plan.values import ChannelKind, Cover, ReviewCycle

__all__ = [
    "Alerting",
    "Card",
    "Changes",
    "Channel",
    "ChannelKind",
    "ChecklistStep",
    "Code",
    "Cover",
    "Finding",
    "InvalidPlanError",
    "Level",
    "Line",
    "Loaded",
    "Maintenance",
    "Meta",
    "Metric",
    "Monitoring",
    "Plan",
    "ReviewCycle",
    "Rung",
    "Span",
    "SupportLevel",
    "Tool",
    "as_json",
    "bundled",
    "bundled_text",
    "contact_card",
    "contact_card_html",
    "contact_card_pdf",
    "contact_tree",
    "json_schema",
    "load",
    "render_sms",
    "render_table",
    "render_text",
    "render_tree",
    "simulate",
    "summary",
]
