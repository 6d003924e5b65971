"""Understand answers by text message, and what became of the messages sent.

Two doors. To ``inbound`` comes what people write; the response is the answer that
they get, in TwiML. To ``status`` comes each change in the state of a message. STOP
and its like are answered by Twilio itself, which sends nothing more to that number
until START (21610), so they are answered here by nothing at all.

Sources: twilio.com/docs: messaging/guides/webhook-request,
messaging/guides/outbound-message-status-in-status-callbacks,
messaging/tutorials/advanced-opt-out.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from watchbill.integrations import sms, twilio
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
)
from watchbill.integrations.text import printable

DOORS = frozenset(("inbound", "status"))
"""Where calls come in."""

SAME_FOR = twilio.SAME_FOR

_FAILED = frozenset(("undelivered", "failed", "canceled"))
_DELIVERED = frozenset(("delivered", "read"))
_CONSENT = {"STOP": sms.Consent.STOP, "START": sms.Consent.START}
_STATES = {
    sms.Consent.STOP: ReceiptState.OPTED_OUT,
    sms.Consent.START: ReceiptState.OPTED_IN,
}


def verify(call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
    """Raise `SignatureError` unless Twilio made this request.

    Twilio signs no time, so ``now`` says nothing about it.
    """
    twilio.verify(call, settings)


def read(call: Call) -> tuple[Event, ...]:
    """Return what a request to either door says, or raise `PayloadError`."""
    fields = twilio.fields(call)
    match call.door:
        case "inbound":
            return (_said(fields),)
        case "status":
            return _became(fields)
    raise PayloadError(
        where="the address",
        problem=f"there is no door {call.door!r}",
        hint="Twilio may call inbound and status.",
    )


def mark(call: Call) -> str:
    """Return the message, and the state of it that is reported."""
    return twilio.mark(call, "MessageSid", "MessageStatus")


def answer(call: Call, results: tuple[Result, ...]) -> HookReply:
    """Return a text message for each result; none for a status or a STOP."""
    messages = (sms.fit(result.text) for result in results if result.text)
    return twilio.twiml(
        *(twilio.element("Message", twilio.words(text)) for text in messages)
    )


def follow_up(result: Result, settings: Mapping[str, str]) -> Outgoing | None:
    """Return None: the response has said it."""
    return None


def _said(fields: twilio.Fields) -> Event:
    address = twilio.required(fields, "From")
    if not re.fullmatch(r"\+?[0-9]{3,15}", address):
        raise PayloadError(
            where="From",
            problem="is not a phone number",
            hint="Only text messages are understood here.",
        )
    text = fields.get("Body", "")
    answered = sms.parse_reply(text)
    consent = _CONSENT.get(fields.get("OptOutType", "")) or answered.consent
    if consent is not None:
        return Receipt(
            provider_ref="",
            state=_STATES[consent],
            detail=f"the person wrote {consent.upper()}",
            address=address,
        )
    return Asked(
        address=address,
        reply=answered.reply,
        code=answered.code,
        text=printable(text).strip(),
    )


def _became(fields: twilio.Fields) -> tuple[Event, ...]:
    ref = twilio.required(fields, "MessageSid")
    status = twilio.required(fields, "MessageStatus")
    if status in _DELIVERED:
        return (
            Receipt(
                provider_ref=ref, state=ReceiptState.DELIVERED, detail="on the phone"
            ),
        )
    if status not in _FAILED:
        return ()
    code = fields.get("ErrorCode", "")
    why = f": {twilio.meaning(int(code))}" if re.fullmatch("[0-9]{1,6}", code) else ""
    failed = Receipt(
        provider_ref=ref, state=ReceiptState.FAILED, detail=f"{status}{why}"
    )
    if code != str(twilio.OPTED_OUT):
        return (failed,)
    out = Receipt(
        provider_ref=ref,
        state=ReceiptState.OPTED_OUT,
        detail="the person wrote STOP earlier",
        address=twilio.required(fields, "To"),
    )
    return (failed, out)
