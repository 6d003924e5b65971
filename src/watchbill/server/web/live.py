"""Telling open pages and the engine that something changed.

Both are hints sent with the transaction that changed it: PostgreSQL delivers a
NOTIFY at COMMIT and drops it on rollback. Nothing depends on a hint arriving:
the engine polls at least once a second, and a page asks again when it reconnects.
A hint carries only a topic and a number, never content, so that it cannot tell
anybody what he may not see.
"""

import json
from collections.abc import Iterable

from django.db import connection

LIVE_CHANNEL = "watchbill_live"
WAKE_CHANNEL = "watchbill_wake"
INBOX_CHANNEL = "watchbill_inbox"
"""Apart: posts may come by the thousand, and only folding has to do with them."""


def announce(topic: str, number: int | None = None) -> None:
    """Tell open pages, at COMMIT, that a subject changed."""
    message = {"topic": topic} if number is None else {"topic": topic, "id": number}
    _notify(LIVE_CHANNEL, json.dumps(message))


def announce_all(topic: str, numbers: Iterable[int]) -> None:
    """Tell open pages, at COMMIT, that several subjects changed."""
    messages = [json.dumps({"topic": topic, "id": number}) for number in numbers]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, message) FROM unnest(%s::text[]) AS message",
            [LIVE_CHANNEL, messages],
        )


def wake_engine() -> None:
    """Tell the engines, at COMMIT, that there may be something to do now."""
    _notify(WAKE_CHANNEL, "")


def wake_folding() -> None:
    """Tell whoever folds, at COMMIT, that there is another post."""
    _notify(INBOX_CHANNEL, "")


def _notify(channel: str, payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
