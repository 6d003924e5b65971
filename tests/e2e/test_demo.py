"""``watchbill demo``: the whole story is played and nothing is left of it."""

import html
import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.e2e.product import Product, eventually, secret_in
from tests.postgres.processes import is_alive

STORY = "End of the story"


@pytest.fixture
def tmp(home: Path) -> Path:
    """Where a demo puts what it throws away."""
    path = home / f"tmp{time.monotonic_ns()}"
    path.mkdir()
    return path


@pytest.fixture
def demo(tmp: Path) -> Iterator[Product]:
    one = Product(
        tmp.with_suffix(".said"),
        command="demo",
        arguments=["--speed", "600", "--wait", "0"],
        env={"TMPDIR": str(tmp)},
    )
    yield one.start()
    one.finish()


@pytest.mark.req("S3.2-01", "S3.2-05", "S4.1-10", "S3.1-22")
def test_the_demo_plays_its_story(demo: Product, tmp: Path) -> None:
    eventually(lambda: STORY in demo.stdout, "the story has ended")
    with closing(signed_in(demo)) as client:
        incident = text_of(client.get("/incidents/1/?all"))
        listed = text_of(client.get("/incidents/?status=all"))
        tickets = text_of(client.get("/tickets/"))
        inbox = text_of(client.get("/demo/inbox/"))
    end(demo, signal.SIGTERM, tmp)

    assert "Alert firing: Payment success is 91.4 %" in incident
    for done in ("Acknowledged", "Mitigated", "Resolved"):
        assert re.search(f"{done} by .*Technical Lead", incident), done
    assert "By the link in a message" in incident
    assert "Escalate to the Technical Lead and L3" in incident
    assert "Please confirm that service is restored" in incident
    assert listed.count("Drill") == 2
    assert "Disk of db-2 is 82 % full" in tickets
    assert "DRILL [P1] Page: Payment success" in inbox
    assert "Opened the Slack channel #drill-1-payment-success" in incident
    assert "Slack room of the incident" in inbox
    assert "This is a drill. Nothing leaves this machine." in inbox


def test_the_demo_ends_in_the_middle_of_its_story_and_leaves_nothing(
    demo: Product, tmp: Path
) -> None:
    eventually(lambda: "  0 min  " in demo.stdout, "the story has begun")
    end(demo, signal.SIGINT, tmp)

    assert STORY not in demo.stdout


def end(demo: Product, number: signal.Signals, tmp: Path) -> None:
    """Stop it; nothing may be printed as an error, and nothing may be left."""
    assert list(tmp.iterdir()) != []
    processes = demo.process_ids()
    demo.signal(number)
    assert demo.stderr == ""
    assert list(tmp.iterdir()) == []
    assert [pid for pid in processes if is_alive(pid)] == []


def signed_in(demo: Product) -> httpx2.Client:
    """Use the link that the demo prints."""
    link = eventually(
        lambda: re.search(r"^  (http\S+/link/\S+)$", demo.stdout, re.MULTILINE),
        "the demo has printed its link",
    )
    assert link is not None
    client = httpx2.Client(base_url=demo.url, timeout=10)
    token = secret_in(client.get(link[1]).text)
    answer = client.post(link[1], data={"csrfmiddlewaretoken": token})
    assert answer.headers["location"] == "/incidents/"
    return client


def text_of(answer: httpx2.Response) -> str:
    """Return the text of a page on one line, without its markup."""
    assert answer.status_code == 200
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", answer.text).split()))
