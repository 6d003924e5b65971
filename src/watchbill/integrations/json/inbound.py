"""Read any JSON body, with a mapping that says where the fields are.

As it comes it knows the names that most tools use, so that one ``curl`` of a title
makes an alert and the same title with a status ends it. What has no identifier is told
apart by its title: for a source that puts a number into the title, write a mapping.
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

_TITLES = ["title", "summary", "name", "message", "text"]

PRESET: Final[Mapping[str, object]] = {
    "title": [f"{{{name}}}" for name in _TITLES],
    "fingerprint": [
        ["fingerprint", "dedup_key", "alias", "key", "alert_id", "id", *_TITLES]
    ],
    "status": {"from": ["status", "state", "event_action", "action"], **STATES},
    "severity": {"from": ["severity", "level", "priority"], "default": "warning"},
    "labels": {
        "*": "labels",
        "alertname": ["labels.alertname", "alertname", "alert"],
        "service": ["labels.service", "service"],
        "component": ["labels.component", "component"],
        "host": ["labels.host", "host", "hostname"],
    },
    "annotations": {
        "*": "annotations",
        "description": ["annotations.description", "description", "message", "text"],
    },
    "links": {
        "source": ["url", "link"],
        "dashboard": ["dashboard", "dashboard_url"],
        "runbook": ["runbook", "runbook_url"],
    },
    "starts_at": ["starts_at", "started_at", "timestamp", "time"],
    "ends_at": ["ends_at", "ended_at", "resolved_at"],
}

SOURCE = Source(
    group="Anything",
    setup="""\
# An alert, and its end. Fields by other names are found with a mapping.
curl -H 'Authorization: Bearer {key}' {address} -d '{
  "id": "disk-db-1",
  "title": "The disk of db-1 is 91 % full",
  "status": "firing",
  "severity": "warning",
  "service": "database"
}'
curl -H 'Authorization: Bearer {key}' {address} \\
  -d '{"id": "disk-db-1", "title": "The disk is fine", "status": "resolved"}'
""",
    methods=frozenset({"POST", "PUT"}),
    options=(severity_option("warning"), ENDS_AFTER),
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what the mapping finds in the body."""
    return read(choose(PRESET, config), decode(post.body, hint=HINT))
