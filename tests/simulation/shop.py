"""The real engine running the simulation's plan, cleared quickly between examples."""

from datetime import timedelta

from django.db import connection, transaction

from tests.engine.watch import Watch
from tests.simulation.world import PLAN_TEXT, START
from watchbill.plan import load
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions as plans
from watchbill.server.plans import queries as plan_queries

_TABLES = (
    "delivery",
    "notification",
    "severitychange",
    "roleassignment",
    "stepfiring",
    "timelineentry",
    "responder",
    "ticket",
    "duestep",
    "alert",
    "inboxentry",
    "incident",
)

BOTH = {"email", "slack"}


class Shop(Watch):
    """One or more engines of the small plan, all reached by mail and chat."""

    def __init__(self, clock: VirtualClock, *, node: str = "one") -> None:
        super().__init__(clock, node=node)
        self.reach(people=BOTH, posts=BOTH)
        #: Engines that look at the same rows at the same instants, after this one.
        self.others: list[Shop] = []

    def cycle(self) -> int:
        """Let every engine look once, the others first at the outbox."""
        for other in self.others:
            other.channels = self.channels
        counts = [other.deliver("slack") for other in self.others]
        counts.append(super().cycle())
        return sum(counts) + sum(other.cycle() for other in self.others)

    def declare_p1(self) -> int:
        """Declare an incident of the plan's one route."""
        return self.declare("P1", "shop").pk

    def arrived(self) -> list[str]:
        """Return the keys of what providers were given."""
        return [notice.idempotency_key for _, _, notice in self.channels.sent]

    def with_node(self, node: str) -> "Shop":
        """Return another engine on the same database and the same providers."""
        other = Shop(self.clock, node=node)
        other.channels = self.channels
        other.start = self.start
        return other


def put_plan_in_force() -> None:
    """Put the small plan in force on an empty database."""
    plan_queries.forget()
    loaded = load(PLAN_TEXT, name="plan.yaml")
    plans.put_in_force(loaded, now=START - timedelta(minutes=1))


def clear() -> None:
    """Forget every incident; a DELETE is faster than truncating so few rows.

    In one transaction, at whose end an open incident must have a next look (I7).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM watchbill_{table}")
