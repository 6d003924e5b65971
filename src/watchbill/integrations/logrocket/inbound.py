"""Read alerts of LogRocket, as far as their fields are known.

LogRocket documents that its alerts are posted when they begin and when they end, and
not by what names; no recorded post was at hand. So this source claims no format: it
looks for the names that tools commonly use, refuses what has neither identifier nor
title, and is meant to be given a mapping with the sample of a first post in view. A
link to a session that it finds goes with the alert (S4.1-07).
"""

from collections.abc import Mapping
from typing import Final

from watchbill.integrations.jsons import decode
from watchbill.integrations.mapper import (
    ENDS_AFTER,
    HINT,
    choose,
    read,
    severity_option,
)
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading, Source
from watchbill.integrations.text import STATES

_TITLES = ["title", "alertName", "alert.name", "name", "metricName", "message"]

PRESET: Final[Mapping[str, object]] = {
    "title": [f"{{{name}}}" for name in _TITLES],
    "fingerprint": [["alertId", "alert.id", "alert_id", "id", *_TITLES]],
    "status": {
        "from": ["status", "state", "alert.status", "event", "type"],
        **STATES,
    },
    "severity": {"from": ["severity", "alert.severity"], "default": "warning"},
    "labels": {
        "alertname": ["alertName", "alert.name", "metricName", "name"],
        "service": ["service", "application", "app"],
    },
    "annotations": {"description": ["description", "message", "text"]},
    "links": {
        "session": ["sessionUrl", "session_url", "session.url", "recordingUrl"],
        "source": ["url", "alertUrl", "link"],
    },
    "starts_at": ["timestamp", "triggeredAt", "createdAt", "time"],
}

SOURCE = Source(
    group="Errors",
    setup="""\
In LogRocket, open a timeseries metric, add an alert and choose Webhook:
  {url}
Send a test, then open this integration: correct the mapping with its body in view.
LogRocket does not document the fields of its webhook, so do check the preview.
""",
    options=(severity_option("warning"), ENDS_AFTER),
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what the mapping finds in the body."""
    return read(choose(PRESET, config), decode(post.body, hint=HINT))
