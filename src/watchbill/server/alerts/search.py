"""Looking for alerts: by state and label, page by page, those that fire first.

Pages are cut by number and not by position (keyset): a hundred thousand rows before a
page cost it nothing, and rows that come meanwhile move nothing. Counting stops at a
bound for the same reason.

What is confidential is hidden from who may not see it, as incidents are (A15): it is
neither listed nor counted.

A row whose incident was closed while it still fired keeps that status, but another has
taken its place (``is_current``). It is listed with what is over: nothing says any more
that it fires.
"""

import re
from dataclasses import dataclass, field
from typing import Self

from django.apps import apps
from django.db.models import Q, QuerySet

from watchbill.core.alerts import AlertStatus
from watchbill.server.alerts.models import Alert

MOST_COUNTED = 1_000

SHOWS = ("firing", "muted", "resolved", "all")
MARKS = ("catch_all", "flapping")

_LABEL = re.compile(r'([^\s=]+)=(?:"([^"]*)"|(\S*))')
_MAX_NUMBER = 2**63 - 1

_FIRING = Q(status=AlertStatus.FIRING, is_current=True)
_OVER = Q(status=AlertStatus.RESOLVED) | Q(is_current=False)


def seen(*, confidential: bool) -> QuerySet[Alert]:
    """Return the alerts that somebody may see."""
    if confidential:
        return Alert.objects.all()
    rows = Alert.objects.filter(is_confidential=False)
    return rows.exclude(incident__is_confidential=True)


def state_of(alert: Alert) -> AlertStatus:
    """Return whether an alert fires still."""
    return AlertStatus(alert.status) if alert.is_current else AlertStatus.RESOLVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which alerts are looked for."""

    #: One of `SHOWS`.
    show: str = "firing"
    #: One of `MARKS`, or empty.
    mark: str = ""
    severity: str = ""
    route: str = ""
    integration: int | None = None
    #: Words of the title and ``name=value`` of labels.
    text: str = ""

    def apply(self, rows: QuerySet[Alert]) -> QuerySet[Alert]:
        """Return those of the rows that are looked for, whether they fire or not."""
        if self.show == "muted":
            rows = rows.filter(_FIRING, incident=None)
        if self.mark == "catch_all":
            rows = rows.filter(is_catch_all=True)
        elif self.mark == "flapping":
            rows = rows.filter(is_flapping=True)
        if self.severity:
            rows = rows.filter(severity=self.severity)
        if self.route:
            rows = rows.filter(alert_type=self.route)
        if self.integration is not None:
            rows = rows.filter(integration=self.integration)
        return _with_text(rows, self.text)

    @property
    def narrowing(self) -> bool:
        """Whether anything besides the state is looked for."""
        return bool(
            self.mark or self.severity or self.route or self.integration or self.text
        )

    @property
    def statuses(self) -> tuple[AlertStatus, ...]:
        """The statuses looked for, in the order in which they are listed."""
        if self.show == "all":
            return (AlertStatus.FIRING, AlertStatus.RESOLVED)
        is_over = self.show == "resolved"
        return (AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,)


def _with_text(rows: QuerySet[Alert], text: str) -> QuerySet[Alert]:
    labels = {name: quoted or plain for name, quoted, plain in _LABEL.findall(text)}
    if labels:
        rows = rows.filter(labels__contains=labels)
    for word in _LABEL.sub(" ", text).split()[:8]:
        rows = rows.filter(Q(title__icontains=word) | Q(fingerprint=word))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """After which alert a page begins."""

    status: AlertStatus
    number: int

    def __str__(self) -> str:
        return f"{self.status[0]}{self.number}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the cursor that was written so; None for anything else."""
        status = {one.value[0]: one for one in AlertStatus}.get(text[:1])
        digits = text[1:]
        if status is None or not digits.isascii() or not digits.isdigit():
            return None
        if len(digits) > 18:
            return None
        return cls(status=status, number=min(int(digits), _MAX_NUMBER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some alerts, and where the next page begins; None after the last."""

    alerts: list[Alert] = field(default_factory=list)
    following: Cursor | None = None


def page(
    filters: Filters, *, after: Cursor | None, limit: int, confidential: bool
) -> Page:
    """Return the alerts after a cursor: those that fire first, the latest first."""
    rows = filters.apply(seen(confidential=confidential)).select_related(
        "incident", "integration"
    )
    found: list[Alert] = []
    for status in filters.statuses:
        if after is not None and status < after.status:
            continue
        part = rows.filter(_FIRING if status is AlertStatus.FIRING else _OVER)
        if after is not None and status == after.status:
            part = part.filter(pk__lt=after.number)
        found += part.order_by("-pk")[: limit + 1 - len(found)]
    shown = found[:limit]
    if len(found) <= limit or not shown:
        return Page(alerts=shown)
    last = shown[-1]
    following = Cursor(status=state_of(last), number=last.pk)
    return Page(alerts=shown, following=following)


def find(number: int, *, confidential: bool) -> Alert | None:
    """Return an alert that may be seen, without the body of its last post."""
    rows = seen(confidential=confidential).select_related(
        "incident", "integration", "last_entry"
    )
    return rows.defer("last_entry__body").filter(pk=number).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many alerts fire; each at most one more than `MOST_COUNTED`."""

    firing: int
    muted: int
    catch_all: int
    flapping: int


def counts(*, confidential: bool) -> Counts:
    """Return how many alerts fire, and how many of them need a look."""
    firing = seen(confidential=confidential).filter(_FIRING)
    return Counts(
        firing=_count(firing),
        muted=_count(firing.filter(incident=None)),
        catch_all=_count(firing.filter(is_catch_all=True)),
        flapping=_count(firing.filter(is_flapping=True)),
    )


def _count(rows: QuerySet[Alert]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()


def episodes(alert: Alert, *, confidential: bool) -> list[Alert]:
    """Return the other times that the same condition fired, the latest first."""
    rows = seen(confidential=confidential).filter(
        integration=alert.integration_id, fingerprint=alert.fingerprint
    )
    others = rows.exclude(pk=alert.pk).select_related("incident", "integration")
    return list(others.order_by("-pk")[:10])


def integrations() -> list[tuple[int, str]]:
    """Return the integrations that alerts can be looked for by."""
    # By its name: the room that has the model lies above this one.
    model = apps.get_model("watchbill", "Integration")
    return list(model._default_manager.order_by("name", "pk").values_list("pk", "name"))
