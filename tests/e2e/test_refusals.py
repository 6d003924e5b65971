"""What cannot run says why in a sentence, exits with 1 and has changed nothing."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.e2e.product import AWKWARD_NAME, Product, eventually
from watchbill import postgres
from watchbill.postgres import settings


def refusal_of(product: Product) -> str:
    """Run it to its end and return what it said; it must have refused."""
    try:
        code = product.spawn().wait()
    finally:
        product.finish()
    assert code == 1, product.stderr
    assert "Traceback" not in product.stderr
    return product.stderr


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[postgres.OwnedServer]:
    with postgres.serve(home / "server") as one:
        yield one


def is_empty(server: postgres.Server) -> bool:
    with psycopg.connect(server.url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'watchbill%'"
        ).fetchone()
    return found == (0,)


def test_a_database_that_forgets_commits_is_refused_with_the_remedy(
    home: Path, server: postgres.OwnedServer
) -> None:
    url = server.url + "&options=" + quote("-c synchronous_commit=off")

    said = refusal_of(Product(home / "async", env={"DATABASE_URL": url}))

    assert said.startswith("Error: synchronous_commit is off (set by: client)")
    assert "remove synchronous_commit from the options of DATABASE_URL" in said
    assert is_empty(server)


def test_a_database_without_fsync_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.SETTINGS, "fsync", "off")
    with postgres.serve(home / "unsafe") as unsafe:
        said = refusal_of(Product(home / "fsync", env={"DATABASE_URL": unsafe.url}))

        assert is_empty(unsafe)
    assert said.startswith("Error: fsync is off (set by: command line)")
    assert "corrupt beyond repair" in said


def test_a_database_that_does_not_answer_is_named(home: Path) -> None:
    nobody = "postgresql://watchbill@127.0.0.1:1/watchbill"

    said = refusal_of(Product(home / "nobody", env={"DATABASE_URL": nobody}))

    assert said.startswith("Error: The database of DATABASE_URL cannot be reached")


@pytest.mark.req("S0-07")
def test_a_broken_plan_is_not_put_in_force(home: Path) -> None:
    plan = home / "အစီအစဉ် plan.yaml"
    plan.write_text("watchbill: 1\nplan:\n  tittle: Support\n", "utf-8")
    product = Product(home / "plan", arguments=["--plan", str(plan)])

    said = refusal_of(product)

    assert 'plan.yaml:3:3: error[WB101]: unknown key "tittle"' in said
    assert said.rstrip().endswith("has errors and is not put in force")
    assert not product.data_dir.exists()


def test_a_port_in_use_is_named_before_anything_is_written(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        product = Product(home / "port", port=port)
        said = refusal_of(product)

    assert said == (
        f"Error: Cannot listen at 127.0.0.1 port {port}: Address already in use."
        " Stop what listens there, or choose another place by --host and --port.\n"
    )
    assert product.stdout == ""
    assert not product.data_dir.exists()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WATCHBILL_SMTP_URL", "mail.example.org", "A mail URL begins with smtp://"),
        ("WATCHBILL_EGRESS_ALLOW", "10.1.0.0/99", "WATCHBILL_EGRESS_ALLOW must be"),
        ("WATCHBILL_BEHIND_PROXY", "perhaps", "WATCHBILL_BEHIND_PROXY must be yes"),
        ("WATCHBILL_SMTP_URL_FILE", "/no/such/file", "WATCHBILL_SMTP_URL_FILE names"),
    ],
)
def test_a_setting_that_cannot_be_understood_is_named(
    home: Path, server: postgres.OwnedServer, name: str, value: str, says: str
) -> None:
    env = {"DATABASE_URL": server.url, name: value}

    said = refusal_of(Product(home / f"{name}-{len(value)}", env=env))

    assert said.startswith(f"Error: {says}")


def test_a_second_one_on_the_same_data_says_for_whom_it_waits(home: Path) -> None:
    place = home / AWKWARD_NAME
    with Product(place) as first:
        second = Product(place, name="second")
        try:
            second.spawn()
            eventually(
                lambda: "waiting" in second.stderr, "the second says that it waits"
            )
            said = second.stderr
        finally:
            second.finish()

        assert first.is_ready()
        owner = first.process_ids()[0]
    assert f"{place}/data/postgres is in use by process {owner} (" in said
