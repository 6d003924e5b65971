"""Answers from Telegram by asking for them, where Telegram cannot reach us.

One update at a time: an answer has a size limit, and an update repeats the whole
message that a button belongs to. While there are more, the next question is answered
at once, so nothing waits.

The cursor is the offset: asking with it confirms what came before, and only then does
Telegram forget it. What was handled but not yet confirmed comes again after a crash,
and asking twice changes nothing. An empty answer means that all is confirmed; then
the cursor starts afresh, because after a quiet week the numbers of updates do so too.

Source: core.telegram.org/bots/api, getUpdates.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from watchbill.integrations.contract import (
    Answer,
    Event,
    Outgoing,
    PayloadError,
    Result,
    SettingsError,
)
from watchbill.integrations.telegram import updates
from watchbill.integrations.telegram.outbound import SHORTEST_SECRET, call
from watchbill.integrations.text import one_line, shorten

WAIT = 5
"""Seconds that Telegram holds a question open; shorter than a request may take."""

_YES = frozenset({"yes", "true", "on", "1"})
_UPDATE_ID = re.compile(rb'"update_id"\s*:\s*([0-9]{1,18})')


class _Updates(msgspec.Struct):
    ok: bool
    result: list[msgspec.Raw] = msgspec.field(default_factory=list)
    description: str = ""


_decoder = msgspec.json.Decoder(_Updates)


def poll(settings: Mapping[str, str], *, cursor: str) -> Outgoing | None:
    """Return the request for the next update; None where a webhook brings them.

    Raises `SettingsError` where a webhook should, and none of its calls would count.
    """
    wanted = settings.get("poll", "").strip().lower()
    secret = settings.get("webhook_secret", "")
    if not wanted and 0 < len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            "WATCHBILL_TELEGRAM_WEBHOOK_SECRET must have"
            f" {SHORTEST_SECRET} characters or more."
        )
    if not (wanted in _YES if wanted else not secret):
        return None
    body: dict[str, Any] = {
        "limit": 1,
        "timeout": WAIT,
        "allowed_updates": updates.ALLOWED,
    }
    if cursor.isdecimal():
        body["offset"] = int(cursor)
    return call("getUpdates", body, settings)


def read_poll(answer: Answer, *, cursor: str) -> tuple[tuple[Event, ...], str]:
    """Return what was asked for and the next cursor, or raise `PayloadError`."""
    if answer.truncated and answer.status == 200:
        return (), _skip(answer.body)
    try:
        reply = _decoder.decode(answer.body)
    except (ValueError, RecursionError):
        raise _unreadable(f"HTTP {answer.status} is no answer of the Bot API") from None
    if not reply.ok:
        said = shorten(one_line(reply.description), 160)
        raise _unreadable(f"Telegram refused with HTTP {answer.status}: {said}")
    if not reply.result:
        return (), ""
    events: list[Event] = []
    for raw in reply.result:
        number, event = _read_one(bytes(raw))
        if cursor.isdecimal() and number < int(cursor):
            continue
        cursor = str(number + 1)
        if event is not None:
            events.append(event)
    return tuple(events), cursor


def respond(result: Result, settings: Mapping[str, str]) -> Outgoing:
    """Return the request that says to the person what the response would have said."""
    body = updates.response(result.asked, result.text, is_change=result.is_change)
    return call(str(body.pop("method")), body, settings)


def _read_one(raw: bytes) -> tuple[int, Event | None]:
    """Read an update; one of an unknown form must not stop those behind it."""
    try:
        update = updates.decode(raw)
    except PayloadError:
        return int(_skip(raw)) - 1, None
    return update.update_id, updates.asked(update)


def _skip(body: bytes) -> str:
    """Return the cursor behind an update that cannot be read."""
    found = _UPDATE_ID.search(body)
    if found is None:
        raise _unreadable("an update has no number")
    return str(int(found[1]) + 1)


def _unreadable(problem: str) -> PayloadError:
    return PayloadError(
        where="getUpdates",
        problem=problem,
        hint="If a webhook is set, call deleteWebhook or give its secret to watchbill;"
        " if the token is wrong, copy it from @BotFather.",
    )
