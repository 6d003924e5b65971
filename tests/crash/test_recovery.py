"""Killing at random moments while alerts come in, and killing parts of the whole."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.crash.evidence import gather
from tests.crash.sender import Sender
from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.product import Product, channels, eventually
from tests.postgres.processes import is_alive

pytestmark = pytest.mark.crash

ROUNDS = int(os.environ.get("WATCHBILL_CRASH_ROUNDS", "2"))
CAMPAIGN_ROUNDS = max(ROUNDS, 100)
#: So few pages that hardly anybody gets more than a minute bears, and they go at once.
PAGES_EVERY = 120
#: "Within seconds", on a machine that is busy with other tests.
RECOVERY_SECONDS = 20


@pytest.fixture
def smtp() -> Iterator[SmtpDouble]:
    """One per installation: two of them number their incidents alike."""
    with SmtpDouble() as double:
        yield double


@pytest.fixture
def product(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Product]:
    one = Product(home / f"p{time.monotonic_ns()}", env=channels(smtp, slack))
    with ExitStack() as stack:
        stack.callback(one.finish)
        yield one.start()


@pytest.mark.req("S3.2-18", "S4.1-09", "S2.2-07")
def test_nothing_accepted_is_lost_however_often_everything_is_killed(
    product: Product, smtp: SmtpDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    crash_and_compare(product, smtp, capsys, rounds=ROUNDS)


@pytest.mark.campaign
def test_nothing_accepted_is_lost_in_a_campaign_of_kills(
    product: Product, smtp: SmtpDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    crash_and_compare(product, smtp, capsys, rounds=CAMPAIGN_ROUNDS)


def crash_and_compare(
    product: Product,
    smtp: SmtpDouble,
    capsys: pytest.CaptureFixture[str],
    *,
    rounds: int,
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    url = product.create_integration()
    with Sender(url, pages_every=PAGES_EVERY) as sender:
        for _ in range(rounds):
            await_more(sender, chance.randrange(1, 60))
            product.kill9()
            product.restart()
        await_more(sender, 1)

    found = gather(product, smtp)
    doubled = [one for one in found.pages if one.received > 1]
    with capsys.disabled():
        print(
            f"\n{rounds} kills (seed {seed}): {len(sender.accepted)} alerts accepted,"
            f" {sender.cut_off} requests cut off and sent again;"
            f" {len(found.incidents)} incidents, {len(found.pages)} pages,"
            f" {len(found.lost())} lost, {len(doubled)} doubled and marked so;"
            f" an alert waited {sender.longest_wait:.1f} s at most"
        )

    # One that was cut off in the middle of the answer is stored and not accepted.
    assert set(sender.accepted) <= set(found.incidents)
    assert len(set(found.incidents) - set(sender.accepted)) <= 1
    assert [one for one in found.incidents.values() if len(one) != 1] == []
    assert sender.paging() <= {one.service for one in found.pages}
    assert found.lost() == []
    assert found.doubled_silently() == []


def await_more(sender: Sender, count: int) -> None:
    wanted = len(sender.accepted) + count
    eventually(
        lambda: len(sender.accepted) >= wanted,
        f"{count} more alerts are accepted",
        seconds=RECOVERY_SECONDS,
    )


@pytest.mark.req("S4.1-09")
def test_it_outlives_the_death_of_its_database(
    product: Product, smtp: SmtpDouble
) -> None:
    url = product.create_integration()
    with Sender(url, pages_every=PAGES_EVERY) as sender:
        await_more(sender, 20)
        killed = product.postmaster_pid()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: not is_alive(killed), "the postmaster is dead")
        before = len(sender.accepted)
        eventually(
            lambda: len(sender.accepted) > before + 20,
            "alerts are accepted again",
            seconds=RECOVERY_SECONDS,
        )
        eventually(product.is_ready, "pages are answered again")

    found = gather(product, smtp)

    assert set(sender.accepted) <= set(found.incidents)
    assert sender.paging() <= {one.service for one in found.pages}
    assert found.lost() == []
    assert found.doubled_silently() == []


def test_a_sigterm_ends_everything_and_loses_nothing(
    product: Product, smtp: SmtpDouble
) -> None:
    url = product.create_integration()
    with Sender(url, pages_every=PAGES_EVERY) as sender:
        await_more(sender, 20)
        processes = product.process_ids()
        started = time.monotonic()
        code = product.sigterm()
        took = time.monotonic() - started
        remaining = [pid for pid in processes if is_alive(pid)]
        product.restart()
        await_more(sender, 1)

    found = gather(product, smtp)

    assert code == 128 + signal.SIGTERM
    assert remaining == []
    assert took < 10
    assert product.stderr == ""
    assert set(sender.accepted) <= set(found.incidents)
    assert found.lost() == []
    assert found.doubled_silently() == []


def test_a_sigterm_does_not_wait_for_open_pages(product: Product) -> None:
    """A browser's stream of live updates is open for minutes."""
    reading = threading.Event()
    with closing(product.create_owner()) as owner, ExitStack() as stack:

        def read() -> None:
            with owner.stream("GET", "/live", timeout=30) as answer:
                for _ in answer.iter_bytes():
                    reading.set()

        reader = threading.Thread(target=read)
        stack.callback(reader.join, 30)
        reader.start()
        assert reading.wait(10)
        started = time.monotonic()

        product.sigterm()

    assert time.monotonic() - started < 10
    assert product.stderr == ""
