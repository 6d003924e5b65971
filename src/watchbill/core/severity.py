"""Severity: how bad it is, and what that promises.

A plan has its own scale, worst first; the first plan's is P1 to P4. When two
criteria disagree the worse severity applies (S3.1-33, A61). *Severity* is how bad the
incident is; *urgency* is how loudly people are told: a high-urgency page may
wake somebody, a low-urgency one may not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Urgency(StrEnum):
    """How loudly people are told."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """One rung of a plan's scale."""

    key: str
    #: 1 is the worst.
    rank: int
    title: str
    criteria: tuple[str, ...] = ()
    #: The first page must be answered within this time (A4).
    response_target: timedelta | None = None
    #: Service must be restored within this time of the declaration (A5).
    resolution_target: timedelta | None = None
    urgency: Urgency = Urgency.LOW


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the worst of the given severities (S3.1-33)."""
    return min(severities, key=lambda severity: severity.rank)
