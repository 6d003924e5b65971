"""The laws of promises and of a change of severity, for any terms and ladders."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.strategies import (
    DECLARED,
    instant,
    ladders,
    minutes,
    roster_without,
)
from watchbill.core.escalation import Progress, advance, lapses_at
from watchbill.core.ladder import Ladder, Situation
from watchbill.core.regrade import Grade, clocks_start_at, regrade
from watchbill.core.sla import Course, Mark, Promise, Series, Terms, look

durations = st.integers(1, 90).map(lambda one: timedelta(minutes=one))


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    def promise() -> Promise | None:
        within = draw(st.none() | durations)
        if within is None:
            return None
        return Promise(within=within, warnings=(within * 0.75, within * 0.9))

    return Terms(
        response=promise(),
        resolution=promise(),
        repeat_breach_every=draw(durations),
        digest_every=draw(st.none() | durations),
    )


@st.composite
def courses(draw: st.DrawFn) -> Course:
    def happened() -> datetime | None:
        minute = draw(st.none() | minutes)
        return None if minute is None else instant(minute)

    return Course(started_at=DECLARED, responded_at=happened(), resolved_at=happened())


@pytest.mark.req("S3.1-36", "A34")
@given(terms(), courses(), st.integers(0, 600))
def test_promises_asked_twice_answer_once_and_say_when_to_ask(
    given_terms: Terms, course: Course, minute: int
) -> None:
    now = instant(minute)
    first = look(given_terms, course, {}, now=now)
    second = look(given_terms, course, first.passed, now=now)

    assert second.events == ()
    assert all(event.at <= now for event in first.events)
    assert first.ask_at is None or first.ask_at > now
    assert second.ask_at == first.ask_at


@pytest.mark.req("S3.1-03")
@given(terms(), courses(), st.lists(st.integers(0, 600), max_size=8))
def test_a_breach_is_told_once_at_its_instant_however_often_one_looks(
    given_terms: Terms, course: Course, looks: list[int]
) -> None:
    passed: dict[str, int] = {}
    breaches = []
    for minute in [*sorted(looks), 600]:
        answer = look(given_terms, course, passed, now=instant(minute))
        passed = dict(answer.passed)
        breaches += [one for one in answer.events if one.mark is Mark.BREACH]

    promises = {
        Series.RESPONSE: given_terms.response,
        Series.RESOLUTION: given_terms.resolution,
    }
    expected = {}
    for series, promise in promises.items():
        if promise is None:
            continue
        due = DECLARED + promise.within
        met_at = course.met_at(series)
        if met_at is None or met_at > due:
            expected[series] = due
    assert {one.series: one.at for one in breaches} == expected
    assert len(breaches) == len(expected)


@pytest.mark.req("A3", "S3.1-32")
@given(ladders(), ladders(), st.integers(0, 160), st.booleans())
def test_a_change_of_severity_repeats_nothing_and_a_downgrade_looks_only_ahead(
    old: Ladder,
    new: Ladder,
    minute: int,
    is_downgrade: bool,  # noqa: FBT001
) -> None:
    now, roster = instant(minute), roster_without(frozenset())
    situation = Situation(declared_at=DECLARED)
    before = advance(old, Progress(), situation, roster, now=now)
    acted = [one.step for one in before.firings if one.acts]
    new = new.prefixed("1/")

    found = regrade(
        acted, new, situation, is_downgrade=is_downgrade,
        fallback=Progress(), now=now,
    )  # fmt: skip

    effects = [(one.verb, frozenset(one.targets)) for one in acted]
    for step in found.carried:
        effects.remove((step.verb, frozenset(step.targets)))
    after = advance(new, found.progress, situation, roster, now=now)
    fired = {one.step.key for one in after.firings}
    assert fired.isdisjoint(one.key for one in (*found.carried, *found.skipped))
    assert found.skipped == () or is_downgrade
    again = regrade(
        acted, new, situation, is_downgrade=is_downgrade,
        fallback=Progress(), now=now,
    )  # fmt: skip
    assert again == found


@pytest.mark.req("A3")
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_clocks_start_when_it_became_at_least_that_bad(ranks: list[int]) -> None:
    grades = [
        Grade(rank=rank, since_at=instant(place)) for place, rank in enumerate(ranks)
    ]
    start = clocks_start_at(grades, restarts=True)

    since = [one for one in grades if one.since_at >= start]
    assert all(one.rank <= ranks[-1] for one in since)
    before = [one for one in grades if one.since_at < start]
    assert not before or before[-1].rank > ranks[-1]
    assert clocks_start_at(grades, restarts=False) == instant(0)


@pytest.mark.req("A2")
@given(ladders(), minutes, minutes, durations)
def test_an_acknowledgement_lapses_once_and_activity_puts_it_off(
    ladder: Ladder, taken: int, active: int, timeout: timedelta
) -> None:
    ladder = replace(ladder, ack_timeout=timeout)
    roster = roster_without(frozenset())
    situation = Situation(
        declared_at=DECLARED,
        acknowledged_at=instant(taken),
        active_at=instant(active),
        holders=("ana",),
    )
    lapse = instant(max(taken, active)) + timeout
    assert lapses_at(ladder, Progress(), situation) == lapse

    early = advance(
        ladder, Progress(), situation, roster, now=lapse - timedelta(seconds=1)
    )
    assert early.lapsed_at is None
    assert early.ask_at is not None
    assert early.ask_at <= lapse
    late = advance(ladder, early.progress, situation, roster, now=lapse)
    assert late.lapsed_at == lapse
    assert "ana" in {call.contact.key for call in late.calls()}
    twice = advance(ladder, late.progress, situation, roster, now=lapse)
    assert twice.lapsed_at is None
    assert twice.firings == ()
