"""From a calendar's events to overrides and absences.

Whose event it is, its participants' e-mail addresses say, else a name in its summary;
where that is nobody or several people, the event is skipped. Whether somebody is away
or takes the watch over, the calendar says itself, or a word such as *leave* does.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from watchbill.core.people import Contact, Directory
from watchbill.core.temporal import Interval
from watchbill.migrate.calendar import Occurrence
from watchbill.migrate.report import Entry, Outcome


class Meaning(StrEnum):
    """What an event of a calendar means for the watch."""

    OVERRIDE = "override"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """An event that concerns a contact."""

    meaning: Meaning
    contact: str
    during: Interval
    summary: str
    uid: str


_AWAY = re.compile(
    r"\b(away|absen[ct]e?|leave|vacation|holidays?|pto|ooo|out of office|sick|ill)\b"
    r"|ခွင့်",
    re.IGNORECASE,
)


def assigned(
    occurrences: Iterable[Occurrence],
    directory: Directory,
    *,
    meaning: Meaning | None = None,
) -> tuple[tuple[Assigned, ...], tuple[Entry, ...]]:
    """Return what the events mean, and of each whether it is taken and why not.

    Without a ``meaning`` each event is asked for its own.
    """
    found: list[Assigned] = []
    entries: list[Entry] = []
    for one in occurrences:
        people = _people(one, directory)
        name = f"{one.summary or one.uid} ({_span(one.during)})"
        if len(people) != 1:
            names = " and ".join(person.label for person in people)
            because = (
                f"it names {names}; one person holds a duty"
                if people
                else "it names no contact of the plan, by e-mail address or by name"
            )
            entries.append(_entry(Outcome.DROPPED, name, because))
            continue
        (person,) = people
        is_away = one.is_away or bool(_AWAY.search(one.summary))
        means = meaning or (Meaning.ABSENCE if is_away else Meaning.OVERRIDE)
        found.append(
            Assigned(
                meaning=means,
                contact=person.key,
                during=one.during,
                summary=one.summary,
                uid=one.uid,
            )
        )
        entries.append(_entry(Outcome.TAKEN, name, f"{means} of {person.label}"))
    return tuple(found), tuple(entries)


def _entry(outcome: Outcome, name: str, because: str) -> Entry:
    return Entry(outcome=outcome, kind="event", name=name, because=because)


def _people(one: Occurrence, directory: Directory) -> tuple[Contact, ...]:
    by_email = {
        contact.key: contact
        for email in one.emails
        for contact in directory.contacts
        if contact.email and contact.email.lower() == email
    }
    return tuple(by_email.values()) or tuple(_named(one.summary, directory))


def _named(summary: str, directory: Directory) -> Iterator[Contact]:
    """Who is named; of names that contain each other, the longest."""
    text = summary.casefold()
    found = [
        (contact, name.casefold())
        for contact in directory.contacts
        for name in dict.fromkeys((contact.name, contact.email, contact.key))
        if name and _has_word(text, name.casefold())
    ]
    seen: set[str] = set()
    for contact, name in found:
        is_part = any(name != other and name in other for _, other in found)
        if not is_part and contact.key not in seen:
            seen.add(contact.key)
            yield contact


def _has_word(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _span(during: Interval) -> str:
    return f"{during.starts_at:%Y-%m-%d %H:%M} to {during.ends_at:%Y-%m-%d %H:%M} UTC"
