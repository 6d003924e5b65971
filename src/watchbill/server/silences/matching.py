"""Matchers of silences as people write them, checked and compiled.

A matcher is Alertmanager's: a label, an operator and a value; a pattern must fit the
whole value, and a label that is absent has the empty value. Patterns are compiled by
RE2, which takes time linear in the text and memory up to a bound, because whoever may
silence writes what runs in the path that pages people.

A silence whose matchers all fit an alert without labels would silence everything: at
least one must ask for something.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import re2  # type: ignore[import-untyped]

from watchbill.core.labels import AnyMatcher, Matcher, PatternMatcher
from watchbill.integrations.text import one_line, shorten

MAX_MATCHERS = 50
MAX_NAME, MAX_VALUE = 200, 1_000
_PATTERN_MEMORY = 1024 * 1024
"""Bytes of one compiled pattern; RE2 refuses one that needs more."""

OPERATORS = ("=", "!=", "=~", "!~")

_WRITTEN = re.compile(
    r'\s*(?:([a-zA-Z_:][a-zA-Z0-9_:]*)|"((?:[^"\\]|\\.)*)")\s*(=~|!=|!~|=)\s*(.*?)\s*',
    re.DOTALL,
)
_ESCAPED = re.compile(r'\\([n"\\])')


class MatcherError(ValueError):
    """A matcher is not valid; ``where`` is its number, from 1, or 0 for all of them."""

    def __init__(self, problem: str, *, where: int = 0) -> None:
        self.problem = problem
        self.where = where
        super().__init__(f"matcher {where}: {problem}" if where else problem)


@dataclass(frozen=True, slots=True)
class Written:
    """One matcher as it was written."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return a matcher that was stored."""
        return cls(
            stored["name"], stored["value"], stored["is_regex"], stored["is_equal"]
        )

    @property
    def operator(self) -> str:
        """The sign between the label and the value."""
        if self.is_regex:
            return "=~" if self.is_equal else "!~"
        return "=" if self.is_equal else "!="

    def stored(self) -> dict[str, Any]:
        """Return what a row keeps."""
        return {
            "name": self.name,
            "value": self.value,
            "is_regex": self.is_regex,
            "is_equal": self.is_equal,
        }

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{self.operator}"{value}"'


def written(name: str, operator: str, value: str) -> Written:
    """Return the matcher with an operator of :data:`OPERATORS`."""
    return Written(name, value, "~" in operator, not operator.startswith("!"))


def parse(text: str) -> Written:
    """Read a matcher such as ``severity=~"critical|warning"``, or raise `MatcherError`.

    The value may stand without quotes, and the name with them.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        message = f"bad matcher format: {shorten(one_line(text), 100)}"
        raise MatcherError(message)
    plain, quoted, operator, raw = found.groups()
    return written(plain or _unescaped(quoted), operator, _unquoted(raw))


def _unquoted(raw: str) -> str:
    is_quoted = len(raw) >= 2 and raw[0] == raw[-1] == '"'
    inner = raw[1:-1] if is_quoted else raw
    # What is left of quotes and backslashes when every pair is taken out.
    rest = _ESCAPED.sub("", inner)
    if '"' in rest or (is_quoted and rest.endswith("\\")):
        message = "matcher value contains unescaped double quote: "
        raise MatcherError(message + shorten(one_line(raw), 100))
    return _unescaped(inner)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda one: "\n" if one[1] == "n" else one[1], text)


def check(matchers: Iterable[Written]) -> tuple[Written, ...]:
    """Return the matchers of a silence, or raise `MatcherError`."""
    found = tuple(matchers)
    if not found:
        message = "at least one matcher is needed"
        raise MatcherError(message)
    if len(found) > MAX_MATCHERS:
        message = f"{len(found)} matchers, and no more than {MAX_MATCHERS} may be"
        raise MatcherError(message)
    for number, one in enumerate(found, start=1):
        try:
            _check_one(one)
        except MatcherError as error:
            raise MatcherError(error.problem, where=number) from None
    if all(_fits_nothing(one) for one in found):
        message = "at least one matcher must not match the empty string"
        raise MatcherError(message)
    return found


def _check_one(one: Written) -> None:
    for text, limit, what in (
        (one.name, MAX_NAME, "name of the label"),
        (one.value, MAX_VALUE, "value"),
    ):
        if len(text) > limit:
            message = f"the {what} is longer than {limit} characters"
            raise MatcherError(message)
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            message = f"the {what} is not valid UTF-8"
            raise MatcherError(message)
        if "\0" in text:
            message = f"there is a NUL in the {what}"
            raise MatcherError(message)
    if not one.name:
        message = 'invalid label name ""'
        raise MatcherError(message)
    compiled_one(one)


def _fits_nothing(one: Written) -> bool:
    """Whether the matcher asks for nothing, as Alertmanager sees it."""
    return one.is_equal and compiled_one(one).matches({})


def compiled_one(one: Written) -> AnyMatcher:
    """Return a matcher ready to be used, or raise `MatcherError` for a bad pattern."""
    if not one.is_regex:
        return Matcher(
            name=one.name, values=frozenset({one.value}), negated=not one.is_equal
        )
    return PatternMatcher(
        name=one.name,
        pattern=_pattern(one.value),
        text=one.value,
        negated=not one.is_equal,
    )


def compiled(stored: Iterable[Mapping[str, Any]]) -> tuple[AnyMatcher, ...]:
    """Return the stored matchers of a silence, ready to be used."""
    return _compiled(json.dumps(list(stored), sort_keys=True))


@lru_cache(maxsize=2_000)
def _compiled(text: str) -> tuple[AnyMatcher, ...]:
    return tuple(compiled_one(Written.of(one)) for one in json.loads(text))


def sure_labels(matchers: Iterable[Written]) -> dict[str, str]:
    """Return labels that an alert must have, for the database to look for first."""
    return {
        one.name: one.value
        for one in matchers
        if one.is_equal and not one.is_regex and one.value
    }


def _pattern(text: str) -> "re2._Regexp":
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        why = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        message = f"invalid regular expression {shorten(one_line(text), 100)!r}: {why}"
        raise MatcherError(message) from None
