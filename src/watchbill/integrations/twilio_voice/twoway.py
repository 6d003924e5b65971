"""Understand keys pressed in a call, and what became of the calls made.

Two doors. To ``digits`` comes the key that somebody pressed; the response, in TwiML,
says what came of it. A key that stands for nothing is answered by saying which ones
do. To ``status`` come the end of a call and, earlier, whether a machine answered it.

A key proves that a person heard the call, so it is the receipt. A machine may be
reported for the same call, by mistake or after a person has taken over from a
mailbox: the receipt that came first holds.

Sources: twilio.com/docs/voice: twiml/gather, api/call-resource (StatusCallback),
answering-machine-detection (AsyncAmdStatusCallback).
"""

import re
from collections.abc import Mapping
from datetime import datetime

from watchbill.core.messages import Reply
from watchbill.integrations import twilio
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
from watchbill.integrations.text import shorten
from watchbill.integrations.twilio_voice.outbound import (
    DIGITS,
    gather,
    say,
    speakable,
)

DOORS = frozenset(("digits", "status"))
"""Where calls come in."""

SAME_FOR = twilio.SAME_FOR

_REPLIES: Mapping[str, Reply] = {digit: reply for reply, digit in DIGITS.items()}

_FAILED = {
    "busy": "the line was busy",
    "no-answer": "nobody answered",
    "failed": "the call could not be made; is the number right?",
    "canceled": "the call was cancelled",
}
_LONGEST_ANSWER = 300


def verify(call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
    """Raise `SignatureError` unless Twilio made this request.

    Twilio signs no time, so ``now`` says nothing about it.
    """
    twilio.verify(call, settings)


def read(call: Call) -> tuple[Event, ...]:
    """Return what a request to either door says, or raise `PayloadError`."""
    fields = twilio.fields(call)
    match call.door:
        case "digits":
            return _pressed(call, fields)
        case "status":
            return _became(fields)
    raise PayloadError(
        where="the address",
        problem=f"there is no door {call.door!r}",
        hint="Twilio may call digits and status.",
    )


def mark(call: Call) -> str:
    """Return the call, the key, and the state that is reported."""
    return twilio.mark(call, "CallSid", "Digits", "CallStatus", "AnsweredBy")


def answer(call: Call, results: tuple[Result, ...]) -> HookReply:
    """Return what the person who pressed a key hears."""
    if call.door != "digits":
        return twilio.twiml()
    if results:
        said = (shorten(speakable(one.text), _LONGEST_ANSWER) for one in results)
        return twilio.twiml(*(say(text) for text in said if text), say("Goodbye."))
    tokens = _offered(call)
    # Without a result, this key was pressed before: the request is a repetition.
    if twilio.fields(call).get("Digits", "").strip() in tokens:
        return twilio.twiml(say("Your key was received before. Goodbye."))
    if not tokens:
        return twilio.twiml(say("This key does nothing. Goodbye."))
    door = call.url.partition("?")[0]
    sorry = say("This key does nothing.")
    return twilio.twiml(sorry, gather(tokens, door=door), say("Goodbye."))


def follow_up(result: Result, settings: Mapping[str, str]) -> Outgoing | None:
    """Return None: the response has said it."""
    return None


def _pressed(call: Call, fields: twilio.Fields) -> tuple[Event, ...]:
    digit = fields.get("Digits", "").strip()
    heard = Receipt(
        provider_ref=twilio.required(fields, "CallSid"),
        state=ReceiptState.DELIVERED,
        detail="a person pressed a key",
    )
    token = _offered(call).get(digit)
    if token is None:
        return (heard,)
    # We call them: the person is the one who is called.
    asked = Asked(
        address=twilio.required(fields, "To"),
        reply=_REPLIES[digit],
        token=token,
        text=digit,
    )
    return (heard, asked)


def _offered(call: Call) -> dict[str, str]:
    """Return the keys that were read out, with the token that each stands for."""
    return {
        key: token for key, token in call.query.items() if key in _REPLIES and token
    }


def _became(fields: twilio.Fields) -> tuple[Event, ...]:
    ref = twilio.required(fields, "CallSid")
    status = fields.get("CallStatus", "")
    by = fields.get("AnsweredBy", "")
    if status in _FAILED:
        detail = _FAILED[status]
        sip = fields.get("SipResponseCode", "")
        if re.fullmatch("[0-9]{3}", sip):
            detail += f" (SIP {sip})"
    elif by.startswith(("machine", "fax")):
        detail = "a machine answered"
    else:
        return ()
    return (Receipt(provider_ref=ref, state=ReceiptState.FAILED, detail=detail),)
