"""Particulars come into force at once, on a record of their own; rules do not."""

import threading

import pytest
from django.db import connections

from tests.server_plans.conftest import SIGNERS, TRM, MakeUser, changed, propose
from watchbill.core.oncall import Duty, holder
from watchbill.core.planapproval import Standing, VersionState
from watchbill.plan import load
from watchbill.plan.writing import Value
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions, drafts, queries
from watchbill.server.plans.actions import AmendmentRefusedError
from watchbill.server.plans.models import PlanEventKind, PlanVersion

PHONE = ("contacts", "technical_lead", "phone")
ROTA = ("on_call", "primary-oncall", "members")


@pytest.fixture
def lead(make_user: MakeUser) -> User:
    """Somebody who looks after people."""
    return make_user("technical_lead", name="Theingi")


def amended(running: PlanVersion, by: User, clock: VirtualClock) -> PlanVersion:
    text = drafts.edited(running.text, {PHONE: "+959250000001"})
    return actions.amend(text, based_on=running.pk, by=by, reason="", now=clock.now())


@pytest.mark.req("S2.1-16")
def test_another_phone_number_is_in_force_at_once_and_on_the_record(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    text = drafts.edited(running.text, {PHONE: "+959250000001"})

    version = actions.amend(
        text, based_on=running.pk, by=lead, reason="A new phone.", now=now
    )

    assert queries.in_force(now=now).pk == version.pk
    assert version.label == "1.0+1"
    contact = queries.plan_of(version.pk).directory.contact("technical_lead")
    assert contact is not None
    assert contact.phone == "+959250000001"
    (event,) = queries.events_of(version.pk)
    assert event.kind == PlanEventKind.AMENDED
    assert event.actor == "Theingi"
    assert event.text.startswith("A new phone.\n\n")
    assert "the Technical Lead can be reached by phone (+95…01)" in event.text
    assert version.text.replace("1.0+1", "1.0") == text


@pytest.mark.req("S4.4-03")
def test_another_rota_and_a_new_schedule_are_particulars(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    edits: dict[tuple[str, ...], Value] = {
        ROTA: ["mobile_engineer", "devops_engineer"],
        ("on_call", "payments"): {
            "title": "Payments on-call",
            "specialty": "payment",
            "members": ["payment_specialist"],
            "first_day": "2026-02-06",
            "handover": "10:00",
            "secondary": "none",
            "shadow": "none",
        },
    }

    text = drafts.edited(running.text, edits)
    version = actions.amend(text, based_on=running.pk, by=lead, reason="", now=now)

    plan = queries.plan_of(version.pk)
    assert list(plan.schedules) == ["primary-oncall", "payments"]
    at = plan.meta.effective_at
    assert holder(plan.schedules["primary-oncall"], Duty.PRIMARY, at=at) == (
        "mobile_engineer"
    )


@pytest.mark.parametrize(
    ("edits", "named"),
    [
        ({("severities", "P1", "response"): "30m"}, ("severities.P1.response",)),
        ({("plan", "owner"): "cto"}, ("plan.owner",)),
        ({("contacts", "technical_lead", "roles"): ["cto"]}, None),
        (
            {("groups", "operations_team"): ["technical_lead"]},
            ("who is operations_team",),
        ),
    ],
)
@pytest.mark.req("SE-01", "S0-04")
def test_a_rule_needs_signatures_and_the_refusal_names_it(
    running: PlanVersion,
    lead: User,
    virtual_clock: VirtualClock,
    edits: dict[tuple[str, ...], str],
    named: tuple[str, ...] | None,
) -> None:
    text = drafts.edited(running.text, {PHONE: "+959250000001", **edits})

    with pytest.raises(AmendmentRefusedError) as refused:
        actions.amend(
            text, based_on=running.pk, by=lead, reason="", now=virtual_clock.now()
        )

    if named is None:
        # Who gets the role of a signer would sign.
        assert refused.value.needs_signatures == (
            "contacts.technical_lead.roles",
            "who is cto",
        )
    else:
        assert refused.value.needs_signatures == named
    assert PlanVersion.objects.count() == 1


def test_a_text_with_errors_or_without_a_difference_is_refused(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    wrong = drafts.edited(running.text, {ROTA: ["nobody_we_know"]})

    with pytest.raises(AmendmentRefusedError, match="no contact") as refused:
        actions.amend(wrong, based_on=running.pk, by=lead, reason="", now=now)
    assert [one.code for one in refused.value.findings] == ["WB209"]
    with pytest.raises(AmendmentRefusedError, match="nothing that the plan says"):
        actions.amend(
            running.text + "# a word\n",
            based_on=running.pk,
            by=lead,
            reason="",
            now=now,
        )


def test_who_began_with_an_older_version_is_told(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    amended(running, lead, virtual_clock)
    text = drafts.edited(running.text, {("groups", "devops"): ["cto"]})

    with pytest.raises(AmendmentRefusedError) as refused:
        actions.amend(
            text, based_on=running.pk, by=lead, reason="", now=virtual_clock.now()
        )

    assert refused.value.is_overtaken


@pytest.mark.django_db(transaction=True)
def test_of_two_amendments_at_once_one_is_told_that_it_is_late(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    outcomes: list[str] = []
    begin = threading.Barrier(2)

    def run(number: int) -> None:
        try:
            text = drafts.edited(running.text, {PHONE: f"+95925000000{number}"})
            begin.wait(timeout=30)
            actions.amend(
                text, based_on=running.pk, by=lead, reason="", now=virtual_clock.now()
            )
            outcomes.append("in force")
        except AmendmentRefusedError as error:
            outcomes.append("late" if error.is_overtaken else str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=60)

    assert sorted(outcomes) == ["in force", "late"]


@pytest.mark.req("SD-04")
def test_the_signatures_under_the_rules_count_for_their_amendments(
    running: PlanVersion,
    make_user: MakeUser,
    lead: User,
    virtual_clock: VirtualClock,
) -> None:
    now = virtual_clock.now()
    for contact in SIGNERS:
        actions.sign(running.pk, contact, by=make_user(contact), now=now)
    signed = queries.get(running.pk)
    text = drafts.edited(signed.text, {PHONE: "+959250000001"})

    version = actions.amend(text, based_on=signed.pk, by=lead, reason="", now=now)

    assert version.state == VersionState.APPROVED
    assert queries.approval_of(version, now=now).is_signed
    assert queries.standing_of(version, now=now) is Standing.IN_FORCE


def test_to_start_again_with_the_file_does_not_undo_an_amendment(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    amended(running, lead, virtual_clock)

    actions.put_in_force(load(TRM, name="plan.yaml"), now=virtual_clock.now())

    assert queries.in_force(now=virtual_clock.now()).label == "1.0+1"


def test_a_version_that_waits_is_marked_because_it_does_not_hold_the_amendment(
    running: PlanVersion, lead: User, virtual_clock: VirtualClock
) -> None:
    waiting = propose(
        lead, changed("1.1", "2026-03-01", title="Another"), now=virtual_clock.now()
    )

    amended(running, lead, virtual_clock)

    *_, event = queries.events_of(waiting.pk)
    assert event.kind == PlanEventKind.OVERTAKEN
    assert event.text.startswith("1.0+1 is in force, and this version does not hold it")
