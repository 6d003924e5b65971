"""Read the webhooks of Sentry's integration platform, and of its old plugin.

Three resources tell of conditions. An *issue alert* (``event_alert``) says that a rule
fired for an issue, and never that it is over; so it is known by its issue, and the
issue's own webhook ends it: resolved, or archived, by which people in Sentry say that
it needs nobody. A *metric alert* says both itself. Every other resource is answered and
not stored; assigning an issue is noted on its alert.

Sentry signs the bytes that it sends. They are checked as they came: its own sample code
writes the JSON anew first, which fails on the first number that is spelt differently.
The legacy plugin signs nothing; its integration has no secret, and its address is one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from watchbill.core.alerts import Act, ActKind, AlertStatus, Report, Signal
from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.jsons import (
    decode_object,
    instant_of,
    object_at,
    text_at,
    text_of,
)
from watchbill.integrations.mapper import severity_option
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Post,
    PostReply,
    Reading,
    Source,
)
from watchbill.integrations.text import (
    annotations_of,
    identity,
    labels_of,
    links_of,
    severity_of,
    title_of,
)

RESOURCE: Final = "sentry-hook-resource"
SIGNATURE: Final = "sentry-hook-signature"

_HINT = "Let an internal integration of Sentry post here."
_EVENTS = frozenset({"event_alert", "error"})
_KNOWN = frozenset({*_EVENTS, "issue", "metric_alert"})
_OVER = frozenset({"resolved", "archived", "ignored"})
_PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")

SOURCE = Source(
    group="Errors",
    setup="""\
In Sentry, Settings > Custom Integrations: create an Internal Integration.
  Webhook URL          {url}
  Alert Rule Action    on
  Permissions          Issue & Event: Read
  Webhooks             issue
Copy its Client Secret into this integration as the signing secret.
Then add the integration as an action to issue alerts and metric alerts.
With the legacy plugin WebHooks, use the same URL and no signing secret.
""",
    headers=frozenset({RESOURCE, SIGNATURE}),
    options=(severity_option("error"),),
    is_signed=True,
)


def verify(post: Post, secret: str, *, now: datetime) -> None:
    """Raise `SignatureError` unless Sentry signed the body with the client secret.

    ``now`` is not looked at: the timestamp of Sentry is not part of what it signs.
    """
    del now
    expected = hmac.new(secret.encode(), post.body, hashlib.sha256).hexdigest()
    given = post.headers.get(SIGNATURE, "").strip().lower()
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise SignatureError("the signature of Sentry does not fit")


def answer(post: Post) -> PostReply | None:
    """Return a plain yes to what tells of no condition, such as an installation."""
    resource = post.headers.get(RESOURCE, "").strip()
    return PostReply(status=200) if resource and resource not in _KNOWN else None


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return what a webhook says of an issue or a metric."""
    body = decode_object(post.body, hint=_HINT)
    resource = post.headers.get(RESOURCE, "").strip()
    worst = config.options.get("severity") or "error"
    if not resource:
        return Reading((_of_plugin(body, worst),))
    data = object_at(body, "data")
    action = text_at(body, "action").lower()
    if resource == "metric_alert":
        return Reading((_of_metric(data, action),))
    if resource == "issue":
        return Reading(_of_issue(data, action, worst))
    if resource in _EVENTS:
        rule = text_at(data, "issue_alert", "title") or text_at(data, "triggered_rule")
        event = object_at(data, "error" if resource == "error" else "event")
        return Reading((_of_event(event, rule, worst),))
    return Reading(())


def _key(kind: str, number: str, where: str) -> str:
    if not number.strip():
        raise PayloadError(
            where=where,
            problem=f"without the id of its {kind} this cannot be told from any other",
            hint=_HINT,
        )
    return identity(f"{kind}:{number}")


def _of_event(event: dict[str, Any], rule: str, worst: str) -> Signal:
    tags = _tags(event.get("tags"))
    project = _PROJECT.search(text_at(event, "url"))
    return Signal(
        fingerprint=_key("issue", text_at(event, "issue_id"), "$.data.event.issue_id"),
        status=AlertStatus.FIRING,
        title=title_of(text_at(event, "title"), text_at(event, "message"), "an error"),
        labels=labels_of(
            {
                "alertname": rule or text_at(event, "metadata", "type"),
                "service": tags.get("service") or (project[1] if project else ""),
                "component": tags.get("component", ""),
                "host": tags.get("server_name", ""),
                "environment": tags.get("environment", ""),
                "platform": _platform(
                    tags.get("os.name", ""), text_at(event, "platform")
                ),
                "job": "sentry",
                "severity": severity_of(text_at(event, "level")) or worst,
            }
        ),
        annotations=annotations_of(
            {
                "description": text_at(event, "message"),
                "culprit": text_at(event, "culprit"),
                "release": tags.get("release", ""),
                "event": text_at(event, "event_id"),
            }
        ),
        starts_at=instant_of(event.get("datetime")),
        links=links_of([("sentry", text_at(event, "web_url"))]),
    )


def _of_issue(data: dict[str, Any], action: str, worst: str) -> tuple[Report, ...]:
    issue = object_at(data, "issue")
    fingerprint = _key("issue", text_at(issue, "id"), "$.data.issue.id")
    if action == "assigned":
        to = text_at(issue, "assignedTo", "name") or "somebody"
        text = title_of(f"assigned to {to} in Sentry")
        return (Act(fingerprint=fingerprint, kind=ActKind.NOTE, text=text),)
    is_over = action in _OVER
    platform = text_at(issue, "platform") or text_at(issue, "project", "platform")
    signal = Signal(
        fingerprint=fingerprint,
        status=AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        title=title_of(text_at(issue, "title"), text_at(issue, "shortId"), "an issue"),
        labels=labels_of(
            {
                "alertname": text_at(issue, "metadata", "type"),
                "service": text_at(issue, "project", "slug"),
                "platform": _platform("", platform),
                "job": "sentry",
                "severity": severity_of(text_at(issue, "level")) or worst,
            }
        ),
        annotations=annotations_of(
            {
                "culprit": text_at(issue, "culprit"),
                "issue": text_at(issue, "shortId"),
                "events": text_at(issue, "count"),
                "users": text_at(issue, "userCount"),
            }
        ),
        # An issue that comes back began long ago; this episode of it begins now.
        starts_at=instant_of(issue.get("firstSeen")) if action == "created" else None,
        links=links_of(
            [
                ("sentry", text_at(issue, "permalink")),
                ("sentry", text_at(issue, "web_url")),
            ]
        ),
    )
    return (signal,)


def _of_metric(data: dict[str, Any], action: str) -> Signal:
    metric = object_at(data, "metric_alert")
    projects = text_of(metric.get("projects"))
    return Signal(
        fingerprint=_key("metric", text_at(metric, "id"), "$.data.metric_alert.id"),
        status=AlertStatus.RESOLVED if action == "resolved" else AlertStatus.FIRING,
        title=title_of(
            text_at(data, "description_title"),
            text_at(metric, "title"),
            text_at(metric, "alert_rule", "name"),
            "a metric alert",
        ),
        labels=labels_of(
            {
                "alertname": text_at(metric, "alert_rule", "name"),
                "service": projects,
                "environment": text_at(metric, "alert_rule", "environment"),
                "job": "sentry",
                "severity": "critical" if action == "critical" else "warning",
            }
        ),
        annotations=annotations_of(
            {
                "description": text_at(data, "description_text"),
                "metric": text_at(metric, "alert_rule", "aggregate"),
                "query": text_at(metric, "alert_rule", "query"),
            }
        ),
        starts_at=instant_of(metric.get("date_started")),
        ends_at=instant_of(metric.get("date_closed")) if action == "resolved" else None,
        links=links_of([("sentry", text_at(data, "web_url"))]),
    )


def _of_plugin(body: dict[str, Any], worst: str) -> Signal:
    tags = _tags(object_at(body, "event").get("tags"))
    return Signal(
        fingerprint=_key("issue", text_at(body, "id"), "$.id"),
        status=AlertStatus.FIRING,
        title=title_of(
            text_at(body, "event", "title"), text_at(body, "message"), "an error"
        ),
        labels=labels_of(
            {
                "alertname": text_at(body, "triggering_rules"),
                "service": tags.get("service") or text_at(body, "project"),
                "environment": tags.get("environment", ""),
                "platform": _platform(
                    tags.get("os.name", ""), text_at(body, "event", "platform")
                ),
                "job": "sentry",
                "severity": severity_of(text_at(body, "level")) or worst,
            }
        ),
        annotations=annotations_of(
            {
                "description": text_at(body, "message"),
                "culprit": text_at(body, "culprit"),
            }
        ),
        links=links_of([("sentry", text_at(body, "url"))]),
    )


def _tags(given: object) -> Mapping[str, str]:
    """Return tags, which Sentry writes as pairs, by name."""
    pairs = given if isinstance(given, list) else []
    return {
        text_of(pair[0]): text_of(pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2
    }


def _platform(system: str, platform: str) -> str:
    """Return what routes know phones by; Sentry names the language instead."""
    if system.lower() in {"ios", "android"}:
        return system.lower()
    if platform in {"cocoa", "objc", "swift", "apple-ios"}:
        return "ios"
    return platform
