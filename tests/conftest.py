"""A real PostgreSQL for every test that asks for a database.

It is the embedded one, started when the first test needs it, or the server whose
programs ``WATCHBILL_TEST_PG_BIN`` names, so that the same tests run on another
version of PostgreSQL.
"""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connections
from django.db.models.signals import post_migrate  # noqa: TID251 - Django calls no other
from pytest_django import DjangoDbBlocker

from watchbill import postgres
from watchbill.plan import bundled_text, load
from watchbill.server import clock
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions as plans
from watchbill.server.plans.models import PlanVersion

#: A Sunday, 02:30 in Yangon: outside business hours.
START = datetime(2026, 2, 7, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.OwnedServer]:
    """One server for the whole run; each test that writes cleans up after itself."""
    programs = os.environ.get("WATCHBILL_TEST_PG_BIN")
    with (
        tempfile.TemporaryDirectory(prefix="watchbill-tests-") as directory,
        postgres.serve(
            Path(directory) / "data", bin_dir=Path(programs) if programs else None
        ) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_server: postgres.OwnedServer) -> None:
    """Lead Django to the server before pytest-django creates the test database."""
    connections.databases["default"].update(postgres_server.django)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let Django empty the tables between tests, which the audit log refuses.

    Also after a test that has migrated backwards and forwards again.
    """
    with django_db_blocker.unblock():
        _let_the_log_be_emptied()
    post_migrate.connect(_let_the_log_be_emptied)


def _let_the_log_be_emptied(**_: object) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('watchbill_auditentry')")
        if cursor.fetchone() != (None,):
            cursor.execute(
                "ALTER TABLE watchbill_auditentry"
                " DISABLE TRIGGER auditentry_not_emptied"
            )


@pytest.fixture
def virtual_clock() -> Iterator[VirtualClock]:
    """A clock that stands at :data:`START` until the test moves it."""
    with clock.use(VirtualClock(START)) as one:
        yield one


@pytest.fixture
def trm_plan(db: None, virtual_clock: VirtualClock) -> PlanVersion:
    """The bundled plan, in force; no maintenance of its mutes alerts at `START`."""
    text = bundled_text("trm").replace("first: 2026-02-08", "first: 2026-02-15", 1)
    loaded = load(text, name="trm.yaml")
    return plans.put_in_force(loaded, now=virtual_clock.now())
