"""Say a notice to a machine, so that it knows who speaks.

The request is one of Standard Webhooks 1.0: ``webhook-id``, ``webhook-timestamp`` and
``webhook-signature`` over ``id.timestamp.body``, so that receivers verify it with a
library there is for their language. The id is derived from the idempotency key and
repeated as ``Idempotency-Key`` and in the body: it is the same on every attempt, and
so is the body, byte for byte. Only the timestamp and with it the signature change. A
receiver that keeps ids sees a possible duplicate for what it is (I5).

The key itself is not sent, because it holds names of the plan in any script, and a
header holds ASCII. Several secrets sign side by side, so that a new one can be made
known before the old one goes.

Source: github.com/standard-webhooks/standard-webhooks, the specification.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import MethodKind
from watchbill.integrations.answers import beginning, read_status
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    modes=(Mode(needs=frozenset({"url", "secret"}), posts=True),),
    settings=(
        Setting(
            name="url",
            help="Where to post; secret, because many receivers know you by it.",
            is_secret=True,
        ),
        Setting(
            name="secret",
            help="Signing secret, whsec_ and base64; two while you change it.",
            is_secret=True,
        ),
    ),
)

TYPE = "notice.posted"
"""What the body says it is; receivers ignore types they do not know."""

_PREFIX = "whsec_"
#: Bytes of a secret, as the specification wants them.
_SECRET = range(24, 65)
_LINE, _PARAGRAPH = 2_000, 10_000
_ITEMS = 100


def check(settings: Mapping[str, str]) -> None:
    """Raise `SettingsError` unless requests can be made and signed."""
    _url(settings)
    _keys(settings)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the signed request; ``sent_at`` is the time in seconds since 1970."""
    url, secrets = _url(settings), _keys(settings)
    sent_at = settings.get("sent_at", "")
    if not sent_at.isdecimal():
        raise SettingsError("A webhook cannot be signed without the time.")
    name = message_id(notice)
    body = msgspec.json.encode(_content(notice, name, settings.get("to", "")))
    signed = f"{name}.{sent_at}.".encode() + body
    return Outgoing(
        method="POST",
        url=url,
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": name,
            "webhook-id": name,
            "webhook-timestamp": sent_at,
            "webhook-signature": " ".join(_sign(one, signed) for one in secrets),
        },
        body=body,
    )


def message_id(notice: Notice) -> str:
    """Return the id of a notice, the same on every attempt."""
    key = notice.idempotency_key.encode("utf-8", "surrogatepass")
    return f"msg_{hashlib.sha256(key).hexdigest()[:32]}"


def read(answer: Answer) -> Attempt:
    """Return what the receiver's answer means: every 2xx is a receipt."""
    if 200 <= answer.status < 300:
        return Attempt(
            outcome=Outcome.DELIVERED,
            detail=f"the receiver answered HTTP {answer.status}",
        )
    if answer.status == 410:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail="the receiver wants no more: HTTP 410 Gone",
        )
    return read_status(answer, who="the receiver", said=beginning(answer))


def _url(settings: Mapping[str, str]) -> str:
    url = web_url(settings.get("url", ""))
    if url is None:
        raise SettingsError("The address of the webhook must begin with https://.")
    return url


def _keys(settings: Mapping[str, str]) -> list[bytes]:
    secrets = list(_secrets(settings.get("secret", "")))
    if not secrets:
        raise SettingsError(f"A webhook needs a secret: {_PREFIX} and base64.")
    return secrets


def _secrets(text: str) -> Iterator[bytes]:
    for number, word in enumerate(text.split(), start=1):
        try:
            secret = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) not in _SECRET:
            raise SettingsError(
                f"Secret {number} of the webhook must be {_PREFIX} and the base64 of"
                f" {_SECRET.start} to {_SECRET.stop - 1} random bytes."
            )
        yield secret


def _sign(secret: bytes, signed: bytes) -> str:
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _content(notice: Notice, name: str, channel: str) -> dict[str, Any]:
    return {
        "type": TYPE,
        "id": name,
        "data": {
            "channel": one_line(channel),
            "thread_key": one_line(notice.thread_key),
            "subject": shorten(one_line(notice.subject), _LINE),
            "paragraphs": [
                shorten(printable(text), _PARAGRAPH)
                for text in islice(notice.paragraphs, _ITEMS)
            ],
            "facts": [
                {
                    "label": shorten(one_line(label), _LINE),
                    "value": shorten(printable(value), _LINE),
                }
                for label, value in islice(notice.facts, _ITEMS)
            ],
            "links": [
                {
                    "label": shorten(one_line(link.label), _LINE),
                    "url": url,
                    "is_primary": link.is_primary,
                }
                for link in islice(notice.links, _ITEMS)
                if (url := web_url(link.url))
            ],
            "severity": one_line(notice.severity),
            "urgency": notice.urgency.value,
        },
    }
