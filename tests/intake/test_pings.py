"""Pings of jobs from the door to the monitor, as Healthchecks' clients send them."""

import pytest

from tests.engine.watch import Watch
from tests.server.asgi import Response, ask, drive
from watchbill.server.clock import VirtualClock
from watchbill.server.heartbeats.models import HeartbeatEvent, HeartbeatMonitor
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions
from watchbill.server.intake.models import InboxEntry

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-12", "S5.1-13"),
]

RUN = "728b3763-ee80-4113-9fc0-f49b13adae11"


@pytest.fixture
def key(transactional_db: None, virtual_clock: VirtualClock) -> str:
    _, made = actions.create_integration(
        kind="heartbeat", name="Jobs", now=virtual_clock.now()
    )
    return made


def call(path: str, method: str = "GET", body: bytes = b"") -> Response:
    return drive(lambda app: ask(app, method, path, body))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_a_ping_is_answered_ok_and_is_on_disk(key: str, method: str) -> None:
    answer = call(f"/ping/{key}/backup", method)
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["content-type"].startswith("text/plain")
    (entry,) = InboxEntry.objects.all()
    assert entry.envelope == {"p": "backup"} | (
        {"m": method} if method != "POST" else {}
    )


def test_the_key_is_not_stored_with_the_ping(key: str) -> None:
    call(f"/ping/{key}/backup/start?rid={RUN}")
    (entry,) = InboxEntry.objects.all()
    assert entry.envelope == {"m": "GET", "p": "backup/start", "q": {"rid": RUN}}


@pytest.mark.parametrize("path", ["/ping/abc", "/ping/" + "a" * 32, "/ping"])
def test_a_key_that_is_none_is_not_found(key: str, path: str) -> None:
    answer = call(path)
    assert (answer.status, answer.body) == (404, b"not found")


def test_a_path_that_means_nothing_is_refused_in_words(key: str) -> None:
    answer = call(f"/ping/{key}/backup/999")
    assert answer.status == 400
    assert answer.body.startswith(b"999 is no exit code. Call /ping/KEY")


def test_what_jobs_call_becomes_monitors_and_incidents(
    key: str, virtual_clock: VirtualClock
) -> None:
    call(f"/ping/{key}/backup/start")
    call(f"/ping/{key}/backup/2", "POST", b"disk full")
    Watch(virtual_clock).settle_without_delivery()
    monitor = HeartbeatMonitor.objects.get()
    assert (monitor.slug, monitor.last_kind) == ("backup", "fail")
    kinds = HeartbeatEvent.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["start", "fail"]
    assert Incident.objects.get().title == "backup failed with exit code 2"
