"""Read messages that a tool meant for an incoming webhook of Slack.

For tools that know Slack and nothing better, and for Alertmanager's ``slack_configs``.
A message is words for people, so what it means is guessed, and the guess is narrow:

* Each attachment is one alert; a message without any is one alert of its text.
* It is over when its title or text begins with ``[RESOLVED]``, ``Resolved``, ``OK``,
  ``Recovered`` and the like, or else when its color is green (``good``, or a code in
  which green leads). Everything else fires: a page too many is better than one too few.
* It is the same alert when the title is the same without that mark, numbers in square
  brackets and case (``[FIRING:2] Disk`` and ``[RESOLVED] Disk``). A title with a number
  that changes makes a new alert each time; such a tool needs another way to us.
* The severity is that of a field named *Severity* or *Priority*, else ``critical`` for
  a red color (``danger``) and ``warning`` for a yellow one.

Slack answers ``ok`` as plain text, and so do we.

Source: docs.slack.dev, incoming webhooks and legacy attachments;
``notify/slack/slack.go`` of Alertmanager.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_object, text_of
from watchbill.integrations.sources import (
    NO_CONFIG,
    Accepted,
    Config,
    Post,
    PostReply,
    Reading,
    Refused,
    Source,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

SOURCE = Source(
    group="Paging",
    setup="""\
# Give the tool this address as its incoming webhook of Slack.
{url}

# alertmanager.yml; better is a receiver of kind webhook
receivers:
  - name: watchbill
    slack_configs:
      - api_url: {url}
        channel: alerts
        send_resolved: true
""",
    max_body=1024 * 1024,
)

_HINT = "Send what Slack documents for incoming webhooks: text, or attachments."
_MOST, _FIELDS = 100, 50
_TITLE, _NAME, _WORD, _TEXT = 200, 100, 200, 4_000
_READ = 8_000
"""Characters of a text that are looked at; nobody reads more of an alert."""


_MARK = re.compile(r"^\W*\[(?P<mark>[A-Za-z]+)(?:\s*:\s*\d+)?\]\W*", re.ASCII)
_OVER = re.compile(
    r"^[^\w]*\[?(resolved|recovered|recovery|closed|cleared|ok|up)\b", re.IGNORECASE
)
#: No part of it crosses the beginning of another link, so searching is linear.
_LINK = re.compile(
    r"<(?P<url>https?://[^|>\s<]{1,2000})(?:\|(?P<text>[^<>]{0,2000}))?>"
)
_HEX = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")
_NAMED = {"good": "green", "warning": "yellow", "danger": "red"}
_SEVERITIES = {"red": "critical", "yellow": "warning"}


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the alerts of a message.

    Raises `PayloadError`, and nothing else, whatever the bytes are.
    """
    message = decode_object(post.body, hint=_HINT)
    given = message.get("attachments")
    attachments = [
        one
        for one in (given if isinstance(given, list) else [])[:_MOST]
        if isinstance(one, dict) and _headline(one)
    ]
    if not attachments and not _headline(message):
        raise PayloadError(
            where="$",
            problem="the message has neither text nor attachments",
            hint=_HINT,
        )
    found = [_signal(one, message) for one in attachments or [message]]
    # Alertmanager repeats its title on each attachment of a message.
    return Reading(tuple({one.fingerprint: one for one in found}.values()))


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Answer as Slack does."""
    return _plain(200, "ok")


def refused(refusal: Refused) -> PostReply:
    """Answer as Slack does: a word, and then what is wrong."""
    word = "invalid_payload" if refusal.reason == "bad_payload" else refusal.reason
    return _plain(refusal.status, f"{word}: {one_line(refusal.problem)}")


def _plain(status: int, text: str) -> PostReply:
    headers = (("content-type", "text/plain; charset=utf-8"),)
    return PostReply(status=status, body=text.encode(), headers=headers)


def _signal(one: Mapping[str, Any], message: Mapping[str, Any]) -> Signal:
    headline = _headline(one)
    title = _MARK.sub("", headline).strip() or headline
    color = _color(one)
    labels, annotations = _described(one)
    labels.setdefault("alertname", shorten(title, _WORD))
    severity = _severity(labels) or _SEVERITIES.get(color, "")
    if severity:
        labels["severity"] = severity
    if channel := one_line(text_of(message.get("channel"))):
        labels["channel"] = shorten(channel, _WORD)
    if text := printable(_unlinked(text_of(one.get("text")))).strip():
        annotations["description"] = shorten(text, _TEXT)
    return Signal(
        fingerprint=hashlib.sha256(title.casefold().encode()).hexdigest()[:32],
        status=_status(headline, one, color),
        title=shorten(title, _TITLE),
        labels=labels,
        annotations=annotations,
        links=_links(one),
    )


def _headline(one: Mapping[str, Any]) -> str:
    """The line that names an alert: title, fallback, or the first one of the text."""
    for name in ("title", "fallback", "pretext", "text"):
        text = _unlinked(text_of(one.get(name))).strip()
        if line := one_line(text.partition("\n")[0]):
            return line
    return ""


def _status(headline: str, one: Mapping[str, Any], color: str) -> AlertStatus:
    mark = _MARK.match(headline)
    if mark is not None and mark["mark"].lower() in {"firing", "alerting", "alert"}:
        return AlertStatus.FIRING
    texts = (headline, one_line(text_of(one.get("text")))[:_WORD])
    is_over = any(_OVER.match(text) for text in texts) or color == "green"
    return AlertStatus.RESOLVED if is_over else AlertStatus.FIRING


def _color(one: Mapping[str, Any]) -> str:
    """The color in a word: green, yellow or red; empty for another or none."""
    text = text_of(one.get("color")).strip().lower()
    if text in _NAMED:
        return _NAMED[text]
    code = _HEX.fullmatch(text)
    if code is None:
        return ""
    red, green, blue = (int(part, 16) for part in code.groups())
    if green > red and green > blue:
        return "green"
    if red > blue and red - blue > 60:
        return "yellow" if green > 120 else "red"
    return ""


def _severity(labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        if name.lower() in {"severity", "priority"}:
            return value.lower() if name.lower() == "severity" else value
    return ""


def _described(one: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Its fields, as labels where they are words and as annotations else."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    fields = one.get("fields")
    for field in (fields if isinstance(fields, list) else [])[:_FIELDS]:
        if not isinstance(field, dict):
            continue
        name = shorten(one_line(text_of(field.get("title"))), _NAME)
        text = printable(_unlinked(text_of(field.get("value")))).strip()
        if text and len(text) <= _WORD and "\n" not in text and _LABEL.fullmatch(name):
            labels[name] = text
        elif name and text:
            annotations[name] = shorten(text, _TEXT)
    return labels, annotations


def _links(one: Mapping[str, Any]) -> dict[str, str]:
    links: dict[str, str] = {}
    for name in ("title_link", "from_url", "image_url"):
        if url := web_url(text_of(one.get(name))):
            links["source" if name == "title_link" else name.removesuffix("_url")] = url
    text = text_of(one.get("text"))[:_READ]
    for found in list(_LINK.finditer(text))[:10]:
        if url := web_url(found["url"]):
            links.setdefault(one_line(found["text"] or "link")[:_NAME] or "link", url)
    return links


def _unlinked(text: str) -> str:
    """Slack's ``<url|words>`` as its words, and its three entities as characters."""
    words = _LINK.sub(lambda found: found["text"] or found["url"], text[:_READ])
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
