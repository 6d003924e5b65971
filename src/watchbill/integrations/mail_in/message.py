"""A mail as text, whatever was done to it on the way.

Mail is old, and much of it is wrong: charsets that do not exist, bytes that are not of
the charset they name, headers that were never encoded. Everything here returns the
best text there is and raises nothing. What a charset does not say is tried as UTF-8
before the western code page, so that Burmese written by careless senders stays.
"""

import codecs
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr, parsedate_to_datetime
from html import unescape

from watchbill.integrations.text import one_line, printable

_BLOCKS = frozenset(
    {"article", "blockquote", "br", "div", "footer", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"header", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th", "tr"}
    | {"ul"}
)
_UNSEEN = frozenset({"head", "script", "style", "title", "template"})
_TAG = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]*|!)")
_SPACES = re.compile(r"\s+")
#: What Python can decode and no mail is written in. The first two take quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
_MOST = 100_000
"""Characters of a text that are looked at; nobody reads more of an alert."""

_LONGEST = 10_000

_MOST_BYTES = 1024 * 1024
"""Of a mail that are looked at. What a person reads stands before the attachments,
and five million empty lines take the parser seconds."""


class _Bounded(Compat32):
    """Headers of bounded length: parting one into parameters takes quadratic time."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST]


_POLICY = _Bounded()


def read(body: bytes) -> Message:
    """Return the bytes of a mail as a message; RecursionError for absurd nesting."""
    return message_from_bytes(body[:_MOST_BYTES], policy=_POLICY)


def header(message: Message, name: str) -> str:
    """Return a header by its name in lower case, decoded, on one line; or nothing."""
    # Not message[name]: it has put aside already what nobody encoded.
    values = (value for key, value in message.raw_items() if key.lower() == name)
    raw = _unescaped(str(next(values, ""))[:_LONGEST])
    try:
        parts = decode_header(raw)
    except (ValueError, LookupError, MessageError):  # of encoded words cut short
        return one_line(raw)
    return one_line("".join(_decoded(part, charset) for part, charset in parts))


def address(message: Message, name: str) -> str:
    """Return the address in a header, in lower case."""
    try:
        return one_line(parseaddr(header(message, name))[1]).lower()
    except (ValueError, IndexError):
        return ""


def date(message: Message) -> datetime | None:
    """Return when a mail says that it was sent; None when it does not say where."""
    try:
        found = parsedate_to_datetime(header(message, "date"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found.tzinfo is None or not 1971 < found.year < 9000:
        return None
    return found.astimezone(UTC)


def text(message: Message) -> str:
    """Return what a person reads: the plain text, else the HTML as text."""
    plain = [_payload(part) for part in _inline(message, "text/plain")]
    if any(one.strip() for one in plain):
        return _tidy("\n".join(plain))
    return _tidy(
        "\n".join(strip(_payload(one)) for one in _inline(message, "text/html"))
    )


def attachments(message: Message) -> tuple[str, ...]:
    """Return the names of the files that came along; they are never opened."""
    return tuple(
        _file_name(part)
        for part in message.walk()
        if not part.is_multipart() and _is_attachment(part)
    )


def strip(html: str) -> str:
    """Return HTML as text; links keep their words only.

    One pass over the tags: the parser of the standard library takes seconds for text
    that is made to be slow.
    """
    first, *rest = html[:_MOST].split("<")
    parts, hidden_by = [first], ""
    for piece in rest:
        inside, closed, text = piece.partition(">")
        found = _TAG.match(inside) if closed else None
        if found is None:
            parts.append("" if hidden_by else f"<{piece}")
            continue
        is_end, tag = bool(found[1]), found[2].lower()
        if hidden_by:
            hidden_by = "" if is_end and tag == hidden_by else hidden_by
        elif tag in _UNSEEN and not is_end and not inside.endswith("/"):
            hidden_by = tag
        if tag in _BLOCKS:
            parts.append(" " if tag in {"td", "th"} else "\n")
        if not hidden_by:
            parts.append(_SPACES.sub(" ", text))
    return unescape("".join(parts))


def _inline(message: Message, kind: str) -> list[Message]:
    return [
        part
        for part in message.walk()
        if part.get_content_type() == kind and not _is_attachment(part)
    ]


def _is_attachment(part: Message) -> bool:
    if str(part.get("content-disposition", "")).strip().lower().startswith("attach"):
        return True
    return part.get_content_maintype() != "text"


def _file_name(part: Message) -> str:
    name = _parameter(part, "filename", "content-disposition")
    name = name or _parameter(part, "name", "content-type")
    if not name:
        return f"({part.get_content_type()})"
    carrier = Message()
    carrier["name"] = name
    return header(carrier, "name")


def _payload(part: Message) -> str:
    try:
        raw = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        raw = None
    if not isinstance(raw, bytes):
        return ""
    return _decoded(raw, _parameter(part, "charset", "content-type"))


def _parameter(part: Message, name: str, of: str) -> str:
    """Return a parameter of a header; empty when absent.

    The library would decode it by whatever charset the mail names.
    """
    try:
        found = part.get_param(name, "", header=of)
    except (ValueError, LookupError, TypeError):  # of RFC 2231 that is none
        return ""
    if not isinstance(found, tuple):
        return found.strip()
    charset, _, text = found
    raw = text[:_LONGEST].encode("latin-1", "replace")
    return _decoded(raw, charset).strip()


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    for name in (charset, "utf-8", "windows-1252"):
        if not name:
            continue
        try:
            if codecs.lookup(name).name not in _NO_CHARSETS:
                return part.decode(name)
        except (UnicodeError, LookupError, ValueError):
            continue
    return part.decode("utf-8", "replace")


def _unescaped(raw: str) -> str:
    """Bytes that were never encoded stand as surrogates: read them as what they are."""
    if raw.isascii():
        return raw
    return _decoded(raw.encode("utf-8", "surrogateescape"), None)


def _tidy(found: str) -> str:
    """Text without blank lines at its ends, and never two of them in a row."""
    lines = [line.strip() for line in printable(found[:_MOST]).splitlines()]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip()
