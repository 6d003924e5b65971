"""Send a notice as a text message by a modem on this machine.

For the day on which the internet is cut and the telephone network lives. What other
text messages say, this one says too (`watchbill.integrations.sms`).

A long text is several commands, one for each part. The message may be under way from
the end of a part's PDU on, even if no answer comes. A part that failed is sent again
with all others, which the phone puts together once.

Source: 3GPP TS 27.005 §3.5.1 and §4.3 (+CMGS in PDU mode).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations import sms
from watchbill.integrations.contract import (
    Channel,
    Exchange,
    Mode,
    Result,
    Setting,
    SettingsError,
)
from watchbill.integrations.gsm.errors import read_error
from watchbill.integrations.gsm.line import DEFAULT_BAUD, baud_of, is_refusal
from watchbill.integrations.gsm.pdu import submit
from watchbill.integrations.gsm.received import reference_of
from watchbill.integrations.text import one_line, shorten

CHANNEL = Channel(
    kind=MethodKind.SMS,
    reaches=AddressKind.PHONE,
    modes=(Mode(needs=frozenset({"device"}), people=True),),
    settings=(
        Setting(
            name="device",
            help="The serial line of the modem, best by its id: /dev/serial/by-id/...",
        ),
        Setting(
            name="baud",
            help="Speed of the line; USB modems take any.",
            default=str(DEFAULT_BAUD),
        ),
        Setting(name="pin", help="PIN of the SIM, if it asks for one.", is_secret=True),
        Setting(
            name="region",
            help="Country of the SIM (ISO 3166), to read numbers without +.",
            default="MM",
        ),
    ),
    workers=1,
    # The service centre sends a receipt as soon as the phone has the message.
    receipt_within=timedelta(minutes=5),
)

SECONDS_TO_SEND = 20.0
"""How long the network may take for a part; most need three."""

_END = b"\x1a"
_ANSWER_SEGMENTS = 2
_PROMPT = (">", "ERROR", "+CMS ERROR", "+CME ERROR")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_REFERENCE = re.compile(r"\+CMGS: *([0-9]{1,3})")


def check(settings: Mapping[str, str]) -> None:
    """Raise `SettingsError` for a speed that no line has."""
    baud_of(settings)


def dialog(notice: Notice, *, to: str) -> tuple[Exchange, ...]:
    """Return the commands that send the notice, or raise `SettingsError`."""
    return _send(sms.compose(notice), to=to, key=notice.idempotency_key)


def reply(result: Result) -> tuple[Exchange, ...]:
    """Return the commands that tell a person what came of an answer."""
    text = sms.fit(result.text, max_segments=_ANSWER_SEGMENTS)
    to = result.asked.address
    return _send(text, to=to, key=f"{to} {text}") if text.strip() else ()


def read_lines(lines: tuple[str, ...], *, to: str) -> Attempt:
    """Return what the modem's answer to the last command means."""
    if is_refusal(lines):
        return read_error(lines[-1] if lines else "")
    for line in lines:
        found = _REFERENCE.match(line)
        if found is not None:
            return Attempt(
                outcome=Outcome.DELIVERED,
                detail="the network took it",
                provider_ref=reference_of(to, int(found[1])),
            )
    return Attempt(
        outcome=Outcome.UNKNOWN, detail="the modem said OK and named no message"
    )


def _send(text: str, *, to: str, key: str) -> tuple[Exchange, ...]:
    if not _NUMBER.fullmatch(to):
        raise SettingsError(
            f"{shorten(one_line(to), 40)!r} is no number that a modem can send to;"
            " write it with + and the country code, such as +959..."
        )
    reference = sha256(f"{key} {to}".encode()).digest()[0]
    return tuple(
        exchange
        for pdu in submit(to, text, reference=reference)
        for exchange in (
            # The length leaves out the octet that stands for the service centre.
            Exchange(send=f"AT+CMGS={len(pdu) - 1}\r".encode(), until=_PROMPT),
            Exchange(
                send=pdu.hex().upper().encode() + _END,
                seconds=SECONDS_TO_SEND,
                commits=True,
            ),
        )
    )
