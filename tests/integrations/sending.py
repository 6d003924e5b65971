"""Sends of the tests, through the real egress to this machine."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

from tests.integrations.notices import PAGE
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.providers import configure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.0/8"),)

STAMP = int(NOW.timestamp())


def channels(given: Mapping[str, Mapping[str, str]]) -> Channels:
    """Return the channels of these settings, allowed to reach this machine."""
    return Channels(egress=Egress(LOOPBACK), configured=configure(given))


def send(
    name: str, given: Mapping[str, str], notice: Notice = PAGE, *, to: str = "ops"
) -> Attempt:
    """Send through one channel that has these settings."""
    return channels({name: given}).send(name, to, notice, now=NOW)


def with_status(status: str) -> Notice:
    """Return the page once its incident stands like this."""
    return replace(PAGE, facts=(("Severity", "P1 Critical"), ("Status", status)))
