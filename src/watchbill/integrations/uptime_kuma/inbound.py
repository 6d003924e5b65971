"""Read the webhook of Uptime Kuma.

A heartbeat is 0 (down), 1 (up), 2 (pending) or 3 (maintenance); the last two say
nothing about an outage, and change nothing here: a maintenance is entered in watchbill
if it is to mute pages. A test has no heartbeat and makes no alert, but is stored, so
that somebody who sets it up sees it arrive. The warning of a certificate that ends has
no monitor either, only words; it lasts until it is a day old without a repetition.
"""

import re
from datetime import timedelta
from typing import Any, Final

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_object, instant_of, object_at, text_at
from watchbill.integrations.mapper import severity_option
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading, Source
from watchbill.integrations.text import (
    annotations_of,
    identity,
    labels_of,
    links_of,
    one_line,
    shorten,
    slug,
    title_of,
)

ALERTNAME: Final = "UptimeCheckDown"
_HINT = "Let a notification of the type Webhook (application/json) post here."
_DOWN, _UP = "0", "1"
_QUIET = frozenset({"2", "3"})

SOURCE = Source(
    group="Uptime",
    setup="""\
In Uptime Kuma, Settings > Notifications: set up a notification.
  Notification Type    Webhook
  Post URL             {url}
  Request Body         Preset - application/json
Then choose it in each monitor. Tag a monitor with component and service to say what it
is about; without them its name does.
""",
    options=(severity_option("critical"),),
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return whether a monitor is down; nothing for tests and pending beats."""
    body = decode_object(post.body, hint=_HINT)
    severity = config.options.get("severity") or "critical"
    if body.get("heartbeat") is None:
        return Reading(_of_words(text_at(body, "msg")))
    beat = object_at(body, "heartbeat")
    state = text_at(beat, "status")
    if state in _QUIET:
        return Reading(())
    if state not in {_DOWN, _UP}:
        raise PayloadError(
            where="$.heartbeat.status", problem="expected 0, 1, 2 or 3", hint=_HINT
        )
    return Reading((_of_beat(body, beat, severity, is_up=state == _UP),))


def _of_beat(
    body: dict[str, Any], beat: dict[str, Any], severity: str, *, is_up: bool
) -> Signal:
    monitor = object_at(body, "monitor")
    number = text_at(monitor, "id") or text_at(beat, "monitorID")
    if not number.strip():
        raise PayloadError(
            where="$.heartbeat.monitorID", problem="is missing", hint=_HINT
        )
    name = shorten(one_line(text_at(monitor, "name")), 150) or f"monitor {number}"
    seen_at = instant_of(beat.get("time"))
    return Signal(
        fingerprint=identity(number),
        status=AlertStatus.RESOLVED if is_up else AlertStatus.FIRING,
        title=title_of(f"{name} is {'up' if is_up else 'down'}"),
        labels=_labels(monitor, name, severity),
        annotations=annotations_of(
            {
                "description": text_at(beat, "msg"),
                "note": text_at(monitor, "description"),
            }
        ),
        starts_at=None if is_up else seen_at,
        ends_at=seen_at if is_up else None,
        links=links_of([("target", text_at(monitor, "url"))]),
    )


def _labels(monitor: dict[str, Any], name: str, severity: str) -> dict[str, str]:
    given = monitor.get("tags")
    tags = {
        text_at(tag, "name").lower(): text_at(tag, "value")
        for tag in (given if isinstance(given, list) else ())
    }
    component = tags.get("component") or slug(name)
    return labels_of(
        {
            "alertname": ALERTNAME,
            "check": name,
            "component": component,
            "service": tags.get("service") or component,
            "host": text_at(monitor, "hostname"),
            "type": text_at(monitor, "type"),
            "severity": tags.get("severity") or severity,
        }
    )


def _of_words(words: str) -> tuple[Signal, ...]:
    """Return the alert of a message about a certificate; a test makes none."""
    if "certificate" not in words.lower():
        return ()
    signal = Signal(
        fingerprint=identity("certificate", re.sub(r"\d+", "", words)),
        status=AlertStatus.FIRING,
        title=title_of(words),
        labels={"alertname": "CertificateExpiresSoon", "severity": "warning"},
        lasts=timedelta(days=1),
    )
    return (signal,)
