"""Plan as code: from the text of a support plan to the values of the book.

``load`` reads a text and returns a plan or the findings for which it is refused;
``bundled`` returns a plan that comes with watchbill; ``simulate`` says who would be
contacted. Nothing here opens a file or reads a clock: callers pass the text and the
time.
"""

from watchbill.plan.contacts import Rung, contact_tree, render_sms, render_tree
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
from watchbill.plan.simulate import Line, render_table, simulate
from watchbill.plan.values import ChannelKind, Cover, ReviewCycle

__all__ = [
    "Channel",
    "ChannelKind",
    "Code",
    "Cover",
    "Finding",
    "InvalidPlanError",
    "Level",
    "Line",
    "Loaded",
    "Meta",
    "Plan",
    "ReviewCycle",
    "Rung",
    "Span",
    "SupportLevel",
    "as_json",
    "bundled",
    "bundled_text",
    "contact_tree",
    "load",
    "render_sms",
    "render_table",
    "render_text",
    "render_tree",
    "simulate",
    "summary",
]
