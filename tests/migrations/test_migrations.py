"""The schema: complete, reversible, and made by one process at a time."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from watchbill import postgres

_MIGRATE = """
import django
django.setup()
from django.core.management import call_command
from watchbill.server.project.database import alone
with alone():
    call_command("migrate", verbosity=0, interactive=False)
print("migrated")
"""


@pytest.mark.django_db
def test_the_models_and_the_migrations_say_the_same() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.fixture
def empty_url(postgres_server: postgres.OwnedServer) -> Iterator[str]:
    """A database of its own, as empty as on the first day."""
    name = "watchbill_migrations"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield psycopg.conninfo.make_conninfo(postgres_server.url, dbname=name)
        finally:
            admin.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def run(code: str, url: str) -> "subprocess.Popen[str]":
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "watchbill.server.project.settings",
    }
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as reader:
        rows = reader.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public'"
        )
        return {name for (name,) in rows}


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    processes = [run(_MIGRATE, empty_url) for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, "migrated"), err
    assert "watchbill_incident" in tables(empty_url)


_AND_BACK = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
call_command("migrate", "watchbill", "zero", verbosity=0, interactive=False)
"""


def test_the_schema_can_be_made_from_nothing_and_taken_back_to_nothing(
    empty_url: str,
) -> None:
    process = run(_AND_BACK, empty_url)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert {
        name for name in tables(empty_url) if name.startswith("watchbill_")
    } == set()


@pytest.mark.django_db
def test_the_history_is_one_line() -> None:
    loader = MigrationExecutor(connection).loader
    assert len(loader.graph.leaf_nodes("watchbill")) == 1
    assert loader.detect_conflicts() == {}


@pytest.mark.django_db
def test_what_two_engines_must_not_break_stands_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE indexdef LIKE 'CREATE UNIQUE%'"
        )
        unique = {name for (name,) in cursor.fetchall()}
    assert {
        "incident_one_open_group",
        "stepfiring_once",
        "responder_once",
        "alert_one_current",
        "duestep_one_pending",
        "delivery_number_once",
        "rejection_once",
    } <= unique
