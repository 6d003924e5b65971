"""The audit log as a file: lines of JSON that anybody can check, or a table.

The file of JSON begins with a line that says after which head it follows and with
which one it ends; each further line is what its hash is over, and the hash. The table
is for reading, and inert in a spreadsheet.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from watchbill.core.ledger import Head, SealedLine, Verdict, read_head, verify

FORMAT = "watchbill audit 1"
_COLUMNS = (
    "position",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "remote",
    "act",
    "change",
    "subject_kind",
    "subject_id",
    "details",
    "id",
    "hash",
)


_NUMBERS = frozenset({"id", "position"})
"""What of a line is a whole number; everything else is a text."""


class ExportUnreadableError(ValueError):
    """A file is no export of the audit log."""


class HeadNotInFileError(ValueError):
    """A head that was given is of a line before the first of a file."""


def as_json(lines: Iterable[SealedLine], *, after: Head, head: Head) -> Iterator[str]:
    """Yield the lines of a file that can be checked."""
    yield _json({"format": FORMAT, "after": str(after), "head": str(head)})
    for line in lines:
        yield _json({**line.words, "hash": line.hash.hex()})


def as_csv(lines: Iterable[SealedLine]) -> Iterator[str]:
    """Yield the lines of a table for spreadsheets."""
    yield _row(_COLUMNS)
    for line in lines:
        values = {**line.words, "hash": line.hash.hex()}
        yield _row([_inert(str(values[name])) for name in _COLUMNS])


def check_file(lines: Iterable[str], known: Iterable[Head] = ()) -> Verdict:
    """Check an exported file by itself, and hold heads known from elsewhere to it.

    ExportUnreadableError when it is none, HeadNotInFileError when a head is of a line
    that stands before it and so proves nothing about it.
    """
    numbered = iter(enumerate(lines, start=1))
    after, head = _top(next(numbered, (1, ""))[1])
    heads = sorted(known, key=lambda one: one.position)
    if heads and heads[0].position < after.position:
        message = f"{heads[0]} is not in this file, which follows line {after.position}"
        raise HeadNotInFileError(message)
    verdict = _follow(numbered, after, heads)
    if not verdict.broken and verdict.head != head:
        text = f"lines are missing at the end; it should go on to line {head.position}"
        return Verdict(head=verdict.head, broken=text)
    if not verdict.broken and heads and heads[-1].position > verdict.head.position:
        text = f"it does not reach the head {heads[-1]}"
        return Verdict(head=verdict.head, broken=text)
    return verdict


def _follow(
    numbered: Iterable[tuple[int, str]], after: Head, known: Iterable[Head]
) -> Verdict:
    given: dict[int, set[Head]] = {}
    for one in known:
        given.setdefault(one.position, set()).add(one)
    verdict = Verdict(head=after)
    # Whoever computed all hashes anew has a chain that holds; only up to a head that
    # was given is it known to be the one that was written.
    sure = after
    if text := _differs(after, given):
        return Verdict(head=after, broken=text)
    for number, text in numbered:
        line = _read(text)
        if line is None:
            broken = f"line {number} of the file is not as an export writes it"
            return Verdict(head=verdict.head, broken=broken)
        verdict = verify([line], after=verdict.head)
        if verdict.broken:
            return verdict
        if broken := _differs(verdict.head, given):
            return Verdict(head=sure, broken=broken)
        if verdict.head.position in given:
            sure = verdict.head
    return verdict


def _differs(found: Head, given: Mapping[int, set[Head]]) -> str:
    if given.get(found.position, {found}) == {found}:
        return ""
    return f"line {found.position} is another one than the head that was given"


def _top(text: str) -> tuple[Head, Head]:
    try:
        top = json.loads(text)
        if top["format"] != FORMAT or not _is_written(top, text):
            raise ValueError
        return read_head(top["after"]), read_head(top["head"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = f"the first line is not that of an export ({FORMAT})"
        raise ExportUnreadableError(message) from None


def _read(text: str) -> SealedLine | None:
    """Return a line; None when an export would have written it in another way.

    Nothing is put right while reading: of two keys of one name another program may
    take the other one, and a "5" would pass for what was sealed as 5.
    """
    try:
        words = json.loads(text)
        if not _is_written(words, text):
            return None
        told = words.pop("hash")
        digest = bytes.fromhex(told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_typed = all(
        type(value) is (int if name in _NUMBERS else str)
        for name, value in words.items()
    )
    if not is_typed or "position" not in words or digest.hex() != told:
        return None
    return SealedLine(words=words, hash=digest)


def _is_written(value: dict[str, Any], text: str) -> bool:
    """Whether a line is, byte for byte, as an export writes it."""
    return _json(value).encode() == (text.removesuffix("\n") + "\n").encode()


def _json(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n"


def _row(values: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(values)
    return out.getvalue()


def _inert(text: str) -> str:
    """A cell that a spreadsheet takes for text and for no formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text
