"""Width: how many cells of a terminal a text takes.

A caret must stand under the right letter and a table must keep its columns, also
where the text is Burmese or has wide characters. Combining marks take no cell;
East Asian wide characters take two. Terminals disagree on the spacing vowel signs
of Burmese; they are counted as one cell, as most terminals draw them.
"""

import unicodedata

_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


def display_width(text: str) -> int:
    """Return the number of cells that the text takes in a terminal."""
    return sum(_cells(char) for char in text)


def blank(text: str) -> str:
    """Return spaces as wide as the text."""
    return " " * display_width(text)


def pad(text: str, width: int) -> str:
    """Return the text filled up with spaces to so many cells."""
    return text + " " * max(width - display_width(text), 0)


def _cells(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
