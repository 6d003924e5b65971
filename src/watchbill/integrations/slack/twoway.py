"""Understand what people do in Slack: press a button, type a command.

Three doors, each under the address of the hooks: ``actions`` is what Slack calls the
interactivity request URL, ``command`` the slash command's, ``events`` that of the
Events API. Every request is signed with the app's signing secret over its time and
its body; one that is older than five minutes is not from now, whoever signed it.

Slack waits three seconds. A slash command is answered in the response; a pressed
button is answered with an empty one, and then through the message's ``response_url``:
the message is shown again with what happened in the place of its buttons, so that
whoever reads the channel later presses nothing. What changed nothing is said to the
one who pressed, and the buttons stay.

Buttons that are links send a request too; there is nothing to do for them. Of
events only the handshake is answered: nothing that is merely said in a channel does
anything.

Sources: docs.slack.dev, verifying requests from Slack, handling user interaction,
slash commands, url_verification.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from watchbill.core.messages import Reply
from watchbill.integrations.contract import (
    Asked,
    Call,
    Event,
    HookReply,
    Outgoing,
    PayloadError,
    Result,
    SignatureError,
)
from watchbill.integrations.slack.outbound import API_URL, JSON, fit, plain
from watchbill.integrations.text import printable

DOORS = frozenset({"actions", "command", "events"})

_FRESH = timedelta(minutes=5)

SAME_FOR = timedelta(days=1)
"""Longer than a call is fresh, from the past or from the future."""

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_MEMBER = re.compile(r"[UW][A-Z0-9]{1,30}")
_SLACK_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_REPLIES = frozenset(reply.value for reply in Reply)
_LONGEST_TEXT = 3_000
_MOST_FIELDS = 50


class _User(msgspec.Struct):
    id: str = ""


class _Action(msgspec.Struct):
    action_id: str = ""
    value: str = ""


class _Message(msgspec.Struct):
    text: str = ""
    blocks: list[dict[str, Any]] = []


class _Payload(msgspec.Struct):
    type: str
    user: _User = msgspec.field(default_factory=_User)
    actions: list[_Action] = []
    response_url: str = ""
    message: _Message | None = None


class _EventCall(msgspec.Struct):
    type: str
    challenge: str = ""


_payload = msgspec.json.Decoder(_Payload)
_event_call = msgspec.json.Decoder(_EventCall)
_blocks = msgspec.json.Decoder(list[dict[str, Any]])


def verify(call: Call, settings: Mapping[str, str], *, now: datetime) -> None:
    """Raise `SignatureError` unless Slack signed this call within five minutes."""
    secret = settings.get("signing_secret", "")
    if not secret:
        raise SignatureError("no signing secret is set")
    if call.method != "POST":
        raise SignatureError("Slack calls with POST only")
    stamp = call.headers.get("x-slack-request-timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise SignatureError("no time of Slack")
    if abs(now.timestamp() - int(stamp)) > _FRESH.total_seconds():
        raise SignatureError("older than five minutes, or from the future")
    given = call.headers.get("x-slack-signature", "")
    if not _SIGNATURE.fullmatch(given):
        raise SignatureError("no signature of Slack")
    if not hmac.compare_digest(given, signature(secret, stamp, call.body)):
        raise SignatureError("another signature than Slack's")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Return what Slack sends as X-Slack-Signature, version 0."""
    signed = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def read(call: Call) -> tuple[Event, ...]:
    """Return what was pressed or typed."""
    if call.door == "actions":
        return tuple(_pressed(_field(_form(call), "payload")))
    if call.door == "command":
        return (_typed(_form(call)),)
    _event(call)
    return ()


def mark(call: Call) -> str:
    """Return the signature, which covers the time, and the body."""
    body = hashlib.sha256(call.body).hexdigest()
    return f"{call.headers.get('x-slack-signature', '')}\n{body}"


def answer(call: Call, results: tuple[Result, ...]) -> HookReply:
    """Return the response: a command's words, or nothing yet."""
    if call.door == "command" and results:
        text = printable("\n".join(result.text for result in results))
        return _json({"response_type": "ephemeral", "text": fit(text, _LONGEST_TEXT)})
    if call.door == "events":
        event = _event(call)
        if event.type == "url_verification":
            return HookReply(body=event.challenge.encode())
    return HookReply()


def follow_up(result: Result, settings: Mapping[str, str]) -> Outgoing | None:
    """Return how a pressed button is answered: in its message, or in private."""
    url = result.asked.reply_to.get("response_url", "")
    if not _is_slacks(url, settings):
        return None
    words = printable(result.text)
    text = fit(words, _LONGEST_TEXT)
    body: dict[str, Any] = {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": text,
    }
    if result.is_change:
        kept = _blocks.decode(result.asked.reply_to.get("blocks") or "[]")
        said = {"type": "section", "text": plain(words, _LONGEST_TEXT)}
        body = {
            "replace_original": True,
            "text": text,
            "blocks": [*_without_buttons(kept), said],
        }
    return Outgoing(
        method="POST",
        url=url,
        headers={"Content-Type": JSON},
        body=msgspec.json.encode(body),
    )


def _pressed(text: str) -> Iterable[Asked]:
    try:
        payload = _payload.decode(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            where="payload",
            problem=f"not an interaction: {error}",
            hint="Give this address to Slack as the interactivity request URL only.",
        ) from None
    if payload.type != "block_actions":
        return
    message = payload.message or _Message()
    for action in payload.actions:
        if action.action_id in _REPLIES and action.value:
            yield Asked(
                address=_member(payload.user.id, "payload.user.id"),
                reply=Reply(action.action_id),
                token=action.value,
                reply_to={
                    "response_url": payload.response_url,
                    "blocks": msgspec.json.encode(message.blocks).decode(),
                },
            )


def _typed(form: Mapping[str, list[str]]) -> Asked:
    return Asked(
        address=_member(_field(form, "user_id"), "user_id"),
        text=form.get("text", [""])[0],
    )


def _form(call: Call) -> Mapping[str, list[str]]:
    try:
        text = call.body.decode("ascii")
        return parse_qs(text, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        raise PayloadError(
            where="body", problem="not a form", hint="Slack sends an encoded form."
        ) from None


def _field(form: Mapping[str, list[str]], name: str) -> str:
    if name not in form:
        raise PayloadError(
            where=name,
            problem="missing",
            hint="Check which of Slack's request URLs this address was entered as.",
        )
    return form[name][0]


def _member(text: str, where: str) -> str:
    if not _MEMBER.fullmatch(text):
        raise PayloadError(
            where=where, problem="not a member's id", hint="Slack names users U… or W…."
        )
    return text


def _event(call: Call) -> _EventCall:
    try:
        return _event_call.decode(call.body)
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            where="body",
            problem=f"not an event: {error}",
            hint="Give this address to Slack as the Events API's request URL only.",
        ) from None


def _is_slacks(url: str, settings: Mapping[str, str]) -> bool:
    """Whether a URL leads back to Slack; a signature says who sent it, not where to."""
    try:
        parts = urlsplit(url)
        own = urlsplit(settings.get("api_url") or API_URL)
    except ValueError:
        return False
    if parts.scheme == "https" and parts.hostname in _SLACK_HOSTS:
        return True
    return (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def _without_buttons(blocks: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield the blocks of a message without what can be pressed for an answer."""
    for block in blocks:
        if block.get("type") != "actions":
            yield block
            continue
        rest = [
            one
            for one in block.get("elements", ())
            if not (isinstance(one, dict) and one.get("action_id") in _REPLIES)
        ]
        if rest:
            yield block | {"elements": rest}


def _json(content: dict[str, Any]) -> HookReply:
    return HookReply(content_type="application/json", body=msgspec.json.encode(content))
