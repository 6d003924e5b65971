"""Making, changing and ending silences.

What was silenced when, and by whom, stays true afterwards, as in Alertmanager: a
silence in force may get another end or another comment; whatever else is changed ends
it and makes another one. One that has ended stays as it is.

A silence that was made with the key of an integration covers alerts of that integration
alone, and no other key changes or ends it: for others it is not there. People on the
console may; whose it is, and so what it covers, stays.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from watchbill.integrations.text import printable, shorten
from watchbill.server.silences.matching import MatcherError, Written, check
from watchbill.server.silences.models import Silence
from watchbill.server.silences.queries import SilenceState, live_count, state_of
from watchbill.server.web.live import announce, wake_engine

MAX_LIVE = 1_000
"""So many may be in force or to come: each is asked about every alert."""

MAX_COMMENT, MAX_AUTHOR = 2_000, 200


class SilenceRefusedError(ValueError):
    """A silence cannot be made so; the message says why."""


class UnknownSilenceError(LookupError):
    """There is no silence with this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wants silenced."""

    matchers: tuple[Written, ...]
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str


@transaction.atomic
def create(
    draft: Draft, *, integration_id: int | None = None, now: datetime
) -> Silence:
    """Make a silence, or raise `SilenceRefusedError`; it never begins in the past."""
    _check(draft, now=now)
    return _insert(draft, integration_id=integration_id, now=now)


@transaction.atomic
def update(
    public_id: uuid.UUID | str,
    draft: Draft,
    *,
    integration_id: int | None = None,
    now: datetime,
) -> Silence:
    """Change a silence, or end it and make the changed one; return the one in force.

    With ``integration_id`` only one of that integration. Raises `UnknownSilenceError`
    or `SilenceRefusedError`.
    """
    held = _hold(public_id, of=integration_id)
    _check(draft, now=now)
    if _keeps_history(held, draft, now=now):
        has_begun = state_of(held, at=now) is SilenceState.ACTIVE
        Silence.objects.filter(pk=held.pk).update(
            starts_at=held.starts_at if has_begun else draft.starts_at,
            ends_at=draft.ends_at,
            created_by=_author(draft),
            comment=_comment(draft),
            updated_at=now,
        )
        _tell()
        return Silence.objects.get(pk=held.pk)
    _end(held, by=_author(draft), now=now)
    return _insert(draft, integration_id=held.integration_id, now=now)


@transaction.atomic
def expire(
    public_id: uuid.UUID | str,
    *,
    by: str,
    integration_id: int | None = None,
    now: datetime,
) -> bool:
    """End a silence now; return whether it had not ended yet.

    With ``integration_id`` only one of that integration. Raises `UnknownSilenceError`.
    """
    return _end(_hold(public_id, of=integration_id), by=by, now=now)


def _hold(public_id: uuid.UUID | str, *, of: int | None) -> Silence:
    rows = Silence.objects.select_for_update().filter(public_id=public_id)
    if of is not None:
        rows = rows.filter(integration=of)
    found = rows.first()
    if found is None:
        message = f"there is no silence {public_id}"
        raise UnknownSilenceError(message)
    return found


def _check(draft: Draft, *, now: datetime) -> None:
    if draft.starts_at >= draft.ends_at:
        message = "start time must be before end time"
        raise SilenceRefusedError(message)
    if draft.ends_at < now:
        message = "end time can't be in the past"
        raise SilenceRefusedError(message)
    if len(draft.comment) > MAX_COMMENT:
        message = f"the comment is longer than {MAX_COMMENT} characters"
        raise SilenceRefusedError(message)
    try:
        check(draft.matchers)
    except MatcherError as error:
        raise SilenceRefusedError(str(error)) from None


def _keeps_history(held: Silence, draft: Draft, *, now: datetime) -> bool:
    """Whether the change leaves what was silenced until now as it was."""
    if held.matchers != [one.stored() for one in draft.matchers]:
        return False
    match state_of(held, at=now):
        case SilenceState.ACTIVE:
            # Clients send back the start as they were shown it, to the millisecond.
            return int(held.starts_at.timestamp()) == int(draft.starts_at.timestamp())
        case SilenceState.PENDING:
            return draft.starts_at >= now
        case SilenceState.EXPIRED:
            return False


def _insert(draft: Draft, *, integration_id: int | None, now: datetime) -> Silence:
    if live_count(at=now) >= MAX_LIVE:
        message = f"exceeded maximum number of silences: {MAX_LIVE}; end some first"
        raise SilenceRefusedError(message)
    made = Silence.objects.create(
        matchers=[one.stored() for one in draft.matchers],
        starts_at=max(draft.starts_at, now),
        ends_at=draft.ends_at,
        created_by=_author(draft),
        comment=_comment(draft),
        created_at=now,
        updated_at=now,
        integration_id=integration_id,
    )
    _tell()
    return made


def _end(held: Silence, *, by: str, now: datetime) -> bool:
    if state_of(held, at=now) is SilenceState.EXPIRED:
        return False
    Silence.objects.filter(pk=held.pk).update(
        # One that had not begun never will.
        starts_at=min(held.starts_at, now),
        ends_at=now,
        updated_at=now,
        ended_by=shorten(printable(by), MAX_AUTHOR),
    )
    _tell()
    return True


def _author(draft: Draft) -> str:
    return shorten(printable(draft.author).strip(), MAX_AUTHOR)


def _comment(draft: Draft) -> str:
    return printable(draft.comment).strip()


def _tell() -> None:
    announce("silences")
    wake_engine()
