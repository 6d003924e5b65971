"""The ladders of the support plan, climbed on a virtual clock.

Each test declares an incident of the bundled plan, lets the clock jump from one
instant at which the engine would wake to the next, and reads what was done.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from watchbill.core.escalation import (
    Call,
    Firing,
    FiringReason,
    Progress,
    advance,
    bring_forward,
    upcoming,
)
from watchbill.core.ladder import Ladder, Situation, Verb
from watchbill.core.roster import Roster
from watchbill.plan import bundled

PLAN = bundled("trm")

#: Tuesday noon in Yangon, in business hours.
DAY = datetime(2026, 2, 10, 5, 30, tzinfo=UTC)
#: Tuesday 23:30 in Yangon.
NIGHT = datetime(2026, 2, 10, 17, 0, tzinfo=UTC)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

Deed = tuple[timedelta, Verb, str]


@dataclass(kw_only=True)
class Story:
    """One incident and the engine that wakes for it."""

    severity: str
    route: str = "infrastructure"
    declared_at: datetime = DAY
    unreachable: frozenset[str] = frozenset()
    falls_asleep: bool = False
    situation: Situation = field(init=False)
    ladder: Ladder = field(init=False)
    progress: Progress = field(default_factory=Progress)
    now: datetime = field(init=False)
    firings: list[tuple[timedelta, Firing]] = field(default_factory=list)

    def __post_init__(self) -> None:
        route = PLAN.routing.route(self.route)
        ladder = PLAN.ladder(self.severity, self.route)
        # People who take an incident here go on working on it, unless told otherwise.
        self.ladder = ladder if self.falls_asleep else replace(ladder, ack_timeout=None)
        self.now = self.declared_at
        self.situation = Situation(
            declared_at=self.declared_at,
            category=route.category,
            confidential=route.confidential,
        )

    @property
    def roster(self) -> Roster:
        return PLAN.roster(unreachable=self.unreachable)

    def wake(self) -> tuple[Call, ...]:
        """Ask the engine now; return what each person is told."""
        answer = advance(
            self.ladder, self.progress, self.situation, self.roster, now=self.now
        )
        self.progress = answer.progress
        elapsed = self.now - self.declared_at
        self.firings += [(elapsed, firing) for firing in answer.firings]
        return answer.calls()

    def run_until(self, elapsed: timedelta) -> None:
        """Let the clock jump from due instant to due instant."""
        end = self.declared_at + elapsed
        while True:
            answer = advance(
                self.ladder, self.progress, self.situation, self.roster, now=self.now
            )
            at = self.now - self.declared_at
            self.firings += [(at, firing) for firing in answer.firings]
            self.progress = answer.progress
            if answer.ask_at is None or answer.ask_at > end:
                break
            self.now = max(self.now, answer.ask_at)
        self.now = end

    def happens(
        self,
        *,
        acknowledged_at: timedelta | None = None,
        mitigated_at: timedelta | None = None,
        resolved_at: timedelta | None = None,
    ) -> None:
        """Record what people did, by the time elapsed."""
        self.situation = replace(
            self.situation,
            acknowledged_at=self._instant(acknowledged_at),
            mitigated_at=self._instant(mitigated_at),
            resolved_at=self._instant(resolved_at),
        )

    def _instant(self, elapsed: timedelta | None) -> datetime | None:
        return None if elapsed is None else self.declared_at + elapsed

    def deeds(self, *verbs: Verb) -> list[Deed]:
        """What was done, with whom, when; of some verbs or of all."""
        return [
            (elapsed, firing.step.verb, whom)
            for elapsed, firing in self.firings
            if firing.acts and (not verbs or firing.step.verb in verbs)
            for whom in (
                [one.key for one in firing.recipients] or firing.channels or [""]
            )
        ]

    def matrix(self) -> list[Deed]:
        """What was done for the severity, by no step of the route and only once."""
        return [
            deed
            for deed, key in zip(self.deeds(), self._keys(), strict=True)
            if not key.startswith(("route/", "repeat/"))
        ]

    def repetitions(self) -> list[tuple[timedelta, set[str]]]:
        """When everybody was paged again, and who that was."""
        return [
            (elapsed, {one.key for one in firing.recipients})
            for elapsed, firing in self.firings
            if firing.step.key.startswith("repeat/") and firing.acts
        ]

    def _keys(self) -> list[str]:
        return [
            firing.step.key
            for _, firing in self.firings
            if firing.acts
            for _ in firing.recipients or firing.channels or ("",)
        ]


def silent(story: Story, start: timedelta, end: timedelta) -> bool:
    """Whether nothing was done from ``start`` to ``end``, both included."""
    return not [deed for deed in story.deeds() if start <= deed[0] <= end]


# ── P1 ────────────────────────────────────────────────────────────────────────


@pytest.mark.req(
    "S3.2-01", "S3.2-05", "S3.2-06", "S3.2-07", "S3.2-09", "S2.2-01", "S2.2-02",
    "S2.2-03", "S2.2-04", "S2.2-05", "S2.2-08", "S3.1-04", "S3.1-05", "A1", "A2",
)  # fmt: skip
def test_nobody_answers_a_p1_and_the_whole_tree_is_climbed() -> None:
    story = Story(severity="P1")

    story.run_until(12 * HOUR)

    assert story.matrix() == [
        (0 * MINUTE, Verb.PAGE, "devops_engineer"),
        (0 * MINUTE, Verb.POST, "#incidents"),
        (2 * MINUTE, Verb.PAGE, "devops_engineer"),
        (5 * MINUTE, Verb.PAGE, "mobile_engineer"),
        (10 * MINUTE, Verb.PAGE, "devops_engineer"),
        (10 * MINUTE, Verb.PAGE, "backend_engineer"),
        (10 * MINUTE, Verb.PAGE, "frontend_engineer"),
        (10 * MINUTE, Verb.PAGE, "mobile_engineer"),
        (15 * MINUTE, Verb.ESCALATE, "technical_lead"),
        (15 * MINUTE, Verb.ESCALATE, "database_administrator"),
        (30 * MINUTE, Verb.NOTIFY, "engineering_manager"),
        (1 * HOUR, Verb.NOTIFY, "cto"),
        (2 * HOUR, Verb.NOTIFY, "ceo"),
    ]
    everybody = {
        "devops_engineer",
        "backend_engineer",
        "frontend_engineer",
        "mobile_engineer",
        "technical_lead",
        "database_administrator",
        "engineering_manager",  # the route's last contact
    }
    assert story.repetitions() == [
        (2 * HOUR + 30 * MINUTE, everybody),
        (3 * HOUR + 30 * MINUTE, everybody),
        (5 * HOUR + 30 * MINUTE, everybody),
        (9 * HOUR + 30 * MINUTE, everybody),
    ]


@pytest.mark.req("A2")
def test_an_unanswered_p1_is_paged_every_four_hours_until_somebody_takes_it() -> None:
    story = Story(severity="P1")
    story.run_until(30 * HOUR)
    story.happens(acknowledged_at=30 * HOUR)

    story.run_until(100 * HOUR)

    times = [elapsed - 30 * MINUTE for elapsed, _ in story.repetitions()]
    assert times == [hour * HOUR for hour in (2, 3, 5, 9, 13, 17, 21, 25, 29)]


@pytest.mark.req("A2")
def test_a_p1_that_is_taken_late_is_not_paged_again() -> None:
    story = Story(severity="P1")
    story.run_until(2 * HOUR + 29 * MINUTE)
    story.happens(acknowledged_at=2 * HOUR + 29 * MINUTE)

    story.run_until(12 * HOUR)

    assert story.repetitions() == []
    assert story.deeds()[-1] == (2 * HOUR, Verb.NOTIFY, "ceo")


@pytest.mark.req("S3.1-07", "S7.1-01")
def test_a_p1_is_posted_to_incidents_when_it_is_declared() -> None:
    story = Story(severity="P1")

    story.run_until(timedelta(0))

    assert story.deeds(Verb.POST) == [(timedelta(0), Verb.POST, "#incidents")]


@pytest.mark.req("A2", "S3.1-04")
def test_an_acknowledged_p1_stops_the_pages_and_not_the_matrix() -> None:
    story = Story(severity="P1")
    story.run_until(MINUTE)
    story.happens(acknowledged_at=MINUTE)

    story.run_until(3 * HOUR)

    assert [(deed[0], deed[2]) for deed in story.deeds(Verb.PAGE)] == [
        (timedelta(0), "devops_engineer"),
        (timedelta(0), "devops_engineer"),
    ]
    assert [deed[2] for deed in story.deeds(Verb.ESCALATE, Verb.NOTIFY)] == [
        "technical_lead",
        "database_administrator",
        "engineering_manager",
        "cto",
        "ceo",
    ]


@pytest.mark.req("A2", "S3.2-17")
def test_a_mitigated_p1_stops_escalating_and_goes_on_informing() -> None:
    story = Story(severity="P1")
    story.run_until(10 * MINUTE)
    story.happens(mitigated_at=10 * MINUTE)

    story.run_until(3 * HOUR)

    assert story.deeds(Verb.ESCALATE) == []
    assert [deed[2] for deed in story.deeds(Verb.NOTIFY)] == [
        "engineering_manager",
        "cto",
        "ceo",
    ]


@pytest.mark.req("S2.1-09", "S4.3-04", "A1")
@pytest.mark.parametrize(
    ("route", "expert"),
    [
        ("payment", "payment_specialist"),
        ("security", "security_engineer"),
        ("mobile", "database_administrator"),
    ],
)
def test_escalating_to_l3_finds_the_specialist_of_the_category(
    route: str, expert: str
) -> None:
    story = Story(severity="P1", route=route)

    story.run_until(15 * MINUTE)

    assert [deed[2] for deed in story.deeds(Verb.ESCALATE)] == [
        "technical_lead",
        expert,
    ]


@pytest.mark.req("S4.3-06", "A11")
def test_the_contacts_of_the_route_follow_at_five_and_fifteen_minutes() -> None:
    story = Story(severity="P1", route="payment")

    story.run_until(HOUR)

    routed = [
        (elapsed, [one.key for one in firing.recipients])
        for elapsed, firing in story.firings
        if firing.step.key.startswith("route/")
    ]
    assert routed == [
        (0 * MINUTE, ["payment_specialist"]),
        (5 * MINUTE, ["devops_engineer"]),
        (15 * MINUTE, ["cto"]),
    ]


@pytest.mark.req("A15")
def test_a_security_p1_is_posted_nowhere_and_still_pages() -> None:
    story = Story(severity="P1", route="security")

    story.run_until(MINUTE)

    assert story.deeds(Verb.POST) == []
    assert [deed[2] for deed in story.deeds(Verb.PAGE)] == [
        "devops_engineer",
        "security_engineer",
    ]


@pytest.mark.req("S3.2-16")
def test_a_p1_is_silent_between_its_steps_and_at_four_hours() -> None:
    story = Story(severity="P1")

    story.run_until(30 * HOUR)

    for start, end in [(16, 29), (31, 59), (61, 119), (121, 149), (151, 209)]:
        assert silent(story, start * MINUTE, end * MINUTE)
    # Four hours have nothing of their own: who did not answer is paged at 3 h 30
    # and at 5 h 30.
    assert silent(story, 211 * MINUTE, 329 * MINUTE)


@pytest.mark.req("S3.2-16", "A2")
def test_an_acknowledged_p1_is_silent_after_its_last_step() -> None:
    story = Story(severity="P1")
    story.run_until(MINUTE)
    story.happens(acknowledged_at=MINUTE)

    story.run_until(30 * HOUR)

    assert silent(story, 121 * MINUTE, 30 * HOUR)


@pytest.mark.req("S3.2-13", "S3.2-20", "S3.1-09", "A18")
def test_resolving_a_p1_cancels_all_but_the_post_mortem() -> None:
    story = Story(severity="P1")
    story.run_until(40 * MINUTE)
    story.happens(resolved_at=40 * MINUTE)

    story.run_until(48 * HOUR)

    later = [deed for deed in story.deeds() if deed[0] > 30 * MINUTE]
    assert later == [(24 * HOUR + 40 * MINUTE, Verb.POSTMORTEM, "technical_lead")]


# ── P2 ────────────────────────────────────────────────────────────────────────


@pytest.mark.req(
    "S3.2-02", "S3.2-08", "S3.2-10", "S3.2-11", "S3.1-13", "S3.1-14", "A32"
)
def test_a_p2_at_night_pages_the_on_call_and_climbs_the_matrix() -> None:
    story = Story(severity="P2", declared_at=NIGHT)

    story.run_until(12 * HOUR)

    assert story.matrix() == [
        (0 * MINUTE, Verb.CREATE_TICKET, ""),
        (0 * MINUTE, Verb.PAGE, "devops_engineer"),
        (10 * MINUTE, Verb.PAGE, "devops_engineer"),
        (1 * HOUR, Verb.ESCALATE, "database_administrator"),
        (2 * HOUR, Verb.NOTIFY, "engineering_manager"),
        (4 * HOUR, Verb.NOTIFY, "cto"),
    ]
    assert [elapsed for elapsed, _ in story.repetitions()] == [
        4 * HOUR + 30 * MINUTE,
        5 * HOUR + 30 * MINUTE,
        7 * HOUR + 30 * MINUTE,
        11 * HOUR + 30 * MINUTE,
    ]


@pytest.mark.req("A32")
def test_a_p2_in_business_hours_tells_the_team_first_and_pages_after_ten_minutes() -> (
    None
):
    story = Story(severity="P2")

    story.run_until(30 * MINUTE)

    assert story.matrix() == [
        (0 * MINUTE, Verb.CREATE_TICKET, ""),
        (0 * MINUTE, Verb.POST, "#incidents"),
        (10 * MINUTE, Verb.PAGE, "devops_engineer"),
    ]


@pytest.mark.req("A32")
@pytest.mark.parametrize("minute", range(50, 60))
def test_a_p2_just_before_closing_time_still_pages(minute: int) -> None:
    # 18:00 in Yangon is 11:30 UTC.
    story = Story(
        severity="P2",
        declared_at=datetime(2026, 2, 10, 11, 29, tzinfo=UTC) - (59 - minute) * MINUTE,
    )

    story.run_until(10 * MINUTE)

    pages = [deed for deed in story.matrix() if deed[1] is Verb.PAGE]
    assert pages == [(10 * MINUTE, Verb.PAGE, "devops_engineer")]


@pytest.mark.req("A32")
def test_a_p2_acknowledged_in_time_pages_no_on_call() -> None:
    story = Story(severity="P2", route="application")
    story.run_until(9 * MINUTE)
    story.happens(acknowledged_at=9 * MINUTE)

    story.run_until(50 * MINUTE)

    assert [deed[2] for deed in story.deeds(Verb.PAGE)] == ["backend_engineer"]


@pytest.mark.req("S3.1-15", "A32")
@pytest.mark.parametrize(
    ("route", "engineer"),
    [
        ("mobile", "mobile_engineer"),
        ("application", "backend_engineer"),
        ("payment", "payment_specialist"),
    ],
)
def test_a_p2_tells_the_relevant_engineer_at_once(route: str, engineer: str) -> None:
    story = Story(severity="P2", route=route)

    story.run_until(timedelta(0))

    assert story.deeds(Verb.PAGE) == [(timedelta(0), Verb.PAGE, engineer)]


@pytest.mark.req("S3.2-16", "A2")
def test_an_acknowledged_p2_is_silent_at_fifteen_and_thirty_minutes() -> None:
    story = Story(severity="P2")
    story.run_until(5 * MINUTE)
    story.happens(acknowledged_at=5 * MINUTE)

    story.run_until(59 * MINUTE)

    assert silent(story, MINUTE, 59 * MINUTE)


@pytest.mark.req("S3.2-16")
def test_the_matrix_of_a_p2_has_nothing_at_fifteen_and_thirty_minutes() -> None:
    times = {step.after for step in PLAN.steps["P2"]}

    assert times.isdisjoint({15 * MINUTE, 30 * MINUTE})


@pytest.mark.req("S3.2-14", "S3.1-17", "A18")
def test_a_p2_owes_a_draft_after_a_day_and_the_post_mortem_after_two() -> None:
    story = Story(severity="P2")
    story.run_until(20 * MINUTE)
    story.happens(resolved_at=20 * MINUTE)

    story.run_until(72 * HOUR)

    due = [deed[0] - 20 * MINUTE for deed in story.deeds(Verb.POSTMORTEM)]
    assert due == [24 * HOUR, 48 * HOUR]


@pytest.mark.req("A44", "S3.2-07", "S3.2-09", "S3.2-11")
def test_a_p2_that_nobody_ends_tells_the_cto_later_than_a_p1_and_never_the_ceo() -> (
    None
):
    first: dict[str, dict[str, timedelta]] = {}
    for severity in ("P1", "P2"):
        story = Story(severity=severity, declared_at=NIGHT)
        story.run_until(100 * HOUR)
        told: dict[str, timedelta] = {}
        for elapsed, _, whom in story.deeds():
            told.setdefault(whom, elapsed)
        first[severity] = told

    assert first["P1"]["cto"] == 1 * HOUR
    assert first["P1"]["ceo"] == 2 * HOUR
    assert first["P2"]["cto"] == 4 * HOUR
    assert "ceo" not in first["P2"]


# ── P3 and P4 ─────────────────────────────────────────────────────────────────

L2 = [
    "technical_lead",
    "backend_engineer",
    "frontend_engineer",
    "mobile_engineer",
    "devops_engineer",
]


@pytest.mark.req(
    "S3.2-03", "S3.2-04", "S3.2-12", "S3.2-15", "S3.2-16", "S3.1-21", "S3.1-22",
    "S3.1-28", "S3.1-29", "A33",
)  # fmt: skip
@pytest.mark.parametrize(("severity", "hours"), [("P3", 4), ("P4", 24)])
def test_a_small_incident_makes_a_ticket_and_goes_to_l2_later(
    severity: str, hours: int
) -> None:
    story = Story(severity=severity, declared_at=NIGHT)

    story.run_until(100 * HOUR)

    assert story.deeds() == [
        (timedelta(0), Verb.CREATE_TICKET, ""),
        *((hours * HOUR, Verb.ESCALATE, one) for one in L2),
    ]


@pytest.mark.req("A11", "S2.1-05", "S3.2-16")
@pytest.mark.parametrize("severity", ["P3", "P4"])
def test_a_small_incident_pages_nobody_and_wakes_nobody(severity: str) -> None:
    ladder = PLAN.ladder(severity, "application")

    assert {step.verb for step in ladder.steps} == {Verb.CREATE_TICKET, Verb.ESCALATE}
    assert {step.urgency.value for step in ladder.steps} == {"low"}


# ── Restarts, empty steps, hands on ───────────────────────────────────────────


@pytest.mark.req("S3.2-18")
def test_asking_again_sends_nothing_again() -> None:
    story = Story(severity="P1")
    story.run_until(15 * MINUTE)

    before = len(story.firings)
    assert story.wake() == ()
    assert len(story.firings) == before


@pytest.mark.req("S3.2-19", "S1-02")
def test_after_downtime_late_steps_come_in_order_and_once_a_person() -> None:
    story = Story(severity="P1")
    story.now = DAY + 65 * MINUTE

    calls = story.wake()

    dues = [firing.due_at for _, firing in story.firings]
    assert dues == sorted(dues)
    told = [call.contact.key for call in calls]
    assert len(told) == len(set(told))
    assert {"devops_engineer", "technical_lead", "engineering_manager", "cto"} <= {
        *told
    }
    assert "ceo" not in told
    assert all(call.is_late for call in calls)
    (devops,) = (call for call in calls if call.contact.key == "devops_engineer")
    assert [step.after for step in devops.because] == [
        0 * MINUTE,
        0 * MINUTE,
        2 * MINUTE,
        10 * MINUTE,
    ]


@pytest.mark.req("S2.2-09")
def test_a_step_that_reaches_nobody_does_not_wait_for_the_next_one() -> None:
    story = Story(
        severity="P1",
        route="payment",
        unreachable=frozenset({"devops_engineer", "payment_specialist"}),
    )

    story.run_until(timedelta(0))

    assert story.deeds(Verb.PAGE) == [(timedelta(0), Verb.PAGE, "mobile_engineer")]
    reasons = {firing.step.key: firing.reason for _, firing in story.firings}
    assert reasons["P1/0m-page"] is FiringReason.REACHED_NOBODY
    assert reasons["P1/5m-page"] is FiringReason.BROUGHT_FORWARD


@pytest.mark.req("S2.2-09")
def test_an_unreachable_manager_is_passed_over_at_once() -> None:
    story = Story(
        severity="P1",
        route="application",
        unreachable=frozenset({"engineering_manager"}),
    )

    story.run_until(45 * MINUTE)

    assert story.deeds(Verb.NOTIFY) == [(30 * MINUTE, Verb.NOTIFY, "cto")]


@pytest.mark.req("S3.2-21")
def test_the_next_step_can_be_brought_forward_and_does_not_come_again() -> None:
    story = Story(severity="P1")
    story.run_until(11 * MINUTE)
    (next_step, due), *_ = upcoming(story.ladder, story.progress, story.situation)
    assert (next_step.key, due) == ("P1/15m-escalate", DAY + 15 * MINUTE)

    forward = bring_forward(
        story.ladder, story.progress, story.situation, now=story.now
    )
    assert forward is not None
    story.progress = forward
    story.run_until(20 * MINUTE)

    assert story.deeds(Verb.ESCALATE) == [
        (11 * MINUTE, Verb.ESCALATE, "technical_lead"),
        (11 * MINUTE, Verb.ESCALATE, "database_administrator"),
    ]


@pytest.mark.req("S3.2-17")
def test_escalate_and_notify_are_kept_apart() -> None:
    verbs = {step.key: step.verb for step in PLAN.steps["P1"]}

    assert verbs["P1/15m-escalate"] is Verb.ESCALATE
    assert verbs["P1/30m-notify"] is Verb.NOTIFY


@pytest.mark.req("S0-05")
def test_every_step_of_the_matrix_says_which_line_it_stands_for() -> None:
    said = {
        origin
        for steps in PLAN.steps.values()
        for step in steps
        for origin in step.origin
    }

    cells = {f"S3.2-{number:02}" for number in range(1, 16)}
    assert cells <= said
    assert {f"S2.2-0{number}" for number in range(1, 6)} <= said


@pytest.mark.req("S4.4-07")
def test_the_shadow_gets_copies_of_what_the_primary_gets() -> None:
    story = Story(severity="P1")

    calls = story.wake()

    copies = [call.contact.key for call in calls if call.is_copy]
    assert copies == ["backend_engineer"]
