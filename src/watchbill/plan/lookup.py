"""Lookup: what people call somebody, and whom of the plan they mean.

A story, a command line and an explanation name people as people do: ``Technical
Lead``, ``technical_lead``, ``L3``. A contact's key is understood first, then the
title and the name, then roles, aliases, groups and levels. The title is the best
way to write it down, because it stays when the person changes (S2.1-12).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from watchbill.core.people import Contact
from watchbill.core.routing import Route
from watchbill.core.temporal import at_wall
from watchbill.plan.model import Plan
from watchbill.plan.validate import did_you_mean
from watchbill.plan.values import UnreadableError, parse_date, parse_wall_time


class UnknownNameError(LookupError):
    """A word that names nothing of the plan; the hint says what it may mean."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}".rstrip()


def find_people(plan: Plan, word: str) -> tuple[Contact, ...]:
    """Return whom a word means: a person, everybody of a title, or a group.

    Raises UnknownNameError.
    """
    directory = plan.directory
    contact = directory.contact(word)
    if contact is not None:
        return (contact,)
    said = _plain(word)
    for names in ({one.key: one.title for one in directory.contacts}, _names(plan)):
        found = tuple(
            one for one in directory.contacts if _plain(names[one.key]) == said
        )
        if found:
            return found
    for name in (word, _slug(word)):
        if directory.knows(name):
            return directory.holders(name)
    message = f'"{word}" is nobody in the plan'
    known = [*(name_of(plan, one) for one in directory.contacts), *directory.groups]
    raise UnknownNameError(message, did_you_mean(word, [*known, *directory.aliases]))


def find_contact(plan: Plan, word: str) -> Contact:
    """Return the one person whom a word means; raises UnknownNameError."""
    found = find_people(plan, word)
    if len(found) == 1:
        return found[0]
    message = f'"{word}" means {len(found)} people'
    raise UnknownNameError(message, f"Write one of {_list(one.key for one in found)}.")


def find_route(plan: Plan, word: str) -> Route:
    """Return the route of a key, a title or a category; raises UnknownNameError."""
    routes = plan.routing.routes
    said = _plain(word)
    for route in routes:
        if route.key == word:
            return route
    for route in routes:
        if said in {_plain(route.title), _plain(route.category or "")}:
            return route
    message = f'the plan has no route or category "{word}"'
    known = dict.fromkeys(
        name for route in routes for name in (route.key, route.category) if name
    )
    raise UnknownNameError(message, did_you_mean(word, list(known)))


def find_category(plan: Plan, word: str) -> tuple[str | None, str | None]:
    """Return the route and the category that a word means, None for "as it is".

    A specialty that no route has, such as ``ml``, chooses the expert only.
    """
    try:
        route = find_route(plan, word)
    except UnknownNameError:
        special = {skill for one in plan.directory.contacts for skill in one.expertise}
        if word in special:
            return None, word
        raise
    return route.key, route.category


def find_severity(plan: Plan, word: str) -> str:
    """Return the key of a severity given by key or title; raises UnknownNameError."""
    for severity in plan.severities:
        if word == severity.key or _plain(word) == _plain(severity.title):
            return severity.key
    known = [severity.key for severity in plan.severities]
    message = f'the plan has no severity "{word}"'
    raise UnknownNameError(message, did_you_mean(word, known))


def name_of(plan: Plan, contact: Contact) -> str:
    """Return what to call a contact in writing: the title if nobody shares it."""
    titles = Counter(_plain(one.title) for one in plan.directory.contacts)
    unique = contact.title and titles[_plain(contact.title)] == 1
    return contact.title if unique else contact.key


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """Return the instant of ``2026-02-08 02:30`` in a zone; raises UnreadableError."""
    day, _, wall = text.strip().replace("T", " ").partition(" ")
    if not wall:
        message = f'"{text}" is not a day and a time'
        raise UnreadableError(message, "Write 2026-02-08 02:30.")
    return at_wall(parse_date(day), parse_wall_time(wall.strip()), zone)


def _names(plan: Plan) -> dict[str, str]:
    return {one.key: one.name or one.key for one in plan.directory.contacts}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _slug(text: str) -> str:
    return _plain(text).replace(" ", "_")


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
