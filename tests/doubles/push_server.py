"""A push service and the browser behind it.

It knows one subscription, which is bound to the public key that the browser got. A
request must carry a VAPID token of that key for this service, a TTL, and a body that
the browser can decrypt; else it is refused as the real services refuse it. What the
browser would be handed is kept in the clear.
"""

import base64
import json
import re
import ssl
from dataclasses import dataclass
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from tests.doubles.scripted_server import Posted, Reply, ScriptedServer

MAX_BODY = 4_096
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A message as the browser reads it."""

    content: dict[str, Any]
    topic: str
    ttl: int
    urgency: str


class PushDouble(ScriptedServer[Pushed]):
    """A push service of one browser, whose clock stands still."""

    def __init__(
        self, *script: Reply, tls: ssl.SSLContext, server_key: str, now: int
    ) -> None:
        super().__init__(*script, tls=tls)
        self._server_key = server_key
        self._now = now
        self._browser = ec.generate_private_key(ec.SECP256R1())
        self._auth = bytes(range(16))
        self.host = "push.example"

    @property
    def service(self) -> str:
        """The origin by which the service is known."""
        return self.origin.replace("127.0.0.1", self.host)

    @property
    def address(self) -> str:
        """The subscription as the browser posts it."""
        point = self._browser.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": _encode(point), "auth": _encode(self._auth)}
        subscription = {
            "endpoint": f"{self.service}/send/s3cret",
            "expirationTime": None,
            "keys": keys,
        }
        return json.dumps(subscription, separators=(",", ":"))

    def judge(self, posted: Posted) -> Reply:
        headers = posted.headers
        if posted.path != "/send/s3cret":
            return Reply(status=404)
        if status := self._refusal(headers.get("authorization", "")):
            return Reply(status=status)
        if not headers.get("ttl", "").isdecimal():
            return Reply(status=400, body=b"TTL is missing")
        if headers.get("content-encoding") != "aes128gcm":
            return Reply(status=400, body=b"unknown encoding")
        topic = headers.get("topic", "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,32}", topic):
            return Reply(status=400, body=b"bad topic")
        if len(posted.body) > MAX_BODY:
            return Reply(status=413)
        plain = http_ece.decrypt(
            posted.body, private_key=self._browser, auth_secret=self._auth
        )
        self.keep(
            Pushed(
                content=json.loads(plain),
                topic=topic,
                ttl=int(headers["ttl"]),
                urgency=headers.get("urgency", "normal"),
            )
        )
        return Reply(status=201, headers={"Location": f"{self.service}/m/1"})

    def _refusal(self, authorization: str) -> int:
        """Return the status by which a token is refused, 0 for a good one."""
        found = re.fullmatch(r"vapid t=([\w.-]+),k=([\w-]+)", authorization)
        if found is None or not Vapid02.verify(authorization):
            return 401
        claims = json.loads(_decode(found[1].split(".")[1]))
        lasts = claims["exp"] - self._now
        if claims["aud"] != self.service or not 0 < lasts <= _DAY:
            return 401
        if not claims["sub"].startswith(("mailto:", "https:")):
            return 401
        return 0 if found[2] == self._server_key else 403


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
