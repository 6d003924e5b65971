"""Folding gives way to accepting as far as posts arrive."""

from datetime import timedelta

import pytest

from tests.engine.watch import Watch, alert, prometheus
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import yielding
from watchbill.server.engine.yielding import Turns
from watchbill.server.intake import queries
from watchbill.server.intake.models import InboxEntry
from watchbill.server.plans.models import PlanVersion

WORKED = timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("arrived", "milliseconds"),
    [(0, 0), (10, 1), (1_000, 100), (4_000, 400), (1_000_000, 400), (-3, 0)],
)
def test_the_rest_grows_with_what_arrives_up_to_a_bound(
    arrived: int, milliseconds: int
) -> None:
    rest = yielding.rest(arrived=arrived, worked=WORKED)

    assert rest == timedelta(milliseconds=milliseconds)


def test_no_rest_is_longer_than_a_second() -> None:
    rest = yielding.rest(arrived=1_000_000, worked=timedelta(seconds=30))

    assert rest == yielding.LONGEST


@pytest.mark.django_db
def test_posts_since_the_last_round_count_once(
    trm_plan: PlanVersion,
    virtual_clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.0, 10.0, 20.0, 30.0, 40.0])
    monkeypatch.setattr(yielding, "monotonic", lambda: next(seconds))
    watch = Watch(virtual_clock)
    source = prometheus(virtual_clock.now())
    watch.post(source, alert("DiskFull"))
    turns = Turns()

    turns.begin()
    for _ in range(3):
        watch.post(source, alert("DiskFull"))

    assert turns.rest() == 3 * yielding.A_POST
    turns.begin()
    assert turns.rest() == timedelta(0)


@pytest.mark.django_db
def test_the_longest_waiting_integration_is_folded_first(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    watch = Watch(virtual_clock)
    first, second, resting, idle = (prometheus(now) for _ in range(4))
    watch.post(second, alert("DiskFull"))
    watch.post(first, alert("DiskFull"))
    later = watch.post(resting, alert("DiskFull"))
    watch.post(second, alert("DiskFull"))
    InboxEntry.objects.filter(pk=later.pk).update(retry_at=now + WORKED)

    assert queries.integrations_waiting(now=now) == [second.pk, first.pk]
    assert queries.integrations_waiting(now=now + WORKED) == [
        second.pk,
        first.pk,
        resting.pk,
    ]
    assert not InboxEntry.objects.filter(integration=idle).exists()
