"""Codes that verify addresses, and test pages: whether people can be reached at all.

A test page goes the way of a real one, by every method of its reader, and asks for a
confirmation. Only that shows that a human saw it; what a provider took, it may have
dropped.

Whoever asks for one spends somebody's money and sleep, and an address that is not
proven yet may be anybody's. So there are budgets, and one lock before all of them: of
two who ask at once, the second counts what the first has sent. The weekly test is
asked for by nobody, and neither counts nor is refused.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from django.db import connection, transaction

from watchbill.core import messages
from watchbill.core.ladder import StopOn, Verb
from watchbill.core.messages import Notice
from watchbill.core.notification import Method
from watchbill.core.paging import AddressKind
from watchbill.core.people import Contact
from watchbill.server.notifications.actions import place_of
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.people.contacting import CODE_LIFETIME, Issued, mark_verified
from watchbill.server.people.models import PagingTest
from watchbill.server.providers import known_channels
from watchbill.server.web.live import wake_engine

TEST_LIFETIME = timedelta(hours=24)
MESSAGES_AN_HOUR, MESSAGES_A_DAY = 20, 40
"""Codes and tests that a contact gets."""

CODE_EVERY = timedelta(minutes=1)
"""How long an address waits for its next code, whoever asks for it."""

PHONE_MESSAGES_A_DAY = 100
"""Codes and tests to phones of the whole installation; each of them is billed."""

_BUDGET_LOCK = 0x77_61_74_63_68_02


class TooManyTestsError(Exception):
    """There were enough codes and tests; the message says when there may be more."""


@transaction.atomic
def send_code(
    issued: Issued, method: Method, *, recipient: str, now: datetime, wall: datetime
) -> Notification:
    """Send the code by which an address is verified, to this address and no other.

    Raises TooManyTestsError.
    """
    row = issued.method
    _check_budget(row.contact_key, (method,), wall=wall)
    _check_pace(method.address, now=now)
    key = f"code/{row.pk}/{secrets.token_hex(8)}"
    minutes = int(CODE_LIFETIME.total_seconds() // 60)
    sent = _row(messages.code(issued.code, key=key, minutes=minutes), method)
    sent.purpose = Purpose.VERIFICATION
    # The log shows subjects; the code is for the reader of the message alone.
    sent.subject = "Code to verify an address"
    sent.contact_key, sent.recipient = row.contact_key, recipient
    sent.created_at, sent.due_at, sent.next_attempt_at = now, now, wall
    sent.save()
    wake_engine()
    return sent


@transaction.atomic
def send_test(
    contact: Contact,
    methods: Iterable[Method],
    *,
    asked_by: str,
    is_weekly: bool = False,
    now: datetime,
    wall: datetime,
) -> PagingTest:
    """Send a test page by each of these methods at once; one confirmation is enough.

    Raises TooManyTestsError.
    """
    ways = tuple(dict.fromkeys(methods))
    if not is_weekly:
        _check_budget(contact.key, ways, wall=wall)
    test = PagingTest.objects.create(
        contact_key=contact.key,
        label=contact.label,
        sent_at=now,
        expires_at=now + TEST_LIFETIME,
        asked_by=asked_by,
        is_weekly=is_weekly,
    )
    for method in ways:
        key = f"test/{test.pk}/{place_of(method.channel, method.address)}"
        notice = messages.paging_test(key=key, label=contact.label, is_weekly=is_weekly)
        sent = _row(notice, method)
        sent.purpose, sent.paging_test = Purpose.TEST, test
        sent.contact_key, sent.recipient = contact.key, contact.label
        sent.created_at, sent.due_at, sent.next_attempt_at = now, now, wall
        sent.save()
    wake_engine()
    return test


@transaction.atomic
def confirm_test(
    notification: Notification,
    *,
    reaches: AddressKind | None,
    by: str = "",
    now: datetime,
) -> bool:
    """Confirm a test page from one of its messages; False when it is too late.

    ``by`` is the channel of the answer, when it is another one. Whoever answers from an
    address has shown that it is theirs, so it is verified; None for ``reaches`` when
    the answer came from elsewhere.
    """
    test = notification.paging_test
    if test is None:
        return False
    if now > test.expires_at:
        return test.confirmed_at is not None
    PagingTest.objects.filter(pk=test.pk, confirmed_at=None).update(
        confirmed_at=now, confirmed_by=by or notification.channel
    )
    if reaches is not None:
        mark_verified(test.contact_key, reaches, notification.address, wall=now)
    return True


def _check_budget(
    contact_key: str, methods: Sequence[Method], *, wall: datetime
) -> None:
    """Hold the budgets until the transaction ends, and see whether these fit in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BUDGET_LOCK])
    today = Notification.objects.filter(
        purpose__in=[Purpose.TEST, Purpose.VERIFICATION],
        next_attempt_at__gt=wall - timedelta(days=1),
    ).exclude(paging_test__is_weekly=True)
    theirs = today.filter(contact_key=contact_key)
    lately = theirs.filter(next_attempt_at__gt=wall - timedelta(hours=1))
    if lately.count() + len(methods) > MESSAGES_AN_HOUR:
        message = "that was enough tests and codes for now; try again in an hour"
        raise TooManyTestsError(message)
    if theirs.count() + len(methods) > MESSAGES_A_DAY:
        message = "that was enough tests and codes for today; try again tomorrow"
        raise TooManyTestsError(message)
    phones = _phone_channels()
    by_phone = sum(one.channel in phones for one in methods)
    sent = today.filter(channel__in=phones).count() if by_phone else 0
    if sent + by_phone > PHONE_MESSAGES_A_DAY:
        message = (
            "phones have got enough tests and codes of all of us for today;"
            " try again tomorrow"
        )
        raise TooManyTestsError(message)


def _phone_channels() -> list[str]:
    return [
        name
        for name, (_, channel) in known_channels().items()
        if channel.reaches is AddressKind.PHONE
    ]


def _check_pace(address: str, *, now: datetime) -> None:
    lately = Notification.objects.filter(
        address=address,
        purpose=Purpose.VERIFICATION,
        created_at__gt=now - CODE_EVERY,
    )
    if lately.exists():
        message = "a code went there a moment ago; wait a minute for it"
        raise TooManyTestsError(message)


def _row(notice: Notice, method: Method) -> Notification:
    return Notification(
        step_key="test",
        verb=Verb.NOTIFY,
        stop_on=StopOn.NEVER,
        channel=method.channel,
        address=method.address,
        is_urgent=True,
        subject=notice.subject[:400],
        notice=msgspec.to_builtins(notice),
        idempotency_key=notice.idempotency_key,
    )
