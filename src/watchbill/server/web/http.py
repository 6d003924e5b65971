"""The little of HTTP that a bare ASGI application needs."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Headers = tuple[tuple[str, str], ...]


def header(scope: Scope, name: str) -> str:
    """Return a request header, empty when absent; ``name`` is in lower case."""
    wanted = name.encode("ascii")
    for key, value in scope["headers"]:
        if key == wanted:
            return str(value, "latin-1")
    return ""


def remote(scope: Scope) -> str:
    """Return the address of the client as the server saw it."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def answer_json(
    send: Send, status: int, content: object, *, headers: Headers = ()
) -> None:
    """Send a complete answer with a JSON body."""
    body = json.dumps(content).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
                *((name.encode(), value.encode()) for name, value in headers),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
