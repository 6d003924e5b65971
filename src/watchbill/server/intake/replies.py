"""What a source is answered, by its module or in our own words.

Whatever a module answers, it is never cached, always has a length, and never carries a
line break in a header; and what a refusal must say by HTTP (``Allow``, ``Retry-After``
and ``WWW-Authenticate``) is added where the module has not said it. If the module
fails, which it must not, our own words are sent: what was done stays true.
"""

import json
import logging

from watchbill.integrations.sources import (
    Accepted,
    Inbound,
    Post,
    PostReply,
    Reading,
    Refused,
)
from watchbill.server.intake.refusal import Refusal

logger = logging.getLogger(__name__)

_ALWAYS = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))


def _plain(status: int, content: object) -> PostReply:
    return PostReply(status=status, body=json.dumps(content).encode())


_ONE_SIGNAL = _plain(202, {"status": "accepted", "signals": 1})


def accepted(
    source: Inbound,
    post: Post,
    reading: Reading,
    receipt: Accepted,
    *,
    count: int,
) -> PostReply:
    """Return the answer to a post that is on disk."""
    speak = getattr(source, "accepted", None)
    if speak is not None:
        try:
            reply: PostReply = speak(post, reading, receipt)
        except Exception:  # a mistake of the module: the post is on disk nevertheless
            logger.exception("a source could not say that it has accepted a post")
        else:
            return reply
    if count == 1 and not reading.problems:
        return _ONE_SIGNAL
    content: dict[str, object] = {
        "status": "accepted",
        "signals": count,
    }
    if reading.problems:
        content["problems"] = list(reading.problems)
    return _plain(202, content)


def refused(source: Inbound | None, refusal: Refusal, told: Refused) -> PostReply:
    """Return the answer to a request that is not taken."""
    speak = getattr(source, "refused", None)
    reply = _refused(told)
    if speak is not None:
        try:
            reply = speak(told)
        except Exception:  # a mistake of the module: it stays a refusal
            logger.exception("a source could not say that it has refused a post")
    said = {name.lower() for name, _ in reply.headers}
    more = tuple(pair for pair in refusal.headers if pair[0] not in said)
    return PostReply(
        status=reply.status, body=reply.body, headers=(*reply.headers, *more)
    )


def _refused(told: Refused) -> PostReply:
    content = {
        "status": "refused",
        "reason": told.reason,
        "problem": told.problem,
        "where": told.where,
        "hint": told.hint,
    }
    shown = {name: text for name, text in content.items() if text}
    return _plain(told.status, shown)


def headers_of(reply: PostReply) -> list[tuple[bytes, bytes]]:
    """Return the headers to send, the length of the body among them."""
    said = {name.lower() for name, _ in reply.headers}
    pairs = [
        *reply.headers,
        *(pair for pair in _ALWAYS if pair[0] not in said),
        ("content-length", str(len(reply.body))),
    ]
    return [
        (_line(name.lower()), _line(value))
        for name, value in pairs
        if name.lower() != "content-length" or value == str(len(reply.body))
    ]


def _line(text: str) -> bytes:
    kept = "".join(one for one in text if one >= " " and one != "\x7f")
    return kept.encode("latin-1", "replace")
