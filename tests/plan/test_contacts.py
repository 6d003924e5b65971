"""The emergency contact tree can be printed and kept on a phone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.samples import MINIMAL, minimal
from watchbill.plan import Plan, bundled, contact_tree, load, render_sms, render_tree
from watchbill.plan.contacts import SMS_LENGTH, gsm7_length

PLAN = bundled("trm")
NOON = datetime(2026, 2, 10, 5, 30, tzinfo=UTC)


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
