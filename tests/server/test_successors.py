"""Somebody else becomes a contact: what was the predecessor's own goes."""

from datetime import time

import pytest

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.core.severity import Urgency
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.people import actions as people
from watchbill.server.people.models import ContactMethod, NotificationRule, QuietTime

pytestmark = [pytest.mark.req("S2.1-16"), pytest.mark.django_db]


def settle(key: str, clock: VirtualClock) -> None:
    """Let a contact have an address of its own, one of the plan, and wishes."""
    for address, is_of_plan in (("+959250000001", False), ("+959250000002", True)):
        ContactMethod.objects.create(
            contact_key=key,
            kind=AddressKind.PHONE,
            address=address,
            is_of_plan=is_of_plan,
            created_at=clock.now(),
            verified_at=clock.now(),
        )
    NotificationRule.objects.create(
        contact_key=key, urgency=Urgency.HIGH, kind=MethodKind.EMAIL
    )
    QuietTime.objects.create(
        contact_key=key, starts=time(22), ends=time(7), zone="Asia/Yangon"
    )


def kept(key: str) -> tuple[list[str], int, int]:
    methods = ContactMethod.objects.filter(contact_key=key).order_by("pk")
    return (
        list(methods.values_list("address", flat=True)),
        NotificationRule.objects.filter(contact_key=key).count(),
        QuietTime.objects.filter(contact_key=key).count(),
    )


ALL = (["+959250000001", "+959250000002"], 1, 1)
PLANS = (["+959250000002"], 0, 0)


def test_who_takes_a_contact_over_begins_with_the_addresses_of_the_plan(
    virtual_clock: VirtualClock,
) -> None:
    one = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now(), name="ben")
    User.objects.filter(pk=one.pk).update(contact_key="old")
    for key in ("old", "new", "other"):
        settle(key, virtual_clock)

    people.change(one.pk, role=ConsoleRole.RESPONDER, contact_key="new")

    assert (kept("old"), kept("new"), kept("other")) == (PLANS, PLANS, ALL)


def test_another_role_changes_nothing_of_how_one_is_told(
    virtual_clock: VirtualClock,
) -> None:
    one = site.user(ConsoleRole.RESPONDER, now=virtual_clock.now(), name="ben")
    User.objects.filter(pk=one.pk).update(contact_key="old")
    settle("old", virtual_clock)
    settle("", virtual_clock)

    people.change(one.pk, role=ConsoleRole.AGENT, contact_key="old")
    assert kept("old") == ALL

    people.change(one.pk, role=ConsoleRole.AGENT, contact_key="")
    assert (kept("old"), kept("")) == (PLANS, ALL)
