"""Say a notice in Microsoft Teams, and understand what its two webhooks answer.

A workflow of Power Automate ("Send webhook alerts to a channel") takes a message with
an Adaptive Card and posts it. The connectors that it replaces take the same message,
so an old address works as long as Microsoft runs it.

A *TextBlock* of a card reads Markdown, so a title could write links into it. The text
of people and machines therefore stands in *TextRuns*, which know no markup at all:
nothing has to be escaped, and nothing can be missed. They know no line breaks either,
so each line is a block of its own.

Teams refuses messages over 28 KB, and its old connectors, whose own wrapping counts,
were seen to refuse from 21 KB. What does not fit is left out from the end, and the
card says so.

A workflow answers 202 and posts afterwards. A connector answers 200 even if Teams
refused, and says so in the text: that text is read, since a 429 in it is not a
delivery. Neither names the message, so there is no thread to join.

Sources: learn.microsoft.com, "Create incoming webhooks with Workflows", "Format cards
in Teams", "Rate limits" of connectors; adaptivecards.io, schema 1.4.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import MethodKind
from watchbill.core.severity import Urgency
from watchbill.integrations.answers import beginning, read_status
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    modes=(Mode(needs=frozenset({"webhook_url"}), posts=True),),
    settings=(
        Setting(
            name="webhook_url",
            help="Address of a workflow that posts to a channel of Teams.",
            is_secret=True,
        ),
    ),
    per_second=1.0,
)

MAX_BYTES = 20_000
"""Of one message; Microsoft's limit is 28 KB after wrapping it (see above)."""

_CARD = "application/vnd.microsoft.card.adaptive"
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_SUBJECT, _LABEL, _BUTTON = 300, 100, 60
_LINE, _LINES, _FACTS = 2_000, 100, 30
#: More do not fit beside each other; Teams drops them.
_BUTTONS = 6
_CUT = "The rest did not fit here; watchbill shows it."

_FAILED = "Webhook message delivery failed"
_INNER = re.compile(r"HTTP error (\d{3})")
_HINTS = {
    "WorkflowTriggerIsNotEnabled": "the workflow is turned off",
    "WorkflowNotFound": "the workflow was deleted",
    "DirectApiAuthorizationRequired": "the workflow must accept calls from anyone",
}


class _Error(msgspec.Struct):
    code: str = ""


class _Reply(msgspec.Struct):
    error: _Error


_reply = msgspec.json.Decoder(_Reply)


def check(settings: Mapping[str, str]) -> None:
    """Raise `SettingsError` unless there is an address to post to."""
    _url(settings)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request that posts the card, or raise `SettingsError`."""
    return Outgoing(
        method="POST",
        url=_url(settings),
        headers={"Content-Type": "application/json; charset=utf-8"},
        body=_fit(notice),
    )


def _url(settings: Mapping[str, str]) -> str:
    url = web_url(settings.get("webhook_url", ""))
    if url is None:
        raise SettingsError("Teams needs the https:// address of a workflow.")
    return url


def read(answer: Answer) -> Attempt:
    """Return what a workflow or a connector answered."""
    text = one_line(beginning(answer))
    if _FAILED in text:
        return _read_inner(text, answer)
    if answer.status == 202 or (answer.status == 200 and text in {"", "1"}):
        return Attempt(outcome=Outcome.DELIVERED, detail="Teams took the message")
    return read_status(answer, who="Teams", said=_reason(answer, text))


def _read_inner(text: str, answer: Answer) -> Attempt:
    """Read a connector that took the message which Teams then refused."""
    inner = _INNER.search(text)
    if inner is None:
        return Attempt(outcome=Outcome.TRANSIENT, detail=shorten(text, 200))
    behind = Answer(status=int(inner[1]), headers=answer.headers)
    if behind.status < 400:  # no error at all: nobody knows what became of it
        return Attempt(outcome=Outcome.UNKNOWN, detail=shorten(text, 200))
    return read_status(behind, who="Teams, behind its connector,")


def _reason(answer: Answer, text: str) -> str:
    try:
        code = one_line(_reply.decode(answer.body).error.code)
    except (ValueError, RecursionError):
        return shorten(text, 120)
    return f"{code} ({_HINTS[code]})" if code in _HINTS else code


def _fit(notice: Notice) -> bytes:
    """Return the message, without the last lines if it were too long."""
    head, *lines = _body(notice)
    actions = list(_actions(notice))
    message = _message([head, *lines], actions)
    while len(message) > MAX_BYTES and lines:
        del lines[-max(1, len(lines) // 8) :]
        message = _message([head, *lines, _line(_CUT)], actions)
    while len(message) > MAX_BYTES and actions:
        actions.pop()
        message = _message([head, _line(_CUT)], actions)
    return message


def _message(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> bytes:
    card: dict[str, Any] = {
        "$schema": _SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if actions:
        card["actions"] = actions
    attachment = {"contentType": _CARD, "contentUrl": None, "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]})


def _body(notice: Notice) -> Iterator[dict[str, Any]]:
    subject = shorten(one_line(notice.subject), _SUBJECT) or "Notice"
    urgent = {"color": "Attention"} if notice.urgency is Urgency.HIGH else {}
    yield _block(_run(subject, size="Large", weight="Bolder", **urgent))
    paragraphs = (printable(text).splitlines() for text in notice.paragraphs)
    lines = (
        (one_line(line), number)
        for paragraph in paragraphs
        for number, line in enumerate(paragraph)
    )
    for line, number in islice(((t, n) for t, n in lines if t), _LINES):
        yield _line(line, follows=number > 0)
    for number, (label, value) in enumerate(islice(notice.facts, _FACTS)):
        name = shorten(one_line(label), _LABEL) or "–"
        said = shorten(one_line(value), _LINE) or "–"
        yield _block(_run(f"{name}: ", weight="Bolder"), _run(said), follows=number > 0)


def _line(text: str, *, follows: bool = False) -> dict[str, Any]:
    return _block(_run(shorten(text, _LINE)), follows=follows)


def _block(*runs: dict[str, Any], follows: bool = False) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "RichTextBlock", "inlines": list(runs)}
    return block | ({"spacing": "None"} if follows else {})


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}


def _actions(notice: Notice) -> Iterator[dict[str, Any]]:
    usable = [(url, link) for link in notice.links if (url := web_url(link.url))]
    # The button to press comes first; the sort keeps the order of the others.
    usable.sort(key=lambda one: not one[1].is_primary)
    for url, link in usable[:_BUTTONS]:
        title = shorten(one_line(link.label), _BUTTON) or "Open"
        style = {"style": "positive"} if link.is_primary else {}
        yield {"type": "Action.OpenUrl", "title": title, "url": url, **style}
