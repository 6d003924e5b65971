"""Explain: for any key or due time, what it says, does, comes from, and whom it moves.

A key is written as a path of names: ``severities.P1.response``,
``contacts.technical_lead.phone``, ``escalation.P1.15m-escalate`` or, for a step of a
time, ``escalation.P1[15m]``. Values are those of the file, with their line; a key
that is not written is explained with its default. Who is affected is asked of the
plan itself. All functions are pure.
"""

from watchbill.plan.explain.decided import Position, Standing, explain_decision
from watchbill.plan.explain.due import DueStep, explain_due
from watchbill.plan.explain.key import Explanation, Reference, explain
from watchbill.plan.explain.keys import Place
from watchbill.plan.explain.report import (
    render_due,
    render_explanation,
    render_position,
)

__all__ = [
    "DueStep",
    "Explanation",
    "Place",
    "Position",
    "Reference",
    "Standing",
    "explain",
    "explain_decision",
    "explain_due",
    "render_due",
    "render_explanation",
    "render_position",
]
