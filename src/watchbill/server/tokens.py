"""Secret tokens: made from 256 random bits, stored only as their digest.

A fast hash is right here, unlike for passwords: nobody can try 2**256 tokens.
"""

import base64
import hashlib
import secrets


def make(prefix: str) -> str:
    """Return a new token; the prefix says to people and scanners what it is."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def make_short() -> str:
    """Return a token of 32 characters, for clients that insist on that length.

    It is 155 random bits in base 32. It begins with a digit, because PagerDuty refuses
    keys in "R" for changes.
    """
    text = base64.b32encode(secrets.token_bytes(20)).decode("ascii").lower()
    return f"{secrets.choice('23456789')}{text[1:]}"


def digest(token: str) -> str:
    """Return what is stored of a token, and looked up by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
