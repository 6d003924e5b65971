"""Ladders, and the event after which a step is no longer wanted."""

import pytest

from tests.core.cast import channel, ladder, minutes, role, situation, step
from watchbill.core.ladder import (
    RoleTarget,
    Situation,
    StopOn,
    Verb,
    When,
    compose,
)
from watchbill.core.routing import AfterHours, Contacting, Route

ROUTE = Route(
    key="database",
    title="Database issues",
    primary="dba",
    secondary="devops",
    escalation="lead",
)

NOTHING = situation()
ACKNOWLEDGED = situation(acknowledged=3)
MITIGATED = situation(acknowledged=3, mitigated=9)
RESOLVED = situation(acknowledged=3, mitigated=9, resolved=20)
RESOLVED_AT_ONCE = situation(resolved=2)


@pytest.mark.req("A2", "S3.2-20")
@pytest.mark.parametrize(
    ("stop_on", "incident", "reason"),
    [
        (StopOn.ACKNOWLEDGED, NOTHING, None),
        (StopOn.ACKNOWLEDGED, ACKNOWLEDGED, "the incident is acknowledged"),
        (StopOn.ACKNOWLEDGED, RESOLVED_AT_ONCE, "the incident is resolved"),
        (StopOn.MITIGATED, ACKNOWLEDGED, None),
        (StopOn.MITIGATED, MITIGATED, "the incident is mitigated"),
        (StopOn.MITIGATED, RESOLVED_AT_ONCE, "the incident is resolved"),
        (StopOn.RESOLVED, MITIGATED, None),
        (StopOn.RESOLVED, RESOLVED, "the incident is resolved"),
        (StopOn.NEVER, RESOLVED, None),
    ],
)
def test_a_step_is_stopped_by_its_event_or_a_later_one_and_names_it(
    stop_on: StopOn, incident: Situation, reason: str | None
) -> None:
    assert incident.stop_reason(stop_on) == reason


@pytest.mark.req("S4.3-06", "A11", "A1")
def test_a_ladder_is_its_severitys_steps_and_then_its_routes() -> None:
    matrix = (step("matrix/15", 15, role("lead"), verb=Verb.ESCALATE),)
    contacting = Contacting(secondary=minutes(5), escalation=minutes(15))

    composed = compose(
        matrix,
        ROUTE,
        contacting,
        fallback=(role("lead"),),
        repeat_after=minutes(30),
    )

    assert [
        (one.key, one.after, one.verb, one.stop_on, one.targets)
        for one in composed.steps[1:]
    ] == [
        (
            f"route/{rank}",
            minutes(after),
            Verb.PAGE,
            StopOn.ACKNOWLEDGED,
            (RoleTarget(role=name),),
        )
        for rank, after, name in (
            ("primary", 0, "dba"),
            ("secondary", 5, "devops"),
            ("escalation", 15, "lead"),
        )
    ]
    assert composed.steps[0] is matrix[0]
    assert composed.fallback == (role("lead"),)
    assert composed.repeat_after == minutes(30)


@pytest.mark.req("A11", "S3.2-16")
def test_a_severity_without_route_times_pages_nobody_by_route() -> None:
    assert compose((), ROUTE, None).steps == ()


@pytest.mark.req("A6")
def test_a_route_without_an_escalation_time_leaves_it_to_the_matrix() -> None:
    contacting = Contacting(secondary=minutes(15), escalation=None)

    composed = compose((), ROUTE, contacting)

    assert [(one.key, one.after) for one in composed.steps] == [
        ("route/primary", minutes(0)),
        ("route/secondary", minutes(15)),
    ]


@pytest.mark.req("A29")
@pytest.mark.parametrize(
    ("after_hours", "when"),
    [
        (AfterHours.PAGE, When.ALWAYS),
        (AfterHours.ON_CALL_ONLY, When.OPEN_HOURS),
        (AfterHours.QUEUE, When.OPEN_HOURS),
    ],
)
def test_after_hours_route_contacts_are_paged_or_left_in_peace(
    after_hours: AfterHours, when: When
) -> None:
    contacting = Contacting(secondary=minutes(5), escalation=minutes(15))
    matrix = (step("matrix/15", 15, role("lead"), verb=Verb.ESCALATE),)

    composed = compose(matrix, ROUTE, contacting, after_hours=after_hours)

    assert {one.when for one in composed.steps[1:]} == {when}
    assert composed.steps[0] is matrix[0]


def test_those_who_work_on_an_incident_are_asked_again_and_the_informed_are_not() -> (
    None
):
    page = step("page", 0, role("devops"), role("dba"))
    join = step("join", 0, role("lead"), verb=Verb.ESCALATE)
    others = [
        step(verb.value, 0, role("ana"), verb=verb)
        for verb in Verb
        if verb not in {Verb.PAGE, Verb.ESCALATE}
    ]

    assert ladder(page, *others, join).paged == (
        role("devops"),
        role("dba"),
        role("lead"),
    )
    assert ladder(join, page).pages
    assert not ladder(join, *others).pages


def test_a_step_is_found_by_its_key() -> None:
    post = step("post", 0, channel("#incidents"), verb=Verb.POST)

    assert ladder(post).step("post") is post
    assert ladder(post).step("other") is None


@pytest.mark.parametrize("verb", list(Verb))
def test_only_page_escalate_and_notify_are_about_reaching_a_person(verb: Verb) -> None:
    contacts = step("one", 0, verb=verb).contacts_people

    assert contacts is (verb in {Verb.PAGE, Verb.ESCALATE, Verb.NOTIFY})
