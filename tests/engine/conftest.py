"""One engine under the test's clock."""

import pytest

from tests.engine.watch import Watch, plan_with
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion


@pytest.fixture
def watch(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Watch:
    """An engine that runs the bundled plan."""
    return Watch(virtual_clock)


@pytest.fixture
def without_storms(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> None:
    """The same plan with an incident for each group, however many there are."""
    plan_with(virtual_clock, ("storm: {incidents: 20, within: 5m}", "storm: null"))
