"""Reading a request's body before anything is spent on the request.

Whoever sends a byte a minute must hold nothing that others wait for. So the body is
read within a limit of size and one of time, and only then does the request take its
turn. What is too long is read on for a while and thrown away: a connection that is
closed while the other side still writes is reset, and the answer would not be heard.
"""

import asyncio

from watchbill.server.web.http import Message, Receive

_MAX_DRAIN = 8 * 1024 * 1024


class BodyRefusedError(Exception):
    """A body that is not taken, with the status that says why."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class ClientLeftError(Exception):
    """The client went away in the middle of its body, so nobody hears an answer."""


async def read_body(receive: Receive, *, limit: int, within: float) -> bytes:
    """Return the whole body of at most ``limit`` bytes; ``within`` is in seconds.

    Raises `BodyRefusedError` and `ClientLeftError`.
    """
    try:
        async with asyncio.timeout(within):
            return await _read(receive, limit)
    except TimeoutError:
        problem = f"the body did not come within {within:g} seconds"
        raise BodyRefusedError(408, problem) from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    more = True
    while more and size <= max(limit, _MAX_DRAIN):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        more = message.get("more_body", False)
    if size > limit:
        raise BodyRefusedError(413, f"the body is longer than {limit // 1024} KiB")
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body at once, then what else comes."""
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
