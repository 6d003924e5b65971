"""How one person is told: methods, failover, receipts, follow-ups, digests."""

import json
from datetime import time, timedelta

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from tests.engine.watch import DELIVERED, Watch, minutes
from watchbill.core.incidents import IncidentAction
from watchbill.core.notification import (
    Attempt,
    Method,
    NotificationState,
    Outcome,
)
from watchbill.core.paging import AddressKind, MethodKind, Rule
from watchbill.core.severity import Urgency
from watchbill.server.engine import aftercare, deliver, housekeeping
from watchbill.server.engine.kinds import Moment
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import (
    Delivery,
    Notification,
    Purpose,
    ReceiptWait,
)
from watchbill.server.people import actions as people
from watchbill.server.people import contacting
from watchbill.server.people.models import ContactMethod, QuietTime

pytestmark = pytest.mark.django_db(transaction=True)

ON_CALL = "devops_engineer"
PHONE = "+959250000001"
REFUSED = Attempt(outcome=Outcome.PERMANENT, detail="no such number")
BUSY = Attempt(outcome=Outcome.TRANSIENT, detail="503")


def conninfo() -> str:
    """Return how another process would reach the test's database."""
    values = connection.get_connection_params()
    return make_conninfo(
        host=values["host"], user=values["user"], dbname=values["dbname"]
    )


def give(
    watch: Watch,
    kind: AddressKind = AddressKind.PHONE,
    address: str = PHONE,
    *,
    contact_key: str = ON_CALL,
    is_verified: bool = True,
) -> ContactMethod:
    return ContactMethod.objects.create(
        contact_key=contact_key,
        kind=kind,
        address=address,
        created_at=watch.clock.now(),
        verified_at=watch.clock.now() if is_verified else None,
    )


def to_phone(watch: Watch) -> list[tuple[float, str]]:
    return [
        (one.after / timedelta(minutes=1), one.channel)
        for one in watch.told
        if one.address == PHONE
    ]


def test_a_page_is_texted_at_once_and_called_a_minute_later(watch: Watch) -> None:
    watch.reach(people={"sms_one", "voice", "email"}, posts=set())
    give(watch)
    watch.declare()

    watch.at(minutes(1.5))

    assert to_phone(watch) == [(0, "sms_one"), (1, "voice")]


def test_whoever_took_it_is_not_called_any_more(watch: Watch) -> None:
    watch.reach(people={"sms_one", "voice", "email"}, posts=set())
    give(watch)
    incident = watch.declare()
    watch.at(minutes(0.5))

    watch.act(incident, IncidentAction.ACKNOWLEDGE)
    watch.at(minutes(1.5))

    assert to_phone(watch) == [(0, "sms_one")]
    call = Notification.objects.get(channel="voice", contact_key=ON_CALL)
    assert call.state == NotificationState.SUPERSEDED


@pytest.mark.req("S7.1-08")
def test_a_provider_that_fails_is_followed_at_once_by_the_next_of_its_kind(
    watch: Watch,
) -> None:
    watch.reach(people={"sms_one", "sms_two"}, posts=set())
    watch.answer(lambda channel, _: BUSY if channel == "sms_one" else DELIVERED)
    give(watch)
    watch.declare()

    watch.at(minutes(0))

    assert to_phone(watch) == [(0, "sms_one"), (0, "sms_two")]


@pytest.mark.req("S7.1-08")
@pytest.mark.parametrize("people_by", [{"sms_one", "email"}, {"sms_one"}])
def test_an_address_that_was_never_verified_gets_no_page(
    watch: Watch, people_by: set[str]
) -> None:
    watch.reach(people=people_by, posts=set())
    give(watch, is_verified=False)
    watch.declare()

    watch.at(minutes(90))

    assert to_phone(watch) == []
    mailed = Notification.objects.filter(contact_key=ON_CALL)
    assert mailed.exists() is ("email" in people_by)


def test_a_step_that_would_reach_unproven_addresses_only_does_not_hold_the_ladder(
    watch: Watch,
) -> None:
    manager = "+959250000009"
    watch.reach(people={"sms_one"}, posts=set())
    give(watch, is_verified=False)
    give(watch, address=manager, contact_key="technical_lead")
    watch.declare()

    watch.at(minutes(0))

    assert {one.address for one in watch.told} == {manager}


def test_an_address_refused_for_good_is_left_alone_for_an_hour(watch: Watch) -> None:
    give(watch)
    people.note_refusal(
        ON_CALL, AddressKind.PHONE, PHONE, "no such number", wall=watch.clock.now()
    )
    watch.reach(people={"sms_one", "email"}, posts=set())
    watch.declare()

    watch.at(minutes(0))

    assert to_phone(watch) == []


def test_who_opts_out_is_told_another_way(watch: Watch) -> None:
    give(watch)
    people.opt_out(AddressKind.PHONE, PHONE, wall=watch.clock.now())
    watch.reach(people={"sms_one", "email"}, posts=set())
    watch.declare()

    watch.at(minutes(0))
    assert to_phone(watch) == []

    watch.reach(people={"sms_one", "voice"}, posts=set())
    watch.declare()
    watch.at(minutes(2))
    assert to_phone(watch) == []

    people.opt_in(AddressKind.PHONE, PHONE)
    watch.declare()
    watch.at(minutes(2.1))
    assert [channel for _, channel in to_phone(watch)] == ["sms_one"]


def test_somebodys_own_rules_hold_for_that_person_only(watch: Watch) -> None:
    give(watch)
    contacting.set_rules(
        ON_CALL,
        Urgency.HIGH,
        [
            Rule(kind=MethodKind.EMAIL),
            Rule(kind=MethodKind.SMS, after=timedelta(minutes=1)),
        ],
    )
    watch.reach(people={"sms_one", "email"}, posts=set())
    watch.declare()

    watch.at(minutes(1.5))

    on_call = [
        (one.after / timedelta(minutes=1), one.channel)
        for one in watch.told
        if one.address == PHONE or one.who == "devops"
    ]
    assert on_call == [(0, "email"), (1, "sms_one")]


def test_when_all_that_was_sent_failed_the_call_does_not_wait_for_its_time(
    watch: Watch,
) -> None:
    watch.reach(people={"sms_one", "voice"}, posts=set())
    watch.answer(lambda channel, _: REFUSED if channel == "sms_one" else DELIVERED)
    give(watch)
    watch.declare()

    watch.at(minutes(0))

    assert to_phone(watch) == [(0, "sms_one"), (0, "voice")]


def receipts(watch: Watch) -> Notification:
    """Have a text message taken by a provider that will send a receipt."""
    watch.channels = type(watch.channels)(
        **{
            name: getattr(watch.channels, name)
            for name in ("egress", "sent", "answer", "reaches")
        },
        receipts_within=timedelta(minutes=1),
    )
    watch.answer(
        lambda channel, _: (
            Attempt(outcome=Outcome.DELIVERED, provider_ref="SM1")
            if channel == "sms_one"
            else DELIVERED
        )
    )
    watch.reach(people={"sms_one", "sms_two"}, posts=set())
    give(watch)
    watch.declare()
    watch.at(minutes(0))
    return Notification.objects.get(channel="sms_one", contact_key=ON_CALL)


def test_a_receipt_ends_the_wait_for_it(watch: Watch) -> None:
    row = receipts(watch)
    assert row.receipt == ReceiptWait.PENDING

    notifications.receive_receipt(
        "sms_one", "SM1", ReceiptWait.DELIVERED, wall=watch.clock.now()
    )
    watch.at(minutes(1.5))

    assert [channel for _, channel in to_phone(watch) if channel == "sms_two"] == []
    row.refresh_from_db()
    assert (row.receipt, row.receipt_due_at) == (ReceiptWait.DELIVERED, None)


def test_f11_what_a_provider_took_and_never_delivered_goes_the_next_way(
    watch: Watch,
) -> None:
    receipts(watch)

    watch.at(minutes(1.2))

    assert (1.0, "sms_two") in to_phone(watch)
    row = Notification.objects.get(
        channel="sms_one",
        contact_key=ON_CALL,
        step_key=(
            Notification.objects.filter(contact_key=ON_CALL).earliest("pk").step_key
        ),
    )
    assert (row.state, row.receipt) == (
        NotificationState.DELIVERED,
        ReceiptWait.MISSING,
    )


def test_a_receipt_that_says_failed_starts_the_next_way_at_once(watch: Watch) -> None:
    row = receipts(watch)

    notifications.receive_receipt(
        "sms_one",
        "SM1",
        ReceiptWait.FAILED,
        detail="30003 unreachable handset",
        wall=watch.clock.now(),
    )
    watch.at(minutes(0.1))

    row.refresh_from_db()
    assert row.state == NotificationState.FAILED
    assert row.detail == "30003 unreachable handset"
    assert [channel for _, channel in to_phone(watch)] == ["sms_one", "sms_two"]


def test_a_receipt_of_a_message_nobody_knows_is_no_error(watch: Watch) -> None:
    found = notifications.receive_receipt(
        "sms_one", "SM404", ReceiptWait.DELIVERED, wall=watch.clock.now()
    )
    assert found is None


@pytest.mark.req("S7.1-10")
def test_f20_a_storm_for_one_person_is_a_few_messages_and_a_digest(
    watch: Watch,
) -> None:
    watch.reach(people={"email"}, posts=set())
    for _ in range(40):
        watch.declare("P2")

    watch.settle()
    at_once = [one for one in watch.told if one.who == "devops"]
    watch.at(minutes(1.1))
    within = [one for one in watch.told if one.who == "devops"]

    assert len(at_once) == 5
    assert all("more messages" not in one.notice.subject for one in at_once[:4])
    digest = at_once[4].notice
    assert digest.subject.startswith("36 more messages: [P2] Page: Payments fail")
    assert "... and 26 more." in digest.paragraphs[1]
    assert len(within) <= 10
    members = Notification.objects.filter(
        bundled_into__isnull=False, contact_key=ON_CALL
    )
    assert members.count() == 36
    assert set(members.values_list("state", flat=True)) == {
        NotificationState.SUPERSEDED
    }


def test_what_was_answered_meanwhile_is_not_in_the_digest(watch: Watch) -> None:
    watch.reach(people={"email"}, posts=set())
    many = [watch.declare("P2") for _ in range(12)]
    watch.settle_without_delivery()
    for one in many[4:9]:
        watch.act(one, IncidentAction.RESOLVE)

    watch.settle()

    digest = Notification.objects.get(purpose=Purpose.DIGEST, contact_key=ON_CALL)
    assert digest.members.count() == 3


def test_a_digest_that_fails_lets_the_ladders_of_its_incidents_move_on(
    watch: Watch,
) -> None:
    watch.reach(people={"email"}, posts=set())
    watch.answer(
        lambda _, address: REFUSED if address.startswith("devops") else DELIVERED
    )
    many = [watch.declare("P2") for _ in range(12)]

    watch.at(minutes(2))

    members = Notification.objects.filter(
        bundled_into__isnull=False, contact_key=ON_CALL
    )
    assert set(members.values_list("state", flat=True)) == {NotificationState.FAILED}
    assert all(
        one.timeline.filter(text__startswith="Nobody was told").exists() for one in many
    )


def test_quiet_hours_hold_back_what_can_wait(watch: Watch) -> None:
    QuietTime.objects.create(
        contact_key="engineering_manager",
        starts=time(22),
        ends=time(7),
        zone="Asia/Yangon",
    )
    watch.reach(people={"email"}, posts=set())
    # It is 02:30 in Yangon. The manager is informed after 30 minutes.
    watch.declare()
    watch.at(minutes(31))
    row = Notification.objects.filter(contact_key="engineering_manager").earliest("pk")

    if row.is_urgent:
        assert row.state == NotificationState.DELIVERED
    else:
        assert row.state == NotificationState.WAITING
        assert row.due_at == watch.start + timedelta(hours=4, minutes=30)


def test_each_attempt_of_each_method_is_on_record(watch: Watch) -> None:
    watch.reach(people={"sms_one", "sms_two", "voice", "email"}, posts=set())
    watch.answer(lambda channel, _: BUSY if channel == "sms_one" else DELIVERED)
    give(watch)
    watch.declare()
    watch.at(minutes(0))

    rows = Delivery.objects.filter(notification__contact_key=ON_CALL)
    assert {(row.notification.channel, row.outcome) for row in rows} == {
        ("sms_one", "transient"),
        ("sms_two", "delivered"),
    }


def test_a_code_is_forgotten_once_it_has_expired(watch: Watch) -> None:
    row = give(watch, is_verified=False)
    now = watch.clock.now()
    issued = contacting.issue_code(ON_CALL, row.pk, wall=now)
    sent = readiness.send_code(
        issued,
        Method(channel="sms_one", address=PHONE),
        recipient="Engineer",
        now=now,
        wall=now,
    )
    assert issued.code in json.dumps(sent.notice)

    for after in (timedelta(minutes=14), timedelta(minutes=16)):
        moment = Moment(now=now + after, wall=now + after, reach=watch.channels.reach)
        housekeeping.forget_codes(moment)
        sent.refresh_from_db()
        expired = after > contacting.CODE_LIFETIME
        assert (issued.code not in json.dumps(sent.notice)) is expired


def digest_of_many(watch: Watch) -> tuple[list[Incident], Notification]:
    """Have a dozen pages wait for one person, of which most become a digest."""
    watch.reach(people={"email"}, posts=set())
    many = [watch.declare("P2") for _ in range(12)]
    watch.settle_without_delivery()
    deliver.claim_some(
        "email", node="one", now=watch.clock.now(), wall=watch.clock.now(), limit=50
    )
    found = Notification.objects.filter(
        purpose=Purpose.DIGEST, contact_key=ON_CALL, channel="email"
    ).latest("pk")
    return many, found


def test_a_digest_whose_incidents_were_all_answered_is_not_sent(watch: Watch) -> None:
    many, found = digest_of_many(watch)
    for one in many:
        watch.act(one, IncidentAction.RESOLVE)

    watch.settle()

    found.refresh_from_db()
    assert found.state == NotificationState.SUPERSEDED
    assert found.detail == "all that it says has been answered"


def test_a_digest_says_only_what_is_still_wanted_when_it_leaves(watch: Watch) -> None:
    many, found = digest_of_many(watch)
    members = {one.incident_id for one in found.members.all()}
    answered = next(one for one in many if one.pk in members)
    watch.act(answered, IncidentAction.RESOLVE)

    watch.settle()

    said = next(one for one in watch.told if "more messages" in one.notice.subject)
    assert said.notice.subject.startswith(f"{len(members) - 1} more messages")
    assert f"#{answered.pk})" not in said.notice.paragraphs[1]


def test_what_a_failing_digest_says_is_carried_on_by_the_next_method(
    watch: Watch,
) -> None:
    give(watch)
    _, found = digest_of_many(watch)
    found.next_methods = [["sms_one", PHONE]]
    found.save(update_fields=["next_methods"])
    members = found.members.count()
    watch.reach(people={"email", "sms_one"}, posts=set())
    watch.answer(
        lambda channel, address: (
            REFUSED
            if channel == "email" and address.startswith("devops")
            else DELIVERED
        )
    )

    watch.settle()

    carrier = Notification.objects.get(purpose=Purpose.DIGEST, channel="sms_one")
    assert carrier.state == NotificationState.DELIVERED
    assert carrier.members.count() == members
    assert not Notification.objects.filter(
        bundled_into=carrier, state=NotificationState.FAILED
    ).exists()


def test_two_digests_for_one_person_may_fail_over_to_the_same_place(
    watch: Watch,
) -> None:
    for _ in range(2):
        _, found = digest_of_many(watch)
        found.next_methods = [["sms_one", PHONE]]
        notifications.start_next_method(
            found, now=watch.clock.now(), wall=watch.clock.now()
        )
        watch.sleep_until(watch.clock.now() - watch.start + minutes(2))

    assert Notification.objects.filter(channel="sms_one").count() == 2


def test_a_receipt_that_cannot_be_followed_stops_no_other_message(
    watch: Watch,
) -> None:
    row = receipts(watch)
    Notification.objects.filter(pk=row.pk).update(next_methods=[["a channel alone"]])
    notifications.receive_receipt(
        "sms_one", "SM1", ReceiptWait.FAILED, wall=watch.clock.now()
    )

    assert aftercare.follow_receipt(
        "sms_one", now=watch.clock.now(), wall=watch.clock.now()
    )

    row.refresh_from_db()
    assert row.receipt_due_at == watch.clock.now() + minutes(1)
    assert not aftercare.follow_receipt(
        "sms_one", now=watch.clock.now(), wall=watch.clock.now()
    )


def test_a_message_of_a_channel_that_is_gone_goes_the_next_way(watch: Watch) -> None:
    give(watch)
    watch.reach(people={"sms_one", "email"}, posts=set())
    watch.declare()
    watch.settle_without_delivery()
    later = watch.clock.now() + minutes(3)

    while aftercare.settle_orphan({"email"}, now=later, wall=later):
        pass

    gone = Notification.objects.filter(channel="sms_one")
    assert {one.state for one in gone} == {NotificationState.FAILED}
    assert {one.detail for one in gone} == {
        "the channel sms_one is not set up any more"
    }
    assert Notification.objects.filter(channel="email", contact_key=ON_CALL).exists()


def test_a_claim_that_was_given_back_was_no_attempt(watch: Watch) -> None:
    watch.reach(people={"email"}, posts=set())
    watch.declare()
    watch.settle_without_delivery()
    now = watch.clock.now()
    claim = deliver.claim_some("email", node="one", now=now, wall=now, limit=1)[0]

    notifications.release(claim.notification_id, attempt=claim.attempt, wall=now)

    row = Notification.objects.get(pk=claim.notification_id)
    assert (row.state, row.attempts) == (NotificationState.WAITING, 0)
    assert not row.deliveries.exists()
    again = deliver.claim_some("email", node="two", now=now, wall=now, limit=50)
    assert claim.notification_id in {one.notification_id for one in again}


def test_an_incident_that_somebody_holds_delays_no_other(watch: Watch) -> None:
    watch.reach(people={"email"}, posts=set())
    held, free = watch.declare("P1"), watch.declare("P3", "mobile")
    watch.settle_without_delivery()
    now = watch.clock.now()

    with psycopg.connect(conninfo()) as other:
        other.execute(
            "SELECT 1 FROM watchbill_incident WHERE id = %s FOR NO KEY UPDATE",
            [held.pk],
        )
        found = deliver.claim_round("email", node="one", now=now, wall=now, limit=50)

    assert {claim.row.incident_id for claim in found.claims} <= {free.pk}
    assert found.busy == {held.pk}
    assert deliver.claim_some("email", node="one", now=now, wall=now, limit=50)
