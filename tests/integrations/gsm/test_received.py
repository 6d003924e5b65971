from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integrations.gsm.network import deliver, status_report
from tests.integrations.notices import BURMESE
from watchbill.core.messages import Reply
from watchbill.integrations.contract import Asked, Event, Receipt, ReceiptState
from watchbill.integrations.gsm.line import Stored
from watchbill.integrations.gsm.received import Handover, hand_over

pytestmark = pytest.mark.req("S7.1-01")

AT = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
MAY = "+959425000001"


def stored(*pdus: bytes) -> list[Stored]:
    return [Stored(pdu=pdu.hex(), index=i) for i, pdu in enumerate(pdus, start=1)]


def handed(*pdus: bytes, now: datetime = AT) -> tuple[Handover, ...]:
    return hand_over(stored(*pdus), region="MM", now=now)


def events(*pdus: bytes, now: datetime = AT) -> list[Event | None]:
    return [one.event for one in handed(*pdus, now=now)]


def test_an_answer_names_the_person_and_the_notice() -> None:
    assert events(*deliver(MAY, "Ack 4711", at=AT)) == [
        Asked(address=MAY, reply=Reply.ACKNOWLEDGE, code="4711", text="Ack 4711")
    ]


def test_a_number_of_the_country_is_made_international() -> None:
    (event,) = events(*deliver("09425000001", "ack", at=AT))

    assert isinstance(event, Asked)
    assert event.address == MAY


@pytest.mark.parametrize(
    ("word", "state"),
    [("STOP", ReceiptState.OPTED_OUT), ("start", ReceiptState.OPTED_IN)],
)
def test_who_wants_no_more_messages_is_heard(word: str, state: ReceiptState) -> None:
    (event,) = events(*deliver(MAY, word, at=AT))

    assert isinstance(event, Receipt)
    assert (event.state, event.address) == (state, MAY)


@pytest.mark.parametrize("sender", ["1234", "09", "+123"])
def test_a_short_number_is_no_person(sender: str) -> None:
    (one,) = handed(*deliver(sender, "ack", at=AT))

    assert (one.event, one.note) == (None, "the sender has no number")
    assert len(one.taken) == 1


def test_the_parts_of_a_long_answer_wait_for_each_other() -> None:
    text = BURMESE * 5
    parts = deliver(MAY, text, at=AT, reference=9)
    assert len(parts) == 3

    assert handed(parts[2], parts[0]) == ()
    (one,) = handed(parts[2], parts[0], parts[1])
    assert isinstance(one.event, Asked)
    assert one.event.text == text
    assert len(one.taken) == 3


def test_an_answer_whose_end_never_came_counts_after_an_hour() -> None:
    parts = deliver(MAY, "ack 4711 " + "because " * 30, at=AT, reference=9)

    (one,) = handed(parts[0], now=AT + timedelta(hours=1, seconds=1))

    assert isinstance(one.event, Asked)
    assert one.event.code == "4711"


def test_parts_of_different_people_are_not_put_together() -> None:
    hers = deliver(MAY, "a" * 200, at=AT, reference=9)
    his = deliver("+959425000002", "b" * 200, at=AT, reference=9)

    assert handed(hers[0], his[1]) == ()


@pytest.mark.parametrize(
    ("status", "state", "detail"),
    [
        (0x00, ReceiptState.DELIVERED, ""),
        (
            0x46,
            ReceiptState.FAILED,
            "it was not delivered in time; the phone may be off (status 0x46)",
        ),
        (0x7F, ReceiptState.FAILED, "the network gave up (status 0x7f)"),
    ],
)
@pytest.mark.req("S7.1-08")
def test_a_receipt_names_the_message_by_number_and_reference(
    status: int, state: ReceiptState, detail: str
) -> None:
    assert events(status_report(MAY, 42, status=status, at=AT)) == [
        Receipt(provider_ref=f"{MAY}#42", state=state, detail=detail)
    ]


@pytest.mark.parametrize("status", [0x01, 0x02, 0x20, 0x3F])
def test_a_receipt_that_settles_nothing_is_none(status: int) -> None:
    assert events(status_report(MAY, 42, status=status, at=AT)) == [None]


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_what_cannot_be_read_is_left_out_and_cleared_away(pdus: list[bytes]) -> None:
    for one in handed(*pdus):
        assert one.taken
        assert one.event is not None or one.note
