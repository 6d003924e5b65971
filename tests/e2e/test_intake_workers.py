"""The processes that take posts: what they hold outlives them, and they outlive nobody.

Everything goes through the one port of a real installation. Requests that a worker
does not take are passed on to the main process with their connection.
"""

import http.client
import json
import os
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import psycopg
import pytest

from tests.e2e.product import (
    Product,
    alert,
    body_of,
    eventually,
    post,
    secret_in,
)
from tests.postgres.processes import is_alive

SOON = 15
"""Seconds; a bound for what takes about one."""

MEGABYTE = 1024 * 1024
STOPPED = 128 + signal.SIGTERM


@pytest.fixture
def product(installation: Product) -> Product:
    installation.ensure_started()
    eventually(lambda: workers(installation), "a worker takes posts")
    return installation


def workers(product: Product) -> list[int]:
    """Return the processes that take posts."""
    return product.children("watchbill.server.project.worker")


def named(title: str) -> dict[str, Any]:
    """Return an alert that pages nobody; posts differ in their summary only."""
    return alert("HostDiskHigh", summary=title, severity="warning", service="disk")


def stored(product: Product) -> set[str]:
    """Return the summaries of all posts that are on disk."""
    rows = product.rows("SELECT body FROM watchbill_inboxentry")
    return {
        json.loads(bytes(body))["alerts"][0]["annotations"]["summary"]
        for (body,) in rows
    }


class Flow:
    """Clients that post one after the other, whatever happens to the other side."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        #: What was answered 202.
        self.accepted: list[str] = []
        self._leaving = threading.Event()
        self._clients = [
            threading.Thread(target=self._run, args=(number,)) for number in range(4)
        ]

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        self.go_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        for client in self._clients:
            client.join()

    def go_on(self) -> None:
        """Wait until 40 more posts were accepted."""
        wanted = len(self.accepted) + 40
        eventually(
            lambda: len(self.accepted) >= wanted, "posts are accepted", seconds=SOON
        )

    def _run(self, client: int) -> None:
        with httpx2.Client(timeout=SOON) as connection:
            number = 0
            while not self._leaving.is_set():
                number += 1
                title = f"{self._name} {client}/{number}"
                try:
                    answer = connection.post(self._url, json=body_of(named(title)))
                except httpx2.TransportError:
                    self._leaving.wait(0.02)
                    continue
                if answer.status_code == 202:
                    self.accepted.append(title)


# ── Processes that end ──────────────────────────────────────────────────────────────


@pytest.mark.crash
@pytest.mark.req("S4.1-01")
def test_a_worker_that_is_killed_loses_nothing_and_another_takes_its_place(
    product: Product, url: str
) -> None:
    with Flow(url, "killed worker") as flow:
        (killed,) = workers(product)
        os.kill(killed, signal.SIGKILL)
        eventually(
            lambda: set(workers(product)) - {killed},
            "it is started again",
            seconds=SOON,
        )
        flow.go_on()

    assert set(flow.accepted) <= stored(product)
    assert "a worker of the intake ended; starting it again" in product.stderr


@pytest.mark.crash
@pytest.mark.req("S4.1-01")
def test_no_worker_outlives_the_main_process_and_what_it_accepted_is_kept(
    product: Product, url: str
) -> None:
    taking = workers(product)
    with Flow(url, "killed main") as flow:
        assert product.signal(signal.SIGKILL) == -signal.SIGKILL
        eventually(
            lambda: not any(map(is_alive, taking)), "no worker is left", seconds=SOON
        )
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", product.port))

    product.restart()
    assert set(flow.accepted) <= stored(product)


def test_sigterm_lets_whoever_waits_for_his_answer_have_it(
    product: Product, url: str
) -> None:
    assert product.process is not None
    with (
        product.database() as database,
        closing(http.client.HTTPConnection("127.0.0.1", product.port)) as idle,
        ThreadPoolExecutor(1) as pool,
    ):
        assert send(idle, "POST", url, named("before")) == 202
        with database.transaction():
            database.execute("LOCK TABLE watchbill_inboxentry IN EXCLUSIVE MODE")
            waiting = pool.submit(post, url, named("at the last moment"))
            eventually(lambda: commits_waiting(database), "a commit waits")
            product.process.send_signal(signal.SIGTERM)
            idle.sock.settimeout(SOON)
            assert idle.sock.recv(1) == b"", "a worker that leaves closes what is idle"
            assert not waiting.done()
        assert waiting.result().status_code == 202
    assert product.wait() == STOPPED

    product.restart()
    assert "at the last moment" in stored(product)


def commits_waiting(database: "psycopg.Connection[Any]") -> int:
    """Return how many commits of posts wait for a lock."""
    row = database.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE '%INSERT INTO watchbill_inboxentry%'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_what_cannot_start_lets_nobody_in_and_exits_with_an_error(
    product: Product,
) -> None:
    assert product.sigterm() == STOPPED
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        product.env["WATCHBILL_MAIL_LISTEN"] = place
        try:
            assert product.spawn().wait() == 3
        finally:
            del product.env["WATCHBILL_MAIL_LISTEN"]
    assert "cannot listen for mail at 127.0.0.1" in product.stderr


# ── Two processes, one port ─────────────────────────────────────────────────────────


def send(
    connection: http.client.HTTPConnection,
    method: str,
    url: str,
    alert: dict[str, Any] | None = None,
    *,
    padding: int = 0,
    in_chunks: bool = False,
) -> int:
    """Make a request on an open connection and return the status."""
    content = json.dumps(body_of(alert)).encode() + b" " * padding if alert else b""
    body: Any = content
    if in_chunks:
        body = iter([content[:50], content[50:]])
    connection.request(
        method, path_of(url), body if alert else None, encode_chunked=in_chunks
    )
    answer = connection.getresponse()
    answer.read()
    return answer.status


def path_of(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2]


def test_posts_are_accepted_while_the_main_process_stands_still(
    product: Product, url: str
) -> None:
    assert product.process is not None
    with closing(http.client.HTTPConnection("127.0.0.1", product.port, SOON)) as opened:
        assert send(opened, "POST", url, named("moving")) == 202
        product.process.send_signal(signal.SIGSTOP)
        try:
            assert send(opened, "POST", url, named("standing still")) == 202
        finally:
            product.process.send_signal(signal.SIGCONT)

    assert "standing still" in stored(product)


def test_one_connection_carries_every_sort_of_request(
    product: Product, url: str
) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", product.port, SOON)) as opened:
        opened.connect()
        port = opened.sock.getsockname()
        told = [
            send(opened, "POST", url, named("plain")),
            send(opened, "POST", url, named("long"), padding=MEGABYTE),
            send(opened, "GET", f"{product.url}/health/ready"),
            send(opened, "GET", url),
            send(opened, "POST", url, named("chunks"), in_chunks=True),
            send(opened, "POST", url, named("plain again")),
        ]
        assert opened.sock.getsockname() == port, "it was closed in between"

    assert told == [202, 202, 200, 405, 202, 202]
    assert {"plain", "long", "chunks", "plain again"} <= stored(product)


def test_requests_that_follow_unasked_are_answered_by_whoever_takes_them(
    product: Product, url: str
) -> None:
    content = json.dumps(body_of(named("unasked"))).encode()
    head = f"Host: localhost\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    ours = f"POST {path_of(url)} HTTP/1.1\r\n".encode() + head + content
    last = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", product.port), SOON) as opened:
        opened.sendall(3 * ours + last)
        told = b"".join(iter(lambda: opened.recv(65_536), b""))
    assert re.findall(rb"HTTP/1.1 (\d+)", told) == [b"202", b"202", b"202", b"200"]


def test_what_was_answered_is_sent_before_a_connection_is_passed_on(
    product: Product, url: str
) -> None:
    path = "/" + url.partition("://")[2].partition("/")[2]
    wrong = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{{"
    page = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert post(url, named("now the key is known")).status_code == 202
    with socket.create_connection(("127.0.0.1", product.port), SOON) as opened:
        opened.sendall((wrong + wrong + page).encode())
        told = b"".join(iter(lambda: opened.recv(4096), b""))

    statuses = re.findall(rb"HTTP/1.1 (\d+)", told)
    assert statuses == [b"400", b"400", b"200"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param({"method": "GET"}, 405, id="GET"),
        pytest.param({"alert": named("first: chunks"), "in_chunks": True}, 202),
        pytest.param({"alert": named("first: long"), "padding": MEGABYTE}, 202),
        pytest.param({"alert": named("first: too long"), "padding": 6 * MEGABYTE}, 413),
    ],
)
def test_a_connection_may_begin_with_what_a_worker_does_not_take(
    product: Product, url: str, how: dict[str, Any], expected: int
) -> None:
    how = {"method": "POST"} | how
    with closing(http.client.HTTPConnection("127.0.0.1", product.port, SOON)) as opened:
        assert send(opened, url=url, **how) == expected


def test_a_worker_keeps_nothing_of_the_connections_that_it_passes_on(
    product: Product,
) -> None:
    (worker,) = workers(product)

    def many() -> int:
        for _ in range(30):
            assert httpx2.get(f"{product.url}/health/live").status_code == 200
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))

    assert many() + 5 > many()


# ── What workers know ───────────────────────────────────────────────────────────────


@pytest.mark.req("S4.1-11")
def test_a_key_works_when_it_is_made_and_not_when_it_is_revoked_on_the_console(
    product: Product, url: str
) -> None:
    kind, _ = url.rsplit("/", 1)
    with (
        closing(product.create_owner()) as owner,
        closing(http.client.HTTPConnection("127.0.0.1", product.port, SOON)) as opened,
    ):
        page = owner.get("/integrations/1/").text
        form = {"csrfmiddlewaretoken": secret_in(page), "scopes": ["post"]}
        made = owner.post("/integrations/1/keys/", data=form).text
        key = re.search(r'id="new-key">([^<]+)<', made)
        assert key is not None
        new = f"{kind}/{key[1]}"
        assert send(opened, "POST", new, named("with the new key")) == 202

        form = {"csrfmiddlewaretoken": secret_in(made)}
        assert owner.post(revoke_url(made, key[1]), data=form).status_code == 302
        # Half of the time for which a worker would believe what it remembers.
        eventually(
            lambda: send(opened, "POST", new, named("revoked")) == 403,
            "the worker hears of it",
            seconds=5,
        )
        assert send(opened, "POST", url, named("with the old key")) == 202

    refused = "SELECT 1 FROM watchbill_intakerejection WHERE reason = 'revoked_key'"
    eventually(lambda: product.rows(refused), "it is counted")


def revoke_url(page: str, key: str) -> str:
    """Return where the button that revokes a key leads."""
    listed = next(one for one in page.split("<li ") if f"…{key[-6:]}</code>" in one)
    action = re.search(r'action="([^"]+/revoke/)"', listed)
    assert action is not None
    return action[1]


def test_sigterm_loses_nothing_and_without_workers_the_main_process_takes_posts(
    product: Product, url: str
) -> None:
    taking = workers(product)
    with Flow(url, "stopped") as flow:
        assert product.sigterm() == STOPPED
        assert not any(map(is_alive, taking))

    product.arguments += ["--intake-workers", "0"]
    try:
        product.restart()
        assert workers(product) == []
        assert set(flow.accepted) <= stored(product)
        test_one_connection_carries_every_sort_of_request(product, url)
        assert product.sigterm() == STOPPED
    finally:
        del product.arguments[-2:]
