"""Two equal processes on one PostgreSQL: each step fires once (S3.2-18)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.product import Product, channels, eventually, fire, p1, post
from watchbill import postgres

DEBIAN = Path("/usr/lib/postgresql/15/bin")
INCIDENTS = 12

SERVERS = [
    pytest.param(None, id="embedded"),
    pytest.param(
        DEBIAN,
        id="postgresql-15",
        marks=pytest.mark.skipif(
            not DEBIAN.exists(), reason=f"no PostgreSQL 15 in {DEBIAN}"
        ),
    ),
]


@pytest.fixture
def smtp() -> Iterator[SmtpDouble]:
    with SmtpDouble() as double:
        yield double


@pytest.mark.req("S3.2-18", "S4.1-09")
@pytest.mark.parametrize("programs", SERVERS)
def test_two_engines_fire_each_step_once_and_tell_each_recipient_once(
    programs: Path | None, home: Path, smtp: SmtpDouble, slack: SlackDouble
) -> None:
    place = home / (programs.parent.name if programs else "embedded")
    with ExitStack() as stack:
        server = stack.enter_context(
            postgres.serve(place / "postgres", bin_dir=programs)
        )
        env = channels(smtp, slack) | {
            "DATABASE_URL": server.url,
            "WATCHBILL_SECRET_KEY": "the same on every node",
        }
        nodes = [Product(place / name, env=env) for name in ("one", "two")]
        for node in nodes:
            stack.callback(node.finish)
            node.spawn()
        for node in nodes:
            node.await_ready()
        url = nodes[0].create_integration()
        key = url.removeprefix(nodes[0].url)
        connection = stack.enter_context(psycopg.connect(server.url, autocommit=True))
        both = "SELECT count(*) FROM watchbill_enginenode HAVING count(*) = 2"
        eventually(lambda: connection.execute(both).fetchall(), "both engines run")

        for number in range(INCIDENTS):
            # Each alert comes to both nodes, as from a pair of Alertmanagers.
            service = f"svc-{number}"
            fire(nodes[number % 2].url + key, p1(service))
            assert post(nodes[1 - number % 2].url + key, p1(service)).is_success

        settled = f"""
            SELECT 1 WHERE NOT EXISTS (SELECT FROM watchbill_inboxentry
                                       WHERE folded_at IS NULL)
            AND (SELECT count(*) FROM watchbill_incident) = {INCIDENTS}
            AND NOT EXISTS (SELECT FROM watchbill_duestep
                            WHERE state = 'pending' AND wake_at < clock_timestamp())
            AND NOT EXISTS (SELECT FROM watchbill_notification
                            WHERE state IN ('waiting', 'sending'))
        """
        eventually(
            lambda: connection.execute(settled.encode()).fetchall(), "all is settled"
        )
        attempts = connection.execute(
            "SELECT n.state, count(*) FROM watchbill_notification n"
            " JOIN watchbill_delivery d ON d.notification_id = n.id GROUP BY 1, n.id"
        ).fetchall()
        told = connection.execute(
            "SELECT node, count(*) FROM watchbill_delivery GROUP BY 1"
        ).fetchall()

    mails = Counter(str(mail.message["Message-ID"]) for mail in smtp.messages)
    assert len(mails) >= 3 * INCIDENTS
    assert set(mails.values()) == {1}
    assert set(attempts) == {("delivered", 1)}
    assert len(told) == 2, "one engine did all the work; nothing was shared"
