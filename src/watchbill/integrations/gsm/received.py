"""What a modem has received, as events: answers of people, and receipts.

A long answer comes in parts; they wait in the modem's memory until all are there, or
until an hour has passed: then what there is counts, because an answer may be in it.

Text comes from people only, and people have numbers. What a company sends under a
name, or an operator from a short number, is dropped: it answers no page.

A receipt is recognised by the number of the recipient and the reference that the modem
gave the message. That reference has one octet and comes round again; the latest
message to that number is meant.

Source: 3GPP TS 23.040 §9.2.3.15 (TP-Status).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import phonenumbers

from watchbill.integrations import sms
from watchbill.integrations.contract import Asked, Event, Receipt, ReceiptState
from watchbill.integrations.gsm.line import Stored
from watchbill.integrations.gsm.pdu import (
    Deliver,
    Part,
    PduError,
    StatusReport,
    read,
)
from watchbill.integrations.text import printable

PARTS_WITHIN = timedelta(hours=1)
"""How long the first parts of a message wait for the rest."""

_SHORTEST_NUMBER = 7
_CONSENTS = {
    sms.Consent.STOP: ReceiptState.OPTED_OUT,
    sms.Consent.START: ReceiptState.OPTED_IN,
}
_NOT_PROVEN = frozenset({1, 2})
"""Passed on without a confirmation, or replaced by another message."""

_FINAL_FAILURES = range(0x40, 0x80)
"""From 0x20 to 0x3F the service centre still tries."""

_REASONS = {
    0x40: "an error between networks",
    0x41: "the networks do not understand each other",
    0x43: "the number cannot be reached by this network",
    0x46: "it was not delivered in time; the phone may be off",
    0x47: "the sender deleted it",
    0x48: "the operator deleted it",
    0x60: "the network was congested",
    0x61: "the phone was busy",
    0x62: "the phone did not answer",
    0x63: "the service was rejected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What to hand over, and the stored messages that are done with after that."""

    event: Event | None
    taken: tuple[Stored, ...]
    #: Why nothing is handed over, for the log.
    note: str = ""


def reference_of(number: str, reference: int) -> str:
    """Return what names a message that was sent, in `Attempt` and `Receipt`."""
    return f"{number}#{reference}"


def hand_over(
    stored: Iterable[Stored], *, region: str, now: datetime
) -> tuple[Handover, ...]:
    """Return what stored messages mean; parts that wait for others are left out."""
    found: list[Handover] = []
    waiting: dict[tuple[str, int, int], dict[int, tuple[Stored, Deliver]]] = {}
    for one in stored:
        try:
            message = read(one.pdu)
        except PduError as error:
            found.append(Handover(event=None, taken=(one,), note=str(error)))
            continue
        match message:
            case StatusReport():
                found.append(_receipt(one, message, region=region))
            case Deliver(part=Part() as part):
                key = (message.sender, part.reference, part.total)
                waiting.setdefault(key, {})[part.number] = (one, message)
            case Deliver():
                found.append(_asked((one,), (message,), region=region))
    for (_, _, total), parts in waiting.items():
        found.extend(_joined(total, parts, region=region, now=now))
    return tuple(found)


def _joined(
    total: int,
    parts: dict[int, tuple[Stored, Deliver]],
    *,
    region: str,
    now: datetime,
) -> Iterator[Handover]:
    pairs = [parts[number] for number in sorted(parts)]
    is_old = any(
        message.sent_at is None or abs(now - message.sent_at) > PARTS_WITHIN
        for _, message in pairs
    )
    if len(parts) == total or is_old:
        yield _asked(
            tuple(one for one, _ in pairs),
            tuple(message for _, message in pairs),
            region=region,
        )


def _asked(
    taken: tuple[Stored, ...], messages: tuple[Deliver, ...], *, region: str
) -> Handover:
    number = _number(messages[0].sender, region)
    if number is None:
        return Handover(event=None, taken=taken, note="the sender has no number")
    text = "".join(message.text or "" for message in messages)
    if not text.strip():
        return Handover(event=None, taken=taken, note="the message has no text")
    return Handover(event=_event(number, printable(text).strip()), taken=taken)


def _event(number: str, text: str) -> Event:
    answered = sms.parse_reply(text)
    if answered.consent is not None:
        return Receipt(
            provider_ref="",
            state=_CONSENTS[answered.consent],
            detail=f"the person wrote {answered.consent.upper()}",
            address=number,
        )
    return Asked(address=number, reply=answered.reply, code=answered.code, text=text)


def _receipt(one: Stored, report: StatusReport, *, region: str) -> Handover:
    if report.status in _NOT_PROVEN or 0x20 <= report.status < 0x40:
        note = f"the status {report.status:#04x} settles nothing"
        return Handover(event=None, taken=(one,), note=note)
    has_failed = report.status in _FINAL_FAILURES
    number = _number(report.recipient, region) or report.recipient
    reason = _REASONS.get(report.status, "the network gave up")
    receipt = Receipt(
        provider_ref=reference_of(number, report.reference),
        state=ReceiptState.FAILED if has_failed else ReceiptState.DELIVERED,
        detail=f"{reason} (status {report.status:#04x})" if has_failed else "",
    )
    return Handover(event=receipt, taken=(one,))


def _number(address: str, region: str) -> str | None:
    """Return an address in E.164; some networks give numbers of the country as such."""
    if not address.removeprefix("+").isdecimal():
        return None
    if address.startswith("+"):
        return address if len(address) > _SHORTEST_NUMBER else None
    try:
        number = phonenumbers.parse(address, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
