"""What people read about their shifts: short, with the times of the schedule's zone.

Every sentence names the schedule as it stands now, so that nobody has to look up
whether an override was meant (S4.4-09).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from watchbill.core.coverage import DoubleDuty
from watchbill.core.messages import Link
from watchbill.core.oncall import Shift
from watchbill.core.people import Contact
from watchbill.core.temporal import Interval, describe
from watchbill.plan import Plan
from watchbill.server.engine.teller import Words
from watchbill.server.incidents.models import Incident
from watchbill.server.oncall.models import Override, Swap, SwapState

_NAMED = 10


def reminder(
    plan: Plan, shift: Shift, *, left: timedelta, trouble: tuple[str, ...]
) -> Words:
    """Return the reminder of a shift that is to begin, or has begun (S4.4-11)."""
    title = _title(plan, shift.schedule)
    when = _span(plan, shift.schedule, shift.during)
    instead = _label(plan, shift.instead_of) if shift.instead_of else ""
    is_ahead = left > timedelta(0)
    soon = f"in {describe(_rounded(left))}" if is_ahead else "from now on"
    return Words(
        subject=f"You are {shift.duty} of {title} {soon}",
        paragraphs=(
            f"Your shift as {shift.duty} of {title}: {when}.",
            *((f"You stand in for {instead}.",) if instead else ()),
            *(_doubt(trouble) if trouble else ()),
        ),
        links=_mine(),
    )


def unproven(plan: Plan, shift: Shift, trouble: tuple[str, ...]) -> Words:
    """Return what tells the holder of a shift that a page might not come."""
    title = _title(plan, shift.schedule)
    return Words(
        subject=f"A page might not reach you as {shift.duty} of {title}",
        paragraphs=(*_doubt(trouble),),
        links=_methods(),
    )


def unproven_other(
    plan: Plan, shift: Shift, about: Contact, trouble: tuple[str, ...]
) -> Words:
    """Return what tells the owners that a page might not reach somebody (S2.1-15)."""
    title = _title(plan, shift.schedule)
    when = _span(plan, shift.schedule, shift.during)
    return Words(
        subject=f"A page might not reach {about.label}, {shift.duty} of {title}",
        paragraphs=(
            f"{about.label} is {shift.duty} of {title} {when}.",
            f"There is doubt: {'; '.join(trouble)}.",
        ),
        links=_now(),
    )


def handover(
    plan: Plan,
    shift: Shift,
    comer: Contact,
    held: Sequence[Incident],
    *,
    at: datetime,
) -> Words:
    """Return what asks whoever leaves for a summary of what is open (S4.4-11)."""
    title = _title(plan, shift.schedule)
    wall = at.astimezone(_zone(plan, shift.schedule))
    lines = [f"#{one.pk} {_name(one)} ({one.status})" for one in held[:_NAMED]]
    if len(held) > _NAMED:
        lines.append(f"... and {len(held) - _NAMED} more")
    stays = (
        "These open incidents stay with you unless you both agree to hand them over:",
        "\n".join(lines),
    )
    return Words(
        subject=f"{comer.label} takes over {title} at {wall:%H:%M}: what is open?",
        paragraphs=(
            f"Please write a summary of what is open for {comer.label}.",
            *(stays if held else ("You hold no open incident.",)),
        ),
        links=_mine(),
    )


def put_in(plan: Plan, row: Override) -> Words:
    """Return what tells somebody that they were put in."""
    title, when = _title(plan, row.schedule_key), _span_of(plan, row)
    return Words(
        subject=f"You are {row.duty} of {title} {when}",
        paragraphs=(f"{row.made_by} put you in.", *_reason(row)),
        links=_mine(),
    )


def relieved(plan: Plan, row: Override, contact: Contact) -> Words:
    """Return what tells somebody that another one holds their stretch."""
    title, when = _title(plan, row.schedule_key), _span_of(plan, row)
    return Words(
        subject=f"{contact.label} is {row.duty} of {title} instead of you {when}",
        paragraphs=(f"{row.made_by} put {contact.label} in.", *_reason(row)),
        links=_mine(),
    )


def displaced(plan: Plan, shift: Shift) -> Words:
    """Return what tells somebody that a new version of the plan relieves them."""
    title = _title(plan, shift.schedule)
    who = _label(plan, shift.holder)
    return Words(
        subject=f"{who} is {shift.duty} of {title} instead of you from now on",
        paragraphs=("The plan was changed.",),
        links=_mine(),
    )


def asked(plan: Plan, row: Swap) -> Words:
    """Return what asks somebody to take a stretch."""
    who, title = _label(plan, row.asked_by), _title(plan, row.schedule_key)
    when = _span_of(plan, row)
    return Words(
        subject=f"{who} asks you to be {row.duty} of {title} {when}",
        paragraphs=(
            *(
                (f"{who} takes over {_return(plan, row)} in return.",)
                * _has_return(row)
            ),
            *((f"{who} writes: {row.message}",) if row.message else ()),
            "Nothing changes unless you accept. The request ends when the time begins.",
        ),
    )


def answered(plan: Plan, row: Swap) -> Words:
    """Return what tells the asker, or who was asked, what became of a request."""
    who = _label(plan, row.decided_by)
    duty = f"{row.duty} of {_title(plan, row.schedule_key)}"
    when = _span_of(plan, row)
    match SwapState(row.state):
        case SwapState.ACCEPTED:
            subject = f"{who} accepted: {who} is {duty} {when}"
        case SwapState.DECLINED:
            subject = f"{who} declined to be {duty} {when}"
        case SwapState.WITHDRAWN:
            asker = _label(plan, row.asked_by)
            subject = f"{asker} no longer asks you to be {duty} {when}"
        case SwapState.EXPIRED | SwapState.ASKED:
            subject = f"Nobody accepted to be {duty} {when}"
    stays = "You hold it yourself, as before."
    is_yours = row.state in {SwapState.DECLINED, SwapState.EXPIRED}
    back = f"You are {row.duty} {_return(plan, row)} in return."
    is_back = row.state == SwapState.ACCEPTED and _has_return(row)
    return Words(
        subject=subject,
        paragraphs=(*((stays,) * is_yours), *((back,) * is_back)),
        links=_mine(),
    )


def report(findings: tuple[str, ...]) -> Words:
    """Return what tells the owners what is wrong with the coming weeks (S4.4-08)."""
    shown = findings[:_NAMED]
    rest = len(findings) - len(shown)
    more = (f"... and {rest} more.",) if rest else ()
    count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
    return Words(
        subject=f"On call: {count} in the coming two weeks",
        paragraphs=("\n".join((*shown, *more)),),
        links=_now(),
    )


def gap(plan: Plan, one: Shift) -> str:
    """Return a gap as a sentence."""
    when = _span(plan, one.schedule, one.during)
    return f"Nobody is {one.duty} of {_title(plan, one.schedule)} {when}."


def double(plan: Plan, one: DoubleDuty) -> str:
    """Return as a sentence that somebody holds several duties at once."""
    when = _span(plan, one.posts[0][0], one.during)
    posts = ", ".join(f"{duty} of {_title(plan, key)}" for key, duty in one.posts)
    return f"{_label(plan, one.contact)} is {posts} at once {when}."


def absent(plan: Plan, one: Shift) -> str:
    """Return as a sentence that somebody who is put in is away."""
    when = _span(plan, one.schedule, one.during)
    who, title = _label(plan, one.holder), _title(plan, one.schedule)
    return f"{who} was put in as {one.duty} of {title} and is away {when}."


def _doubt(trouble: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"A page might not reach you: {'; '.join(trouble)}.",
        "Please verify your phone or send yourself a test page.",
    )


def _reason(row: Override) -> tuple[str, ...]:
    return (f"Reason: {row.reason}",) if row.reason else ()


def _name(incident: Incident) -> str:
    return "confidential incident" if incident.is_confidential else incident.title


def _has_return(row: Swap) -> bool:
    return row.return_starts_at is not None


def _return(plan: Plan, row: Swap) -> str:
    if row.return_starts_at is None or row.return_ends_at is None:
        return ""
    during = Interval(starts_at=row.return_starts_at, ends_at=row.return_ends_at)
    return _span(plan, row.schedule_key, during)


def _span_of(plan: Plan, row: Override | Swap) -> str:
    during = Interval(starts_at=row.starts_at, ends_at=row.ends_at)
    return _span(plan, row.schedule_key, during)


def _span(plan: Plan, schedule_key: str, during: Interval) -> str:
    zone = _zone(plan, schedule_key)
    starts, ends = during.starts_at.astimezone(zone), during.ends_at.astimezone(zone)
    return f"from {starts:%a %-d %b %H:%M} to {ends:%a %-d %b %H:%M} ({zone.key})"


def _zone(plan: Plan, schedule_key: str) -> ZoneInfo:
    return plan.schedules[schedule_key].zone


def _title(plan: Plan, schedule_key: str) -> str:
    return plan.schedules[schedule_key].title


def _label(plan: Plan, key: str | None) -> str:
    contact = plan.directory.contact(key) if key else None
    return contact.label if contact is not None else key or "nobody"


def _rounded(left: timedelta) -> timedelta:
    """To the minute upwards: the engine looks a moment after the full hour."""
    return timedelta(minutes=-(-left // timedelta(minutes=1)))


def _mine() -> tuple[Link, ...]:
    return (_link("My shifts", "oncall:mine"),)


def _now() -> tuple[Link, ...]:
    return (_link("Who is on call", "oncall:now"),)


def _methods() -> tuple[Link, ...]:
    return (_link("How I am told", "notifications:mine"),)


def _link(label: str, page: str) -> Link:
    return Link(label=label, url=settings.BASE_URL + reverse(page))
