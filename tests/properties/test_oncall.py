"""The watch against a calendar that counts handovers one by one."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from watchbill.core.oncall import Duty, Override, Rotation, on_call, shift_at, shifts
from watchbill.core.temporal import Interval

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)

ZONES = [
    "Asia/Yangon",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/New_York",
    "America/St_Johns",
    "Asia/Tehran",
    "Europe/Dublin",
    "UTC",
]

members = st.lists(st.sampled_from("abcde"), min_size=1, max_size=5, unique=True).map(
    tuple
)
handovers = st.sampled_from(
    [time(0, 0), time(0, 1), time(2, 0), time(2, 30), time(10, 0), time(23, 59)]
)


@st.composite
def rotations(draw: st.DrawFn, zone: str) -> Rotation:
    return Rotation(
        key="watch",
        title="Watch",
        members=draw(members),
        first_day=draw(st.dates(date(2000, 1, 1), date(2030, 12, 31))),
        handover=draw(handovers),
        zone=ZoneInfo(zone),
    )


def shown(at: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in the zone show, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def first_showing(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first instant that shows a wall time, or would have without a change."""
    unzoned = datetime.combine(day, wall, tzinfo=UTC)
    offsets = {
        (unzoned + hours * timedelta(hours=1)).astimezone(zone).utcoffset()
        or timedelta(0)
        for hours in range(-40, 41)
    }
    shows = datetime.combine(day, wall)
    found = [
        unzoned - offset for offset in offsets if shown(unzoned - offset, zone) == shows
    ]
    before = (unzoned - 40 * timedelta(hours=1)).astimezone(zone).utcoffset()
    return min(found, default=unzoned - (before or timedelta(0)))


@pytest.mark.req("S4.4-02", "S4.4-04", "S4.4-08", "A23", "A57")
@pytest.mark.parametrize("zone", ZONES)
@given(st.data())
def test_there_is_exactly_one_primary_in_every_minute_around_a_handover(
    zone: str, data: st.DataObject
) -> None:
    rotation = data.draw(rotations(zone))
    number = data.draw(st.integers(min_value=0, max_value=400))
    minute = data.draw(st.integers(min_value=-100, max_value=100))
    handovers = [
        first_showing(
            rotation.first_day + week * WEEK, rotation.handover, rotation.zone
        )
        for week in (number - 1, number, number + 1)
    ]

    at = handovers[1] + minute * MINUTE
    passed = number - 1 + sum(one <= at for one in handovers[1:])
    shift = shift_at(rotation, at=at)

    # Before the first handover those of the first week hold the watch.
    assert shift.primary == rotation.members[max(passed, 0) % len(rotation.members)]
    assert at in shift.during
    around = Interval(starts_at=at - WEEK, ends_at=at + WEEK)
    assert [one for one in shifts(rotation, during=around) if at in one.during] == [
        shift
    ]
    assert shift.during.starts_at == handovers[0 if minute < 0 else 1]


@pytest.mark.req("S4.4-03", "S4.4-08", "A57")
@pytest.mark.parametrize("zone", ZONES)
@given(st.data())
def test_shifts_tile_years_without_gap_or_overlap(
    zone: str, data: st.DataObject
) -> None:
    rotation = data.draw(rotations(zone))
    starts_at = datetime.combine(rotation.first_day, time(), tzinfo=UTC)
    starts_at += data.draw(st.integers(-400, 400)) * DAY
    asked = Interval(starts_at=starts_at, ends_at=starts_at + 800 * DAY)

    tiles = list(shifts(rotation, during=asked))

    assert tiles[0].during.starts_at <= asked.starts_at
    assert asked.ends_at <= tiles[-1].during.ends_at
    for one, following in pairwise(tiles):
        assert one.during.ends_at == following.during.starts_at
    assert all(tile == shift_at(rotation, at=tile.during.starts_at) for tile in tiles)
    assert all(tile.during.ends_at - tile.during.starts_at > 5 * DAY for tile in tiles)


@example(first_day=date(2011, 12, 2), handover=time(10, 0))
@given(first_day=st.dates(date(2011, 11, 25), date(2011, 12, 31)), handover=handovers)
def test_the_day_that_samoa_skipped_takes_nobodys_watch_away(
    first_day: date, handover: time
) -> None:
    rotation = Rotation(
        key="watch",
        title="Watch",
        members=("a", "b", "c"),
        first_day=first_day,
        handover=handover,
        zone=ZoneInfo("Pacific/Apia"),
    )
    start = datetime(2011, 12, 29, tzinfo=UTC)

    seen = [
        shift_at(rotation, at=start + hour * timedelta(hours=1)) for hour in range(72)
    ]

    assert all(
        one == following or one.during.ends_at == following.during.starts_at
        for one, following in pairwise(seen)
    )


@st.composite
def entered(draw: st.DrawFn) -> tuple[Override, ...]:
    start = datetime(2026, 2, 6, tzinfo=UTC)
    hours = st.integers(min_value=0, max_value=96)
    made = []
    for _ in range(draw(st.integers(min_value=0, max_value=6))):
        first, last = sorted((draw(hours), draw(hours)))
        assume(first < last)
        made.append(
            Override(
                rotation=draw(st.sampled_from(["watch", "watch", "other"])),
                duty=draw(st.sampled_from(Duty)),
                contact=draw(st.sampled_from("abcx")),
                during=Interval(
                    starts_at=start + first * timedelta(hours=1),
                    ends_at=start + last * timedelta(hours=1),
                ),
            )
        )
    return tuple(made)


@pytest.mark.req("S4.4-09", "S4.4-10")
@given(entered(), st.integers(min_value=0, max_value=2 * 97))
def test_the_latest_override_wins_and_nobody_holds_two_duties(
    overrides: tuple[Override, ...], half_hours: int
) -> None:
    rotation = Rotation(
        key="watch",
        title="Watch",
        members=("a", "b", "c"),
        first_day=date(2026, 2, 6),
        handover=time(10, 0),
        zone=ZoneInfo("Asia/Yangon"),
    )
    at = datetime(2026, 2, 6, tzinfo=UTC) + half_hours * timedelta(minutes=30)

    expected: list[str | None] = ["a", "c", "b"]
    for one in overrides:
        during = one.during
        if one.rotation == "watch" and during.starts_at <= at < during.ends_at:
            expected[list(Duty).index(one.duty)] = one.contact
    for place in (2, 1):
        if expected[place] in expected[:place]:
            expected[place] = None
    held = [on_call(rotation, duty, at=at, overrides=overrides) for duty in Duty]

    assert held == expected
    assert held[0] is not None
