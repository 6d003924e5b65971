"""Answers from Telegram by webhook.

Telegram proves itself by the secret that setWebhook was given, in a header of every
call; there is neither a signature of the body nor a time. A call that is repeated
asks for the same thing again, which changes nothing.

The response to the call may name one method for Telegram to carry out: that answers
the person at once, without a request of ours. Who took it is then shown on the
message itself, for everybody in the chat.

Source: core.telegram.org/bots/api, setWebhook, "Making requests when getting updates".
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from watchbill.integrations.contract import (
    Call,
    Event,
    HookReply,
    Outgoing,
    PayloadError,
    Result,
    SignatureError,
)
from watchbill.integrations.telegram import updates
from watchbill.integrations.telegram.outbound import SHORTEST_SECRET
from watchbill.integrations.telegram.outbound import call as method_call

DOORS = frozenset({"updates"})

SAME_FOR = timedelta(days=366)

_HEADER = "x-telegram-bot-api-secret-token"


def verify(call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
    """Raise `SignatureError` unless the call carries the secret."""
    secret = settings.get("webhook_secret", "")
    if len(secret) < SHORTEST_SECRET:
        raise SignatureError(
            "WATCHBILL_TELEGRAM_WEBHOOK_SECRET is not set, or is shorter than"
            f" {SHORTEST_SECRET} characters"
        )
    given = call.headers.get(_HEADER, "")
    if not hmac.compare_digest(given.encode(), secret.encode()):
        raise SignatureError("the secret token is missing or wrong")


def read(call: Call) -> tuple[Event, ...]:
    """Return what an update asks for, or raise `PayloadError`."""
    asked = updates.asked(updates.decode(call.body))
    return () if asked is None else (asked,)


def mark(call: Call) -> str:
    """Return the number of the update, and its body: numbers may come again."""
    body = hashlib.sha256(call.body).hexdigest()
    return f"{updates.decode(call.body).update_id}\n{body}"


def answer(call: Call, results: tuple[Result, ...]) -> HookReply:
    """Return the response, with the method that answers the person."""
    for result in results:
        method = updates.response(result.asked, result.text, is_change=result.is_change)
        return _json(method)
    try:
        pressed = updates.decode(call.body).callback_query
    except PayloadError:
        pressed = None
    # A button that asks for nothing must stop spinning all the same.
    return HookReply() if pressed is None else _json(updates.acknowledged(pressed.id))


def follow_up(result: Result, settings: Mapping[str, str]) -> Outgoing | None:
    """Return the change of the message that shows who took it."""
    body = updates.keyboard_after(result)
    if body is None:
        return None
    return method_call(str(body.pop("method")), body, settings)


def _json(body: Mapping[str, object]) -> HookReply:
    return HookReply(content_type="application/json", body=msgspec.json.encode(body))
