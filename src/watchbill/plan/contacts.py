"""The emergency contact tree on paper and in text messages (S2.2-06).

When watchbill or the internet is down, the tree must be at hand: as plain text to
print, and as SMS to keep on a phone. It is made from the ladder of the worst
severity, so that it cannot differ from what the engine does (A1); the contacts of
an alert's route are not in it, because the tree holds for every incident.

An SMS carries 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038); a single
Burmese letter would cut it to 70. A name that the alphabet does not have is
therefore replaced by the title of the role.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.core.ladder import ExpertTarget, Step, Target
from watchbill.core.oncall import shifts
from watchbill.core.people import Contact
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


def contact_tree(plan: Plan, *, at: datetime) -> tuple[Rung, ...]:
    """Return the contacts of the worst severity's ladder, as of an instant.

    "By category" means everybody of the level: on paper, people choose.
    """
    worst = plan.severities[0]
    rungs = []
    for step in plan.steps.get(worst.key, ()):
        if step.contacts_people:
            people = (
                contact
                for target in step.targets
                for contact in _people(plan, target, at=at)
            )
            unique = tuple({one.key: one for one in people}.values())
            rungs.append(Rung(step=step, contacts=unique))
    return tuple(rungs)


def _people(plan: Plan, target: Target, *, at: datetime) -> tuple[Contact, ...]:
    if isinstance(target, ExpertTarget):
        return plan.directory.at_level(target.level)
    return plan.roster().people(target, category=None, at=at)


def render_tree(plan: Plan, *, at: datetime) -> str:
    """Return the tree as plain text to print, with the on-call weeks to come."""
    worst = plan.severities[0]
    local = at.astimezone(plan.meta.zone)
    head = [
        f"{plan.meta.product}: emergency contact tree ({worst.key} {worst.title})",
        f"Plan {plan.meta.version}, as of {local:%Y-%m-%d %H:%M} {plan.meta.zone.key}."
        " Call in this order; do not wait for an answer.",
    ]
    blocks = [_block(rung) for rung in contact_tree(plan, at=at)]
    return "\n\n".join(["\n".join(head), *blocks, _weeks(plan, at=at)]) + "\n"


def _block(rung: Rung) -> str:
    title = f"{_elapsed(rung)}: {rung.step.title}"
    names = [_named(one) for one in rung.contacts]
    width = max((display_width(name) for name in names), default=0)
    rows = [
        f"  {pad(name, width)}  {', '.join(methods(one)) or 'not filled in'}"
        for name, one in zip(names, rung.contacts, strict=True)
    ]
    return "\n".join([title, *rows])


def _elapsed(rung: Rung) -> str:
    return describe(rung.step.after) if rung.step.after else "0 min"


def _named(contact: Contact) -> str:
    return f"{contact.name} ({contact.title})" if contact.name else contact.title


def _weeks(plan: Plan, *, at: datetime) -> str:
    rows = ["On call in the coming weeks"]
    during = Interval(starts_at=at, ends_at=at + timedelta(weeks=_WEEKS_AHEAD))
    for rotation in plan.rotations.values():
        for shift in shifts(rotation, during=during):
            start = shift.during.starts_at.astimezone(rotation.zone)
            holders = (shift.primary, shift.secondary)
            names = " / ".join(_label(plan, key) for key in holders)
            rows.append(f"  from {start:%a %d %b %H:%M}  {names}")
    return "\n".join(rows)


def _label(plan: Plan, key: str | None) -> str:
    contact = plan.directory.contact(key) if key is not None else None
    return _named(contact) if contact is not None else "nobody"


def render_sms(plan: Plan, *, at: datetime) -> tuple[str, ...]:
    """Return the tree as text messages of at most 160 GSM 7-bit characters.

    Each message stands alone: it is numbered, and no line is cut in two.
    """
    worst = plan.severities[0]
    lines = [line for rung in contact_tree(plan, at=at) for line in _sms_lines(rung)]
    parts = _packed(lines)
    head = _cut_to(_gsm7(f"{worst.key} {plan.meta.version}", worst.key), 12)
    return tuple(
        f"{head} {number}/{len(parts)}\n{part}"
        for number, part in enumerate(parts, start=1)
    )


_HEAD_LENGTH = 20
"""Room kept in each message for its heading, such as ``P1 1.0 3/12``."""


def _sms_lines(rung: Rung) -> list[str]:
    after = _elapsed(rung).replace(" ", "")
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
