"""Showing that an address is known without showing it (S2.1-16)."""

import re

_PERSON = re.compile(r"[UW][A-Z0-9]{2,30}|-?[0-9]{1,20}")
"""A member of Slack, or a chat of Telegram, which may be with one person."""


def mask(address: str) -> str:
    """Return an address with its middle left out.

    A browser's holds the keys by which it is reached and is left out as a whole.
    Names of channels such as ``#incidents`` are public and returned as they are.
    """
    if address.lstrip().startswith("{"):
        return "a browser"
    name, at, domain = address.partition("@")
    if at:
        return f"{name[:2]}…@{domain}"
    if address.startswith("+") and len(address) > 6:
        return f"{address[:3]}…{address[-3:]}"
    if _PERSON.fullmatch(address):
        return f"{address[:2]}…{address[-2:]}" if len(address) > 4 else "…"
    return address
