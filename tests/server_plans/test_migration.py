"""An installation that ran before versions were signed goes on running its plan."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from tests.conftest import START
from tests.server_plans.conftest import TRM
from watchbill.plan import load
from watchbill.server.plans import actions, queries

BEFORE, AFTER = "0001_first_rooms", "0002_plan_approval"


def migrate(name: str) -> None:
    call_command("migrate", "watchbill", name, verbosity=0, interactive=False)


@pytest.mark.django_db(transaction=True)
def test_a_plan_stored_before_stays_in_force_unsigned_and_can_go_back() -> None:
    migrate(BEFORE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO watchbill_planversion (label, title, source_name, text,"
                " digest, loaded_at, activated_at) VALUES ('1.0', 'Plan', 'p.yaml',"
                " %s, %s, %s, %s)",
                [TRM, "d" * 64, START, START],
            )
        migrate(AFTER)

        version = queries.in_force(now=START)
        assert (version.label, version.state) == ("1.0", "loaded")
        facts = queries.approval_of(version, now=START)
        assert [one.role for one in facts.missing] == [
            "operations_manager",
            "engineering_manager",
            "cto",
        ]
        other = actions.put_in_force(
            load(TRM.replace("[my, en]", "[en]"), name="other"),
            now=START + timedelta(minutes=1),
        )
        assert queries.in_force(now=START + timedelta(minutes=1)).pk == other.pk

        migrate(BEFORE)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM watchbill_planversion")
            assert cursor.fetchone() == (2,)
    finally:
        call_command("migrate", verbosity=0, interactive=False)
