"""What the doubles of simple HTTP services share: a script, a record, a thread.

A double says in `judge` what the real service would say to a request, and keeps in
`taken` what it took. Each request takes the next item of the script, which is answered
unread; afterwards requests are judged.

    with WebhookDouble(secret) as receiver:
        receiver.then(Reply(status=503), HANG)
        ... post to receiver.origin ...
        receiver.wait_for(1)
"""

import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A request as it arrived; the names of the headers are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Judges and keeps the request, then never answers.
    hangs: bool = False


HANG = Reply(hangs=True)


def throttled(seconds: int) -> Reply:
    return Reply(status=429, headers={"Retry-After": str(seconds)})


class ScriptedServer(Generic[T]):
    """A scripted HTTP server on a loopback port, in a thread of its own."""

    def __init__(self, *script: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.taken: list[T] = []
        self.requests = 0
        self.closing = threading.Event()
        self._script = deque(script)
        self._changed = threading.Condition()
        self._scheme = "https" if tls else "http"
        self._server = _Server(self)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=type(self).__name__,
        )

    @property
    def origin(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def judge(self, posted: Posted) -> Reply:
        """Return the service's answer, after `keep` if it takes the request."""
        raise NotImplementedError

    def keep(self, item: T) -> None:
        with self._changed:
            self.taken.append(item)
            self._changed.notify_all()

    def then(self, *script: Reply) -> None:
        """Append to the script."""
        self._script.extend(script)

    def wait_for(self, count: int, *, timeout: float = 10) -> list[T]:
        """Return what was taken as soon as it is this much, or fail."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: len(self.taken) >= count, timeout=timeout
            )
        assert done, f"{len(self.taken)} of {count} requests taken in {timeout} s"
        return list(self.taken)

    def answer(self, posted: Posted) -> Reply | None:
        with self._changed:
            self.requests += 1
            scripted = self._script.popleft() if self._script else None
        if scripted is not None and not scripted.hangs:
            return scripted
        judged = self.judge(posted)
        if scripted is None:
            return judged
        self.closing.wait(60)
        return None

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: ScriptedServer[Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_GET(self) -> None:
        self._answer(Reply(status=405))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.double.answer(
            Posted(path=self.path, headers=headers, body=body)
        )
        if reply is not None:
            self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
