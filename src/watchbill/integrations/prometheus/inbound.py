"""Read what Prometheus and ``amtool alert add`` post to an Alertmanager.

The body is a list of alerts (``POST /api/v2/alerts``, ``openapi.yaml`` of the
Alertmanager 0.28; that of API v1 is the same). Prometheus says again and again that an
alert fires, each time with the instant until which it may be believed, and at the end
a few times with the instant at which it was over. Both are ``endsAt``, and only the
clock tells them apart. A reading may not depend on the clock, so every alert is read
as firing with ``expires_at``: whoever folds it knows whether that has passed. An alert
without ``endsAt`` lasts for the option ``resolve_timeout`` after its receipt; one
that an installation cannot read is as if it were not set.

As in Alertmanager, labels with an empty value do not exist, and an alert that is not
valid is left out with a problem while the others are kept; the answer is then 400 with
all problems as one JSON string, although something was stored. Unlike there, this
holds for a value of a wrong type too. The fingerprint is Alertmanager's own, so that
``amtool`` and links name an alert as we do.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import (
    NO_CONFIG,
    Accepted,
    Config,
    Door,
    Option,
    Post,
    PostReply,
    Reading,
    Refused,
    Source,
)
from watchbill.integrations.text import (
    ANNOTATION,
    LABEL,
    clean,
    links_of,
    one_line,
    shorten,
    title_of,
)

_PATHS = frozenset({"", "api/v2/alerts", "api/v1/alerts"})
_PROBLEMS = 20
"""More are counted, not listed."""

_LINKS = {
    "runbook": ("runbook_url", "runbook"),
    "dashboard": ("dashboard_url", "dashboard", "grafana_url", "grafana"),
}
#: Labels that say best which thing is meant, for alerts without a summary.
_TELLING = ("component", "service", "job", "instance", "namespace", "pod")
_HINT = "Post a list of alerts, as Prometheus does to an Alertmanager."

_LASTS = timedelta(minutes=5)
_DURATION = re.compile(r"([1-9][0-9]{0,4})(s|m|h)")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 2**64 - 1
_REMEMBERED = 1_024
"""Bytes; the fingerprint of a longer label set is computed each time."""

_LAST = datetime(9998, 12, 31, tzinfo=UTC)
_T = TypeVar("_T")
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: _Instant | None = None
    ends_at: _Instant | None = None
    generator_url: str = msgspec.field(name="generatorURL", default="")


_whole = msgspec.json.Decoder(list[_Alert])
_loose = msgspec.json.Decoder(list[msgspec.Raw])
_single = msgspec.json.Decoder(_Alert)

SOURCE = Source(
    group="Metrics",
    setup="""\
# prometheus.yml
alerting:
  alertmanagers:
    - scheme: https              # http, if {base} begins so
      path_prefix: /intake/prometheus/{key}
      static_configs:
        - targets: ["HOST:PORT"] # of {base}

# On the command line
amtool --alertmanager.url={url} alert query
""",
    doors=(
        Door(path="/api/v2/alerts", prefix="api/v2/alerts"),
        Door(path="/api/v1/alerts", prefix="api/v1/alerts"),
    ),
    # Not "silence": every host with the configuration of Prometheus has its key.
    scopes=frozenset({"post", "read"}),
    options=(
        Option(
            name="resolve_timeout",
            help="For how long an alert without endsAt is believed, such as 90s, 5m"
            " or 1h.",
            default="5m",
        ),
    ),
)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the alerts of a body that are valid, and what is wrong with the others.

    Raises `PayloadError`, and nothing else, when nothing can be read.
    """
    if post.path not in _PATHS:
        raise PayloadError(
            where="path",
            problem=f"nothing is posted to {shorten(one_line(post.path), 80)!r}",
            hint="Alerts are posted to api/v2/alerts.",
        )
    lasts = _duration(config.options.get("resolve_timeout", ""))
    signals: dict[tuple[str, datetime | None, datetime | None], Signal] = {}
    problems: list[str] = []
    for index, alert in _alerts(post.body):
        problem = alert if isinstance(alert, str) else _problem(alert)
        if isinstance(alert, str) or problem:
            problems.append(f"$[{index}]: {problem}")
            continue
        signal = _signal(alert, lasts=lasts)
        # A body that says the same twice says it once.
        signals[signal.fingerprint, signal.starts_at, signal.expires_at] = signal
    if problems and not signals:
        where, _, problem = problems[0].partition(": ")
        raise PayloadError(where=where, problem=problem, hint=_HINT)
    return Reading(tuple(signals.values()), _listed(problems))


def skim(post: Post, config: Config = NO_CONFIG) -> int | None:
    """Return how many alerts there are, if `parse` would take them all."""
    del config
    try:
        alerts = _whole.decode(post.body)
    except (ValueError, RecursionError):
        return None
    if post.path not in _PATHS or any(map(_problem, alerts)):
        return None
    return len(alerts)


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Answer as Alertmanager: an empty 200, or 400 with what was left out."""
    if reading.problems:
        return _said(400, "\n".join(reading.problems))
    return PostReply(status=200)


def refused(refusal: Refused) -> PostReply:
    """Answer with a JSON string, which is what the clients of this API show."""
    words = (refusal.where, refusal.problem)
    text = ": ".join(word for word in words if word)
    return _said(refusal.status, f"{text}. {refusal.hint}" if refusal.hint else text)


def _said(status: int, text: str) -> PostReply:
    return PostReply(status=status, body=msgspec.json.encode(text))


def _alerts(body: bytes) -> Iterator[tuple[int, _Alert | str]]:
    """Each alert with its place, or what is wrong with it."""
    try:
        yield from enumerate(_decode(_whole, body))
    except msgspec.ValidationError:
        for index, raw in enumerate(_decode(_loose, body)):
            try:
                yield index, _single.decode(raw)
            except msgspec.ValidationError as error:
                yield index, _readable(error)


def _decode(decoder: "msgspec.json.Decoder[list[_T]]", body: bytes) -> list[_T]:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise PayloadError(
            where="$", problem="the JSON is nested too deeply", hint=_HINT
        ) from None
    except msgspec.ValidationError:
        if decoder is _whole:
            raise
        raise PayloadError(
            where="$", problem="the body is not a list of alerts", hint=_HINT
        ) from None
    except ValueError as error:  # of msgspec, or a UnicodeDecodeError
        raise PayloadError(where="$", problem=_readable(error), hint=_HINT) from None


def _readable(error: Exception) -> str:
    return shorten(one_line(str(error)), 200)


def _problem(alert: _Alert) -> str:
    """What Alertmanager would say against an alert; empty for nothing."""
    if alert.labels.get(""):
        return 'invalid label set: invalid name ""'
    if not any(alert.labels.values()):
        return "at least one label pair required"
    if "" in (alert.annotations or {}):
        return 'invalid annotations: invalid name ""'
    starts_at, ends_at = _instant(alert.starts_at), _instant(alert.ends_at)
    if starts_at is not None and ends_at is not None and ends_at < starts_at:
        return "start time must be before end time"
    return ""


def _listed(problems: list[str]) -> tuple[str, ...]:
    if len(problems) <= _PROBLEMS:
        return tuple(problems)
    more = f"and {len(problems) - _PROBLEMS} more alerts were left out"
    return (*problems[:_PROBLEMS], more)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return _LASTS
    return int(found[1]) * _UNITS[found[2]]


def _signal(alert: _Alert, *, lasts: timedelta) -> Signal:
    labels = {name: value for name, value in alert.labels.items() if value}
    shown = clean(labels, limit=LABEL)
    annotations = clean(alert.annotations or {}, limit=ANNOTATION)
    expires_at = _instant(alert.ends_at)
    return Signal(
        fingerprint=fingerprint_of(labels),
        status=AlertStatus.FIRING,
        title=_title(shown, annotations),
        labels=shown,
        annotations=annotations,
        starts_at=_instant(alert.starts_at) or expires_at,
        links=_links(alert),
        expires_at=expires_at,
        lasts=lasts if expires_at is None else None,
    )


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """Return Alertmanager's name of a label set: FNV-1a over the sorted pairs.

    Each name and value is followed by the byte 255, which no UTF-8 has.
    """
    raw = b"".join(
        text.encode() + b"\xff" for pair in sorted(labels.items()) for text in pair
    )
    return _remembered_hash(raw) if len(raw) <= _REMEMBERED else _hash(raw)


def _hash(raw: bytes) -> str:
    value = _OFFSET
    for byte in raw:
        value = (value ^ byte) * _PRIME & _MASK
    return f"{value:016x}"


# Prometheus posts the same alerts again every minute.
_remembered_hash = lru_cache(maxsize=10_000)(_hash)


def _title(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    told = [f"{name}={labels[name]}" for name in _TELLING if name in labels][:3]
    name = labels.get("alertname") or "alert without a name"
    return title_of(
        annotations.get("summary", ""),
        annotations.get("description", ""),
        f"{name} ({', '.join(told)})" if told else name,
    )


def _links(alert: _Alert) -> dict[str, str]:
    annotations = alert.annotations or {}
    told = [
        (shows, annotations.get(name, ""))
        for shows, names in _LINKS.items()
        for name in names
    ]
    return links_of([*told, ("source", alert.generator_url)])


def _instant(value: datetime | None) -> datetime | None:
    """The instant in UTC; Go's zero time, in the year 1, is none."""
    if value is None or value.year == 1:
        return None
    # The last year means "for ever", and would overflow when moved to UTC.
    return min(value, _LAST).astimezone(UTC)
