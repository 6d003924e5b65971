"""Commands: what somebody types in a channel, in words.

The same few words everywhere, because the person who types them at night should not
have to remember which channel this is. A number names an incident; without one it is
the one that the person was asked to work on last.

What changes an incident is said exactly: a word, perhaps a number, and nothing else.
"OK but I cannot come" is no acknowledgement.

The sender of a text message can be forged, so by phone only messages are answered, and
only in whole words: short ones are how sentences begin.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from watchbill.core.messages import Reply


class Word(StrEnum):
    """The first word of a command."""

    ACKNOWLEDGE = "ack"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    ON_CALL = "oncall"
    LIST = "list"
    NOTE = "note"
    PAGE = "page"
    HELP = "help"


REPLIES = {
    Word.ACKNOWLEDGE: Reply.ACKNOWLEDGE,
    Word.RESOLVE: Reply.RESOLVE,
    Word.ESCALATE: Reply.ESCALATE,
}

HELP = "\n".join(
    (
        "ack [number]: take an incident; without a number the one you were asked for",
        "resolve [number]: say that it is over",
        "escalate [number]: have the next people told now",
        "note number text: add a remark to its timeline",
        "page severity [type] text: declare an incident, such as: page P2 login fails",
        "oncall: who is on call",
        "list: the open incidents",
    )
)

HELP_BY_PHONE = "\n".join(
    (
        "ack [code]: take an incident; without a code the one you were asked for",
        "resolve [code]: say that it is over",
        "escalate [code]: have the next people told now",
        "oncall: who is on call",
    )
)

BY_PHONE = frozenset((*REPLIES, Word.ON_CALL, Word.HELP))
"""What a text message may ask for."""

_SHORT = {
    "a": Word.ACKNOWLEDGE,
    "take": Word.ACKNOWLEDGE,
    "ok": Word.ACKNOWLEDGE,
    "r": Word.RESOLVE,
    "e": Word.ESCALATE,
}

_SAME = {
    "acknowledge": Word.ACKNOWLEDGE,
    "resolved": Word.RESOLVE,
    "esc": Word.ESCALATE,
    "on-call": Word.ON_CALL,
    "who": Word.ON_CALL,
    "incidents": Word.LIST,
    "declare": Word.PAGE,
    "?": Word.HELP,
    "": Word.HELP,
}

_NUMBER = re.compile(r"#?([0-9]{1,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command in its parts."""

    word: Word
    #: The incident; None when none was named.
    number: int | None = None
    #: What follows the word and the number.
    rest: str = ""


def parse(text: str, *, by_phone: bool = False) -> Command | None:
    """Return a command; None when the text is none."""
    command = _read(text, _SAME if by_phone else _SAME | _SHORT)
    if command is None or (by_phone and command.word not in BY_PHONE):
        return None
    if command.word in REPLIES and command.rest:
        return None
    return command


def _read(text: str, same: Mapping[str, Word]) -> Command | None:
    first, _, rest = text.strip().removeprefix("/").partition(" ")
    name = first.lower()
    try:
        word = same.get(name) or Word(name)
    except ValueError:
        return None
    head, _, tail = rest.strip().partition(" ")
    found = _NUMBER.fullmatch(head) if word is not Word.PAGE else None
    if found is None:
        return Command(word=word, rest=rest.strip())
    return Command(word=word, number=int(found[1]), rest=tail.strip())
