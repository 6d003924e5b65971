"""The pages of integrations: adding one, its keys, what it sent and what came of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server.posts import HOSTILE, body_of, event, made
from watchbill.server import tokens
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions, queries
from watchbill.server.intake.models import (
    IntakeRejection,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.sealing import unseal

pytestmark = pytest.mark.django_db


def add(owner: Client, name: str = "Grafana", kind: str = "alertmanager") -> Any:
    page = owner.post(f"/integrations/add/{kind}/", {"name": name})
    assert page.status_code == 200
    return page


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
