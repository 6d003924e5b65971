"""Labels: the name=value pairs by which sources describe what they see.

A label set is unordered and has one value a name. Its *fingerprint* is a stable
digest of the sorted pairs: two label sets are the same condition exactly when
their fingerprints are equal. Matchers select label sets by equality, absence or
membership, and patterns by a regular expression that fits the whole value.

This chapter compiles no expression: a pattern written by a user runs in the path
that pages people (ReDoS, reliability study 5.2 no. 17), so whoever makes a
:class:`PatternMatcher` hands it one that an engine of linear time has compiled.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Labels = Mapping[str, str]

_LENGTH = 32
"""Hex digits of a fingerprint: 128 bits, so that no two conditions collide."""


def fingerprint(labels: Labels) -> str:
    """Return the digest of a label set; the order of the pairs is irrelevant.

    Each name and value is preceded by its length, so that no two different sets
    can be spelt the same.
    """
    digest = hashlib.sha256()
    for name, value in sorted(labels.items()):
        for text in (name, value):
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "big"))
            digest.update(raw)
    return digest.hexdigest()[:_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on one label; an absent label has the empty value."""

    name: str
    values: frozenset[str]
    negated: bool = False

    def matches(self, labels: Labels) -> bool:
        """Return whether the label's value is among ``values`` (or is not)."""
        return (labels.get(self.name, "") in self.values) is not self.negated

    def __str__(self) -> str:
        sign = "!=" if self.negated else "="
        return f"{self.name} {sign} {' or '.join(sorted(self.values)) or '(none)'}"


class Pattern(Protocol):
    """A compiled regular expression, whatever engine compiled it."""

    def fullmatch(self, string: str, /) -> object | None:
        """Return something when the expression fits all of the string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternMatcher:
    """One condition on one label; the pattern must fit the value as a whole.

    An absent label has the empty value, as in Alertmanager. Two matchers are equal
    when they are written alike, whoever compiled their patterns.
    """

    name: str
    pattern: Pattern = field(repr=False, compare=False)
    #: The pattern as it was written.
    text: str
    negated: bool = False

    def matches(self, labels: Labels) -> bool:
        """Return whether the pattern fits the label's value (or does not)."""
        found = self.pattern.fullmatch(labels.get(self.name, ""))
        return (found is not None) is not self.negated

    def __str__(self) -> str:
        return f"{self.name} {'!~' if self.negated else '=~'} {self.text or '(none)'}"


AnyMatcher = Matcher | PatternMatcher


def matches_all(matchers: Iterable[AnyMatcher], labels: Labels) -> bool:
    """Return whether every matcher holds; no matchers at all match anything."""
    return all(matcher.matches(labels) for matcher in matchers)
