"""The fields of an alert of Opsgenie, read within its limits.

What is too long is cut and what is too much is left out; a field of a wrong type is
read as its text. Only what cannot mean anything is refused.
"""

import re
from collections.abc import Iterator
from typing import Any

from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_object, text_of
from watchbill.integrations.text import one_line, printable, shorten

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
HINT = "Send what docs.opsgenie.com/docs/alert-api documents."
TITLE, TEXT, NAME = 200, 15_000, 200

_DEFAULT_PRIORITY = "P3"
_LOWEST = "P4"
_LINE, _WORD, _ENTRIES, _DETAILS = 512, 200, 100, 8_000
_TAGS, _TAG, _RESPONDERS = 20, 50, 50
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")
_PROSE = frozenset({"description", "message", "note", "summary"})


def invalid(field: str, problem: str) -> PayloadError:
    """Return the refusal of a request because of one of its fields."""
    return PayloadError(where=field, problem=problem, hint=HINT)


def decode(body: bytes) -> dict[str, Any]:
    """Return the object that a body is, or raise `PayloadError` at ``$``."""
    try:
        return decode_object(body, hint=HINT)
    except PayloadError as error:
        raise PayloadError(where="$", problem=error.problem, hint=HINT) from None


def severity_of(priority: str) -> str:
    """Return the severity that a priority means: there is nothing below P4."""
    return min(priority, _LOWEST)


def priority_of(value: object) -> str:
    """Return a priority; P3 when none is given."""
    priority = text_of(value).strip().upper() or _DEFAULT_PRIORITY
    if priority not in PRIORITIES:
        raise invalid("priority", "Priority should be one of [P1, P2, P3, P4, P5].")
    return priority


def responders_of(value: object) -> Iterator[tuple[str, str]]:
    """Return kind and name of each responder that has a name."""
    for one in (value if isinstance(value, list) else [])[:_RESPONDERS]:
        if isinstance(one, dict):
            named = one.get("name") or one.get("username") or one.get("id")
            name = shorten(line(named), _TAG)
            if name:
                yield line(one.get("type"))[:20], name


def tags_of(value: object) -> list[str]:
    """Return tags given as a list, or with commas between them."""
    tags = value if isinstance(value, list) else text_of(value).split(",")
    shown = (shorten(line(one), _TAG) for one in tags[:_TAGS])
    return [one for one in shown if one]


def sorted_details(value: object) -> tuple[dict[str, str], dict[str, str]]:
    """Return details as labels and annotations, within 8,000 characters in all."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    left = _DETAILS
    for key, given in list(value.items() if isinstance(value, dict) else ())[:_ENTRIES]:
        name = shorten(one_line(key), NAME)
        text = printable(text_of(given)).strip()
        left -= len(name) + len(text)
        if left < 0:
            annotations["watchbill_truncated"] = "The details go on."
            break
        is_word = 0 < len(text) <= _WORD and "\n" not in text
        if is_word and name not in _PROSE and _LABEL.fullmatch(name):
            labels[name] = text
        elif text:
            annotations[name] = text
    return labels, annotations


def line(value: object) -> str:
    """Return a value as one line."""
    return shorten(one_line(text_of(value)), _LINE)
