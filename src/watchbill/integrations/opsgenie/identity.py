"""How an alert of Opsgenie is named: by alias, by id and by tiny id.

A later call names an alert in one of three ways, and what it means must be known from
the call alone, before anything is looked up. So there is one name, a UUID, and the
three are spellings of it: it is the *id*, it is made of the *alias* (version 5, or the
alias itself when that is a UUID), and as one decimal number it is the *tiny id*. It is
the fingerprint of the alert. An alert that fires again after its end has the same id,
where Opsgenie would draw another; whoever asks for it gets the latest episode.

An identifier that is no UUID is taken for an alias although the call does not say so:
Opsgenie would look for an id that cannot exist, and the alert would stay as it is.
"""

import hashlib
from contextlib import suppress
from uuid import UUID, uuid5

from watchbill.integrations.text import one_line

ALIAS_LENGTH = 512

_NAMESPACE = UUID("5cb9cd38-8f5a-4c1f-9a3c-2f1d6c3f4b0e")


def of_alias(alias: str) -> str:
    """Return the id of the alert with this alias."""
    known = _uuid(alias)
    if known is not None:
        return known
    # The digest of UUIDs takes no lone surrogates.
    raw = alias.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return str(uuid5(_NAMESPACE, raw))


def of_body(body: bytes) -> str:
    """Return the id of an alert without an alias, which is then its alias too."""
    return str(uuid5(_NAMESPACE, f"body {hashlib.sha256(body).hexdigest()}"))


def of_identifier(identifier: str, kind: str) -> str:
    """Return the id that an identifier of a kind (id, tiny or alias) names."""
    if kind == "tiny" and identifier.isascii() and identifier.isdigit():
        with suppress(ValueError):  # more digits than a UUID can have
            return str(UUID(int=int(identifier[:50])))
    return of_alias(identifier)


def tiny(identifier: str) -> str:
    """Return the tiny id of an id."""
    return str(UUID(identifier).int)


def readable(alias: str) -> str:
    """Return an alias as it is shown, within Opsgenie's length."""
    return one_line(alias)[:ALIAS_LENGTH]


def _uuid(text: str) -> str | None:
    """A UUID in its usual spelling, else None."""
    with suppress(ValueError):
        if str(UUID(text)) == text.lower():
            return text.lower()
    return None
