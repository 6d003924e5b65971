"""Which silences cover an alert, asked for many alerts.

Most silences demand one value of some label. They are found by that value, so that a
thousand silences are not each asked about every one of a hundred thousand alerts.
"""

from collections import defaultdict
from collections.abc import Iterable

from watchbill.core.labels import AnyMatcher, Labels, Matcher
from watchbill.core.suppression import Silence

_Ranked = tuple[int, Silence]


class Cover:
    """Silences, found by what they demand."""

    def __init__(self, silences: Iterable[Silence]) -> None:
        self._by_value: defaultdict[str, defaultdict[str, list[_Ranked]]]
        self._by_value = defaultdict(lambda: defaultdict(list))
        self._others: list[_Ranked] = []
        for ranked in enumerate(silences):
            demanded = _demanded(ranked[1].matchers)
            if demanded is None:
                self._others.append(ranked)
                continue
            name, values = demanded
            for value in values:
                self._by_value[name][value].append(ranked)

    def __bool__(self) -> bool:
        return bool(self._by_value or self._others)

    def keys(self, labels: Labels, *, source: str) -> list[str]:
        """Return the keys of those that cover an alert of a source, in their order."""
        asked = list(self._others)
        for name, by_value in self._by_value.items():
            asked += by_value.get(labels.get(name, ""), ())
        found = [one for one in asked if one[1].covers(labels, source=source)]
        return [silence.key for _, silence in sorted(found, key=lambda one: one[0])]


def _demanded(matchers: Iterable[AnyMatcher]) -> tuple[str, frozenset[str]] | None:
    """A label without one of whose values nothing is covered."""
    for one in matchers:
        if isinstance(one, Matcher) and not one.negated:
            return one.name, one.values
    return None
