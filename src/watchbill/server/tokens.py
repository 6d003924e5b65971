"""Secret tokens: made from 256 random bits, stored only as their digest.

A fast hash is right here, unlike for passwords: nobody can try 2**256 tokens.
"""

import hashlib
import secrets


def make(prefix: str) -> str:
    """Return a new token; the prefix says to people and scanners what it is."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(token: str) -> str:
    """Return what is stored of a token, and looked up by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
