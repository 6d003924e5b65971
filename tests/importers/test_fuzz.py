"""Whatever a file holds, an importer reads it or refuses it with its place.

Asked of every product: raw bytes, JSON of any shape, and its own export with parts cut,
doubled and exchanged. What it makes is a plan or a list of errors, never a trace.
"""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.importers.exports import EXPORTS, as_bytes
from watchbill.core.temporal import Interval
from watchbill.migrate.bring import bring
from watchbill.migrate.calendar import read
from watchbill.migrate.reading import ExportError
from watchbill.plan.values import parse_zone

AS_OF = datetime(2026, 11, 29, 17, 30, tzinfo=UTC)
DURING = Interval(
    starts_at=datetime(2026, 11, 1, tzinfo=UTC),
    ends_at=datetime(2027, 1, 1, tzinfo=UTC),
)

quick = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck)
)
each_product = pytest.mark.parametrize("product", EXPORTS)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["2026-11-30T00:00:00Z", "9999-12-31T23:59:59-23:59", "Asia/Yangon", "weekly"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)


def ask(product: str, body: bytes) -> None:
    refusals = []
    try:
        found = bring(product, {"export.json": body}, as_of=AS_OF)
    except ExportError as error:
        refusals.append(str(error))
    if refusals:
        assert refusals[0].startswith("export.json")
        return
    assert all(str(one).strip() for one in found.entries)
    if found.plan_text is not None:
        assert found.loaded is not None
        # Whom nothing reaches, the report says, and the check as well.
        says_why = any("has no address" in one.because for one in found.entries)
        assert found.loaded.plan is not None or says_why, found.loaded.render()


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    keys = document if isinstance(document, dict) else range(len(document))
    for key in list(keys):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


@each_product
@quick
@given(body=st.binary(max_size=200))
def test_raw_bytes(product: str, body: bytes) -> None:
    ask(product, body)


@each_product
@quick
@given(document=values)
def test_json_of_any_shape(product: str, document: Any) -> None:
    ask(product, json.dumps(document).encode())


@each_product
@quick
@given(data=st.data())
def test_an_export_with_parts_exchanged(product: str, data: st.DataObject) -> None:
    document = copy.deepcopy(EXPORTS[product]())
    for _ in range(data.draw(st.integers(1, 4))):
        spots = list(places(document))
        if not spots:
            break
        container, key = data.draw(st.sampled_from(spots))
        match data.draw(st.sampled_from(("cut", "exchange", "double"))):
            case "cut":
                del container[key]
            case "double" if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
            case _:
                container[key] = data.draw(values)
    ask(product, as_bytes(document))


# ── Calendars ───────────────────────────────────────────────────────────────────

PARTS = st.sampled_from(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        "UID:1",
        "SUMMARY:Ana",
        "SUMMARY:အဓိက",
        "DTSTART:20261130T090000Z",
        "DTSTART;TZID=Asia/Yangon:20261130T090000",
        "DTSTART;TZID=Mars:20261130T090000",
        "DTSTART;VALUE=DATE:20261130",
        "DTSTART:99991231T235959Z",
        "DTSTART:nonsense",
        "DTEND:20261130T170000Z",
        "DTEND;VALUE=DATE:20261202",
        "DURATION:PT8H",
        "DURATION:P999999999D",
        "RRULE:FREQ=DAILY",
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,XX;UNTIL=20261231T000000Z",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;COUNT=99999999",
        "EXDATE:20261201T090000Z",
        "RDATE;VALUE=PERIOD:20261203T090000Z/PT1H",
        "RECURRENCE-ID:20261202T090000Z",
        "ATTENDEE:mailto:ana@example.com",
        "STATUS:CANCELLED",
        "END:VEVENT",
        "END:VCALENDAR",
        " folded",
        "",
    ]
)


@quick
@given(lines=st.lists(PARTS | st.text(max_size=30), max_size=30))
def test_a_calendar_of_any_lines(lines: list[str]) -> None:
    body = "\r\n".join(lines).encode("utf-8", "replace")
    whole = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + body + b"\r\nEND:VEVENT\r\n"
    for one in (body, whole + b"END:VCALENDAR\r\n"):
        with suppress(ExportError):
            found = read(one, during=DURING, zone=parse_zone("Asia/Yangon"), name="x")
            assert all(time.during.overlaps(DURING) for time in found.occurrences)
