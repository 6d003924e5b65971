"""Findings: what is wrong with a plan, said as a compiler says it.

Every finding has a code that never changes its meaning, a place in the text and a
sentence; most have a hint that says what to write instead. An *error* means that
watchbill does not run the plan; a *warning* is a real gap that the plan's owner
should know of, such as a contact who is not yet filled in; an *info* is a remark.
The codes are explained one by one in ``docs/plan-reference.md``.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

from watchbill.plan.width import blank, display_width


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Code(StrEnum):
    """The code of a finding.

    WB0 text, WB1 form, WB2 names, WB3 ladders, WB4 people, WB5 operations, WB6 bugs,
    WB7 communication, WB8 governance.
    """

    TOO_LARGE = "WB001"
    NOT_UTF8 = "WB002"
    FORBIDDEN_CHARACTER = "WB003"
    TAB = "WB004"
    SYNTAX = "WB005"
    SECOND_DOCUMENT = "WB006"
    ANCHOR = "WB007"
    TAG = "WB008"
    MERGE_KEY = "WB009"
    DUPLICATE_KEY = "WB010"
    TOO_DEEP = "WB011"
    KEY_NOT_TEXT = "WB012"
    EMPTY = "WB013"

    UNKNOWN_KEY = "WB101"
    MISSING_KEY = "WB102"
    WRONG_SHAPE = "WB103"
    BAD_VALUE = "WB104"
    NOT_A_CHOICE = "WB105"
    NOTHING_LISTED = "WB106"
    UNKNOWN_FORMAT = "WB107"

    UNKNOWN_ROLE = "WB201"
    UNKNOWN_SCHEDULE = "WB202"
    UNKNOWN_LEVEL = "WB203"
    UNKNOWN_CHANNEL = "WB204"
    UNKNOWN_SEVERITY = "WB205"
    ROLE_CYCLE = "WB206"
    DUPLICATE_ID = "WB207"
    AMBIGUOUS_NAME = "WB208"
    UNKNOWN_MEMBER = "WB209"
    UNKNOWN_SHIFT = "WB210"
    UNKNOWN_ROUTE = "WB211"
    UNKNOWN_EXPERT = "WB212"
    UNKNOWN_LINK = "WB213"
    UNKNOWN_SPECIALTY = "WB214"

    BACK_IN_TIME = "WB301"
    REACHES_NOBODY = "WB302"
    ONLY_UNFILLED = "WB303"
    NO_FALLBACK = "WB304"
    WRONG_TARGET = "WB305"
    NO_STEPS = "WB306"

    UNFILLED_CONTACT = "WB401"
    DOUBTFUL_PHONE = "WB402"
    UNCOVERED_HOURS = "WB403"
    LONG_WEEK = "WB404"
    BUS_FACTOR = "WB405"
    SAME_PERSON_TWICE = "WB406"
    NO_SECONDARY = "WB407"
    NO_EXPERT = "WB408"
    SCHEDULE_GAP = "WB409"
    DOUBLE_DUTY = "WB410"
    HOURS_UNCOVERED = "WB411"
    ONE_MEMBER = "WB412"
    TWO_SCHEDULES = "WB413"
    OTHER_SPECIALTY = "WB414"

    WINDOW_LENGTH = "WB501"
    WINDOWS_OVERLAP = "WB502"
    OVERLAP_REFUSED = "WB503"
    NO_SLACK = "WB504"
    WORK_ON_DAY_OFF = "WB505"
    FIRST_DAY_DIFFERS = "WB506"
    UNKNOWN_WINDOW = "WB507"
    UNKNOWN_TEST_LEVEL = "WB508"
    UNKNOWN_CHANGE_TYPE = "WB509"
    ONE_APPROVER = "WB510"
    TOO_FEW_APPROVERS = "WB511"
    FREEZE_IN_THE_PAST = "WB512"
    THRESHOLDS_CROSSED = "WB513"
    OTHER_UNIT = "WB514"
    DROP_TURNED = "WB515"
    OTHER_SEVERITY = "WB516"
    NO_DASHBOARD = "WB517"
    INHIBITS_NOTHING = "WB518"
    USELESS_NUMBER = "WB519"

    HOTFIX_TOO_LONG = "WB601"
    HOTFIX_MAY_BE_LATE = "WB602"
    OTHER_HOTFIX_TARGET = "WB603"
    PHASE_ORDER = "WB604"
    FIX_BEFORE_SERVICE = "WB605"
    NO_BUG_LEVEL = "WB606"
    SAME_SEVERITY_TWICE = "WB607"
    NO_SPRINTS = "WB608"
    SPRINT_LENGTH = "WB609"

    NO_CADENCE = "WB701"
    MISSING_TRANSLATION = "WB702"
    UNKNOWN_AUDIENCE = "WB703"

    UNSIGNED = "WB801"
    STRANGE_SIGNATURE = "WB802"
    OVERDUE_REVIEW = "WB803"
    STALE_RUNBOOK = "WB804"
    NO_OWNER = "WB805"
    NO_MEETING_TIME = "WB806"
    UNFILLED_VENDOR = "WB807"
    SHORT_RETENTION = "WB808"
    UNCONFIRMED = "WB809"
    IMPOSSIBLE_SCALE = "WB810"


_WARNINGS = frozenset(
    {
        Code.NO_STEPS,
        Code.UNFILLED_CONTACT,
        Code.DOUBTFUL_PHONE,
        Code.UNCOVERED_HOURS,
        Code.LONG_WEEK,
        Code.BUS_FACTOR,
        Code.SAME_PERSON_TWICE,
        Code.NO_SECONDARY,
        Code.SCHEDULE_GAP,
        Code.DOUBLE_DUTY,
        Code.HOURS_UNCOVERED,
        Code.ONE_MEMBER,
        Code.TWO_SCHEDULES,
        Code.OTHER_SPECIALTY,
        Code.HOTFIX_MAY_BE_LATE,
        Code.OTHER_HOTFIX_TARGET,
        Code.FIX_BEFORE_SERVICE,
        Code.NO_BUG_LEVEL,
        Code.NO_CADENCE,
        Code.MISSING_TRANSLATION,
        Code.UNKNOWN_AUDIENCE,
        Code.UNSIGNED,
        Code.STRANGE_SIGNATURE,
        Code.OVERDUE_REVIEW,
        Code.STALE_RUNBOOK,
        Code.NO_OWNER,
        Code.NO_MEETING_TIME,
        Code.UNFILLED_VENDOR,
        Code.SHORT_RETENTION,
        Code.WINDOWS_OVERLAP,
        Code.WORK_ON_DAY_OFF,
        Code.ONE_APPROVER,
        Code.OTHER_SEVERITY,
        Code.NO_DASHBOARD,
        Code.INHIBITS_NOTHING,
    }
)

_INFOS = frozenset(
    {
        Code.NO_EXPERT,
        Code.UNCONFIRMED,
        Code.NO_SLACK,
        Code.FREEZE_IN_THE_PAST,
        Code.DROP_TURNED,
    }
)


def level_of(code: Code) -> Level:
    """Return how much findings of this code matter; a code has one level for good."""
    if code in _WARNINGS:
        return Level.WARNING
    return Level.INFO if code in _INFOS else Level.ERROR


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A stretch of the text; lines and columns count from 1, the end is exclusive.

    Columns count characters (code points), not bytes and not screen cells.
    """

    line: int
    column: int
    end_line: int
    end_column: int


_LONGEST_MESSAGE = 300

START = Span(line=1, column=1, end_line=1, end_column=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a plan that somebody should look at."""

    severity: Level
    code: Code
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    #: What to do about it; empty when the message says it.
    hint: str = ""

    def headline(self, name: str) -> str:
        """Return ``plans/trm.yaml:6:12: error[WB101]: ...``."""
        place = f"{name}:{self.line}:{self.column}"
        return f"{place}: {self.severity}[{self.code}]: {self.message}"


class Quotable(Protocol):
    """What can be printed with its line and a caret: a finding, a story's fault."""

    @property
    def line(self) -> int:
        """Return the line, counted from 1."""

    @property
    def column(self) -> int:
        """Return the column, counted from 1."""

    @property
    def end_line(self) -> int:
        """Return the line in which it ends."""

    @property
    def end_column(self) -> int:
        """Return the column before which it ends."""

    @property
    def hint(self) -> str:
        """Return what to do about it."""

    def headline(self, name: str) -> str:
        """Return place, level, code and message."""


def finding(code: Code, span: Span, message: str, hint: str = "") -> Finding:
    """Return a finding at a place, with the level of its code."""
    return Finding(
        severity=level_of(code),
        code=code,
        message=_on_one_line(message),
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        hint=hint,
    )


def _on_one_line(message: str) -> str:
    """The message without the line breaks and the length of a value it quotes."""
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST_MESSAGE else words[:_LONGEST_MESSAGE] + "..."


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings each once, in the order of the text."""

    def place(one: Finding) -> tuple[int, int, str, str]:
        return one.line, one.column, one.code, one.message

    return tuple(sorted(dict.fromkeys(findings), key=place))


def render_text(
    findings: Iterable[Quotable], *, name: str, lines: tuple[str, ...]
) -> str:
    """Return findings as a compiler prints them, each with its line and a caret."""
    blocks = [_block(one, name=name, lines=lines) for one in findings]
    return "\n".join(blocks)


def as_json(findings: Iterable[Finding], *, name: str) -> str:
    """Return findings as a JSON array, for editors and CI."""
    rows = [{"file": name, **asdict(one)} for one in findings]
    return json.dumps(rows, ensure_ascii=False, indent=2)


def summary(findings: Iterable[Finding]) -> str:
    """Return one line such as ``2 errors, 1 warning``."""
    counts = dict.fromkeys(Level, 0)
    for one in findings:
        counts[one.severity] += 1
    said = [
        f"{count} {level}{'' if count == 1 else 's'}"
        for level, count in counts.items()
        if count and level is not Level.INFO
    ]
    if counts[Level.INFO]:
        number = counts[Level.INFO]
        said.append(f"{number} remark{'' if number == 1 else 's'}")
    return ", ".join(said) or "no findings"


# A terminal obeys control characters; what is quoted must not command it.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_LONGEST = 100
"""Screen cells of a source line shown; a longer one is cut around the place."""


def _block(one: Quotable, *, name: str, lines: tuple[str, ...]) -> str:
    rows = [one.headline(name)]
    if one.line <= len(lines):
        rows += _quotation(one, lines[one.line - 1])
    if one.hint:
        rows.append(f"  hint: {one.hint}")
    return "\n".join(rows) + "\n"


def _quotation(one: Quotable, text: str) -> list[str]:
    """The source line with a caret under the place."""
    text = _UNPRINTABLE.sub("\ufffd", text.replace("\t", " "))
    first = min(one.column - 1, len(text))
    same_line = one.end_line == one.line
    last = min(one.end_column - 1, len(text)) if same_line else len(text.rstrip())
    before, marked, after = text[:first], text[first:last], text[last:]
    if display_width(text) > _LONGEST:
        before, marked, after = _cut(before, marked, after)
    caret = "^" + "~" * (max(display_width(marked), 1) - 1)
    gutter = f"{one.line:>5} | "
    empty = " " * (len(gutter) - 2) + "| "
    return [(gutter + before + marked + after).rstrip(), empty + blank(before) + caret]


def _cut(before: str, marked: str, after: str) -> tuple[str, str, str]:
    before = before if len(before) <= 40 else "..." + before[-37:]
    marked = marked if len(marked) <= 50 else marked[:50]
    room = max(_LONGEST - len(before) - len(marked), 3)
    after = after if len(after) <= room else after[: room - 3] + "..."
    return before, marked, after
