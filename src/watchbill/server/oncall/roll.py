"""The people of the plan, as the list and the page of one person show them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from watchbill.core import paging
from watchbill.core.people import Contact
from watchbill.plan import Plan
from watchbill.server.people import queries as people
from watchbill.server.web.masking import mask

LANGUAGES = {"en": "English", "my": "မြန်မာ (Burmese)"}


def found(plan: Plan, *, text: str, level: str, role: str, group: str) -> list[Contact]:
    """Return the contacts that a search asks for, in the plan's order."""
    directory = plan.directory
    members = (
        {one.key for one in directory.holders(group)}
        if group in directory.groups
        else None
    )
    wanted = text.casefold().split()
    return [
        one
        for one in directory.contacts
        if (not level or one.level == level)
        and (not role or role in one.roles)
        and (members is None or one.key in members)
        and all(word in _searched(one) for word in wanted)
    ]


def row(
    plan: Plan, contact: Contact, on_duty: Mapping[str, list[str]], *, full: bool
) -> dict[str, Any]:
    """Return a contact as a line of the list."""
    return {
        "key": contact.key,
        "name": contact.label,
        "title": contact.title if contact.title != contact.label else "",
        "level": contact.level,
        "shift": contact.shift or "",
        "url": reverse("oncall:person", args=[contact.key]),
        "on_duty": on_duty.get(contact.key, []),
        "expertise": sorted(contact.expertise),
        "phone": shown(contact.phone, full=full),
        "phone_url": f"tel:{contact.phone}" if full and contact.phone else "",
        "email": shown(contact.email, full=full),
        "is_placeholder": contact.is_placeholder,
        "missing": missing(contact),
    }


def missing(contact: Contact) -> list[str]:
    """Return what the plan has not filled in yet (S2.1-14)."""
    values = {"name": contact.name, "phone": contact.phone, "e-mail": contact.email}
    return [name for name, value in values.items() if not value]


def shown(address: str | None, *, full: bool) -> str:
    """Return an address in full or masked; empty when there is none (S2.1-16)."""
    if not address:
        return ""
    return address if full else mask(address)


def facts(plan: Plan, contact: Contact) -> dict[str, Any]:
    """Return what the plan says of somebody."""
    groups = [
        name
        for name in plan.directory.groups
        if any(one.key == contact.key for one in plan.directory.holders(name))
    ]
    return {
        "level": plan.level(contact.level).title if contact.level else "",
        "level_key": contact.level,
        "roles": list(contact.roles),
        "groups": groups,
        "expertise": sorted(contact.expertise),
        "languages": [LANGUAGES.get(one, one) for one in contact.languages],
        "shift": contact.shift or "",
    }


def methods(contact: Contact, *, full: bool, at: datetime) -> list[dict[str, Any]]:
    """Return how somebody is reached, and whether that was ever proven (S2.1-15)."""
    known = {(one.kind, one.address): one for one in people.methods_listed(contact.key)}
    planned = [(one.kind.value, one.address) for one in paging.plan_methods(contact)]
    places = list(dict.fromkeys([*planned, *known]))
    return [
        {
            "kind": kind,
            "address": shown(address, full=full),
            "is_of_plan": (kind, address) in planned,
            "verified_at": line.verified_at if line else None,
            "trouble": people.why_unusable(
                line, at=at, is_planned=(kind, address) in planned
            )
            if line
            else "",
        }
        for kind, address in places
        for line in [known.get((kind, address))]
    ]


def _searched(contact: Contact) -> str:
    """Everything about somebody that a search may ask for, but no address."""
    parts = (contact.key, contact.name or "", contact.title, *contact.roles)
    return " ".join((*parts, *sorted(contact.expertise))).casefold()
