"""The alphabets of text messages: seven bits where they do, else UCS-2.

The default alphabet has 128 characters of seven bits, packed without gaps; nine more
cost two septets each. Text with any other character, such as Burmese, goes as UCS-2,
which today means UTF-16: an emoji is two units, and those two may not be parted.

Source: 3GPP TS 23.038 §6.1.2, §6.2.1 and §6.2.3.
"""

from collections.abc import Iterable, Iterator, Sequence

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_ESCAPE = 0x1B

_CODES: dict[str, tuple[int, ...]] = {
    character: (code,) for code, character in enumerate(_BASIC) if code != _ESCAPE
} | {character: (_ESCAPE, code) for code, character in _EXTENSION.items()}


def is_basic(text: str) -> bool:
    """Say whether seven bits a character, or twice seven, are enough."""
    return all(character in _CODES for character in text)


def septets(text: str) -> list[tuple[int, ...]]:
    """Return the one or two septets of each character; the text must be basic."""
    return [_CODES[character] for character in text]


def text_of(codes: Iterable[int]) -> str:
    """Return the text of septets; an unknown extension falls back to its basic one."""
    found: list[str] = []
    escaped = False
    for code in codes:
        if code == _ESCAPE and not escaped:
            escaped = True
            continue
        basic = " " if code == _ESCAPE else _BASIC[code]
        found.append(_EXTENSION.get(code, basic) if escaped else basic)
        escaped = False
    return "".join(found)


def pack(codes: Sequence[int], *, fill_bits: int = 0) -> bytes:
    """Pack septets into octets, the first after ``fill_bits`` zero bits."""
    value, bits = 0, fill_bits
    for code in codes:
        value |= code << bits
        bits += 7
    return value.to_bytes((bits + 7) // 8, "little")


def unpack(data: bytes, *, count: int, fill_bits: int = 0) -> list[int]:
    """Return ``count`` septets, or as many as the octets hold."""
    value = int.from_bytes(data, "little") >> fill_bits
    held = (len(data) * 8 - fill_bits) // 7
    return [value >> (7 * place) & 0x7F for place in range(min(count, held))]


def parts(characters: Iterable[Sequence[int]], size: int) -> Iterator[list[int]]:
    """Cut into parts of at most ``size`` codes, and never inside a character."""
    part: list[int] = []
    for codes in characters:
        if len(part) + len(codes) > size:
            yield part
            part = []
        part.extend(codes)
    yield part


def ucs2_units(text: str) -> list[tuple[int, ...]]:
    """Return the one or two 16-bit units of each character."""
    return [_units(character) for character in text]


def _units(character: str) -> tuple[int, ...]:
    data = character.encode("utf-16-be", "replace")
    return tuple(
        int.from_bytes(data[place : place + 2]) for place in range(0, len(data), 2)
    )
