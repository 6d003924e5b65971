"""Stand in for the ingestion of Sentry: the unmodified SDKs send here by their DSN.

An *error event* makes an alert. What it is about is the ``fingerprint`` that the
application gave, else the type of the exception and where in the application it came
up; the values in the message do not count. Nothing says that an error is over, so the
alert ends when it has not come again for ``ends_after``. Events below the set level
page nobody and are not kept.

A *check-in* of a cron monitor is a sign of life of the job, by the monitor's slug.
Transactions, sessions, logs and whatever else clients send are answered as Sentry would
and not stored, since nothing here is made of them: this is no replacement for Sentry,
but a way to be paged without it.

The key is the user name of the DSN. Clients insist that it has 32 letters and digits.
"""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from watchbill.core.alerts import AlertStatus, Beat, BeatKind, Report, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.jsons import (
    decode_object,
    duration_of,
    object_at,
    text_at,
    text_of,
)
from watchbill.integrations.mapper import ENDS_AFTER
from watchbill.integrations.sentry_sdk.envelope import (
    HINT,
    header_of,
    items_of,
)
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
    annotations_of,
    identity,
    labels_of,
    one_line,
    severity_of,
    shorten,
    title_of,
)

AUTH: Final = "x-sentry-auth"
QUERY: Final = "sentry_key"
_KEY = re.compile(r"sentry_key=([0-9A-Za-z]{1,64})")
_LEVELS = ("debug", "info", "warning", "error", "fatal")
_QUIET_AFTER = "1h"
_CORS = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "content-type, x-sentry-auth"),
    ("access-control-allow-methods", "POST"),
)
_JSON = (("content-type", "application/json"), *_CORS[:1])
_BEATS = {
    "in_progress": BeatKind.START,
    "ok": BeatKind.SUCCESS,
    "error": BeatKind.FAIL,
}

SOURCE = Source(
    group="Errors",
    setup="""\
# The DSN is the address below with the key before its host:
import sentry_sdk

sentry_sdk.init(dsn="{base}/sentry/1".replace("://", "://{key}@"))

# Any SDK of Sentry does. Set the tag "service" to say which route an error takes, and
# use check-ins of cron monitors as heartbeats of jobs.
""",
    doors=(Door(path="/sentry/api", methods=frozenset({"POST", "OPTIONS"})),),
    methods=frozenset({"POST", "OPTIONS"}),
    headers=frozenset({AUTH}),
    query=frozenset({QUERY}),
    options=(
        Option(
            name="level",
            help="Events below this level make no alert.",
            default="error",
            choices=_LEVELS[1:],
        ),
        Option(name=ENDS_AFTER.name, help=ENDS_AFTER.help, default=_QUIET_AFTER),
    ),
    has_short_key=True,
    overloaded=429,
)


def key_of(post: Post) -> str:
    """Return the key from the header, the query or the DSN within an envelope."""
    if found := _KEY.search(post.headers.get(AUTH, "")):
        return found[1]
    if key := post.query.get(QUERY, ""):
        return key
    try:
        return urlsplit(text_at(header_of(post.body), "dsn")).username or ""
    except ValueError:  # PayloadError is one, and a broken URL
        return ""


def answer(post: Post) -> PostReply | None:
    """Return Sentry's answer to what holds neither an error nor a check-in."""
    if post.method == "OPTIONS":
        return PostReply(status=200, headers=_CORS)
    try:
        if _is_event(post) or any(_matters(item.kind) for item in items_of(post.body)):
            return None
    except PayloadError:
        return None  # `parse` says what is wrong
    return PostReply(status=200, body=b"{}", headers=_JSON)


def accepted(post: Post, reading: Reading, receipt: Accepted) -> PostReply:
    """Return what Sentry answers: the id of the event, if there is one."""
    del reading, receipt
    line = post.body if _is_event(post) else post.body.partition(b"\n")[0]
    number = one_line(text_at(decode_object(line, hint=HINT), "event_id"))[:64]
    body = msgspec.json.encode({"id": number} if number else {})
    return PostReply(status=200, body=body, headers=_JSON)


def refused(refusal: Refused) -> PostReply:
    """Return a refusal in the form of Sentry's relay."""
    body = msgspec.json.encode({"detail": refusal.problem, "causes": [refusal.hint]})
    return PostReply(status=refusal.status, body=body, headers=_JSON)


def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
    """Return the errors and check-ins of a post, in their order."""
    if _is_event(post):
        event = decode_object(post.body, hint=HINT)
        return Reading(_of_event(event, config))
    reports: list[Report] = []
    for item in items_of(post.body):
        if item.kind == "event":
            event = decode_object(item.payload, hint=HINT)
            reports += _of_event(event, config)
        elif item.kind == "check_in":
            reports.append(_of_check_in(item.payload, item.where))
    return Reading(tuple(reports))


def _is_event(post: Post) -> bool:
    # The way of clients from before envelopes.
    return post.path.rstrip("/").endswith("store")


def _matters(kind: str) -> bool:
    return kind in {"event", "check_in"}


def _of_check_in(payload: bytes, where: str) -> Beat:
    check_in = decode_object(payload, hint=HINT)
    slug = shorten(one_line(text_at(check_in, "monitor_slug")), 200)
    kind = _BEATS.get(text_at(check_in, "status"))
    if not slug or kind is None:
        raise PayloadError(
            where=where, problem="a check-in needs monitor_slug and status", hint=HINT
        )
    run = shorten(one_line(text_at(check_in, "check_in_id")), 64)
    return Beat(name=slug, kind=kind, run=run)


def _of_event(event: dict[str, Any], config: Config) -> tuple[Signal, ...]:
    level = text_at(event, "level").lower()
    level = level if level in _LEVELS else "error"
    lowest = config.options.get("level", "error")
    if lowest in _LEVELS and _LEVELS.index(level) < _LEVELS.index(lowest):
        return ()
    error, culprit = _error(event), _culprit(event)
    tags = _tags(event)
    kind = text_at(error, "type")
    words = text_at(error, "value") or _message(event)
    service = tags.get("service", "")
    signal = Signal(
        fingerprint=_identity(event, kind or _template(event), culprit),
        status=AlertStatus.FIRING,
        title=title_of(": ".join(filter(None, (kind, words))), culprit, "an error"),
        labels=labels_of(
            {
                "alertname": kind,
                "service": service,
                "component": tags.get("component") or service,
                "host": text_at(event, "server_name"),
                "environment": text_at(event, "environment"),
                "platform": text_at(event, "platform"),
                "job": "sentry",
                "severity": severity_of(level),
            }
        ),
        annotations=annotations_of(
            {
                "description": words,
                "culprit": culprit,
                "transaction": text_at(event, "transaction"),
                "release": text_at(event, "release"),
                "event": text_at(event, "event_id"),
            }
        ),
        lasts=_lasts(config),
    )
    return (signal,)


def _lasts(config: Config) -> timedelta | None:
    text = config.options.get(ENDS_AFTER.name, _QUIET_AFTER)
    return duration_of(text)


def _error(event: dict[str, Any]) -> dict[str, Any]:
    """Return the exception that was raised last, which is the outermost one."""
    given = event.get("exception")
    values = given.get("values") if isinstance(given, dict) else given
    return next(reversed(_objects(values)), {})


def _objects(values: object) -> list[dict[str, Any]]:
    given = values if isinstance(values, list) else []
    return [one for one in given if isinstance(one, dict)]


def _culprit(event: dict[str, Any]) -> str:
    """Return the innermost function of the application, or the transaction."""
    frames = object_at(_error(event), "stacktrace").get("frames")
    if own := [one for one in _objects(frames) if one.get("in_app")]:
        place = text_at(own[-1], "module") or text_at(own[-1], "filename")
        function = text_at(own[-1], "function")
        return " in ".join(filter(None, (place, function)))
    return text_at(event, "transaction")


def _message(event: dict[str, Any]) -> str:
    for names in (("logentry", "formatted"), ("logentry", "message"), ("message",)):
        if text := text_at(event, *names):
            return text
    return ""


def _template(event: dict[str, Any]) -> str:
    # The words before their parameters were put in are the same each time.
    return text_at(event, "logentry", "message") or _message(event)


def _identity(event: dict[str, Any], kind: str, culprit: str) -> str:
    default = [kind, culprit]
    given = event.get("fingerprint")
    if not isinstance(given, list) or not given:
        return _key(default, event)
    parts: list[str] = []
    for one in given:
        text = text_of(one)
        parts += default if re.fullmatch(r"\{\{ ?default ?\}\}", text) else [text]
    return _key(parts, event)


def _key(parts: list[str], event: dict[str, Any]) -> str:
    if not any(parts):
        raise PayloadError(
            where="$.exception",
            problem="an event without exception, message or fingerprint",
            hint=HINT,
        )
    # An error on staging is not the one in production.
    return identity(*parts, text_at(event, "environment"))


def _tags(event: dict[str, Any]) -> dict[str, str]:
    given = event.get("tags")
    if isinstance(given, dict):
        return {name: text_of(value) for name, value in given.items()}
    pairs = given if isinstance(given, list) else []
    return {
        text_of(pair[0]): text_of(pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2
    }
