"""Links that work without signing in, bound to one notification.

The token is the notification's number and a signature over it; so it names one
recipient and one incident, is never stored, and is the same on each attempt. It
works for a day of the plan's time. Opening it changes nothing: mail scanners open
links (reliability study 5.3); acting takes a POST.
"""

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

LIFETIME = timedelta(hours=24)

_signer = Signer(sep=".", salt="watchbill.notification")


def url_of(notification_id: int) -> str:
    """Return the absolute URL of a notification's page."""
    token = _signer.sign(str(notification_id))
    return settings.BASE_URL + reverse("incidents:signed", args=[token])


def number_of(token: str) -> int | None:
    """Return the notification that a token names; None if it was not made by us."""
    try:
        return int(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
