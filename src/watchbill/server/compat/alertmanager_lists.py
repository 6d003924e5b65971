"""Lists of firing alerts for Alertmanager's clients, in pieces.

In an outage a hundred thousand alerts may fire. So only their numbers are held, the
alerts are read in chunks, and each chunk is written before the next is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice

import msgspec
from django.db.models import Func, Q, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from watchbill.core.alerts import AlertStatus
from watchbill.core.labels import AnyMatcher, matches_all
from watchbill.core.suppression import Silence
from watchbill.server.alerts.models import Alert
from watchbill.server.compat import alertmanager_shapes as shapes
from watchbill.server.compat.alertmanager_shapes import GettableAlert, Row, Status
from watchbill.server.silences.cover import Cover

CHUNK = 500

Shown = tuple[Row, GettableAlert]

_encode = msgspec.json.Encoder().encode
_labels = msgspec.json.Decoder(dict[str, str])


class _Time(Func):
    """An instant as `shapes.time_of` writes it."""

    template = (
        "to_char(%(expressions)s AT TIME ZONE 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\')'
    )
    output_field = TextField()


def _text(name: str) -> Cast:
    return Cast(name, TextField())


_COLUMNS = (
    *("pk", "integration_id", "alert_type", "fingerprint"),
    *(_text("labels"), _text("annotations"), _text("muted_by"), KT("links__source")),
    *(_Time("starts_at"), _Time("last_seen_at"), _Time("expires_at")),
)
"""What makes a `Row`; the database writes it much faster than models are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alerts a client asks for."""

    matchers: tuple[AnyMatcher, ...]
    #: Labels that the matchers demand, for the database to look for first.
    sure: dict[str, str]
    #: Routes whose alerts are not shown, and those asked for; None is all others.
    hidden: frozenset[str] = frozenset()
    receivers: frozenset[str] | None = None
    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    muted: bool = True
    limit: int | None = None

    def shows(self, status: Status) -> bool:
        """Return whether an alert is to be shown, by what holds it back."""
        return (
            (self.active or status.state != "active")
            and (self.silenced or not status.silenced_by)
            and (self.inhibited or not status.inhibited_by)
            and (self.muted or not status.muted_by)
        )


def alerts(
    wanted: Wanted, silences: tuple[Silence, ...], *, at: datetime
) -> Iterator[bytes]:
    """Yield the pieces of ``GET /alerts``, the first seen first."""
    rows = _rows(wanted, at=at).order_by("pk")
    shown = _shown(rows, wanted, silences, at=at)
    yield from _list_of(_encode(one) for _, one in shown)


def groups(
    wanted: Wanted, silences: tuple[Silence, ...], *, at: datetime
) -> Iterator[bytes]:
    """Yield the pieces of ``GET /alerts/groups``: by route, then by name."""
    name = KT("labels__alertname")
    rows = _rows(wanted, at=at).order_by("alert_type", name, "pk")
    shown = _shown(rows, wanted, silences, at=at)
    yield b"["
    for number, (key, members) in enumerate(groupby(shown, key=_group)):
        route, alertname = key
        head = {
            "labels": {"alertname": alertname} if alertname else {},
            "receiver": {"name": route},
            "routeLabels": {},
        }
        yield b"," * bool(number) + _encode(head)[:-1] + b',"alerts":'
        yield from _list_of(_encode(one) for _, one in members)
        yield b"}"
    yield b"]"


def _group(shown: Shown) -> tuple[str, str]:
    row, _ = shown
    return row.route, _labels.decode(row.labels).get("alertname", "")


def _list_of(items: Iterator[bytes]) -> Iterator[bytes]:
    yield b"["
    for number, item in enumerate(items):
        yield b"," * bool(number) + item
    yield b"]"


def _rows(wanted: Wanted, *, at: datetime) -> QuerySet[Alert]:
    """The firing alerts that anybody with a key may know of."""
    lasts = Q(expires_at=None) | Q(expires_at__gt=at)
    is_public = Q(incident=None) | Q(incident__is_confidential=False)
    rows = Alert.objects.filter(
        lasts,
        is_public,
        status=AlertStatus.FIRING,
        is_current=True,
        is_confidential=False,
        labels__contains=wanted.sure,
    ).exclude(alert_type__in=wanted.hidden)
    if wanted.receivers is not None:
        rows = rows.filter(alert_type__in=wanted.receivers)
    return rows


def _shown(
    rows: QuerySet[Alert],
    wanted: Wanted,
    silences: tuple[Silence, ...],
    *,
    at: datetime,
) -> Iterator[Shown]:
    numbers = list(rows.values_list("pk", flat=True))
    cover, until = Cover(silences), shapes.time_of(at + shapes.RESOLVE_TIMEOUT)
    # What nobody asks about is not read.
    is_asked = bool(cover or wanted.matchers)

    def shown() -> Iterator[Shown]:
        for row in _in_chunks(numbers):
            labels = _labels.decode(row.labels) if is_asked else {}
            if not matches_all(wanted.matchers, labels):
                continue
            silenced_by = cover.keys(labels, source=str(row.integration))
            one = shapes.alert(row, silenced_by, believed_until=until)
            if wanted.shows(one.status):
                yield row, one

    return islice(shown(), wanted.limit)


def _in_chunks(numbers: list[int]) -> Iterator[Row]:
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        found = Alert.objects.filter(pk__in=chunk).values_list(*_COLUMNS)
        rows = {row[0]: Row._make(row) for row in found}
        # One may be gone meanwhile.
        yield from (rows[number] for number in chunk if number in rows)
