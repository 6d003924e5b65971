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
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.core.labels import fingerprint
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.text import one_line, printable, shorten, web_url

TRUNCATED = "watchbill_truncated"
"""The annotation that tells of alerts which Alertmanager left out."""

_VERSION = "4"
_LIMITS = {"name": 200, "label": 1_000, "annotation": 4_000, "title": 200}
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
    external_url: str = msgspec.field(name="externalURL", default="")
    truncated_alerts: _Count = 0


_decoder = msgspec.json.Decoder(_Message)


def parse(body: bytes) -> tuple[Signal, ...]:
    """Return the signals of a webhook body, in its order.

    Raises `PayloadError`, and nothing else, whatever the bytes are.
    """
    message = _decode(body)
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
    # A body that names an alert twice with the same start is no second firing.
    signals = {
        (signal.fingerprint, signal.status, signal.starts_at): signal
        for signal in _signals(message, message.alerts)
    }
    return tuple(signals.values())


def _decode(body: bytes) -> _Message:
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise PayloadError(
            where="$", problem="the JSON is nested too deeply", hint=_HINT
        ) from None
    except ValueError as error:  # of msgspec, or a UnicodeDecodeError
        problem, _, where = str(error).partition(" - at `")
        raise PayloadError(
            where=where.rstrip("`") or "$",
            problem=shorten(one_line(problem), 200),
            hint=_HINT,
        ) from None


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
    shown = _clean(labels, limit=_LIMITS["label"])
    annotations = _clean(alert.annotations or {}, limit=_LIMITS["annotation"])
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


def _clean(pairs: dict[str, str], *, limit: int) -> dict[str, str]:
    return {
        shorten(one_line(name), _LIMITS["name"]): shorten(printable(value), limit)
        for name, value in pairs.items()
    }


def _title(labels: dict[str, str], annotations: dict[str, str]) -> str:
    for name in ("summary", "description"):
        if title := one_line(annotations.get(name, "")):
            return shorten(title, _LIMITS["title"])
    told = [f"{name}={labels[name]}" for name in _TELLING if labels.get(name)][:3]
    name = labels.get("alertname") or "alert without a name"
    details = f" ({', '.join(told)})" if told else ""
    return shorten(one_line(name + details), _LIMITS["title"])


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
    links: dict[str, str] = {}
    for shows, text in candidates:
        if url := web_url(text):
            links.setdefault(shows, url)
    return links


def _instant(value: datetime | None) -> datetime | None:
    # Go's zero time, the year 1, means "none"; the year 9999 means "never". Both
    # would also overflow when moved to UTC.
    if value is None or not 1 < value.year < 9999:
        return None
    return value.astimezone(UTC)
