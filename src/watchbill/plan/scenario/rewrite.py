"""Rewriting: what the plan does takes the place of what a story expected.

Only right sides that are not true are replaced; what happens at a time that has no
line gets one. Everything else, comments and columns included, stays as it is, so
that the difference in version control is the review.
"""

from collections.abc import Iterable

from watchbill.plan.scenario.parse import ARROW
from watchbill.plan.scenario.run import Mismatch, Result
from watchbill.plan.scenario.script import Moment, Script

_WIDTH = 8
"""Column of the arrow in a story that has none yet."""


def rewrite(script: Script, results: Iterable[Result]) -> str:
    """Return the text of a script in which every story holds.

    The results are those of all stories of the script, without faults.
    """
    lines = list(script.lines)
    inserted: dict[int, list[str]] = {}
    for result in results:
        width = _arrow_column(lines, result.story.moments)
        for one in result.mismatches:
            if one.line is not None:
                lines[one.line - 1] = _with_right_side(lines[one.line - 1], one, width)
            else:
                line = f"{one.place:<{width}}{ARROW} {one.correct}"
                inserted.setdefault(_next_line(result, one), []).append(line)
    written: list[str] = []
    for number, line in enumerate(lines, start=1):
        written += [*inserted.get(number, []), line]
    return "\n".join(written)


def _with_right_side(line: str, one: Mismatch, width: int) -> str:
    left, arrow, _ = line.partition(ARROW)
    kept = left if arrow else f"{left.rstrip():<{width}}"
    separator = "" if kept.endswith(" ") else " "
    return f"{kept}{separator}{ARROW} {one.correct}"


def _next_line(result: Result, one: Mismatch) -> int:
    """The line of the next moment: what no line stands for goes above it."""
    later = (
        moment.line
        for moment in result.story.moments
        if one.elapsed is not None and moment.elapsed > one.elapsed
    )
    return next(later)


def _arrow_column(lines: list[str], moments: tuple[Moment, ...]) -> int:
    columns = [lines[one.line - 1].find(ARROW) for one in moments]
    return max((one for one in columns if one > 0), default=_WIDTH)
