from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integrations.gsm.network import read_submit
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Button, Notice, Reply
from watchbill.core.notification import Outcome
from watchbill.integrations.contract import (
    Asked,
    Exchange,
    Result,
    SerialOutbound,
    SettingsError,
)
from watchbill.integrations.gsm import outbound
from watchbill.integrations.gsm.outbound import CHANNEL, dialog, read_lines, reply
from watchbill.integrations.registry import providers

pytestmark = pytest.mark.req("S7.1-01")

TO = "+959425000001"
ASKING = replace(
    PAGE,
    buttons=(Button(reply=Reply.ACKNOWLEDGE, label="Take it", token="t"),),
    reply_code="4711",
)


def text_of(exchanges: tuple[Exchange, ...]) -> str:
    pdus = [one.send for one in exchanges if one.commits]
    assert all(pdu.endswith(b"\x1a") for pdu in pdus)
    return "".join(read_submit(bytes.fromhex(pdu[:-1].decode())).text for pdu in pdus)


def test_the_folder_is_a_serial_channel() -> None:
    assert isinstance(providers()["gsm"].outbound, SerialOutbound)
    assert CHANNEL.receipt_within == timedelta(minutes=5)


def test_a_page_is_a_length_and_a_pdu_that_may_be_under_way() -> None:
    ask, send = dialog(replace(ASKING, links=()), to=TO)[:2]

    pdu = bytes.fromhex(send.send[:-1].decode())
    assert ask.send == f"AT+CMGS={len(pdu) - 1}\r".encode()
    assert (ask.until[0], ask.commits) == (">", False)
    assert send.commits is True
    assert "Reply ACK 4711" in text_of(dialog(ASKING, to=TO))


def test_an_attempt_repeats_the_same_parts() -> None:
    notice = replace(ASKING, subject=f"[P1] Page: {BURMESE * 4} (#12)")

    assert dialog(notice, to=TO) == dialog(notice, to=TO)
    assert dialog(notice, to=TO) != dialog(
        replace(notice, idempotency_key="step-8/ana/sms"), to=TO
    )


@pytest.mark.parametrize("to", ["", "09425000001", "+959;ATD", "+9", "+0959425000001"])
def test_a_number_that_is_not_international_is_refused(to: str) -> None:
    with pytest.raises(SettingsError, match="country code"):
        dialog(PAGE, to=to)


@given(subject=st.text(max_size=400), paragraph=st.text(max_size=400))
def test_no_text_can_end_a_pdu_or_begin_a_command(subject: str, paragraph: str) -> None:
    notice = Notice(
        idempotency_key="k", thread_key="t", subject=subject, paragraphs=(paragraph,)
    )

    for exchange in dialog(notice, to=TO):
        if exchange.commits:
            bytes.fromhex(exchange.send[:-1].decode("ascii"))


def test_an_answer_is_told_by_text_message() -> None:
    result = Result(asked=Asked(address=TO), text="May took #12 at 09:30.")

    assert text_of(reply(result)) == "May took #12 at 09:30."
    assert reply(replace(result, text="")) == ()


def test_the_reference_of_the_network_names_the_message() -> None:
    attempt = read_lines(("+CMGS: 42", "OK"), to=TO)

    assert (attempt.outcome, attempt.provider_ref) == (
        Outcome.DELIVERED,
        "+959425000001#42",
    )


@pytest.mark.parametrize(
    ("line", "outcome", "detail"),
    [
        ("+CMS ERROR: 1", Outcome.PERMANENT, "not assigned"),
        ("+CMS ERROR: 38", Outcome.TRANSIENT, "out of order"),
        ("+CMS ERROR: 310", Outcome.PERMANENT, "no SIM"),
        ("+CMS ERROR: 316", Outcome.PERMANENT, "PUK"),
        ("+CMS ERROR: 331", Outcome.TRANSIENT, "no network"),
        ("+CMS ERROR: 332", Outcome.UNKNOWN, "did not answer in time"),
        ("+CMS ERROR: 500", Outcome.UNKNOWN, "unknown error"),
        ("+CMS ERROR: 9999", Outcome.TRANSIENT, "9999"),
        ("+CME ERROR: 10", Outcome.PERMANENT, "no SIM"),
        ("+CME ERROR: 11", Outcome.PERMANENT, "WATCHBILL_GSM_PIN"),
        ("ERROR", Outcome.TRANSIENT, "ERROR"),
        ("OK", Outcome.UNKNOWN, "named no message"),
    ],
)
@pytest.mark.req("S7.1-08")
def test_what_the_modem_answers_says_whether_to_try_again(
    line: str, outcome: Outcome, detail: str
) -> None:
    attempt = read_lines((line,), to=TO)

    assert attempt.outcome is outcome
    assert detail in attempt.detail


@given(st.lists(st.text(max_size=30), max_size=4))
def test_reading_an_answer_never_fails(lines: list[str]) -> None:
    assert outbound.read_lines(tuple(lines), to=TO).detail
