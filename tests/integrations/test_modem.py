"""The serial line, against a modem on a real terminal device."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doubles.modem import ModemDouble
from tests.integrations.gsm.network import deliver, read_submit, status_report
from tests.integrations.notices import BURMESE
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import Asked, Event, Receipt
from watchbill.integrations.gsm import outbound
from watchbill.server.engine.modem import Modem, ModemTroubleError

pytestmark = pytest.mark.req("S7.1-01")

AT = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
MAY = "+959425000001"
LONG = BURMESE * 4


@pytest.fixture
def double(tmp_path: Path) -> Iterator[ModemDouble]:
    with ModemDouble(tmp_path) as double:
        yield double


@pytest.fixture
def modem(double: ModemDouble) -> Iterator[Modem]:
    modem = Modem(str(double.path), send_within=8.0)
    yield modem
    modem.close()


def send(modem: Modem, text: str = "The API is down.") -> Attempt:
    return modem.send(
        outbound._send(text, to=MAY, key="k"),
        lambda lines: outbound.read_lines(lines, to=MAY),
    )


def received(modem: Modem) -> list[Event]:
    events: list[Event] = []
    modem.receive(events.append, now=AT)
    return events


def texts(double: ModemDouble) -> list[str]:
    return [read_submit(b"\x00" + pdu).text for pdu in double.sent]


def test_a_message_goes_out_and_is_named(double: ModemDouble, modem: Modem) -> None:
    attempt = send(modem)

    assert attempt == Attempt(
        outcome=Outcome.DELIVERED,
        detail="the network took it",
        provider_ref=f"{MAY}#1",
    )
    assert texts(double) == ["The API is down."]


def test_the_modem_is_made_ready_once(double: ModemDouble, modem: Modem) -> None:
    outcomes = [send(modem).outcome for _ in range(2)]

    assert outcomes == [Outcome.DELIVERED] * 2
    assert double.commands.count("AT+CMGF=0") == 1
    assert double.commands.count("AT+CREG?") == 2


def test_a_long_text_goes_in_parts(double: ModemDouble, modem: Modem) -> None:
    attempt = send(modem, LONG)

    assert "".join(texts(double)) == LONG
    assert attempt.provider_ref == f"{MAY}#{len(double.sent)}"


@pytest.mark.req("S7.1-08")
def test_a_refusal_of_the_network_is_told(double: ModemDouble, modem: Modem) -> None:
    double.refuse("+CMGS", "+CMS ERROR: 38", "+CMS ERROR: 1")

    first, second, third = send(modem), send(modem), send(modem)

    assert (first.outcome, second.outcome, third.outcome) == (
        Outcome.TRANSIENT,
        Outcome.PERMANENT,
        Outcome.DELIVERED,
    )


@pytest.mark.req("S7.1-08")
def test_silence_after_the_text_is_unknown_and_the_next_message_goes_out(
    double: ModemDouble,
) -> None:
    modem = Modem(str(double.path), send_within=2.0)
    double.silent_after_text = True
    lost = send(modem)
    double.silent_after_text = False
    # The answer to the lost message comes late, before the line is opened again.
    double.say("+CMGS: 77", "OK")

    found = send(modem, "again")
    modem.close()

    assert lost.outcome is Outcome.UNKNOWN
    assert (found.outcome, found.provider_ref) == (Outcome.DELIVERED, f"{MAY}#1")
    assert texts(double) == ["The API is down.", "again"]


@pytest.mark.req("S7.1-08")
def test_a_modem_that_is_unplugged_in_the_middle_leaves_the_message_unknown(
    double: ModemDouble, modem: Modem
) -> None:
    double.unplugs_after_text = True

    attempt = send(modem)

    assert attempt.outcome is Outcome.UNKNOWN


def test_a_modem_that_comes_back_is_used_again(
    double: ModemDouble, modem: Modem
) -> None:
    send(modem)
    double.unplug()
    gone, still_gone = send(modem), send(modem)
    double.plug()

    back = send(modem)

    assert (gone.outcome, still_gone.outcome) == (Outcome.TRANSIENT,) * 2
    assert str(double.path) in still_gone.detail
    assert back.outcome is Outcome.DELIVERED


def test_a_modem_that_says_nothing_has_sent_nothing(double: ModemDouble) -> None:
    double.silent = True
    modem = Modem(str(double.path), send_within=1.0)

    attempt = send(modem)
    modem.close()

    assert attempt.outcome is Outcome.TRANSIENT
    assert "does not answer" in attempt.detail
    assert double.sent == []


@pytest.mark.parametrize(
    ("network", "detail"),
    [
        ("+CREG: 0,2", "the modem is looking for a network; check the antenna"),
        ("+CREG: 0,3", "the network refuses this SIM"),
    ],
)
def test_without_a_network_nothing_is_tried(
    double: ModemDouble, modem: Modem, network: str, detail: str
) -> None:
    double.network = network

    assert send(modem) == Attempt(outcome=Outcome.TRANSIENT, detail=detail)
    assert double.sent == []


def test_roaming_is_a_network(double: ModemDouble, modem: Modem) -> None:
    double.network = '+CREG: 2,5,"00A1","0B2C",7'

    assert send(modem).outcome is Outcome.DELIVERED


def test_a_sim_is_unlocked_with_its_pin(tmp_path: Path) -> None:
    with ModemDouble(tmp_path, pin="4321") as double:
        modem = Modem(str(double.path), pin="4321")
        attempt = send(modem)
        modem.close()

    assert attempt.outcome is Outcome.DELIVERED
    assert double.pins_tried == ["4321"]


def test_a_wrong_pin_is_tried_once_and_never_shown(tmp_path: Path) -> None:
    with ModemDouble(tmp_path, pin="4321") as double:
        modem = Modem(str(double.path), pin="9876")
        attempts = [send(modem) for _ in range(3)]
        modem.close()

    assert double.pins_tried == ["9876"]
    assert {one.outcome for one in attempts} == {Outcome.PERMANENT}
    assert attempts[0].detail == (
        "the PIN in WATCHBILL_GSM_PIN is wrong (+CME ERROR: 16)"
    )
    assert all("9876" not in one.detail for one in attempts)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ("+CME ERROR: 10", "there is no SIM in the modem (+CME ERROR: 10)"),
        (
            "+CPIN: SIM PUK\r\n\r\nOK",
            "the SIM is blocked and asks for its PUK; unblock it in a phone",
        ),
    ],
)
def test_a_sim_that_cannot_be_used_is_for_a_person_to_mend(
    double: ModemDouble, modem: Modem, answer: str, detail: str
) -> None:
    double.refuse("+CPIN?", answer)

    assert send(modem) == Attempt(outcome=Outcome.PERMANENT, detail=detail)


def test_without_a_pin_the_setting_is_named(tmp_path: Path) -> None:
    with ModemDouble(tmp_path, pin="4321") as double:
        modem = Modem(str(double.path))
        attempt = send(modem)
        modem.close()

    assert attempt.outcome is Outcome.PERMANENT
    assert "WATCHBILL_GSM_PIN" in attempt.detail


def test_an_answer_is_handed_over_and_then_deleted(
    double: ModemDouble, modem: Modem
) -> None:
    double.arrive(deliver(MAY, "ack 4711", at=AT)[0])
    seen: list[tuple[Event, int]] = []

    count = modem.receive(
        lambda event: seen.append((event, len(double.memories["SM"]))), now=AT
    )

    assert count == 1
    ((event, kept),) = seen
    assert isinstance(event, Asked)
    assert (event.address, event.code, kept) == (MAY, "4711", 1)
    assert double.memories["SM"] == {}
    assert received(modem) == []


def test_an_answer_that_could_not_be_handled_stays(
    double: ModemDouble, modem: Modem
) -> None:
    double.arrive(deliver(MAY, "ack 4711", at=AT)[0])

    def fail(event: Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        modem.receive(fail, now=AT)

    assert len(double.memories["SM"]) == 1
    assert len(received(modem)) == 1


@pytest.mark.req("S7.1-08")
def test_a_receipt_that_comes_by_itself_names_the_message(
    double: ModemDouble, modem: Modem
) -> None:
    attempt = send(modem)
    double.report(status_report(MAY, 1, status=0, at=AT))

    (receipt,) = received(modem)

    assert isinstance(receipt, Receipt)
    assert receipt.provider_ref == attempt.provider_ref
    assert received(modem) == []


def test_a_receipt_in_a_memory_of_its_own_is_found(
    double: ModemDouble, modem: Modem
) -> None:
    attempt = send(modem)
    double.arrive(status_report(MAY, 1, status=0, at=AT), memory="SR")
    double.arrive(deliver(MAY, "ack", at=AT)[0])

    events = received(modem)

    assert [type(event) for event in events] == [Asked, Receipt]
    assert isinstance(events[1], Receipt)
    assert events[1].provider_ref == attempt.provider_ref
    assert double.memories == {"SM": {}, "SR": {}}


def test_what_the_modem_says_unasked_disturbs_no_message(
    double: ModemDouble, modem: Modem
) -> None:
    send(modem)
    double.report(status_report(MAY, 1, status=0, at=AT))
    double.say("RING", '+CMTI: "SM",4', "^RSSI: 14")

    assert send(modem).outcome is Outcome.DELIVERED
    assert len(received(modem)) == 1


def test_receiving_from_a_modem_that_is_gone_says_so(tmp_path: Path) -> None:
    modem = Modem(str(tmp_path / "none"))

    with pytest.raises(ModemTroubleError, match="failed"):
        received(modem)


def test_threads_share_the_line_one_message_at_a_time(
    double: ModemDouble, modem: Modem
) -> None:
    wanted = [f"message {number} {'x' * 200}" for number in range(4)]
    attempts: list[Attempt] = []
    threads = [
        threading.Thread(target=lambda text=text: attempts.append(send(modem, text)))
        for text in wanted
    ]
    for thread in threads:
        thread.start()
    double.arrive(deliver(MAY, "ack", at=AT)[0])
    events = received(modem)
    for thread in threads:
        thread.join(20)

    assert {one.outcome for one in attempts} == {Outcome.DELIVERED}
    assert len(events) == 1
    whole = texts(double)
    pairs = {whole[place] + whole[place + 1] for place in range(0, 8, 2)}
    assert pairs == set(wanted)
