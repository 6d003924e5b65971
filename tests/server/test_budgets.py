"""How many codes and tests there may be, also when many ask at once."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connections, transaction

from watchbill.core.notification import Method
from watchbill.core.people import Contact
from watchbill.server.clock import VirtualClock
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import Notification
from watchbill.server.notifications.readiness import TooManyTestsError
from watchbill.server.people import contacting
from watchbill.server.people.contacting import Issued
from watchbill.server.people.models import ContactMethod

HOUR, DAY = timedelta(hours=1, seconds=1), timedelta(days=1, seconds=1)


def contact(key: str = "dana") -> Contact:
    return Contact(key=key, roles=("Lead",), level="L2", name=key.title())


def mails(count: int, key: str = "dana") -> list[Method]:
    return [Method(channel="email", address=f"{key}{n}@x.test") for n in range(count)]


def texts(count: int) -> list[Method]:
    return [Method(channel="smspoh", address=f"+95925000{n:04}") for n in range(count)]


def send_page(methods: list[Method], *, to: str = "dana", at: datetime) -> None:
    readiness.send_test(contact(to), methods, asked_by="Dana", now=at, wall=at)


def messages() -> int:
    return Notification.objects.count()


def issued(address: str, *, to: str = "dana", at: datetime) -> Issued:
    row, _ = ContactMethod.objects.get_or_create(
        contact_key=to, kind="phone", address=address, defaults={"created_at": at}
    )
    return contacting.issue_code(to, row.pk, wall=at)


def code(address: str, *, to: str = "dana", at: datetime) -> None:
    with transaction.atomic():
        readiness.send_code(
            issued(address, to=to, at=at),
            Method(channel="smspoh", address=address),
            recipient="Dana",
            now=at,
            wall=at,
        )


@pytest.mark.django_db
def test_a_test_counts_as_many_messages_as_it_sends(
    virtual_clock: VirtualClock,
) -> None:
    at = virtual_clock.now()
    send_page(mails(12), at=at)

    with pytest.raises(TooManyTestsError, match="in an hour"):
        send_page(mails(9), at=at)
    send_page(mails(8), at=at)

    assert messages() == readiness.MESSAGES_AN_HOUR


@pytest.mark.django_db
def test_a_contact_gets_forty_a_day(virtual_clock: VirtualClock) -> None:
    at = virtual_clock.now()
    send_page(mails(20), at=at)
    send_page(mails(20), at=at + HOUR)

    with pytest.raises(TooManyTestsError, match="tomorrow"):
        send_page(mails(1), at=at + 2 * HOUR)
    send_page(mails(1, "erin"), to="erin", at=at + 2 * HOUR)
    send_page(mails(1), at=at + DAY)

    assert messages() == readiness.MESSAGES_A_DAY + 2


@pytest.mark.django_db
def test_an_address_gets_one_code_a_minute_whoever_asks(
    virtual_clock: VirtualClock,
) -> None:
    at = virtual_clock.now()
    code("+959250000001", at=at)

    for who in ("dana", "erin"):
        with pytest.raises(TooManyTestsError, match="wait a minute"):
            code("+959250000001", to=who, at=at + timedelta(seconds=59))
    code("+959250000002", at=at + timedelta(seconds=59))
    code("+959250000001", at=at + timedelta(seconds=60))

    assert messages() == 3


@pytest.mark.django_db
def test_phones_get_a_hundred_a_day_of_all_of_us_and_mail_goes_on(
    virtual_clock: VirtualClock,
) -> None:
    at = virtual_clock.now()
    for number in range(5):
        send_page(texts(20), to=f"c{number}", at=at)

    with pytest.raises(TooManyTestsError, match="all of us"):
        send_page(texts(1), to="dana", at=at + HOUR)
    with pytest.raises(TooManyTestsError, match="all of us"):
        code("+959250000001", at=at + HOUR)
    send_page(mails(1), at=at + HOUR)
    send_page(texts(1), at=at + DAY)

    assert messages() == readiness.PHONE_MESSAGES_A_DAY + 2


@pytest.mark.django_db
def test_the_weekly_test_takes_nothing_from_a_budget(
    virtual_clock: VirtualClock,
) -> None:
    at = virtual_clock.now()
    readiness.send_test(
        contact(), mails(20), asked_by="week", is_weekly=True, now=at, wall=at
    )

    send_page(mails(20), at=at)

    assert messages() == 40


@pytest.mark.django_db(transaction=True)
def test_many_who_ask_at_once_get_no_more(virtual_clock: VirtualClock) -> None:
    at = virtual_clock.now()
    refused: list[str] = []

    def ask() -> None:
        try:
            send_page(mails(5), at=at)
        except TooManyTestsError as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert (messages(), len(refused)) == (readiness.MESSAGES_AN_HOUR, 6)
