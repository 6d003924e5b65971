"""What people post from the console: a test opens drills, a replay is what it was."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.engine.watch import Watch, alert, minutes, prometheus
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.server.accounts.models import User
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine import mutes
from watchbill.server.engine.fold_posts import TEST_LASTS
from watchbill.server.engine.kinds import Moment, run
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.intake.sources import samples
from watchbill.server.silences import actions as silences
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import written
from watchbill.server.timers import actions as timers


@pytest.fixture
def ana(watch: Watch) -> User:
    return site.user(ConsoleRole.OWNER, now=watch.start, name="Ana")


def send_test(source: Integration, by: User, watch: Watch) -> InboxEntry:
    return intake.send_test(source.pk, wish=uuid4(), by=by, now=watch.clock.now())


@pytest.mark.req("S4.1-08")
def test_a_test_of_a_real_source_opens_a_drill_beside_what_is_real(
    watch: Watch, ana: User
) -> None:
    source = prometheus(watch.start)
    labels = {"alert_type": "", "severity": "warning"}
    watch.post(source, alert("WatchbillTest", **labels, instance="real"))
    send_test(source, ana, watch)
    watch.post(source, alert("WatchbillTest", **labels, instance="real too"))
    watch.settle()

    assert list(Incident.objects.order_by("pk").values_list("is_drill", flat=True)) == [
        False,
        True,
    ]
    drill = Incident.objects.get(is_drill=True)
    (tested,) = Alert.objects.filter(incident=drill)
    assert tested.title == "Test from watchbill"
    assert not Integration.objects.get().is_drill
    # Only what the source itself sent says that it reaches us.
    assert Integration.objects.get().accepted == 2


def test_a_test_inhibits_nothing_and_ends_by_itself(watch: Watch, ana: User) -> None:
    source = prometheus(watch.start)
    send_test(source, ana, watch)
    watch.settle()

    tested = Alert.objects.get()
    assert tested.expires_at == watch.start + TEST_LASTS
    assert alerts.firing_with({}, ["alertname"], [["WatchbillTest"]]) == []


def test_a_test_that_was_silenced_is_a_drill_when_the_silence_ends(
    watch: Watch, ana: User
) -> None:
    source = prometheus(watch.start)
    silences.create(
        Draft(
            matchers=(written("alertname", "=", "WatchbillTest"),),
            starts_at=watch.start,
            ends_at=watch.start + timedelta(minutes=5),
            author="Ana",
            comment="quiet",
        ),
        now=watch.start,
    )
    send_test(source, ana, watch)
    watch.settle()
    assert not Incident.objects.exists()

    watch.at(minutes(6))
    timers.ensure(mutes.KIND.name, due_at=watch.start)
    now = watch.clock.now()
    run(mutes.KIND, Moment(now=now, wall=now, reach=watch.channels.reach))

    assert Incident.objects.get().is_drill


@pytest.mark.parametrize("kind", sorted(samples()))
def test_the_sample_of_each_kind_opens_one_drill(
    watch: Watch, ana: User, kind: str
) -> None:
    source, _ = intake.create_integration(kind=kind, name=kind, now=watch.start)

    entry = send_test(source, ana, watch)
    watch.settle()

    entry.refresh_from_db()
    assert (entry.error, entry.quarantined_at) == ("", None)
    assert Incident.objects.get().is_drill


def test_a_replay_of_a_test_is_a_test(watch: Watch, ana: User) -> None:
    entry = send_test(prometheus(watch.start), ana, watch)

    again = intake.replay(entry.pk, wish=uuid4(), by=ana, now=watch.clock.now())

    assert (again.is_test, again.made_by, again.replay_of) == (True, ana, entry)
