"""A mail server and a chat server that keep what they are sent.

They speak SMTP and as much of Slack's Web API as the product asks for, so that the
demo delivers through the very channels of the product, over real sockets on the
loopback address.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from watchbill.server import clock
from watchbill.server.demo.state import Received

Keep = Callable[[Received], None]

_LINK = re.compile(r"^(?P<label>[^\n:]+):\n(?P<url>https?://\S+)$", re.MULTILINE)
_LOOPBACK = "127.0.0.1"
_ROOM = "C0DEMO"


@contextmanager
def mail_server(keep: Keep) -> Iterator[str]:
    """Run a mail server; yields its ``smtp://`` URL."""
    controller = _AnyPort(_Mailbox(keep), hostname=_LOOPBACK, port=0)
    controller.start()
    try:
        yield f"smtp://{_LOOPBACK}:{controller.port}"
    finally:
        controller.stop()


@contextmanager
def chat_server(keep: Keep) -> Iterator[str]:
    """Run a chat server; yields the base URL of its API."""

    class Handler(_Chat):
        received = staticmethod(keep)

    server = ThreadingHTTPServer((_LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{_LOOPBACK}:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _AnyPort(Controller):
    """A controller that listens on whichever port is free.

    aiosmtpd greets its own server once to see that it works, at the port that it was
    told; that port must be the real one by then.
    """

    server: asyncio.Server

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class _Mailbox:
    """The handler of aiosmtpd."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = message_from_bytes(raw, policy=policy.default)
        text = _text_of(message)
        self._keep(
            Received(
                at=clock.now(),
                to=", ".join(envelope.rcpt_tos),
                subject=str(message["Subject"]),
                text=_LINK.sub("", text).strip(),
                links=tuple(
                    (found["label"], found["url"]) for found in _LINK.finditer(text)
                ),
            )
        )
        return "250 Kept for the demo"


class _Chat(BaseHTTPRequestHandler):
    """Slack's Web API, as far as the demo needs it: one room, and posts that show."""

    received: Keep

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        post = json.loads(self.rfile.read(length))
        method = self.path.rpartition("/")[2]
        if method.startswith("conversations."):
            self._answer(channel={"id": _ROOM, "name": post.get("name", "inc-1")})
            return
        at = clock.now()
        if method == "chat.postMessage":
            self.received(
                Received(
                    at=at,
                    to=f"Slack {_called(post['channel'])}",
                    subject="",
                    text=post.get("text", ""),
                    links=(),
                )
            )
        self._answer(ts=f"{at.timestamp():.6f}")

    def _answer(self, **values: object) -> None:
        answer = json.dumps({"ok": True, **values}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing on the terminal: the story does."""


def _called(channel: str) -> str:
    return "room of the incident" if channel == _ROOM else channel


def _text_of(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
