"""Read what the webhook connector of Kibana and the webhook action of Watcher post.

The body is a template that people write in Kibana, and the one in the instructions
fits. A rule's alerts are told apart by rule and alert; its action group ``recovered``
ends one. Watcher has neither: there the watch is the condition, and it ends when it has
not been repeated for the time that is set. A JSON text within a JSON text, which is how
Watcher's ``toJson`` leaves it, is read as what it holds.
"""

from collections.abc import Mapping
from typing import Final

from watchbill.integrations.jsons import decode
from watchbill.integrations.mapper import (
    ENDS_AFTER,
    choose,
    read,
    severity_option,
)
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading, Source

_HINT = "Use the body of the instructions in the connector, or write a mapping."

PRESET: Final[Mapping[str, object]] = {
    "title": [
        "{rule.name}: {reason}",
        "{rule.name}: {alert.id}",
        "{rule.name}",
        "{watch_id}",
    ],
    "fingerprint": [
        ["rule.id", "rule_id", "rule.name", "watch_id"],
        ["alert.id", "alert_id", "alert.uuid", "watch_id"],
    ],
    "status": {
        "from": ["alert.actionGroup", "alert.actionGroupName", "state"],
        "resolved": ["recovered", "resolved", "ok"],
    },
    "severity": {"from": ["severity", "rule.severity"], "default": "warning"},
    "labels": {
        "*": "labels",
        "alertname": ["rule.name", "watch_id"],
        "service": ["labels.service", "service"],
        "component": ["labels.component", "component"],
        "host": ["labels.host", "host"],
        "space": "rule.spaceId",
    },
    "annotations": {
        "description": ["reason", "message"],
        "tags": "rule.tags",
        "alert": "alert.id",
    },
    "links": {"kibana": ["url", "alert.url", "rule.url", "kibanaBaseUrl"]},
    "starts_at": "date",
    "ends_at": "date",
}

SOURCE = Source(
    group="Logs",
    setup="""\
In Kibana, Stack Management > Connectors: create a Webhook connector.
  Method    POST
  URL       {address}
  Header    Authorization: Bearer {key}
In each rule add it as an action twice: for the alerts, and "Run when: Recovered". Body:
{
  "rule": {"id": "{{rule.id}}", "name": "{{rule.name}}", "spaceId": "{{rule.spaceId}}",
           "tags": "{{rule.tags}}", "url": "{{rule.url}}"},
  "alert": {"id": "{{alert.id}}", "actionGroup": "{{alert.actionGroup}}"},
  "date": "{{date}}",
  "reason": "{{context.reason}}",
  "url": "{{context.alertDetailsUrl}}",
  "severity": "critical",
  "service": "api"
}
""",
    methods=frozenset({"POST", "PUT"}),
    options=(severity_option("warning"), ENDS_AFTER),
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what the connector's body says."""
    document = decode(post.body, hint=_HINT)
    if isinstance(document, str):
        document = decode(document.encode(), hint=_HINT)
    return read(choose(PRESET, config), document, hint=_HINT)
