"""Sorting: what an alert is under a plan, and with which others it shares an incident.

The routing table names route, severity and group. The plan adds what the table cannot
know: a category counts only if somebody is its expert, and alerts that are confidential
or of a drill are grouped apart. Whoever asks which incident an alert would join asks
here, so that all of them agree.
"""

from dataclasses import replace

from watchbill.core.labels import Labels
from watchbill.core.routing import Classification, classify, set_apart
from watchbill.plan.model import Plan


def sort(plan: Plan, labels: Labels, *, is_drill: bool = False) -> Classification:
    """Return type, severity, known category and group of an alert with the labels."""
    found = classify(plan.routing, labels)
    named = found.category
    category = named if named in plan.directory.specialties else found.route.category
    return set_apart(
        replace(found, category=category),
        is_confidential=plan.is_confidential(found.route.key, category),
        is_drill=is_drill,
    )
