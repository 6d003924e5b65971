"""Read matches of ElastAlert 2, posted by its alerters ``post`` and ``post2``.

A match is a document of Elasticsearch together with what the rule adds to it. Nothing
tells when a condition is over, so an alert ends when no match has come for
``ends_after``; the default leaves time for a rule's ``realert``. A rule and a host make
a condition, and a rule alone does where matches name no host.
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
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Option,
    Post,
    Reading,
    Source,
)

_HINT = "Add rule_name to http_post_static_payload of the rule, or write a mapping."
_RULES = ["rule_name", "rule.name", "rule", "alertname"]
_HOSTS = ["host.name", '["host.name"]', "hostname", "host", "kubernetes.pod.name"]
_ENDS_AFTER = "4h"

PRESET: Final[Mapping[str, object]] = {
    "title": [
        "{alert_subject}",
        "{rule_name} on {host.name}",
        "{rule_name} on {hostname}",
        *(f"{{{name}}}" for name in _RULES),
    ],
    "fingerprint": [_RULES, [*_HOSTS, *_RULES]],
    "severity": {"from": ["severity", "alert_priority"], "default": "warning"},
    "labels": {
        "alertname": _RULES,
        "host": _HOSTS,
        "service": ["service.name", '["service.name"]', "service"],
        "component": "component",
        "environment": ["service.environment", "environment"],
    },
    "annotations": {
        "description": ["alert_text", "message", "error.message"],
        "matches": "num_matches",
        "index": "_index",
        "document": "_id",
    },
    "links": {"kibana": ["kibana_discover_url", "kibana_link"]},
    "starts_at": ['["@timestamp"]', "timestamp"],
    "ends_after": _ENDS_AFTER,
}

SOURCE = Source(
    group="Logs",
    setup="""\
# In a rule of ElastAlert 2:
alert: post
http_post_url: {address}
http_post_headers:
  Authorization: Bearer {key}
http_post_all_values: true
http_post_static_payload:
  rule_name: Many errors in the API
  severity: critical
  service: api
""",
    options=(
        severity_option("warning"),
        Option(name=ENDS_AFTER.name, help=ENDS_AFTER.help, default=_ENDS_AFTER),
    ),
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the alert that a match is about."""
    return read(choose(PRESET, config), decode(post.body, hint=_HINT), hint=_HINT)
