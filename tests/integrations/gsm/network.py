"""The other end of the network: it reads what is submitted and writes what comes in.

Written apart from the product's codec and bit by bit, so that an error in one does not
hide behind the same error in the other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from watchbill.integrations.gsm import alphabet


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """One SMS-SUBMIT."""

    number: str
    coding: int
    user_data: bytes
    text: str
    part: tuple[int, int, int] | None
    wants_report: bool


def read_submit(pdu: bytes) -> Submitted:
    """Read an SMS-SUBMIT with its service centre."""
    rest = pdu[1 + pdu[0] :]
    flags = rest[0]
    assert flags & 0x03 == 1
    assert flags & 0x18 == 0x10
    digits, kind = rest[2], rest[3]
    assert kind == 0x91
    octets = (digits + 1) // 2
    number = rest[4 : 4 + octets].hex()
    swapped = "".join(number[i + 1] + number[i] for i in range(0, len(number), 2))
    rest = rest[4 + octets :]
    coding, length, data = rest[1], rest[3], rest[4:]
    header = data[: data[0] + 1] if flags & 0x40 else b""
    if header:
        assert header[:3] == b"\x05\x00\x03"
    if coding == 0:
        assert len(data) == (length * 7 + 7) // 8
        text = _septets(data, length, skip=(len(header) * 8 + 6) // 7)
    else:
        assert len(data) == length
        text = data[len(header) :].decode("utf-16-be")
    return Submitted(
        number=f"+{swapped[:digits]}",
        coding=coding,
        user_data=data,
        text=text,
        part=(header[3], header[4], header[5]) if header else None,
        wants_report=bool(flags & 0x20),
    )


def _septets(data: bytes, count: int, *, skip: int) -> str:
    bits = "".join(f"{octet:08b}"[::-1] for octet in data)
    codes = [int(bits[7 * i : 7 * i + 7][::-1], 2) for i in range(count)]
    return alphabet.text_of(codes[skip:])


def deliver(
    sender: str,
    text: str,
    *,
    at: datetime,
    reference: int = 1,
    header: bytes = b"",
    quarters: int = 0,
) -> list[bytes]:
    """Return the SMS-DELIVER PDUs of a text, from a number."""
    basic = alphabet.is_basic(text)
    units = alphabet.septets(text) if basic else alphabet.ucs2_units(text)
    room, part = (160, 153) if basic else (70, 67)
    if sum(map(len, units)) <= room:
        chunks = [[code for codes in units for code in codes]]
    else:
        chunks = list(alphabet.parts(units, part))
    pdus = []
    for place, codes in enumerate(chunks, start=1):
        head = header
        if len(chunks) > 1:
            head = bytes((5, 0, 3, reference, len(chunks), place))
        if basic:
            skip = (len(head) * 8 + 6) // 7
            bits = "".join(f"{octet:08b}"[::-1] for octet in head).ljust(7 * skip, "0")
            bits += "".join(f"{code:07b}"[::-1] for code in codes)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
            length = skip + len(codes)
        else:
            data = head + b"".join(code.to_bytes(2, "big") for code in codes)
            length = len(data)
        flags = 0x04 | (0x40 if head else 0)
        body = bytes((flags,)) + address(sender) + bytes((0, 0 if basic else 8))
        body += timestamp(at, quarters) + bytes((length,)) + data
        pdus.append(bytes((0,)) + body)
    return pdus


def status_report(
    recipient: str, reference: int, *, status: int, at: datetime
) -> bytes:
    """Return an SMS-STATUS-REPORT with an empty service centre."""
    head = bytes((0, 0x06, reference)) + address(recipient)
    return head + timestamp(at) * 2 + bytes((status,))


def address(number: str) -> bytes:
    digits = number.removeprefix("+")
    kind = 0x91 if number.startswith("+") else 0x81
    filled = digits + "F" * (len(digits) % 2)
    pairs = "".join(filled[i + 1] + filled[i] for i in range(0, len(filled), 2))
    return bytes((len(digits), kind)) + bytes.fromhex(pairs)


def timestamp(at: datetime, quarters: int = 0) -> bytes:
    zone = timezone(timedelta(minutes=15 * quarters))
    local = at.astimezone(zone if quarters else UTC)
    text = f"{local:%y%m%d%H%M%S}{quarters:02d}"
    return bytes.fromhex("".join(text[i + 1] + text[i] for i in range(0, 14, 2)))
