"""What integrations sent: its pages, replays, samples, and the mapping."""

import json
import tracemalloc
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from tests.server import site
from tests.server.posts import HOSTILE, body_of, event, made
from watchbill.core.access import ConsoleRole
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import reading
from watchbill.server.intake.models import (
    InboxEntry,
    Integration,
    IntegrationKey,
)
from watchbill.server.intake.posts import read_entry
from watchbill.server.intake.sources import samples, sources

pytestmark = pytest.mark.django_db


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
