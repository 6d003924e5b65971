"""The weekly test page: to whoever holds the watch, in time or not at all."""

import logging
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.watch import Watch
from watchbill.server.engine import kinds, weekly, work
from watchbill.server.engine.kinds import Moment
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.notifications.telling import duties_of, weekly_row
from watchbill.server.people.models import PagingTest
from watchbill.server.timers import actions as timers

pytestmark = pytest.mark.django_db(transaction=True)

YANGON = ZoneInfo("Asia/Yangon")
#: The clock of the tests begins on a Sunday at 02:30 in Yangon.
FRIDAY = datetime(2026, 2, 13, 10, 0, tzinfo=YANGON)


@pytest.fixture(autouse=True)
def _on_fridays(settings: Any) -> None:
    settings.PAGING_TEST = (4, time(10, 0))


def look(watch: Watch, at: datetime) -> None:
    """Stand at an instant and fire what is due of the weekly test."""
    watch.clock.move_to(at)
    moment = Moment(now=at, wall=at, reach=watch.channels.reach)
    kinds.run(weekly.KIND, moment)


def begin(watch: Watch) -> None:
    timers.ensure(weekly.KIND.name, due_at=watch.clock.now())
    look(watch, watch.clock.now())


def test_the_engine_plans_it_by_itself() -> None:
    assert weekly.KIND in work.kinds()
    assert weekly.KIND.is_recurring


def test_everybody_on_call_is_tested_on_friday_at_ten_in_the_plans_zone(
    watch: Watch,
) -> None:
    begin(watch)
    hour = timedelta(hours=1)
    at = watch.clock.now()
    while (at := at + hour) < FRIDAY:
        look(watch, at)
    assert PagingTest.objects.count() == 0

    look(watch, FRIDAY)

    told = set(PagingTest.objects.values_list("contact_key", flat=True))
    assert told == set(duties_of(now=FRIDAY))
    assert len(told) >= 2
    sent = Notification.objects.filter(purpose=Purpose.TEST)
    assert {one.contact_key for one in sent} == told
    assert all(one.subject.startswith("Weekly test page") for one in sent)

    look(watch, FRIDAY + hour)
    assert PagingTest.objects.count() == len(told)


def test_missed_while_down_it_is_sent_once_when_less_than_half_a_day_late(
    watch: Watch,
) -> None:
    begin(watch)

    look(watch, FRIDAY + timedelta(days=7, hours=11))
    look(watch, FRIDAY + timedelta(days=7, hours=11, minutes=59))

    keys = list(PagingTest.objects.values_list("contact_key", flat=True))
    assert keys
    assert len(keys) == len(set(keys))


def test_later_than_that_it_is_left_out_and_said_so(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    begin(watch)

    with caplog.at_level(logging.WARNING, "watchbill"):
        look(watch, FRIDAY + timedelta(hours=12))

    assert PagingTest.objects.count() == 0
    assert "the weekly test page of 2026-02-13 03:30 UTC was not sent" in caplog.text
    row = weekly_row(now=watch.clock.now())
    assert row is not None
    assert row["not_sent_at"] == FRIDAY
    assert row["next_at"] == FRIDAY + timedelta(days=7)


def test_a_new_installation_has_missed_nothing(watch: Watch) -> None:
    row = weekly_row(now=watch.clock.now())

    assert row is not None
    assert row["not_sent_at"] is None


def test_switched_off_it_is_never_sent(watch: Watch, settings: Any) -> None:
    settings.PAGING_TEST = None
    begin(watch)

    look(watch, FRIDAY)

    assert PagingTest.objects.count() == 0
    assert weekly_row(now=FRIDAY) is None


def test_whom_nothing_reaches_is_sent_nothing_and_named(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.reach(people=set(), posts=set())
    begin(watch)

    look(watch, FRIDAY)

    assert Notification.objects.count() == 0
    assert "is on call and cannot be reached" in caplog.text
