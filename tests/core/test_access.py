"""What each role of the console may do."""

from itertools import pairwise

import pytest

from watchbill.core.access import ConsoleRole, Permission, permissions_of

OWNER, RESPONDER, AGENT, STAKEHOLDER = ConsoleRole


@pytest.mark.req("S2.1-16")
def test_a_stakeholder_sees_no_phone_numbers() -> None:
    assert Permission.VIEW_CONTACTS not in permissions_of(STAKEHOLDER)


def test_a_stakeholder_can_only_look() -> None:
    assert all(one.startswith("view_") for one in permissions_of(STAKEHOLDER))


def test_each_role_may_do_all_that_the_one_below_may_and_more() -> None:
    rising = [permissions_of(one) for one in (STAKEHOLDER, AGENT, RESPONDER, OWNER)]

    assert all(lower < higher for lower, higher in pairwise(rising))


def test_only_an_owner_manages_integrations_and_every_permission_has_a_holder() -> None:
    holders = [
        one
        for one in ConsoleRole
        if Permission.MANAGE_INTEGRATIONS in permissions_of(one)
    ]

    assert holders == [OWNER]
    assert permissions_of(OWNER) == frozenset(Permission)
