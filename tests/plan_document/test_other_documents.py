"""Plans that others wrote: other headings, severities, roles, times and shapes."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan_document.samples import SEED, imported, loaded
from watchbill.core.ladder import RoleTarget
from watchbill.plan import Code
from watchbill.plan.document import Fate, import_document

OTHER = r"""
Acme On-Call Handbook
=====================

Owner: Platform Team
Effective Date: 2026-03-01

# On-call rota

| Date range | Engineer on call | Backup |
|:-----------|:----------------:|-------:|
| 2 Mar | Ana | Ben |
| 9 Mar | Ben | Ana |

# Who we are

## Engineers (24/7)

| Name | Position | E-mail | Mobile | Desk |
|:---|:---|---:|:--|:--|
| Ana | SRE | ana@example.com | 09 250 000 001 | 4 |
| Ben | Backend Developer | ben@example.com | 09 250 000 002 | 5 |

## Leadership

| Name | Position | E-mail |
|---|---|---|
| Dao | Head of Engineering \| Ops | dao@example.com |

# Severity definitions

| Severity | Name | Description | Response time | Restore within |
|---|---|---|---|---|
| SEV1 | Critical | Everything is down; data is lost | Immediately | 1hr |
| SEV2 | Major | A feature is down | 30m | 8 hours |
| SEV3 | Minor | A nuisance | 24 hours | 5 days |

# What happens when

| Severity | 0 min | 30 min | 2 hours |
|---|---|---|---|
| SEV1 | Page on-call | Escalate to Backend Developer | Notify Head of Engineering |
| SEV2 | Create ticket | - | Escalate to L2 |
| SEV3 | Create ticket | | |

# Planned work

| Task | How often | When | Length |
|---|---|---|---|
| Patching | fortnightly | Saturdays 22:00-23:30 | 90 minutes |
| Vacuum | nightly | 3am to 4am | 1h |
"""


@pytest.mark.req("S0-05", "S0-06")
def test_a_plan_of_another_shape_is_read() -> None:
    found = import_document(OTHER, name="handbook.md")
    file = imported(OTHER)

    assert loaded(found).errors == ()
    assert file.plan.title == "Acme On-Call Handbook"
    assert [(one.name, one.title) for one in file.contacts] == [
        ("Ana", "SRE"),
        ("Ben", "Backend Developer"),
        ("Dao", "Head of Engineering | Ops"),
    ]
    assert list(file.severities) == ["SEV1", "SEV2", "SEV3"]
    assert file.severities["SEV1"].criteria == ("Everything is down", "data is lost")
    assert file.severities["SEV2"].response == timedelta(minutes=30)
    assert file.severities["SEV3"].resolution == timedelta(days=5)
    assert [str(one.do) for one in file.escalation["SEV2"]] == [
        "create_ticket",
        "escalate",
    ]
    assert file.on_call["primary-oncall"].members == ("sre", "backend_developer")
    patching = file.maintenance.windows["patching"]
    assert patching.duration == timedelta(minutes=90)


@pytest.mark.req("S0-06")
def test_a_column_without_a_place_is_reported() -> None:
    report = import_document(OTHER).report
    reasons = [
        remark.reason for one in report.of(Fate.UNPLACED) for remark in one.remarks
    ]

    assert 'no place for the column "Desk"' in reasons


@pytest.mark.req("S0-05")
def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    written = b"\xef\xbb\xbf" + SEED.replace("\n", "\r\n").encode()

    assert import_document(written).tree == import_document(SEED).tree


@pytest.mark.req("S0-05")
@pytest.mark.parametrize("number", range(1, 11))
def test_a_missing_chapter_leaves_a_plan_that_loads(number: int) -> None:
    chapters = SEED.split("\n## ")
    kept = [one for one in chapters if not one.startswith(f"{number}. ")]

    errors = {one.code for one in loaded(import_document("\n## ".join(kept))).errors}
    # Without the contacts there is nobody to be told, and the check says so.
    nobody = {Code.ONLY_UNFILLED, Code.REACHES_NOBODY, Code.TOO_FEW_APPROVERS}
    assert errors == (nobody if number == 2 else set())


@pytest.mark.req("S0-05")
def test_chapters_in_another_order_and_without_numbers_say_the_same() -> None:
    first, *chapters = SEED.split("\n---\n")
    turned = "\n---\n".join([first, *reversed(chapters)])
    plain = "\n".join(
        line.replace("## ", "## ", 1)
        if not line.startswith("##")
        else _unnumbered(line)
        for line in turned.splitlines()
    )
    straight, other = import_document(SEED).tree, import_document(plain).tree
    for section in ("monitoring", "maintenance", "escalation", "bugs", "reviews"):
        assert other[section] == straight[section], section


def _unnumbered(line: str) -> str:
    marks, _, words = line.partition(" ")
    number, _, rest = words.partition(" ")
    return f"{marks} {rest}" if number[:1].isdigit() else line


@pytest.mark.req("S0-05")
def test_three_severities_with_names_of_their_own() -> None:
    text = """
# Plan
## Incident priorities
### Critical
**Response Time:** 10 minutes
**Resolution Target:** 2 hours
### Major
**Response Time:** 1hr
**Resolution Target:** 1 day
### Minor
**Response Time:** 24 hours
**Resolution Target:** 2 weeks
"""
    file = imported(text)

    assert list(file.severities) == ["critical", "major", "minor"]
    assert file.severities["minor"].resolution == timedelta(weeks=2)


@pytest.mark.req("S0-05", "A50")
def test_burmese_digits_units_and_names_are_read() -> None:
    text = """
# အထောက်အပံ့ အစီအစဉ်

| ရာထူး | အမည် | အီးမေးလ် | ဖုန်း |
|---|---|---|---|
| အင်ဂျင်နီယာ | မောင်မောင် | mg@example.com | {phone} |

## Severity

| Severity | Response | Resolution |
|---|---|---|
| P1 | ၁၅ မိနစ် | ၂ နာရီ |
"""
    digits = "".join(chr(0x1040 + int(digit)) for digit in "09250000001")
    file = imported(text.replace("{phone}", digits))

    assert file.contacts[0].phone == "+959250000001"
    assert (file.contacts[0].title, file.contacts[0].name) == (
        "အင်ဂျင်နီယာ",
        "မောင်မောင်",
    )
    assert file.severities["P1"].resolution == timedelta(hours=2)


@pytest.mark.req("S0-06", "A33")
def test_escalate_without_saying_to_whom_means_the_second_level() -> None:
    text = SEED.replace("Escalate to L2", "Escalate")
    steps = imported(text).escalation["P3"]

    assert [(str(one.do), one.who) for one in steps][1:] == [
        ("escalate", (RoleTarget(role="L2"),))
    ]


LINES = SEED.splitlines()


@pytest.mark.req("S0-06")
@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gives_a_plan_and_a_full_account(text: str) -> None:
    _holds(text)


@pytest.mark.req("S0-06")
@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_plan(raw: bytes) -> None:
    loaded(import_document(raw))


@pytest.mark.req("S0-06")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(LINES),
            st.text("|-# :>*`[]\\<&~1.P\t↓", max_size=30),
            st.tuples(st.sampled_from(LINES), st.sampled_from(LINES)).map("".join),
        ),
        max_size=60,
    )
)
def test_lines_of_the_seed_in_any_order_give_a_plan(lines: list[str]) -> None:
    _holds("\n".join(lines))


@pytest.mark.req("S0-06")
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_seed_with_changed_cells_gives_a_plan(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(lines) - 1))
        cells = lines[place].split("|")
        cell = data.draw(st.integers(0, len(cells) - 1))
        cells[cell] = data.draw(st.one_of(st.text(max_size=20), st.sampled_from(LINES)))
        lines[place] = "|".join(cells)
    _holds("\n".join(lines))


def _holds(text: str) -> None:
    found = import_document(text)
    loaded(found)
    numbers = [one.line for one in found.report.accounts]
    assert numbers == sorted(set(numbers))
