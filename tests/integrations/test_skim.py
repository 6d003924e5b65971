"""What a source passes at a glance, it can read: `skim` says no more than `parse`.

A post that is only skimmed is answered before `parse` has seen it. If `parse` then
refused it, its sender would never hear that his alerts were not understood; if `parse`
found more than was counted, the bound on alerts in one post would not hold.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integrations.posts import names, recorded
from tests.integrations.test_every_source_fuzz import (
    SOURCES,
    anything,
    configs,
    encoded,
    mutated,
    posts,
    quick,
    scalars,
)
from watchbill.integrations.sources import NO_CONFIG, Accepted, Config, Post, Reading

pytestmark = pytest.mark.req("S4.1-08", "S4.1-11")

Skim = Callable[[Post, Config], int | None]

SKIMS: dict[str, Skim] = {
    name: cast("Skim", cast("Any", source).skim)
    for name, source in SOURCES.items()
    if hasattr(source, "skim")
}
RECEIPT = Accepted(request_id=str(UUID(int=7)), took=0.01)
each_skim = pytest.mark.parametrize("name", SKIMS)
thorough = settings(quick, max_examples=150)


# ── What comes: bodies that are nearly right, so that a glance lets many pass ───────

words = st.sampled_from(["alertname", "severity", "a", " "]) | st.text(max_size=4)
years = st.sampled_from(["0001", "0002", "1970", "2026", "9998", "9999"])
zones = st.sampled_from(["Z", "+00:00", "+14:00", "-12:00", "+23:59", "-23:59"])
days = st.sampled_from(["-01-01T00:00:00", "-12-31T23:59:59.999999", "-02-08T02:30:00"])


def sometimes(odd: Any, usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what is usual: of odd parts only, a body would be odd each time."""
    strange = odd if isinstance(odd, st.SearchStrategy) else st.just(odd)
    return st.integers(0, 19).flatmap(lambda one: strange if one == 13 else usual)


labels = sometimes(
    anything, st.dictionaries(words, words | st.just(""), min_size=1, max_size=4)
)
instants = sometimes(scalars, st.builds("{}{}{}".format, years, days, zones))
alerts = st.fixed_dictionaries(
    {"labels": labels, "status": st.sampled_from(["firing", "resolved"])},
    optional={
        "annotations": labels,
        "startsAt": instants,
        "endsAt": instants,
        "generatorURL": st.text(max_size=20),
        "fingerprint": st.text(max_size=70),
    },
)
messages = st.fixed_dictionaries(
    {
        "version": sometimes("5", st.just("4")),
        "alerts": sometimes(anything, st.lists(alerts, min_size=1, max_size=4)),
    },
    optional={
        "status": st.sampled_from(["firing", "resolved"]),
        "groupKey": st.text(max_size=8),
        "groupLabels": labels,
        "commonLabels": labels,
        "truncatedAlerts": sometimes(-1, st.integers(0, 2**63 - 1)),
    },
)
lists = st.lists(alerts, max_size=4)

#: What may stand around a body; some parsers pass over it, and some do not.
marks = sometimes(st.sampled_from([b"\xef\xbb\xbf", b"\0", b"{}"]), st.just(b" \n"))


@st.composite
def nearly_right(draw: st.DrawFn, name: str) -> Post:
    source = SOURCES[name].SOURCE
    is_list = isinstance(json.loads(recorded(name, names(name)[0]).body), list)
    documents = sometimes(messages, lists) if is_list else sometimes(lists, messages)
    tails = {"", *(door.prefix for door in source.doors)}
    return Post(
        body=draw(marks) + draw(documents.map(encoded)) + draw(marks),
        path=draw(sometimes("x", st.sampled_from(sorted(tails)))),
    )


# ── What is asked ─────────────────────────────────────────────────────────────────


def test_the_sources_that_are_sent_most_are_skimmed() -> None:
    assert {"alertmanager", "prometheus"} <= set(SKIMS)


@each_skim
@thorough
@given(data=st.data())
def test_what_passes_at_a_glance_can_be_read(name: str, data: st.DataObject) -> None:
    hold(name, data.draw(nearly_right(name)), data.draw(configs(name)))


@each_skim
@thorough
@given(data=st.data())
def test_a_recorded_post_that_was_changed_is_not_waved_through(
    name: str, data: st.DataObject
) -> None:
    hold(name, data.draw(mutated(name)), data.draw(configs(name)))


@each_skim
@quick
@given(data=st.data())
def test_nothing_makes_a_glance_fail(name: str, data: st.DataObject) -> None:
    hold(name, data.draw(posts(name)), data.draw(configs(name)))


@each_skim
def test_every_recorded_post_passes_at_a_glance(name: str) -> None:
    counted = {}
    for file in names(name):
        post = recorded(name, file)
        hold(name, post, NO_CONFIG)
        counted[file] = SKIMS[name](post, NO_CONFIG)
    assert counted
    assert any(counted.values()), "nothing is ever skimmed; the lane is slow again"


@each_skim
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_an_alert_says_twice_is_counted_twice(
    name: str, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(names(name)))
    post = recorded(name, file)
    document = json.loads(post.body)
    listed = document if isinstance(document, list) else document.get("alerts") or []
    listed *= 2
    twice = replace(post, body=json.dumps(document).encode())
    hold(name, twice, NO_CONFIG)
    assert SKIMS[name](twice, NO_CONFIG) in {None, len(listed)}


def hold(name: str, post: Post, config: Config) -> None:
    """Assert that what passes at a glance is read whole, and answered alike."""
    source: Any = SOURCES[name]
    count = SKIMS[name](post, config)
    if count is None:
        return
    reading: Reading = source.parse(post, config)
    assert len(reading.reports) <= count
    assert bool(reading.reports) == bool(count)
    assert reading.problems == ()
    if hasattr(source, "accepted"):
        unread = source.accepted(post, Reading(()), RECEIPT)
        assert unread == source.accepted(post, reading, RECEIPT)
