"""Secrets that we must be able to read again, such as a source's signing secret.

They are stored encrypted, so that a copy of the database gives nothing away without
the installation's secret key. The key of the seal is derived from that one by HKDF
(RFC 5869) with a purpose of its own: what is signed with the secret key elsewhere
says nothing about it. With another secret key a sealed text cannot be read any more;
that is said as `SealError`, and the secret has to be entered again.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"watchbill sealed secrets, 1"


class SealError(ValueError):
    """A sealed text was altered, or sealed with another secret key."""


def seal(text: str) -> str:
    """Return a text so that only an installation with our secret key can read it."""
    return _box(settings.SECRET_KEY).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Return what was sealed; `SealError` when our secret key does not open it."""
    try:
        return _box(settings.SECRET_KEY).decrypt(sealed.encode()).decode()
    except InvalidToken:
        message = (
            "a stored secret cannot be read with this WATCHBILL_SECRET_KEY;"
            " use the key it was stored with, or enter the secret again"
        )
        raise SealError(message) from None


@lru_cache(maxsize=4)
def _box(secret_key: str) -> Fernet:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return Fernet(base64.urlsafe_b64encode(kdf.derive(secret_key.encode())))
