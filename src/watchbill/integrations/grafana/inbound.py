"""Read the webhook of Grafana's alerting, from version 8 to date.

One body is one notification of a group, as Alertmanager's is, with links that
Alertmanager does not know: the dashboard, the panel, and a silence for this very alert
(S4.1-02). The reading is a mapping, so that a body which people have changed in Grafana
is read by a mapping of theirs. Bodies of the alerting before Grafana 9, which know one
rule and no labels, are understood as well.

With a secret, ``X-Grafana-Alerting-Signature`` is checked over the bytes that came.
Where Grafana also signs a timestamp, what is older than five minutes is refused.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.jsons import decode_object, instant_of
from watchbill.integrations.mapper import choose, read
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Option,
    Post,
    Reading,
    Source,
)
from watchbill.integrations.text import SEVERITIES

SIGNATURE: Final = "x-grafana-alerting-signature"
TIMESTAMP: Final = "x-grafana-alerting-timestamp"
TRUNCATED: Final = "watchbill_truncated"
"""The annotation that tells of alerts which Grafana left out."""

_FRESH = timedelta(minutes=5)
_HINT = "Let a contact point of Grafana post here without a payload of its own."

_GROUP: Final[Mapping[str, object]] = {
    "each": "$.alerts[*]",
    "title": [
        "{annotations.summary}",
        "{annotations.description}",
        "{labels.alertname} ({labels.instance})",
        "{labels.alertname}",
        "{$.title}",
    ],
    "fingerprint": "fingerprint",
    "status": {"from": "status", "resolved": ["resolved"]},
    "labels": {"*": "labels"},
    "annotations": {"*": "annotations", "values": "valueString"},
    "links": {
        "runbook": ["annotations.runbook_url", "annotations.runbook"],
        "dashboard": ["dashboardURL", "annotations.dashboard_url"],
        "panel": "panelURL",
        "image": "imageURL",
        "silence": "silenceURL",
        "source": "generatorURL",
        "grafana": "$.externalURL",
    },
    "starts_at": "startsAt",
    "ends_at": "endsAt",
}
_LEGACY: Final[Mapping[str, object]] = {
    "title": ["{title}", "{ruleName}"],
    "fingerprint": "ruleId",
    "status": {
        "from": "state",
        "resolved": ["ok"],
        "ignored": ["paused", "pending"],
    },
    "labels": {"*": "tags", "alertname": "ruleName"},
    "annotations": {"description": "message", "values": "evalMatches"},
    "links": {"dashboard": "ruleUrl", "image": "imageUrl"},
}

SOURCE = Source(
    group="Metrics",
    setup="""\
In Grafana, Alerting > Contact points: add one of the type Webhook.
  URL                               {address}
  HTTP Method                       POST
  Authorization Header Scheme       Bearer
  Authorization Header Credentials  {key}
To sign, give the same secret to HMAC Signature and to this integration; name the
timestamp header X-Grafana-Alerting-Timestamp, so that nobody can send a copy later.
Then choose the contact point in a notification policy. Leave Custom Payload empty.
""",
    methods=frozenset({"POST", "PUT"}),
    headers=frozenset({SIGNATURE, TIMESTAMP}),
    options=(
        Option(
            name="severity",
            help="The severity of rules that have no such label; empty for none.",
            choices=("", *SEVERITIES),
        ),
    ),
    is_signed=True,
    has_mapping=True,
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the alerts of a notification, in its order."""
    body = decode_object(post.body, hint=_HINT)
    if config.mapping is not None:
        return read(config.mapping, body)
    if "ruleId" in body and "alerts" not in body:
        return read(choose(_LEGACY, config), body, hint=_HINT)
    if not isinstance(body.get("alerts"), list):
        raise PayloadError(
            where="$.alerts", problem="there is no list of alerts", hint=_HINT
        )
    return read(choose(_told_of_truncation(body), config), body, hint=_HINT)


def _told_of_truncation(body: dict[str, Any]) -> Mapping[str, object]:
    left_out = body.get("truncatedAlerts")
    if not isinstance(left_out, int) or left_out <= 0:
        return _GROUP
    annotations = {
        "*": "annotations",
        "values": "valueString",
        TRUNCATED: {
            "text": "{$.truncatedAlerts} more alerts of this group were left out by"
            " Grafana (Max Alerts of the contact point)"
        },
    }
    return {**_GROUP, "annotations": annotations}


def verify(post: Post, secret: str, *, now: datetime) -> None:
    """Raise `SignatureError` unless Grafana signed the body with the secret."""
    timestamp = post.headers.get(TIMESTAMP, "").strip()
    signed = f"{timestamp}:".encode() + post.body if timestamp else post.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = post.headers.get(SIGNATURE, "").strip().lower()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise SignatureError("the signature of Grafana does not fit")
    if timestamp:
        sent_at = instant_of(timestamp)
        if sent_at is None or abs(now - sent_at) > _FRESH:
            raise SignatureError("the post was signed too long ago")
