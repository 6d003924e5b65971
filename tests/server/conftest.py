"""Browsers in which people of the console are signed in."""

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion


@pytest.fixture
def owner(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.OWNER, now=virtual_clock.now()))


@pytest.fixture
def stakeholder(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return site.signed_in(site.user(ConsoleRole.STAKEHOLDER, now=virtual_clock.now()))
