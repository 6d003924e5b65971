"""Versions are stored, signed and switched over on a real database."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction

from tests.server_plans.conftest import SIGNERS, TRM, MakeUser, changed, propose
from watchbill.core.access import ConsoleRole
from watchbill.core.planapproval import Standing, VersionState
from watchbill.plan import load
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Actor, Declaration
from watchbill.server.plans import actions, queries
from watchbill.server.plans.actions import ProposalRefusedError
from watchbill.server.plans.models import PlanEvent, PlanSignature, PlanVersion

#: Local midnight of 1 March 2026 in Yangon, which is six and a half hours ahead.
MIDNIGHT = datetime(2026, 2, 28, 17, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def approve(version: PlanVersion, make_user: MakeUser, *, now: datetime) -> None:
    for contact in SIGNERS:
        ruling = actions.sign(version.pk, contact, by=make_user(contact), now=now)
        assert ruling.is_change


@pytest.mark.req("S0-02", "SD-04")
def test_a_version_loaded_ahead_takes_over_at_local_midnight_of_its_date(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    ahead = propose(author, changed("1.1", "2026-03-01"), now=virtual_clock.now())
    approve(ahead, make_user, now=virtual_clock.now())

    assert queries.in_force(now=MIDNIGHT - SECOND).pk == running.pk
    assert queries.in_force(now=MIDNIGHT - timedelta(microseconds=1)).pk == running.pk
    assert queries.in_force(now=MIDNIGHT).pk == ahead.pk
    assert queries.standing_of(queries.get(ahead.pk), now=MIDNIGHT - SECOND) is (
        Standing.AHEAD
    )


@pytest.mark.req("S0-01", "S0-07")
def test_incidents_begin_under_the_version_of_their_instant_and_keep_it(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    ahead = propose(
        make_user("technical_lead"),
        changed("1.1", "2026-03-01"),
        now=virtual_clock.now(),
    )
    approve(ahead, make_user, now=virtual_clock.now())
    declaration = Declaration(title="Down", severity="P1", alert_type="payment")
    dana = Actor(label="Dana")

    before = incidents.declare(declaration, actor=dana, now=MIDNIGHT - SECOND)
    after = incidents.declare(declaration, actor=dana, now=MIDNIGHT)

    assert before.plan_version_id == running.pk
    assert after.plan_version_id == ahead.pk
    assert incident_queries.get(before.pk).plan_version_id == running.pk


def test_a_version_with_a_past_date_runs_from_its_last_signature(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    version = propose(author, changed("1.1", "2026-02-01"), now=virtual_clock.now())
    virtual_clock.advance(timedelta(hours=3))

    assert queries.in_force(now=virtual_clock.now()).pk == running.pk
    approve(version, make_user, now=virtual_clock.now())

    assert queries.in_force(now=virtual_clock.now()).pk == version.pk
    assert queries.in_force(now=virtual_clock.now() - SECOND).pk == running.pk
    assert queries.get(version.pk).activated_at == virtual_clock.now()


@pytest.mark.req("SE-01", "SD-04")
def test_the_record_tells_who_did_what_in_its_order(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    approve(version, make_user, now=virtual_clock.now())

    assert [(one.kind, one.actor) for one in queries.events_of(version.pk)] == [
        ("proposed", "technical_lead"),
        ("signed", "engineering_manager"),
        ("signed", "product_manager"),
        ("signed", "cto"),
        ("approved", "cto"),
    ]
    assert [one.kind for one in queries.events_of(running.pk)] == ["loaded"]


def test_a_role_signs_once_and_somebody_else_cannot_sign_for_it(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    cto, owner = make_user("cto"), make_user("ceo", ConsoleRole.OWNER)
    now = virtual_clock.now()

    assert actions.sign(version.pk, "cto", by=owner, now=now).is_forbidden
    assert actions.sign(version.pk, "cto", by=cto, now=now).is_change
    again = actions.sign(version.pk, "cto", by=cto, now=now)

    assert (again.is_change, again.reason) == (False, "the role has signed already")
    assert PlanSignature.objects.count() == 1


def test_a_proposal_cannot_choose_its_signers(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    text = changed("1.1").replace(
        "[engineering_manager, product_manager, cto]", "[technical_lead]"
    )
    version = propose(author, text, now=virtual_clock.now())

    ruling = actions.sign(
        version.pk, "technical_lead", by=author, now=virtual_clock.now()
    )

    assert not ruling.is_change
    assert queries.get(version.pk).signers == list(SIGNERS)


def test_a_proposal_cannot_make_its_author_the_holder_of_a_role(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    text = changed("1.1").replace(
        "expertise: [full-stack]", "roles: cto, expertise: [full-stack]"
    )
    version = propose(author, text, now=virtual_clock.now())

    assert actions.sign(
        version.pk, "cto", by=author, now=virtual_clock.now()
    ).is_forbidden


@pytest.mark.parametrize("decision", ["reject", "withdraw"])
def test_a_version_decided_against_never_runs_and_its_name_is_free_again(
    decision: str,
    running: PlanVersion,
    make_user: MakeUser,
    virtual_clock: VirtualClock,
) -> None:
    author, cto = make_user("technical_lead"), make_user("cto")
    now = virtual_clock.now()
    version = propose(author, changed("1.1"), now=now)
    act, by = (
        (actions.reject, cto) if decision == "reject" else (actions.withdraw, author)
    )

    assert act(version.pk, "No.", by=by, now=now).is_change

    assert queries.in_force(now=now + timedelta(days=400)).pk == running.pk
    again = propose(author, changed("1.1", title="Another plan"), now=now)
    assert again.based_on_id == running.pk
    assert not actions.sign(version.pk, "cto", by=cto, now=now).is_change


def test_an_approved_version_can_be_withdrawn_until_its_date(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    version = propose(author, changed("1.1", "2026-03-01"), now=virtual_clock.now())
    approve(version, make_user, now=virtual_clock.now())

    late = actions.withdraw(version.pk, "No.", by=author, now=MIDNIGHT)
    early = actions.withdraw(version.pk, "No.", by=author, now=MIDNIGHT - SECOND)

    assert (late.is_change, early.is_change) == (False, True)
    assert queries.in_force(now=MIDNIGHT).pk == running.pk


def test_a_text_that_exists_or_a_name_that_is_taken_is_refused(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    now = virtual_clock.now()

    with pytest.raises(ProposalRefusedError, match="exactly this text"):
        propose(author, TRM, now=now)
    with pytest.raises(ProposalRefusedError, match=r"there is a version 1\.0 already"):
        propose(author, changed("1.0", title="Another"), now=now)
    with pytest.raises(ProposalRefusedError, match="at most 40 characters"):
        propose(author, changed("x" * 41), now=now)
    with pytest.raises(ProposalRefusedError) as refused:
        propose(author, changed("1.1"), now=now, based_on=running.pk + 999)
    assert refused.value.is_overtaken
    assert refused.value.other == running


@pytest.mark.req("A43")
def test_the_same_command_again_does_not_undo_a_signed_version(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    virtual_clock.advance(timedelta(minutes=1))
    approve(version, make_user, now=virtual_clock.now())
    virtual_clock.advance(timedelta(days=1))

    actions.put_in_force(load(TRM, name="plan.yaml"), now=virtual_clock.now())

    assert queries.in_force(now=virtual_clock.now()).pk == version.pk


@pytest.mark.req("A43", "S0-02")
def test_the_operator_can_load_a_plan_at_once_or_ahead(
    running: PlanVersion, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now() + timedelta(minutes=1)
    ahead = actions.put_in_force(
        load(changed("2.0", "2026-03-01"), name="two"), now=now
    )
    other = actions.put_in_force(load(changed("1.5"), name="one"), now=now)

    assert ahead.state == VersionState.LOADED
    assert queries.in_force(now=now).pk == other.pk
    assert queries.in_force(now=MIDNIGHT).pk == ahead.pk
    # A restart with the same file neither hastens nor delays it.
    again = load(changed("2.0", "2026-03-01"), name="two")
    actions.put_in_force(again, now=now + timedelta(minutes=1))
    assert queries.in_force(now=now + timedelta(minutes=2)).pk == other.pk


def test_the_first_plan_runs_at_once_even_before_its_date(
    db: None, virtual_clock: VirtualClock
) -> None:
    loaded = load(changed("1.0", "2027-01-01"), name="plan.yaml")
    version = actions.put_in_force(loaded, now=virtual_clock.now())

    assert queries.in_force(now=virtual_clock.now()).pk == version.pk


def test_a_clock_that_went_back_leaves_the_first_plan_in_force(
    running: PlanVersion, virtual_clock: VirtualClock
) -> None:
    earlier = virtual_clock.now() - timedelta(days=30)

    assert queries.in_force(now=earlier).pk == running.pk


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE watchbill_planversion SET text = text || ' '",
        "UPDATE watchbill_planversion SET reason = 'another'",
        "UPDATE watchbill_planversion SET signers = '[]'",
        "DELETE FROM watchbill_planversion",
        "UPDATE watchbill_plansignature SET person = 'somebody'",
        "DELETE FROM watchbill_plansignature",
        "UPDATE watchbill_planevent SET actor = 'nobody'",
        "DELETE FROM watchbill_planevent",
    ],
)
@pytest.mark.req("SE-01")
def test_the_database_refuses_to_change_what_was_recorded(
    change: str,
    running: PlanVersion,
    make_user: MakeUser,
    virtual_clock: VirtualClock,
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    approve(version, make_user, now=virtual_clock.now())

    with (
        pytest.raises(IntegrityError, match="are never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


@pytest.mark.django_db(transaction=True)
def test_signers_at_the_same_time_are_all_counted_and_one_of_them_approves(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    version = propose(
        make_user("technical_lead"), changed("1.1"), now=virtual_clock.now()
    )
    people = [make_user(contact) for contact in SIGNERS] * 2
    together = threading.Barrier(len(people))
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            together.wait(10)
            person = people[number]
            actions.sign(
                version.pk, person.contact_key, by=person, now=virtual_clock.now()
            )
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(people))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)

    assert failures == []
    assert sorted(one.role for one in queries.signatures_of(version.pk)) == sorted(
        SIGNERS
    )
    assert PlanEvent.objects.filter(kind="approved").count() == 1
    assert queries.in_force(now=virtual_clock.now()).pk == version.pk


@pytest.mark.django_db(transaction=True)
def test_of_two_proposals_at_the_same_time_the_second_is_told_of_the_first(
    running: PlanVersion, make_user: MakeUser, virtual_clock: VirtualClock
) -> None:
    author = make_user("technical_lead")
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def work(label: str) -> None:
        together.wait(10)
        try:
            propose(
                author, changed(label), now=virtual_clock.now(), based_on=running.pk
            )
            outcomes.append("stored")
        except ProposalRefusedError as error:
            outcomes.append("overtaken" if error.is_overtaken else str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(one,)) for one in ("1.1", "1.2")]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)

    assert sorted(outcomes) == ["overtaken", "stored"]
