"""The plan says where the public is told, in which state, and how often."""

from datetime import datetime, time, timedelta

import pytest

from tests.plan.samples import TRM, codes, minimal
from watchbill.core.reviews import Cycle, MeetingTime, next_meeting_at
from watchbill.plan import ChannelKind, Code, bundled, load
from watchbill.plan.check.communication import group_of
from watchbill.plan.sections.communication import (
    Missing,
    PageState,
    Publish,
    Threads,
    Update,
)
from watchbill.plan.sections.process import Clock

PLAN = bundled("trm")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("key", "title", "purpose", "frequency"),
    [
        ("status-page", "Status Page", "Service status", "Real-time"),
        ("twitter", "Twitter/X", "Public updates", "As needed"),
        ("newsletter", "Email Newsletter", "Scheduled maintenance", "48 hours prior"),
        ("in-app", "In-App Notifications", "User-facing issues", "As needed"),
        ("blog", "Blog", "Post-mortems", "After major incidents"),
    ],
)
def test_the_external_channels_are_those_of_the_table(
    key: str, title: str, purpose: str, frequency: str
) -> None:
    channel = PLAN.communication.external[key]

    assert (channel.title, channel.purpose, channel.frequency) == (
        title,
        purpose,
        frequency,
    )
    assert len(PLAN.communication.external) == 5


@pytest.mark.req(
    "S7.3-01", "S7.3-02", "S7.3-03", "S7.3-04", "S7.3-05", "S7.3-06", "S7.3-07",
    "S7.3-08", "A16", "A17",
)  # fmt: skip
@pytest.mark.parametrize(
    ("severity", "title", "state", "every", "publish", "clock"),
    [
        ("P1", "Major Outage", PageState.MAJOR_OUTAGE, HOUR / 2,
         Publish.AUTOMATIC, Clock.ALL_HOURS),
        ("P2", "Partial Outage", PageState.PARTIAL_OUTAGE, HOUR,
         Publish.WHEN_USER_IMPACTING, Clock.ALL_HOURS),
        ("P3", "Degraded Performance", PageState.DEGRADED_PERFORMANCE, 4 * HOUR,
         Publish.WHEN_USER_IMPACTING, Clock.BUSINESS),
        ("P4", "Maintenance", PageState.MAINTENANCE, None,
         Publish.NEVER, Clock.ALL_HOURS),
    ],
)  # fmt: skip
def test_each_severity_has_its_state_and_cadence(
    severity: str,
    title: str,
    state: PageState,
    every: timedelta | None,
    publish: Publish,
    clock: Clock,
) -> None:
    assert PLAN.status_page is not None
    level = PLAN.status_page.levels[severity]

    assert level.title["en"] == title
    assert (level.state, level.update_every) == (state, every)
    assert (level.publish, level.clock) == (publish, clock)
    assert level.update is (Update.BEFORE_AND_AFTER if every is None else None)


@pytest.mark.req("A16")
def test_what_is_published_by_itself_can_be_held_for_five_minutes() -> None:
    assert PLAN.status_page is not None

    assert PLAN.status_page.levels["P1"].publish_after == timedelta(minutes=5)
    assert PLAN.status_page.reminder_before == timedelta(minutes=5)
    assert PLAN.status_page.commander_after == timedelta(minutes=5)
    assert PLAN.status_page.feed


@pytest.mark.req("A38", "A51", "A53")
def test_messages_have_an_intake_a_way_round_a_failure_and_threads() -> None:
    communication = PLAN.communication

    assert communication.intake == "support@trm.rocks"
    assert communication.fallback == (
        ChannelKind.SLACK,
        ChannelKind.EMAIL,
        ChannelKind.SMS,
    )
    assert communication.threads is Threads.ONE_PER_ALERT


@pytest.mark.req("A55")
@pytest.mark.parametrize(
    ("audience", "levels"),
    [
        ("Support", {"L1"}),
        ("Engineering", {"L2", "L3"}),
        ("Management", {"L4"}),
        ("All staff", {"L1", "L2", "L3", "L4"}),
    ],
)
def test_every_audience_is_a_group_of_people(audience: str, levels: set[str]) -> None:
    people = PLAN.directory.holders(group_of(audience))

    assert {one.level for one in people} == levels
    assert audience in {one.audience for one in PLAN.channels.values()}


@pytest.mark.req("A55")
def test_an_audience_that_is_nobody_is_reported() -> None:
    assert Code.UNKNOWN_AUDIENCE in codes(minimal(("audience: All", "audience: Fans")))
    assert codes(minimal(("audience: All", "audience: L2"))) == set()


@pytest.mark.req("A50")
def test_public_texts_are_in_both_languages_and_a_missing_one_is_only_a_warning() -> (
    None
):
    line = next(row for row in TRM.splitlines() if "my: အသုံးပြုသူ" in row)
    english = line.replace(line[line.index(", my:") : line.index("}, url")], "")

    loaded = load(TRM.replace(line, english), name="trm")

    assert Code.MISSING_TRANSLATION not in codes(load(TRM, name="trm"))
    (found,) = (one for one in loaded.findings if one.code is Code.MISSING_TRANSLATION)
    assert found.message == "the public text is missing in: my"
    assert loaded.plan is not None
    assert loaded.plan.missing_translation is Missing.WARN


@pytest.mark.req("A50")
def test_a_plan_may_do_without_translations() -> None:
    ignored = TRM.replace("missing_translation: warn", "missing_translation: ignore")

    loaded = load(ignored.replace("{en: Major Outage, my: ", "{en: "), name="trm")

    assert Code.MISSING_TRANSLATION not in codes(loaded)


@pytest.mark.req("S8.2-01", "S8.2-02")
def test_the_knowledge_base_has_its_three_places() -> None:
    places = PLAN.knowledge_base

    assert {key: one.url for key, one in places.items()} == {
        "internal-wiki": "https://wiki.trm.rocks",
        "api-documentation": "https://api.trm.rocks/docs",
        "user-guides": "https://help.trm.rocks",
    }
    assert [key for key, one in places.items() if one.public] == ["user-guides"]


@pytest.mark.req("A54")
def test_the_standup_is_on_monday_at_ten() -> None:
    meets = PLAN.channels["weekly-standup"].meets

    assert meets is not None
    assert (meets.frequency, meets.at) == (
        Cycle.WEEKLY,
        MeetingTime(weekday=0, wall=time(10)),
    )
    at = next_meeting_at(
        meets.frequency,
        meets.at,
        after=PLAN.meta.effective_at,
        hours=PLAN.business_hours,
    )
    assert at == datetime(2026, 2, 9, 10, tzinfo=PLAN.meta.zone)
