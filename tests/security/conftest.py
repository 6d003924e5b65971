"""A console in use: every list has a row, and each role has a user."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from tests.security.console import Console, furnish
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hasher of production with the least work it can do."""
    for name, value in {"time_cost": 1, "memory_cost": 8, "parallelism": 1}.items():
        monkeypatch.setattr(Argon2PasswordHasher, name, value)


@pytest.fixture
def console(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Console:
    return furnish(trm_plan, now=virtual_clock.now())
