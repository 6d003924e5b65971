"""The pages of integrations: adding one, its keys, what it sent and what came of it."""

import json
import tracemalloc
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading
from watchbill.server import tokens
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions, queries, reading
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.intake.posts import read_entry
from watchbill.server.intake.sources import samples, sources
from watchbill.server.sealing import unseal

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert("1")</script>'


def add(owner: Client, name: str = "Grafana", kind: str = "alertmanager") -> Any:
    page = owner.post(f"/integrations/add/{kind}/", {"name": name})
    assert page.status_code == 200
    return page


def made(*, now: datetime, kind: str = "alertmanager") -> Integration:
    return actions.create_integration(kind=kind, name="Prometheus", now=now)[0]


def body_of(title: str = "Disk full", **labels: str) -> bytes:
    alert = {
        "status": "firing",
        "labels": {"alertname": title, **labels},
        "annotations": {"summary": title},
    }
    return json.dumps({"version": "4", "alerts": [alert]}).encode()


def event(
    one: Integration, body: bytes | None = None, *, now: datetime, **values: Any
) -> InboxEntry:
    return InboxEntry.objects.create(
        integration=one,
        body=body_of() if body is None else body,
        received_at=now,
        **values,
    )


def everything_stored() -> str:
    sessions = [session.get_decoded() for session in Session.objects.all()]
    rows = [*Integration.objects.values(), *IntegrationKey.objects.values()]
    return f"{rows}{sessions}"


# ── Adding ──────────────────────────────────────────────────────────────────────


def test_the_gallery_shows_every_source_under_its_heading_and_finds_one(
    owner: Client,
) -> None:
    def names(**query: str) -> set[str]:
        groups = owner.get("/integrations/add/", query).context["groups"]
        return {source["kind"] for group in groups for source in group["sources"]}

    assert "alertmanager" in names()
    assert names(q="ALERTMAN") == {"alertmanager"}
    assert names(q="no such thing") == set()


def test_a_key_is_shown_once_and_stored_nowhere(owner: Client) -> None:
    page = add(owner)
    key = page.context["key"]
    assert key.startswith("wbi_")
    assert key in page.text
    stored = IntegrationKey.objects.get()
    assert stored.key_hash == tokens.digest(key)
    assert stored.scopes == [Scope.POST]
    assert key not in owner.get("/integrations/").text
    assert key not in owner.get(f"/integrations/{stored.integration_id}/").text
    assert key not in everything_stored()


def test_the_set_up_names_the_real_address_and_the_key(owner: Client) -> None:
    setup = add(owner).context["setup"]
    key = setup["url"].rpartition("/")[2]
    assert setup["url"] == f"{setup['address']}/{key}"
    assert setup["address"].endswith("/intake/alertmanager")
    assert key in setup["text"]
    assert setup["address"] in setup["text"]
    assert "{" not in setup["text"]


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("alertmanager", "", 422),
        ("alertmanager", "x" * 121, 422),
        ("alertmanager", "a\0b", 422),
        ("carrier-pigeon", "x", 404),
        # A channel, which sends and does not receive.
        ("twilio_voice", "x", 404),
    ],
)
def test_a_broken_integration_is_not_made(
    owner: Client, kind: str, name: str, status: int
) -> None:
    page = owner.post(f"/integrations/add/{kind}/", {"name": name})
    assert page.status_code == status
    assert not Integration.objects.exists()


@pytest.mark.req("S4.1-08")
def test_the_first_event_is_shown_as_it_is_read_while_somebody_waits_for_it(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    waiting = owner.get(f"/integrations/{one.pk}/").text
    assert "Waiting for the first event" in waiting
    event(one, body_of("Queue grows", service="mailer"), now=virtual_clock.now())
    page = owner.get(f"/integrations/{one.pk}/")
    assert "Waiting for the first event" not in page.text
    (report,) = page.context["first"]["reports"]
    assert report["title"] == "Queue grows"
    assert ("service", "mailer") in report["labels"]
    assert report["key"]


# ── The list ────────────────────────────────────────────────────────────────────


def row_of(owner: Client, one: Integration) -> dict[str, Any]:
    rows = owner.get("/integrations/", {"show": "all"}).context["integrations"]
    (row,) = (row for row in rows if row["number"] == one.pk)
    return dict(row)


def test_an_integration_waits_then_receives_then_is_silent(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    assert row_of(owner, one)["state"] == "waiting"
    Integration.objects.update(last_event_at=virtual_clock.now())
    assert row_of(owner, one)["state"] == "receiving"
    virtual_clock.advance(timedelta(days=3, hours=2))
    row = row_of(owner, one)
    assert (row["state"], row["state_words"]) == ("silent", "for 3 d")
    actions.revoke(one.pk, now=virtual_clock.now())
    assert row_of(owner, one)["state"] == "revoked"
    assert owner.get("/integrations/").context["integrations"] == []


def test_the_pace_of_the_last_hour_has_a_bar_for_each_five_minutes(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    one = made(now=now)
    for minutes in (0, 0, 4, 5, 59, 60, 61, 600):
        event(one, now=now - timedelta(minutes=minutes))
    pace = queries.paces([one.pk], now=now)[one.pk]
    assert pace.slots == (2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4)
    assert row_of(owner, one)["plot"]["total"] == 6


def test_counting_the_pace_stops_at_a_bound_and_says_since_when(
    virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_MOST_COUNTED", 3)
    now = virtual_clock.now()
    one = made(now=now)
    for seconds in (50, 40, 30, 20, 10):
        event(one, now=now - timedelta(seconds=seconds))
    pace = queries.paces([one.pk], now=now)[one.pk]
    assert pace.total == 3
    assert pace.counted_since == now - timedelta(seconds=30)


def test_integrations_are_found_by_name_and_kind(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    made(now=virtual_clock.now())

    def found(text: str) -> int:
        page = owner.get("/integrations/", {"q": text})
        return len(page.context["integrations"])

    assert (found("prom"), found("ALERTM"), found("zabbix")) == (1, 1, 0)


def test_more_integrations_take_no_more_queries(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    def queries_of_the_list() -> int:
        with CaptureQueriesContext(connection) as captured:
            owner.get("/integrations/")
        return len(captured)

    for _ in range(2):
        event(made(now=virtual_clock.now()), now=virtual_clock.now())
    queries_of_the_list()  # the plan is loaded once a process
    before = queries_of_the_list()
    for _ in range(8):
        event(made(now=virtual_clock.now()), now=virtual_clock.now())
    assert queries_of_the_list() == before


@pytest.mark.req("S4.1-11")
def test_what_was_refused_and_what_could_not_be_read_is_listed(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    one = made(now=now)
    bad = event(one, now=now, quarantined_at=now, error=HOSTILE)
    IntakeRejection.objects.create(
        reason="bad_payload",
        hour=now,
        integration=one,
        count=7,
        last_at=now,
        last_detail=HOSTILE,
        last_remote="203.0.113.7",
    )
    page = owner.get("/integrations/")
    assert "bad_payload × 7" in page.text
    assert HOSTILE not in page.text
    assert f"/integrations/{one.pk}/events/{bad.pk}/" in page.text
    assert row_of(owner, one)["rejected"] == 7


# ── Keys ────────────────────────────────────────────────────────────────────────


def test_a_new_key_takes_the_place_of_the_old_one_after_a_day(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    old = add(owner).context["key"]
    number = Integration.objects.get().pk
    page = owner.post(f"/integrations/{number}/rotate/")
    new = page.context["new_key"]
    assert new != old
    assert new in page.text
    assert new not in owner.get("/integrations/").text + everything_stored()
    keys = {one.key_hash: one.expires_at for one in IntegrationKey.objects.all()}
    assert keys == {
        tokens.digest(old): virtual_clock.now() + timedelta(days=1),
        tokens.digest(new): None,
    }


def test_a_key_can_be_replaced_at_once(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    old = add(owner).context["key"]
    number = Integration.objects.get().pk
    owner.post(f"/integrations/{number}/rotate/", {"overlap": "0"})
    stored = IntegrationKey.objects.get(key_hash=tokens.digest(old))
    assert stored.expires_at == virtual_clock.now()
    assert "expired" in owner.get(f"/integrations/{number}/").text


def test_replacing_at_once_ends_keys_that_an_earlier_rotation_left_time(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    leaked = add(owner).context["key"]
    one = Integration.objects.get()
    IntegrationKey.objects.update(scopes=[Scope.POST, Scope.READ])
    rotate = f"/integrations/{one.pk}/rotate/"
    owner.post(rotate)
    virtual_clock.advance(timedelta(hours=1))
    now = virtual_clock.now()
    IntegrationKey.objects.create(
        integration=one,
        key_hash="gone",
        scopes=[Scope.SILENCE],
        created_at=now,
        expires_at=now - timedelta(minutes=1),
    )

    new = owner.post(rotate, {"overlap": "0"}).context["new_key"]

    ends = dict(IntegrationKey.objects.values_list("key_hash", "expires_at"))
    assert ends.pop(tokens.digest(new)) is None
    assert ends.pop("gone") == now - timedelta(minutes=1)
    assert ends.pop(tokens.digest(leaked)) == now
    assert list(ends.values()) == [now]
    made_last = IntegrationKey.objects.get(key_hash=tokens.digest(new))
    assert set(made_last.scopes) == {Scope.POST, Scope.READ}


def test_one_more_key_may_do_what_was_chosen_and_no_key_may_do_nothing(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    url = f"/integrations/{one.pk}/keys/"
    page = owner.post(url, {"scopes": ["read", "silence"]})
    assert page.context["new_key"]
    assert one.keys.order_by("-pk")[0].scopes == ["read", "silence"]
    assert owner.post(url, {}).status_code == 422
    assert owner.post(url, {"scopes": ["rule"]}).status_code == 422
    assert one.keys.count() == 2


def test_one_key_is_revoked_and_the_others_go_on(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    actions.add_key(one, scopes=[Scope.POST], now=virtual_clock.now())
    first, second = one.keys.order_by("pk")
    url = f"/integrations/{one.pk}/keys/{first.pk}/revoke/"
    assert "refused from now on" in owner.post(url, follow=True).text
    assert "refused already" in owner.post(url, follow=True).text
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.revoked_at == virtual_clock.now()
    assert second.revoked_at is None
    other = made(now=virtual_clock.now())
    owner.post(f"/integrations/{other.pk}/keys/{second.pk}/revoke/")
    second.refresh_from_db()
    assert second.revoked_at is None


def test_a_revoked_integration_is_shown_as_such_and_cannot_be_used_again(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, now=virtual_clock.now())
    page = owner.post(f"/integrations/{one.pk}/revoke/", follow=True)
    assert "Prometheus may no longer post" in page.text
    assert "It was revoked" in owner.get(f"/integrations/{one.pk}/").text
    for path in (
        "rotate/",
        "revoke/",
        "keys/",
        "settings/",
        f"events/{entry.pk}/replay/",
    ):
        assert owner.post(f"/integrations/{one.pk}/{path}").status_code == 404, path


# ── Settings ────────────────────────────────────────────────────────────────────


def test_settings_are_kept_and_a_limit_below_one_is_refused(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    url = f"/integrations/{one.pk}/settings/"
    form = {"name": "Yangon", "per_minute": "600", "is_drill": "on"}
    owner.post(url, form)
    one.refresh_from_db()
    assert (one.name, one.per_minute, one.is_drill) == ("Yangon", 600, True)
    assert owner.post(url, {"name": "x", "per_minute": "0"}).status_code == 422
    assert owner.post(url, {"name": ""}).status_code == 422
    one.refresh_from_db()
    assert one.name == "Yangon"
    owner.post(url, {"name": "Yangon"})
    one.refresh_from_db()
    assert (one.per_minute, one.is_drill) == (None, False)


def test_a_signing_secret_is_sealed_never_shown_and_kept_until_it_is_forgotten(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now(), kind="sentry")
    url = f"/integrations/{one.pk}/settings/"
    owner.post(url, {"name": "Sentry", "secret": "the-signing-secret"})
    one.refresh_from_db()
    assert unseal(one.sealed_secret) == "the-signing-secret"
    assert "the-signing-secret" not in everything_stored()
    page = owner.get(f"/integrations/{one.pk}/").text
    assert "the-signing-secret" not in page
    assert one.sealed_secret not in page
    owner.post(url, {"name": "Sentry"})
    one.refresh_from_db()
    assert unseal(one.sealed_secret) == "the-signing-secret"
    owner.post(url, {"name": "Sentry", "forget_secret": "on"})
    one.refresh_from_db()
    assert one.sealed_secret == ""


# ── Events ──────────────────────────────────────────────────────────────────────


def test_an_event_shows_its_body_beside_its_reading_and_what_became_of_it(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    incident = site.declare(now=now)
    one = made(now=now)
    became = {
        "fingerprint": "f",
        "reason": "first_seen",
        "alert": 17,
        "incident": incident.pk,
    }
    entry = event(
        one,
        body_of(HOSTILE, service="mailer"),
        now=now,
        folded_at=now,
        disposition=[became, {"reason": "left_out", "text": HOSTILE}],
        envelope={"h": {"x-hub": HOSTILE}},
    )
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert HOSTILE not in page.text
    assert "&quot;service&quot;: &quot;mailer&quot;" in page.text
    (report,) = page.context["reports"]
    assert report["title"] == HOSTILE
    assert report["key"] in page.text
    assert "/alerts/17/" in page.text
    assert f"/incidents/{incident.pk}/" in page.text
    assert "new alert" in page.text
    assert "left out: &lt;script&gt;" in page.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00 not text",
        b"[" * 100_000,
        b'{"version": "4", "alerts": 7}',
        b'{"a": "\\ud800"}',
        b"9" * 10_000,
    ],
    ids=["empty", "binary", "deep", "wrong", "surrogate", "number"],
)
def test_a_body_that_nobody_can_read_is_shown_with_the_problem(
    owner: Client, virtual_clock: VirtualClock, body: bytes
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, body, now=virtual_clock.now())
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert page.status_code == 200
    assert page.context["problem"]["text"]
    assert owner.get(f"/integrations/{one.pk}/").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 900 + b"]" * 900,
        b"[" * 400 + b"[],".join([b""] * 200_000) + b"[]" + b"]" * 400,
        b'{"a":' * 45 + b"[" + b"[]," * 200_000 + b"[]]" + b"}" * 45,
        b"[" + b"[]," * 200_000 + b"[]]",
        b"x" * 2_000_000,
    ],
    ids=["deep", "deep and wide", "just below the bound", "wide", "long"],
)
def test_a_body_made_to_fill_the_memory_is_shown_in_part(
    owner: Client, virtual_clock: VirtualClock, body: bytes
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, body, now=virtual_clock.now())
    tracemalloc.start()
    try:
        text, is_cut = reading.body_text(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(text) <= reading.SHOWN
    assert is_cut is (len(body) > reading.SHOWN)
    assert peak < 60_000_000
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert (page.status_code, page.context["is_cut"]) == (200, is_cut)


def test_json_is_laid_out_until_it_is_nested_too_deeply() -> None:
    assert reading.body_text(b'{"a":[1]}')[0] == '{\n  "a": [\n    1\n  ]\n}'
    deep = b"[" * 51 + b"]" * 51
    assert reading.body_text(deep) == (deep.decode(), False)
    assert "\n" in reading.body_text(deep[1:-1])[0]


def test_an_event_at_which_its_module_fails_is_shown_with_the_failure(
    owner: Client, virtual_clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
        raise KeyError("severity")

    monkeypatch.setattr(sources()["alertmanager"], "parse", parse)
    one = made(now=virtual_clock.now())
    now = virtual_clock.now()
    entry = event(one, now=now, quarantined_at=now, error="KeyError: 'severity'")
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert page.status_code == 200
    assert page.context["problem"]["text"] == (
        "reading it failed with KeyError: 'severity'"
    )
    assert "Disk full" in page.text
    assert owner.get(f"/integrations/{one.pk}/").status_code == 200


def test_the_events_of_a_kind_whose_folder_is_gone_can_be_looked_at(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, now=virtual_clock.now())
    Integration.objects.update(kind="nagios")
    page = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    assert page.status_code == 200
    assert "no source of kind" in page.context["problem"]["text"]
    assert owner.get(f"/integrations/{one.pk}/").status_code == 200


@pytest.mark.parametrize("path", ["settings", "keys", "rotate", "test"])
def test_nothing_can_be_set_of_a_kind_whose_folder_is_gone(
    owner: Client, virtual_clock: VirtualClock, path: str
) -> None:
    one = made(now=virtual_clock.now())
    Integration.objects.update(kind="nagios")
    form = {"name": "x", "scopes": "post", "wish": str(uuid4())}
    answer = owner.post(f"/integrations/{one.pk}/{path}/", form)
    assert answer.status_code == 404 if path != "test" else 302
    assert not InboxEntry.objects.exists()
    assert IntegrationKey.objects.filter(integration=one).count() == 1


def test_a_body_is_downloaded_as_text_that_nothing_runs(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, HOSTILE.encode(), now=virtual_clock.now())
    file = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/body/")
    assert file.content == HOSTILE.encode()
    assert file["Content-Type"] == "text/plain; charset=utf-8"
    assert file["Content-Disposition"].startswith("attachment;")
    assert file["X-Content-Type-Options"] == "nosniff"


def test_an_event_is_found_under_its_own_integration_only(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one, other = made(now=virtual_clock.now()), made(now=virtual_clock.now())
    entry = event(one, now=virtual_clock.now())
    assert owner.get(f"/integrations/{other.pk}/events/{entry.pk}/").status_code == 404


@pytest.mark.parametrize(
    "role", [ConsoleRole.RESPONDER, ConsoleRole.AGENT, ConsoleRole.STAKEHOLDER]
)
def test_only_who_manages_integrations_sees_what_was_posted(
    owner: Client, virtual_clock: VirtualClock, role: ConsoleRole
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(one, now=virtual_clock.now())
    other = site.signed_in(site.user(role, now=virtual_clock.now()))
    for path in ("", f"events/{entry.pk}/", f"events/{entry.pk}/body/"):
        assert other.get(f"/integrations/{one.pk}/{path}").status_code == 403, path
    assert other.get(f"/alerts/try/?event={entry.pk}").status_code == 422


def test_a_replay_is_the_same_post_received_now_and_once_for_a_double_click(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    entry = event(
        one, now=virtual_clock.now(), envelope={"p": "alerts"}, folded_at=None
    )
    virtual_clock.advance(timedelta(hours=1))
    url = f"/integrations/{one.pk}/events/{entry.pk}/replay/"
    wish = {"wish": str(uuid4())}
    first = owner.post(url, wish)
    assert owner.post(url, wish)["Location"] == first["Location"]
    made_now = InboxEntry.objects.get(replay_of=entry)
    assert bytes(made_now.body) == bytes(entry.body)
    assert made_now.envelope == {"p": "alerts"}
    assert made_now.received_at == virtual_clock.now()
    assert made_now.folded_at is None
    said = owner.get(first["Location"])
    assert said.context["replay_of"] == entry.pk
    assert (said.context["wished"]["by"], said.context["wished"]["at"]) == (
        "Owner",
        virtual_clock.now(),
    )
    assert "By Owner," in said.text
    original = owner.get(f"/integrations/{one.pk}/events/{entry.pk}/")
    (replayed,) = original.context["replays"]
    assert (replayed["number"], replayed["by"]) == (made_now.pk, "Owner")
    assert original.context["wished"]["by"] is None
    owner.post(url, {"wish": str(uuid4())})
    assert InboxEntry.objects.filter(replay_of=entry).count() == 2
    owner.post(url, {})
    assert InboxEntry.objects.filter(replay_of=entry).count() == 2


@pytest.mark.req("S4.1-08")
@pytest.mark.parametrize("kind", sorted(samples()))
def test_a_test_event_is_the_sample_of_its_kind_stored_once_and_marked(
    owner: Client, virtual_clock: VirtualClock, kind: str
) -> None:
    one = made(now=virtual_clock.now(), kind=kind)
    assert "Send a test event" in owner.get(f"/integrations/{one.pk}/").text
    wish = {"wish": str(uuid4())}
    first = owner.post(f"/integrations/{one.pk}/test/", wish)
    assert (
        owner.post(f"/integrations/{one.pk}/test/", wish)["Location"]
        == (first["Location"])
    )
    stored = InboxEntry.objects.get(integration=one)
    assert stored.is_test
    assert read_entry(stored) == samples()[kind]
    page = owner.get(first["Location"])
    assert not page.context.get("problem")
    assert "Test from watchbill" in page.text
    assert page.context["wished"]["by"] == "Owner"
    (row,) = owner.get(f"/integrations/{one.pk}/").context["events"]
    assert row["is_test"]


def test_a_source_whose_settings_cannot_read_the_sample_sends_none(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now(), kind="json")
    mapping = {"title": "{nothing.at.all}", "fingerprint": ["nothing.at.all"]}
    Integration.objects.update(mapping=mapping)
    url = f"/integrations/{one.pk}/test/"
    page = owner.post(url, {"wish": str(uuid4())}, follow=True)
    assert "Nothing was sent: with these settings" in page.text
    page = owner.post(url, {}, follow=True)
    assert "Nothing was sent: open the page again" in page.text
    assert not InboxEntry.objects.exists()


def test_a_job_is_tested_by_calling_it(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now(), kind="heartbeat")
    assert "Send a test event" not in owner.get(f"/integrations/{one.pk}/").text
    url = f"/integrations/{one.pk}/test/"
    page = owner.post(url, {"wish": str(uuid4())}, follow=True)
    assert "there is no sample of what heartbeat posts" in page.text


def test_older_events_are_a_page_further_and_none_is_left_out(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now())
    numbers = [event(one, now=virtual_clock.now()).pk for _ in range(45)]
    seen: list[int] = []
    url: str | None = f"/integrations/{one.pk}/"
    while url:
        page = owner.get(url)
        seen += [row["number"] for row in page.context["events"]]
        older = page.context["older_than"]
        url = f"/integrations/{one.pk}/?before={older}" if older else None
    assert seen == sorted(numbers, reverse=True)


# ── The mapping ─────────────────────────────────────────────────────────────────

SAMPLE = b'{"title": "Disk full", "id": "d-1", "status": "open", "host": "db-1"}'
MAPPING = {"title": "title", "fingerprint": ["id"], "labels": {"host": "host"}}


@pytest.fixture
def mapped(virtual_clock: VirtualClock) -> Integration:
    one = made(now=virtual_clock.now(), kind="json")
    event(one, SAMPLE, now=virtual_clock.now())
    return one


def test_a_mapping_is_suggested_previewed_saved_and_reset(
    owner: Client, mapped: Integration
) -> None:
    url = f"/integrations/{mapped.pk}/mapping/"
    suggested = owner.get(url, {"from": "sample"})
    assert suggested.context["items"][0]["report"]["title"] == "Disk full"
    mapped.refresh_from_db()
    assert mapped.mapping is None
    text = json.dumps(MAPPING | {"title": "{title} on {host}"})
    tried = owner.post(f"{url}preview/", {"mapping": text})
    (item,) = tried.context["items"]
    assert item["report"]["title"] == "Disk full on db-1"
    mapped.refresh_from_db()
    assert mapped.mapping is None
    owner.post(url, {"mapping": text})
    mapped.refresh_from_db()
    assert mapped.mapping == json.loads(text)
    owner.post(url, {"reset": "yes"})
    mapped.refresh_from_db()
    assert mapped.mapping is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"title": 7}', "[" * 50_000])
def test_a_mapping_that_would_refuse_every_post_is_not_saved(
    owner: Client, mapped: Integration, text: str
) -> None:
    url = f"/integrations/{mapped.pk}/mapping/"
    page = owner.post(url, {"mapping": text})
    assert page.status_code == 422
    assert owner.post(f"{url}preview/", {"mapping": text}).status_code == 200
    mapped.refresh_from_db()
    assert mapped.mapping is None


def test_a_source_without_a_mapping_has_no_page_for_it(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    one = made(now=virtual_clock.now(), kind="prometheus")
    assert owner.get(f"/integrations/{one.pk}/mapping/").status_code == 404
