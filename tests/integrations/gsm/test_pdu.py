from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integrations.gsm.network import deliver, read_submit, status_report
from tests.integrations.notices import BURMESE
from watchbill.integrations import sms
from watchbill.integrations.gsm import alphabet
from watchbill.integrations.gsm.pdu import (
    Deliver,
    Part,
    PduError,
    StatusReport,
    read,
    submit,
)

pytestmark = pytest.mark.req("S7.1-01")

AT = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
_BASIC = "".join(
    character
    for character in map(chr, range(0x20AD))
    if alphabet.is_basic(character) and character != "\f"
)

basic_text = st.text(st.sampled_from(_BASIC), max_size=500)
any_text = st.one_of(
    basic_text,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(st.sampled_from(BURMESE + "🔥a"), max_size=300),
)


def test_messages_that_others_have_packed_read_the_same() -> None:
    message = read("07916407058099F9040B916407950303F100008921222140140004D4E2940A")

    assert isinstance(message, Deliver)
    assert (message.sender, message.text) == ("+46705930301", "TEST")
    assert alphabet.pack([code for (code,) in alphabet.septets("hellohello")]) == (
        bytes.fromhex("E8329BFD4697D9EC37")
    )


def test_a_short_text_is_one_message_that_asks_for_a_receipt() -> None:
    (pdu,) = submit("+46708251358", "hellohello", reference=7)

    assert pdu.hex().upper() == (
        "00"  # the service centre of the SIM
        "31"  # SMS-SUBMIT, relative validity, a receipt is wanted
        "00"  # the modem's own reference
        "0B916407281553F8"  # the number, international
        "0000"  # a plain message in the default alphabet
        "0B"  # valid for an hour
        "0AE8329BFD4697D9EC37"
    )


def test_burmese_goes_as_ucs2() -> None:
    (pdu,) = submit("+959425000001", BURMESE, reference=7)

    sent = read_submit(pdu)
    assert sent.coding == 0x08
    assert sent.text == BURMESE


@given(text=any_text, reference=st.integers(0, 255))
def test_what_is_sent_reads_back_the_same(text: str, reference: int) -> None:
    parts = [
        read_submit(pdu) for pdu in submit("+959425000001", text, reference=reference)
    ]

    assert "".join(part.text for part in parts) == text
    assert {part.number for part in parts} == {"+959425000001"}
    assert [part.wants_report for part in parts] == [False] * (len(parts) - 1) + [True]
    if len(parts) > 1:
        assert [part.part for part in parts] == [
            (reference, len(parts), place) for place in range(1, len(parts) + 1)
        ]


@given(text=any_text)
def test_every_part_fits_into_a_message_and_costs_what_was_counted(text: str) -> None:
    pdus = submit("+959425000001", text, reference=1)

    assert all(len(read_submit(pdu).user_data) <= 140 for pdu in pdus)
    assert len(pdus) == sms.measure(text).segments


@given(text=any_text, reference=st.integers(0, 255))
def test_what_comes_in_reads_back_the_same(text: str, reference: int) -> None:
    found = [
        read(pdu.hex())
        for pdu in deliver("+959425000001", text, at=AT, reference=reference)
    ]

    assert all(isinstance(one, Deliver) for one in found)
    messages = [one for one in found if isinstance(one, Deliver)]
    assert "".join(one.text or "" for one in messages) == text
    assert {(one.sender, one.sent_at) for one in messages} == {("+959425000001", AT)}
    if len(messages) > 1:
        assert [one.part for one in messages] == [
            Part(reference=reference, total=len(messages), number=place)
            for place in range(1, len(messages) + 1)
        ]


def test_a_sixteen_bit_reference_is_understood_too() -> None:
    (pdu,) = deliver(
        "+959425000001", "x", at=AT, header=bytes((6, 8, 4, 0x12, 0x34, 2, 1))
    )

    message = read(pdu.hex())

    assert isinstance(message, Deliver)
    assert message.part == Part(reference=0x1234, total=2, number=1)
    assert message.text == "x"


def test_a_sender_may_be_a_name() -> None:
    name = alphabet.pack([code for (code,) in alphabet.septets("MPT")])
    (pdu,) = deliver("+1234567", "x", at=AT)
    number = bytes.fromhex("0791214365F7")
    assert number in pdu

    message = read(pdu.replace(number, bytes((6, 0xD0)) + name).hex())

    assert isinstance(message, Deliver)
    assert (message.sender, message.text) == ("MPT", "x")


def test_a_status_report_names_the_message_and_its_fate() -> None:
    report = read(status_report("+959425000001", 42, status=0x46, at=AT).hex())

    assert report == StatusReport(reference=42, recipient="+959425000001", status=0x46)


def test_the_offset_of_the_service_centre_is_kept() -> None:
    (pdu,) = deliver("+959425000001", "x", at=AT, quarters=26)

    message = read(pdu.hex())

    assert isinstance(message, Deliver)
    assert message.sent_at == AT
    assert message.sent_at.utcoffset() is not None
    assert str(message.sent_at.utcoffset()) == "6:30:00"


@given(st.one_of(st.binary(max_size=200).map(bytes.hex), st.text(max_size=40)))
def test_reading_fails_in_one_way_only(text: str) -> None:
    try:
        message = read(text)
    except PduError:
        return
    assert isinstance(message, Deliver | StatusReport)


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(PduError, match="parts"):
        submit("+959425000001", "က" * 20_000, reference=1)
