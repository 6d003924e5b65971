"""Understand SMSPoh's delivery receipts, and answers to a number that it lends.

Two doors. To ``receipt`` comes what became of a message; SMSPoh's example shows the
fields in the address of a POST and its table calls them fields of a form, so both
are read. To ``inbound`` comes a text that somebody sent, as JSON; the answer to it
goes out as a message of its own.

SMSPoh signs nothing. A secret of ours in the query (``key``), or in an Authorization
header if SMSPoh was asked to send one, shows that a call comes from it. A service
that appends its fields with a second question mark has them read all the same.

Sources: smspoh.com: RESTful API Specification Version 3.0, delivery report; Inbox
API (webhook); REST API documentation, version 2, delivery receipts.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

import msgspec

from watchbill.integrations import sms
from watchbill.integrations.contract import (
    Asked,
    Call,
    Event,
    HookReply,
    Outgoing,
    PayloadError,
    Receipt,
    ReceiptState,
    Result,
    SignatureError,
)
from watchbill.integrations.smspoh.outbound import SHORTEST_SECRET, message
from watchbill.integrations.text import one_line, printable, shorten

DOORS = frozenset(("receipt", "inbound"))
"""Where calls come in."""

SAME_FOR = timedelta(minutes=5)
"""A text has neither a number nor a time: an equal one that comes later is new."""

_DELIVERED = frozenset(("delivered", "success"))
_FAILED = {
    "rejected": "the network rejected it",
    "failed": "it could not be delivered",
    "undelivered": "it could not be delivered",
    "error": "the network reported an error",
    "expired": "it was not delivered in time",
}
_STATES = {
    sms.Consent.STOP: ReceiptState.OPTED_OUT,
    sms.Consent.START: ReceiptState.OPTED_IN,
}


def verify(call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
    """Raise `SignatureError` unless the call carries our secret.

    There is no time in it, so ``now`` says nothing about it.
    """
    secret = settings.get("hook_secret", "")
    if len(secret) < SHORTEST_SECRET:
        raise SignatureError("there is no hook secret, so no call can be trusted")
    header = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
    given = header or call.query.get("key", "").partition("?")[0]
    # What cannot be encoded is not the secret, but it may be sent to us.
    if not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()):
        raise SignatureError("the call does not carry the hook secret")


def read(call: Call) -> tuple[Event, ...]:
    """Return what a call to either door says, or raise `PayloadError`."""
    fields = _fields(call)
    match call.door:
        case "receipt":
            return _became(fields)
        case "inbound":
            return (_said(fields),)
    raise PayloadError(
        where="the address",
        problem=f"there is no door {call.door!r}",
        hint="SMSPoh may call receipt and inbound.",
    )


def mark(call: Call) -> str:
    """Return the door and all fields, wherever they stood."""
    return repr((call.door, sorted(_fields(call).items())))


def answer(call: Call, results: tuple[Result, ...]) -> HookReply:
    """Return the plain 200 that SMSPoh waits for."""
    return HookReply(body=b"OK")


def follow_up(result: Result, settings: Mapping[str, str]) -> Outgoing | None:
    """Return the text message that answers a text message."""
    if not result.text:
        return None
    text = sms.fit(result.text)
    return message(text, settings, to=result.asked.address, reference="answer")


def _became(fields: Mapping[str, str]) -> tuple[Event, ...]:
    ref = fields.get("messageId") or fields.get("id")
    if not ref:
        raise PayloadError(
            where="messageId",
            problem="is missing",
            hint="Is this a delivery receipt of SMSPoh?",
        )
    ref, status = shorten(one_line(ref), 64), fields.get("status", "").strip().lower()
    if status in _DELIVERED:
        state, detail = ReceiptState.DELIVERED, "on the phone"
    elif status in _FAILED:
        state, detail = ReceiptState.FAILED, _FAILED[status]
    else:
        return ()
    return (Receipt(provider_ref=ref, state=state, detail=detail),)


def _said(fields: Mapping[str, str]) -> Event:
    number = fields.get("from", "").strip()
    if not re.fullmatch(r"\+?[0-9]{3,15}", number):
        raise PayloadError(
            where="from",
            problem="is not a phone number",
            hint="SMSPoh's Inbox API sends message, from and to.",
        )
    text = fields.get("message", "")
    answered = sms.parse_reply(text)
    if answered.consent is not None:
        return Receipt(
            provider_ref="",
            state=_STATES[answered.consent],
            detail=f"the person wrote {answered.consent.upper()}",
            address=_e164(number),
        )
    return Asked(
        address=_e164(number),
        reply=answered.reply,
        code=answered.code,
        text=printable(text).strip(),
    )


def _e164(number: str) -> str:
    """Return a number with its country; short codes stay as they are."""
    digits = number.removeprefix("+")
    if digits.startswith("09"):
        return f"+959{digits[2:]}"
    return f"+{digits}" if len(digits) > 6 else digits


def _fields(call: Call) -> Mapping[str, str]:
    """Return the fields of the query and of the body; those of the body win."""
    query = {name: value for name, value in call.query.items() if name != "key"}
    appended = call.query.get("key", "").partition("?")[2]
    try:
        return {**dict(parse_qsl(appended)), **query, **_body(call)}
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            where="the body",
            problem=f"cannot be read: {error}",
            hint="A form or a JSON object was expected.",
        ) from None


def _body(call: Call) -> dict[str, str]:
    if not call.body.strip():
        return {}
    if "json" not in call.headers.get("content-type", "").lower():
        return dict(parse_qsl(call.body.decode(), max_num_fields=100))
    document = msgspec.json.decode(call.body)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    return {
        name: str(value)
        for name, value in document.items()
        if isinstance(value, str | int)
    }
