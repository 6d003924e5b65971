"""Reading calendars: what is taken, what is skipped and why."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from watchbill.cli import main
from watchbill.core.temporal import Interval
from watchbill.migrate.assign import Meaning, assigned
from watchbill.migrate.calendar import Read, read
from watchbill.plan import bundled
from watchbill.plan.values import parse_zone

pytestmark = pytest.mark.req("S4.4-11", "S4.4-09")

KEY = "primary-oncall"
YANGON = parse_zone("Asia/Yangon")
DURING = Interval(
    starts_at=datetime(2026, 11, 1, tzinfo=UTC),
    ends_at=datetime(2026, 12, 31, tzinfo=UTC),
)


def calendar(*lines: str) -> bytes:
    event = ("BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT")
    whole = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *event, "END:VCALENDAR", "")
    return "\r\n".join(whole).encode()


def taken(*lines: str) -> Read:
    return read(calendar(*lines), during=DURING, zone=YANGON, name="x.ics")


def starts(found: Read) -> list[str]:
    return [f"{one.during.starts_at:%m-%d %H:%M}" for one in found.occurrences]


def test_a_rule_repeats_by_the_wall_clock_of_its_zone() -> None:
    found = taken(
        "DTSTART;TZID=America/New_York:20261029T090000",
        "DTEND;TZID=America/New_York:20261029T170000",
        "RRULE:FREQ=DAILY;UNTIL=20261103T140000Z",
        "EXDATE;TZID=America/New_York:20261102T090000",
    )

    # Clocks go back on 1 November; 2 November is left out. The 31st ended before.
    assert starts(found) == ["11-01 14:00", "11-03 14:00"]


def test_a_count_is_counted_from_the_beginning() -> None:
    found = taken(
        "DTSTART:20261129T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"
    )

    assert starts(found) == ["11-29 09:00", "11-30 09:00", "12-01 09:00"]


@pytest.mark.parametrize("day", ["BYMONTH=2;BYMONTHDAY=30", "BYMONTHDAY=-40"])
def test_a_day_that_never_comes_is_not_looked_for(day: str) -> None:
    lines = ["DTSTART:20261129T090000Z", "DURATION:PT1H"]
    since = time.process_time()

    found = taken(*lines, f"RRULE:FREQ=DAILY;{day}")

    assert [one.because[:22] for one in found.skipped] == ["its rule is not simple"]
    assert time.process_time() - since < 1  # it was five seconds an event


def test_a_whole_day_is_the_day_of_the_schedule_s_zone() -> None:
    (one,) = taken(
        "DTSTART;VALUE=DATE:20261130", "DTEND;VALUE=DATE:20261202"
    ).occurrences

    assert one.during.starts_at == datetime(2026, 11, 29, 17, 30, tzinfo=UTC)
    assert one.during.ends_at == datetime(2026, 12, 1, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "because"),
    [
        (("STATUS:CANCELLED", "DTSTART:20261130T090000Z"), "it is cancelled"),
        (("SUMMARY:x",), "it has no beginning"),
        (("DTSTART:20261130T090000Z",), "it does not last, or longer than a year"),
        (
            ("DTSTART:20250101T090000Z", "DTEND:20250101T100000Z"),
            "it is outside the time that is imported",
        ),
        (
            ("DTSTART;TZID=Mars:20261130T090000", "DURATION:PT1H"),
            "its dtstart is in the zone Mars, which is not known",
        ),
        (
            ("DTSTART:20261130T090000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY"),
            "its rule is not simple: FREQ=SECONDLY",
        ),
        (
            (
                "DTSTART:20261130T090000Z",
                "DURATION:PT1H",
                "RRULE:FREQ=DAILY;INTERVAL=0",
            ),
            "its rule is not simple: FREQ=DAILY;INTERVAL=0",
        ),
    ],
)
def test_what_is_skipped_is_said_with_the_reason(
    lines: tuple[str, ...], because: str
) -> None:
    (said,) = taken(*lines).skipped

    assert (said.because, said.place) == (because, "x.ics: event 1")


def test_whose_event_it_is_and_what_it_means() -> None:
    plan = bundled("trm")
    found = taken(
        "DTSTART:20261130T090000Z",
        "DURATION:PT8H",
        "SUMMARY:Annual leave devops_engineer",
    )

    (one,), _ = assigned(found.occurrences, plan.directory)

    assert (one.contact, one.meaning) == ("devops_engineer", Meaning.ABSENCE)


def test_the_command_names_each_event(tmp_path: Path) -> None:
    path = tmp_path / "x.ics"
    path.write_bytes(calendar("DTSTART:20990101T000000Z", "SUMMARY:far away"))

    result = CliRunner().invoke(
        main,
        [
            "oncall",
            "import-ical",
            str(path),
            "--plan",
            "trm",
            "--schedule",
            "primary-oncall",
        ],
    )

    assert result.exit_code == 0, result.output
    assert "dropped event far away" in result.output
    assert "Nothing is entered without --apply" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("at", "2026-02-09T12:00", "--why"), "primary"),
        (("now",), "secondary"),
        (("next", "--duty", "primary"), "primary"),
        (("load", "--from", "2026-02-06", "--to", "2026-03-06", "--csv"), "key,name,"),
        (("at", "2026-02-09T12:00", "--json"), '"holder"'),
    ],
)
def test_who_is_on_call_by_a_plan_file_alone(
    arguments: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(main, ["oncall", *arguments, "--plan", "trm"])

    assert result.exit_code == 0, result.output
    assert said in result.output


def test_an_unknown_schedule_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(
        main, ["oncall", "now", "--plan", "trm", "--schedule", "nothing"]
    )

    assert result.exit_code == 1
    assert "it has primary-oncall" in result.output
