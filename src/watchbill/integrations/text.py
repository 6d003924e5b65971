"""Text from strangers, made safe to show before any channel escapes it.

Control characters, lone surrogates and the marks that reverse the direction of
writing become U+FFFD: they have no use in an alert, they can forge a line of a mail
or a terminal, and PostgreSQL refuses NUL. Joiners stay, because Burmese needs them.
What is too long ends in a visible ellipsis, never silently.

Here too is what all sources must do alike so that one rule of a plan fits them all:
the lengths of the parts of a signal, the few words for how bad it is, and the key by
which a source's own identifiers name a condition (S4.1-08).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from watchbill.core.labels import fingerprint

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"

TITLE: Final = 200
LABEL_NAME: Final = 200
LABEL: Final = 1_000
ANNOTATION: Final = 4_000
"""The longest of each part of a signal, in characters."""

SEVERITIES: Final = ("critical", "error", "warning", "info")
"""What the label ``severity`` says, unless the source itself speaks of P1 to P4."""

STATES: Final[Mapping[str, list[str]]] = {
    "resolved": [
        *("resolved", "resolve", "ok", "recovered", "recovery", "closed", "close"),
        *("up", "normal", "inactive", "success", "healthy", "cleared", "ended"),
    ],
    "acknowledged": ["acknowledged", "acknowledge", "acked", "ack"],
}
"""What tools call a condition that is over, and one that somebody has taken."""

_WORDS = {
    "critical": "critical fatal disaster emergency emerg alert crit p0 blocker down",
    "error": "error err high major severe",
    "warning": "warning warn medium minor moderate average",
    "info": "info information informational low debug notice trivial none",
    "P1": "p1",
    "P2": "p2",
    "P3": "p3",
    "P4": "p4 p5",
}
_SEVERITY_OF = {
    word: severity for severity, words in _WORDS.items() for word in words.split()
}
_SOUND_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,199}")

_DIRECTION = "\u202a-\u202e\u2066-\u2069"
_BAD = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_DIRECTION}]")
_SPACES = re.compile(r"\s+")

_URL_LENGTH = 2000
"""What browsers, mail programs and chat buttons are all known to accept."""


def printable(text: str) -> str:
    """Replace what cannot be shown; line feeds and tabs stay."""
    if text.isprintable():  # nearly all text, and ten times as fast as the pattern
        return text
    return _BAD.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return printable text on one line, with single spaces."""
    if text.isprintable() and "  " not in text:  # the only printable space is " "
        return text.strip(" ")
    return _SPACES.sub(" ", printable(text)).strip()


def shorten(text: str, limit: int) -> str:
    """Return at most ``limit`` characters; the last is an ellipsis if any are lost."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def web_url(text: str) -> str | None:
    """Return an http or https URL that is safe to link to, else None."""
    url = text.strip()
    if len(url) > _URL_LENGTH or _BAD.search(url) or _SPACES.search(url):
        return None
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # such as an unclosed bracket of an IPv6 address
        return None
    return url if is_web else None


def clean(pairs: Mapping[str, str], *, limit: int) -> dict[str, str]:
    """Return names and values made printable; what has no name is dropped."""
    shown = (
        (shorten(one_line(name), LABEL_NAME), shorten(printable(value), limit))
        for name, value in pairs.items()
    )
    return {name: value for name, value in shown if name}


def labels_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return labels on one line each; those without a value are left out."""
    lines = {name: one_line(text) for name, text in pairs.items()}
    told = {name: line for name, line in lines.items() if line}
    return clean(told, limit=LABEL)


def annotations_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return annotations; those without a value are left out."""
    told = {name: text for name, text in pairs.items() if text.strip()}
    return clean(told, limit=ANNOTATION)


def links_of(candidates: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return what can be linked to; of two links of a name the first holds."""
    links: dict[str, str] = {}
    for shows, text in candidates:
        if (url := web_url(text)) and (name := shorten(one_line(shows), LABEL_NAME)):
            links.setdefault(name, url)
    return links


def title_of(*lines: str) -> str:
    """Return the first line that says anything, as a title; empty for none."""
    shown = (one_line(line) for line in lines)
    return shorten(next((line for line in shown if line), ""), TITLE)


def severity_of(word: str) -> str:
    """Return a source's word for how bad it is in ours, or empty for an unknown one."""
    return _SEVERITY_OF.get(word.strip().lower(), "")


def slug(text: str) -> str:
    """Return a name as plans write them: ``Payment API`` is ``payment-api``."""
    return re.sub(r"[^a-z0-9]+", "-", one_line(text).lower()).strip("-")[:100]


def identity(*parts: str) -> str:
    """Return the key of a condition that a source names by these parts, in order.

    A single identifier stays readable; anything else becomes a digest.
    """
    if len(parts) == 1 and _SOUND_KEY.fullmatch(parts[0]):
        return parts[0]
    return fingerprint({str(index): part for index, part in enumerate(parts)})
