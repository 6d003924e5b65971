"""The emergency contact tree on paper and in text messages (S2.2-06).

When watchbill or the internet is down, the tree must be at hand: as plain text to
print, and as SMS to keep on a phone. It is made from the ladder of the worst
severity, so that it cannot differ from what the engine does (A1); the contacts of
an alert's route are not in it, because the tree holds for every incident. Beside it the
card says who is on call now and in the coming weeks, and everybody by level, with the
languages they speak. Whoever has a roster with overrides and absences gives it, and the
card says what the pager would do; without one it is the plan's own.

An SMS carries 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038); a single
Burmese letter would cut it to 70. A name that the alphabet does not have is
therefore replaced by the title of the role.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.core.ladder import ExpertTarget, Step, Target, TurnTarget
from watchbill.core.oncall import Duty, Schedule, resolve, together
from watchbill.core.people import Contact, unique
from watchbill.core.roster import Roster
from watchbill.core.temporal import Interval, describe
from watchbill.plan.model import Plan
from watchbill.plan.simulate import methods
from watchbill.plan.width import display_width, pad

SMS_LENGTH = 160

_WEEKS_AHEAD = 4

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENDED = frozenset("^{}\\[~]|€")
"""Characters of the extension table; each takes the room of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the tree and everybody it means at an instant."""

    step: Step
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A stretch of a schedule in which the same people are on call."""

    during: Interval
    primary: Contact | None
    secondary: Contact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSchedule:
    """A schedule on the card: now, and in the coming weeks."""

    schedule: Schedule
    #: The first one is now.
    watches: tuple[Watch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLevel:
    """Everybody of a level of support."""

    key: str
    title: str
    contacts: tuple[Contact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that the card says, for whoever sets it on paper."""

    #: Such as ``TRM Referral Platform: emergency contact tree (P1 Critical)``.
    title: str
    #: Of which plan and instant it is, and how it is used.
    note: str
    rungs: tuple[Rung, ...]
    schedules: tuple[CardSchedule, ...]
    levels: tuple[CardLevel, ...]


def contact_card(plan: Plan, *, at: datetime, roster: Roster | None = None) -> Card:
    """Return the contact card of an instant.

    A ``roster`` that knows overrides and absences takes the place of the plan's own.
    """
    worst = plan.severities[0]
    local = at.astimezone(plan.meta.zone)
    known = roster or plan.roster()
    return Card(
        title=f"{plan.meta.product}: emergency contact tree"
        f" ({worst.key} {worst.title})",
        note=f"Plan {plan.meta.version}, as of {local:%Y-%m-%d %H:%M}"
        f" {plan.meta.zone.key}. Call in this order; do not wait for an answer.",
        rungs=contact_tree(plan, at=at, roster=known),
        schedules=tuple(
            _schedule(one, known, at=at) for one in known.schedules.values()
        ),
        levels=tuple(
            CardLevel(key=one.key, title=one.title, contacts=people)
            for one in plan.levels
            if (people := known.directory.at_level(one.key))
        ),
    )


def contact_tree(
    plan: Plan, *, at: datetime, roster: Roster | None = None
) -> tuple[Rung, ...]:
    """Return the contacts of the worst severity's ladder, as of an instant.

    "By category" means everybody of the level, and "one of them in turn" all of them:
    on paper, people choose.
    """
    worst = plan.severities[0]
    known = roster or plan.roster()
    rungs = []
    for step in plan.steps.get(worst.key, ()):
        if step.contacts_people:
            people = (
                contact
                for target in step.targets
                for contact in _people(known, target, at=at)
            )
            rungs.append(Rung(step=step, contacts=unique(people)))
    return tuple(rungs)


def _people(roster: Roster, target: Target, *, at: datetime) -> tuple[Contact, ...]:
    match target:
        case ExpertTarget(level=level):
            return roster.directory.at_level(level)
        case TurnTarget(role=role):
            return roster.directory.holders(role)
        case _:
            return roster.people(target, category=None, at=at)


def _schedule(schedule: Schedule, roster: Roster, *, at: datetime) -> CardSchedule:
    """The stretches from now on in which the same two stand."""
    shifts = resolve(
        schedule,
        during=Interval(starts_at=at, ends_at=at + timedelta(weeks=_WEEKS_AHEAD)),
        overrides=roster.overrides,
        absences=roster.absences,
    )
    known = roster.directory.contact
    watches = tuple(
        Watch(
            during=during,
            primary=known(primary) if primary else None,
            secondary=known(secondary) if secondary else None,
        )
        for during, (primary, secondary) in together(
            [one for one in shifts if one.duty is Duty.PRIMARY],
            [one for one in shifts if one.duty is Duty.SECONDARY],
        )
    )
    return CardSchedule(schedule=schedule, watches=watches)


def render_tree(plan: Plan, *, at: datetime, roster: Roster | None = None) -> str:
    """Return the card as plain text to print, with the on-call weeks to come."""
    card = contact_card(plan, at=at, roster=roster)
    blocks = [
        f"{card.title}\n{card.note}",
        *(_block(rung) for rung in card.rungs),
        *(_weeks(one) for one in card.schedules),
        *(_level(one) for one in card.levels),
    ]
    return "\n\n".join(blocks) + "\n"


def _block(rung: Rung) -> str:
    title = f"{elapsed(rung)}: {rung.step.title}"
    rows = [(named(one), reached_by(one)) for one in rung.contacts]
    return "\n".join([title, *_table(rows)])


def _level(level: CardLevel) -> str:
    rows = [(named(one), f"{reached_by(one)}{_speaks(one)}") for one in level.contacts]
    return "\n".join([f"{level.key} {level.title}", *_table(rows)])


def _table(rows: list[tuple[str, str]]) -> list[str]:
    width = max((display_width(name) for name, _ in rows), default=0)
    return [f"  {pad(name, width)}  {how}" for name, how in rows]


def reached_by(contact: Contact) -> str:
    """Return how a contact is reached, the most direct way first."""
    return ", ".join(methods(contact)) or "not filled in"


def _speaks(contact: Contact) -> str:
    return f"; speaks {', '.join(contact.languages)}" if contact.languages else ""


def elapsed(rung: Rung) -> str:
    """Return how long after the declaration a step is done."""
    return describe(rung.step.after) if rung.step.after else "0 min"


def named(contact: Contact | None) -> str:
    """Return the name of a contact with the title; nobody without one."""
    if contact is None:
        return "nobody"
    return f"{contact.name} ({contact.title})" if contact.name else contact.title


def _weeks(card: CardSchedule) -> str:
    now = card.watches[0]
    rows = [
        f"{card.schedule.title}: on call now {both(now)}",
        "On call in the coming weeks",
    ]
    for one in card.watches:
        start = one.during.starts_at.astimezone(card.schedule.zone)
        rows.append(f"  from {start:%a %d %b %H:%M}  {both(one)}")
    return "\n".join(rows)


def both(watch: Watch) -> str:
    """Return the names of primary and secondary."""
    return f"{named(watch.primary)} / {named(watch.secondary)}"


def render_sms(
    plan: Plan, *, at: datetime, roster: Roster | None = None
) -> tuple[str, ...]:
    """Return the tree as text messages of at most 160 GSM 7-bit characters.

    Each message stands alone: it is numbered, and no line is cut in two.
    """
    worst = plan.severities[0]
    rungs = contact_tree(plan, at=at, roster=roster)
    lines = [line for rung in rungs for line in _sms_lines(rung)]
    parts = _packed(lines)
    head = _cut_to(_gsm7(f"{worst.key} {plan.meta.version}", worst.key), 12)
    return tuple(
        f"{head} {number}/{len(parts)}\n{part}"
        for number, part in enumerate(parts, start=1)
    )


_HEAD_LENGTH = 20
"""Room kept in each message for its heading, such as ``P1 1.0 3/12``."""


def _sms_lines(rung: Rung) -> list[str]:
    after = elapsed(rung).replace(" ", "")
    lines = []
    for one in rung.contacts:
        method = next((found.split(" ", 1)[1] for found in methods(one)), "-")
        name = _gsm7(one.label, _gsm7(one.title, one.key))
        room = SMS_LENGTH - _HEAD_LENGTH - len(after) - 2
        lines.append(f"{after} {_shortened(name, method, room)}")
    return lines


def _shortened(name: str, method: str, room: int) -> str:
    """A name and how to reach it; a number is never cut, a name may be."""
    method = _gsm7(method, "-")
    if gsm7_length(method) > room - 10:
        method = "-"
    return f"{_cut_to(name, room - gsm7_length(method) - 1)} {method}"


def _cut_to(text: str, length: int) -> str:
    while gsm7_length(text) > length:
        text = text[:-1]
    return text


def _packed(lines: list[str]) -> list[str]:
    parts: list[str] = []
    for line in lines:
        joined = f"{parts[-1]}\n{line}" if parts else line
        if parts and gsm7_length(joined) <= SMS_LENGTH - _HEAD_LENGTH - 1:
            parts[-1] = joined
        else:
            parts.append(line)
    return parts


def gsm7_length(text: str) -> int:
    """Return how much of an SMS the text fills; ValueError for other alphabets."""
    length = 0
    for char in text:
        if char not in _GSM7 and char not in _GSM7_EXTENDED:
            message = f"{char!r} is not in the GSM 7-bit alphabet"
            raise ValueError(message)
        length += 2 if char in _GSM7_EXTENDED else 1
    return length


def _gsm7(text: str, otherwise: str) -> str:
    """The text if an SMS can carry it, else what to say instead."""
    fits = all(char in _GSM7 or char in _GSM7_EXTENDED for char in text)
    return text if fits and text else otherwise
