"""Who is contacted at which time, and when to look again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.cast import (
    OFFICE_HOURS,
    T0,
    after,
    at,
    channel,
    duty,
    ladder,
    minutes,
    role,
    roster,
    situation,
    step,
)
from watchbill.core.escalation import (
    Advance,
    FiringReason,
    Progress,
    advance,
    bring_forward,
    next_look_at,
    turn_to_fallback,
    upcoming,
)
from watchbill.core.ladder import (
    ExpertTarget,
    Ladder,
    Since,
    Situation,
    StopOn,
    Verb,
    When,
)
from watchbill.core.oncall import Duty

PRIMARY = step("primary", 0, duty(Duty.PRIMARY))
SECONDARY = step("secondary", 5, duty(Duty.SECONDARY))
LEAD = step("lead", 15, role("lead"), verb=Verb.ESCALATE, stop_on=StopOn.MITIGATED)
CTO = step("cto", 60, role("dba"), verb=Verb.NOTIFY)
POSTMORTEM = step(
    "postmortem",
    24 * 60,
    role("lead"),
    verb=Verb.POSTMORTEM,
    since=Since.RESOLVED,
    stop_on=StopOn.NEVER,
)
MATRIX = ladder(PRIMARY, SECONDARY, LEAD, CTO, POSTMORTEM, fallback=(role("dba"),))

START = Progress()
OPEN = situation()


def dealt(answer: Advance) -> list[tuple[str, FiringReason]]:
    return [(firing.step.key, firing.reason) for firing in answer.firings]


def told(answer: Advance) -> list[tuple[str, str]]:
    return [(call.step.key, call.contact.key) for call in answer.calls()]


@pytest.mark.req("S2.2-01", "S4.4-05")
def test_the_first_page_goes_to_the_primary_at_once() -> None:
    answer = advance(MATRIX, START, OPEN, roster(), now=T0)

    assert dealt(answer) == [("primary", FiringReason.DUE)]
    assert [one.key for one in answer.firings[0].recipients] == ["ana"]
    assert answer.progress.done == {"primary"}
    assert answer.ask_at == after(5)


@pytest.mark.req("S2.2-08", "S4.4-06")
def test_each_step_fires_at_its_own_time_whether_or_not_anybody_answered() -> None:
    progress, seen = START, []
    for minute in range(61):
        answer = advance(MATRIX, progress, OPEN, roster(), now=after(minute))
        progress = answer.progress
        seen += [(minute, *one) for one in told(answer)]

    assert seen == [
        (0, "primary", "ana"),
        (0, "primary", "ben"),
        (5, "secondary", "chi"),
        (15, "lead", "chi"),
        (60, "cto", "dan"),
    ]


@pytest.mark.req("S3.2-18")
def test_asked_twice_at_one_instant_it_answers_once() -> None:
    first = advance(MATRIX, START, OPEN, roster(), now=T0)
    second = advance(MATRIX, first.progress, OPEN, roster(), now=T0)

    assert second == Advance(firings=(), progress=first.progress, ask_at=first.ask_at)


def test_a_step_fires_at_its_instant_and_not_a_microsecond_before() -> None:
    progress = Progress(done=frozenset({"primary"}))
    just_before = after(5) - timedelta(microseconds=1)

    assert advance(MATRIX, progress, OPEN, roster(), now=just_before).firings == ()
    assert dealt(advance(MATRIX, progress, OPEN, roster(), now=after(5))) == [
        ("secondary", FiringReason.DUE)
    ]


@pytest.mark.req("A2")
def test_an_acknowledgement_stops_paging_and_not_the_matrix() -> None:
    progress = Progress(done=frozenset({"primary"}))

    answer = advance(
        MATRIX, progress, situation(acknowledged=3), roster(), now=after(15)
    )

    assert dealt(answer) == [
        ("secondary", FiringReason.STOPPED),
        ("lead", FiringReason.DUE),
    ]
    assert answer.firings[0].explanation == "the incident is acknowledged"
    assert told(answer) == [("lead", "chi")]


@pytest.mark.req("A2")
def test_a_mitigation_stops_escalation_and_not_the_notices() -> None:
    incident = situation(acknowledged=3, mitigated=10)

    answer = advance(MATRIX, START, incident, roster(), now=after(60))

    assert [key for key, _ in told(answer)] == ["cto"]


@pytest.mark.req("S3.2-20", "A18")
def test_a_resolution_stops_everything_but_the_post_mortem() -> None:
    incident = situation(acknowledged=3, resolved=40)

    assert upcoming(MATRIX, START, OPEN)[-1] == (CTO, after(60))
    assert upcoming(MATRIX, START, incident) == ((POSTMORTEM, after(40 + 24 * 60)),)

    answer = advance(MATRIX, START, incident, roster(), now=after(40 + 24 * 60))
    assert told(answer) == [("postmortem", "chi")]
    assert answer.firings[-1].explanation == "due at 24 h after the resolution"
    assert answer.ask_at is None


@pytest.mark.req("S3.2-19")
def test_steps_missed_in_downtime_fire_in_time_order_as_one_late_message_each() -> None:
    answer = advance(MATRIX, START, OPEN, roster(), now=after(20))

    assert [key for key, _ in dealt(answer)] == ["primary", "secondary", "lead"]
    assert all(firing.is_late for firing in answer.firings)
    assert answer.firings[1].explanation == "due at 5 min elapsed; 15 min late"
    chi = next(call for call in answer.calls() if call.contact.key == "chi")
    assert chi.step is SECONDARY
    assert chi.step_once_answered is LEAD
    assert chi.because == (SECONDARY, LEAD)
    assert chi.is_late


@pytest.mark.parametrize(("seconds", "late"), [(60, False), (60.001, True)])
def test_a_minute_is_not_late(seconds: float, late: bool) -> None:  # noqa: FBT001
    now = T0 + timedelta(seconds=seconds)

    assert advance(MATRIX, START, OPEN, roster(), now=now).firings[0].is_late is late


@pytest.mark.req("S2.2-09")
def test_a_step_that_reaches_nobody_hands_on_to_the_next_at_once() -> None:
    answer = advance(MATRIX, START, OPEN, roster("ana"), now=T0)

    assert dealt(answer) == [
        ("primary", FiringReason.REACHED_NOBODY),
        ("secondary", FiringReason.BROUGHT_FORWARD),
    ]
    assert told(answer) == [("secondary", "chi")]
    assert answer.firings[1].explanation == "brought forward; planned at 5 min elapsed"
    assert answer.ask_at == after(15)


@pytest.mark.req("S2.2-09")
def test_it_hands_on_past_a_step_that_does_not_apply_at_this_hour() -> None:
    steps = ladder(
        PRIMARY,
        step("night", 5, role("devops"), when=When.CLOSED_HOURS),
        step("day", 10, role("lead"), when=When.OPEN_HOURS),
    )
    watch = roster("ana", open_hours=OFFICE_HOURS)

    answer = advance(steps, START, OPEN, watch, now=T0)

    assert dealt(answer) == [
        ("primary", FiringReason.REACHED_NOBODY),
        ("night", FiringReason.NOT_AT_THIS_HOUR),
        ("day", FiringReason.BROUGHT_FORWARD),
    ]


@pytest.mark.req("A29")
def test_a_step_of_other_hours_is_passed_over_at_its_own_time() -> None:
    steps = ladder(step("night", 0, role("devops"), when=When.CLOSED_HOURS), SECONDARY)
    watch = roster(open_hours=OFFICE_HOURS)

    answer = advance(steps, START, OPEN, watch, now=T0)

    assert dealt(answer) == [("night", FiringReason.NOT_AT_THIS_HOUR)]
    assert answer.firings[0].explanation == "it applies outside business hours only"
    assert answer.ask_at == after(5)


@pytest.mark.req("A29")
def test_the_hours_are_asked_for_the_instant_at_which_a_step_is_due() -> None:
    steps = ladder(step("day", 0, role("devops"), when=When.OPEN_HOURS))
    watch = roster(open_hours=OFFICE_HOURS)

    answer = advance(steps, START, OPEN, watch, now=at("2026-02-06 23:00"))

    assert dealt(answer) == [("day", FiringReason.DUE)]


@pytest.mark.req("A29")
def test_a_step_due_after_closing_is_a_step_of_closed_hours() -> None:
    noon_to_closing = 5 * 60
    steps = ladder(
        step("day", noon_to_closing, role("lead"), when=When.OPEN_HOURS),
        step("night", noon_to_closing, role("devops"), when=When.CLOSED_HOURS),
    )
    watch = roster(open_hours=OFFICE_HOURS)

    answer = advance(steps, START, OPEN, watch, now=after(noon_to_closing))

    assert dealt(answer) == [
        ("day", FiringReason.NOT_AT_THIS_HOUR),
        ("night", FiringReason.DUE),
    ]


@pytest.mark.req("S4.4-09", "S4.4-08")
def test_a_step_pages_whoever_holds_the_duty_when_it_fires() -> None:
    a_week = 7 * 24 * 60
    steps = ladder(step("later", a_week, duty(Duty.PRIMARY)))

    answer = advance(steps, START, OPEN, roster(), now=after(a_week))

    assert [one.key for one in answer.firings[0].recipients] == ["ben"]
    assert [one.key for one in answer.firings[0].copies] == ["chi"]


@pytest.mark.req("S2.2-09")
def test_when_nobody_is_left_the_fallback_is_tried_every_five_minutes() -> None:
    steps = ladder(PRIMARY, SECONDARY, fallback=(role("dba"),))
    deaf = roster("ana", "ben", "chi", "dan")

    first = advance(steps, START, OPEN, deaf, now=T0)
    early = advance(steps, first.progress, OPEN, roster(), now=after(4.99))
    second = advance(steps, first.progress, OPEN, deaf, now=after(5))
    third = advance(steps, second.progress, OPEN, roster(), now=after(10))

    assert [key for key, _ in dealt(first)] == ["primary", "secondary", "fallback/1"]
    assert first.progress.fallback_at == after(5)
    assert first.ask_at == after(5)
    assert early.firings == ()
    assert dealt(second) == [("fallback/2", FiringReason.REACHED_NOBODY)]
    assert second.ask_at == after(10)
    assert dealt(third) == [("fallback/3", FiringReason.DUE)]
    assert told(third) == [
        ("fallback/3", "dan"),
        ("fallback/3", "ana"),
        ("fallback/3", "chi"),
        ("fallback/3", "ben"),
    ]
    assert third.firings[0].explanation == "due at 10 min elapsed"
    assert third.progress.fallback_at is None
    assert third.ask_at is None


def test_an_acknowledgement_ends_the_fallback() -> None:
    steps = ladder(PRIMARY, fallback=(role("dba"),))
    deaf = roster("ana", "ben", "chi", "dan")
    first = advance(steps, START, OPEN, deaf, now=T0)

    answer = advance(
        steps, first.progress, situation(acknowledged=2), deaf, now=after(5)
    )

    assert dealt(answer) == [("fallback/2", FiringReason.STOPPED)]
    assert answer.ask_at is None
    assert answer.progress.fallback_at is None


@pytest.mark.req("S4.4-07")
def test_a_shadow_gets_a_copy_and_is_never_the_only_one() -> None:
    reached = advance(MATRIX, START, OPEN, roster(), now=T0)
    alone = advance(ladder(PRIMARY), START, OPEN, roster("ana"), now=T0)

    assert [(call.contact.key, call.is_copy) for call in reached.calls()] == [
        ("ana", False),
        ("ben", True),
    ]
    assert alone.firings[0].reason is FiringReason.REACHED_NOBODY
    assert alone.firings[0].copies == ()


@pytest.mark.req("S4.4-07")
@pytest.mark.parametrize("verb", list(Verb))
def test_no_kind_of_step_tells_only_the_shadow(verb: Verb) -> None:
    steps = ladder(step("one", 0, duty(Duty.PRIMARY), verb=verb))

    assert advance(steps, START, OPEN, roster("ana"), now=T0).calls() == ()


def test_a_shadow_who_is_told_for_himself_gets_no_copy() -> None:
    everybody = step("all", 0, duty(Duty.PRIMARY), role("devops"))

    answer = advance(ladder(everybody), START, OPEN, roster(), now=T0)

    assert [(call.contact.key, call.is_copy) for call in answer.calls()] == [
        ("ana", False),
        ("ben", False),
    ]


def test_a_request_takes_the_place_of_a_copy() -> None:
    group = step("group", 0, role("ben"), verb=Verb.NOTIFY)

    answer = advance(ladder(PRIMARY, group), START, OPEN, roster(), now=T0)
    ben = answer.calls()[1]

    assert (ben.contact.key, ben.step, ben.is_copy) == ("ben", group, False)
    assert ben.because == (group,)


def test_the_copies_of_several_steps_are_one_copy() -> None:
    again = replace(PRIMARY, key="again", after=minutes(2))

    answer = advance(ladder(PRIMARY, again), START, OPEN, roster(), now=after(5))
    ben = answer.calls()[1]

    assert (ben.contact.key, ben.is_copy, ben.because) == (
        "ben",
        True,
        (PRIMARY, again),
    )


@pytest.mark.req("A15")
def test_a_confidential_incident_is_not_posted_and_people_are_still_told() -> None:
    post = step("post", 0, channel("#incidents"), verb=Verb.POST)
    steps = ladder(post, PRIMARY)

    public = advance(steps, START, OPEN, roster(), now=T0)
    secret = advance(steps, START, situation(confidential=True), roster(), now=T0)

    assert public.firings[0].channels == ("#incidents",)
    assert dealt(secret) == [
        ("post", FiringReason.CONFIDENTIAL),
        ("primary", FiringReason.DUE),
    ]
    assert secret.firings[0].channels == ()


@pytest.mark.req("S2.1-09", "A1")
def test_an_expert_is_chosen_by_the_incidents_category() -> None:
    steps = ladder(step("l3", 0, ExpertTarget(level="L3"), verb=Verb.ESCALATE))

    answer = advance(steps, START, situation(category="database"), roster(), now=T0)

    assert told(answer) == [("l3", "dan")]


@pytest.mark.req("S3.2-21")
def test_escalate_now_makes_the_next_step_that_contacts_people_due() -> None:
    post = step("post", 3, channel("#incidents"), verb=Verb.POST)
    steps = ladder(PRIMARY, post, SECONDARY)
    progress = Progress(done=frozenset({"primary"}))

    forward = bring_forward(steps, progress, OPEN, now=after(1))
    assert forward is not None
    answer = advance(steps, forward, OPEN, roster(), now=after(1))

    assert dealt(answer) == [("secondary", FiringReason.BROUGHT_FORWARD)]
    assert answer.ask_at == after(3)


@pytest.mark.req("S3.2-21")
def test_escalate_now_leaves_out_what_is_stopped_and_ends_with_the_ladder() -> None:
    acknowledged = situation(acknowledged=2)
    progress = Progress(done=frozenset({"primary"}))

    forward = bring_forward(MATRIX, progress, acknowledged, now=after(3))
    none_left = Progress(done=frozenset({"primary", "secondary", "lead", "cto"}))

    assert forward is not None
    assert forward.brought_forward == {"lead": after(3)}
    assert bring_forward(MATRIX, none_left, OPEN, now=after(3)) is None


@pytest.mark.req("S3.2-21")
def test_escalate_now_pressed_twice_does_not_put_off_the_step() -> None:
    progress = Progress(done=frozenset({"primary"}))

    once = bring_forward(MATRIX, progress, OPEN, now=after(1))
    assert once is not None
    twice = bring_forward(MATRIX, once, OPEN, now=after(2))

    assert twice == once
    assert twice.brought_forward == {"secondary": after(1)}


def test_a_step_that_was_due_anyway_is_not_called_brought_forward() -> None:
    answer = advance(MATRIX, START, OPEN, roster("ana"), now=after(6))

    assert dealt(answer) == [
        ("primary", FiringReason.REACHED_NOBODY),
        ("secondary", FiringReason.DUE),
    ]
    assert answer.firings[1].due_at == after(5)


def test_a_step_counted_from_the_resolution_waits_for_it_again_after_a_reopening() -> (
    None
):
    progress = Progress(brought_forward={"postmortem": after(50)})

    assert POSTMORTEM not in dict(upcoming(MATRIX, progress, OPEN))


def test_an_empty_ladder_has_nothing_to_do() -> None:
    assert advance(Ladder(steps=()), START, OPEN, roster(), now=T0) == Advance(
        firings=(), progress=START, ask_at=None
    )


def test_a_ladder_whose_messages_did_not_come_through_turns_to_the_fallback() -> None:
    steps = ladder(PRIMARY, fallback=(role("dba"),))
    paged = advance(steps, START, OPEN, roster(), now=T0).progress

    first = turn_to_fallback(paged, now=after(4))
    tried = advance(steps, first, OPEN, roster(), now=after(4)).progress
    again = turn_to_fallback(tried, now=after(6))

    assert first.fallback_at == after(4)
    assert tried.fallback_at is None
    assert again.fallback_at == after(11)
    assert turn_to_fallback(again, now=after(7)) == again
    assert next_look_at(steps, again, OPEN) == after(11)


# ── Repetition ────────────────────────────────────────────────────────────────

UNANSWERED = replace(MATRIX, repeat_after=minutes(30))
CLIMBED = Progress(done=frozenset({"primary", "secondary", "lead", "cto"}))


@pytest.mark.req("A2")
def test_an_unanswered_ladder_pages_again_after_a_while_that_doubles_to_eightfold() -> (
    None
):
    progress, now, seen = START, T0, []
    for _ in range(10):
        answer = advance(UNANSWERED, progress, OPEN, roster(), now=now)
        seen += [((now - T0) / minutes(1), firing.step) for firing in answer.firings]
        assert answer.ask_at is not None
        progress, now = answer.progress, answer.ask_at

    assert [(minute, one.key) for minute, one in seen[4:]] == [
        (60 + 30, "repeat/1"),
        (60 + 30 + 60, "repeat/2"),
        (60 + 30 + 60 + 120, "repeat/3"),
        (60 + 30 + 60 + 120 + 240, "repeat/4"),
        (60 + 30 + 60 + 120 + 240 + 240, "repeat/5"),
        (60 + 30 + 60 + 120 + 240 + 240 + 240, "repeat/6"),
    ]
    assert {(one.verb, one.stop_on) for _, one in seen[4:]} == {
        (Verb.PAGE, StopOn.ACKNOWLEDGED)
    }


def test_a_repetition_pages_whom_the_ladder_pages_or_escalates_to() -> None:
    waiting = replace(CLIMBED, repeat_at=after(90))

    answer = advance(UNANSWERED, waiting, OPEN, roster(), now=after(90))

    # Dan is only notified; Ben, the shadow, gets a copy again.
    assert [(call.contact.key, call.is_copy) for call in answer.calls()] == [
        ("ana", False),
        ("chi", False),
        ("ben", True),
    ]
    assert answer.firings[0].explanation == "due at 1 h 30 min elapsed"


def test_a_repetition_is_planned_when_the_last_step_that_contacts_people_fires() -> (
    None
):
    post = step("post", 120, channel("#incidents"), verb=Verb.POST)
    steps = ladder(PRIMARY, SECONDARY, post, repeat_after=minutes(30))

    first = advance(steps, START, OPEN, roster(), now=T0)
    last = advance(steps, first.progress, OPEN, roster(), now=after(5))

    assert first.progress.repeat_at is None
    assert last.progress.repeat_at == after(35)
    assert last.ask_at == after(35)


def test_after_downtime_one_repetition_is_made_and_the_next_counted_from_now() -> None:
    waiting = replace(CLIMBED, repeat_at=after(90))

    answer = advance(UNANSWERED, waiting, OPEN, roster(), now=after(600))

    assert dealt(answer) == [("repeat/1", FiringReason.DUE)]
    assert answer.firings[0].is_late
    assert answer.ask_at == after(660)


@pytest.mark.req("A2")
def test_an_acknowledgement_ends_the_repetitions() -> None:
    waiting = replace(CLIMBED, repeat_at=after(90), repeats=2)
    taken = situation(acknowledged=70)

    answer = advance(UNANSWERED, waiting, taken, roster(), now=after(90))

    assert answer.firings == ()
    assert answer.progress == replace(CLIMBED, repeats=2)
    assert answer.ask_at is None


@pytest.mark.parametrize("taken", [situation(acknowledged=1), situation(mitigated=1)])
def test_nothing_is_planned_for_a_ladder_that_was_answered_before_its_end(
    taken: Situation,
) -> None:
    answer = advance(UNANSWERED, START, taken, roster(), now=after(60))

    assert answer.progress.repeat_at is None
    assert answer.ask_at is None


@pytest.mark.req("A11")
def test_a_ladder_that_pages_nobody_repeats_nothing() -> None:
    join = step("join", 0, role("lead"), verb=Verb.ESCALATE)

    answer = advance(
        ladder(join, repeat_after=minutes(30)), START, OPEN, roster(), now=T0
    )

    assert told(answer) == [("join", "chi")]
    assert answer.progress.repeat_at is None
    assert answer.ask_at is None


def test_a_repetition_that_reaches_nobody_turns_to_the_fallback_at_once() -> None:
    waiting = replace(CLIMBED, repeat_at=after(90))
    only_dan = roster("ana", "ben", "chi")
    nobody = roster("ana", "ben", "chi", "dan")

    reached = advance(UNANSWERED, waiting, OPEN, only_dan, now=after(90))
    failed = advance(UNANSWERED, waiting, OPEN, nobody, now=after(90))

    assert told(reached) == [("fallback/1", "dan")]
    assert dealt(failed) == [
        ("repeat/1", FiringReason.REACHED_NOBODY),
        ("fallback/1", FiringReason.REACHED_NOBODY),
    ]
    assert failed.progress.fallback_at == after(95)
    assert failed.progress.repeat_at is None
    assert failed.ask_at == after(95)


def test_after_the_fallback_has_reached_somebody_pages_are_repeated() -> None:
    steps = ladder(PRIMARY, fallback=(role("dba"),), repeat_after=minutes(30))

    answer = advance(steps, START, OPEN, roster("ana"), now=T0)

    assert dealt(answer)[-1] == ("fallback/1", FiringReason.DUE)
    assert answer.ask_at == after(30)


def test_a_repetition_waits_beside_a_fallback_that_a_failed_delivery_asked_for() -> (
    None
):
    waiting = replace(CLIMBED, repeat_at=after(90))

    turned = turn_to_fallback(waiting, now=after(62))
    answer = advance(UNANSWERED, turned, OPEN, roster(), now=after(62))

    assert dealt(answer) == [("fallback/1", FiringReason.DUE)]
    assert answer.ask_at == after(90)


@pytest.mark.parametrize(
    "waiting", [Progress(fallback_at=after(95)), Progress(repeat_at=after(95))]
)
def test_an_acknowledged_incident_is_not_looked_at_for_those_who_did_not_answer(
    waiting: Progress,
) -> None:
    waiting = replace(waiting, done=CLIMBED.done)

    assert next_look_at(UNANSWERED, waiting, OPEN) == after(95)
    assert next_look_at(UNANSWERED, waiting, situation(acknowledged=70)) is None
