"""The search language of Opsgenie's lists, as far as it is understood.

Terms are ``field: value`` or a word that the message contains, and all of them must
hold; ``AND`` may stand between them. Values with spaces are in double quotes. Anything
else that Opsgenie knows (``OR``, ``NOT``, ``>``, parentheses, other fields) is refused:
a search that leaves out a condition would return alerts that nobody asked for.

An alert is *open* while it fires and nobody has resolved its incident.
"""

import re
from collections.abc import Callable, Mapping

from django.db.models import Q

from watchbill.core.alerts import AlertStatus
from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.integrations.opsgenie import identity

_TERM = re.compile(r'\s*(?:(?P<field>\w+)\s*:\s*)?(?P<value>"[^"]*"|[^\s:"()<>]+)')
_LENGTH, _TERMS = 1_000, 20

_IS_OPEN = Q(status=AlertStatus.FIRING) & (
    Q(incident=None) | Q(incident__status__in=sorted(OPEN_STATUSES))
)
_IS_TAKEN = Q(incident__isnull=False) & ~Q(incident__status=IncidentStatus.TRIGGERED)


class QueryError(ValueError):
    """A search that is not understood, and why."""


def read_query(text: str) -> Q:
    """Return the condition that a search means, or raise `QueryError`."""
    if len(text) > _LENGTH:
        raise QueryError(f"a search has at most {_LENGTH} characters")
    condition, rest, terms = Q(), text.strip(), 0
    while rest:
        found = _TERM.match(rest)
        terms += 1
        if found is None or terms > _TERMS:
            raise QueryError(f'cannot read the search at "{rest[:40]}"')
        rest = rest[found.end() :].strip()
        value = found["value"].strip('"')
        if found["field"] is None and found["value"].upper() in {"OR", "NOT"}:
            raise QueryError(f"{found['value']} is not supported: send two requests")
        if found["field"] is not None or found["value"].upper() != "AND":
            condition &= _condition(found["field"] or "message", value)
    return condition


def _condition(field: str, value: str) -> Q:
    make = _FIELDS.get(field.lower())
    if make is None:
        known = ", ".join(_FIELDS)
        raise QueryError(f"cannot search by {field[:40]}: use {known}")
    return make(value)


def _status(value: str) -> Q:
    match value.lower():
        case "open":
            return _IS_OPEN
        case "closed":
            return ~_IS_OPEN
    raise QueryError("status is open or closed")


def _acknowledged(value: str) -> Q:
    match value.lower():
        case "true":
            return _IS_TAKEN
        case "false":
            return ~_IS_TAKEN
    raise QueryError("acknowledged is true or false")


_FIELDS: Mapping[str, Callable[[str], Q]] = {
    "status": _status,
    "message": lambda value: Q(title__icontains=value),
    "alias": lambda value: Q(fingerprint=identity.of_alias(value)),
    "priority": lambda value: Q(labels__priority=value.upper()),
    "acknowledged": _acknowledged,
    "entity": lambda value: Q(labels__entity=value),
    "source": lambda value: Q(labels__source=value),
}
