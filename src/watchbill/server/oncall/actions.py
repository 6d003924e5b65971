"""Changing who holds the watch: overrides, swaps, absences, hand-overs and feeds.

Each action is one transaction. What has been is never changed: an override that is
called off in its middle ends now. People are told by the engine, which is woken.

A page that has left the ladder goes to whoever held the watch then, also when somebody
else takes over before it was sent: one page to one too many is better than none. From
the next step on the new holder is asked.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.server import tokens
from watchbill.server.oncall import queries
from watchbill.server.oncall.changing import (
    MAX_AUTHOR,
    MAX_REASON,
    MAX_SUMMARY,
    OncallRefusedError,
    hold_watch,
    plan_in_force,
    plan_with,
    refuse_trouble,
    still_ahead,
    text_of,
)
from watchbill.server.oncall.models import (
    Absence,
    AbsenceKind,
    FeedToken,
    Handover,
    Override,
)
from watchbill.server.oncall.queries import Touched
from watchbill.server.oncall.swapping import (
    accept_swap,
    ask_swap,
    check_swap,
    decline_swap,
    expire_swaps,
    withdraw_swap,
)

__all__ = [
    "AbsenceMade",
    "MadeFeed",
    "OncallRefusedError",
    "accept_handover",
    "accept_swap",
    "add_absence",
    "ask_swap",
    "cancel_absence",
    "cancel_override",
    "check_swap",
    "decline_swap",
    "expire_swaps",
    "feed_used",
    "make_feed",
    "override",
    "revoke_feed",
    "withdraw_swap",
    "write_handover",
]

FEEDS_A_PERSON = 20
_USED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceMade:
    """An absence, and what becomes of the shifts that it touches."""

    absence: Absence
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFeed:
    """A new feed; its secret is shown once and not stored."""

    feed: FeedToken
    secret: str = field(repr=False)


# ── Overrides ───────────────────────────────────────────────────────────────────


@transaction.atomic
def override(
    schedule_key: str,
    duty: Duty,
    contact_key: str,
    during: Interval,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Override:
    """Let somebody hold a duty for a while; what has passed of it stays as it was."""
    hold_watch(now=now)
    plan = plan_with(schedule_key, now=now)
    during = still_ahead(during, now=now)
    refuse_trouble(plan, schedule_key, duty, contact_key, during)
    return Override.objects.create(
        schedule_key=schedule_key,
        duty=duty,
        contact_key=contact_key,
        starts_at=during.starts_at,
        ends_at=during.ends_at,
        reason=text_of(reason, most=MAX_REASON),
        made_by=text_of(by, most=MAX_AUTHOR),
        made_at=now,
    )


@transaction.atomic
def cancel_override(number: int, *, by: str, now: datetime) -> bool:
    """Call an override off from now on; False when it is over already.

    One that a swap made is called off with its counterpart, as it was agreed.
    """
    hold_watch(now=now)
    found = queries.override_row(number)
    if found is None:
        message = f"there is no override {number}"
        raise OncallRefusedError(message)
    rows = Override.objects.filter(pk=number)
    if found.swap_id is not None:
        rows = Override.objects.filter(swap=found.swap_id)
    done = [_call_off(one, by=by, now=now) for one in rows]
    return any(done)


# ── Absences ────────────────────────────────────────────────────────────────────


@transaction.atomic
def add_absence(
    contact_key: str,
    during: Interval,
    *,
    kind: str,
    note: str,
    by: str,
    now: datetime,
) -> AbsenceMade:
    """Note that somebody is away, and say who stands in for them."""
    hold_watch(now=now)
    plan = plan_in_force(now=now)
    if plan.directory.contact(contact_key) is None:
        message = f"the plan in force knows no contact {contact_key!r}"
        raise OncallRefusedError(message)
    if kind not in AbsenceKind.values:
        message = f"{kind!r} is no kind of absence; say leave, sick or other"
        raise OncallRefusedError(message)
    during = still_ahead(during, now=now)
    touched = queries.touched(plan, contact_key, during)
    absence = Absence.objects.create(
        contact_key=contact_key,
        starts_at=during.starts_at,
        ends_at=during.ends_at,
        kind=kind,
        note=text_of(note, most=MAX_REASON),
        made_by=text_of(by, most=MAX_AUTHOR),
        made_at=now,
    )
    return AbsenceMade(absence=absence, touched=touched)


@transaction.atomic
def cancel_absence(number: int, *, by: str, now: datetime) -> bool:
    """Note that somebody is back; False when the absence is over already."""
    hold_watch(now=now)
    found = queries.absence(number)
    if found is None:
        message = f"there is no absence {number}"
        raise OncallRefusedError(message)
    return _call_off(found, by=by, now=now)


# ── Hand-overs ──────────────────────────────────────────────────────────────────


@transaction.atomic
def write_handover(
    schedule_key: str,
    duty: Duty,
    *,
    from_contact: str,
    to_contact: str,
    at: datetime,
    summary: str,
    now: datetime,
) -> Handover:
    """Write, or write anew, what whoever leaves tells whoever comes (S4.4-11)."""
    hold_watch(now=now)
    plan = plan_with(schedule_key, now=now)
    for key in (from_contact, to_contact):
        if plan.directory.contact(key) is None:
            message = f"the plan in force knows no contact {key!r}"
            raise OncallRefusedError(message)
    if from_contact == to_contact:
        message = "nobody hands over to themselves"
        raise OncallRefusedError(message)
    text = text_of(summary, most=MAX_SUMMARY)
    if not text:
        message = "write what is open, even if it is nothing"
        raise OncallRefusedError(message)
    row, _ = Handover.objects.get_or_create(
        schedule_key=schedule_key,
        duty=duty,
        from_contact=from_contact,
        to_contact=to_contact,
        at=at,
    )
    if row.accepted_at is not None:
        message = "it was accepted already; write to whoever has the watch instead"
        raise OncallRefusedError(message)
    row.summary, row.written_at = text, now
    row.save(update_fields=["summary", "written_at"])
    return row


@transaction.atomic
def accept_handover(number: int, *, contact_key: str, now: datetime) -> bool:
    """Note that whoever comes has read the summary; False if it was noted before."""
    hold_watch(now=now)
    row = queries.hold_handover(number)
    if row is None or row.to_contact != contact_key:
        message = "only whoever takes over accepts a hand-over"
        raise OncallRefusedError(message)
    if row.written_at is None:
        message = "there is no summary yet"
        raise OncallRefusedError(message)
    rows = Handover.objects.filter(pk=number, accepted_at=None)
    return bool(rows.update(accepted_at=now))


# ── Feeds ───────────────────────────────────────────────────────────────────────


@transaction.atomic
def make_feed(
    *,
    contact_key: str = "",
    schedule_key: str = "",
    made_for: str,
    by: str,
    now: datetime,
) -> MadeFeed:
    """Make the secret address of a calendar of one person or of one schedule."""
    if bool(contact_key) == bool(schedule_key):
        message = "a feed shows one person or one schedule"
        raise OncallRefusedError(message)
    plan = plan_in_force(now=now)
    if not made_for:
        message = "only a contact of the plan keeps feeds"
        raise OncallRefusedError(message)
    if schedule_key and schedule_key not in plan.schedules:
        message = f"the plan in force has no schedule {schedule_key!r}"
        raise OncallRefusedError(message)
    if contact_key and plan.directory.contact(contact_key) is None:
        message = f"the plan in force knows no contact {contact_key!r}"
        raise OncallRefusedError(message)
    if len(queries.feeds_of(made_for)) >= FEEDS_A_PERSON:
        message = f"{FEEDS_A_PERSON} feeds are enough; revoke one first"
        raise OncallRefusedError(message)
    secret = tokens.make("wbfeed")
    feed = FeedToken.objects.create(
        token_hash=tokens.digest(secret),
        contact_key=contact_key,
        schedule_key=schedule_key,
        made_for=made_for,
        made_by=text_of(by, most=MAX_AUTHOR),
        made_at=now,
    )
    return MadeFeed(feed=feed, secret=secret)


def revoke_feed(number: int, *, by: str, of: str | None = None, now: datetime) -> bool:
    """Let a feed answer no more; with ``of`` only one that was made for a contact."""
    rows = FeedToken.objects.filter(pk=number, revoked_at=None)
    if of is not None:
        rows = rows.filter(made_for=of)
    author = text_of(by, most=MAX_AUTHOR)
    return bool(rows.update(revoked_at=now, revoked_by=author))


def feed_used(feed: FeedToken, *, now: datetime) -> None:
    """Remember that a feed was read; calendars ask often, so not each time."""
    used_at = feed.last_used_at
    if used_at is None or now - used_at >= _USED_EVERY:
        FeedToken.objects.filter(pk=feed.pk).update(last_used_at=now)


def _call_off(row: Override | Absence, *, by: str, now: datetime) -> bool:
    """End a row now; one that has not begun never counts."""
    if row.cancelled_at is not None or row.ends_at <= now:
        return False
    has_begun = row.starts_at < now
    row.cancelled_by = text_of(by, most=MAX_AUTHOR)
    if has_begun:
        row.ends_at = now
    else:
        row.cancelled_at = now
    row.save(update_fields=["cancelled_by", "ends_at" if has_begun else "cancelled_at"])
    return True
