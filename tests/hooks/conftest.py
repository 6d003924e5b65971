"""Slack on a loopback port, set up as a channel, and three people who have it."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from tests.doubles.slack_server import SlackDouble
from tests.hooks import talk
from tests.hooks.talk import SECRET, Slack
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.hooks import ways
from watchbill.server.plans.models import PlanVersion
from watchbill.server.providers import configure


@pytest.fixture
def double() -> Iterator[SlackDouble]:
    with SlackDouble() as one:
        yield one


@pytest.fixture
def channels(double: SlackDouble) -> Iterator[Channels]:
    """The channels of a process that has Slack, with buttons."""
    given = {
        "token": double.token,
        "api_url": double.api_url,
        "signing_secret": SECRET,
    }
    found = Channels(
        egress=Egress(allow=(ip_network("127.0.0.0/8"),)),
        configured=configure({"slack": given}),
    )
    with ways.use(found):
        yield found


@pytest.fixture
def slack(
    channels: Channels,
    double: SlackDouble,
    trm_plan: PlanVersion,
    virtual_clock: VirtualClock,
) -> Slack:
    """Slack, and the people of the bundled plan who are in it."""
    for key, member in talk.MEMBERS.items():
        talk.join(key, member, now=virtual_clock.now())
    return Slack(double=double, clock=virtual_clock)
