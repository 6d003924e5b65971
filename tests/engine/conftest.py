"""One engine under the test's clock."""

import pytest

from tests.engine.watch import Watch
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion


@pytest.fixture
def watch(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Watch:
    """An engine that runs the bundled plan."""
    return Watch(virtual_clock)
