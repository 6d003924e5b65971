"""The audit log as a file: lines of JSON that anybody can check, or a table.

The file of JSON begins with a line that says after which head it follows and with
which one it ends; each further line is what its hash is over, and the hash. The table
is for reading, and inert in a spreadsheet.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
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


class ExportUnreadableError(ValueError):
    """A file is no export of the audit log."""


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


def check_file(lines: Iterable[str]) -> Verdict:
    """Check an exported file by itself; ExportUnreadableError when it is none."""
    numbered = iter(enumerate(lines, start=1))
    try:
        top = json.loads(next(numbered)[1])
        if top["format"] != FORMAT:
            raise ValueError
        after, head = read_head(top["after"]), read_head(top["head"])
    except (StopIteration, ValueError, KeyError, TypeError, AttributeError):
        message = f"the first line is not that of an export ({FORMAT})"
        raise ExportUnreadableError(message) from None
    verdict = verify((_read(number, text) for number, text in numbered), after=after)
    if not verdict.broken and verdict.head != head:
        text = f"lines are missing at the end; it should go on to line {head.position}"
        return Verdict(head=verdict.head, broken=text)
    return verdict


def _read(number: int, text: str) -> SealedLine:
    try:
        words = json.loads(text)
        digest = bytes.fromhex(words.pop("hash"))
        words["position"] = int(words["position"])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"line {number} of the file is not a line of the audit log"
        raise ExportUnreadableError(message) from None
    return SealedLine(words=words, hash=digest)


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
