"""Posts as they are stored: the body as it came, and an envelope for the rest.

Most posts are a body and nothing else, and their envelope is null. It otherwise has
any of ``m`` (method), ``p`` (path), ``q`` (query) and ``h`` (headers).
"""

from collections.abc import Mapping
from typing import Any

from watchbill.integrations.sources import Config, Post
from watchbill.server.intake.models import InboxEntry, Integration


def envelope_of(post: Post) -> dict[str, Any] | None:
    """Return what is stored of a post besides its body."""
    parts: dict[str, Any] = {
        "m": post.method if post.method != "POST" else "",
        "p": post.path,
        "q": dict(post.query),
        "h": dict(post.headers),
    }
    return {name: part for name, part in parts.items() if part} or None


def post_of(body: bytes, envelope: Mapping[str, Any] | None) -> Post:
    """Return the post that was stored so."""
    if not envelope:
        return Post(body=body)
    return Post(
        body=body,
        method=envelope.get("m", "POST"),
        path=envelope.get("p", ""),
        query=envelope.get("q", {}),
        headers=envelope.get("h", {}),
    )


def read_entry(entry: InboxEntry) -> Post:
    """Return the post of an entry of the inbox."""
    return post_of(bytes(entry.body), entry.envelope)


def config_of(integration: Integration) -> Config:
    """Return what is set for an integration, as its source's module reads it."""
    return Config(options=integration.options, mapping=integration.mapping)
