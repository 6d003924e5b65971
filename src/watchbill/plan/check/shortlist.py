"""Shortlist: the routes that an alert can take, without asking every route.

A plan of many services has a route and a metric for each, and the check of metrics
asks for the route of every metric. Asked one by one, 2,000 of each are eight million
conditions. A condition that names a value is kept under the name and the value, and
is found by the alert's own labels; the others, few in practice, are always asked.
"""

from collections import defaultdict
from dataclasses import replace

from watchbill.core.labels import Labels
from watchbill.core.routing import Condition, RoutingTable


class Shortlist:
    """A routing table that can be narrowed to an alert."""

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._always: set[int] = set()
        self._named: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for number, route in enumerate(table.routes):
            if route.key == table.catch_all:
                self._always.add(number)
            for condition in route.any_of:
                pairs = _pairs(condition)
                if not pairs:
                    self._always.add(number)
                for pair in pairs:
                    self._named[pair].add(number)

    def table(self, labels: Labels) -> RoutingTable:
        """Return a table that classifies these labels as the whole one does."""
        found = self._always.union(
            *(self._named.get(pair, ()) for pair in labels.items())
        )
        routes = tuple(self._table.routes[number] for number in sorted(found))
        return replace(self._table, routes=routes)


def _pairs(condition: Condition) -> list[tuple[str, str]]:
    """The labels of which a condition needs one; none when it needs no label."""
    for matcher in condition:
        # An absent label has the empty value, and no pair to be found by.
        if not matcher.negated and "" not in matcher.values:
            return [(matcher.name, value) for value in matcher.values]
    return []
