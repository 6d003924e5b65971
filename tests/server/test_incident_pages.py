"""The incidents: listed, searched, declared, worked on, and never scripted."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.server import site
from watchbill.core.incidents import IncidentAction, IncidentStatus
from watchbill.server.alerts.models import Alert
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents import actions
from watchbill.server.incidents import queries as incidents
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.intake.models import Integration
from watchbill.server.plans.models import PlanVersion
from watchbill.server.timers.models import DueStep, DueStepState

LIST = "/incidents/"


def titles(client: Client, **query: str) -> list[str]:
    page = client.get(LIST, query)
    assert page.status_code == 200
    return [row["title"] for row in page.context["incidents"]]


def resolve(incident: Incident, clock: VirtualClock) -> None:
    actions.perform(
        incident.pk, IncidentAction.RESOLVE, actor=site.SOMEBODY, now=clock.now()
    )


# ── The list ────────────────────────────────────────────────────────────────────


def test_an_empty_installation_says_that_all_is_quiet_and_who_has_the_watch(
    owner: Client,
) -> None:
    page = owner.get(LIST)
    assert "All quiet" in page.text
    assert "DevOps Engineer has the watch" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/incidents/?status=all",
        "/incidents/?status=resolved",
        "/incidents/new/",
        "/on-call/",
        "/on-call/contacts/",
        "/on-call/contacts.txt",
        "/tickets/",
        "/tickets/?status=all",
        "/deliveries/",
        "/plan/",
        "/integrations/",
    ],
)
def test_every_page_of_an_empty_installation_can_be_read(
    owner: Client, path: str
) -> None:
    assert owner.get(path).status_code == 200


@pytest.mark.req("S3.1-33")
def test_open_incidents_come_worst_first_and_then_newest_first(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    for number, severity in enumerate(["P3", "P1", "P2", "P1"]):
        site.declare(f"{severity} {number}", severity=severity, now=virtual_clock.now())
        virtual_clock.advance(timedelta(minutes=1))
    assert titles(owner) == ["P1 3", "P1 1", "P2 2", "P3 0"]


def test_the_filters_by_status_and_severity_work_together(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    site.declare("one", severity="P1", now=virtual_clock.now())
    done = site.declare("two", severity="P1", now=virtual_clock.now())
    site.declare("three", severity="P2", now=virtual_clock.now())
    resolve(done, virtual_clock)
    assert titles(owner) == ["one", "three"]
    assert titles(owner, status="resolved") == ["two"]
    assert titles(owner, status="all", severity="P1") == ["two", "one"]
    assert titles(owner, severity="P9") == []
    assert set(titles(owner, status="nonsense")) == {"one", "two", "three"}


def test_sixty_incidents_take_three_pages_and_none_is_shown_twice(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    for number in range(60):
        site.declare(f"number {number}", now=virtual_clock.now())
    pages = [titles(owner, page=str(page)) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({title for page in pages for title in page}) == 60
    for odd, page in (("0", 2), ("-1", 2), ("4", 2), ("x", 0), ("9" * 5000, 0)):
        assert titles(owner, page=odd) == pages[page], odd


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("100%", ["100% of logins fail"]),
        ("%", ["100% of logins fail"]),
        ("_", ["snake_case"]),
        ("\\", ["back\\slash"]),
        ("'; DROP TABLE watchbill_incident; --", []),
        ("စနစ်", ["စနစ် ပျက်နေသည်"]),
        ("LOGINS", ["100% of logins fail"]),
        ("1" + "0" * 30, []),
        ("-1", []),
        ("٣٣٣٣٣٣", []),
        ("😀" * 300, []),
        ('"><script>', []),
    ],
)
def test_a_search_takes_every_character_for_itself(
    owner: Client, virtual_clock: VirtualClock, text: str, found: list[str]
) -> None:
    for title in ("100% of logins fail", "snake_case", "back\\slash", "စနစ် ပျက်နေသည်"):
        site.declare(title, now=virtual_clock.now())
    assert titles(owner, q=text) == found


def test_a_search_for_a_number_finds_that_incident(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    wanted = site.declare("wanted", now=virtual_clock.now())
    site.declare("another", now=virtual_clock.now())
    assert titles(owner, q=str(wanted.pk)) == ["wanted"]


@pytest.mark.parametrize("name", ["q", "status", "severity", "page", "unknown"])
@pytest.mark.parametrize("path", [LIST, "/deliveries/", "/tickets/", "/plan/"])
def test_a_nul_in_the_address_is_refused(owner: Client, path: str, name: str) -> None:
    owner.raise_request_exception = False
    assert owner.get(path, {name: "a\0b"}).status_code == 400


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 25, "9" * 5000])
@pytest.mark.parametrize("path", ["/incidents/{}/", "/plan/{}/"])
def test_a_number_that_does_not_exist_is_not_found(
    owner: Client, path: str, number: str
) -> None:
    assert owner.get(path.format(number)).status_code == 404


def test_posting_to_a_number_that_does_not_exist_is_not_found(owner: Client) -> None:
    for path in (
        "/incidents/9999/acknowledge/",
        "/incidents/9999/escalate/",
        "/incidents/9999/note/",
        "/tickets/9999/close/",
        "/tickets/9999/reopen/",
        "/integrations/9999/rotate/",
        "/integrations/9999/revoke/",
        f"/tickets/{'9' * 30}/close/",
    ):
        assert owner.post(path, {"note": "x"}).status_code == 404, path


# ── Cost ────────────────────────────────────────────────────────────────────────


@contextmanager
def at_most(count: int) -> Iterator[None]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        yield
    statements = "\n".join(query["sql"][:150] for query in queries)
    assert len(queries) <= count, f"{len(queries)} queries:\n{statements}"


@pytest.fixture
def busy(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Incident:
    """Twenty-five incidents, each of which has told three people."""
    for number in range(25):
        incident = site.declare(f"number {number}", now=virtual_clock.now())
        for key in "abc":
            site.notification(incident, now=virtual_clock.now(), key=key)
        for _ in range(3):
            actions.add_note(
                incident.pk, "x", actor=site.SOMEBODY, now=virtual_clock.now()
            )
    return incident


@pytest.mark.parametrize(
    ("path", "count"),
    [("/incidents/", 22), ("/deliveries/", 17), ("/tickets/", 17), ("/on-call/", 18)],
)
def test_a_list_of_twenty_five_costs_no_query_a_row(
    owner: Client, busy: Incident, path: str, count: int
) -> None:
    with at_most(count):
        assert owner.get(path).status_code == 200


def test_the_page_of_an_incident_costs_no_query_a_row(
    owner: Client, busy: Incident
) -> None:
    with at_most(26):
        assert owner.get(busy.get_absolute_url()).status_code == 200


def test_among_a_hundred_thousand_incidents_the_open_ones_are_found_by_index(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    site.declare(now=virtual_clock.now())
    _insert_resolved(100_000)
    rows = incidents.listed(status="open", severity="", text="", confidential=True)
    for plan in (rows[:25].explain(), rows.order_by().only("pk").explain()):
        assert "Seq Scan on watchbill_incident" not in plan, plan
    with CaptureQueriesContext(connection) as queries:
        incidents.counts(confidential=True)
    assert "Seq Scan" not in _explained(queries.captured_queries[0]["sql"])
    assert owner.get(LIST).status_code == 200
    newest = incidents.listed(status="all", severity="", text="", confidential=True)[
        :25
    ]
    assert "incident_newest" in newest.explain()


def _insert_resolved(count: int) -> None:
    columns = [str(field.column) for field in Incident._meta.concrete_fields][1:]
    values = {
        "title": "'old ' || n",
        "status": "'resolved'",
        "group_key": "''",
        "declared_at": "declared_at - n * interval '1 minute'",
        "resolved_at": "declared_at",
    }
    chosen = ", ".join(values.get(name, name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO watchbill_incident ({', '.join(columns)})"
            f" SELECT {chosen} FROM (SELECT * FROM watchbill_incident LIMIT 1) one,"
            f" generate_series(1, {count}) n"
        )
        cursor.execute("ANALYZE watchbill_incident")


def _explained(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


# ── Work on an incident ─────────────────────────────────────────────────────────


@pytest.mark.req("S3.1-34")
def test_each_step_of_the_work_has_its_own_time(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    times = {}
    for action in ("acknowledge", "mitigate", "resolve", "close"):
        virtual_clock.advance(timedelta(minutes=5))
        times[action] = virtual_clock.now()
        answer = owner.post(f"/incidents/{incident.pk}/{action}/", {"note": action})
        assert answer["Location"] == incident.get_absolute_url()
    incident.refresh_from_db()
    assert (
        incident.acknowledged_at,
        incident.mitigated_at,
        incident.resolved_at,
        incident.closed_at,
    ) == tuple(times.values())
    assert incident.status == IncidentStatus.CLOSED
    assert incident.acknowledged_by == "Owner"


def test_a_second_acknowledgement_changes_nothing_and_names_the_first(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    path = f"/incidents/{incident.pk}/acknowledge/"
    owner.post(path)
    before = site.picture()
    page = owner.post(path, follow=True)
    assert "Owner has already taken it" in page.text
    assert before.changes(site.picture()) <= {"django_session"}


def test_a_region_that_refreshes_itself_uses_up_no_message(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    where = incident.get_absolute_url()
    owner.post(f"{where}note/", {"note": ""})
    said = "An empty or overlong note was not added."

    live = {"HX-Request": "true", "HX-Source": "div#incident"}
    assert said not in owner.get(where, headers=live).text
    button = {"HX-Request": "true", "HX-Source": "form"}
    assert said in owner.get(where, headers=button).text
    assert said not in owner.get(where, headers=button).text


@pytest.mark.req("S3.2-21")
def test_the_page_shows_the_next_step_and_escalating_brings_it_forward(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    page = owner.get(incident.get_absolute_url())
    assert "Page the DevOps on-call" in page.text
    assert "data-countdown" in page.text
    owner.post(f"/incidents/{incident.pk}/escalate/")
    step = DueStep.objects.get(
        kind="ladder", subject_id=incident.pk, state=DueStepState.PENDING
    )
    assert step.due_at <= virtual_clock.now()
    assert "Escalated early by Owner" in owner.get(incident.get_absolute_url()).text


def test_a_note_is_kept_as_it_was_written(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    text = "line one\nမြန်မာ <b>not bold</b> & 100%"
    owner.post(f"/incidents/{incident.pk}/note/", {"note": text})
    entry = TimelineEntry.objects.filter(kind="note").get()
    assert (entry.text, entry.actor) == (text, "Owner")
    assert "&lt;b&gt;not bold&lt;/b&gt; &amp; 100%" in (
        owner.get(incident.get_absolute_url()).text
    )


@pytest.mark.parametrize("note", ["", "   ", "x" * 10_001, "a\0b"])
def test_an_empty_or_endless_note_is_not_added(
    owner: Client, virtual_clock: VirtualClock, note: str
) -> None:
    incident = site.declare(now=virtual_clock.now())
    page = owner.post(f"/incidents/{incident.pk}/note/", {"note": note}, follow=True)
    assert "was not added" in page.text
    assert not TimelineEntry.objects.filter(kind="note").exists()


def test_an_overlong_note_does_not_stop_half_of_an_action(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    owner.post(f"/incidents/{incident.pk}/resolve/", {"note": "x" * 10_001})
    incident.refresh_from_db()
    assert incident.status == IncidentStatus.TRIGGERED


def test_a_long_timeline_is_cut_and_can_be_shown_whole(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    incident = site.declare(now=virtual_clock.now())
    for number in range(60):
        actions.add_note(
            incident.pk, f"n{number}.", actor=site.SOMEBODY, now=virtual_clock.now()
        )
    short = owner.get(incident.get_absolute_url()).text
    whole = owner.get(incident.get_absolute_url() + "?all").text
    assert ("n59." in short, "n1." in short, "n1." in whole) == (True, False, True)


# ── Declaring ───────────────────────────────────────────────────────────────────

FORM = {
    "title": "Down",
    "severity": "P2",
    "alert_type": "payment",
    "summary": "since 9",
}


def test_a_declared_incident_is_what_was_typed(
    owner: Client, virtual_clock: VirtualClock
) -> None:
    answer = owner.post("/incidents/new/", FORM | {"user_impacting": "on"})
    incident = Incident.objects.get()
    assert answer["Location"] == incident.get_absolute_url()
    assert (incident.title, incident.severity, incident.summary) == (
        "Down",
        "P2",
        "since 9",
    )
    assert (incident.category, incident.declared_by) == ("payment", "Owner")
    assert incident.is_user_impacting
    assert incident.declared_at == virtual_clock.now()


@pytest.mark.req("A15")
def test_an_incident_of_security_is_confidential_from_the_start(owner: Client) -> None:
    owner.post("/incidents/new/", FORM | {"alert_type": "security"})
    assert Incident.objects.get().is_confidential


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 301},
        {"title": "a\0b"},
        {"severity": "P5"},
        {"severity": ""},
        {"severity": "p1"},
        {"alert_type": "weather"},
        {"alert_type": ""},
        {"summary": "x" * 10_001},
    ],
)
def test_a_broken_declaration_is_shown_again_and_declares_nothing(
    owner: Client, change: dict[str, str]
) -> None:
    page = owner.post("/incidents/new/", FORM | change)
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text or "errorlist" in page.text
    assert not Incident.objects.exists()


def test_nothing_but_the_fields_of_the_form_can_be_set(owner: Client) -> None:
    owner.post(
        "/incidents/new/",
        FORM | {"is_drill": "on", "group_key": "x", "id": "77", "status": "closed"},
    )
    incident = Incident.objects.get()
    assert (incident.is_drill, incident.group_key) == (False, "")
    assert incident.status == IncidentStatus.TRIGGERED
    assert incident.pk != 77


# ── Text of strangers ───────────────────────────────────────────────────────────

CANARY = "<img src=x onerror=alert(1)>\"'`--></script><script>alert(2)</script>"


@pytest.fixture
def hostile(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Incident:
    """An incident in which every text is an attempt to run a script."""
    now = virtual_clock.now()
    integration = Integration.objects.create(
        kind="alertmanager", name=CANARY, created_at=now
    )
    incident = site.declare(CANARY, now=now, summary=CANARY)
    Alert.objects.create(
        integration=integration,
        fingerprint="f",
        status="firing",
        title=CANARY,
        labels={CANARY: CANARY},
        annotations={CANARY: CANARY},
        links={CANARY: "https://example.org/?" + CANARY},
        alert_type="infrastructure",
        severity="P1",
        classified_because=CANARY,
        starts_at=now,
        received_at=now,
        last_seen_at=now,
        incident=incident,
    )
    site.notification(
        incident,
        now=now,
        recipient=CANARY,
        address=CANARY,
        detail=CANARY,
        channel="<b>",
    )
    actor = actions.Actor(label=CANARY, contact_key=CANARY[:80])
    actions.perform(
        incident.pk, IncidentAction.ACKNOWLEDGE, actor=actor, now=now, note=CANARY
    )
    actions.add_note(incident.pk, CANARY, actor=actor, now=now)
    return incident


@pytest.mark.parametrize(
    "path",
    ["/incidents/", "{incident}", "/deliveries/", "/integrations/", "/tickets/"],
)
def test_no_text_of_a_stranger_becomes_markup(
    owner: Client, hostile: Incident, path: str
) -> None:
    page = owner.get(path.format(incident=hostile.get_absolute_url()), {"q": ""})
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "<script>" not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page.text or path == "/tickets/"


@pytest.mark.parametrize("path", ["/incidents/", "/deliveries/", "/tickets/"])
@pytest.mark.parametrize("name", ["q", "status", "severity", "state"])
def test_no_text_of_the_address_becomes_markup(
    owner: Client, path: str, name: str
) -> None:
    page = owner.get(path, {name: CANARY})
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "alert(2)</script>" not in page.text


def test_a_link_of_an_alert_is_of_the_web_or_not_there(
    owner: Client, hostile: Incident, virtual_clock: VirtualClock
) -> None:
    """The parser leaves other schemes out; the page trusts nobody either."""
    Alert.objects.update(links={"runbook": "javascript:alert(1)"})
    page = owner.get(hostile.get_absolute_url())
    assert 'href="javascript:' not in page.text
