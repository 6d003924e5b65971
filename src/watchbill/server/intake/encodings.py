"""Undoing the content encoding of a body, within a bound.

A few kilobytes can unfold into gigabytes, so no more is ever unfolded than may be
taken; a body that would be longer is refused before it is there. Brotli is understood
where its module is installed.
"""

import importlib
import zlib
from importlib.util import find_spec
from typing import Any

from watchbill.server.intake.refusal import Refusal

_brotli: Any = importlib.import_module("brotli") if find_spec("brotli") else None

KNOWN = ("gzip", "deflate", *(("br",) if _brotli else ()))

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS

_MAX_MEMBERS = 16
"""A body of ten thousand empty members would be copied ten thousand times."""


class TooLongError(Exception):
    """The body unfolds into more than may be taken."""


def decoded(body: bytes, encoding: str, *, limit: int) -> bytes:
    """Return a body as it was before ``Content-Encoding``.

    Raises `Refusal` for an encoding that is not understood or not what it says, and
    `TooLongError`.
    """
    name = encoding.strip().lower().removeprefix("x-")
    if name in {"", "identity"}:
        return body
    try:
        if name == "gzip":
            return _inflate_all(body, limit=limit)
        if name == "deflate":
            return _deflated(body, limit=limit)
        if name == "br" and _brotli is not None:
            return _unbrotli(body, limit=limit)
    except _BROKEN:
        raise Refusal(
            400,
            "bad_encoding",
            f"the body is not {name}, as Content-Encoding says",
            hint="send it plain, or encoded as it says",
        ) from None
    raise Refusal(
        415,
        "encoded",
        f"the content encoding {encoding[:40]!r} is not understood",
        hint=f"send it plain, or as one of {', '.join(KNOWN)}",
        headers=(("accept-encoding", ", ".join(KNOWN)),),
    )


_BROKEN: tuple[type[Exception], ...] = (
    zlib.error,
    EOFError,
    *((_brotli.error,) if _brotli else ()),
)


def _inflate_all(body: bytes, *, limit: int) -> bytes:
    """Unfold every member of a gzip file (RFC 1952, 2.2), of which there are few."""
    parts: list[bytes] = []
    left = limit
    rest = body
    while rest:
        if len(parts) == _MAX_MEMBERS:
            raise EOFError
        part, rest = _inflate(rest, _GZIP_OR_ZLIB, limit=left)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _deflated(body: bytes, *, limit: int) -> bytes:
    # By the standard it is zlib's format; many senders leave zlib's frame out.
    try:
        return _inflate(body, _GZIP_OR_ZLIB, limit=limit)[0]
    except zlib.error:
        return _inflate(body, _RAW, limit=limit)[0]


def _inflate(body: bytes, bits: int, *, limit: int) -> tuple[bytes, bytes]:
    engine = zlib.decompressobj(bits)
    found = engine.decompress(body, limit + 1)
    if len(found) > limit:
        raise TooLongError
    if not engine.eof:
        raise EOFError
    return found, engine.unused_data


def _unbrotli(body: bytes, *, limit: int) -> bytes:
    engine = _brotli.Decompressor()
    found: bytes = engine.process(body, output_buffer_limit=limit + 1)
    while len(found) <= limit and not engine.is_finished():
        if engine.can_accept_more_data():
            raise EOFError
        found += engine.process(b"", output_buffer_limit=limit + 1 - len(found))
    if len(found) > limit:
        raise TooLongError
    return found
