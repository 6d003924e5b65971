"""Who must sign, who may, and when a version takes over: the rules alone."""

from datetime import UTC, datetime, timedelta

import pytest

from watchbill.core.planapproval import (
    Approval,
    Person,
    Signature,
    Signer,
    Standing,
    VersionState,
    may_propose,
    may_withdraw,
    reject,
    sign,
    standing,
    withdraw,
)

NOW = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)
ROLES = (
    Signer(role="manager", holders=("mya", "zaw")),
    Signer(role="engineer", holders=("zaw",)),
    Signer(role="cto", holders=("thida",)),
)
MYA, ZAW, THIDA = (Person(contact=name) for name in ("mya", "zaw", "thida"))


def approval(
    state: VersionState = VersionState.PROPOSED,
    *,
    signed: tuple[tuple[str, str], ...] = (),
    effective_at: datetime = NOW - timedelta(days=1),
    runs_from: datetime | None = None,
) -> Approval:
    return Approval(
        state=state,
        signers=ROLES,
        signatures=tuple(Signature(role=role, contact=who) for role, who in signed),
        effective_at=effective_at,
        runs_from=runs_from,
    )


@pytest.mark.req("SD-01", "SD-02", "SD-03", "SD-04")
def test_the_last_signature_approves_and_no_earlier_one() -> None:
    first = sign(approval(), "manager", MYA, now=NOW)
    last = sign(
        approval(signed=(("manager", "mya"), ("engineer", "zaw"))),
        "cto",
        THIDA,
        now=NOW,
    )

    assert (first.state, first.runs_from) == (VersionState.PROPOSED, None)
    assert first.reason == "still to sign: engineer, cto"
    assert (last.state, last.runs_from) == (VersionState.APPROVED, NOW)


@pytest.mark.req("S0-02")
@pytest.mark.parametrize("days", [-30, 0, 30])
def test_an_approved_version_runs_from_its_effective_date_and_never_before_now(
    days: int,
) -> None:
    effective_at = NOW + timedelta(days=days)
    signed = (("manager", "mya"), ("engineer", "zaw"))

    ruling = sign(
        approval(signed=signed, effective_at=effective_at), "cto", THIDA, now=NOW
    )

    assert ruling.runs_from == max(effective_at, NOW)


@pytest.mark.req("A43")
def test_a_plan_that_runs_unsigned_keeps_running_from_when_it_did() -> None:
    signed = (("manager", "mya"), ("engineer", "zaw"))
    loaded = approval(VersionState.LOADED, signed=signed, runs_from=NOW)

    ruling = sign(loaded, "cto", THIDA, now=NOW + timedelta(days=9))

    assert (ruling.state, ruling.runs_from) == (VersionState.APPROVED, NOW)


@pytest.mark.parametrize(
    ("facts", "role", "person", "reason", "is_forbidden"),
    [
        (approval(), "cto", MYA, "only who holds the role may sign for it", True),
        (approval(), "cto", Person(is_admin=True), "only who holds", True),
        (approval(), "cto", Person(is_author=True), "only who holds", True),
        (approval(), "ceo", THIDA, "the plan does not ask this role", False),
        (approval(), "", THIDA, "the plan does not ask this role", False),
        (approval(signed=(("cto", "thida"),)), "cto", THIDA, "signed already", False),
        (approval(VersionState.REJECTED), "cto", THIDA, "is rejected", False),
        (approval(VersionState.WITHDRAWN), "cto", THIDA, "is withdrawn", False),
        (approval(VersionState.APPROVED), "cto", THIDA, "is approved", False),
    ],
)
def test_whoever_may_not_sign_changes_nothing(
    facts: Approval, role: str, person: Person, reason: str, *, is_forbidden: bool
) -> None:
    ruling = sign(facts, role, person, now=NOW)

    assert (ruling.is_change, ruling.state) == (False, facts.state)
    assert reason in ruling.reason
    assert ruling.is_forbidden is is_forbidden


def test_one_person_signs_for_each_role_held_and_is_named_for_it() -> None:
    facts = approval(signed=(("manager", "zaw"), ("engineer", "zaw")))

    assert approval().roles_of("zaw") == ("manager", "engineer")
    assert facts.signed_twice == ("zaw",)
    assert [one.role for one in facts.missing] == ["cto"]


def test_a_role_that_nobody_holds_is_said_to_be_unsignable() -> None:
    facts = Approval(
        state=VersionState.PROPOSED,
        signers=(*ROLES, Signer(role="operations")),
        effective_at=NOW,
    )

    assert facts.unsignable == ("operations",)
    assert not facts.is_signed


def test_a_plan_without_signers_is_never_called_signed() -> None:
    empty = Approval(state=VersionState.LOADED, signers=(), effective_at=NOW)

    assert not empty.is_signed


def test_those_who_sign_may_reject_and_an_admin_may_not() -> None:
    assert reject(approval(), THIDA).state is VersionState.REJECTED
    assert reject(approval(), Person(is_admin=True)).is_forbidden
    assert not reject(approval(VersionState.APPROVED), THIDA).is_change


@pytest.mark.parametrize(
    ("state", "runs_from", "expected"),
    [
        (VersionState.PROPOSED, None, True),
        (VersionState.APPROVED, NOW + timedelta(seconds=1), True),
        (VersionState.LOADED, NOW + timedelta(seconds=1), True),
        (VersionState.APPROVED, NOW, False),
        (VersionState.LOADED, NOW, False),
        (VersionState.REJECTED, None, False),
        (VersionState.WITHDRAWN, None, False),
    ],
)
def test_a_version_can_be_withdrawn_until_it_runs(
    state: VersionState, runs_from: datetime | None, *, expected: bool
) -> None:
    facts = approval(state, runs_from=runs_from)

    for person in (Person(is_author=True), Person(is_admin=True)):
        assert may_withdraw(facts, person, now=NOW) is expected
        assert withdraw(facts, person, now=NOW).is_change is expected
    assert withdraw(facts, THIDA, now=NOW).is_forbidden


@pytest.mark.req("S0-04")
def test_the_owners_of_the_plan_and_admins_may_propose() -> None:
    assert may_propose(MYA, owners={"mya"})
    assert may_propose(Person(is_admin=True), owners=set())
    assert not may_propose(ZAW, owners={"mya"})
    assert not may_propose(Person(), owners={"mya"})


@pytest.mark.parametrize(
    ("state", "runs_from", "is_in_force", "expected"),
    [
        (VersionState.LOADED, NOW, True, Standing.IN_FORCE),
        (VersionState.APPROVED, NOW, False, Standing.PAST),
        (VersionState.APPROVED, NOW + timedelta(1), False, Standing.AHEAD),
        (VersionState.PROPOSED, None, False, Standing.PROPOSED),
        (VersionState.REJECTED, None, False, Standing.REJECTED),
        (VersionState.WITHDRAWN, NOW + timedelta(1), False, Standing.WITHDRAWN),
    ],
)
def test_readers_see_what_was_decided_and_where_time_stands(
    state: VersionState,
    runs_from: datetime | None,
    expected: Standing,
    *,
    is_in_force: bool,
) -> None:
    found = standing(state, runs_from=runs_from, is_in_force=is_in_force, now=NOW)

    assert found is expected
