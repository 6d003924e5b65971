"""Storms: more trouble at once than people can take one by one.

When a part on which everything rests breaks, each alert is right and all together
are useless. Once more than so many new groups of alerts have come within a stretch of
time, further ones of that severity share one incident a route, so that the people of
each route are told. Each severity has its own count and its own storm, so that a worse
alert never hides among lesser ones.

A group that joined the storm counts as one that has an incident: the storm lasts as
long as new groups keep coming that fast, and does not end because it works.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

STORM = "storm"
"""In the place of the route in the group key of what many groups share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormRule:
    """More new groups than ``incidents`` within the time are a storm."""

    incidents: int
    within: timedelta


def is_storm(declared: Sequence[datetime], *, at: datetime, rule: StormRule) -> bool:
    """Return whether the next new group shares the incident of the storm.

    ``declared`` is when each new group of one severity came, whether it got an
    incident of its own or joined the storm; the latest ``incidents + 1`` suffice.
    """
    recent = sum(at - rule.within < one <= at for one in declared)
    return recent > rule.incidents


def storm_key(severity: str, route: str) -> str:
    """Return the group key of the incident that a route's share of a storm has."""
    return f"{STORM}/{severity}/{route}"
