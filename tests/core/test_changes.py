"""Who must agree to a change, what must have passed, and when it may start."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.core.cast import at
from watchbill.core.changes import (
    Approval,
    ApprovalRules,
    Calendar,
    Change,
    ChangeType,
    Decision,
    Deputy,
    Freeze,
    ObstacleKind,
    Ruling,
    WorkTime,
    collides,
    decide,
    missing_approvals,
    schedule_obstacles,
)
from watchbill.core.temporal import Interval

HOTFIX = ChangeType(
    key="hotfix",
    title="Hotfix",
    approvals=("lead",),
    gates=("ci_green", "review", "staging_smoke"),
    testing="minimal",
    work_time=WorkTime.ANYTIME,
)
FEATURE = ChangeType(
    key="feature",
    title="Feature Release",
    approvals=("product", "lead"),
    gates=("ci_green", "regression"),
    testing="full",
    work_time=WorkTime.MAINTENANCE,
)
RULES = ApprovalRules(
    deputy=Deputy(role="manager", after=timedelta(minutes=15)),
    break_glass_within=timedelta(hours=24),
)
HOLDERS = {"lead": ["chi"], "product": ["pam"], "manager": ["max"]}

SUNDAY = Interval(starts_at=at("2026-02-08 02:00"), ends_at=at("2026-02-08 04:00"))
PLANNED = Interval(starts_at=at("2026-02-08 02:00"), ends_at=at("2026-02-08 03:00"))
ASKED = at("2026-02-06 12:00")
CALENDAR = Calendar(windows=(SUNDAY,))

READY = Change(
    type=FEATURE,
    requester="ana",
    requested_at=ASKED,
    planned=PLANNED,
    components=frozenset({"web"}),
    approvals=(
        Approval(contact="pam", ruling=Ruling.APPROVED, at=at("2026-02-06 13:00")),
        Approval(contact="chi", ruling=Ruling.APPROVED, at=at("2026-02-06 14:00")),
    ),
    passed_gates=frozenset({"ci_green", "regression"}),
)
URGENT = Change(
    type=HOTFIX,
    requester="ana",
    requested_at=ASKED,
    passed_gates=frozenset(HOTFIX.gates),
)


def ask(
    change: Change,
    now: datetime = PLANNED.starts_at,
    *,
    rules: ApprovalRules = RULES,
    calendar: Calendar = CALENDAR,
    holders: Mapping[str, list[str]] = HOLDERS,
) -> Decision:
    return decide(change, rules, calendar, holders, now=now)


def kinds(decision: Decision) -> list[ObstacleKind]:
    return [one.kind for one in decision.obstacles]


def yes(*people: str) -> tuple[Approval, ...]:
    return tuple(
        Approval(contact=one, ruling=Ruling.APPROVED, at=at("2026-02-06 13:00"))
        for one in people
    )


@pytest.mark.req("S5.3-03", "S5.3-06")
def test_a_change_that_lacks_nothing_may_start() -> None:
    decision = ask(READY)

    assert decision.may_start
    assert decision.ask_at == PLANNED.ends_at


@pytest.mark.req("S5.3-06", "A9")
def test_both_roles_must_agree_and_each_by_somebody() -> None:
    decision = ask(replace(READY, approvals=yes("pam")))

    assert [one.reason for one in decision.obstacles] == [
        "the approval of lead is missing"
    ]


@pytest.mark.req("S5.3-06", "A9")
def test_one_person_with_two_roles_counts_once() -> None:
    both = {"lead": ["chi"], "product": ["chi", "pam"]}
    alone = replace(READY, approvals=yes("chi"))

    assert missing_approvals(alone, RULES, both, now=ASKED) == ("lead",)
    together = replace(READY, approvals=yes("chi", "pam"))
    assert missing_approvals(together, RULES, both, now=ASKED) == ()
    lenient = replace(RULES, distinct_people=False)
    assert missing_approvals(alone, lenient, both, now=ASKED) == ()


@pytest.mark.req("S5.3-06", "A9")
def test_nobody_approves_his_own_change_unless_the_plan_says_so() -> None:
    own = replace(READY, requester="chi")

    assert kinds(ask(own)) == [ObstacleKind.NOT_APPROVED]
    assert ask(own, rules=replace(RULES, requester_may_approve=True)).may_start


@pytest.mark.req("S5.3-07")
def test_a_rejection_blocks_until_it_is_taken_back() -> None:
    no = Approval(contact="pam", ruling=Ruling.REJECTED, at=at("2026-02-06 15:00"))
    rejected = replace(READY, approvals=(*READY.approvals, no))

    assert kinds(ask(rejected)) == [ObstacleKind.REJECTED, ObstacleKind.NOT_APPROVED]
    again = replace(rejected, approvals=(*rejected.approvals, *yes("pam")))
    assert ask(again).may_start


@pytest.mark.req("S5.3-07")
def test_a_no_of_somebody_who_is_not_asked_blocks_nothing() -> None:
    no = Approval(contact="ben", ruling=Ruling.REJECTED, at=at("2026-02-06 15:00"))

    assert ask(replace(READY, approvals=(*READY.approvals, no))).may_start


@pytest.mark.req("S5.3-07")
def test_an_edit_voids_what_was_said_before_it() -> None:
    edited = replace(READY, edited_at=at("2026-02-06 13:30"))

    assert [one.reason for one in ask(edited).obstacles] == [
        "the approval of product is missing"
    ]


@pytest.mark.req("S5.3-09", "A8")
def test_each_gate_that_has_not_passed_is_named() -> None:
    decision = ask(replace(READY, passed_gates=frozenset({"ci_green"})))

    assert [one.reason for one in decision.obstacles] == [
        "full testing needs regression"
    ]


@pytest.mark.req("S5.3-08")
@pytest.mark.parametrize(
    ("starts_at", "ends_at", "fits"),
    [
        ("2026-02-08 02:00", "2026-02-08 04:00", True),
        ("2026-02-08 01:59", "2026-02-08 03:00", False),
        ("2026-02-08 03:00", "2026-02-08 04:01", False),
        ("2026-02-09 02:00", "2026-02-09 03:00", False),
    ],
)
def test_an_ordinary_change_lies_wholly_in_one_window(
    starts_at: str,
    ends_at: str,
    fits: bool,  # noqa: FBT001
) -> None:
    planned = Interval(starts_at=at(starts_at), ends_at=at(ends_at))

    found = schedule_obstacles(FEATURE, planned, CALENDAR)

    assert [one.kind for one in found] == (
        [] if fits else [ObstacleKind.OUTSIDE_WINDOW]
    )


@pytest.mark.req("S5.3-08")
def test_two_windows_that_meet_are_not_one() -> None:
    half = at("2026-02-08 03:00")
    first = Interval(starts_at=SUNDAY.starts_at, ends_at=half)
    second = Interval(starts_at=half, ends_at=SUNDAY.ends_at)

    found = schedule_obstacles(FEATURE, SUNDAY, Calendar(windows=(first, second)))

    assert [one.kind for one in found] == [ObstacleKind.OUTSIDE_WINDOW]


@pytest.mark.req("S5.3-08")
def test_an_ordinary_change_needs_a_time_and_starts_in_it() -> None:
    early = ask(READY, at("2026-02-08 01:30"))

    assert [one.reason for one in early.obstacles] == ["it begins in 30 min"]
    assert early.ask_at == PLANNED.starts_at
    assert kinds(ask(READY, PLANNED.ends_at)) == [ObstacleKind.TOO_LATE]
    assert kinds(ask(replace(READY, planned=None))) == [ObstacleKind.NOT_SCHEDULED]


@pytest.mark.req("S5.3-10")
def test_a_freeze_blocks_all_but_hotfixes() -> None:
    thingyan = Freeze(title="Thingyan", during=SUNDAY)
    frozen = replace(CALENDAR, freezes=(thingyan,))

    assert [one.reason for one in ask(READY, calendar=frozen).obstacles] == [
        "Thingyan: only urgent changes are made"
    ]
    approved = replace(URGENT, approvals=yes("chi"))
    assert ask(approved, calendar=frozen).may_start


@pytest.mark.req("S5.3-01")
def test_a_hotfix_needs_no_window() -> None:
    assert ask(replace(URGENT, approvals=yes("chi")), ASKED).may_start


@pytest.mark.req("S5.3-13", "A28")
def test_after_a_quarter_of_an_hour_the_deputy_may_approve_a_hotfix() -> None:
    by_deputy = replace(URGENT, approvals=yes("max"))

    soon = ask(by_deputy, ASKED + timedelta(minutes=14))
    assert kinds(soon) == [ObstacleKind.NOT_APPROVED]
    assert soon.ask_at == ASKED + timedelta(minutes=15)
    assert ask(by_deputy, ASKED + timedelta(minutes=15)).may_start


@pytest.mark.req("A28")
def test_a_deputy_never_stands_in_for_an_ordinary_change() -> None:
    by_deputy = replace(READY, approvals=yes("pam", "max"))

    assert kinds(ask(by_deputy)) == [ObstacleKind.NOT_APPROVED]


@pytest.mark.req("S5.3-13", "A28")
def test_broken_glass_lets_a_hotfix_start_and_names_the_time_to_approve_it() -> None:
    broken_at = ASKED + timedelta(minutes=16)
    broken = replace(URGENT, glass_broken_at=broken_at)

    decision = ask(broken, broken_at)

    assert decision.may_start
    assert decision.approve_by == broken_at + timedelta(hours=24)
    approved = replace(broken, approvals=yes("chi"))
    assert ask(approved, broken_at).approve_by is None


@pytest.mark.req("A28")
def test_glass_is_not_broken_too_soon_nor_for_an_ordinary_change() -> None:
    broken = replace(URGENT, glass_broken_at=ASKED)

    assert kinds(ask(broken, ASKED)) == [ObstacleKind.NOT_APPROVED]
    ordinary = replace(READY, approvals=(), glass_broken_at=ASKED)
    assert kinds(ask(ordinary)) == [ObstacleKind.NOT_APPROVED] * 2
    forbidden = replace(RULES, break_glass_within=None)
    late = ASKED + timedelta(hours=1)
    assert kinds(ask(broken, late, rules=forbidden)) == [ObstacleKind.NOT_APPROVED]


@pytest.mark.req("A28")
def test_broken_glass_overrules_no_rejection_and_no_gate() -> None:
    no = Approval(contact="chi", ruling=Ruling.REJECTED, at=ASKED)
    late = ASKED + timedelta(hours=1)
    broken = replace(
        URGENT, glass_broken_at=late, approvals=(no,), passed_gates=frozenset()
    )

    assert set(kinds(ask(broken, late))) == {
        ObstacleKind.REJECTED,
        ObstacleKind.NOT_TESTED,
    }


@pytest.mark.req("S5.3-10")
def test_changes_collide_on_one_component_at_one_time() -> None:
    later = Interval(starts_at=PLANNED.ends_at, ends_at=SUNDAY.ends_at)

    assert collides(READY, replace(READY, requester="ben"))
    assert not collides(READY, replace(READY, planned=later))
    assert not collides(READY, replace(READY, components=frozenset({"api"})))
    assert not collides(READY, replace(READY, planned=None))
