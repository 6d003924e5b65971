"""The laws of a deciding function, for any ladder, state, roster and instant."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cast import ANA
from tests.properties.stored import restarted
from tests.properties.strategies import (
    deaf,
    half_minutes,
    instant,
    ladders,
    progress_on,
    repeat_afters,
    roster_without,
    rosters,
    situations,
    steps,
)
from watchbill.core.escalation import (
    Advance,
    FiringReason,
    Progress,
    advance,
    bring_forward,
    due_at,
    upcoming,
)
from watchbill.core.firing import Firing, merge
from watchbill.core.ladder import Ladder, RoleTarget, Situation, Step, StopOn, Verb
from watchbill.core.roster import Roster
from watchbill.core.severity import Urgency

FIVE_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True)
class Case:
    ladder: Ladder
    progress: Progress
    situation: Situation
    roster: Roster
    now: datetime

    def ask(
        self, progress: Progress | None = None, now: datetime | None = None
    ) -> Advance:
        return advance(
            self.ladder,
            self.progress if progress is None else progress,
            self.situation,
            self.roster,
            now=now or self.now,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ladder = draw(ladders())
    return Case(
        ladder=ladder,
        progress=draw(progress_on(ladder)),
        situation=draw(situations()),
        roster=draw(rosters),
        now=instant(draw(half_minutes)),
    )


def acting(answer: Advance) -> Iterator[str]:
    return (firing.step.key for firing in answer.firings if firing.acts)


@given(cases())
def test_asked_twice_it_answers_once(case: Case) -> None:
    first = case.ask()
    second = case.ask(first.progress)

    assert second == Advance(firings=(), progress=first.progress, ask_at=first.ask_at)


@given(cases(), st.integers(min_value=0, max_value=999))
def test_it_is_silent_until_the_instant_it_named(case: Case, part: int) -> None:
    first = case.ask()
    end = first.ask_at or instant(100_000)
    between = first.progress, case.now + (end - case.now) * part // 1000

    second = case.ask(*between)

    # What is no longer wanted may be noted when its time has come; nothing acts.
    assert list(acting(second)) == []
    assert {one.reason for one in second.firings} <= {FiringReason.STOPPED}
    assert second.ask_at == first.ask_at


@given(cases())
def test_it_says_when_to_ask_next_and_something_happens_then(case: Case) -> None:
    answer = case.ask()

    if answer.ask_at is not None:
        assert answer.ask_at > case.now
        then = case.ask(answer.progress, answer.ask_at).firings
        assert any(firing.reason is not FiringReason.STOPPED for firing in then)


@given(cases())
def test_it_says_why_in_one_line(case: Case) -> None:
    for firing in case.ask().firings:
        assert firing.explanation.strip() == firing.explanation != ""
        assert "\n" not in firing.explanation


@pytest.mark.req("S3.2-18")
@given(cases(), st.lists(half_minutes, max_size=12))
def test_a_step_fires_at_most_once_whenever_asked_and_restarted(
    case: Case, later: list[float]
) -> None:
    progress, seen = case.progress, list[str]()
    for minute in later:
        answer = case.ask(restarted(progress), instant(minute))
        assert answer.progress.done >= progress.done
        progress = answer.progress
        seen += [firing.step.key for firing in answer.firings]

    assert len(seen) == len(set(seen))


@pytest.mark.req("S3.2-19")
@given(cases())
def test_steps_fire_in_the_order_of_their_time(case: Case) -> None:
    due = [
        firing.due_at
        for firing in case.ask().firings
        if not firing.step.key.startswith(("fallback/", "repeat/"))
    ]

    assert due == sorted(due)
    assert all(one <= case.now for one in due)


@pytest.mark.req("A2", "S3.2-20")
@given(cases())
def test_no_step_acts_after_the_event_that_stops_it(case: Case) -> None:
    ended = {
        StopOn.ACKNOWLEDGED: [
            case.situation.acknowledged_at,
            case.situation.mitigated_at,
            case.situation.resolved_at,
        ],
        StopOn.MITIGATED: [case.situation.mitigated_at, case.situation.resolved_at],
        StopOn.RESOLVED: [case.situation.resolved_at],
        StopOn.NEVER: [],
    }
    answer = case.ask()

    for firing in answer.firings:
        stopped = any(ended[firing.step.stop_on])
        assert (firing.reason is FiringReason.STOPPED) is stopped
        if not firing.acts:
            assert (firing.recipients, firing.copies, firing.channels) == ((), (), ())


@pytest.mark.req("S3.2-19")
@given(cases())
def test_one_person_gets_one_call_that_names_every_step_that_reached_them(
    case: Case,
) -> None:
    answer = case.ask()
    calls = {call.contact.key: call for call in answer.calls()}

    assert len(calls) == len(answer.calls())
    for key, call in calls.items():
        asking = [f for f in answer.firings if key in {c.key for c in f.recipients}]
        copying = [f for f in answer.firings if key in {c.key for c in f.copies}]
        assert call.is_copy is (not asking)
        assert call.because == tuple(f.step for f in asking or copying)
        assert call.is_late is any(f.is_late for f in asking or copying)
        assert call.step in call.because
    for firing in answer.firings:
        assert {one.key for one in firing.recipients} <= calls.keys()


@pytest.mark.req("A2", "S3.2-19")
@given(cases())
def test_of_the_steps_that_are_wanted_longest_the_loudest_is_what_is_said(
    case: Case,
) -> None:
    order = list(StopOn)
    for call in case.ask().calls():
        last = max(order.index(step.stop_on) for step in call.because)
        longest = [step for step in call.because if order.index(step.stop_on) == last]
        assert call.stop_on is order[last]
        for verb in (Verb.PAGE, Verb.ESCALATE, Verb.NOTIFY):
            if verb in {step.verb for step in call.because}:
                assert call.step.verb is verb
                break
        later = call.step_once_answered
        assert (later is None) is (call.step in longest)
        assert later is None or later in longest
        same = [step for step in call.because if step.verb is call.step.verb]
        assert call.step.urgency is Urgency.HIGH or all(
            step.urgency is Urgency.LOW for step in same
        )


@pytest.mark.req("A2")
@given(st.lists(steps("any"), min_size=2, max_size=4))
def test_what_outlives_the_acknowledgement_is_said_by_a_step_that_does(
    fired: list[Step],
) -> None:
    (call,) = merge(
        tuple(
            Firing(
                step=step,
                due_at=instant(0),
                reason=FiringReason.DUE,
                recipients=(ANA,),
            )
            for step in fired
        )
    )

    said = call.step_once_answered or call.step
    assert said.stop_on is call.stop_on


@given(cases())
def test_no_unanswered_incident_is_left_without_a_next_look(case: Case) -> None:
    repeats = case.ladder.pages and case.ladder.repeat_after is not None
    is_answered = case.situation.stop_reason(StopOn.ACKNOWLEDGED) is not None

    assert case.ask().ask_at is not None or is_answered or not repeats


@given(ladders(), repeat_afters, st.integers(0, 60), half_minutes)
def test_repetitions_double_up_to_eightfold(
    ladder: Ladder, repeat_after: timedelta, repeats: int, minute: float
) -> None:
    now = instant(minute)
    page = Step(
        key="ana",
        title="Ana",
        after=timedelta(0),
        verb=Verb.PAGE,
        targets=(RoleTarget(role="ana"),),
    )
    ladder = replace(ladder, steps=(*ladder.steps, page), repeat_after=repeat_after)
    climbed = Progress(
        done=frozenset(step.key for step in ladder.steps),
        repeat_at=now,
        repeats=repeats,
    )

    answer = advance(
        ladder,
        climbed,
        Situation(declared_at=instant(0)),
        roster_without(frozenset()),
        now=now,
    )

    assert [firing.step.key for firing in answer.firings] == [f"repeat/{repeats + 1}"]
    assert answer.progress.repeats == repeats + 1
    assert answer.progress.repeat_at == now + min(2 ** (repeats + 1), 8) * repeat_after


@given(cases())
def test_nobody_is_paged_again_once_somebody_has_answered(case: Case) -> None:
    is_answered = case.situation.stop_reason(StopOn.ACKNOWLEDGED) is not None
    answer = case.ask()

    if is_answered:
        acting_keys = list(acting(answer))
        assert not [key for key in acting_keys if key.startswith(("repeat", "fall"))]
        assert answer.progress.repeat_at is None
        assert answer.progress.repeats == case.progress.repeats
        coming = upcoming(case.ladder, answer.progress, case.situation)
        assert answer.ask_at == min((due for _, due in coming), default=None)


@pytest.mark.req("S2.2-09")
@given(cases())
def test_reaching_nobody_is_never_waited_out(case: Case) -> None:
    answer = case.ask()
    reached = [f for f in answer.firings if f.recipients and f.step.contacts_people]
    failed = [f for f in answer.firings if f.reason is FiringReason.REACHED_NOBODY]
    is_taken = case.situation.stop_reason(StopOn.ACKNOWLEDGED) is not None

    if failed and not is_taken:
        retry_at = answer.progress.fallback_at
        assert reached or retry_at is not None
        last = answer.firings.index(failed[-1])
        if not any(answer.firings.index(one) > last for one in reached):
            assert retry_at is not None
            in_time = case.now + FIVE_MINUTES
            planned = case.progress.fallback_at or in_time
            assert case.now < retry_at <= max(in_time, planned)
            assert answer.ask_at is not None
            assert answer.ask_at <= retry_at


@pytest.mark.req("S3.2-21")
@given(cases())
def test_escalate_now_only_ever_makes_one_step_earlier(case: Case) -> None:
    forward = bring_forward(case.ladder, case.progress, case.situation, now=case.now)
    coming = upcoming(case.ladder, case.progress, case.situation)
    assert (forward is None) is not any(step.contacts_people for step, _ in coming)
    if forward is None:
        return

    changed = []
    for step in case.ladder.steps:
        before = due_at(step, case.progress, case.situation)
        after = due_at(step, forward, case.situation)
        if before is not None and after != before:
            assert after is not None
            assert after == case.now < before
            changed.append(step)
    assert len(changed) <= 1
    assert all(
        step.contacts_people and step.key not in case.progress.done for step in changed
    )
    assert forward.done == case.progress.done
    assert forward.fallback_at == case.progress.fallback_at
    assert forward.repeat_at == case.progress.repeat_at


@given(ladders(), deaf, st.lists(half_minutes, max_size=8))
def test_the_fallback_ends_as_soon_as_somebody_can_be_reached(
    ladder: Ladder, unreachable: frozenset[str], later: list[float]
) -> None:
    ladder = replace(ladder, fallback=(RoleTarget(role="everybody"),))
    incident = Situation(declared_at=instant(0))
    progress = Progress()
    now = instant(0)
    for minute in sorted(later):
        now = max(now, instant(minute))
        answer = advance(
            ladder, progress, incident, roster_without(unreachable), now=now
        )
        progress = answer.progress
    if progress.fallback_at is not None:
        answer = advance(
            ladder,
            progress,
            incident,
            roster_without(frozenset()),
            now=progress.fallback_at,
        )

        assert answer.progress.fallback_at is None
        assert {"ana", "ben", "chi"} <= {call.contact.key for call in answer.calls()}


@given(cases())
def test_taking_the_incident_ends_the_fallback_without_a_call(case: Case) -> None:
    waiting = Progress(
        done=frozenset(step.key for step in case.ladder.steps),
        fallback_at=case.now,
        fallback_tries=1,
        repeat_at=case.now,
    )
    taken = Situation(declared_at=instant(0), acknowledged_at=case.now)

    answer = advance(case.ladder, waiting, taken, case.roster, now=case.now)

    assert answer.calls() == ()
    assert answer.ask_at is None
