"""Links that work without signing in, bound to one notification.

The token is the notification's number and a signature over it; so it names one
recipient and one incident, is never stored, and is the same on each attempt. It
works for a day of the plan's time. Opening it changes nothing: mail scanners open
links (reliability study 5.3); acting takes a POST.
"""

from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

LIFETIME = timedelta(hours=24)

_signer = Signer(sep=".", salt="watchbill.notification")


def url_of(notification_id: int, *, page: str = "incidents:signed") -> str:
    """Return the absolute URL of a notification's page."""
    before, after = _route(page)
    token = _signer.sign(str(notification_id))
    return f"{settings.BASE_URL}{before}{token}{after}"


@lru_cache(maxsize=8)
def _route(page: str) -> tuple[str, str]:
    """What stands before and after the token; tokens are safe in a path as they are."""
    before, _, after = reverse(page, args=["TOKEN"]).partition("TOKEN")
    return before, after


def number_of(token: str) -> int | None:
    """Return the notification that a token names; None if it was not made by us."""
    try:
        return int(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None


_LONGEST = 40
_SHORT_SALT = "watchbill.notification.short"


def short_token(notification_id: int) -> str:
    """Return a token for buttons, which some channels keep to 64 bytes.

    96 bits of a signature are more than anybody can try out against a rate limit; it
    works as long as the link does, and only for its recipient.
    """
    return f"{notification_id:x}.{_mac(str(notification_id))[:16]}"


def number_of_short(token: str) -> int | None:
    """Return the notification that a short token names; None if we did not make it."""
    number, _, mac = token.partition(".")
    if len(token) > _LONGEST:
        return None
    try:
        found = int(number, 16)
    except ValueError:
        return None
    expected = _mac(str(found))[:16]
    return found if constant_time_compare(mac, expected) else None


def reply_code(notification_id: int) -> str:
    """Return the four digits by which a text message names a notification.

    They tell apart what was sent to one number; that it comes from this number is
    what makes an answer count.
    """
    digest = salted_hmac(_SHORT_SALT, f"code/{notification_id}").digest()
    return f"{int.from_bytes(digest[:4], 'big') % 10_000:04}"


def _mac(text: str) -> str:
    digest = salted_hmac(_SHORT_SALT, text, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).decode()
