"""Reading severities: the scale, its criteria and targets, and what is said of steps.

What the matrix, the contact tree and the text of a severity say about escalation is
collected as *sayings*; :mod:`watchbill.plan.document.ladders` makes one ladder of
them (A1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from watchbill.plan.document.blocks import Code, Heading, Items, Line, Prose, plain
from watchbill.plan.document.draft import Because, Draft, Value
from watchbill.plan.document.names import Names
from watchbill.plan.document.sections import Placed, key_value
from watchbill.plan.document.tables import SEVERITY_WORD, Cells, Known
from watchbill.plan.document.words import (
    as_key,
    duration,
    is_blank,
    is_immediate,
    seconds,
    slug,
    western,
)

_CODE = re.compile(
    r"(?:(P|S|SEV|Priority|Severity|Level)[- ]?(\d)\b)[\s:.–-]*(.*)", re.IGNORECASE
)
_IMMEDIATE = Because(
    reason='"immediate" has no number; the first answer is due in 5 min',
    decision="A4",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Something the document says happens after a time."""

    severity: str
    after: str
    text: str
    line: int
    #: Whether the table of the matrix says it, which is the master (A1).
    is_matrix: bool = False


@dataclass(slots=True)
class Scale:
    """What was read about severities beside their entries in the draft."""

    draft: Draft
    names: Names
    sayings: list[Saying] = field(default_factory=list)

    def find(self, text: str) -> str | None:
        """Return the severity that a text names, by its code or its title."""
        said = western(text)
        known = dict(self.draft.entries("severities"))
        code, title = _code_and_title(said)
        if code in known:
            return code
        words = {slug(title, ""), slug(said, "")} - {""}
        for key, entry in known.items():
            if {slug(str(entry.get("title", "")), ""), key.lower()} & words:
                return key
        return None

    def of_heading(self, place: Placed) -> str | None:
        """Return the severity under whose heading a block stands."""
        for heading in reversed(place.under):
            key = self.find(heading.text)
            if key is not None and re.match(SEVERITY_WORD, western(heading.text), re.I):
                return key
        return None

    def worst(self) -> str | None:
        """Return the first severity."""
        return next((key for key, _ in self.draft.entries("severities")), None)


def _code_and_title(text: str) -> tuple[str, str]:
    """The key and title of ``P1 - Critical (Service Down)``."""
    found = _CODE.match(text)
    code, rest = "", text
    if found:
        prefix = {"severity": "S", "priority": "P", "level": "S"}
        code = prefix.get(found[1].lower(), found[1].upper()) + found[2]
        rest = found[3]
    title = re.sub(r"\s*\(.*$", "", rest).strip(" -:") or code
    return code or as_key(title, "").lower(), title


_SUBJECT = r"severit|incident|priorit|classif|level|ပြင်းထန်"


def read_heading(scale: Scale, place: Placed) -> None:
    """Make a severity of a heading such as "P1 - Critical" or "SEV1: Down"."""
    heading = place.block
    if not isinstance(heading, Heading):
        return
    text = western(heading.text)
    above = " / ".join(one.text for one in place.under)
    is_code = bool(_CODE.match(text)) and not re.match("level", text, re.I)
    is_word = re.match(SEVERITY_WORD + r"|emergency\b", text, re.I)
    is_word = is_word and re.search(_SUBJECT, above, re.I)
    if not (is_code or is_word) or re.search(
        r"bug|triage|escalation steps", above, re.I
    ):
        return
    code, title = _code_and_title(text)
    if code and scale.find(text) is None:
        path = ("severities", code, "title")
        scale.draft.put(path, title, heading.line)
        if inside := re.search(r"\([^()]*\)", text):
            reason = f'the title is "{title}", without "{inside[0]}"'
            scale.draft.note(heading.line, path, Because(reason=reason))


def read_row(scale: Scale, row: Cells) -> None:
    """Make a severity of a row of a table."""
    code, title = _code_and_title(western(row["severity"]))
    key = scale.find(row["severity"]) or code
    if not key:
        scale.draft.unplaced(row.line, "the row names no severity")
        return
    path = ("severities", key)
    scale.draft.put((*path, "title"), row["title"] or title or key, row.line)
    criteria: list[Value] = [
        part for part in re.split(r"\s*;\s*", row["criteria"]) if not is_blank(part)
    ]
    scale.draft.put((*path, "criteria"), criteria, row.line)
    _target(scale, key, "response", row["response"], row.line)
    _target(scale, key, "resolution", row["resolution"], row.line)
    if not is_blank(row["escalation"]):
        _escalation(scale, key, row["escalation"], row.line)


def read_block(scale: Scale, place: Placed) -> bool:
    """Read what stands under the heading of a severity."""
    key = scale.of_heading(place)
    if key is None:
        return False
    match place.block:
        case Prose(lines=lines):
            read = [_line(scale, key, line) for line in lines]
            return any(read)
        case Items():
            return _items(scale, key, place, place.block)
    return False


def _line(scale: Scale, key: str, line: Line) -> bool:
    pair = key_value(line)
    if pair is None:
        return False
    name, value = pair
    if not value:
        return True
    for field_name, words in (
        ("response", r"respon|acknowledg|တုံ့ပြန်"),
        ("resolution", r"resol|restor|repair|ဖြေရှင်း"),
    ):
        if re.search(words, name, re.IGNORECASE):
            _target(scale, key, field_name, value, line.number)
            return True
    if re.search(r"escalat|အဆင့်မြှင့်", name, re.IGNORECASE):
        _escalation(scale, key, value, line.number)
        return True
    if re.search(r"criteria|example|descri|သတ်မှတ်", name, re.IGNORECASE):
        parts: list[Value] = [part.strip() for part in value.split(";") if part.strip()]
        return scale.draft.put(("severities", key, "criteria"), parts, line.number)
    return False


def _target(scale: Scale, key: str, name: str, text: str, line: int) -> None:
    path = ("severities", key, name)
    if is_blank(text):
        return
    if is_immediate(text):
        scale.draft.put(path, "5m", line, _IMMEDIATE)
    elif spelled := duration(text):
        scale.draft.put(path, spelled, line)
    else:
        scale.draft.unplaced(line, f'"{text}" is not understood as a time', path)


def _escalation(scale: Scale, key: str, text: str, line: int) -> None:
    if after := duration(text):
        saying = Saying(severity=key, after=after, text=text, line=line)
        scale.sayings.append(saying)
        scale.draft.note(line, ("escalation", key))
    else:
        scale.draft.unplaced(line, f'"{text}" says no time', ("escalation", key))


def _items(scale: Scale, key: str, place: Placed, block: Items) -> bool:
    about = f"{place.label}"
    is_action = re.search(r"action|step|procedure|do|လုပ်ဆောင်", about, re.IGNORECASE)
    has_criteria = scale.draft.get(("severities", key, "criteria")) is not None
    name = "actions" if is_action or (has_criteria and not about) else "criteria"
    path = ("severities", key, name)
    if about and place.label_line is not None:
        scale.draft.note(place.label_line, path)
    if name == "criteria" and has_criteria:
        return False
    texts: list[Value] = [item.text for item in block.items if item.text]
    scale.draft.put(path, texts, block.line)
    for item in block.items:
        for number in range(item.line, item.end + 1):
            scale.draft.note(number, path)
        if name == "actions":
            _action(scale, key, item.text, item.line)
    return True


_ACTION_STEP = re.compile(
    r"(?<!status )\bpage\b|#\w|\bticket\b|post-?mortem|retrospective", re.I
)


def _action(scale: Scale, key: str, text: str, line: int) -> None:
    """An action that the engine can do is a saying too."""
    if _ACTION_STEP.search(text):
        after = duration(text) or "0m"
        saying = Saying(severity=key, after=after, text=text, line=line)
        scale.sayings.append(saying)


def read_matrix(scale: Scale, table: Known) -> None:
    """Read a matrix of times and severities, either way round."""
    by_severity = table.kind == "matrix_by_severity"
    for row in table.rows:
        for column, heading in table.headings.items():
            if column == "0":
                continue
            time, severity = (heading, row["0"]) if by_severity else (row["0"], heading)
            _cell(scale, time, severity, row[column], row.line)
        scale.draft.note(row.line, ("escalation",))


def _cell(scale: Scale, time: str, severity: str, text: str, line: int) -> None:
    key, after = scale.find(severity), _time(time)
    if is_blank(text):
        return
    if key is None or after is None:
        reason = f'"{text}" stands at a time or severity that is not understood'
        scale.draft.unplaced(line, reason)
        return
    saying = Saying(severity=key, after=after, text=text, line=line, is_matrix=True)
    scale.sayings.append(saying)


def _time(text: str) -> str | None:
    if is_immediate(text) or re.fullmatch(r"\W*0\W*|start|detection", text, re.I):
        return "0m"
    return duration(text)


def read_tree(scale: Scale, place: Placed) -> bool:
    """Read a contact tree drawn with arrows: names, with times in brackets.

    A name without a time is told with the one above it.
    """
    block = place.block
    subject = r"contact|escalat|emergency|ဆက်သွယ်"
    if not isinstance(block, Code) or not re.search(subject, place.trail, re.I):
        return False
    rungs = list(_rungs(block))
    starts = [scale.find(line.text.split(" ")[0]) for line in rungs]
    severity = next((key for key in starts if key is not None), scale.worst())
    if severity is None or not rungs:
        return False
    after = "0m"
    for line, start in zip(rungs, starts, strict=True):
        after = duration(line.text) or after
        text = re.sub(r"\(.*?\)|@.*", "", line.text).strip(" -:,")
        if start is None and text:
            scale.sayings.append(
                Saying(severity=severity, after=after, text=text, line=line.number)
            )
    for line in block.lines:
        if line.text.strip():
            scale.draft.note(line.number, ("escalation", severity))
    return True


def _rungs(block: Code) -> Iterator[Line]:
    for line in block.lines:
        text = re.sub(
            r"\s+", " ", re.sub(r"[\u2190-\u21ff\u2500-\u257f]|-+>|=+>", " ", line.text)
        )
        text = plain(text).strip(" |>-")
        if re.search(r"\w\w", text):
            yield Line(number=line.number, text=text)


def sort_key(saying: Saying) -> tuple[int, bool]:
    """Order sayings by time, the matrix first."""
    return seconds(saying.after), not saying.is_matrix
