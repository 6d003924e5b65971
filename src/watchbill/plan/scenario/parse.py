"""Parsing: from the text of a scenario file to its stories.

One line is one statement; a line that cannot be read is a fault at its place, and
the lines below it are read all the same, so that all faults are said at once. A
line that is no statement of its own begins with a severity: ``P1 payment``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from watchbill.core.ladder import StopOn, Verb
from watchbill.core.oncall import Duty
from watchbill.plan.findings import START, Span
from watchbill.plan.scenario.faults import Fault, FaultError, StoryCode, fault
from watchbill.plan.scenario.script import (
    Declared,
    Deed,
    DutyLine,
    Expected,
    Happening,
    Moment,
    Phrase,
    Script,
    Story,
    WallClock,
)
from watchbill.plan.values import (
    UnreadableError,
    parse_date,
    parse_duration,
    parse_wall_time,
)

ARROW = "->"
OTHERS = "..."
BREAK = "---"
NOTHING = "nothing"
NOBODY = "nobody"

MAX_BYTES = 1_000_000

_COMMENT = re.compile(r"(^|\s)#(\s.*)?$")
_LABEL = re.compile(r'([A-Za-z_][\w.-]*)=("[^"]*"|\S*)')
_EVENTS = {
    one.value: one for one in (StopOn.ACKNOWLEDGED, StopOn.MITIGATED, StopOn.RESOLVED)
}
#: Longer spellings first: "escalate to" is also "escalate".
_VERBS = (
    ("create ticket", Verb.CREATE_TICKET),
    ("escalate to", Verb.ESCALATE),
    ("escalate", Verb.ESCALATE),
    ("notify", Verb.NOTIFY),
    ("page", Verb.PAGE),
    ("post to", Verb.POST),
    ("postmortem", Verb.POSTMORTEM),
    ("post-mortem", Verb.POSTMORTEM),
    ("post", Verb.POST),
)


def parse(text: str | bytes, *, name: str) -> Script:
    """Return the stories of a text, or every fault of it; never raises."""
    decoded = _decoded(text)
    if isinstance(decoded, Fault):
        return Script(name=name, lines=(), stories=(), faults=(decoded,))
    lines = tuple(re.split(r"\r\n|\r|\n", decoded))
    reader = _Reader(name=name)
    for number, line in enumerate(lines, start=1):
        reader.read(number, line)
    reader.finish()
    told = () if reader.faults else tuple(reader.stories)
    if not told and not reader.faults:
        problem = fault(StoryCode.NOTHING_TOLD, START, "the file tells no story")
        reader.faults.append(problem.fault)
    return Script(name=name, lines=lines, stories=told, faults=tuple(reader.faults))


def _decoded(text: str | bytes) -> str | Fault:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        message = f"the file has {len(raw):,} bytes; the limit is {MAX_BYTES:,}"
        return fault(StoryCode.UNREADABLE_TEXT, START, message).fault
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        message = "the file is not UTF-8 text"
        return fault(StoryCode.UNREADABLE_TEXT, START, message).fault


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A story while it is read."""

    title: str = ""
    line: int = 0
    plan: Phrase | None = None
    at: WallClock | None = None
    declared: list[Declared] = field(default_factory=list)
    duties: list[DutyLine] = field(default_factory=list)
    unreachable: list[Phrase] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    has_gap: bool = False

    @property
    def is_told(self) -> bool:
        return bool(self.declared or self.duties or self.moments)


class _Reader:
    """Reads line by line; a fault costs its line only."""

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.stories: list[Story] = []
        self.faults: list[Fault] = []
        self.draft = _Draft()

    def read(self, number: int, line: str) -> None:
        """Read one line."""
        found = _COMMENT.search(line)
        if found and not line[: found.start()].strip() and not self.draft.title:
            self.draft.title = (found[2] or "").strip()
        body = line[: found.start()] if found else line
        if not body.strip():
            return
        self.draft.line = self.draft.line or number
        try:
            self._statement(_phrase(number, body, 0, len(body)))
        except FaultError as error:
            self.faults.append(error.fault)

    def finish(self) -> None:
        """End the story that is being read."""
        draft = self.draft
        if draft.is_told:
            try:
                self.stories.append(self._story(draft))
            except FaultError as error:
                self.faults.append(error.fault)
        # The next story is told of the same plan unless it says otherwise.
        self.draft = _Draft(plan=draft.plan)

    def _statement(self, said: Phrase) -> None:
        if said.text == BREAK:
            self.finish()
        elif said.text == OTHERS:
            self.draft.has_gap = True
        elif said.text.startswith("+"):
            self._moment(said)
        else:
            word = said.text.split()[0]
            readers: dict[str, Callable[[Phrase], None]] = {
                "plan": self._plan,
                "at": self._at,
                "unreachable": self._unreachable,
                "alert": self._alert,
                "on": self._duty,
            }
            self._refuse_below_time_line(said)
            readers.get(word, self._severity)(said)

    def _refuse_below_time_line(self, said: Phrase) -> None:
        if self.draft.moments:
            message = "this stands below the first line of the time line"
            hint = f'Put it above, or begin another story with "{BREAK}".'
            raise fault(StoryCode.OUT_OF_ORDER, said.span, message, hint)

    def _plan(self, said: Phrase) -> None:
        self.draft.plan = _rest(said, "plan", "plan trm")

    def _at(self, said: Phrase) -> None:
        rest = _rest(said, "at", "at 2026-02-08 02:30")
        day, _, wall = rest.text.partition(" ")
        try:
            self.draft.at = WallClock(
                day=parse_date(day), wall=parse_wall_time(wall.strip()), span=rest.span
            )
        except UnreadableError as error:
            hint = "Write a day and a time of the plan's zone: at 2026-02-08 02:30."
            raise fault(StoryCode.BAD_VALUE, rest.span, str(error), hint) from error

    def _unreachable(self, said: Phrase) -> None:
        rest = _rest(said, "unreachable", "unreachable Technical Lead")
        self.draft.unreachable += _split(rest, ",")

    def _alert(self, said: Phrase) -> None:
        left, right = _sides(said)
        rest = _rest(left, "alert", "alert alertname=HighErrorRate severity=critical")
        self.draft.declared.append(
            Declared(
                line=said.span.line,
                at=self.draft.at,
                labels=_labels(rest),
                expected=right,
            )
        )

    def _severity(self, said: Phrase) -> None:
        if ARROW in said.text:
            message = "only an alert, a duty or a line of the time line has an arrow"
            raise fault(StoryCode.UNKNOWN_LINE, said.span, message)
        severity, *others = _words(said)
        route = None
        if others:
            start = others[0].span.column - said.span.column
            route = _sub(said, start, len(said.text))
        self.draft.declared.append(
            Declared(
                line=said.span.line, at=self.draft.at, severity=severity, route=route
            )
        )

    def _duty(self, said: Phrase) -> None:
        left, right = _sides(said)
        hint = "Write: on call primary -> Technical Lead."
        words = _words(left)
        if [one.text for one in words[:2]] != ["on", "call"] or not right:
            message = "this is neither an incident nor a duty"
            raise fault(StoryCode.UNKNOWN_LINE, said.span, message, hint)
        schedule = words[2] if len(words) == 4 else None
        duty = words[-1]
        if len(words) not in {3, 4} or duty.text not in set(Duty):
            message = f'"{duty.text}" is not a duty'
            hint = "Duties are primary, secondary and shadow; a schedule goes before."
            raise fault(StoryCode.BAD_VALUE, duty.span, message, hint)
        self.draft.duties.append(
            DutyLine(
                line=said.span.line,
                at=self.draft.at,
                schedule=schedule,
                duty=Duty(duty.text),
                expected=right,
                span=said.span,
            )
        )

    def _moment(self, said: Phrase) -> None:
        left, right = _sides(said)
        clock = _words(left)[0]
        elapsed = _elapsed(clock)
        if self.draft.moments and elapsed <= self.draft.moments[-1].elapsed:
            message = f'"{clock.text}" is not later than the line above it'
            raise fault(StoryCode.OUT_OF_ORDER, clock.span, message)
        rest = _sub(left, len(clock.text), len(left.text))
        self.draft.moments.append(
            Moment(
                line=said.span.line,
                elapsed=elapsed,
                happenings=tuple(_happenings(rest)),
                expected=None if right is None else _expected(right),
                span=said.span,
                after_gap=self.draft.has_gap,
            )
        )
        self.draft.has_gap = False

    def _story(self, draft: _Draft) -> Story:
        incident = _incident(draft) if draft.moments else None
        return Story(
            title=draft.title or f"the story in line {draft.line}",
            line=draft.line,
            plan=draft.plan,
            alerts=tuple(_assertions(draft)),
            duties=tuple(draft.duties),
            unreachable=tuple(draft.unreachable),
            incident=incident,
            moments=tuple(draft.moments),
            ends_open=draft.has_gap,
        )


def _incident(draft: _Draft) -> Declared:
    """The one incident of a time line: an alert with an arrow only if it is alone."""
    plain = [one for one in draft.declared if one.expected is None]
    chosen = plain or draft.declared
    if len(chosen) == 1:
        return chosen[0]
    span = draft.moments[0].span
    message = "the time line has no incident"
    if chosen:
        message = f"the time line has {len(chosen)} incidents above it"
    hint = "Say one: P1 payment, or alert alertname=HighErrorRate severity=critical."
    raise fault(StoryCode.NO_INCIDENT, span, message, hint)


def _assertions(draft: _Draft) -> Iterator[Declared]:
    for one in draft.declared:
        if one.expected is not None:
            yield one
        elif not draft.moments:
            message = "nothing is expected of this"
            hint = f'Add "{ARROW} P2 Application Errors" to an alert, or a time line.'
            span = Span(line=one.line, column=1, end_line=one.line, end_column=2)
            raise fault(StoryCode.NOTHING_TOLD, span, message, hint)


def _happenings(said: Phrase) -> Iterator[Happening]:
    for phrase in _split(said, ";"):
        word, _, rest = phrase.text.partition(" ")
        by = rest.strip().removeprefix("by ").strip()
        if word not in _EVENTS or (rest and not rest.strip().startswith("by ")):
            message = f'"{phrase.text}" does not happen to an incident'
            hint = "Write acknowledged, mitigated or resolved, with or without by NAME."
            raise fault(StoryCode.UNKNOWN_LINE, phrase.span, message, hint)
        who = None
        if by:
            start = phrase.text.rindex(by)
            who = _sub(phrase, start, start + len(by))
        yield Happening(event=_EVENTS[word], by=who)


def _expected(said: Phrase) -> Expected:
    phrases = _split(said, ";")
    deeds = [one for one in phrases if one.text not in {OTHERS, NOTHING}]
    return Expected(
        deeds=tuple(_deed(one) for one in deeds),
        is_open=any(one.text == OTHERS for one in phrases),
    )


def _deed(said: Phrase) -> Deed:
    for spelling, verb in _VERBS:
        rest = said.text.removeprefix(spelling)
        if rest != said.text and (not rest or rest[0].isspace()):
            whom = _split(_sub(said, len(spelling), len(said.text)), ",")
            if bool(whom) is (verb is Verb.CREATE_TICKET):
                break
            return Deed(verb=verb, whom=tuple(whom), span=said.span)
    message = f'"{said.text}" is nothing that a plan does'
    hint = (
        "Write page NAME, escalate to NAME, notify NAME, post #channel,"
        f' create ticket, postmortem NAME or {NOTHING}, parted by ";".'
    )
    raise fault(StoryCode.UNKNOWN_LINE, said.span, message, hint)


def _elapsed(clock: Phrase) -> timedelta:
    try:
        if clock.text == "+":
            message = "the time is missing"
            raise UnreadableError(message, "Write +5m or +1h30m.")
        return parse_duration(clock.text.removeprefix("+"))
    except UnreadableError as error:
        raise fault(StoryCode.BAD_VALUE, clock.span, str(error), error.hint) from error


def _labels(said: Phrase) -> dict[str, str]:
    labels: dict[str, str] = {}
    end = 0
    for found in _LABEL.finditer(said.text):
        if said.text[end : found.start()].strip():
            break
        labels[found[1]] = found[2].strip('"')
        end = found.end()
    if said.text[end:].strip():
        wrong = _sub(said, end, len(said.text))
        message = f'"{wrong.text}" is no label'
        raise fault(StoryCode.BAD_VALUE, wrong.span, message, "Write name=value.")
    return labels


def _sides(said: Phrase) -> tuple[Phrase, Phrase | None]:
    place = said.text.find(ARROW)
    if place < 0:
        return said, None
    right = _sub(said, place + len(ARROW), len(said.text))
    if not right.text:
        message = "nothing stands after the arrow"
        hint = f'Write "{NOTHING}" when nothing must be done.'
        raise fault(StoryCode.UNKNOWN_LINE, said.span, message, hint)
    return _sub(said, 0, place), right


def _rest(said: Phrase, word: str, example: str) -> Phrase:
    rest = said.text.removeprefix(word)
    if not rest.strip() or not rest[0].isspace():
        message = f'"{said.text}" is not complete'
        hint = f"Write it as in: {example}"
        raise fault(StoryCode.UNKNOWN_LINE, said.span, message, hint)
    return _sub(said, len(word), len(said.text))


def _split(said: Phrase, separator: str) -> list[Phrase]:
    pieces = []
    start = 0
    for piece in said.text.split(separator):
        if piece.strip():
            pieces.append(_sub(said, start, start + len(piece)))
        start += len(piece) + len(separator)
    return pieces


def _words(said: Phrase) -> list[Phrase]:
    return [_sub(said, *found.span()) for found in re.finditer(r"\S+", said.text)]


def _sub(said: Phrase, start: int, end: int) -> Phrase:
    """A part of a phrase, without the blanks around it."""
    padding = " " * (said.span.column - 1) + said.text
    offset = said.span.column - 1
    return _phrase(said.span.line, padding, offset + start, offset + end)


def _phrase(line: int, text: str, start: int, end: int) -> Phrase:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    words = piece.strip()
    span = Span(
        line=line,
        column=start + 1,
        end_line=line,
        end_column=start + 1 + max(len(words), 1),
    )
    return Phrase(text=words, span=span)
