"""The intake in this process on real PostgreSQL: what is accepted is on disk, and
what is not is refused with a reason, counted, and never stored."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection

from tests.intake.database import Locked
from tests.server import asgi
from tests.server.asgi import Response, ask, drive, in_thread
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions, commit
from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration
from watchbill.server.intake.sources import sources
from watchbill.server.project.asgi import WatchbillApplication

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-11"),
]

PATH = "/intake/alertmanager"


def body(title: str = "Nobody can sign in", **changes: Any) -> bytes:
    alert = {
        "status": "firing",
        "labels": {"alertname": "LoginDown", "severity": "critical"},
        "annotations": {"summary": title},
    }
    return json.dumps({"version": "4", "alerts": [alert | changes]}).encode()


@pytest.fixture
def made(
    transactional_db: None, virtual_clock: VirtualClock
) -> tuple[Integration, str]:
    return actions.create_integration(
        kind="alertmanager", name="Prometheus", now=virtual_clock.now()
    )


@pytest.fixture
def key(made: tuple[Integration, str]) -> str:
    return made[1]


def post(key: str, content: bytes = b"", **how: Any) -> Response:
    """Post once to an application of its own, which counts its refusals at its end."""
    return drive(lambda app: ask(app, "POST", f"{PATH}/{key}", content, **how))


def stored() -> list[bytes]:
    return [bytes(entry.body) for entry in InboxEntry.objects.order_by("pk")]


# ── Accepted ────────────────────────────────────────────────────────────────────


def test_what_is_answered_202_is_already_visible_to_everybody_else(key: str) -> None:
    async def test(app: WatchbillApplication) -> tuple[Response, list[bytes]]:
        answer = await ask(app, "POST", f"{PATH}/{key}", body())
        return answer, await in_thread(stored)

    answer, seen = drive(test)
    assert (answer.status, answer.json) == (202, {"status": "accepted", "signals": 1})
    assert seen == [body()]


def test_the_answer_waits_for_the_commit(key: str) -> None:
    async def test(app: WatchbillApplication) -> bool:
        await ask(app, "POST", f"{PATH}/{key}", body())  # the key is known from now on
        async with Locked("watchbill_inboxentry") as lock:
            waiting = asyncio.create_task(ask(app, "POST", f"{PATH}/{key}", body("2")))
            await lock.until_somebody_waits()
            answered_early = waiting.done()
        assert (await waiting).status == 202
        return answered_early

    assert drive(test) is False
    assert stored() == [body(), body("2")]


@pytest.mark.parametrize(
    "header",
    ["Bearer {}", "bearer {}", "BEARER  {}"],
)
def test_the_key_may_come_in_a_header(key: str, header: str) -> None:
    headers = [("Authorization", header.format(key))]
    answer = drive(lambda app: ask(app, "POST", PATH, body(), headers))
    assert answer.status == 202


def test_a_body_in_many_pieces_is_one_post(key: str) -> None:
    pieces = [bytes([one]) for one in body()]
    assert post(key, pieces).status == 202  # type: ignore[arg-type]
    assert stored() == [body()]


def test_burmese_and_unknown_fields_are_stored_as_they_came(key: str) -> None:
    content = body("စနစ် ပျက်နေသည်", future={"a": [1]})
    assert post(key, content).status == 202
    assert stored() == [content]


# ── Refused ─────────────────────────────────────────────────────────────────────


def refusals() -> Iterator[Any]:
    wrong = [
        ("no json", b"{", 400, "bad_payload"),
        ("no body", b"", 400, "bad_payload"),
        ("not utf-8", b'{"version": "\xff"}', 400, "bad_payload"),
        ("a list", b"[]", 400, "bad_payload"),
        ("other version", b'{"version":"5","alerts":[]}', 400, "bad_payload"),
        ("no alerts", b'{"version":"4","alerts":[]}', 400, "bad_payload"),
        ("no labels", body(labels={}), 400, "bad_payload"),
        ("labels of numbers", body(labels={"a": 1}), 400, "bad_payload"),
        ("too deep", b"[" * 100_000, 400, "bad_payload"),
    ]
    for name, content, status, reason in wrong:
        yield pytest.param(content, status, reason, id=name)


@pytest.mark.parametrize(("content", "status", "reason"), list(refusals()))
def test_a_body_that_cannot_be_read_is_refused_and_counted(
    made: tuple[Integration, str], content: bytes, status: int, reason: str
) -> None:
    integration, key = made
    answer = post(key, content)
    assert (answer.status, answer.json["reason"]) == (status, reason)
    assert answer.json["where"].startswith("$")
    assert answer.json["hint"]
    assert answer.headers["content-type"] == "application/json"
    counted = IntakeRejection.objects.get()
    assert (counted.reason, counted.count) == (reason, 1)
    assert counted.integration == integration
    assert counted.last_remote == "192.0.2.7"
    assert counted.last_detail == f"{answer.json['where']}: {answer.json['problem']}"
    assert stored() == []


def test_the_refusal_names_the_place_in_the_document(key: str) -> None:
    assert post(key, body(labels={"a": 1})).json["where"] == "$.alerts[0].labels[...]"
    assert post(key, body(labels={})).json["where"] == "$.alerts[0].labels"
    assert "byte 1" in post(key, b"{").json["problem"] or post(key, b"{").json["where"]


def test_a_missing_key_is_refused_with_the_two_ways_to_send_it(key: str) -> None:
    answer = drive(lambda app: ask(app, "POST", PATH, body()))
    assert (answer.status, answer.json["reason"]) == (401, "no_key")
    assert "Authorization: Bearer" in answer.json["hint"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert_counted("no_key")


@pytest.mark.parametrize(
    "wrong", ["wbi_" + "A" * 43, "x", "x" * 10_000, "\0", "က", "../..", "%2e%2e"]
)
def test_an_unknown_key_is_refused(key: str, wrong: str) -> None:
    assert post(wrong, body()).json["reason"] == "unknown_key"
    assert_counted("unknown_key")


@pytest.mark.parametrize("value", ["Basic {}", "{}", "Bearer", "Token {}", ""])
def test_another_scheme_is_no_key(key: str, value: str) -> None:
    headers = [("Authorization", value.format(key))]
    answer = drive(lambda app: ask(app, "POST", PATH, body(), headers))
    assert (answer.status, answer.json["reason"]) == (401, "no_key")


def test_a_revoked_key_is_refused(
    made: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    integration, key = made
    actions.revoke(integration.pk, now=virtual_clock.now())
    answer = post(key, body())
    assert (answer.status, answer.json["reason"]) == (403, "revoked_key")
    assert_counted("revoked_key", integration)


def test_a_key_of_another_kind_is_refused_with_the_right_address(
    made: tuple[Integration, str],
) -> None:
    integration, key = made
    Integration.objects.filter(pk=integration.pk).update(kind="grafana")
    answer = post(key, body())
    assert (answer.status, answer.json["reason"]) == (403, "wrong_kind")
    assert answer.json["hint"] == "post to /intake/grafana"
    assert_counted("wrong_kind", integration)


@pytest.mark.parametrize(
    "kind", ["nagios", "", "slack", "\0", "x" * 3000, "ALERTMANAGER"]
)
def test_an_unknown_kind_is_refused_with_the_known_ones(key: str, kind: str) -> None:
    answer = drive(lambda app: ask(app, "POST", f"/intake/{kind}/{key}", body()))
    assert (answer.status, answer.json["reason"]) == (404, "unknown_kind")
    assert "alertmanager" in answer.json["hint"]
    assert_counted("unknown_kind")


def test_a_key_in_the_place_of_the_kind_is_shown_nowhere(key: str) -> None:
    for path in (f"/intake/{key}", f"/intake/{key}/alertmanager"):
        answer = drive(partial(ask, method="POST", path=path, body=body()))
        assert answer.status == 404
        assert "/intake/KIND/KEY" in answer.json["hint"]
        assert key[:12] not in answer.body.decode()
    row = IntakeRejection.objects.get()
    assert row.reason == "unknown_kind"
    assert key[:12] not in row.last_detail


def test_a_kind_that_is_misspelt_is_named(key: str) -> None:
    answer = drive(lambda app: ask(app, "POST", f"/intake/alertmanger/{key}", body()))
    assert "'alertmanger'" in answer.json["problem"]
    assert key not in answer.body.decode()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_anything_but_a_post_is_refused(key: str, method: str) -> None:
    answer = drive(lambda app: ask(app, method, f"{PATH}/{key}", body()))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert_counted("wrong_method")


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("says_its_length", [False, True])
def test_ten_megabytes_are_refused(
    made: tuple[Integration, str], *, in_pieces: bool, says_its_length: bool
) -> None:
    content = b" " * (10 * 1024 * 1024)
    size = 64 * 1024
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    headers = [("Content-Length", str(len(content)))] if says_its_length else []
    answer = post(made[1], parts if in_pieces else content, headers=headers)  # type: ignore[arg-type]
    assert (answer.status, answer.json["reason"]) == (413, "too_large")
    assert_counted("too_large", made[0])


def test_the_longest_body_that_is_allowed_is_read(key: str) -> None:
    content = body()
    content += b" " * (sources()["alertmanager"].SOURCE.max_body - len(content))
    assert post(key, content).status == 202
    assert post(key, content + b" ").status == 413


@pytest.mark.parametrize("encoding", ["compress", "zstd", "gzip, identity", "\xff"])
def test_an_encoding_that_is_not_known_is_refused(
    made: tuple[Integration, str], encoding: str
) -> None:
    headers = [("Content-Encoding", encoding)]
    answer = post(made[1], gzip.compress(body()), headers=headers)
    assert (answer.status, answer.json["reason"]) == (415, "encoded")
    assert answer.headers["accept-encoding"].startswith("gzip, deflate")
    assert_counted("encoded", made[0])


def test_a_client_that_goes_away_in_the_middle_stores_nothing(
    made: tuple[Integration, str],
) -> None:
    answer = post(made[1], body()[:40], goes_away=True)
    assert answer.status == 400
    assert_counted("cut_off", made[0])


def assert_counted(reason: str, integration: Integration | None = None) -> None:
    row = IntakeRejection.objects.get()
    assert (row.reason, row.count, row.integration) == (reason, 1, integration)
    assert stored() == []


def test_many_refusals_of_one_kind_are_one_row(key: str) -> None:
    async def test(app: WatchbillApplication) -> None:
        for _ in range(50):
            await ask(app, "POST", f"{PATH}/wrong", body())

    drive(test)
    assert [(row.reason, row.count) for row in IntakeRejection.objects.all()] == [
        ("unknown_key", 50)
    ]


def test_refusals_of_another_run_are_added_to_the_row(key: str) -> None:
    post("wrong", body())
    post("wrong", body())
    assert IntakeRejection.objects.get().count == 2


# ── Many at once ────────────────────────────────────────────────────────────────


def test_two_hundred_posts_at_once_share_a_few_commits_and_are_all_stored(
    key: str,
) -> None:
    async def test(app: WatchbillApplication) -> list[Response]:
        return await asyncio.gather(
            *(ask(app, "POST", f"{PATH}/{key}", body(str(one))) for one in range(200))
        )

    answers = drive(test)
    assert {answer.status for answer in answers} == {202}
    assert set(stored()) == {body(str(one)) for one in range(200)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT xmin::text) FROM watchbill_inboxentry")
        (commits,) = cursor.fetchone()
    assert commits <= 10


def test_a_commit_that_waits_holds_back_no_other_one(
    made: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    held, key = made
    _, other = actions.create_integration(
        kind="alertmanager", name="Another", now=virtual_clock.now()
    )

    async def test(app: WatchbillApplication) -> tuple[bool, Response]:
        for one in (key, other):  # both are known from now on
            await ask(app, "POST", f"{PATH}/{one}", body("1"))
        async with Locked("watchbill_integration", row=held.pk) as lock:
            waiting = asyncio.create_task(ask(app, "POST", f"{PATH}/{key}", body("2")))
            await lock.until_somebody_waits()
            passed = await ask(app, "POST", f"{PATH}/{other}", body("3"))
            answered_early = waiting.done()
        assert (await waiting).status == 202
        return answered_early, passed

    answered_early, passed = drive(test)
    assert not answered_early
    assert passed.status == 202
    assert sorted(stored()) == sorted([body("1"), body("1"), body("2"), body("3")])


def test_beyond_the_bound_of_posts_the_sender_is_asked_to_come_back(
    made: tuple[Integration, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A room holds no more than is free, so one source gets half of the places.
    monkeypatch.setattr(commit, "MAX_WAITING", 6)
    answers = overload(made[1])
    assert_shed(answers, stored_count=3)
    row = IntakeRejection.objects.get()
    assert (row.reason, row.count, row.integration) == ("overloaded", 7, made[0])


def test_beyond_the_bound_of_bytes_the_sender_is_asked_to_come_back(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "MAX_WAITING_BYTES", 10 * len(body("0")))
    assert_shed(overload(key), stored_count=5)


def overload(key: str) -> list[Response]:
    async def test(app: WatchbillApplication) -> list[Response]:
        warm = await ask(app, "POST", f"{PATH}/{key}", b"{")
        assert warm.status == 400
        return await asyncio.gather(
            *(ask(app, "POST", f"{PATH}/{key}", body(str(one))) for one in range(10))
        )

    answers = drive(test)
    IntakeRejection.objects.filter(reason="bad_payload").delete()
    return answers


def assert_shed(answers: list[Response], *, stored_count: int) -> None:
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) == 10 - stored_count
    assert {answer.json["reason"] for answer in refused} == {"overloaded"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert len(stored()) == stored_count


# ── Keys change ─────────────────────────────────────────────────────────────────


def test_a_key_that_is_revoked_on_the_console_stops_working_at_once(
    made: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    integration, key = made

    async def test(app: WatchbillApplication) -> list[int]:
        await listening(app)
        first = await ask(app, "POST", f"{PATH}/{key}", body())
        assert app._intake is not None
        assert len(app._intake.desk.keys) == 1
        await in_thread(actions.revoke, integration.pk, now=virtual_clock.now())
        async with asyncio.timeout(asgi.PATIENCE):
            while len(app._intake.desk.keys):
                await asyncio.sleep(0.005)
        second = await ask(app, "POST", f"{PATH}/{key}", body())
        return [first.status, second.status]

    assert drive(test) == [202, 403]


async def listening(app: WatchbillApplication) -> None:
    """Wait until the application hears the hints of the database."""
    heard = asyncio.Event()
    assert app._live is not None
    app._live.on_hint(lambda _hint: heard.set())
    while not heard.is_set():
        await in_thread(hint)
        await asyncio.sleep(0.02)


def hint() -> None:
    with connection.cursor() as cursor:
        cursor.execute("""SELECT pg_notify('watchbill_live', '{"topic": "test"}')""")


def test_a_rotated_key_works_beside_the_old_one_until_that_expires(
    made: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    integration, old = made
    new = actions.rotate_key(integration.pk, now=virtual_clock.now())
    assert (post(old, body()).status, post(new, body()).status) == (202, 202)
    virtual_clock.advance(actions.ROTATION)
    assert (post(old, body()).status, post(new, body()).status) == (403, 202)
