"""Say a notice as an event of PagerDuty, and understand the answer.

For teams that move, or that keep PagerDuty as a second way to a phone. All events of
one thread have one ``dedup_key``, so a repetition or a later step joins the alert
that is open and opens no second one; that is also why a possible duplicate does no
harm (I5). The key begins with the host of this installation: two of them may share a
routing key, both have an incident 12, and neither may resolve the other's.

A notice has no verb, but it says how things stand: the fact *Status*. Once the
incident is acknowledged here, the event acknowledges there, and what is resolved
here is resolved there, so that nobody is paged by two systems for one incident.

PagerDuty answers 202 as soon as it has the event; whom it pages is its own affair.
A 400 says what is wrong with the event and will say it again.

Source: developer.pagerduty.com, Events API v2: trigger, acknowledge, resolve, and
its response codes and retry logic.
"""

import hashlib
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

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

API_URL = "https://events.pagerduty.com"

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    modes=(Mode(needs=frozenset({"routing_key"}), posts=True),),
    settings=(
        Setting(
            name="routing_key",
            help="Integration key of an Events API v2 integration of a service.",
            is_secret=True,
        ),
        Setting(
            name="source",
            help="What PagerDuty shows as the source of the alerts.",
            default="watchbill",
        ),
        Setting(
            name="api_url",
            help="PagerDuty's Events API; in the EU https://events.eu.pagerduty.com.",
            default=API_URL,
        ),
    ),
)

_SEVERITIES = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info"}
_ACTIONS = {
    "acknowledged": "acknowledge",
    "mitigated": "acknowledge",
    "resolved": "resolve",
    "closed": "resolve",
}
_SUMMARY, _KEY = 1_024, 255
_LINE, _PARAGRAPH, _ITEMS = 1_000, 5_000, 50


class _Reply(msgspec.Struct):
    status: str = ""
    message: str = ""
    dedup_key: str = ""
    errors: list[str] = []


_reply = msgspec.json.Decoder(_Reply)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the event, or raise `SettingsError`."""
    key = settings.get("routing_key", "").strip()
    if not re.fullmatch(r"[A-Za-z0-9]{1,64}", key):
        raise SettingsError(
            "PagerDuty needs a routing key: the 32 letters and digits of an"
            " Events API v2 integration."
        )
    api_url = settings.get("api_url") or API_URL
    event = {
        "routing_key": key,
        "event_action": _action(notice),
        "dedup_key": dedup_key(notice, settings.get("hook_url", "")),
    }
    if event["event_action"] == "trigger":
        event |= _alert(notice, settings.get("source", ""))
    return Outgoing(
        method="POST",
        url=f"{api_url.rstrip('/')}/v2/enqueue",
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode(event),
    )


def dedup_key(notice: Notice, hook_url: str) -> str:
    """Return what PagerDuty knows the thread by, within its 255 characters.

    ``hook_url`` is an address of this installation, whose host tells it from others.
    """
    host = _host(hook_url)
    thread = one_line(notice.thread_key)
    key = f"{host}/{thread}" if host else thread
    if thread and len(key) <= _KEY:
        return key
    raw = f"{host}/{notice.thread_key}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()


def _host(url: str) -> str:
    try:
        return one_line(urlsplit(url).netloc.rpartition("@")[2])
    except ValueError:
        return ""


def read(answer: Answer) -> Attempt:
    """Return what PagerDuty's answer means."""
    try:
        reply = _reply.decode(answer.body)
    except (ValueError, RecursionError):
        reply = _Reply()
    if answer.status == 202 or (answer.status == 200 and reply.status == "success"):
        return Attempt(
            outcome=Outcome.DELIVERED,
            detail="PagerDuty took the event",
            provider_ref=shorten(one_line(reply.dedup_key), 64),
        )
    said = "; ".join((reply.message, *islice(reply.errors, 5)))
    if not said.strip("; "):
        said = beginning(answer, 120)
    return read_status(answer, who="PagerDuty", said=said)


def _action(notice: Notice) -> str:
    for label, value in notice.facts:
        if label == "Status":
            return _ACTIONS.get(value.strip().lower(), "trigger")
    return "trigger"


def _alert(notice: Notice, source: str) -> dict[str, Any]:
    links = [(url, link) for link in notice.links if (url := web_url(link.url))]
    # The link to press is what stands beside the alert.
    links.sort(key=lambda one: not one[1].is_primary)
    urgent = notice.urgency is Urgency.HIGH
    alert: dict[str, Any] = {
        "client": "watchbill",
        "links": [
            {"href": url, "text": shorten(one_line(link.label), _LINE) or "Open"}
            for url, link in islice(links, _ITEMS)
        ],
        "payload": {
            "summary": shorten(one_line(notice.subject), _SUMMARY) or "Notice",
            "source": shorten(one_line(source), _KEY) or "watchbill",
            "severity": _SEVERITIES.get(
                notice.severity, "error" if urgent else "warning"
            ),
            "custom_details": _details(notice),
        },
    }
    return alert | ({"client_url": links[0][0]} if links else {})


def _details(notice: Notice) -> dict[str, Any]:
    paragraphs = (printable(text).strip() for text in islice(notice.paragraphs, _ITEMS))
    return {
        "text": "\n\n".join(shorten(text, _PARAGRAPH) for text in paragraphs if text),
        "facts": {
            shorten(one_line(label), _LINE): shorten(printable(value), _LINE)
            for label, value in islice(notice.facts, _ITEMS)
        },
    }
