"""A shortlist of routes classifies every alert as the whole table does."""

from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.labels import Matcher
from watchbill.core.routing import Route, RoutingTable, classify
from watchbill.plan.check.shortlist import Shortlist

NAMES, VALUES = st.sampled_from("abc"), st.sampled_from(["", "x", "y", "z"])
CONDITIONS = st.lists(
    st.builds(Matcher, name=NAMES, values=st.frozensets(VALUES), negated=st.booleans()),
    max_size=3,
).map(tuple)


def route(number: int, any_of: tuple[tuple[Matcher, ...], ...]) -> Route:
    return Route(
        key=f"r{number}",
        title=f"Route {number}",
        primary="ana",
        secondary="ben",
        escalation="chi",
        any_of=any_of,
    )


TABLES = st.lists(
    st.lists(CONDITIONS, max_size=2).map(tuple), min_size=1, max_size=8
).flatmap(
    lambda rows: st.builds(
        RoutingTable,
        routes=st.just(tuple(route(number, row) for number, row in enumerate(rows))),
        catch_all=st.integers(0, len(rows) - 1).map("r{}".format),
        default_severity=st.just("P3"),
    )
)


@given(table=TABLES, labels=st.dictionaries(NAMES, VALUES))
def test_a_narrowed_table_gives_the_same_answer_for_the_same_reason(
    table: RoutingTable, labels: dict[str, str]
) -> None:
    assert classify(Shortlist(table).table(labels), labels) == classify(table, labels)


def test_routes_that_other_labels_lead_to_are_not_asked() -> None:
    names = [f"svc-{number}" for number in range(50)]
    table = RoutingTable(
        routes=tuple(
            route(number, ((Matcher(name="service", values=frozenset({name})),),))
            for number, name in enumerate(names)
        ),
        catch_all="r0",
        default_severity="P3",
    )

    narrowed = Shortlist(table).table({"service": "svc-7"})

    assert [one.key for one in narrowed.routes] == ["r0", "r7"]
