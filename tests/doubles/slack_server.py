"""A Slack that does as it is told, and is as strict as the real one.

It answers ``chat.postMessage`` and ``chat.update``, makes and fills channels, takes
``response_url`` and one incoming webhook, on a loopback port. A request must have the
right method, content type and token, name a known channel and keep the limits of
Block Kit, else it is refused as Slack refuses it. Each request takes the next item of
the script; afterwards all are accepted. `pressed`, `typed` and `sign` make the requests
that Slack makes when somebody presses or types.

    with SlackDouble() as slack:
        slack.then(throttled(30), refused("is_archived"), HANG)
        ... post to slack.api_url with slack.token ...
        slack.wait_for(1)
"""

import hashlib
import hmac
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackReply:
    """One scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: Records the message, then never answers.
    hangs: bool = False


HANG = SlackReply(hangs=True)


def throttled(seconds: int) -> SlackReply:
    return SlackReply(
        status=429,
        body=b'{"ok":false,"error":"ratelimited"}',
        headers={"Retry-After": str(seconds)},
    )


def refused(error: str) -> SlackReply:
    return SlackReply(body=json.dumps({"ok": False, "error": error}).encode())


def broken(status: int = 503) -> SlackReply:
    return SlackReply(status=status, body=b"upstream connect error")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """A message that was posted, or may have been (`HANG`)."""

    channel: str
    #: As Slack's answer names the channel.
    channel_id: str
    text: str
    blocks: tuple[dict[str, Any], ...]
    ts: str
    thread_ts: str
    idempotency_key: str
    raw: dict[str, Any]

    @property
    def buttons(self) -> dict[str, str]:
        """The address behind each button, by its label."""
        return {
            element["text"]["text"]: element["url"]
            for block in self.blocks
            if block["type"] == "actions"
            for element in block["elements"]
            if "url" in element
        }

    @property
    def answers(self) -> dict[str, str]:
        """The token behind each button that is pressed in place, by its action."""
        return {
            element["action_id"]: element["value"]
            for block in self.blocks
            if block["type"] == "actions"
            for element in block["elements"]
            if "value" in element
        }


@dataclass(slots=True, kw_only=True)
class SlackRoom:
    """A channel that was made through the API."""

    id: str
    name: str
    is_private: bool
    topic: str = ""
    purpose: str = ""
    members: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """A request that Slack makes to an app."""

    headers: dict[str, str]
    body: bytes


def sign(body: bytes, *, secret: str, at: datetime) -> SignedCall:
    """Sign a form as Slack does (docs.slack.dev, verifying requests)."""
    stamp = str(int(at.timestamp()))
    base = b"v0:" + stamp.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return SignedCall(
        headers={
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        },
        body=body,
    )


def pressed(message: SlackMessage, action: str, *, by: str, url: str = "") -> bytes:
    """Return the form that Slack posts when somebody presses a button."""
    payload = {
        "type": "block_actions",
        "user": {"id": by, "username": "somebody", "team_id": "T0"},
        "api_app_id": "A0",
        "container": {"type": "message", "message_ts": message.ts},
        "trigger_id": "13345224609.738474920.8088930838d88f008e0",
        "channel": {"id": message.channel, "name": "incidents"},
        "message": {"text": message.text, "blocks": list(message.blocks)},
        "response_url": url,
        "actions": [
            {
                "type": "button",
                "action_id": action,
                "value": message.answers.get(action, ""),
                "action_ts": "1700000001.000000",
            }
        ],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def typed(text: str, *, by: str, trigger: str = "1") -> bytes:
    """Return the form that Slack posts for a slash command."""
    form = {
        "token": "legacy",
        "team_id": "T0",
        "channel_id": "C0INCIDENTS",
        "user_id": by,
        "user_name": "somebody",
        "command": "/watchbill",
        "text": text,
        "trigger_id": trigger,
    }
    return urlencode(form).encode()


class SlackDouble:
    """A scripted Slack in a thread of its own."""

    def __init__(
        self,
        *script: SlackReply,
        token: str = "xoxb-double",
        channels: tuple[str, ...] = ("#incidents", "#alerts", "C0INCIDENTS"),
    ) -> None:
        self.token = token
        self.channels = channels
        self.members = {"U0ANA", "U0BO", "U0DEVOPS"}
        self.messages: list[SlackMessage] = []
        self.updates: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        self.rooms: dict[str, SlackRoom] = {}
        self.requests = 0
        self._script = deque(script)
        self._changed = threading.Condition()
        self.closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="slack-double",
        )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api"

    @property
    def webhook_url(self) -> str:
        return f"{self.origin}/services/T0/B0/secret"

    @property
    def response_url(self) -> str:
        return f"{self.origin}/actions/T0/1/secret"

    def then(self, *script: SlackReply) -> None:
        """Append to the script."""
        self._script.extend(script)

    def wait_for(self, count: int, *, timeout: float = 10) -> list[SlackMessage]:
        """Return the messages as soon as there are this many, or fail."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: len(self.messages) >= count, timeout=timeout
            )
        assert done, f"{len(self.messages)} of {count} messages in {timeout} s"
        return list(self.messages)

    def wait_for_response(self, *, timeout: float = 10) -> dict[str, Any]:
        """Return the first message to a response_url as soon as it is there."""
        with self._changed:
            done = self._changed.wait_for(lambda: self.responses, timeout=timeout)
        assert done, f"no response in {timeout} s"
        return self.responses[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def next_reply(self) -> SlackReply | None:
        with self._changed:
            self.requests += 1
            return self._script.popleft() if self._script else None

    def record(self, message: dict[str, Any]) -> SlackMessage:
        with self._changed:
            payload = message.get("metadata", {}).get("event_payload", {})
            posted = SlackMessage(
                channel=message.get("channel", "(webhook)"),
                channel_id=channel_id(message.get("channel", "")),
                text=message.get("text", ""),
                blocks=tuple(message.get("blocks", ())),
                ts=f"1700000000.{len(self.messages) + 1:06d}",
                thread_ts=message.get("thread_ts", ""),
                idempotency_key=payload.get("idempotency_key", ""),
                raw=message,
            )
            self.messages.append(posted)
            self._changed.notify_all()
            return posted

    def respond(self, message: dict[str, Any]) -> None:
        with self._changed:
            self.responses.append(message)
            self._changed.notify_all()

    def call(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a method of the Web API other than chat.postMessage."""
        methods: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "chat.update": self._update,
            "conversations.create": self._create,
            "conversations.invite": self._invite,
            "conversations.setTopic": lambda one: self._name(one, "topic"),
            "conversations.setPurpose": lambda one: self._name(one, "purpose"),
        }
        if method not in methods:
            return {"ok": False, "error": "unknown_method"}
        with self._changed:
            return methods[method](body)

    def _update(self, body: Mapping[str, Any]) -> dict[str, Any]:
        known = {(one.channel_id, one.ts) for one in self.messages}
        if (body.get("channel"), body.get("ts")) not in known:
            return {"ok": False, "error": "message_not_found"}
        if list(faults(body.get("blocks", []))):
            return {"ok": False, "error": "invalid_blocks"}
        self.updates.append(dict(body))
        return {"ok": True, "channel": body["channel"], "ts": body["ts"]}

    def _create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name = str(body.get("name", ""))
        if not re.fullmatch(r"[a-z0-9_-]{1,80}", name):
            return {"ok": False, "error": "invalid_name_specials"}
        if name in {one.name for one in self.rooms.values()}:
            return {"ok": False, "error": "name_taken"}
        room = SlackRoom(
            id=f"C0ROOM{len(self.rooms) + 1}",
            name=name,
            is_private=body.get("is_private") is True,
        )
        self.rooms[room.id] = room
        self.channels = (*self.channels, room.id)
        return {"ok": True, "channel": {"id": room.id, "name": room.name}}

    def _invite(self, body: Mapping[str, Any]) -> dict[str, Any]:
        room = self.rooms.get(str(body.get("channel")))
        if room is None:
            return {"ok": False, "error": "channel_not_found"}
        members = str(body.get("users", "")).split(",")
        for member in members:
            if member not in self.members:
                return {"ok": False, "error": "user_not_found"}
            if member in room.members:
                return {"ok": False, "error": "already_in_channel"}
        room.members += members
        return {"ok": True, "channel": {"id": room.id}}

    def _name(self, body: Mapping[str, Any], what: str) -> dict[str, Any]:
        room = self.rooms.get(str(body.get("channel")))
        if room is None:
            return {"ok": False, "error": "channel_not_found"}
        if len(str(body[what])) > 250:
            return {"ok": False, "error": "too_long"}
        setattr(room, what, body[what])
        return {"ok": True, "channel": {"id": room.id}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, slack: SlackDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.slack = slack


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_GET(self) -> None:
        self._answer(SlackReply(status=405, body=b"method_not_allowed"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        slack = self.server.slack
        if self.path == "/actions/T0/1/secret":
            slack.respond(json.loads(body))
            self._answer(SlackReply(body=b"ok"))
            return
        if self.path.startswith("/api/") and self.path != "/api/chat.postMessage":
            self._call(body)
            return
        is_webhook = self.path == "/services/T0/B0/secret"
        if not (is_webhook or self.path == "/api/chat.postMessage"):
            self._answer(SlackReply(status=404, body=b"no_service"))
            return
        reply = slack.next_reply()
        if reply is not None and not reply.hangs:
            self._answer(reply)
            return
        error, message = self._read(body, is_webhook=is_webhook)
        if error:
            self._answer(
                SlackReply(status=400, body=error.encode())
                if is_webhook
                else refused(error)
            )
            return
        posted = slack.record(message)
        if reply is not None:
            slack.closing.wait(60)
            return
        said = {"ok": True, "channel": posted.channel_id, "ts": posted.ts}
        body = b"ok" if is_webhook else json.dumps(said).encode()
        self._answer(SlackReply(body=body))

    def _call(self, body: bytes) -> None:
        slack = self.server.slack
        reply = slack.next_reply()
        if reply is not None:
            self._answer(reply)
            return
        if self.headers.get("Authorization") != f"Bearer {slack.token}":
            self._answer(refused("invalid_auth"))
            return
        if self.headers.get_content_type() != "application/json":
            self._answer(refused("invalid_arguments"))
            return
        said = slack.call(self.path.removeprefix("/api/"), json.loads(body))
        self._answer(SlackReply(body=json.dumps(said).encode()))

    def _read(self, body: bytes, *, is_webhook: bool) -> tuple[str, dict[str, Any]]:
        slack = self.server.slack
        if self.headers.get_content_type() != "application/json":
            return "invalid_arguments", {}
        if not is_webhook:
            way, _, token = self.headers.get("Authorization", "").partition(" ")
            if way != "Bearer" or not token:
                return "not_authed", {}
            if token != slack.token:
                return "invalid_auth", {}
        try:
            message = json.loads(body)
        except ValueError:
            return "invalid_payload" if is_webhook else "invalid_json", {}
        if not is_webhook and message.get("channel") not in slack.channels:
            return "channel_not_found", {}
        if not (message.get("text") or message.get("blocks")):
            return "no_text", {}
        if list(faults(message.get("blocks", []))):
            return "invalid_blocks", {}
        return "", message

    def _answer(self, reply: SlackReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


def channel_id(channel: str) -> str:
    """Return the id of a channel that may be given by its name."""
    name = re.sub(r"[^A-Z0-9]", "", channel.upper())
    return name if name.startswith("C0") else f"C0{name}"


def faults(blocks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what Slack would refuse in these blocks (Block Kit reference)."""
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks of at most 50"
    ids = [e.get("action_id") for b in blocks for e in b.get("elements", ())]
    if len(ids) != len(set(ids)):
        yield "an action_id is used twice"
    for block in blocks:
        yield from _faults_of_block(block)


def _faults_of_block(block: dict[str, Any]) -> Iterator[str]:
    match block:
        case {"type": "header", "text": text}:
            yield from _faults_of_text(text, 150)
        case {"type": "section", "text": text}:
            yield from _faults_of_text(text, 3000)
        case {"type": "section", "fields": fields} if 1 <= len(fields) <= 10:
            for text in fields:
                yield from _faults_of_text(text, 2000)
        case {"type": "actions", "elements": buttons} if 1 <= len(buttons) <= 25:
            for button in buttons:
                yield from _faults_of_text(button["text"], 75)
                if len(button.get("url", "")) > 3000:
                    yield "the URL of a button is too long"
                if len(button.get("value", "")) > 2000:
                    yield "the value of a button is too long"
                if not ("url" in button or button.get("value")):
                    yield "a button that does nothing"
        case _:
            yield f"a block that Slack does not know: {block}"


def _faults_of_text(text: dict[str, Any], limit: int) -> Iterator[str]:
    if text["type"] not in {"plain_text", "mrkdwn"}:
        yield f"unknown text {text['type']}"
    if not 1 <= len(text["text"]) <= limit:
        yield f"{len(text['text'])} characters of 1 to {limit}"
