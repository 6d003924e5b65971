"""Alerts of sources that never say that something is over."""

import json
from datetime import timedelta

import pytest
from django.db import connection

from tests.engine.watch import Watch, minutes
from watchbill.server.alerts.models import Alert
from watchbill.server.engine import beats, expiry
from watchbill.server.engine.expiry import SETTLED, end_silent
from watchbill.server.engine.kinds import Moment, run
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.timers import actions as timers


@pytest.fixture
def source(watch: Watch) -> Integration:
    """A Prometheus that posts as it posts to an Alertmanager."""
    made, _ = intake.create_integration(
        kind="prometheus", name="Prometheus", now=watch.start
    )
    return made


def post(
    watch: Watch, source: Integration, *, lasts: float, instance: str = "web-1"
) -> InboxEntry:
    """Say now that a disk fills up, and for how many minutes to believe it."""
    until = watch.clock.now() + minutes(lasts)
    labels = {
        "alertname": "HostDiskHigh",
        "alert_type": "infrastructure",
        "severity": "warning",
        "instance": instance,
    }
    body = [
        {
            "labels": labels,
            "startsAt": watch.start.isoformat(),
            "endsAt": until.isoformat(),
        }
    ]
    return InboxEntry.objects.create(
        integration=source,
        received_at=watch.clock.now(),
        body=json.dumps(body).encode(),
    )


@pytest.mark.req("S4.1-10")
def test_an_alert_that_is_not_repeated_ends_at_the_instant_that_it_named(
    watch: Watch, source: Integration
) -> None:
    post(watch, source, lasts=4)
    watch.at(minutes(3))
    assert end_silent(now=watch.clock.now()) == 0

    watch.at(minutes(5))
    end_silent(now=watch.clock.now())

    over = Alert.objects.get()
    assert (over.status, over.ends_at) == ("resolved", watch.start + minutes(4))
    assert Incident.objects.get().status == "resolved"
    assert TimelineEntry.objects.filter(text__contains="repeats it no more").exists()


def test_each_repetition_moves_the_end(watch: Watch, source: Integration) -> None:
    for minute in range(4):
        watch.at(minutes(minute * 3))
        post(watch, source, lasts=4)
        watch.settle()
        end_silent(now=watch.clock.now())

    one = Alert.objects.get()
    assert (one.status, one.count) == ("firing", 4)
    assert one.expires_at == watch.start + minutes(13)


def test_an_end_that_has_passed_when_it_is_received_is_a_resolve(
    watch: Watch, source: Integration
) -> None:
    post(watch, source, lasts=4)
    watch.at(minutes(1))
    post(watch, source, lasts=-0.5)
    watch.settle()

    over = Alert.objects.get()
    assert (over.status, over.ends_at) == ("resolved", watch.start + minutes(0.5))


def test_an_alert_that_is_repeated_after_it_expired_is_believed_at_once(
    watch: Watch, source: Integration
) -> None:
    post(watch, source, lasts=1)
    watch.at(minutes(1) + SETTLED)
    end_silent(now=watch.clock.now())
    assert Alert.objects.get().status == "resolved"
    watch.at(minutes(2))
    post(watch, source, lasts=4)
    watch.settle()

    assert Alert.objects.get(is_current=True).status == "firing"


def test_after_an_outage_of_ours_nothing_expires_that_a_waiting_post_repeats(
    watch: Watch, source: Integration
) -> None:
    post(watch, source, lasts=4)
    watch.settle()
    for minute in range(3, 31, 3):
        watch.sleep_until(minutes(minute))
        post(watch, source, lasts=4)

    end_silent(now=watch.clock.now())
    assert Alert.objects.get().status == "firing"
    watch.settle()
    end_silent(now=watch.clock.now())

    assert Alert.objects.get().count == 11
    assert Alert.objects.get().status == "firing"
    assert Incident.objects.count() == 1


def test_the_kind_looks_again_in_two_seconds(watch: Watch, source: Integration) -> None:
    post(watch, source, lasts=1)
    watch.settle()
    watch.sleep_until(minutes(1) + SETTLED - timedelta(seconds=1))
    timers.ensure(expiry.KIND.name, due_at=watch.start)
    now = watch.clock.now()
    moment = Moment(now=now, wall=now, reach=watch.channels.reach)

    assert run(expiry.KIND, moment) == 1
    assert run(expiry.KIND, moment) == 0
    later = Moment(now=now + timedelta(seconds=2), wall=now, reach=watch.channels.reach)
    assert run(expiry.KIND, later) == 1
    assert Alert.objects.get().status == "resolved"


def test_an_end_is_believed_once_no_post_can_be_on_its_way_into_the_inbox(
    watch: Watch, source: Integration
) -> None:
    post(watch, source, lasts=1)
    watch.at(minutes(1) + SETTLED - timedelta(seconds=1))
    assert end_silent(now=watch.clock.now()) == 0

    watch.at(minutes(1) + SETTLED)

    assert end_silent(now=watch.clock.now()) == 1


@pytest.mark.req("S4.1-10")
def test_after_our_own_deafness_alerts_have_as_long_as_they_last_to_be_repeated(
    watch: Watch, source: Integration
) -> None:
    timers.ensure(beats.KIND.name, due_at=watch.start)
    post(watch, source, lasts=4)
    watch.at(minutes(1))
    watch.sleep_until(minutes(60))

    end_silent(now=watch.clock.now())  # before the pulse was looked at
    watch.settle()
    watch.at(minutes(64))
    end_silent(now=watch.clock.now())
    assert Alert.objects.get().status == "firing"

    watch.at(minutes(64) + SETTLED)
    end_silent(now=watch.clock.now())

    over = Alert.objects.get()
    assert (over.status, over.ends_at) == ("resolved", watch.start + minutes(4))
    assert Incident.objects.count() == 1


def test_a_post_from_before_our_deafness_that_is_folded_after_it_expires_no_sooner(
    watch: Watch, source: Integration
) -> None:
    timers.ensure(beats.KIND.name, due_at=watch.start)
    watch.settle()
    post(watch, source, lasts=4)
    watch.sleep_until(minutes(60))
    watch.settle()
    watch.at(minutes(63))

    end_silent(now=watch.clock.now())

    assert Alert.objects.get().status == "firing"


@pytest.fixture
def spoilt(db: None) -> None:
    """Let PostgreSQL refuse every change of the alert of one instance."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'spoilt'; END$$"
        )
        cursor.execute(
            "CREATE TRIGGER spoil BEFORE UPDATE ON watchbill_alert FOR EACH ROW"
            " WHEN (OLD.labels ->> 'instance' = 'spoilt') EXECUTE FUNCTION spoil()"
        )


@pytest.mark.usefixtures("spoilt")
def test_an_alert_that_cannot_be_ended_keeps_no_other_from_its_end(
    watch: Watch, source: Integration
) -> None:
    for instance in ("a", "spoilt", "b", "c"):
        post(watch, source, lasts=1, instance=instance)
    watch.at(minutes(2))

    assert end_silent(now=watch.clock.now()) == 3

    firing = Alert.objects.get(status="firing")
    assert firing.labels["instance"] == "spoilt"


@pytest.mark.usefixtures("transactional_db")
def test_an_integration_that_is_being_folded_is_passed_over_and_not_waited_for(
    watch: Watch, source: Integration
) -> None:
    other, _ = intake.create_integration(
        kind="prometheus", name="Another", now=watch.start
    )
    for one in (source, other):
        post(watch, one, lasts=1)
    watch.at(minutes(2))
    folding = connection.copy()
    folding.set_autocommit(False)
    with folding.cursor() as cursor:
        cursor.execute(
            "SELECT FROM watchbill_integration WHERE id = %s FOR NO KEY UPDATE",
            [source.pk],
        )

    end_silent(now=watch.clock.now())
    folding.close()

    assert Alert.objects.get(integration=source).status == "firing"
    assert Alert.objects.get(integration=other).status == "resolved"
