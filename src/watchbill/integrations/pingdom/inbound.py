"""Read the webhook of Pingdom, version 1, for uptime and transaction checks.

A check is down or up, and its id is what tells it from others. Pingdom signs nothing,
so the key is in the address. Each check belongs to a component of the status page
(S4.1-05): a tag such as ``component-api`` says which, else the check's name does,
written as plans write names. An importance of LOW never makes more than a warning.
"""

from typing import Any, Final

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode_object, instant_of, text_at, text_of
from watchbill.integrations.mapper import severity_option
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading, Source
from watchbill.integrations.text import (
    annotations_of,
    identity,
    labels_of,
    links_of,
    one_line,
    severity_of,
    shorten,
    slug,
    title_of,
)

ALERTNAME: Final = "UptimeCheckDown"
_HINT = "Let the webhook integration of Pingdom post here."
_UP = frozenset({"UP", "SUCCESS"})

SOURCE = Source(
    group="Uptime",
    setup="""\
In Pingdom, Integrations > Integrations: add one of the type Webhook.
  URL    {url}
Choose it in each check, and tag the check with the component it is about, such as
component-api, and the service, such as service-payments, if their names differ.
""",
    options=(severity_option("critical"),),
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return whether a check is down."""
    check = decode_object(post.body, hint=_HINT)
    number = text_at(check, "check_id")
    state = text_at(check, "current_state").strip().upper()
    for name, value in (("check_id", number), ("current_state", state)):
        if not value.strip():
            raise PayloadError(where=f"$.{name}", problem="is missing", hint=_HINT)
    is_up = state in _UP
    changed_at = instant_of(check.get("state_changed_timestamp"))
    signal = Signal(
        fingerprint=identity(number),
        status=AlertStatus.RESOLVED if is_up else AlertStatus.FIRING,
        title=_title(check, state),
        labels=_labels(check, config),
        annotations=annotations_of(
            {
                "description": text_at(check, "long_description")
                or text_at(check, "description"),
                "note": text_at(check, "custom_message"),
                "first_probe": text_at(check, "first_probe", "location"),
                "second_probe": text_at(check, "second_probe", "location"),
            }
        ),
        starts_at=None if is_up else changed_at,
        ends_at=changed_at if is_up else None,
        links=links_of([("target", text_at(check, "check_params", "full_url"))]),
    )
    return Reading((signal,))


def _title(check: dict[str, Any], state: str) -> str:
    name = shorten(one_line(text_at(check, "check_name")), 150) or "a check"
    return title_of(f"{name} is {state.lower()}")


def _labels(check: dict[str, Any], config: Config) -> dict[str, str]:
    name = text_at(check, "check_name")
    tags = check.get("tags")
    words = [text_of(tag) for tag in tags] if isinstance(tags, list) else []
    severity = config.options.get("severity") or "critical"
    if text_at(check, "importance_level").upper() == "LOW":
        severity = severity if severity_of(severity) == "info" else "warning"
    component = _tagged(words, "component")
    return labels_of(
        {
            "alertname": ALERTNAME,
            "check": name,
            "component": component or slug(name),
            "service": _tagged(words, "service") or component or slug(name),
            "host": text_at(check, "check_params", "hostname"),
            "type": text_at(check, "check_type"),
            "severity": severity,
        }
    )


def _tagged(tags: list[str], kind: str) -> str:
    for tag in tags:
        name, found, value = tag.partition(":")
        if not found:
            name, value = tag[: len(kind)], tag[len(kind) + 1 :]
        if name.lower() == kind and value:
            return slug(value)
    return ""
