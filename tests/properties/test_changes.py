"""Approvals against every way of giving people to roles."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.changes import (
    Approval,
    ApprovalRules,
    Calendar,
    Change,
    ChangeType,
    Deputy,
    Ruling,
    WorkTime,
    decide,
    missing_approvals,
)
from watchbill.core.temporal import Interval

ASKED = datetime(2026, 2, 6, 5, 30, tzinfo=UTC)
PEOPLE, ROLES = "abcd", ("lead", "product", "dba")

minutes = st.integers(0, 60).map(lambda number: ASKED + timedelta(minutes=number))
people = st.sampled_from(PEOPLE)
holders = st.fixed_dictionaries(
    {role: st.lists(people, max_size=3) for role in (*ROLES, "manager")}
)
rules = st.builds(
    ApprovalRules,
    distinct_people=st.booleans(),
    requester_may_approve=st.booleans(),
    deputy=st.none() | st.just(Deputy(role="manager", after=timedelta(minutes=15))),
    break_glass_within=st.none() | st.just(timedelta(hours=24)),
)
types = st.builds(
    ChangeType,
    key=st.just("type"),
    title=st.just("Type"),
    approvals=st.lists(st.sampled_from(ROLES), unique=True, min_size=1).map(tuple),
    gates=st.lists(st.sampled_from(["ci", "review"]), unique=True).map(tuple),
    testing=st.just("some"),
    work_time=st.sampled_from(WorkTime),
)
spans = st.tuples(minutes, st.integers(1, 30)).map(
    lambda pair: Interval(
        starts_at=pair[0], ends_at=pair[0] + timedelta(minutes=pair[1])
    )
)
changes = st.builds(
    Change,
    type=types,
    requester=people,
    requested_at=st.just(ASKED),
    planned=st.none() | spans,
    approvals=st.lists(
        st.builds(Approval, contact=people, ruling=st.sampled_from(Ruling), at=minutes),
        max_size=6,
    ).map(tuple),
    edited_at=st.none() | minutes,
    passed_gates=st.sets(st.sampled_from(["ci", "review"])).map(frozenset),
    glass_broken_at=st.none() | minutes,
)
calendars = st.builds(Calendar, windows=st.lists(spans, max_size=3).map(tuple))


@pytest.mark.req("S5.3-06", "A9")
@given(changes, rules, holders, minutes)
def test_as_few_roles_as_possible_are_missing(
    change: Change, rules: ApprovalRules, holders: dict[str, list[str]], now: datetime
) -> None:
    said: dict[str, Ruling] = {}
    for one in change.approvals:
        if change.edited_at is None or one.at > change.edited_at:
            said[one.contact] = one.ruling
    agreed = [one for one, ruling in said.items() if ruling is Ruling.APPROVED]
    if not rules.requester_may_approve:
        agreed = [one for one in agreed if one != change.requester]
    late = rules.deputy is not None and change.type.work_time is WorkTime.ANYTIME
    late = late and now >= ASKED + timedelta(minutes=15)

    def may(person: str, role: str) -> bool:
        return person in holders[role] or (late and person in holders["manager"])

    roles = change.type.approvals
    if rules.distinct_people:
        seats = [*agreed, *[""] * len(roles)]
        best = max(
            sum(may(person, role) for person, role in zip(seated, roles, strict=False))
            for seated in permutations(seats, len(roles))
        )
    else:
        best = sum(any(may(person, role) for person in agreed) for role in roles)

    missing = missing_approvals(change, rules, holders, now=now)

    assert len(missing) == len(roles) - best
    assert [role for role in roles if role in missing] == list(missing)


@pytest.mark.req("S5.3-06", "S5.3-08", "S5.3-09", "A28")
@given(changes, rules, calendars, holders, minutes)
def test_the_answer_is_the_same_until_it_is_to_be_asked_again(
    change: Change,
    rules: ApprovalRules,
    calendar: Calendar,
    holders: dict[str, list[str]],
    now: datetime,
) -> None:
    first = decide(change, rules, calendar, holders, now=now)

    assert decide(change, rules, calendar, holders, now=now) == first
    last = first.ask_at or now + timedelta(days=1)
    assert last > now
    later = decide(
        change, rules, calendar, holders, now=last - timedelta(microseconds=1)
    )
    kinds = [one.kind for one in first.obstacles]
    assert [one.kind for one in later.obstacles] == kinds
    assert all(one.reason for one in first.obstacles)


@pytest.mark.req("S5.3-06", "S5.3-09", "A28")
@given(changes, rules, calendars, holders, minutes)
def test_nothing_starts_untested_or_without_approval_or_broken_glass(
    change: Change,
    rules: ApprovalRules,
    calendar: Calendar,
    holders: dict[str, list[str]],
    now: datetime,
) -> None:
    decision = decide(change, rules, calendar, holders, now=now)

    if decision.may_start:
        assert set(change.type.gates) <= change.passed_gates
        missing = missing_approvals(change, rules, holders, now=now)
        assert not missing or decision.approve_by is not None
        if change.type.work_time is WorkTime.MAINTENANCE:
            assert not missing
            assert change.planned is not None
            assert now in change.planned
