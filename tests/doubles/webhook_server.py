"""A receiver of webhooks that verifies as the libraries of Standard Webhooks do.

An unsigned, altered or old request is answered 401; what was taken before, by its id,
is answered 200 and not taken again.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from tests.doubles.scripted_server import Posted, Reply, ScriptedServer

TOLERANCE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A verified webhook."""

    id: str
    sent_at: int
    content: dict[str, Any]


class WebhookDouble(ScriptedServer[Event]):
    """A receiver with a secret, whose clock stands still."""

    def __init__(self, secret: bytes, *script: Reply, now: int) -> None:
        super().__init__(*script)
        self._secret = secret
        self._now = now
        self._known: set[str] = set()

    def judge(self, posted: Posted) -> Reply:
        event = verify(posted, self._secret, now=self._now)
        if event is None:
            return Reply(status=401, body=b"bad signature")
        if posted.headers.get("idempotency-key") != event.id:
            return Reply(status=400, body=b"two ids")
        if event.id not in self._known:
            self._known.add(event.id)
            self.keep(event)
        return Reply()


def verify(posted: Posted, secret: bytes, *, now: int) -> Event | None:
    """Return the event of a request that the secret has signed lately."""
    try:
        name = posted.headers["webhook-id"]
        sent_at = int(posted.headers["webhook-timestamp"])
        signatures = posted.headers["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        return None
    signed = f"{name}.{sent_at}.".encode() + posted.body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    if expected not in signatures or abs(now - sent_at) > TOLERANCE or "." in name:
        return None
    return Event(id=name, sent_at=sent_at, content=json.loads(posted.body))
