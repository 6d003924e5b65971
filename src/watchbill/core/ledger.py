"""The ledger: lines that nobody can change, remove or insert without it being seen.

Each line carries a hash over the hash of the line before it and over its own words, so
that whoever knows the hash of one line, its *head*, can tell whether any line up to it
is as it was. What a chain alone cannot tell is whether lines are missing at its end:
for that a head must be known elsewhere, where who writes the lines cannot reach.

The rule, so that others can check an export with a program of their own:

- ``hash(0)`` is 32 zero bytes.
- ``hash(n)`` is SHA-256 over ``watchbill audit 1``, a line feed, the 32 bytes of
  ``hash(n - 1)``, and the words of line *n* in UTF-8.
- The words of a line are a JSON object with keys sorted by code point, no white space
  outside texts, and nothing escaped but what JSON must escape. Every value is a text
  but ``id`` and ``position``, which are whole numbers; the position is *n*.

The first words part these hashes from any other use of SHA-256 and name the rule.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_DOMAIN = b"watchbill audit 1\n"

Words = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last line of a chain: how many there are, and the hash over all of them."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"


START = Head(position=0, hash=bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedLine:
    """One line as it was found, with the hash that was written beside it."""

    words: Words
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far a chain holds; ``broken`` says what is wrong with the next line."""

    head: Head
    broken: str = ""


def canonical(words: Words) -> bytes:
    """Return the bytes of a line over which its hash is taken."""
    text = json.dumps(
        dict(words), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return text.encode()


def seal(before: Head, words: Words) -> Head:
    """Return the head after one more line; the line must say the next position."""
    if words["position"] != before.position + 1:
        message = f"line {words['position']} cannot follow line {before.position}"
        raise ValueError(message)
    digest = hashlib.sha256(_DOMAIN + before.hash + canonical(words)).digest()
    return Head(position=before.position + 1, hash=digest)


def verify(lines: Iterable[SealedLine], *, after: Head = START) -> Verdict:
    """Follow a chain from a head that is known, as far as it holds."""
    head = after
    for line in lines:
        position = line.words.get("position")
        if position != head.position + 1:
            text = f"line {head.position + 1} is missing; line {position} stands there"
            return Verdict(head=head, broken=text)
        found = seal(head, line.words)
        if found.hash != line.hash:
            text = f"line {position} is not what was written, or its hash is not"
            return Verdict(head=head, broken=text)
        head = found
    return Verdict(head=head)


def read_head(text: str) -> Head:
    """Return a head from its text, position and hash with a colon between them.

    ValueError when it is none.
    """
    position, _, digest = text.strip().partition(":")
    found = Head(position=int(position), hash=bytes.fromhex(digest))
    # Python also takes 1_0 for a number, digits of other scripts, and gaps in a hash.
    is_written_so = str(found) == text.strip().lower()
    if found.position < 0 or len(found.hash) != len(START.hash) or not is_written_so:
        message = f"{text!r} is no head"
        raise ValueError(message)
    return found
