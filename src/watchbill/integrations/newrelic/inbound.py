"""Read notifications of New Relic's workflows.

Their body is a template that people change, so both the names of the default one and
the raw names of the variables are known, and a mapping can replace them. An issue is
known by its id: without one the post is refused, because a template that lost the id
would otherwise pour every issue of the account into one alert (wire formats §5.7).
"""

from collections.abc import Mapping
from typing import Final

from watchbill.integrations.jsons import decode
from watchbill.integrations.mapper import choose, read, severity_option
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading, Source

_HINT = 'Keep "id": {{ json issueId }} in the template of the webhook.'

PRESET: Final[Mapping[str, object]] = {
    "title": ["{title}", "{issueTitle}", "{alertConditionNames}", "Issue {id}"],
    "fingerprint": [["id", "issueId"]],
    "status": {
        "from": ["state", "issueState"],
        "resolved": ["CLOSED", "RESOLVED", "DEACTIVATED"],
        "acknowledged": ["ACKNOWLEDGED"],
    },
    "severity": {"from": ["priority", "issuePriority"], "default": "warning"},
    "labels": {
        "alertname": ["alertConditionNames", "conditionName", "condition_name"],
        "policy": ["alertPolicyNames", "policyName", "policy_name"],
        "service": ["impactedEntities[0]", "impactedEntities", "entitiesData.names[0]"],
        "workflow": "workflowName",
    },
    "annotations": {
        "trigger": ["trigger", "triggerEvent"],
        "entities": "impactedEntities",
        "incidents": "totalIncidents",
        "sources": "sources",
    },
    "links": {"source": ["issueUrl", "issuePageUrl"]},
    "starts_at": ["createdAt", "activatedAt"],
    "ends_at": ["closedAt", "updatedAt"],
}

SOURCE = Source(
    group="Metrics",
    setup="""\
In New Relic, Alerts > Destinations: add a Webhook.
  Endpoint URL     {address}
  Authorization    Bearer token: {key}
Alerts > Workflows: add a workflow, notify that webhook. Keep the default template; it
must hold "id": {{ json issueId }}.
Send a notification when issues are activated, acknowledged, and closed.
""",
    options=(severity_option("warning"),),
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what a notification says of its issue."""
    return read(choose(PRESET, config), decode(post.body, hint=_HINT), hint=_HINT)
