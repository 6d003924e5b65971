"""Addresses and their codes, and the short names of notifications."""

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections

from tests.conftest import START
from tests.server import site
from watchbill.core.paging import AddressKind, MethodKind, Rule
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.server import signed
from watchbill.server.clock import VirtualClock
from watchbill.server.people import actions, contacting
from watchbill.server.people import queries as people
from watchbill.server.people.contacting import ContactingRefusedError
from watchbill.server.people.models import ContactMethod, NotificationRule, QuietTime
from watchbill.server.plans.models import PlanVersion

PHONE = "+959250000001"
MAIL = "dana@example.org"
DANA = Contact(key="dana", roles=("Lead",), level="L2", name="Dana", email=MAIL)
HOUR = timedelta(hours=1)


def add(address: str = PHONE, kind: AddressKind = AddressKind.PHONE) -> ContactMethod:
    return contacting.add_method(DANA, kind, address, label="", wall=START)


def verified(row: ContactMethod) -> ContactMethod:
    issued = contacting.issue_code(DANA.key, row.pk, wall=START)
    assert contacting.verify(DANA.key, row.pk, issued.code, wall=START)
    row.refresh_from_db()
    return row


# ── Adding ────────────────────────────────────────────────────────────────────────


@pytest.mark.req("S2.1-13")
@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        (AddressKind.PHONE, " 09 250 000 001 ", PHONE),
        (AddressKind.PHONE, "+95 (9) 250-000-001", PHONE),
        (AddressKind.EMAIL, "Dana@Example.ORG", MAIL),
        (AddressKind.SLACK, "U0123ABCD", "U0123ABCD"),
        (AddressKind.TELEGRAM, "-1001234567890", "-1001234567890"),
    ],
)
def test_an_address_has_one_written_form(
    kind: AddressKind, text: str, normal: str
) -> None:
    assert contacting.normal_address(kind, text) == normal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (AddressKind.PHONE, "+95-xxx-xxx-xxxx"),
        (AddressKind.PHONE, "+1"),
        (AddressKind.EMAIL, "dana@example.org\r\nBcc: all@example.org"),
        (AddressKind.EMAIL, "dana"),
        (AddressKind.SLACK, "#incidents"),
        (AddressKind.TELEGRAM, "@dana"),
        (AddressKind.PUSH, '{"endpoint": "http://10.0.0.1/", "keys": {}}'),
        (
            AddressKind.PUSH,
            '{"endpoint": "http://10.0.0.1/", "keys": {"p256dh": "", "auth": ""}}',
        ),
        (AddressKind.PUSH, "[" * 1_900),
    ],
)
def test_what_is_no_address_is_refused(kind: AddressKind, text: str) -> None:
    with pytest.raises(ContactingRefusedError):
        contacting.normal_address(kind, text)


@pytest.mark.django_db
def test_an_address_is_added_once_and_twenty_are_enough() -> None:
    add()
    with pytest.raises(ContactingRefusedError, match="there already"):
        add("09 250 000 001")
    for number in range(contacting.METHODS_A_CONTACT - 1):
        add(f"+9592500001{number:02}")
    with pytest.raises(ContactingRefusedError, match="are enough"):
        add("+959250000999")


@pytest.mark.django_db
def test_an_address_that_the_plan_dropped_may_be_added_and_must_be_proven() -> None:
    planned = verified(add(MAIL, AddressKind.EMAIL))
    assert planned.is_of_plan
    without = replace(DANA, email=None)

    row = contacting.add_method(
        without, AddressKind.EMAIL, MAIL, label="home", wall=START
    )

    assert (row.pk, row.is_of_plan, row.verified_at) == (planned.pk, False, None)


@pytest.mark.django_db
def test_an_own_address_that_the_plan_names_later_needs_no_proof() -> None:
    add()
    book = people.book(wall=START)
    (mail, own) = book.methods_of(DANA)
    assert (mail.unusable_because, own.unusable_because) == (
        "",
        "it is not verified yet",
    )

    (phone, mail) = book.methods_of(replace(DANA, phone=PHONE))

    assert (phone.address, phone.unusable_because) == (PHONE, "")
    assert mail.address == MAIL


@pytest.mark.django_db
def test_an_address_of_the_plan_is_not_removed_and_nobody_elses_is() -> None:
    planned, own = add(MAIL, AddressKind.EMAIL), add()

    assert not contacting.remove_method(DANA.key, planned.pk)
    assert not contacting.remove_method("somebody", own.pk)
    assert contacting.remove_method(DANA.key, own.pk)


# ── Codes ─────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_new_code_ends_the_earlier_one() -> None:
    row = add()
    first = contacting.issue_code(DANA.key, row.pk, wall=START).code
    second = contacting.issue_code(DANA.key, row.pk, wall=START).code

    assert first == second or not contacting.verify(DANA.key, row.pk, first, wall=START)
    assert contacting.verify(DANA.key, row.pk, second, wall=START)
    assert not contacting.verify(DANA.key, row.pk, second, wall=START)


@pytest.mark.django_db
def test_a_code_is_for_one_address_of_one_contact() -> None:
    one, other = add(), add("+959250000002")
    code = contacting.issue_code(DANA.key, one.pk, wall=START).code
    contacting.issue_code(DANA.key, other.pk, wall=START)
    ContactMethod.objects.filter(pk=other.pk).update(
        code_hash=ContactMethod.objects.get(pk=one.pk).code_hash
    )

    assert not contacting.verify(DANA.key, other.pk, code, wall=START)
    assert not contacting.verify("somebody", one.pk, code, wall=START)
    with pytest.raises(ContactingRefusedError, match="no such address"):
        contacting.issue_code("somebody", one.pk, wall=START)


@pytest.mark.django_db
def test_a_code_lives_for_a_quarter_of_an_hour() -> None:
    row = add()
    code = contacting.issue_code(DANA.key, row.pk, wall=START).code
    end = START + contacting.CODE_LIFETIME

    assert not contacting.verify(DANA.key, row.pk, code, wall=end)
    almost = end - timedelta(seconds=1)
    assert contacting.verify(DANA.key, row.pk, code, wall=almost)


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_are_no_more_than_five() -> None:
    row = add()
    code = contacting.issue_code(DANA.key, row.pk, wall=START).code
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    def guess() -> None:
        try:
            contacting.verify(DANA.key, row.pk, wrong, wall=START)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    row.refresh_from_db()
    assert row.code_tries == contacting.CODE_TRIES
    assert not contacting.verify(DANA.key, row.pk, code, wall=START)


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_the_right_code_at_once_one_verifies() -> None:
    row = add()
    code = contacting.issue_code(DANA.key, row.pk, wall=START).code
    found: list[bool] = []

    def check() -> None:
        try:
            found.append(contacting.verify(DANA.key, row.pk, code, wall=START))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=check) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert True in found
    row.refresh_from_db()
    assert row.verified_at == START


# ── Rules, quiet hours ────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_rules_are_replaced_as_a_whole_and_none_restore_the_products() -> None:
    call = Rule(kind=MethodKind.VOICE, after=HOUR)
    contacting.set_rules(DANA.key, Urgency.HIGH, [call, call])
    assert people.book(wall=START).wishes_of(DANA.key).high == (call,)

    with pytest.raises(ContactingRefusedError, match="a day at most"):
        contacting.set_rules(
            DANA.key, Urgency.HIGH, [Rule(kind=MethodKind.SMS, after=25 * HOUR)]
        )
    assert NotificationRule.objects.count() == 1

    contacting.set_rules(DANA.key, Urgency.HIGH, [])
    assert people.rules_listed(DANA.key) == []


@pytest.mark.django_db
def test_quiet_hours_in_a_zone_that_this_machine_does_not_know_stop_nobody() -> None:
    QuietTime.objects.create(
        contact_key=DANA.key, starts="22:00", ends="07:00", zone="Mars/Olympus"
    )

    assert people.book(wall=START).wishes_of(DANA.key).quiet is None


# ── Whose address it is ───────────────────────────────────────────────────────────


@pytest.mark.django_db
@pytest.mark.usefixtures("trm_plan")
def test_a_number_is_its_owners_once_proven_and_nobodys_when_two_have_it() -> None:
    row = add()
    kind = AddressKind.PHONE
    assert people.contact_of(kind, PHONE, now=START) is None
    verified(row)
    assert people.contact_of(kind, PHONE, now=START) == DANA.key

    row.pk, row.contact_key = None, "somebody"
    row.save()
    assert people.contact_of(kind, PHONE, now=START) is None


@pytest.mark.django_db
@pytest.mark.usefixtures("trm_plan")
def test_an_address_that_the_plan_named_once_names_nobody_now() -> None:
    ContactMethod.objects.create(
        contact_key="gone",
        kind=AddressKind.PHONE,
        address=PHONE,
        is_of_plan=True,
        created_at=START,
        verified_at=START,
    )
    assert people.contact_of(AddressKind.PHONE, PHONE, now=START) is None


@pytest.mark.django_db
def test_an_opt_out_from_an_address_of_the_plan_is_remembered(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    mail = "devops@trm.rocks"

    assert actions.opt_out(AddressKind.EMAIL, mail, wall=START) == 1

    row = ContactMethod.objects.get()
    assert (row.contact_key, row.address, row.opted_out_at) == (
        "devops_engineer",
        mail,
        START,
    )
    assert actions.opt_in(AddressKind.EMAIL, mail) == 1
    row.refresh_from_db()
    assert row.opted_out_at is None


# ── Short names ───────────────────────────────────────────────────────────────────


def test_a_short_token_is_short_and_names_one_notification() -> None:
    for number in (1, 15, 16, 10**6, 2**31, 2**28 - 1):
        token = signed.short_token(number)
        assert len(token) <= 25 if number > 2**28 else len(token) <= 24
        assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
        assert signed.number_of_short(token) == number


@pytest.mark.parametrize(
    "forged",
    [
        "",
        ".",
        "1",
        "1.",
        "zz.AAAA",
        "1.AAAAAAAAAAAAAAAA",
        "-1.x",
        "1.\u1040",
        "1" * 9_000,
    ],
)
def test_a_forged_short_token_names_nothing(forged: str) -> None:
    assert signed.number_of_short(forged) is None


def test_the_signature_of_one_short_token_is_no_good_for_another() -> None:
    mac = signed.short_token(7).partition(".")[2]

    assert signed.number_of_short(f"8.{mac}") is None
    assert signed.number_of_short(f"7.{mac[:-1]}") is None
    assert signed.number_of_short(f"7.{mac}x") is None


@pytest.mark.django_db
def test_a_short_token_is_no_link_and_a_link_is_no_short_token(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    page = site.notification(site.declare(now=START), now=START)
    link = signed.url_of(page.pk).rstrip("/").rsplit("/", 1)[1]

    assert signed.number_of(signed.short_token(page.pk)) is None
    assert signed.number_of_short(link) is None


def test_reply_codes_are_four_digits_and_stay_the_same() -> None:
    for number in (1, 2, 10**9):
        code = signed.reply_code(number)
        assert re.fullmatch(r"[0-9]{4}", code)
        assert code == signed.reply_code(number)
