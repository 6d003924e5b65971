"""An SMSPoh that does as it is told, and is as strict as the real one.

It takes ``/api/rest/send`` (version 3) and ``/api/v2/send`` on a loopback port. A
request must be JSON with the right bearer token, name a sender that was approved and
a number, else it is refused as SMSPoh refuses it. Each request that would be taken
uses up the next item of the script; afterwards all are taken.

`receipt` and `inbox` post to the hooks what SMSPoh would.

    with SmspohDouble() as smspoh:
        smspoh.then(unauthorized(), HANG)
        ... post to smspoh.api_url with smspoh.settings ...
        smspoh.receipt(smspoh.messages[0], "Delivered")
"""

import base64
import http.client
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

KEY, SECRET = "key-of-the-double", "secret-of-the-double"
TOKEN_2 = "token-of-version-2"
HOOK_SECRET = "hook-secret-of-the-double"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmspohReply:
    """One scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: Takes the message, then never answers.
    hangs: bool = False


HANG = SmspohReply(hangs=True)


def error(
    status: int, name: str, message: str, headers: dict[str, str] | None = None
) -> SmspohReply:
    said = {"name": name, "message": message, "code": 0, "status": status}
    return SmspohReply(
        status=status, body=json.dumps(said).encode(), headers=headers or {}
    )


def unauthorized() -> SmspohReply:
    said = "Your request was made with invalid credentials."
    return error(401, "Unauthorized", said)


def invalid(name: str, message: str) -> SmspohReply:
    said = [{"field": name, "message": message}]
    return SmspohReply(status=422, body=json.dumps(said).encode())


def throttled(seconds: int) -> SmspohReply:
    return error(
        429, "Too Many Requests", "Rate limit exceeded.", {"Retry-After": str(seconds)}
    )


def broken(status: int = 503) -> SmspohReply:
    return SmspohReply(status=status, body=b"<html>unavailable</html>")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmspohMessage:
    """A message that was taken, or may have been (`HANG`)."""

    id: str
    fields: dict[str, Any]

    @property
    def to(self) -> str:
        return str(self.fields["to"])

    @property
    def text(self) -> str:
        return str(self.fields["message"])


class SmspohDouble:
    """A scripted SMSPoh in a thread of its own."""

    def __init__(
        self, *script: SmspohReply, senders: tuple[str, ...] = ("WatchBill",)
    ) -> None:
        self.senders = senders
        self.messages: list[SmspohMessage] = []
        self.closing = threading.Event()
        self._script = deque(script)
        self._changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="smspoh-double",
        )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_url(self) -> str:
        return f"{self.origin}/api/rest"

    @property
    def settings(self) -> dict[str, str]:
        """What the channel is set up with, for version 3."""
        return {
            "api_key": KEY,
            "api_secret": SECRET,
            "sender": self.senders[0],
            "hook_secret": HOOK_SECRET,
            "api_url": self.api_url,
        }

    @property
    def settings_2(self) -> dict[str, str]:
        """What the channel is set up with, for version 2."""
        return {
            "token": TOKEN_2,
            "sender": self.senders[0],
            "sender_field": "sender",
            "hook_secret": HOOK_SECRET,
            "api_url": f"{self.origin}/api/v2",
        }

    def then(self, *script: SmspohReply) -> None:
        """Append to the script."""
        self._script.extend(script)

    def wait_for(self, count: int, *, timeout: float = 10) -> list[SmspohMessage]:
        """Return the messages as soon as there are this many, or fail."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: len(self.messages) >= count, timeout=timeout
            )
        assert done, f"{len(self.messages)} of {count} messages in {timeout} s"
        return list(self.messages)

    # ── What SMSPoh does afterwards ───────────────────────────────────────────────

    def receipt(self, message: SmspohMessage, status: str) -> int:
        """Post what became of a message, and return the status of the answer."""
        fields = {
            "messageId": message.id,
            "to": re.sub("^09", "959", message.to),
            "clientReference": str(message.fields.get("clientReference", "")),
            "status": status,
            "updatedAt": "2024-12-23 00:00:00",
            "finishedAt": "2024-12-23 00:02:00",
        }
        return post(
            str(message.fields["deliveryReceiptUrl"]),
            urlencode(fields).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def inbox(self, url: str, *, sender: str, text: str) -> int:
        """Post a message that somebody sent to the number that SMSPoh lends us."""
        fields = {
            "message": text,
            "from": sender,
            "to": "959450000000",
            "messageType": "sms.text",
            "receivedAt": "2025-01-01 11:24:02",
        }
        return post(
            url, json.dumps(fields).encode(), {"Content-Type": "application/json"}
        )

    # ── Running ───────────────────────────────────────────────────────────────────

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

    def next_reply(self) -> SmspohReply | None:
        with self._changed:
            return self._script.popleft() if self._script else None

    def take(self, fields: dict[str, Any], *, is_v2: bool) -> SmspohMessage:
        with self._changed:
            number = len(self.messages) + 1
            id = str(12344 + number) if is_v2 else f"F5BR4DB-44A1C-446C-{number:04}"
            taken = SmspohMessage(id=id, fields=fields)
            self.messages.append(taken)
            self._changed.notify_all()
            return taken

    def fault(self, fields: dict[str, Any], sender: str) -> SmspohReply | None:
        """Return how SMSPoh would refuse this, or None."""
        number = fields.get("to", "")
        if not re.fullmatch(r"(09|959|\+959)\d{7,9}|\+[1-9]\d{6,14}", str(number)):
            return invalid("to", "To is invalid.")
        if not fields.get("message"):
            return invalid("message", "Message cannot be blank.")
        if fields.get(sender) not in self.senders:
            return invalid("from", "Sender ID is not approved.")
        return None


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Make a request of SMSPoh to a hook on this machine."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=10
    )
    try:
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, smspoh: SmspohDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.smspoh = smspoh


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_GET(self) -> None:
        self._answer(error(405, "Method Not Allowed", "Only POST is allowed."))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_v2 = self.path == "/api/v2/send"
        joined = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        token = TOKEN_2 if is_v2 else joined
        if not (is_v2 or self.path == "/api/rest/send"):
            self._answer(error(404, "Not Found", "Page not found."))
        elif self.headers.get("Authorization") != f"Bearer {token}":
            self._answer(unauthorized())
        elif self.headers.get_content_type() != "application/json":
            self._answer(error(415, "Unsupported Media Type", "Send JSON."))
        else:
            self._send(json.loads(body), is_v2=is_v2)

    def _send(self, fields: dict[str, Any], *, is_v2: bool) -> None:
        smspoh = self.server.smspoh
        if fault := smspoh.fault(fields, "sender" if is_v2 else "from"):
            self._answer(fault)
            return
        reply = smspoh.next_reply()
        if reply is not None and not reply.hangs:
            self._answer(reply)
            return
        taken = smspoh.take(fields, is_v2=is_v2)
        if reply is not None:
            smspoh.closing.wait(60)
            return
        said: dict[str, Any] = {
            "messages": [
                {
                    "messageId": taken.id,
                    "to": re.sub("^09", "959", taken.to),
                    "clientReference": fields.get("clientReference", ""),
                    "status": "Accepted",
                    "test": False,
                }
            ]
        }
        if is_v2:
            sent = {"id": int(taken.id), "is_delivered": False, "is_queuing": True}
            said = {"status": True, "data": {"messages": [sent], "balance": 982088}}
        self._answer(SmspohReply(status=201, body=json.dumps(said).encode()))

    def _answer(self, reply: SmspohReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
