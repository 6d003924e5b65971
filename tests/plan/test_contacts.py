"""The emergency contact tree can be printed and kept on a phone."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.samples import MINIMAL, minimal
from watchbill.core.oncall import Absence, Duty, Override
from watchbill.core.roster import Roster
from watchbill.core.temporal import Interval
from watchbill.plan import (
    Plan,
    bundled,
    bundled_text,
    contact_card,
    contact_card_html,
    contact_card_pdf,
    contact_tree,
    load,
    render_sms,
    render_tree,
)
from watchbill.plan.contacts import SMS_LENGTH, gsm7_length
from watchbill.plan.document import PdfUnavailableError

PLAN = bundled("trm")
NOON = datetime(2026, 2, 10, 5, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.req("S2.2-01", "S2.2-02", "S2.2-03", "S2.2-04", "S2.2-05", "A1")
def test_the_tree_is_that_of_the_plan() -> None:
    rungs = [
        (rung.step.after.total_seconds() / 60, rung.contacts[0].title)
        for rung in contact_tree(PLAN, at=NOON)
        if "A2" not in rung.step.origin
    ]

    assert rungs == [
        (0, "DevOps Engineer"),
        (15, "Technical Lead"),
        (30, "Engineering Manager"),
        (60, "CTO"),
        (120, "CEO"),
    ]


@pytest.mark.req("S2.2-06")
def test_the_printed_tree_names_people_methods_and_weeks() -> None:
    text = render_tree(PLAN, at=NOON)

    assert text.startswith(
        "TRM Referral Platform: emergency contact tree (P1 Critical)"
    )
    assert "30 min: Notify the Engineering Manager" in text
    assert "  Engineering Manager  e-mail eng-mgr@trm.rocks" in text
    assert "from Fri 13 Feb 10:00  Backend Engineer / DevOps Engineer" in text


@pytest.mark.req("S2.2-06")
def test_a_filled_in_number_is_printed_in_full() -> None:
    plan = minimal().plan
    assert plan is not None

    assert "Ben (Engineer)  phone +959250000001" in render_tree(plan, at=NOON)
    assert "0min Ben +959250000001" in render_sms(plan, at=NOON)[0]


@pytest.mark.req("S2.2-06")
def test_the_tree_fits_into_numbered_text_messages() -> None:
    messages = render_sms(PLAN, at=NOON)

    assert all(gsm7_length(one) <= SMS_LENGTH for one in messages)
    count = len(messages)
    heads = [one.splitlines()[0] for one in messages]
    assert heads == [f"P1 1.0 {number}/{count}" for number in range(1, count + 1)]
    assert "2h CEO ceo@trm.rocks" in messages[-1]


@pytest.mark.req("S2.2-06")
@settings(deadline=None)
@given(
    name=st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="\"'\\"),
        min_size=1,
        max_size=400,
    )
)
def test_a_message_keeps_its_length_whatever_the_names_are(name: str) -> None:
    plan = renamed(name)

    assert all(gsm7_length(one) <= SMS_LENGTH for one in render_sms(plan, at=NOON))


def renamed(name: str) -> Plan:
    loaded = load(MINIMAL.replace("name: Ben", f'name: "{name}"'), name="renamed")
    assert loaded.plan is not None, loaded.render()
    return loaded.plan


def test_a_burmese_name_is_replaced_by_the_title_of_the_role() -> None:
    (message, *_) = render_sms(renamed("ဗန်"), at=NOON)

    assert "0min Engineer +959250000001" in message


def test_other_alphabets_have_no_length() -> None:
    assert gsm7_length("a{b}") == 6
    with pytest.raises(ValueError, match="not in the GSM"):
        gsm7_length("ဗ")


def swapped() -> Roster:
    """The watch as it is when somebody has taken it over and the next one is ill."""
    override = Override(
        schedule="primary-oncall",
        duty=Duty.PRIMARY,
        contact="cto",
        during=Interval(starts_at=NOON - timedelta(hours=1), ends_at=NOON + DAY),
    )
    absence = Absence(
        contact="backend_engineer",
        during=Interval(starts_at=NOON + DAY, ends_at=NOON + 10 * DAY),
    )
    return PLAN.roster(overrides=(override,), absences=(absence,))


@pytest.mark.req("S2.2-06", "S4.4-09")
def test_the_card_says_what_the_pager_would_do() -> None:
    card = contact_card(PLAN, at=NOON, roster=swapped())

    (schedule,) = card.schedules
    held = [one.primary.title if one.primary else None for one in schedule.watches]
    # The Backend Engineer's week is held by who is next, and whose own comes then.
    assert [one for one, _ in groupby(held)] == [
        "CTO",
        "DevOps Engineer",
        "Frontend Engineer",
        "Mobile Engineer",
        "DevOps Engineer",
    ]
    assert card.rungs[0].contacts[0].title == "CTO"
    assert [one.key for one in card.levels] == ["L1", "L2", "L3", "L4"]
    assert "0min CTO cto@trm.rocks" in render_sms(PLAN, at=NOON, roster=swapped())[0]


@pytest.mark.req("S2.2-06")
def test_the_printable_page_holds_the_card_and_no_markup_of_the_plan() -> None:
    page = contact_card_html(renamed("<b>Ben & Co</b>"), at=NOON)

    assert "&lt;b&gt;Ben &amp; Co&lt;/b&gt; (Engineer)" in page
    assert "<script" not in page
    assert "on call now" in page


@pytest.mark.req("S2.2-06")
def test_the_card_as_pdf_says_what_to_install_where_it_cannot_be_made() -> None:
    if find_spec("weasyprint") is None:
        with pytest.raises(PdfUnavailableError, match=r"install watchbill\[pdf\]"):
            contact_card_pdf(PLAN, at=NOON)
    else:
        assert contact_card_pdf(PLAN, at=NOON).startswith(b"%PDF-")


@pytest.mark.req("S2.2-06")
@pytest.mark.skipif(
    find_spec("weasyprint") is None,
    reason="the card as PDF is NOT proven here: install watchbill[pdf]",
)
def test_the_card_as_pdf_has_the_letters_of_a_name_in_burmese() -> None:
    text = bundled_text("trm").replace('"[Name]"', '"ဒေါ်နန်းခင်ဇော်"')
    plan = load(text, name="trm.yaml").plan
    assert plan is not None

    pdf = contact_card_pdf(plan, at=NOON)

    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > len(contact_card_pdf(PLAN, at=NOON))  # one more font
