"""Read the webhook of Alertmanager, version 4.

One body is one notification of a *group*; each alert in it becomes a signal, known
by Alertmanager's own fingerprint, so that the same alert in two groups is one alert
here. The format is the struct ``Message`` of ``notify/webhook/webhook.go``; fields
that it does not know are passed over, because every release adds some.

Three choices are not obvious. ``endsAt`` counts on resolved alerts only: on firing
ones it is Go's zero time. When Alertmanager left alerts out (``max_alerts``), each
signal carries an annotation that says so. And one unreadable alert refuses the whole
body: the caller keeps the raw text and raises the alarm, where passing over the bad
alert would lose it in silence.

Two things can be set. With ``dedup: groupKey`` a whole group is one alert, which is
over when all of the group is. And since release 0.32 people can have Alertmanager write
any body: one that does not name version 4 is read by the mapping of the integration, if
it has one.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.core.labels import fingerprint
from watchbill.integrations import mapper
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import decode, decode_as
from watchbill.integrations.sources import (
    NO_CONFIG,
    Config,
    Option,
    Post,
    Reading,
    Source,
)
from watchbill.integrations.text import (
    ANNOTATION,
    LABEL,
    TITLE,
    clean,
    identity,
    links_of,
    one_line,
    shorten,
    title_of,
)

TRUNCATED = "watchbill_truncated"
"""The annotation that tells of alerts which Alertmanager left out."""

_VERSION = "4"
_LINKS = {
    "runbook": ("runbook_url", "runbook"),
    "dashboard": ("dashboard_url", "dashboard", "grafana_url", "grafana"),
}
#: Labels that say best which thing is meant, for alerts without a summary.
_TELLING = ("component", "service", "job", "instance", "namespace", "pod")
_HINT = "Let a webhook_config of Alertmanager post here, without a body of its own."

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Alert(msgspec.Struct, rename="camel"):
    status: AlertStatus
    labels: dict[str, str] | None
    annotations: dict[str, str] | None = None
    starts_at: _Instant | None = None
    ends_at: _Instant | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")
    fingerprint: str = ""


class _Message(msgspec.Struct, rename="camel"):
    version: str
    alerts: list[_Alert] | None
    status: AlertStatus | None = None
    group_key: str = ""
    group_labels: dict[str, str] | None = None
    common_labels: dict[str, str] | None = None
    common_annotations: dict[str, str] | None = None
    external_url: str = msgspec.field(name="externalURL", default="")
    truncated_alerts: _Count = 0


class _Versioned(msgspec.Struct):
    version: object = None


_decoder = msgspec.json.Decoder(_Message)
_versions = msgspec.json.Decoder(_Versioned)


SOURCE = Source(
    group="Metrics",
    setup="""\
# alertmanager.yml
receivers:
  - name: watchbill
    webhook_configs:
      - url: {address}
        send_resolved: true
        http_config:
          authorization:
            credentials: {key}
""",
    options=(
        Option(
            name="dedup",
            help="What is one alert: each alert, or a whole group of Alertmanager's.",
            default="fingerprint",
            choices=("fingerprint", "groupKey"),
        ),
    ),
    has_mapping=True,
)


def skim(post: Post, config: Config = NO_CONFIG) -> int | None:
    """Return how many alerts there are, if `parse` would take them one by one."""
    if config.mapping is not None or config.options.get("dedup") == "groupKey":
        return None
    try:
        message = _decoder.decode(post.body)
    except (ValueError, RecursionError):
        return None
    alerts = message.alerts
    if message.version != _VERSION or not alerts:
        return None
    return len(alerts) if all(alert.labels for alert in alerts) else None


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the signals of a webhook body, in its order.

    Raises `PayloadError`, and nothing else, whatever the bytes are.
    """
    if config.mapping is not None and not _is_version_4(post.body):
        return mapper.read(config.mapping, decode(post.body, hint=mapper.HINT))
    message = decode_as(_decoder, post.body, hint=_HINT)
    if message.version != _VERSION:
        version = shorten(one_line(message.version), 20)
        raise PayloadError(
            where="$.version",
            problem=f'expected version "{_VERSION}" of the webhook, got "{version}"',
            hint=_HINT,
        )
    if not message.alerts:
        raise PayloadError(
            where="$.alerts", problem="there are no alerts in the list", hint=_HINT
        )
    if config.options.get("dedup") == "groupKey" and message.group_key:
        return Reading((_of_group(message, message.alerts),))
    # A body that names an alert twice with the same start is no second firing.
    signals = {
        (signal.fingerprint, signal.status, signal.starts_at): signal
        for signal in _signals(message, message.alerts)
    }
    return Reading(tuple(signals.values()))


def _is_version_4(body: bytes) -> bool:
    try:
        return decode_as(_versions, body, hint=_HINT).version == _VERSION
    except PayloadError:
        return False


def _of_group(message: _Message, alerts: list[_Alert]) -> Signal:
    """Return a whole group as one signal; it fires while any of its alerts does."""
    firing = [one for one in alerts if one.status is AlertStatus.FIRING]
    is_resolved = message.status is AlertStatus.RESOLVED or not firing
    labels = {**(message.group_labels or {}), **(message.common_labels or {})}
    common = _Alert(
        status=AlertStatus.RESOLVED if is_resolved else AlertStatus.FIRING,
        labels=labels,
        annotations=message.common_annotations,
        generator_url=alerts[0].generator_url,
    )
    alone = _signal(common, labels, message)
    count = len(alerts) + message.truncated_alerts
    starts = [at for one in firing or alerts if (at := _instant(one.starts_at))]
    ends = [at for one in alerts if (at := _instant(one.ends_at))]
    return replace(
        alone,
        fingerprint=identity("group", message.group_key),
        title=alone.title if count == 1 else title_of(f"{count} alerts: {alone.title}"),
        starts_at=min(starts, default=None),
        ends_at=max(ends, default=None) if is_resolved else None,
    )


def _signals(message: _Message, alerts: list[_Alert]) -> Iterator[Signal]:
    for index, alert in enumerate(alerts):
        if not alert.labels:
            raise PayloadError(
                where=f"$.alerts[{index}].labels",
                problem="an alert without labels cannot be told from any other",
                hint=_HINT,
            )
        yield _signal(alert, alert.labels, message)


def _signal(alert: _Alert, labels: dict[str, str], message: _Message) -> Signal:
    shown = clean(labels, limit=LABEL)
    annotations = clean(alert.annotations or {}, limit=ANNOTATION)
    if message.truncated_alerts:
        annotations[TRUNCATED] = (
            f"{message.truncated_alerts} more alerts of this group were left out by"
            " Alertmanager (max_alerts of the webhook)"
        )
    is_resolved = alert.status is AlertStatus.RESOLVED
    return Signal(
        fingerprint=_identity(alert, labels),
        status=alert.status,
        title=_title(shown, annotations),
        labels=shown,
        annotations=annotations,
        starts_at=_instant(alert.starts_at),
        ends_at=_instant(alert.ends_at) if is_resolved else None,
        links=_links(alert, message),
    )


def _identity(alert: _Alert, labels: dict[str, str]) -> str:
    # Alertmanager's is 16 hex digits; anything odd may not become a key of ours.
    theirs = alert.fingerprint
    is_sound = theirs.isascii() and theirs.isalnum() and len(theirs) <= 64
    return theirs if is_sound else fingerprint(labels)


def _title(labels: dict[str, str], annotations: dict[str, str]) -> str:
    for name in ("summary", "description"):
        if title := one_line(annotations.get(name, "")):
            return shorten(title, TITLE)
    told = [f"{name}={labels[name]}" for name in _TELLING if labels.get(name)][:3]
    name = labels.get("alertname") or "alert without a name"
    details = f" ({', '.join(told)})" if told else ""
    return shorten(one_line(name + details), TITLE)


def _links(alert: _Alert, message: _Message) -> dict[str, str]:
    annotations = alert.annotations or {}
    candidates = [
        (shows, annotations.get(name, ""))
        for shows, names in _LINKS.items()
        for name in names
    ]
    candidates += [
        ("source", alert.generator_url),
        ("alertmanager", message.external_url),
    ]
    return links_of(candidates)


def _instant(value: datetime | None) -> datetime | None:
    # Go's zero time, the year 1, means "none"; the year 9999 means "never". Both
    # would also overflow when moved to UTC.
    if value is None or not 1 < value.year < 9999:
        return None
    return value.astimezone(UTC)
