"""Text from strangers, made safe to show before any channel escapes it.

Control characters, lone surrogates and the marks that reverse the direction of
writing become U+FFFD: they have no use in an alert, they can forge a line of a mail
or a terminal, and PostgreSQL refuses NUL. Joiners stay, because Burmese needs them.
What is too long ends in a visible ellipsis, never silently.
"""

import re
from urllib.parse import urlsplit

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "…"

_DIRECTION = "\u202a-\u202e\u2066-\u2069"
_BAD = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{_DIRECTION}]")
_SPACES = re.compile(r"\s+")

_URL_LENGTH = 2000
"""What browsers, mail programs and chat buttons are all known to accept."""


def printable(text: str) -> str:
    """Replace what cannot be shown; line feeds and tabs stay."""
    return _BAD.sub(REPLACEMENT, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return printable text on one line, with single spaces."""
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
