"""A TCP server that runs a script of bytes, for answers that no library would give.

The script is a function of the connection; it runs in a thread once per connection
and may use `Connection.wait` to stand still until the test is over.

    with RawServer(lambda c: c.send(b"HTTP/1.1 200 OK\\r\\n\\r\\n")) as server:
        ... connect to server.port ...
"""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Connection:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, closing: threading.Event) -> None:
        self.sock = sock
        self._closing = closing

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def receive_request(self) -> bytes:
        """Return one HTTP request with its body."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += self._receive()
        return head + b"\r\n\r\n" + body

    def _receive(self) -> bytes:
        received = self.sock.recv(65536)
        if not received:
            raise ConnectionError("the client went away")
        return received

    def wait(self, seconds: float = 60) -> bool:
        """Stand still; True when the test is over."""
        return self._closing.wait(seconds)


class RawServer:
    """Runs a script for each connection to a loopback address."""

    def __init__(
        self,
        script: Callable[[Connection], object],
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._script = script
        self._tls = tls
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="raw-server")
        self._workers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        # Wakes accept(), which closing alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()
        for worker in self._workers:
            worker.join(10)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            worker = threading.Thread(target=self._serve, args=(sock,))
            self._workers.append(worker)
            worker.start()

    def _serve(self, sock: socket.socket) -> None:
        # A client that hangs up is part of many scripts.
        with sock, suppress(OSError):
            wrapped = (
                self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            )
            with wrapped:
                self._script(Connection(wrapped, self._closing))
