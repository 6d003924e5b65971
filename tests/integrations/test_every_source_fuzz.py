"""Whatever comes over the network, a source reads it or refuses it, and no more.

Every source that the registry knows is asked about raw bytes, about JSON of any shape,
and about its own recorded posts with parts cut, doubled and exchanged; so a new source
is under test with its folder.
"""

import copy
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integrations.posts import names, recorded
from watchbill.core.alerts import Act, Beat, ChangeReport, Report, Signal
from watchbill.integrations.contract import PayloadError, SignatureError
from watchbill.integrations.registry import providers
from watchbill.integrations.sources import (
    NO_CONFIG,
    Accepted,
    Config,
    Inbound,
    Post,
    PostReply,
    Reading,
    Source,
)

pytestmark = pytest.mark.req("S4.1-08", "S4.1-11")

SOURCES: dict[str, Inbound] = {
    name: one.inbound for name, one in providers().items() if one.inbound is not None
}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RECEIPT = Accepted(request_id=str(UUID(int=7)), took=0.01)
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck)
)
each_source = pytest.mark.parametrize("name", SOURCES)


# ── What comes ────────────────────────────────────────────────────────────────────

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "1e9"])
)
NAMES = """
    action alert alerts body data each event exception fingerprint heartbeat id issue
    labels message monitor payload routing_key service severity source startsAt status
    summary tags title type version
"""
words = st.sampled_from(NAMES.split()) | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=5)
    ),
    max_leaves=20,
)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def texts_of(source: Source) -> st.SearchStrategy[dict[str, str]]:
    values = st.text(max_size=20) | st.sampled_from(
        ["issue", "event_alert", "metric_alert", "application/json", "text/plain"]
    )
    return st.dictionaries(st.sampled_from(sorted(source.headers) or ["x"]), values)


def posts(name: str) -> st.SearchStrategy[Post]:
    source = SOURCES[name].SOURCE
    bodies = st.binary(max_size=200) | anything.map(encoded) | st.just(b"[" * 50_000)
    paths = st.sampled_from(["", "x", "alerts", "1/store", "1/envelope", "a/b/close"])
    return st.builds(
        Post,
        body=bodies,
        method=st.sampled_from(sorted(source.methods | {"POST"})),
        path=paths | st.text(max_size=10),
        query=st.dictionaries(
            st.sampled_from(sorted(source.query) or ["x"]), st.text(max_size=20)
        ),
        headers=texts_of(source),
    )


@st.composite
def mutated(draw: st.DrawFn, name: str) -> Post:
    post = recorded(name, draw(st.sampled_from(names(name))))
    if draw(st.booleans()):
        return replace(post, body=_with_other_bytes(draw, post.body))
    try:
        document = json.loads(post.body)
    except ValueError:
        return replace(post, body=_with_other_bytes(draw, post.body))
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        _exchange(draw, document)
    return replace(post, body=encoded(document))


def _with_other_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    raw = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(start + 8, len(raw))))
        raw[start:end] = draw(st.binary(max_size=8))
    return bytes(raw)


def _exchange(draw: st.DrawFn, document: Any) -> None:
    """Put anything in the place of some part of a document."""
    while isinstance(document, dict | list) and document:
        keys = list(document) if isinstance(document, dict) else range(len(document))
        key = draw(st.sampled_from(keys))
        inner = document[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            document[key] = draw(anything | st.just("x" * 30_000))
            return
        document = inner


def configs(name: str) -> st.SearchStrategy[Config]:
    options = st.fixed_dictionaries(
        {},
        optional={
            one.name: st.sampled_from(one.choices) if one.choices else st.text()
            for one in SOURCES[name].SOURCE.options
        },
    )
    mapping: st.SearchStrategy[Any] = st.none()
    if SOURCES[name].SOURCE.has_mapping:
        saved = {"title": "{title}", "fingerprint": ["id"], "labels": {"*": "labels"}}
        mapping = mapping | st.just(saved) | st.dictionaries(words, anything)
    return st.builds(Config, options=options, mapping=mapping)


# ── What is asked ─────────────────────────────────────────────────────────────────


@each_source
@quick
@given(data=st.data())
def test_any_post_is_read_or_refused(name: str, data: st.DataObject) -> None:
    ask(name, data.draw(posts(name)), data.draw(configs(name)))


@pytest.mark.parametrize("name", [name for name in SOURCES if names(name)])
@quick
@given(data=st.data())
def test_a_recorded_post_that_was_changed_is_read_or_refused(
    name: str, data: st.DataObject
) -> None:
    ask(name, data.draw(mutated(name)), data.draw(configs(name)))


@each_source
def test_a_body_as_long_as_is_taken_is_read_in_a_second(name: str) -> None:
    longest = min(SOURCES[name].SOURCE.max_body, 5 * 1024 * 1024)
    bodies = [b"[" * longest, b" " * longest, b"\n" * longest, b'"' + b"x" * longest]
    post = Post()
    for file in names(name):
        post = recorded(name, file)
        long = post.body.replace(b'": "', b'": "' + b"x" * (longest // 20))
        bodies.append(long[:longest])
    for body in bodies:
        begin = process_time()  # what else the machine does is not counted
        parse(name, replace(post, body=body), NO_CONFIG)
        assert process_time() - begin < 1, f"{name} {body[:40]!r}"


@each_source
def test_every_recorded_post_is_read(name: str) -> None:
    for file in names(name):
        post = recorded(name, file)
        assert isinstance(parse(name, post, NO_CONFIG), Reading), file
        ask(name, post, NO_CONFIG)


@each_source
def test_the_instructions_name_the_address_and_the_key(name: str) -> None:
    source = SOURCES[name].SOURCE

    has_address = any(one in source.setup for one in ("{url}", "{address}", "{base}"))
    assert source.setup.strip()
    assert has_address or not source.methods
    assert source.group
    for option in source.options:
        assert option.help.endswith(".")
        assert not option.choices or option.default in option.choices


def parse(name: str, post: Post, config: Config) -> Reading | None:
    try:
        return SOURCES[name].parse(post, config)
    except PayloadError as error:
        refusal = error
    assert refusal.where
    assert refusal.problem
    assert not _NO_TEXT.search(f"{refusal.where}{refusal.problem}{refusal.hint}")
    return None


def ask(name: str, post: Post, config: Config) -> None:
    """Ask a source all that the server would, and hold the answers to the contract."""
    module: Any = SOURCES[name]
    reading = parse(name, post, config)
    assert parse(name, post, config) == reading
    if reading is not None:
        assert all(isinstance(one, str) for one in reading.problems)
        for report in reading.reports:
            hold(report)
        if hasattr(module, "accepted"):
            hold_reply(module.accepted(post, reading, RECEIPT))
    if hasattr(module, "key_of"):
        with suppress(PayloadError):
            assert isinstance(module.key_of(post), str)
    if hasattr(module, "answer") and (reply := module.answer(post)) is not None:
        hold_reply(reply)
    if hasattr(module, "verify"):
        with pytest.raises(SignatureError):
            module.verify(post, "nobody's secret", now=NOW)


def hold_reply(reply: PostReply) -> None:
    assert 200 <= reply.status < 500
    for header, value in reply.headers:
        assert f"{header}{value}".isprintable()
        assert f"{header}{value}".isascii()


def hold(report: Report) -> None:
    """Assert what holds of every report: its lengths, its text, its instants."""
    assert isinstance(report, Signal | Act | ChangeReport | Beat)
    for one in fields(report):
        hold_value(getattr(report, one.name))
    if isinstance(report, Signal | Act):
        assert 1 <= len(report.fingerprint) <= 512
        assert report.fingerprint.isprintable()
    if isinstance(report, Signal):
        assert 1 <= len(report.title) <= 1_100
        assert "\n" not in report.title
        assert report.lasts is None or report.lasts > timedelta(0)
        assert all(len(value) <= 1_100 for value in report.labels.values())
        assert len(report.labels) <= 1_000
        for url in report.links.values():
            assert url.lower().startswith(("http://", "https://"))


def hold_value(value: object) -> None:
    if isinstance(value, str):
        assert not _NO_TEXT.search(value)
        assert len(value) <= 100_000
        value.encode()
    elif isinstance(value, datetime):
        assert value.utcoffset() == timedelta(0)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            assert isinstance(name, str)
            assert name.strip()
            assert len(name) <= 300
            hold_value(name)
            hold_value(one)
