"""Text messages as a modem carries them: SMS-SUBMIT, -DELIVER and -STATUS-REPORT.

Written here and not taken from a library: those on the registry only decode, or have
stood still since Python 2. What a page needs is this one page of the standard.

A long text goes in parts, each with a header that names the message by one octet. That
octet is derived from the notice, so that a repeated attempt sends the *same* parts: a
phone that has the first half from before puts the two together.

A receipt is asked for the last part only, because a message has one receipt.

Source: 3GPP TS 23.040 §9.1 and §9.2 (PDUs), §9.2.3.24.1 (concatenation); 3GPP TS
23.038 §4 (data coding scheme).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from watchbill.integrations.gsm import alphabet

MAX_PARTS = 255

_BASIC_WHOLE, _BASIC_PART = 160, 153
_UCS2_WHOLE, _UCS2_PART = 70, 67
_HEADER = 6
"""Octets of the header of a part, with its length."""

_VALID_FOR_ONE_HOUR = 11
"""(n + 1) times five minutes: a page that comes later only confuses."""

_DELIVER, _SUBMIT, _STATUS_REPORT = 0, 1, 2
_RELATIVE_VALIDITY, _REPORT_WANTED, _HAS_HEADER = 0x10, 0x20, 0x40
_INTERNATIONAL = 0x91


class PduError(ValueError):
    """What the modem hands over is not a message that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a long message this is."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """A message that came in."""

    sender: str
    #: None when the message is data and not text.
    text: str | None
    #: By the clock of the network; None when it cannot be read.
    sent_at: datetime | None
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What became of a message that was sent."""

    reference: int
    recipient: str
    #: TP-Status, TS 23.040 §9.2.3.15.
    status: int


def submit(number: str, text: str, *, reference: int) -> tuple[bytes, ...]:
    """Return the PDUs that send a text to a number in E.164.

    They begin with an empty service centre, which means the one on the SIM. Raises
    `PduError` for a text of more than `MAX_PARTS` parts.
    """
    if alphabet.is_basic(text):
        characters, whole, size = (alphabet.septets(text), _BASIC_WHOLE, _BASIC_PART)
        coding = 0x00
    else:
        characters, whole, size = (alphabet.ucs2_units(text), _UCS2_WHOLE, _UCS2_PART)
        coding = 0x08
    is_whole = sum(len(codes) for codes in characters) <= whole
    parts = list(alphabet.parts(characters, whole if is_whole else size))
    if len(parts) > MAX_PARTS:
        raise PduError(f"the text needs {len(parts)} parts of at most {MAX_PARTS}")
    return tuple(
        _submit(
            number,
            _user_data(codes, coding, header=b"" if is_whole else header),
            coding=coding,
            has_header=not is_whole,
            wants_report=place == len(parts),
        )
        for place, codes in enumerate(parts, start=1)
        for header in [bytes((5, 0, 3, reference & 0xFF, len(parts), place))]
    )


def _submit(
    number: str, user_data: bytes, *, coding: int, has_header: bool, wants_report: bool
) -> bytes:
    flags = _SUBMIT | _RELATIVE_VALIDITY
    flags |= _REPORT_WANTED if wants_report else 0
    flags |= _HAS_HEADER if has_header else 0
    digits = number.removeprefix("+")
    return bytes(
        (
            0,  # the service centre of the SIM
            flags,
            0,  # the modem numbers the message
            len(digits),
            _INTERNATIONAL,
            *_swapped(digits),
            0,  # a plain short message
            coding,
            _VALID_FOR_ONE_HOUR,
            *user_data,
        )
    )


def _user_data(codes: list[int], coding: int, *, header: bytes) -> bytes:
    """Return the length and the text; the length counts septets or octets."""
    if coding:
        octets = header + b"".join(code.to_bytes(2) for code in codes)
        return bytes((len(octets),)) + octets
    fill_bits = -8 * len(header) % 7
    count = (8 * len(header) + fill_bits) // 7 + len(codes)
    return bytes((count,)) + header + alphabet.pack(codes, fill_bits=fill_bits)


def read(text: str) -> Deliver | StatusReport:
    """Read a PDU in hexadecimal, with its service centre; raises `PduError`."""
    try:
        octets = _Octets(bytes.fromhex(text.strip()))
    except ValueError:
        raise PduError("a PDU is not hexadecimal") from None
    octets.take(octets.one())
    flags = octets.one()
    if flags & 3 == _DELIVER:
        return _read_deliver(octets, has_header=bool(flags & _HAS_HEADER))
    if flags & 3 == _STATUS_REPORT:
        reference, recipient = octets.one(), _address(octets)
        octets.take(14)  # when it was sent, and when that was settled
        return StatusReport(
            reference=reference, recipient=recipient, status=octets.one()
        )
    raise PduError("a PDU is of a kind that no modem hands over")


def _read_deliver(octets: "_Octets", *, has_header: bool) -> Deliver:
    sender = _address(octets)
    octets.one()
    coding = octets.one()
    sent_at = _timestamp(octets.take(7))
    length = octets.one()
    data = octets.rest()
    header_size = data[0] + 1 if has_header and data else 0
    if header_size > len(data):
        raise PduError("the header of a PDU is longer than the PDU")
    header, body = data[:header_size], data[header_size:]
    text: str | None = None
    match _alphabet(coding):
        case "basic":
            fill_bits = -8 * header_size % 7
            count = length - (8 * header_size + fill_bits) // 7
            codes = alphabet.unpack(body, count=max(count, 0), fill_bits=fill_bits)
            text = alphabet.text_of(codes)
        case "ucs2":
            room = max(length - header_size, 0)
            text = body[:room].decode("utf-16-be", "replace")
    return Deliver(sender=sender, text=text, sent_at=sent_at, part=_part(header))


def _part(header: bytes) -> Part | None:
    for kind, value in _elements(header[1:]):
        found = None
        if kind == 0x00 and len(value) == 3:
            found = Part(reference=value[0], total=value[1], number=value[2])
        elif kind == 0x08 and len(value) == 4:
            reference = int.from_bytes(value[:2])
            found = Part(reference=reference, total=value[2], number=value[3])
        if found is not None and 1 <= found.number <= found.total:
            return found
    return None


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    octets = _Octets(header)
    while octets.left() >= 2:
        kind, size = octets.one(), octets.one()
        yield kind, octets.take(min(size, octets.left()))


def _alphabet(coding: int) -> str:
    """Return ``basic``, ``ucs2``, or ``data`` for what cannot be read as text."""
    group = coding >> 4
    if group <= 0x7:  # general, and marked for automatic deletion
        if coding & 0x20:  # compressed
            return "data"
        return ("basic", "data", "ucs2", "basic")[coding >> 2 & 3]
    if group == 0xF:
        return "data" if coding & 0x04 else "basic"
    return "ucs2" if group == 0xE else "basic"


def _address(octets: "_Octets") -> str:
    digits, kind = octets.one(), octets.one()
    raw = octets.take((digits + 1) // 2)
    if kind >> 4 & 7 == 5:  # a name
        return alphabet.text_of(alphabet.unpack(raw, count=digits * 4 // 7))
    number = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in raw)[:digits]
    return f"+{number}" if kind >> 4 & 7 == 1 else number


def _timestamp(raw: bytes) -> datetime | None:
    numbers = [(octet & 15) * 10 + (octet >> 4) for octet in raw]
    year, month, day, hour, minute, second = numbers[:6]
    zone = raw[6]
    quarters = (zone & 7) * 10 + (zone >> 4)
    offset = timedelta(minutes=15 * quarters)
    try:
        return datetime(
            2000 + year,
            month,
            day,
            hour,
            minute,
            second,
            tzinfo=timezone(-offset if zone & 8 else offset),
        )
    except ValueError:
        return None


def _swapped(digits: str) -> bytes:
    """Return digits as semi-octets, filled up with F."""
    even = digits + "f" * (len(digits) % 2)
    return bytes(
        int(even[place + 1] + even[place], 16) for place in range(0, len(even), 2)
    )


class _Octets:
    """Octets that are read once, from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def one(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise PduError("a PDU ends early")
        self._at += count
        return self._data[self._at - count : self._at]

    def left(self) -> int:
        return len(self._data) - self._at

    def rest(self) -> bytes:
        return self.take(self.left())
