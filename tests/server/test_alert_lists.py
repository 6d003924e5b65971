"""The lists of alerts stay right and quick however many fire."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.conftest import START
from tests.server import site
from tests.server.test_silences import fire
from watchbill.core.alerts import AlertStatus
from watchbill.server.alerts import cards, search
from watchbill.server.alerts.models import Alert
from watchbill.server.alerts.queries import going_on
from watchbill.server.alerts.search import Counts, Cursor, Filters
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.django_db


def titles(show: str) -> list[str]:
    found = search.page(Filters(show=show), after=None, limit=10, confidential=True)
    return [one.title for one in found.alerts]


def retire(alert: Alert) -> None:
    """Let another row take the place of one that was never seen to end."""
    Alert.objects.filter(pk=alert.pk).update(is_current=False)


@pytest.mark.req("S4.1-09")
def test_a_row_whose_place_another_has_taken_fires_no_more(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    closed = site.declare(now=START)
    earlier = fire("earlier", closed, service="disk")
    retire(earlier)
    Alert.objects.filter(pk=earlier.pk).update(is_catch_all=True, is_flapping=True)
    muted = fire("earlier and muted", service="disk")
    retire(muted)
    fire("now", service="disk")

    assert titles("firing") == ["now"]
    assert titles("muted") == ["now"]
    assert titles("resolved") == ["earlier and muted", "earlier"]
    assert titles("all") == ["now", "earlier and muted", "earlier"]
    assert search.counts(confidential=True) == Counts(
        firing=1, muted=1, catch_all=0, flapping=0
    )
    assert going_on([closed.pk]) == set()
    row = cards.row(Alert.objects.get(pk=muted.pk), plan=None)
    assert (row["status"], row["is_muted"]) == (AlertStatus.RESOLVED, False)


def test_a_page_that_ends_with_a_retired_row_leads_to_the_next(
    trm_plan: PlanVersion,
) -> None:
    for number in range(4):
        retire(fire(f"retired {number}"))
    for number in range(2):
        fire(f"firing {number}")

    seen: list[str] = []
    after: Cursor | None = None
    for _ in range(3):
        part = search.page(
            Filters(show="all"), after=after, limit=2, confidential=False
        )
        seen += [one.title for one in part.alerts]
        after = part.following

    down = ["retired 3", "retired 2", "retired 1", "retired 0"]
    assert seen == ["firing 1", "firing 0", *down]
    assert after is None


@pytest.mark.parametrize("eyes", ["of few", "of all"])
def test_lists_of_what_fires_are_read_from_their_indexes(
    trm_plan: PlanVersion, eyes: str
) -> None:
    one = fire(service="disk")
    Alert.objects.update(incident=site.declare(now=START))
    _multiply(20_000)
    sees_all = eyes == "of few"

    (page,) = _read_by(
        lambda: search.page(Filters(), after=None, limit=25, confidential=sees_all)
    )
    counted = _read_by(lambda: search.counts(confidential=sees_all))
    (others,) = _read_by(lambda: search.episodes(one, confidential=sees_all))

    assert "alert_firing" in page
    for plan, index in zip(
        counted,
        ("alert_firing", "alert_muted", "alert_catch_all", "alert_flapping"),
        strict=True,
    ):
        assert index in plan
    assert "alert_condition" in others
    for plan in (page, *counted, others):
        assert "Seq Scan on watchbill_alert" not in plan


def _multiply(count: int) -> None:
    """Make more alerts, of which the first tenth fires."""
    values = {
        "fingerprint": "md5(n::text)",
        "status": f"CASE WHEN n <= {count // 10} THEN 'firing' ELSE 'resolved' END",
    }
    columns = [
        str(one.column) for one in Alert._meta.concrete_fields if one.attname != "id"
    ]
    chosen = ", ".join(values.get(name, name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO watchbill_alert ({', '.join(columns)})"
            f" SELECT {chosen} FROM (SELECT * FROM watchbill_alert LIMIT 1) one,"
            f" generate_series(1, {count}) n"
        )
        cursor.execute("ANALYZE watchbill_alert")


def _read_by(question: Callable[[], object]) -> list[str]:
    """Return how the database would read what is asked, a plan for each query."""
    with CaptureQueriesContext(connection) as asked:
        question()
    plans = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans
