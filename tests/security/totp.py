"""The codes of an authenticator app, computed as RFC 6238 says."""

import base64
import hmac
import struct
import time


def code(secret: str, *, steps: int = 0) -> str:
    """Return the six digits of now, or of so many half minutes later."""
    key = base64.b32decode(secret)
    counter = int(time.time()) // 30 + steps
    digest = hmac.digest(key, struct.pack(">Q", counter), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
