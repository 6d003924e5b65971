"""One post as people look at it: as it came, and as it is read.

The body is a stranger's. It is shown as text of bounded length, with what could forge
a line made visible, and never as anything that a browser would run. Nothing in it may
cost a page its answer: laying it out ends where the page ends, and whatever a source's
module makes of it, the page shows that as the problem.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from functools import singledispatch
from typing import Any

from watchbill.core.alerts import Act, Beat, ChangeReport, Report, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.text import printable, web_url
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.intake.posts import config_of, read_entry
from watchbill.server.intake.sources import sources

SHOWN = 60_000
"""Characters of a body that a page shows; the file has all of it."""

_REPORTS = 50
_PRETTY = 1_000_000
"""A longer body is shown as it came: laying it out anew would hold up a page."""

_DEPTH = 50
"""A deeper one too: indenting it would fill the page with spaces."""

logger = logging.getLogger(__name__)

Pairs = list[tuple[str, str]]


def body_text(body: bytes) -> tuple[str, bool]:
    """Return a body as text, and whether the text ends early."""
    # A character has four bytes at most.
    plain = body[: 4 * (SHOWN + 1)].decode("utf-8", "replace")
    text = printable(_pretty(body) or plain)
    return text[:SHOWN], len(text) > SHOWN


def _pretty(body: bytes) -> str | None:
    """JSON laid out over lines, as far as it is shown; None for anything else."""
    if len(body) > _PRETTY or body.lstrip()[:1] not in {b"{", b"["}:
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if _is_deep(value):
        return None
    parts: list[str] = []
    size = 0
    for part in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
        parts.append(part)
        size += len(part)
        if size > SHOWN:
            break
    return "".join(parts)


def _is_deep(value: object) -> bool:
    """Whether a value is nested more than :data:`_DEPTH` times."""
    level = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def envelope(entry: InboxEntry) -> Pairs:
    """Return what else of a request is kept besides its body."""
    post = read_entry(entry)
    pairs = [("Method", post.method)]
    if post.path:
        pairs.append(("Path", post.path))
    pairs += [(f"?{name}", value) for name, value in post.query.items()]
    pairs += [(f"{name}:", value) for name, value in post.headers.items()]
    return [(printable(name), printable(str(value))) for name, value in pairs]


def as_read(entry: InboxEntry, integration: Integration) -> dict[str, Any]:
    """Return what a post says, as its source's module reads it today."""
    source = sources().get(integration.kind)
    if source is None:
        return _unread(
            f"this installation has no source of kind {integration.kind!r}",
            hint="Install the version or the folder that has it.",
        )
    try:
        reading = source.parse(read_entry(entry), config_of(integration))
        return {
            "reports": [report(one) for one in reading.reports[:_REPORTS]],
            "more": max(0, len(reading.reports) - _REPORTS),
            "problems": list(reading.problems),
        }
    except PayloadError as error:
        return _unread(error.problem, where=error.where, hint=error.hint)
    except Exception as error:  # this page is where such a mistake is looked into
        logger.exception("event %s cannot be read", entry.pk)
        return _unread(
            printable(f"reading it failed with {type(error).__name__}: {error}")[:500],
            hint="It is no fault of the sender. Please report it with the body.",
        )


def _unread(text: str, *, where: str = "$", hint: str) -> dict[str, Any]:
    return {"reports": [], "problem": {"where": where, "text": text, "hint": hint}}


@singledispatch
def report(one: Report) -> dict[str, Any]:
    """Return one thing that a source tells, for its box on a page."""
    raise TypeError(type(one))


@report.register
def _(one: Signal) -> dict[str, Any]:
    return {
        "kind": "alert",
        "status": one.status.value,
        "title": one.title,
        "key": one.fingerprint,
        "facts": _facts(
            begins=one.starts_at,
            ends=one.ends_at,
            expires=one.expires_at,
        ),
        "labels": sorted(one.labels.items()),
        "details": sorted(one.annotations.items()),
        "links": links(one.links),
    }


@report.register
def _(one: Act) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "title": one.text or one.kind.capitalize(),
        "key": one.fingerprint,
        "facts": _facts(by=one.actor),
        "details": sorted(one.values.items()),
    }


@report.register
def _(one: ChangeReport) -> dict[str, Any]:
    return {
        "kind": "change",
        "title": one.summary,
        "facts": _facts(at=one.at, source=one.source, service=one.service),
        "details": sorted(one.details.items()),
        "links": links(one.links),
    }


@report.register
def _(one: Beat) -> dict[str, Any]:
    exit_code = "" if one.exit_code is None else str(one.exit_code)
    return {
        "kind": "heartbeat",
        "title": one.name or one.kind.capitalize(),
        "facts": _facts(says=one.kind.value, run=one.run, exit_code=exit_code),
        "details": [("log", one.log)] if one.log else [],
    }


def _facts(**facts: str | datetime | None) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in facts.items() if value]


def links(found: Mapping[str, str]) -> list[dict[str, str]]:
    """Return links that lead to a web page; a stranger may write any other."""
    return [
        {"label": name, "url": url}
        for name, url in found.items()
        if web_url(url) is not None
    ]
