"""The envelope in which Sentry's clients send: lines of JSON, each before its payload.

The first line is about the envelope; then, for each item, a line with its type and
mostly its length, and the payload. Without a length an item is one line. Source:
develop.sentry.dev, "Envelopes". Only what is asked for is decoded; an attachment is
skipped by its length, whatever it holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_object, text_at

HINT: Final = "Let a client of Sentry send here, with the DSN of the instructions."
MAX_ITEMS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item; ``where`` is its place in the envelope, from 0."""

    kind: str
    payload: bytes
    where: str


def header_of(body: bytes) -> dict[str, Any]:
    """Return the first line of an envelope, or raise `PayloadError`."""
    return decode_object(body.partition(b"\n")[0], hint=HINT)


def items_of(body: bytes) -> Iterator[Item]:
    """Return the items of an envelope in their order, or raise `PayloadError`."""
    header_of(body)
    position = len(body.partition(b"\n")[0]) + 1
    for index in range(MAX_ITEMS):
        line, position = _line(body, position)
        if not line.strip():
            if position >= len(body):
                return
            continue
        where = f"$.items[{index}]"
        header = decode_object(line, hint=HINT)
        payload, position = _payload(body, position, header, where)
        yield Item(kind=text_at(header, "type"), payload=payload, where=where)


def _line(body: bytes, position: int) -> tuple[bytes, int]:
    end = body.find(b"\n", position)
    end = len(body) if end < 0 else end
    return body[position:end], end + 1


def _payload(
    body: bytes, position: int, header: dict[str, Any], where: str
) -> tuple[bytes, int]:
    length = header.get("length")
    if length is None:
        return _line(body, position)
    is_sound = isinstance(length, int) and 0 <= length <= len(body) - position
    if not is_sound:
        raise PayloadError(
            where=where, problem="the item is shorter than it says", hint=HINT
        )
    return body[position : position + length], position + length + 1
