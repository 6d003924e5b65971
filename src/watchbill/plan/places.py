"""Places: from lines and columns, as findings name them, to characters of a text."""

import re
from bisect import bisect_right

from watchbill.plan.source import Node, Scalar


class Places:
    """Where lines begin, to find the character of a line and column."""

    def __init__(self, text: str) -> None:
        self.text = text
        breaks = (one.end() for one in re.finditer(r"\r\n|\r|\n", text))
        self._starts = [0, *breaks]

    def offset(self, line: int, column: int) -> int:
        """Return where a character is, at most the end of the text."""
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[line - 1] + column - 1, len(self.text))

    def of(self, node: Node) -> tuple[int, int]:
        """Return where a node begins and ends; what is empty ends where it begins."""
        start = self.offset(node.span.line, node.span.column)
        if isinstance(node, Scalar) and node.is_plain and not node.text:
            return start, start
        return start, self.offset(node.span.end_line, node.span.end_column)

    def line(self, at: int) -> tuple[int, int]:
        """Return where the line of a character begins, and where the next one does."""
        number = bisect_right(self._starts, at)
        is_last = number == len(self._starts)
        until = len(self.text) if is_last else self._starts[number]
        return self._starts[number - 1], until

    @property
    def line_break(self) -> str:
        """Return how this text ends its lines."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found[0] if found else "\n"
