"""Alerts and silences in the words of Alertmanager's API v2 (its ``openapi.yaml``).

Two things have no counterpart here and are said so that clients go on working. A
*receiver* is a route of the plan, because that is what decides who is told. And every
alert needs an ``endsAt``: one that ends only when its source says so is believed for
five more minutes, again at each look.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec

from watchbill.core.suppression import MuteKind
from watchbill.integrations.text import one_line, shorten
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import Written
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import state_of

RESOLVE_TIMEOUT = timedelta(minutes=5)

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_LAST = datetime(9998, 12, 31, tzinfo=UTC)


class ShapeError(ValueError):
    """What a client sent is no silence; the message says where and why."""


class _Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool | None = None


class _Silence(msgspec.Struct, rename="camel"):
    matchers: list[_Matcher]
    starts_at: _Instant
    ends_at: _Instant
    created_by: str
    comment: str
    id: str | None = None


_decoder = msgspec.json.Decoder(_Silence)


def draft_of(body: bytes, *, author: str, now: datetime) -> tuple[str, Draft]:
    """Return the id in a posted silence, empty for a new one, and what it asks for.

    ``author`` is whoever it was that gave no name. Raises `ShapeError`.
    """
    try:
        posted = _decoder.decode(body)
    except RecursionError:
        message = "the JSON is nested too deeply"
        raise ShapeError(message) from None
    except ValueError as error:  # of msgspec, or a UnicodeDecodeError
        raise ShapeError(shorten(one_line(str(error)), 200)) from None
    draft = Draft(
        matchers=tuple(
            Written(one.name, one.value, one.is_regex, one.is_equal is not False)
            for one in posted.matchers
        ),
        starts_at=_instant(posted.starts_at) or now,
        ends_at=_instant(posted.ends_at) or now,
        author=posted.created_by or author,
        comment=posted.comment,
    )
    return posted.id or "", draft


def _instant(value: datetime) -> datetime | None:
    """The instant in UTC; Go's zero time, in the year 1, is none."""
    # The last year would overflow when moved to UTC.
    return None if value.year == 1 else min(value, _LAST).astimezone(UTC)


def silence(row: Silence, *, at: datetime) -> dict[str, Any]:
    """Return a ``gettableSilence``."""
    return {
        "id": str(row.public_id),
        "status": {"state": state_of(row, at=at).value},
        "updatedAt": time_of(row.updated_at),
        "comment": row.comment,
        "createdBy": row.created_by,
        "startsAt": time_of(row.starts_at),
        "endsAt": time_of(row.ends_at),
        "annotations": {},
        "matchers": [
            {
                "name": one.name,
                "value": one.value,
                "isRegex": one.is_regex,
                "isEqual": one.is_equal,
            }
            for one in map(Written.of, row.matchers)
        ],
    }


class Row(NamedTuple):
    """A firing alert as the database writes it: JSON and instants as their text."""

    number: int
    integration: int
    route: str
    fingerprint: str
    labels: str
    annotations: str
    muted_by: str
    #: Link to where the source shows it.
    source: str | None
    starts_at: str
    seen_at: str
    #: Null when only its source says when it ends.
    expires_at: str | None


class Status(msgspec.Struct, rename="camel"):
    """Whether anything holds an alert back, and what."""

    inhibited_by: list[str]
    muted_by: list[str]
    silenced_by: list[str]
    state: str


class _Receiver(msgspec.Struct):
    name: str


class GettableAlert(msgspec.Struct, rename="camel"):
    """An alert as clients get it."""

    annotations: msgspec.Raw
    ends_at: str
    fingerprint: str
    receivers: tuple[_Receiver, ...]
    starts_at: str
    status: Status
    updated_at: str
    generator_url: str = msgspec.field(name="generatorURL")
    labels: msgspec.Raw


def alert(row: Row, silenced_by: list[str], *, believed_until: str) -> GettableAlert:
    """Return a ``gettableAlert``; ``silenced_by`` are the silences that cover it now.

    As there, a silence is told too that came when the incident was open already.
    """
    return GettableAlert(
        annotations=msgspec.Raw(row.annotations),
        ends_at=row.expires_at or believed_until,
        fingerprint=row.fingerprint,
        receivers=(_Receiver(row.route),),
        starts_at=row.starts_at,
        status=_status(row.muted_by, silenced_by),
        updated_at=row.seen_at,
        generator_url=row.source or "",
        labels=msgspec.Raw(row.labels),
    )


def _status(muted_by: str, silenced_by: list[str]) -> Status:
    inhibited, windows = [], []
    for mute in msgspec.json.decode(muted_by) if muted_by != "[]" else ():
        match mute["kind"]:
            case MuteKind.INHIBITION:
                # Its key names the integration too, before the first slash.
                inhibited.append(mute["key"].partition("/")[2] or mute["key"])
            case MuteKind.MAINTENANCE:
                windows.append(mute["key"])
    is_suppressed = bool(silenced_by or inhibited or windows)
    return Status(
        inhibited, windows, silenced_by, "suppressed" if is_suppressed else "active"
    )


def time_of(value: datetime) -> str:
    """Return an instant as Alertmanager writes it, to the millisecond."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
