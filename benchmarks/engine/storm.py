"""Many ladders due at one instant, and the engine that meets them.

Import it once the environment names the database.
"""

import threading
from datetime import datetime, timedelta
from time import monotonic

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import connection, transaction  # noqa: E402

from watchbill.core.messages import Notice  # noqa: E402
from watchbill.core.notification import Attempt, Outcome  # noqa: E402
from watchbill.plan import load  # noqa: E402
from watchbill.server import clock  # noqa: E402
from watchbill.server.engine import channels  # noqa: E402
from watchbill.server.engine.loop import Engine  # noqa: E402
from watchbill.server.incidents import actions as incidents  # noqa: E402
from watchbill.server.incidents.actions import Declaration  # noqa: E402
from watchbill.server.incidents.models import Incident  # noqa: E402
from watchbill.server.incidents.queries import LADDER  # noqa: E402
from watchbill.server.notifications.models import Delivery  # noqa: E402
from watchbill.server.plans import actions as plans  # noqa: E402
from watchbill.server.timers.models import DueStep  # noqa: E402

INCIDENTS_A_PERSON = 4
"""Fewer than the five messages a minute beyond which a person gets a digest."""

PLAN = """
watchbill: 1
plan: {{title: Storm, product: Storm, version: "1", effective: 2026-02-06,
  review: quarterly, owner: manager, time_zone: Asia/Yangon, languages: [en]}}
levels: {{L2: {{title: Engineers, cover: on_call}}}}
contacts:
  - {{id: manager, level: L2, title: Manager, name: Dao, email: dao@example.com}}
{contacts}
business_hours: {{days: mon-fri, from: "09:00", to: "18:00"}}
on_call:
  primary: {{title: On-call, members: [p0, p1], first_week: 2026-02-06,
    handover: "10:00"}}
severities:
  P1: {{title: Critical, criteria: [Down], response: 5m, resolution: 1h, urgency: high}}
fallback: [manager]
escalation:
  P1:
    - {{after: 15m, do: escalate, who: manager, title: Escalate to the manager}}
alerts:
  catch_all: r0
  auto_resolve: []
  severity: {{default: P1}}
  contacting:
    P1: {{primary: 0m, secondary: 15m, escalation: 30m}}
  routes:
{routes}
channels:
  "#incidents": {{kind: slack, purpose: News, audience: All}}
"""


class Instant(channels.Channels):
    """A channel that takes everything at once, without a socket."""

    def send(
        self, channel: str, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        return Attempt(outcome=Outcome.DELIVERED, detail="taken")


def prepare(people: int) -> None:
    """Bring the schema up to date, and put a plan of so many people in force."""
    call_command("migrate", verbosity=0, interactive=False)
    contacts = "\n".join(
        f"  - {{id: p{i}, level: L2, title: Engineer {i}, name: N{i},"
        f" email: p{i}@example.com}}"
        for i in range(people)
    )
    routes = "\n".join(
        f"    r{i}: {{title: Part {i}, primary: p{i}, secondary: manager,"
        f" escalation: manager}}"
        for i in range(people)
    )
    text = PLAN.format(contacts=contacts, routes=routes)
    plans.put_in_force(load(text, name="storm.yaml"), now=clock.now())


def run(steps: int) -> list[float]:
    """Return the seconds from the engine's start to each first attempt."""
    _declare(steps)
    found = channels.from_settings()
    engine = Engine(Instant(egress=found.egress, configured=found.configured))
    started = _database_time()
    engine.start()
    first = Delivery.objects.filter(number=1)
    pause, begun = threading.Event(), monotonic()
    while first.count() < steps and monotonic() - begun < 300:
        pause.wait(0.25)
    engine.stop()
    at = first.values_list("started_at", flat=True)
    return [(one - started) / timedelta(seconds=1) for one in at]


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at


def _declare(steps: int) -> None:
    """Insert incidents whose ladders are due, spread over the routes of the plan."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE watchbill_incident, watchbill_duestep, watchbill_notification"
            " CASCADE"
        )
    now = clock.now()
    one = Declaration(title="Storm", severity="P1", alert_type="r0")
    first = incidents.declare(one, actor=incidents.SYSTEM, now=now)
    DueStep.objects.exclude(kind=LADDER).delete()
    values = {
        field.attname: getattr(first, field.attname)
        for field in Incident._meta.concrete_fields
        if not field.primary_key
    }
    # One transaction: an open incident has a look to come at every commit (I7).
    with transaction.atomic():
        rows = Incident.objects.bulk_create(
            [
                Incident(**values | {"alert_type": f"r{i // INCIDENTS_A_PERSON}"})
                for i in range(1, steps)
            ],
            batch_size=1000,
        )
        DueStep.objects.bulk_create(
            [
                DueStep(
                    kind=LADDER,
                    subject_id=row.pk,
                    plan_version_id=row.plan_version_id,
                    due_at=now,
                    wake_at=now,
                )
                for row in rows
            ],
            batch_size=1000,
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE watchbill_incident, watchbill_duestep")
