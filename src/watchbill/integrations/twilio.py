"""What text messages and calls by Twilio have in common.

Requests are forms with basic authentication: by the account's SID and its auth token,
or by an API key, which can be revoked without touching anything else. The auth token
is needed in any case, because Twilio signs its own requests with it: HMAC-SHA1 over
the URL and the sorted fields of the form, or over the URL alone when the URL carries
the hash of a body that is no form. The signature holds no time, so a request can be
replayed; what it asks for must bear being asked twice.

Twilio and a proxy in front of us may disagree on whether the port is part of the URL,
so it is tried both ways, as in Twilio's own libraries.

Twilio has no idempotency key. So a request that may have been taken is *unknown*:
it is sent again, and the record says that a duplicate is possible (I5). An answer
of 503 means that it was not taken; other failures of the server leave that open.

Twilio cannot call back to a machine that calls itself ``127.0.0.1``, and refuses a
message that asks for it (21609). So such an address is not given to a service that
is elsewhere; there are no receipts then, and no answers.

Sources: twilio.com/docs: usage/requests-to-twilio, usage/security, api/errors,
voice/twiml.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from html import escape
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import msgspec

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.answers import retry_after
from watchbill.integrations.contract import (
    Answer,
    Call,
    HookReply,
    Outgoing,
    PayloadError,
    Setting,
    SettingsError,
    SignatureError,
)
from watchbill.integrations.text import REPLACEMENT, one_line, printable, shorten

API_URL = "https://api.twilio.com"
PREFIX = "TWILIO"

SETTINGS = (
    Setting(name="account_sid", help="SID of the Twilio account, AC and 32 digits."),
    Setting(
        name="auth_token",
        help="Auth token of the account; Twilio signs its requests with it.",
        is_secret=True,
    ),
    Setting(
        name="api_key",
        help="SID of an API key (SK) to send with instead of the auth token.",
    ),
    Setting(name="api_key_secret", help="Secret of the API key.", is_secret=True),
    Setting(name="api_url", help="Twilio's REST API.", default=API_URL),
)
"""What every Twilio channel is set up with."""

ACCOUNT = frozenset(("account_sid", "auth_token"))
"""What every mode of a Twilio channel needs."""

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200
_PORTS = {"http": 80, "https": 443}

Fields = Mapping[str, str]


class _Reply(msgspec.Struct):
    sid: str = ""
    code: int | None = None
    message: str | None = None


_reply = msgspec.json.Decoder(_Reply)

#: Errors that pass: a queue that is full, a rate that is exceeded.
_THROTTLED = frozenset((14107, 20429, 21611, 30001, 30022, 63018))

_MEANINGS = {
    20003: "the account SID, the auth token or the API key is wrong",
    20005: "the Twilio account is not active",
    20404: "there is no such account at this API URL",
    21205: "the hook URL cannot be used: it must be public",
    21210: "the number that calls come from is not verified",
    21211: "the number is not a valid phone number",
    21212: "the number that calls come from is not valid",
    21215: "calls to this country are not permitted in the Twilio account",
    21216: "calls to this number are blocked",
    21219: "a trial account calls verified numbers only",
    21408: "messages to this country are not permitted in the Twilio account",
    21601: "the sender's number cannot send text messages",
    21603: "there is no sender",
    21606: "the sender's number is not one of this account or cannot send messages",
    21608: "a trial account sends to verified numbers only",
    21609: "the hook URL cannot be used: it must be public",
    21610: "the person has opted out by STOP; they may answer START",
    21612: "this sender cannot reach this number",
    21614: "the number cannot receive text messages",
    21617: "the text is too long",
    30002: "the Twilio account is suspended",
    30003: "the phone is switched off or out of reach",
    30004: "the message was blocked by the network or the phone",
    30005: "the number does not exist, or its phone is out of reach",
    30006: "the number is a landline or its network cannot be reached",
    30007: "the network filtered the message out",
    30008: "the network gave no reason",
    30010: "the message would cost more than is allowed",
    30034: "the sender's number is not registered with the networks (A2P 10DLC)",
    30036: "it was not delivered in time",
    30044: "a trial account may not send so long a text",
    30450: "the network blocked the message",
    30454: "the network blocked the message as spam",
}

OPTED_OUT = 21610
"""The person answered STOP, and Twilio sends them nothing more."""


# ── Requests ──────────────────────────────────────────────────────────────────────


def create(
    settings: Mapping[str, str], resource: str, fields: Iterable[tuple[str, str]]
) -> Outgoing:
    """Return the request that creates a resource, or raise `SettingsError`."""
    account = settings.get("account_sid", "")
    if not re.fullmatch(r"AC[0-9A-Za-z]{32}", account):
        raise SettingsError(
            "The account SID of Twilio must be AC and 32 letters or digits."
        )
    base = (settings.get("api_url") or API_URL).rstrip("/")
    return Outgoing(
        method="POST",
        url=f"{base}/2010-04-01/Accounts/{account}/{resource}.json",
        headers={
            "Content-Type": f"{_FORM}; charset=utf-8",
            "Accept": "application/json",
            "Authorization": _authorization(settings, account),
        },
        body=urlencode(list(fields)).encode(),
    )


def _authorization(settings: Mapping[str, str], account: str) -> str:
    name, password = account, settings.get("auth_token", "")
    key, secret = settings.get("api_key", ""), settings.get("api_key_secret", "")
    if bool(key) is not bool(secret):
        raise SettingsError("An API key of Twilio needs both its SID and its secret.")
    if key:
        name, password = key, secret
    if not password:
        raise SettingsError("Twilio needs the auth token of the account.")
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
    return f"Basic {encoded}"


def phone(settings: Mapping[str, str]) -> str:
    """Return the number to send to, in E.164, or raise `SettingsError`."""
    to = settings.get("to", "").strip()
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", to):
        raise SettingsError(
            "A phone number must be written in full, such as +959250000001."
        )
    return to


def hook(settings: Mapping[str, str], door: str) -> str | None:
    """Return the address of one of our doors; None if Twilio cannot come to it."""
    ours = settings.get("hook_url", "")
    theirs = settings.get("api_url") or API_URL
    if not ours or (_is_here(ours) and not _is_here(theirs)):
        return None
    return f"{ours.rstrip('/')}/{door}"


def _is_here(url: str) -> bool:
    """Say whether a URL names the machine it is used on."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, or nothing that can be read
        return False


def read(answer: Answer) -> Attempt:
    """Return what an answer to `create` means; never raises."""
    try:
        reply = _reply.decode(answer.body)
    except (ValueError, RecursionError):
        reply = _Reply()
    if answer.status == 429 or reply.code in _THROTTLED:
        return Attempt(
            outcome=Outcome.THROTTLED,
            detail=f"Twilio limits the rate: {_reason(answer, reply)}",
            retry_after=retry_after(answer),
        )
    if 200 <= answer.status < 300:
        return _accepted(answer, reply)
    detail = f"Twilio refused: {_reason(answer, reply)}"
    if answer.status in {408, 503}:
        return Attempt(
            outcome=Outcome.TRANSIENT, detail=detail, retry_after=retry_after(answer)
        )
    if answer.status >= 500:
        return Attempt(outcome=Outcome.UNKNOWN, detail=f"HTTP {answer.status}")
    return Attempt(outcome=Outcome.PERMANENT, detail=detail)


def _accepted(answer: Answer, reply: _Reply) -> Attempt:
    if not re.fullmatch(r"[A-Z]{2}[0-9A-Za-z]{32}", reply.sid):
        detail = f"HTTP {answer.status} without a readable answer of Twilio"
        return Attempt(outcome=Outcome.UNKNOWN, detail=detail)
    return Attempt(
        outcome=Outcome.DELIVERED, detail="Twilio took it", provider_ref=reply.sid
    )


def _reason(answer: Answer, reply: _Reply) -> str:
    if reply.code is None:
        return f"HTTP {answer.status}"
    said = shorten(one_line(reply.message or ""), 120)
    return meaning(reply.code) if reply.code in _MEANINGS else f"{reply.code} {said}"


def meaning(code: int) -> str:
    """Return an error with what it means for us."""
    known = _MEANINGS.get(code)
    return f"{code}, {known}" if known else f"error {code}"


# ── What Twilio asks of us ────────────────────────────────────────────────────────


def verify(call: Call, settings: Mapping[str, str]) -> None:
    """Raise `SignatureError` unless Twilio made this request."""
    token = settings.get("auth_token", "")
    if not token:
        raise SignatureError("there is no auth token to check a signature with")
    given = call.headers.get("x-twilio-signature", "")
    if not given:
        raise SignatureError("the request has no X-Twilio-Signature")
    pairs = _signed_pairs(call)
    # Every spelling is computed, so that the time does not tell which one fits.
    matches = [
        _same(signature(url, pairs, token=token), given) for url in _spellings(call.url)
    ]
    if not any(matches):
        raise SignatureError("the X-Twilio-Signature does not fit the request")


def signature(url: str, pairs: Iterable[tuple[str, str]], *, token: str) -> str:
    """Return what Twilio writes into X-Twilio-Signature."""
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    digest = hmac.new(token.encode(), _bytes(signed), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(_bytes(expected), _bytes(given))


def _bytes(text: str) -> bytes:
    # What cannot be encoded is no signature of anybody, but it may be sent to us.
    return text.encode("utf-8", "replace")


def _signed_pairs(call: Call) -> list[tuple[str, str]]:
    """Return the fields that are signed, after checking the hash of other bodies."""
    if not call.body:
        return []
    if _is_form(call):
        try:
            return _pairs(call.body)
        except ValueError:
            raise SignatureError("the form cannot be read") from None
    expected = hashlib.sha256(call.body).hexdigest()
    given = dict(parse_qsl(urlsplit(call.url).query)).get("bodySHA256", "")
    if not _same(expected, given.lower()):
        raise SignatureError("bodySHA256 does not fit the body")
    return []


def _is_form(call: Call) -> bool:
    kind = call.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == _FORM


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(
        body.decode("ascii"),
        keep_blank_values=True,
        strict_parsing=True,
        errors="strict",
        max_num_fields=_MOST_FIELDS,
    )


def _spellings(url: str) -> Iterable[str]:
    """Yield the URL, and what it is with a port added or taken away."""
    yield url
    try:
        parts = urlsplit(url)
        port, usual = parts.port, _PORTS.get(parts.scheme)
    except ValueError:
        return
    if usual is not None and port is None:
        yield _with_authority(url, parts, f"{parts.netloc}:{usual}")
    elif port is not None:
        yield _with_authority(url, parts, parts.netloc.removesuffix(f":{port}"))


def _with_authority(url: str, parts: SplitResult, authority: str) -> str:
    # Replaced in place: taking the URL apart and joining it might change it.
    return url.replace(f"//{parts.netloc}", f"//{authority}", 1)


def fields(call: Call) -> Fields:
    """Return the fields of a verified form, or raise `PayloadError`."""
    try:
        if not _is_form(call):
            raise ValueError("it is not a form")
        return dict(_pairs(call.body))
    except ValueError as error:
        raise PayloadError(
            where="the body",
            problem=str(error),
            hint="Twilio must call this address by HTTP POST.",
        ) from None


SAME_FOR = timedelta(days=366)
"""Twilio signs no time, so a call that was overheard stays valid for ever."""


def mark(call: Call, *names: str) -> str:
    """Return the door and some fields of a request as what names it."""
    given = fields(call)
    return repr((call.door, *(given.get(name, "") for name in names)))


def required(given: Fields, name: str) -> str:
    """Return a field that is always there, or raise `PayloadError`."""
    value = given.get(name, "").strip()
    if not value:
        raise PayloadError(
            where=name, problem="is missing", hint="Is this a request of Twilio?"
        )
    return value


# ── TwiML ─────────────────────────────────────────────────────────────────────────

#: Code points that no XML document may hold, however they are written.
_NOT_XML = re.compile("[\ufffe\uffff]")


def element(name: str, *content: str, **attributes: str) -> str:
    """Return an element of TwiML; the content is what `words` or itself returned."""
    written = "".join(
        f' {key}="{words(value)}"' for key, value in attributes.items() if value
    )
    inner = "".join(content)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def words(text: str) -> str:
    """Return text from anywhere as the content of an element or an attribute."""
    return escape(_NOT_XML.sub(REPLACEMENT, printable(text)))


def document(*verbs: str) -> str:
    """Return a whole answer in TwiML."""
    return f'<?xml version="1.0" encoding="UTF-8"?>{element("Response", *verbs)}'


def twiml(*verbs: str) -> HookReply:
    """Return the HTTP response that says these verbs."""
    return HookReply(
        content_type="text/xml; charset=utf-8", body=document(*verbs).encode()
    )
