"""The pages of alerts: the list, one alert, and who would get it now."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client, override_settings

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.alerts import AlertStatus
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading
from watchbill.server.alerts import search
from watchbill.server.alerts.models import Alert
from watchbill.server.alerts.search import Cursor, Filters
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Integration, Scope
from watchbill.server.intake.sources import sources
from watchbill.server.silences import actions as silences
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import written

pytestmark = pytest.mark.django_db

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture
def mail() -> Iterator[None]:
    """A channel that reaches everybody who has an e-mail address in the plan."""
    smtp = {"smtp_url": "smtp://127.0.0.1:9", "mail_from": "w@trm.rocks"}
    with override_settings(CHANNELS={"email": smtp}):
        yield


@pytest.fixture
def source(owner: Client, virtual_clock: VirtualClock) -> Integration:
    return intake.create_integration(
        kind="alertmanager", name="Prometheus", now=virtual_clock.now()
    )[0]


@pytest.fixture
def incident(owner: Client, virtual_clock: VirtualClock) -> Incident:
    return site.declare(now=virtual_clock.now())


def alert(source: Integration, title: str = "Disk full", **values: Any) -> Alert:
    now = source.created_at
    defaults: dict[str, Any] = {
        "fingerprint": f"f{Alert.objects.count()}",
        "status": AlertStatus.FIRING,
        "labels": {"service": "db"},
        "annotations": {},
        "links": {},
        "alert_type": "infrastructure",
        "severity": "P2",
        "classified_because": "Infrastructure because no other route takes it",
        "starts_at": now,
        "received_at": now,
        "last_seen_at": now,
    }
    return Alert.objects.create(integration=source, title=title, **(defaults | values))


def titles(client: Client, **query: str) -> list[str]:
    return [row["title"] for row in client.get("/alerts/", query).context["alerts"]]


# ── The list ────────────────────────────────────────────────────────────────────


def test_what_fires_comes_first_and_the_latest_of_it_at_the_top(
    owner: Client, source: Integration
) -> None:
    alert(source, "old and firing")
    alert(source, "over", status=AlertStatus.RESOLVED)
    alert(source, "new and firing")
    assert titles(owner) == ["new and firing", "old and firing"]
    assert titles(owner, show="resolved") == ["over"]
    assert titles(owner, show="all") == ["new and firing", "old and firing", "over"]
    assert titles(owner, show="nonsense") == titles(owner)


@pytest.mark.req("S4.3-07")
def test_alerts_are_found_by_what_is_known_of_them(
    owner: Client, source: Integration, incident: Incident
) -> None:
    alert(source, "muted", muted_by=[{"kind": "silence", "text": "upgrade"}])
    alert(source, "paged", incident=incident, severity="P1")
    alert(source, "unsorted", incident=incident, is_catch_all=True)
    alert(source, "restless", incident=incident, is_flapping=True)
    alert(source, "mail", incident=incident, labels={"service": "mail", "x": "a b"})
    other = Integration.objects.create(
        kind="grafana", name="Grafana", created_at=source.created_at
    )
    alert(other, "theirs", incident=incident, alert_type="payment")
    assert titles(owner, show="muted") == ["muted"]
    assert titles(owner, severity="P1") == ["paged"]
    assert titles(owner, mark="catch_all") == ["unsorted"]
    assert titles(owner, mark="flapping") == ["restless"]
    assert titles(owner, source=str(other.pk)) == ["theirs"]
    assert titles(owner, route="payment") == ["theirs"]
    assert titles(owner, q="service=mail") == ["mail"]
    assert titles(owner, q='x="a b"') == ["mail"]
    assert titles(owner, q="PAG") == ["paged"]
    assert titles(owner, q="service=db restless") == ["restless"]
    assert titles(owner, q="%") == []
    assert titles(owner, source="9" * 30) == titles(owner)


def test_a_muted_alert_says_why_nobody_is_paged(
    owner: Client, source: Integration
) -> None:
    mute = {"kind": "silence", "key": "k", "text": f"silenced by Ma: {HOSTILE}"}
    one = alert(source, muted_by=[mute])
    for page in (owner.get("/alerts/"), owner.get(f"/alerts/{one.pk}/")):
        assert "silenced by Ma: &lt;script&gt;" in page.text
        assert HOSTILE not in page.text


def test_the_pages_hold_every_alert_once_though_others_come_meanwhile(
    owner: Client, source: Integration
) -> None:
    for number in range(30):
        alert(source, f"firing {number}")
        alert(source, f"over {number}", status=AlertStatus.RESOLVED)
    seen: list[str] = []
    query = {"show": "all"}
    while True:
        page = owner.get("/alerts/", query)
        seen += [row["title"] for row in page.context["alerts"]]
        alert(source, "late")
        if not page.context["following"]:
            break
        query = {"show": "all", "after": page.context["following"]}
    down = list(reversed(range(30)))
    assert seen == [f"firing {n}" for n in down] + [f"over {n}" for n in down]


@pytest.mark.parametrize("text", ["", "f", "x1", "f-1", "f1.5", "f" + "9" * 30, "f¹"])
def test_a_cursor_that_nobody_wrote_begins_at_the_first_page(text: str) -> None:
    assert Cursor.read(text) is None


def test_a_page_of_many_alerts_reads_no_more_rows_than_it_shows(
    owner: Client, source: Integration
) -> None:
    first = alert(source, "first")
    copy = (
        "INSERT INTO watchbill_alert ({columns}) SELECT {columns_of} FROM"
        " watchbill_alert a, generate_series(1, 20000) n"
    )
    names = [str(one.column) for one in Alert._meta.concrete_fields if one.name != "id"]
    values = ["'n' || n" if name == "fingerprint" else f"a.{name}" for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            copy.format(columns=", ".join(names), columns_of=", ".join(values))
        )
        cursor.execute("ANALYZE watchbill_alert")
    after = Cursor(status=AlertStatus.FIRING, number=first.pk + 10_000)
    rows = Filters().apply(search.seen(confidential=False))
    plan = (
        rows.filter(status="firing", pk__lt=after.number).order_by("-pk")[:26].explain()
    )
    assert "Seq Scan on watchbill_alert" not in plan
    assert "Sort" not in plan
    counts = search.counts(confidential=False)
    assert counts.firing == search.MOST_COUNTED + 1
    assert "1000+" in owner.get("/alerts/").text


@pytest.mark.req("A15")
def test_what_is_confidential_is_neither_listed_nor_counted_nor_found(
    stakeholder: Client, owner: Client, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    source, _ = intake.create_integration(kind="alertmanager", name="P", now=now)
    secret = site.declare("breach", alert_type="security", now=now)
    assert secret.is_confidential
    hidden = [
        alert(source, "in a confidential incident", incident=secret),
        alert(source, "muted, of a confidential route", is_confidential=True),
    ]
    assert titles(stakeholder, show="all") == []
    assert stakeholder.get("/alerts/").context["counts"].firing == 0
    assert len(titles(owner)) == 2
    for one in hidden:
        gone = stakeholder.get(f"/alerts/{one.pk}/")
        missing = stakeholder.get("/alerts/123456/")
        assert (gone.status_code, missing.status_code) == (404, 404)
        assert owner.get(f"/alerts/{one.pk}/").status_code == 200
        tried = stakeholder.get(f"/alerts/try/?alert={one.pk}")
        assert tried.status_code == 422
        assert one.title not in tried.text


# ── One alert ───────────────────────────────────────────────────────────────────


def test_an_alert_shows_all_that_is_known_and_escapes_it(
    owner: Client, source: Integration, incident: Incident
) -> None:
    one = alert(
        source,
        HOSTILE,
        fingerprint="the-key",
        incident=incident,
        labels={"service": HOSTILE},
        annotations={"description": HOSTILE},
        links={"runbook": "https://example.org/r", "bad": "javascript:alert(1)"},
        claimed_starts_at=source.created_at + timedelta(hours=1),
    )
    page = owner.get(f"/alerts/{one.pk}/")
    assert HOSTILE not in page.text
    assert "javascript:" not in page.text
    assert 'href="https://example.org/r"' in page.text
    assert "the-key" in page.text
    assert f"/incidents/{incident.pk}/" in page.text
    assert "Began, says the source" in page.text


def test_silence_this_leads_to_a_silence_of_exactly_its_labels(
    owner: Client, source: Integration
) -> None:
    labels = {"service": 'a "b" & c\\', "team": "core"}
    one = alert(source, labels=labels)
    query = owner.get(f"/alerts/{one.pk}/").context["alert"]["silence_query"]
    assert parse_qs(urlsplit(f"?{query}").query)["filter"] == [
        'service="a \\"b\\" & c\\\\"',
        'team="core"',
    ]
    form = owner.get(f"/silences/new/?{query}")
    assert form.status_code == 200


def test_the_plot_goes_up_and_down_with_each_change_and_ends_as_it_is_now(
    owner: Client, source: Integration, virtual_clock: VirtualClock
) -> None:
    start = virtual_clock.now()
    times = [start + timedelta(minutes=10 * n) for n in range(4)]
    virtual_clock.advance(timedelta(minutes=40))
    one = alert(source, is_flapping=True, flips=[at.isoformat() for at in times])
    flips = owner.get(f"/alerts/{one.pk}/").context["alert"]["flips"]
    heights = [float(point.partition(",")[2]) for point in flips["points"].split()]
    low, high = 30, 6
    assert heights == [low, low, high, high, low, low, high, high]
    assert flips["times"] == times


def test_other_times_of_the_same_condition_are_linked(
    owner: Client, source: Integration
) -> None:
    before = alert(
        source, fingerprint="f", status=AlertStatus.RESOLVED, is_current=False
    )
    one = alert(source, fingerprint="f")
    alert(source, fingerprint="g")
    episodes = owner.get(f"/alerts/{one.pk}/").context["episodes"]
    assert [row["number"] for row in episodes] == [before.pk]


# ── Who would get it now ────────────────────────────────────────────────────────


@pytest.mark.req("S4.3-09")
@pytest.mark.usefixtures("mail")
def test_labels_are_answered_with_who_would_be_told_and_nothing_is_stored(
    owner: Client,
) -> None:
    owner.get("/alerts/try/")
    before = site.picture()
    page = owner.post(
        "/alerts/try/",
        {"labels": "alertname = PlatformDown\nseverity=\"critical\"\nservice='web'"},
    )
    (answer,) = page.context["answers"]
    assert (answer["becomes"], answer["severity"]) == ("declared", "P1")
    assert "DevOps Engineer" in [line["whom"] for line in answer["lines"]]
    assert ("service", "web") in answer["labels"]
    assert before.changes(site.picture()) == set()


@pytest.mark.req("S4.3-09")
def test_a_pasted_body_is_read_as_its_source_would_be(
    owner: Client, source: Integration
) -> None:
    body = (
        '{"version": "4", "alerts": [{"status": "firing",'
        ' "labels": {"alertname": "Disk", "severity": "warning"}}]}'
    )
    for kind in ("alertmanager", f"integration:{source.pk}"):
        page = owner.post("/alerts/try/", {"body": body, "source": kind})
        (answer,) = page.context["answers"]
        assert answer["report"]["key"]
        assert answer["route_reason"]


@pytest.mark.parametrize(
    "form",
    [
        {"labels": "no label"},
        {"labels": "=x"},
        {"body": "{}", "source": ""},
        {"body": "{}", "source": "integration:999"},
        {"body": "{", "source": "alertmanager"},
        {"body": HOSTILE, "source": "alertmanager"},
    ],
)
def test_what_cannot_be_read_is_said_and_kept_in_the_form(
    owner: Client, form: dict[str, str]
) -> None:
    page = owner.post("/alerts/try/", form)
    assert page.status_code == 422
    assert page.context["error"]
    assert HOSTILE not in page.text


def test_a_body_at_which_its_module_fails_is_said_to_be_our_fault(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(post: Post, config: Config = NO_CONFIG) -> Reading:
        raise KeyError("severity")

    monkeypatch.setattr(sources()["alertmanager"], "parse", parse)
    page = owner.post("/alerts/try/", {"body": "{}", "source": "alertmanager"})
    assert page.status_code == 422
    assert page.context["error"].startswith("Reading it failed with KeyError")


@pytest.mark.req("S4.3-09", "A52")
def test_a_silence_that_a_key_made_counts_for_the_alerts_of_its_source(
    owner: Client, source: Integration, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    silences.create(
        Draft(
            matchers=(written("severity", "=", "warning"),),
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            author="amtool",
            comment="known",
        ),
        integration_id=source.pk,
        now=now,
    )
    body = (
        '{"version": "4", "alerts": [{"status": "firing",'
        ' "labels": {"alertname": "Disk", "severity": "warning"}}]}'
    )

    def becomes(kind: str) -> str:
        page = owner.post("/alerts/try/", {"body": body, "source": kind})
        (answer,) = page.context["answers"]
        return str(answer["becomes"])

    assert becomes(f"integration:{source.pk}") == "muted"
    assert becomes("alertmanager") == "declared"


def test_an_open_incident_of_the_group_is_named_and_a_confidential_one_is_not(
    owner: Client, stakeholder: Client, virtual_clock: VirtualClock
) -> None:
    labels = "alertname=PlatformDown\nseverity=critical\nservice=web"

    def answer(client: Client) -> dict[str, Any]:
        page = client.post("/alerts/try/", {"labels": labels})
        return dict(page.context["answers"][0])

    group = answer(owner)["group_key"]
    incident = site.declare("Web is down", group_key=group, now=virtual_clock.now())
    assert answer(owner)["joins"] == f"#{incident.pk} Web is down"
    assert answer(stakeholder)["becomes"] == "joined"
    Incident.objects.filter(pk=incident.pk).update(is_confidential=True)
    assert answer(owner)["becomes"] == "joined"
    assert answer(stakeholder)["becomes"] == "declared"


@pytest.mark.usefixtures("mail")
def test_an_agent_sees_how_people_are_reached_and_a_stakeholder_only_by_which_way(
    owner: Client, stakeholder: Client, virtual_clock: VirtualClock
) -> None:
    agent = site.signed_in(site.user(ConsoleRole.AGENT, now=virtual_clock.now()))
    labels = {"labels": "alertname=PlatformDown\nseverity=critical"}
    assert "devops@trm.rocks" in agent.post("/alerts/try/", labels).text
    assert "devops@trm.rocks" not in stakeholder.post("/alerts/try/", labels).text


# ── As JSON ─────────────────────────────────────────────────────────────────────


def test_a_key_that_may_read_gets_all_alerts_page_by_page_but_nothing_confidential(
    source: Integration, incident: Incident
) -> None:
    for number in range(5):
        alert(source, f"a{number}", incident=incident)
    alert(source, "secret", is_confidential=True)
    key = intake.add_key(source, scopes=[Scope.READ], now=source.created_at)
    client = Client(headers={"Authorization": f"Bearer {key}"})
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = client.get("/api/v1/alerts", query).json()
        assert len(answer["alerts"]) <= 2
        seen += [one["title"] for one in answer["alerts"]]
        if answer["cursor"] is None:
            break
        query["cursor"] = answer["cursor"]
    assert seen == ["a4", "a3", "a2", "a1", "a0"]
    (first,) = client.get("/api/v1/alerts", {"q": "a0"}).json()["alerts"]
    assert first["labels"] == {"service": "db"}
    assert first["incident"] == incident.pk
    assert first["source"] == {"id": source.pk, "name": "Prometheus"}


def test_a_key_that_may_only_post_reads_nothing_and_a_session_reads_as_its_page(
    owner: Client, stakeholder: Client, source: Integration
) -> None:
    alert(source, "secret", is_confidential=True)
    key = intake.add_key(source, scopes=[Scope.POST], now=source.created_at)
    for header in ({}, {"Authorization": f"Bearer {key}"}):
        answer = Client(headers=header).get("/api/v1/alerts")
        assert answer.status_code == 401
        assert "alerts" not in answer.json()

    def found(client: Client) -> list[str]:
        return [one["title"] for one in client.get("/api/v1/alerts").json()["alerts"]]

    assert found(owner) == ["secret"]
    assert found(stakeholder) == []
