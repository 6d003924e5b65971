"""A Bot API server that is as strict as the real one.

It knows one bot and some chats. The token stands in the path; a method must be posted
as JSON with the right types and keep the limits, else it is refused with the words of
the real server. Updates that a test adds are handed out by getUpdates and forgotten
when a later offset confirms them.

    with TelegramDouble() as telegram:
        telegram.then(throttled(30), BLOCKED, HANG)
        telegram.press("acknowledge:token", sender=71)
"""

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramReply:
    """One scripted answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: Takes the message, then never answers.
    hangs: bool = False


def refused(code: int, description: str, **parameters: int) -> TelegramReply:
    body: Json = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return TelegramReply(status=code, body=json.dumps(body).encode())


def throttled(seconds: int) -> TelegramReply:
    return refused(
        429, f"Too Many Requests: retry after {seconds}", retry_after=seconds
    )


HANG = TelegramReply(hangs=True)
BLOCKED = refused(403, "Forbidden: bot was blocked by the user")
BAD_GATEWAY = TelegramReply(status=502, body=b"<html>502 Bad Gateway</html>")


def pressed(data: str, *, sender: int, keyboard: Json | None = None) -> Json:
    """Return the callback query of a pressed button."""
    button = {"text": "Take it", "callback_data": data}
    return {
        "id": "cb-1",
        "from": {"id": sender, "is_bot": False, "first_name": "May"},
        "message": {
            "message_id": 9,
            "date": 1,
            "chat": {"id": sender, "type": "private"},
            "reply_markup": keyboard or {"inline_keyboard": [[button]]},
        },
        "chat_instance": "1",
        "data": data,
    }


def typed(text: str, *, sender: int, chat: int | None = None) -> Json:
    """Return the message that somebody typed, in a group if ``chat`` is given."""
    place = chat if chat is not None else sender
    return {
        "message_id": 12,
        "date": 1,
        "from": {"id": sender, "is_bot": False, "first_name": "May"},
        "chat": {"id": place, "type": "private" if place > 0 else "group"},
        "text": text,
    }


class TelegramDouble:
    """A scripted Bot API server in a thread of its own."""

    def __init__(
        self,
        *script: TelegramReply,
        token: str = "700:AAdouble_token-x",
        chats: tuple[int, ...] = (71, 72, -100500),
        has_webhook: bool = False,
    ) -> None:
        self.token = token
        self.chats = chats
        self.has_webhook = has_webhook
        #: The calls that were accepted, in their order, by method.
        self.calls: list[tuple[str, Json]] = []
        self.updates: list[Json] = []
        self.offsets: list[int | None] = []
        self._script = deque(script)
        self._changed = threading.Condition()
        self.closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="telegram-double",
        )

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def messages(self) -> list[Json]:
        return [body for method, body in self.calls if method == "sendMessage"]

    def then(self, *script: TelegramReply) -> None:
        self._script.extend(script)

    def press(self, data: str, *, sender: int) -> None:
        """Add the update of a pressed button."""
        self._add(callback_query=pressed(data, sender=sender))

    def say(self, text: str, *, sender: int, chat: int | None = None) -> None:
        """Add the update of a typed message."""
        self._add(message=typed(text, sender=sender, chat=chat))

    def _add(self, **update: Json) -> None:
        number = 900 + len(self.updates)
        self.updates.append({"update_id": number, **update})

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

    def answer(self, path: str, content_type: str, body: bytes) -> TelegramReply:
        with self._changed:
            return self._answer(path, content_type, body)

    def _answer(self, path: str, content_type: str, body: bytes) -> TelegramReply:
        prefix, _, method = path.rpartition("/")
        if prefix != f"/bot{self.token}":
            known = prefix.startswith("/bot") and ":" in prefix
            return refused(401, "Unauthorized") if known else refused(404, "Not Found")
        if content_type != "application/json":
            return refused(400, "Bad Request: message text is empty")
        content: Json = json.loads(body)
        if method == "getUpdates":
            return self._get_updates(content)
        reply = self._script.popleft() if self._script else None
        if reply is not None and not reply.hangs:
            return reply
        fault = next(faults(method, content, self.chats), None)
        if fault is not None:
            return fault
        self.calls.append((method, content))
        if reply is not None:
            return reply
        result: Json | bool = True
        if method == "sendMessage":
            result = {
                "message_id": 40 + len(self.calls),
                "date": 1,
                "chat": {"id": content["chat_id"], "type": "private"},
                "text": content["text"],
            }
        said = {"ok": True, "result": result}
        return TelegramReply(body=json.dumps(said).encode())

    def _get_updates(self, content: Json) -> TelegramReply:
        if self.has_webhook:
            return refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use"
                " deleteWebhook to delete the webhook first",
            )
        offset = content.get("offset")
        self.offsets.append(offset)
        if offset is not None:
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
        found = self.updates[: content.get("limit", 100)]
        return TelegramReply(body=json.dumps({"ok": True, "result": found}).encode())


def faults(
    method: str, content: Json, chats: tuple[int, ...]
) -> Iterator[TelegramReply]:
    """Yield what the Bot API would refuse."""
    match method:
        case "sendMessage":
            yield from _faults_of_message(content, chats)
        case "answerCallbackQuery":
            if len(content.get("text", "")) > 200:
                yield refused(400, "Bad Request: MESSAGE_TOO_LONG")
            if not isinstance(content.get("callback_query_id"), str):
                yield refused(400, "Bad Request: QUERY_ID_INVALID")
        case "editMessageReplyMarkup":
            if content.get("chat_id") not in chats:
                yield refused(400, "Bad Request: chat not found")
            if not isinstance(content.get("message_id"), int):
                yield refused(400, "Bad Request: message identifier is not specified")
        case _:
            yield refused(404, "Not Found")
    yield from _faults_of_keyboard(content.get("reply_markup"))


def _faults_of_message(
    content: Json, chats: tuple[int, ...]
) -> Iterator[TelegramReply]:
    text = content.get("text")
    if content.get("chat_id") not in chats:
        yield refused(400, "Bad Request: chat not found")
    if not isinstance(text, str) or not text.strip():
        yield refused(400, "Bad Request: message text is empty")
        return
    units = len(text.encode("utf-16-le")) // 2
    if units > 4096:
        yield refused(400, "Bad Request: message is too long")
    if content.get("parse_mode"):
        yield refused(400, "Bad Request: can't parse entities")
    for entity in content.get("entities", []):
        if entity["offset"] + entity["length"] > units or entity["length"] < 1:
            yield refused(400, "Bad Request: ENTITY_BOUNDS_INVALID")
    if not isinstance(content.get("disable_notification", False), bool):
        yield refused(400, "Bad Request: can't parse disable_notification")


def _faults_of_keyboard(markup: Json | None) -> Iterator[TelegramReply]:
    rows = (markup or {}).get("inline_keyboard", [])
    if sum(len(row) for row in rows) > 100 or any(not 1 <= len(r) <= 8 for r in rows):
        yield refused(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    for button in (button for row in rows for button in row):
        kinds = button.keys() & {"url", "callback_data"}
        if not button.get("text") or len(kinds) != 1:
            yield refused(400, "Bad Request: text buttons are unallowed")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            yield refused(400, "Bad Request: BUTTON_DATA_INVALID")
        if "url" in button and not _is_taken(button["url"]):
            yield refused(
                400,
                f"Bad Request: inline keyboard button URL '{button['url']}' is"
                " invalid: Wrong HTTP URL",
            )


def _is_taken(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme in {"http", "https"} and "." in host and host != "127.0.0.1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, telegram: TelegramDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.telegram = telegram


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        telegram = self.server.telegram
        reply = telegram.answer(self.path, self.headers.get_content_type(), body)
        if reply.hangs:
            telegram.closing.wait(60)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
