"""Browsers in which people of the console are signed in."""

from datetime import UTC

import pytest
from django.test import Client

from tests.server import site
from tests.server.watch import local
from watchbill.core.access import ConsoleRole
from watchbill.plan import Plan
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion


@pytest.fixture
def plan(trm_plan: PlanVersion) -> Plan:
    return plans.plan_of(trm_plan.pk)


@pytest.fixture
def owner(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.OWNER, now=virtual_clock.now()))


@pytest.fixture
def stakeholder(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.STAKEHOLDER, now=virtual_clock.now()))


@pytest.fixture
def backend(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> User:
    """A responder who is the backend engineer, primary from 13 to 20 February."""
    virtual_clock.move_to(local(14).astimezone(UTC))
    return site.user(
        ConsoleRole.RESPONDER,
        now=virtual_clock.now(),
        name="Dana",
        contact_key="backend_engineer",
    )


@pytest.fixture
def dana(backend: User) -> Client:
    return site.signed_in(backend)


@pytest.fixture
def kyaw(backend: User, virtual_clock: VirtualClock) -> Client:
    one = site.user(
        ConsoleRole.RESPONDER,
        now=virtual_clock.now(),
        name="Kyaw",
        contact_key="frontend_engineer",
    )
    return site.signed_in(one)


@pytest.fixture
def boss(owner: Client, virtual_clock: VirtualClock) -> Client:
    """An owner, on the same day as the others."""
    virtual_clock.move_to(local(14).astimezone(UTC))
    return owner
