"""The contract of sources at the door: encodings, addresses, signatures, budgets."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import zlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.intake.test_intake import PATH, body, stored
from tests.server.asgi import Response, ask, drive
from watchbill.integrations.sources import Post
from watchbill.server import clock
from watchbill.server.clock import ScaledClock, VirtualClock
from watchbill.server.intake import actions, commit
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.intake.refusal import Refusal
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.sealing import SealError, seal, unseal

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-11"),
]


def make(kind: str, now: VirtualClock, **fields: Any) -> tuple[Integration, str]:
    integration, key = actions.create_integration(kind=kind, name=kind, now=now.now())
    Integration.objects.filter(pk=integration.pk).update(**fields)
    return integration, key


def post(path: str, content: bytes, *headers: tuple[str, str]) -> Response:
    return drive(lambda app: ask(app, "POST", path, content, headers))


# ── Encodings ───────────────────────────────────────────────────────────────────


def raw_deflate(content: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
)
def test_an_encoded_body_is_stored_plain(
    virtual_clock: VirtualClock, name: str, encode: Any
) -> None:
    _, key = make("alertmanager", virtual_clock)
    answer = post(f"{PATH}/{key}", encode(body()), ("Content-Encoding", name))
    assert answer.status == 202
    assert stored() == [body()]


BOMB = gzip.compress(b" " * 60_000_000, 9)


@pytest.mark.parametrize(
    ("name", "content", "status", "reason"),
    [
        ("gzip", BOMB, 413, "too_large"),
        ("deflate", zlib.compress(b" " * 60_000_000, 9), 413, "too_large"),
        ("gzip", gzip.compress(b"{}") * 17, 400, "bad_encoding"),
        ("gzip", gzip.compress(body())[:-9], 400, "bad_encoding"),
        ("gzip", body(), 400, "bad_encoding"),
        ("deflate", b"\0" * 50, 400, "bad_encoding"),
    ],
)
def test_a_bomb_and_a_body_that_is_not_what_it_says_are_refused(
    virtual_clock: VirtualClock, name: str, content: bytes, status: int, reason: str
) -> None:
    _, key = make("alertmanager", virtual_clock)
    answer = post(f"{PATH}/{key}", content, ("Content-Encoding", name))
    assert (answer.status, answer.json["reason"]) == (status, reason)
    assert stored() == []


# ── Addresses ───────────────────────────────────────────────────────────────────

ALERT = b'[{"labels":{"alertname":"x"}}]'


@pytest.mark.parametrize(
    ("address", "has_header"),
    [
        ("/intake/prometheus/{}/api/v2/alerts", False),
        ("/intake/prometheus/api/v2/alerts", True),
        ("/api/v2/alerts", True),
        ("/api/v1/alerts", True),
    ],
)
def test_a_source_is_understood_at_each_of_its_addresses(
    virtual_clock: VirtualClock, address: str, *, has_header: bool
) -> None:
    _, key = make("prometheus", virtual_clock)
    headers = [("Authorization", f"Bearer {key}")] if has_header else []
    answer = post(address.replace("{}", key), ALERT, *headers)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    entry = InboxEntry.objects.get()
    assert entry.envelope is not None
    assert set(entry.envelope) == {"p"}


def test_a_method_that_is_not_the_doors_is_for_the_pages(
    virtual_clock: VirtualClock,
) -> None:
    make("prometheus", virtual_clock)
    drive(lambda app: ask(app, "DELETE", "/api/v2/alerts"))
    assert not IntakeRejection.objects.exists()


def test_the_password_of_basic_is_a_key(virtual_clock: VirtualClock) -> None:
    _, key = make("alertmanager", virtual_clock)
    shown = base64.b64encode(f"anybody:{key}".encode()).decode()
    answer = post(PATH, body(), ("Authorization", f"Basic {shown}"))
    assert answer.status == 202


# ── Keys ────────────────────────────────────────────────────────────────────────


def test_a_key_without_the_scope_may_not_post(virtual_clock: VirtualClock) -> None:
    integration, _ = make("alertmanager", virtual_clock)
    key = actions.add_key(integration, scopes=[Scope.READ], now=virtual_clock.now())
    answer = post(f"{PATH}/{key}", body())
    assert (answer.status, answer.json["reason"]) == (403, "wrong_scope")
    assert IntakeRejection.objects.get().integration == integration


def test_the_use_of_a_key_is_noted(virtual_clock: VirtualClock) -> None:
    integration, key = make("alertmanager", virtual_clock)
    post(f"{PATH}/{key}", body())
    row = IntegrationKey.objects.get(integration=integration)
    assert row.last_used_at == virtual_clock.now()


def test_a_secret_is_sealed_and_opens_with_our_secret_key_only(
    settings: Any, virtual_clock: VirtualClock
) -> None:
    sealed = seal("s3cret")
    assert "s3cret" not in sealed
    assert unseal(sealed) == "s3cret"
    settings.SECRET_KEY = "another"
    with pytest.raises(SealError):
        unseal(sealed)


def test_signatures_are_judged_by_the_wall_clock_where_the_plan_runs_faster(
    virtual_clock: VirtualClock,
) -> None:
    _, key = make("grafana", virtual_clock, sealed_secret=seal("s3cret"))
    content = b'{"alerts": [{"status": "firing", "labels": {"alertname": "Disk"}}]}'
    begun = virtual_clock.now()
    machines = VirtualClock(begun + timedelta(hours=1))
    demo = ScaledClock(clock=machines, origin=begun, rate=60)

    def send(at: datetime) -> int:
        timestamp = str(int(at.timestamp()))
        signed = f"{timestamp}:".encode() + content
        proof = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
        headers = (
            ("X-Grafana-Alerting-Signature", proof),
            ("X-Grafana-Alerting-Timestamp", timestamp),
        )
        return post(f"/intake/grafana/{key}", content, *headers).status

    with clock.use(demo):
        assert send(machines.now()) == 202
        assert send(demo.now()) == 401


# ── Budgets and fairness ────────────────────────────────────────────────────────


def test_beyond_its_budget_an_integration_is_told_when_to_come_back(
    virtual_clock: VirtualClock,
) -> None:
    _, key = make("alertmanager", virtual_clock, per_minute=2)

    async def test(app: WatchbillApplication) -> list[Response]:
        return [await ask(app, "POST", f"{PATH}/{key}", body()) for _ in range(3)]

    *first, last = drive(test)
    assert [answer.status for answer in first] == [202, 202]
    assert (last.status, last.json["reason"]) == (503, "over_budget")
    assert 1 <= int(last.headers["retry-after"]) <= 30


def test_a_flood_of_one_source_is_refused_while_another_is_accepted(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "MAX_WAITING", 20)
    _, loud = make("alertmanager", virtual_clock)
    _, quiet = make("alertmanager", virtual_clock)

    async def test(app: WatchbillApplication) -> tuple[list[Response], Response]:
        for key in (loud, quiet):  # known from now on
            await ask(app, "POST", f"{PATH}/{key}", b"{")
        *flood, single = await asyncio.gather(
            *(ask(app, "POST", f"{PATH}/{loud}", body(str(n))) for n in range(40)),
            ask(app, "POST", f"{PATH}/{quiet}", body("single")),
        )
        return flood, single

    flood, single = drive(test)
    refused = [answer for answer in flood if answer.status == 503]
    assert len(refused) == 30
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert single.status == 202
    assert body("single") in stored()


# ── From elsewhere ──────────────────────────────────────────────────────────────


def test_a_post_that_did_not_come_over_http_is_durable_and_refused_alike(
    virtual_clock: VirtualClock,
) -> None:
    integration, _ = make("alertmanager", virtual_clock)

    async def test(app: WatchbillApplication) -> tuple[int, str]:
        assert app._intake is not None
        take = app._intake.take
        reading = await take(integration.pk, "alertmanager", Post(body=body()))
        with pytest.raises(Refusal) as refused:
            await take(integration.pk, "alertmanager", Post(body=b"{"))
        return len(reading.reports), refused.value.reason

    assert drive(test) == (1, "bad_payload")
    assert stored() == [body()]
    assert IntakeRejection.objects.get().integration == integration
