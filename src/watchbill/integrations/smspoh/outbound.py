"""Send a notice as a text message by SMSPoh, an aggregator in Myanmar.

What is spoken is version 3 of its REST interface: JSON, and the API key and its
secret, joined and in base64, as a bearer token. Keys of version 2 do not work there.
Older accounts and services that copy the interface differ in little, so the token,
the address and the name of the sender's field can be given; answers of both versions
are understood.

Numbers of Myanmar are written as people there write them (``09...``), which both
versions take; others stay in E.164. Texts outside of GSM 03.38 ask for Unicode.

Every message names the address for its receipt. SMSPoh signs nothing, so that
address carries a secret of ours. The secret is required: without receipts, a message
that no network delivered would pass for one that was (F11).

SMSPoh has no idempotency key. ``clientReference`` carries ours, by which a possible
duplicate can be recognised. What may have been taken is *unknown*; 503 was not.

Sources: smspoh.com: RESTful API Specification Version 3.0; REST API documentation,
version 2.
"""

import base64
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations import sms
from watchbill.integrations.answers import retry_after
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line, shorten

API_URL = "https://v3.smspoh.com/api/rest"

_SENDING = frozenset(("sender", "hook_secret"))

CHANNEL = Channel(
    kind=MethodKind.SMS,
    reaches=AddressKind.PHONE,
    modes=(
        Mode(needs=_SENDING | {"api_key", "api_secret"}, people=True),
        Mode(needs=_SENDING | {"token"}, people=True),
    ),
    settings=(
        Setting(name="api_key", help="API key, from Accounts & Security."),
        Setting(name="api_secret", help="Secret of the API key.", is_secret=True),
        Setting(
            name="token",
            help="A ready bearer token, instead of key and secret (version 2).",
            is_secret=True,
        ),
        Setting(
            name="sender",
            help="Sender ID as SMSPoh has approved it; capitals matter.",
        ),
        Setting(
            name="hook_secret",
            help="At least 16 characters that you make up; SMSPoh signs nothing, so"
            " they show that a receipt comes from it.",
            is_secret=True,
        ),
        Setting(
            name="replies",
            help="yes when SMSPoh hands answers to this number on to watchbill.",
            default="no",
        ),
        Setting(
            name="sender_field",
            help="What the field of the sender is called; sender in version 2.",
            default="from",
        ),
        Setting(name="api_url", help="The interface, without /send.", default=API_URL),
    ),
    per_second=1.0,
    receipt_within=timedelta(minutes=3),
)

SHORTEST_SECRET = 16

_LONGEST_REFERENCE = 64
_REFUSED = frozenset(("rejected", "failed", "undelivered", "error", "expired"))


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request for a text message, or raise `SettingsError`."""
    can_reply = settings.get("replies", "").strip().lower() in {
        "yes",
        "true",
        "on",
        "1",
    }
    text = sms.compose(notice, can_reply=can_reply)
    reference = shorten(one_line(notice.idempotency_key), _LONGEST_REFERENCE)
    return message(text, settings, to=settings.get("to", ""), reference=reference)


def message(
    text: str, settings: Mapping[str, str], *, to: str, reference: str
) -> Outgoing:
    """Return the request that sends a text, or raise `SettingsError`."""
    base = (settings.get("api_url") or API_URL).rstrip("/")
    body: dict[str, Any] = {
        "to": local(to),
        "message": text,
        settings.get("sender_field") or "from": _sender(settings),
        "clientReference": reference,
        "deliveryReceiptUrl": receipt_url(settings),
    }
    if sms.measure(text).encoding is sms.Encoding.UCS2:
        body["unicode"] = 1
    return Outgoing(
        method="POST",
        url=f"{base}/send",
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": f"Bearer {_token(settings)}",
        },
        body=msgspec.json.encode(body),
    )


def receipt_url(settings: Mapping[str, str]) -> str:
    """Return where receipts go, or raise `SettingsError`."""
    secret = settings.get("hook_secret", "")
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"The hook secret of SMSPoh must have {SHORTEST_SECRET} characters or more."
        )
    query = urlencode({"key": secret})
    return f"{settings.get('hook_url', '').rstrip('/')}/receipt?{query}"


def local(number: str) -> str:
    """Return a number in E.164 as SMSPoh takes it, or raise `SettingsError`."""
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number.strip()):
        raise SettingsError(
            "A phone number must be written in full, such as +959250000001."
        )
    return re.sub(r"^\+959", "09", number.strip())


def _sender(settings: Mapping[str, str]) -> str:
    sender = settings.get("sender", "").strip()
    if not re.fullmatch(r"\+?[0-9]{3,13}|[0-9A-Za-z ._-]{3,11}", sender):
        raise SettingsError(
            "The sender ID of SMSPoh has 3 to 11 letters and digits, or is a number."
        )
    return sender


def _token(settings: Mapping[str, str]) -> str:
    if token := settings.get("token", "").strip():
        return token
    key, secret = settings.get("api_key", ""), settings.get("api_secret", "")
    if not (key and secret):
        raise SettingsError("SMSPoh needs an API key and its secret, or a token.")
    return base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")


# ── What it answers ───────────────────────────────────────────────────────────────


def read(answer: Answer) -> Attempt:
    """Return what an answer means, of version 3 or 2; never raises."""
    try:
        reply = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        reply = None
    reason = _reason(reply)
    detail = f"SMSPoh answered HTTP {answer.status}{f': {reason}' if reason else ''}"
    if 200 <= answer.status < 300:
        return _read_accepted(reply, detail)
    if answer.status == 429:
        return Attempt(
            outcome=Outcome.THROTTLED, detail=detail, retry_after=retry_after(answer)
        )
    if answer.status in {408, 503}:
        return Attempt(
            outcome=Outcome.TRANSIENT, detail=detail, retry_after=retry_after(answer)
        )
    if answer.status >= 500:
        return Attempt(outcome=Outcome.UNKNOWN, detail=detail)
    if answer.status == 401:
        detail += " (check the API key, and SMSPoh's list of permitted addresses)"
    return Attempt(outcome=Outcome.PERMANENT, detail=detail)


def _read_accepted(reply: Any, detail: str) -> Attempt:
    sent = _first_message(reply)
    if sent is None:
        # Version 2 says no with HTTP 200.
        if isinstance(reply, dict) and reply.get("status") is False:
            return Attempt(outcome=Outcome.PERMANENT, detail=detail)
        return Attempt(
            outcome=Outcome.UNKNOWN, detail=f"{detail}, which does not name the message"
        )
    status = one_line(str(sent.get("status", "")))
    if status.lower() in _REFUSED:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail=f"SMSPoh took nothing: {shorten(status, 40)}",
        )
    ref = sent.get("messageId", sent.get("id", ""))
    return Attempt(
        outcome=Outcome.DELIVERED,
        detail="SMSPoh took it",
        provider_ref=shorten(one_line(str(ref)), 64),
    )


def _first_message(reply: Any) -> dict[str, Any] | None:
    match reply:
        case {"messages": [{"messageId": str() | int()} as sent, *_]}:
            return dict(sent)
        case {
            "status": True,
            "data": {"messages": [{"id": str() | int()} as sent, *_]},
        }:
            return dict(sent)
    return None


def _reason(reply: Any) -> str:
    """Return what an error says: an object, or a list of one for each wrong field."""
    match reply:
        case {"message": str() as said} | {"data": {"message": str() as said}}:
            pass
        case [{"field": str() as name, "message": str() as problem}, *_]:
            said = f"{name}: {problem}"
        case _:
            return ""
    return shorten(one_line(said), 120)
