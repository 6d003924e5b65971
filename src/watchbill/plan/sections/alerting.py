"""Alerting: how alerts are kept from paging without need, as it is written (S4).

Each of these rules has a default, so that a plan which says nothing of them is
guarded all the same. Where quiet can be too much of it, ``null`` switches a rule off.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from watchbill.plan.quantities import Count
from watchbill.plan.sections.entry import Entry, Texts
from watchbill.plan.values import Duration, LabelValue, OneOrMore, Text

LabelValues = Annotated[tuple[LabelValue, ...], OneOrMore]

# A condition without labels would take every alert; it is written as none at all.
Condition = Annotated[
    dict[Text, Annotated[LabelValues, Field(min_length=1)]], Field(min_length=1)
]
Conditions = tuple[Condition, ...]


class InhibitEntry(Entry):
    """While an alert of the source fires, those of the target page nobody (S4.2-23)."""

    source: Condition
    target: Condition
    #: Labels that both must have alike; a missing label equals an empty one.
    equal: Texts = ()
    because: Text


class FlappingEntry(Entry):
    """When an alert comes and goes so fast that its ends are not believed (S4.2-26)."""

    #: So many begins and ends within the time are flapping.
    flips: Count = 4
    within: Duration = timedelta(minutes=30)
    #: How long it must be quiet until its end is believed.
    hold_down: Duration = timedelta(minutes=10)


class StormEntry(Entry):
    """From how many new incidents of one severity on further alerts share one."""

    incidents: Count = 20
    within: Duration = timedelta(minutes=5)


def _watchdog() -> dict[str, tuple[str, ...]]:
    return {"alertname": ("Watchdog",)}


class WatchdogEntry(Entry):
    """The alert by which the monitoring says that it lives (S4.1-12)."""

    match: Condition = Field(default_factory=_watchdog)
