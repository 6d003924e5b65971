"""One-time links by which a request to swap is answered without signing in.

The token names the request and the contact who is asked, and is signed; nothing is
stored. It works while the request is open, which ends with the first answer, with the
start of the stretch, or when the asker takes it back. Opening it changes nothing;
answering takes a POST.
"""

from datetime import datetime

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from watchbill.server.oncall import queries
from watchbill.server.oncall.models import Swap, SwapState
from watchbill.server.people import queries as people

_signer = Signer(sep=".", salt="watchbill.swap")


def token(swap_id: int, contact_key: str) -> str:
    """Return the token by which a contact answers a request."""
    return _signer.sign_object([swap_id, contact_key])


def page_of(swap_id: int, contact_key: str) -> str:
    """Return the path of the page on which a contact answers a request."""
    return reverse("oncall:swap_signed", args=[token(swap_id, contact_key)])


def asked(text: str, *, now: datetime) -> tuple[Swap, str] | None:
    """Return the open request that a token names, and who may answer it by it."""
    try:
        number, contact_key = _signer.unsign_object(text)
    except (BadSignature, ValueError):
        return None
    found = queries.swap(number)
    if found is None or found.state != SwapState.ASKED:
        return None
    if found.asked_of not in {"", contact_key} or queries.begins_at(found) <= now:
        return None
    # A message ends with the account of its reader, as every link does.
    return None if people.has_left(contact_key) else (found, contact_key)
