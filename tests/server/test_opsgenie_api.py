"""Opsgenie's reading API: what its clients ask after they have posted."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from tests.server import site
from watchbill.core.alerts import AlertStatus
from watchbill.core.incidents import IncidentAction
from watchbill.integrations.opsgenie import identity
from watchbill.integrations.opsgenie.inbound import parse
from watchbill.integrations.sources import Post
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    Scope,
)
from watchbill.server.intake.posts import envelope_of
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.req("S4.1-02")

Get = Callable[..., Any]


@pytest.fixture
def source(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> tuple[Integration, str]:
    return intake.create_integration(
        kind="opsgenie", name="Nagios", now=virtual_clock.now()
    )


@pytest.fixture
def get(source: tuple[Integration, str]) -> Get:
    client = Client(headers={"Authorization": f"GenieKey {source[1]}"})

    def ask(path: str, **query: str | int) -> Any:
        answer = client.get(f"/v2/alerts{path}", query)
        return answer.status_code, json.loads(answer.content)

    return ask


def alert(
    source: tuple[Integration, str],
    alias: str,
    /,
    *,
    at: datetime,
    incident: Incident | None = None,
    **body: Any,
) -> Alert:
    """Store an alert as the fold would."""
    content = {"message": alias, "alias": alias, **body}
    (signal,) = parse(Post(body=json.dumps(content).encode(), path="v2/alerts")).reports
    return Alert.objects.create(
        integration=source[0],
        fingerprint=signal.fingerprint,  # type: ignore[union-attr]
        status=AlertStatus.FIRING,
        title=signal.title,  # type: ignore[union-attr]
        labels=signal.labels,  # type: ignore[union-attr]
        annotations=signal.annotations,  # type: ignore[union-attr]
        links={},
        alert_type="infrastructure",
        severity="P2",
        classified_because="",
        starts_at=at,
        received_at=at,
        last_seen_at=at,
        incident=incident,
    )


def aliases(answer: tuple[int, dict[str, Any]]) -> list[str]:
    status, content = answer
    assert status == 200, content
    return [one["alias"] for one in content["data"]]


@pytest.mark.req("S4.1-08")
def test_an_alert_is_shown_as_opsgenie_shows_it(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    incident = site.declare(now=now)
    one = alert(
        source,
        "disk/db-1",
        at=now,
        incident=incident,
        message="Disk is full",
        description="No space",
        tags=["disk", "prod"],
        details={"region": "yangon"},
        entity="db-1",
        source="nagios",
        priority="P5",
    )
    virtual_clock.advance(timedelta(minutes=5))
    incidents.perform(
        incident.pk,
        IncidentAction.ACKNOWLEDGE,
        actor=site.SOMEBODY,
        now=virtual_clock.now(),
    )

    status, content = get("/disk/db-1", identifierType="alias")

    assert status == 200
    assert content["data"] == {
        "id": one.fingerprint,
        "tinyId": identity.tiny(one.fingerprint),
        "alias": "disk/db-1",
        "message": "Disk is full",
        "status": "open",
        "acknowledged": True,
        "isSeen": True,
        "tags": ["disk", "prod"],
        "snoozed": False,
        "count": 1,
        "lastOccurredAt": "2026-02-07T20:00:00.000Z",
        "createdAt": "2026-02-07T20:00:00.000Z",
        "updatedAt": "2026-02-07T20:00:00.000Z",
        "source": "nagios",
        "owner": "Somebody",
        "priority": "P5",
        "responders": [],
        "integration": {"id": str(source[0].pk), "name": "Nagios", "type": "API"},
        "report": {"ackTime": 300_000, "acknowledgedBy": "Somebody"},
        "actions": [],
        "entity": "db-1",
        "description": "No space",
        "details": {"region": "yangon"},
    }
    UUID(content["requestId"])
    assert content["took"] >= 0


def test_an_alert_is_found_by_its_three_names_and_else_is_404(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    name = alert(source, "a/notes/b", at=virtual_clock.now()).fingerprint

    for identifier, kind in [
        (name, "id"),
        (identity.tiny(name), "tiny"),
        ("a/notes/b", "alias"),
    ]:
        status, content = get(f"/{identifier}", identifierType=kind)
        assert (status, content["data"]["id"]) == (200, name)
    for missing in ("nobody", str(uuid4()), "%00"):
        status, content = get(f"/{missing}")
        assert (status, content["message"]) == (404, "Alert does not exist")


def test_lists_are_searched_sorted_and_paged(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    resolved = site.declare(now=now)
    alert(source, "one", at=now, priority="P1")
    alert(source, "two", at=now, incident=resolved, message="Two of them")
    alert(source, "three", at=now)
    Alert.objects.filter(title="three").update(status=AlertStatus.RESOLVED, ends_at=now)
    incidents.perform(resolved.pk, IncidentAction.RESOLVE, actor=site.SOMEBODY, now=now)
    alert(source, "four", at=now)

    assert aliases(get("")) == ["four", "three", "two", "one"]
    assert aliases(get("", order="asc", sort="createdAt")) == [
        "one", "two", "three", "four",
    ]  # fmt: skip
    assert aliases(get("", query="status:open")) == ["four", "one"]
    assert aliases(get("", query="status: closed")) == ["three", "two"]
    assert aliases(get("", query="status:open AND priority: P1")) == ["one"]
    assert aliases(get("", query='alias: "two" acknowledged: false')) == []
    assert aliases(get("", query='message: "of them"')) == ["two"]
    assert aliases(get("", query="THEM")) == ["two"]
    assert get("/count", query="status:open")[1]["data"] == {"count": 2}

    status, page = get("", limit=2, offset=1)
    assert aliases((status, page)) == ["three", "two"]
    assert page["paging"]["next"].endswith("/v2/alerts?limit=2&offset=3")
    assert set(page["paging"]) == {"first", "prev", "next"}


@pytest.mark.parametrize(
    "query",
    [
        {"query": "status:open OR status:closed"},
        {"query": "createdAt > 12345"},
        {"query": "teams: ops"},
        {"query": "status: ajar"},
        {"query": '"'},
        {"query": "(x)"},
        {"query": "x " * 400},
        {"sort": "snoozedUntil"},
        {"order": "up"},
        {"limit": "-1"},
        {"offset": "9" * 5_000},
    ],
)
def test_a_search_that_is_not_understood_is_refused_and_never_widened(
    get: Get, query: dict[str, str]
) -> None:
    status, content = get("", **query)

    assert status == 422
    assert content["message"]


def test_a_key_shows_the_alerts_of_its_own_integration(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    other = intake.create_integration(kind="opsgenie", name="Other", now=now)
    theirs = alert(other, "theirs", at=now)
    alert(source, "mine", at=now)

    assert aliases(get("")) == ["mine"]
    assert get(f"/{theirs.fingerprint}")[0] == 404


@pytest.mark.req("S4.1-11")
def test_without_a_key_that_may_read_nothing_is_told(
    source: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    integration, key = source
    prometheus = intake.create_integration(kind="prometheus", name="P", now=now)[1]
    blind = intake.add_key(integration, scopes=[Scope.POST], now=now)

    for header in (
        None,
        "GenieKey wrong",
        f"GenieKey {prometheus}",
        f"GenieKey {blind}",
    ):
        headers = {"Authorization": header} if header else {}
        answer = Client().get("/v2/alerts", headers=headers)
        assert answer.status_code == 401
        assert json.loads(answer.content)["message"] == "Could not authenticate"
    assert IntakeRejection.objects.count() > 0

    answer = Client().get("/v2/alerts", headers={"Authorization": f"GenieKey {key}"})
    assert answer.status_code == 200
    assert answer["X-RateLimit-State"] == "OK"
    assert answer["X-Request-ID"] == json.loads(answer.content)["requestId"]


def test_notes_of_the_incident_are_notes_of_the_alert(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    incident = site.declare(now=now)
    alert(source, "x", at=now, incident=incident)
    incidents.add_note(incident.pk, "Looking", actor=site.SOMEBODY, now=now)

    status, content = get("/x/notes", identifierType="alias")

    assert status == 200
    (note,) = content["data"]
    assert (note["note"], note["owner"]) == ("Looking", "Somebody")
    assert note["createdAt"] == "2026-02-07T20:00:00.000Z"


def test_nobody_is_named_who_works_on_a_confidential_incident(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    incident = site.declare(now=now)
    Incident.objects.filter(pk=incident.pk).update(is_confidential=True)
    alert(source, "x", at=now, incident=incident)
    incidents.add_note(incident.pk, "Insider", actor=site.SOMEBODY, now=now)
    incidents.perform(
        incident.pk, IncidentAction.ACKNOWLEDGE, actor=site.SOMEBODY, now=now
    )

    _, content = get("/x", identifierType="alias")
    _, notes = get("/x/notes", identifierType="alias")

    assert content["data"]["owner"] == ""
    assert content["data"]["acknowledged"] is False
    assert content["data"]["report"] == {}
    assert notes["data"] == []


# ── Requests ────────────────────────────────────────────────────────────────────


def taken(
    source: tuple[Integration, str], post: Post, *, at: datetime, **more: Any
) -> InboxEntry:
    return InboxEntry.objects.create(
        integration=source[0],
        received_at=at,
        body=post.body,
        envelope=envelope_of(post),
        request_id=uuid4(),
        **more,
    )


CREATE = Post(body=b'{"message": "x", "alias": "x"}', path="v2/alerts")
CLOSE = Post(path="v2/alerts/x/close", query={"identifierType": "alias"})


def test_a_request_is_unknown_until_it_is_folded(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    entry = taken(source, CREATE, at=now)

    status, content = get(f"/requests/{entry.request_id}")
    assert status == 404
    assert content["message"] == "Request not found. It might not be processed, yet."

    made = alert(source, "x", at=now)
    InboxEntry.objects.update(folded_at=now)
    status, content = get(f"/requests/{entry.request_id}")
    assert status == 200
    assert content["data"] == {
        "success": True,
        "isSuccess": True,
        "action": "Create",
        "status": "Created alert",
        "processedAt": "2026-02-07T20:00:00.000Z",
        "integrationId": str(source[0].pk),
        "alertId": made.fingerprint,
        "alias": "x",
    }


def test_a_request_about_an_alert_that_is_not_there_has_failed(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    entry = taken(source, CLOSE, at=now, folded_at=now)

    data = get(f"/requests/{entry.request_id}")[1]["data"]

    assert data["isSuccess"] is False
    assert (data["action"], data["status"]) == ("Close", "Alert does not exist")


def test_a_request_that_was_set_aside_has_failed(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    broken = Post(body=b"{", path="v2/alerts")
    entry = taken(source, broken, at=now, quarantined_at=now)

    data = get(f"/requests/{entry.request_id}")[1]["data"]

    assert data["isSuccess"] is False
    assert data["status"] == "Request could not be processed"


def test_requests_of_others_and_nonsense_are_404(
    source: tuple[Integration, str], get: Get, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    other = intake.create_integration(kind="opsgenie", name="Other", now=now)
    theirs = taken(other, CREATE, at=now, folded_at=now)

    assert get(f"/requests/{theirs.request_id}")[0] == 404
    assert get("/requests/nonsense")[0] == 404
