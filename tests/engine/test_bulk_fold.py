"""Many posts folded in one transaction, and what happens when one of them fails."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.engine.test_isolation import _race, fresh_plans  # noqa: F401 - a fixture
from tests.engine.watch import Watch, alert, minutes, prometheus
from watchbill.core.alerts import AlertStatus
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.engine.fold import fold_waiting
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry
from watchbill.server.plans.models import PlanVersion

DISK = {"alert_type": "infrastructure", "severity": "warning"}


def fold(watch: Watch) -> None:
    """Fold everything that waits."""
    while fold_waiting(now=watch.clock.now()):
        pass


def reasons(entry: InboxEntry) -> list[object]:
    """Return what became of each report of a post."""
    entry.refresh_from_db()
    return [said["reason"] for said in entry.disposition or []]


@pytest.mark.req("S4.1-09")
def test_signals_of_one_batch_follow_each_other_in_memory(watch: Watch) -> None:
    source = prometheus(watch.start)
    posts = []
    for minute, status in enumerate(["firing", "firing", "resolved", "firing"]):
        watch.sleep_until(minutes(minute))
        started = f"2026-02-07T20:0{minute}:00Z"
        posts.append(watch.post(source, alert(status=status) | {"startsAt": started}))

    fold(watch)

    assert [reasons(one) for one in posts] == [
        ["first_seen"],
        ["seen_again"],
        ["resolved"],
        ["fired_again"],
    ]
    only = Alert.objects.get()
    assert (only.status, only.count) == (AlertStatus.FIRING, 3)
    assert Incident.objects.get().resolve_proposed_at is None


@pytest.mark.req("S4.1-09", "S4.1-10")
def test_an_incident_that_ends_within_a_batch_is_not_joined_after_its_end(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    for minute, status in enumerate(["firing", "resolved", "firing"]):
        watch.sleep_until(minutes(minute))
        started = f"2026-02-07T20:0{minute}:00Z"
        one = alert("HostDiskHigh", status=status, **DISK)
        watch.post(source, one | {"startsAt": started})

    fold(watch)

    states = Incident.objects.order_by("pk").values_list("status", "resolved_at")
    assert list(states) == [
        ("resolved", watch.start + minutes(1)),
        ("triggered", None),
    ]
    rows = Alert.objects.order_by("pk").values_list("is_current", "status")
    assert list(rows) == [(False, "resolved"), (True, "firing")]


@pytest.mark.req("S4.1-09", "A58")
def test_a_resolve_from_before_the_firing_is_stale_within_a_batch_too(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    late = alert(status="resolved") | {"endsAt": "2026-02-07T19:00:00Z"}
    posts = [watch.post(source, alert()), watch.post(source, late)]

    fold(watch)

    assert [reasons(one) for one in posts] == [["first_seen"], ["stale"]]
    assert Alert.objects.get().status == AlertStatus.FIRING


@pytest.mark.req("S4.3-07")
def test_poison_in_the_middle_of_a_batch_holds_back_no_other_post(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    source = prometheus(watch.start)
    before = [watch.post(source, alert(f"Before{n}")) for n in range(3)]
    poison = InboxEntry.objects.create(
        integration=source, received_at=watch.start, body=b'{"alerts": 7}'
    )
    after = [watch.post(source, alert(f"After{n}")) for n in range(3)]

    with caplog.at_level(logging.ERROR):
        fold(watch)

    poison.refresh_from_db()
    assert poison.quarantined_at == watch.start
    for one in [*before, *after]:
        assert reasons(one) == ["first_seen"]
    assert Alert.objects.count() == 6


def test_a_post_that_fails_in_the_database_is_tried_again_alone_and_in_order(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = prometheus(watch.start)
    posts = [watch.post(source, alert(f"Number{n}")) for n in range(4)]
    _fail_for(monkeypatch, posts[2].pk)

    fold(watch)

    assert [reasons(one) for one in posts] == [["first_seen"], ["first_seen"], [], []]
    posts[2].refresh_from_db()
    assert posts[2].failures == 1
    assert "no room" in posts[2].error

    monkeypatch.undo()
    watch.at(minutes(1))
    assert [reasons(one) for one in posts[2:]] == [["first_seen"], ["first_seen"]]


def test_a_batch_that_dies_before_its_commit_leaves_nothing_and_loses_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = prometheus(watch.start)
    posts = [watch.post(source, alert(f"Number{n}")) for n in range(3)]

    class KilledError(BaseException):
        """What ends a process asks no handler of errors."""

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise KilledError

    monkeypatch.setattr(intake, "mark_all_folded", die)
    with pytest.raises(KilledError), transaction.atomic():
        fold_waiting(now=watch.start)
    monkeypatch.undo()

    assert not Alert.objects.exists()
    assert not Incident.objects.exists()
    fold(watch)
    assert [reasons(one) for one in posts] == [["first_seen"]] * 3


@pytest.mark.req("S4.1-09")
@pytest.mark.django_db(transaction=True)
def test_two_engines_that_fold_at_once_open_one_incident_a_group(
    fresh_plans: None,  # noqa: F811 - the fixture
    trm_plan: PlanVersion,
    virtual_clock: VirtualClock,
) -> None:
    watch = Watch(virtual_clock)
    sources = [prometheus(watch.start) for _ in range(4)]
    for source in sources:
        for number in range(12):
            watch.post(
                source,
                alert(f"Group{number}", severity="page", **{"alert_type": "payment"}),
                alert(f"Group{11 - number}", severity="info"),
            )

    def engine() -> None:
        for _ in range(8):
            fold_waiting(now=virtual_clock.now(), limit=5)

    _race(*[engine] * 4)

    assert not InboxEntry.objects.filter(folded_at=None).exists()
    assert Alert.objects.filter(is_current=True).count() == 4 * 24
    assert Incident.objects.count() == 24
    assert not Alert.objects.filter(incident=None).exists()


def test_repetitions_cost_a_handful_of_statements_however_many_they_are(
    watch: Watch,
) -> None:
    source = prometheus(watch.start)
    many = [alert(f"Group{n % 7}", instance=f"{n}") for n in range(60)]
    for _ in range(2):
        watch.post(source, *many)
        fold(watch)
    for one in many:
        watch.post(source, one)

    with CaptureQueriesContext(connection) as asked:
        fold_waiting(now=watch.start)

    assert len(asked) < 40
    assert set(Alert.objects.values_list("count", flat=True)) == {3}


@pytest.mark.req("S4.3-07", "S4.1-08")
def test_ten_thousand_alerts_in_a_thousand_groups_are_folded(
    watch: Watch, without_storms: None
) -> None:
    source = prometheus(watch.start)
    bodies = [
        [alert(f"Group{group}", severity="warning", instance=f"{n}") for n in range(10)]
        for group in range(1000)
    ]
    for said in ("first seen", "seen again"):
        for body in bodies:
            watch.post(source, *body)
        began, cpu = time.perf_counter(), time.process_time()
        fold(watch)
        took = time.perf_counter() - began
        print(
            f"\n10,000 alerts in 1,000 posts, {said}: {took:.2f} s"
            f" ({time.process_time() - cpu:.2f} s of this process)"
        )

    assert Incident.objects.count() == 1000
    assert Alert.objects.filter(status="firing", count=2).count() == 10_000
    declared = TimelineEntry.objects.filter(text__startswith="Declared")
    assert declared.count() == 1000


def _fail_for(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real: Callable[..., Any] = intake.mark_all_folded

    def failing(dispositions: Any, **more: Any) -> None:
        if any(entry.pk == number for entry, _ in dispositions):
            message = "no room on the disk"
            raise DatabaseError(message)
        real(dispositions, **more)

    monkeypatch.setattr(intake, "mark_all_folded", failing)
