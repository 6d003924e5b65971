"""A server that may forget what it acknowledged is refused, with the remedy."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from watchbill import postgres
from watchbill.postgres import settings
from watchbill.postgres.durability import Setting, find_dangers

SAFE = {
    "fsync": Setting(value="on"),
    "synchronous_commit": Setting(value="on"),
    "full_page_writes": Setting(value="on"),
    "server_version_num": Setting(value="150018"),
    "server_version": Setting(value="15.18"),
}


@pytest.fixture
def ours(server: postgres.Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection
        connection.execute("ALTER ROLE watchbill RESET synchronous_commit")
        connection.execute("ALTER DATABASE watchbill RESET synchronous_commit")
        connection.execute(
            "ALTER ROLE watchbill IN DATABASE watchbill RESET synchronous_commit"
        )


def test_our_own_server_is_safe(server: postgres.Server) -> None:
    with psycopg.connect(server.url) as connection:
        assert postgres.check_durability(connection) == []
        postgres.require_durability(connection)


def test_a_setting_of_the_role_is_seen(
    server: postgres.Server, ours: psycopg.Connection
) -> None:
    ours.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")

    with psycopg.connect(server.url) as connection:
        (danger,) = postgres.check_durability(connection)
        with pytest.raises(postgres.UnsafeServer, match="synchronous_commit is off"):
            postgres.require_durability(connection)

    assert danger == (
        "synchronous_commit is off (set by: user): a crash loses the last alerts and "
        "acknowledgements, although their senders were told that they are safe. "
        "Turn it on: ALTER ROLE CURRENT_USER RESET synchronous_commit;"
    )


@pytest.mark.parametrize(
    ("statement", "options", "remedy"),
    [
        (
            "ALTER DATABASE watchbill SET synchronous_commit = off",
            "",
            "ALTER DATABASE <this database> RESET synchronous_commit;",
        ),
        (
            "ALTER ROLE watchbill IN DATABASE watchbill SET synchronous_commit = off",
            "",
            "ALTER ROLE CURRENT_USER IN DATABASE <this database> "
            "RESET synchronous_commit;",
        ),
        (
            "SELECT 1",
            "-c synchronous_commit=off",
            "remove synchronous_commit from the options of DATABASE_URL "
            "or from PGOPTIONS",
        ),
    ],
)
def test_the_remedy_fits_the_level_that_the_setting_was_made_at(
    server: postgres.Server,
    ours: psycopg.Connection,
    statement: str,
    options: str,
    remedy: str,
) -> None:
    ours.execute(statement.encode())

    with psycopg.connect(server.url, options=options) as connection:
        (danger,) = postgres.check_durability(connection)

    assert danger.endswith(f"Turn it on: {remedy}")


def test_a_server_without_fsync_is_refused(
    made_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.SETTINGS, "fsync", "off")
    monkeypatch.setitem(settings.SETTINGS, "full_page_writes", "off")

    with (
        postgres.serve(made_dir) as server,
        psycopg.connect(server.url) as connection,
    ):
        dangers = postgres.check_durability(connection)

    assert [danger.split(" is off")[0] for danger in dangers] == [
        "fsync",
        "full_page_writes",
    ]
    assert "corrupt beyond repair" in dangers[0]
    assert "command line" in dangers[0]


@pytest.mark.parametrize("value", ["on", "local", "remote_write", "remote_apply"])
def test_every_commit_that_waits_for_the_disk_is_safe(value: str) -> None:
    settings = {**SAFE, "synchronous_commit": Setting(value=value)}

    assert find_dangers(settings) == []


def test_a_server_that_is_too_old_is_refused() -> None:
    old = {
        **SAFE,
        "server_version_num": Setting(value="140022"),
        "server_version": Setting(value="14.22"),
    }

    assert find_dangers(old) == [
        "The server is PostgreSQL 14.22; watchbill needs 15 or newer. "
        "Upgrade the server, or name another one."
    ]


def test_a_value_in_the_configuration_is_turned_on_for_the_whole_server() -> None:
    settings = {**SAFE, "fsync": Setting(value="off")}

    (danger,) = find_dangers(settings)

    assert danger.endswith("ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();")
