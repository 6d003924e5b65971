"""An alert that comes and goes is one incident, and its end is believed late."""

from typing import Any

import pytest

from tests.engine.watch import Watch, alert, minutes, prometheus
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.expiry import end_silent
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake.models import Integration


@pytest.fixture
def source(watch: Watch) -> Integration:
    """A source of alerts."""
    return prometheus(watch.start)


def flip(watch: Watch, source: Integration, minute: int, status: str) -> None:
    """Have the disk alert begin or end in a minute."""
    watch.at(minutes(minute))
    at = f"2026-02-07T20:{minute:02}:00Z"
    kind = {"alert_type": "infrastructure", "severity": "warning"}
    one: dict[str, Any] = alert("HostDiskHigh", status=status, **kind)
    watch.post(source, one | {"startsAt": at, "endsAt": at})
    watch.settle()


def flap(watch: Watch, source: Integration) -> None:
    """Begin and end twice; the plan of the tests calls four flips flapping."""
    for minute, status in enumerate(["firing", "resolved", "firing", "resolved"]):
        flip(watch, source, minute, status)


@pytest.mark.req("S4.2-26")
def test_the_end_of_a_flapping_alert_does_not_resolve_its_incident(
    watch: Watch, source: Integration
) -> None:
    flap(watch, source)

    last = Incident.objects.latest("pk")
    assert last.status == "triggered"
    current = Alert.objects.get(is_current=True)
    assert (current.status, current.is_flapping) == ("resolved", True)
    assert TimelineEntry.objects.filter(text__startswith="Alert flapping").count() == 1


@pytest.mark.req("S4.2-26")
def test_no_incident_is_opened_for_each_flap(watch: Watch, source: Integration) -> None:
    flap(watch, source)
    before = Incident.objects.count()
    for minute in range(4, 20):
        flip(watch, source, minute, "resolved" if minute % 2 else "firing")

    assert Incident.objects.count() == before
    assert Incident.objects.filter(status="triggered").count() == 1


@pytest.mark.req("S4.2-26", "S4.1-10")
def test_its_end_is_believed_once_it_has_been_quiet_for_the_hold_down(
    watch: Watch, source: Integration
) -> None:
    flap(watch, source)
    watch.at(minutes(12))
    end_silent(now=watch.clock.now())
    assert Incident.objects.filter(status="triggered").count() == 1

    watch.at(minutes(13))
    end_silent(now=watch.clock.now())

    assert not Incident.objects.filter(status="triggered").exists()
    assert not Alert.objects.filter(is_flapping=True).exists()


@pytest.mark.req("S4.2-26")
def test_an_alert_that_stays_on_after_flapping_keeps_its_incident(
    watch: Watch, source: Integration
) -> None:
    flap(watch, source)
    flip(watch, source, 4, "firing")
    watch.at(minutes(30))
    end_silent(now=watch.clock.now())

    current = Alert.objects.get(is_current=True)
    assert (current.status, current.is_flapping) == ("firing", False)
    assert Incident.objects.filter(status="triggered").count() == 1


def test_those_that_have_been_quiet_the_longest_are_asked_first(
    watch: Watch, source: Integration
) -> None:
    for name in ("HostDiskHigh", "HostCpuHigh"):
        watch.post(source, alert(name, alert_type="infrastructure"))
    watch.settle()
    rows = Alert.objects.order_by("pk")
    for one, minute in zip(rows, (9, 3), strict=True):
        at = (watch.start + minutes(minute)).isoformat()
        Alert.objects.filter(pk=one.pk).update(is_flapping=True, flips=[at])

    found = alerts.flapping(limit=1)

    assert [fingerprint for _, fingerprint, _ in found] == [rows[1].fingerprint]


def test_two_flips_far_apart_are_no_flapping(watch: Watch, source: Integration) -> None:
    for minute, status in ((0, "firing"), (20, "resolved"), (40, "firing")):
        flip(watch, source, minute, status)

    assert not Alert.objects.filter(is_flapping=True).exists()
