"""The watchdog outside hears a heartbeat only while the engine is whole (I12)."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network

import pytest

from tests.engine.watch import Watch
from watchbill.server.engine import actions, hold, kinds
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.heartbeat import NAME, Sender
from watchbill.server.engine.kinds import Moment
from watchbill.server.engine.models import AuditRun, Heartbeat
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Watchdog(HTTPServer):
    """What an outside service would be."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ping/s3cret"


class _Handler(BaseHTTPRequestHandler):
    server: Watchdog

    def do_GET(self) -> None:
        self.server.heard.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    with Watchdog() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sender(url: str) -> Sender:
    return Sender(url=url, every=timedelta(seconds=60), egress=Egress(allow=LOOPBACK))


def run_well(watch: Watch, *, is_clean: bool = True) -> None:
    wall = watch.clock.wall()
    actions.report("one", version="1", cycled_at=wall, wall=wall)
    AuditRun.objects.create(started_at=wall, finished_at=wall, is_clean=is_clean)


def beat(watch: Watch, one: Sender) -> int:
    now = watch.clock.now()
    timers.ensure(NAME, due_at=now)
    moment = Moment(now=now, wall=now, reach=watch.channels.reach)
    return kinds.run(one.kind, moment)


def test_a_whole_engine_is_heard_once_a_minute(
    watch: Watch, watchdog: Watchdog
) -> None:
    one = sender(watchdog.url)
    for _ in range(3):
        run_well(watch)
        assert beat(watch, one) == 1
        assert beat(watch, one) == 0
        watch.clock.advance(timedelta(seconds=60))
    assert watchdog.heard == ["/ping/s3cret"] * 3
    row = Heartbeat.objects.get()
    assert row.sent_at == watch.clock.wall() - timedelta(seconds=60)
    assert row.trouble == ""


def test_nothing_is_heard_of_an_engine_that_is_not_whole(
    watch: Watch, watchdog: Watchdog
) -> None:
    one = sender(watchdog.url)
    beat(watch, one)
    assert "No engine has ever run here" in Heartbeat.objects.get().trouble

    watch.clock.advance(timedelta(minutes=2))
    run_well(watch, is_clean=False)
    beat(watch, one)
    assert "No audit" in Heartbeat.objects.get().trouble

    watch.clock.advance(timedelta(minutes=2))
    run_well(watch)
    hold.begin("a test", wall=watch.clock.wall())
    beat(watch, one)
    assert "On hold" in Heartbeat.objects.get().trouble
    assert watchdog.heard == []


def test_a_watchdog_that_refuses_or_is_gone_is_recorded_without_its_address(
    watch: Watch, watchdog: Watchdog
) -> None:
    run_well(watch)
    watchdog.status = 404
    beat(watch, sender(watchdog.url))
    assert Heartbeat.objects.get().trouble == "the watchdog answered 404"

    DueStep.objects.filter(kind=NAME).delete()
    beat(watch, sender("http://127.0.0.1:1024/ping/s3cret"))
    row = Heartbeat.objects.get()
    assert row.trouble.startswith("the watchdog was not reached")
    assert "s3cret" not in row.trouble
    assert row.sent_at is None


def test_without_an_address_nothing_is_sent_and_nothing_is_wrong(
    watch: Watch,
) -> None:
    run_well(watch)
    assert beat(watch, sender("")) == 1
    assert not Heartbeat.objects.exists()
