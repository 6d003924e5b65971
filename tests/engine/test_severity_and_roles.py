"""Severity, targets, roles and news of an incident, run on PostgreSQL."""

from datetime import datetime, timedelta

import pytest

from tests.engine.watch import DANA, Watch, alert, minutes, prometheus
from watchbill.core.incidents import IncidentAction, IncidentStatus
from watchbill.core.team import TeamRole
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import grading, queries
from watchbill.server.incidents.actions import Actor, Declaration
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    RoleAssignment,
    SeverityChange,
    TimelineEntry,
)
from watchbill.server.notifications.models import Notification
from watchbill.server.oncall import queries as oncall
from watchbill.server.tickets.models import Ticket

ACK = IncidentAction.ACKNOWLEDGE
BEN = Actor(label="Ben", contact_key="backend_engineer")


def again(incident: Incident) -> Incident:
    incident.refresh_from_db()
    return incident


def raise_to(watch: Watch, incident: Incident, severity: str) -> bool:
    result = grading.change_severity(
        incident.pk, severity, reason="it grew", actor=DANA, now=watch.clock.now()
    )
    return result.is_change


# ── The acknowledgement lapses ──────────────────────────────────────────────────


@pytest.mark.req("A2")
def test_a_p1_that_was_taken_and_forgotten_is_paged_again(watch: Watch) -> None:
    incident = watch.declare()
    watch.at(minutes(3)).act(incident, ACK)
    told = len(watch.told)

    watch.at(minutes(33))

    pages = [one.who for one in watch.told[told:] if one.after == minutes(33)]
    assert pages == ["tech-lead"]  # Dana, who took it, and nobody else yet
    assert again(incident).status == IncidentStatus.TRIGGERED
    assert incident.acknowledged_at == watch.start + minutes(3)  # the answer's time
    said = TimelineEntry.objects.filter(incident=incident, kind="warning")
    assert "No activity since Dana took it: paging begins anew" in {
        one.text for one in said
    }
    watch.at(minutes(38))
    assert {"devops", "payments"} <= {
        one.who for one in watch.told if one.after == minutes(38)
    }


@pytest.mark.req("A2")
def test_a_note_counts_the_silence_anew_and_taking_it_ends_the_paging(
    watch: Watch,
) -> None:
    incident = watch.declare()
    watch.at(minutes(3)).act(incident, ACK)
    watch.at(minutes(20)).note(incident)

    watch.at(minutes(49))
    assert again(incident).status == IncidentStatus.ACKNOWLEDGED
    watch.at(minutes(50))
    assert again(incident).status == IncidentStatus.TRIGGERED
    assert watch.act(incident, ACK).is_change
    told = len(watch.told)
    watch.at(minutes(79))
    later = [one.notice.subject for one in watch.told[told:]]
    assert not any("Page:" in one for one in later)


@pytest.mark.req("A2")
def test_a_lapse_after_a_lapse_pages_once_more(watch: Watch) -> None:
    incident = watch.declare("P1", "security")
    watch.at(minutes(1)).act(incident, ACK)
    watch.at(minutes(31)).act(incident, ACK)
    told = len(watch.told)

    watch.at(minutes(61))

    assert "tech-lead" in {one.who for one in watch.told[told:]}
    assert again(incident).status == IncidentStatus.TRIGGERED


@pytest.mark.req("A2")
def test_a_p2_that_was_taken_is_not_paged_again(watch: Watch) -> None:
    incident = watch.declare("P2")
    watch.at(minutes(4)).act(incident, ACK)

    watch.at(minutes(200))

    assert again(incident).status == IncidentStatus.ACKNOWLEDGED


# ── The severity changes ────────────────────────────────────────────────────────


@pytest.mark.req("S3.1-32", "A3")
def test_an_upgrade_starts_the_ladder_anew_and_repeats_nothing(watch: Watch) -> None:
    incident = watch.declare("P2", "infrastructure")
    watch.at(minutes(125)).act(incident, ACK)
    told = len(watch.told)

    assert raise_to(watch, incident, "P1")
    watch.settle()
    for number in range(1, 5):
        watch.at(minutes(125 + 28 * number)).note(incident)
    watch.at(minutes(246))

    later = [(when - 125, who) for when, who in watch.story()[told:]]
    assert later == [
        (0, "#incidents"),  # at night a P2 is not announced there
        (15, "tech-lead"),  # with the L3 expert, whom the P2 alone had called
        (15, "dba"),
        (60, "cto"),  # the Engineering Manager was told by the P2 after 2 h
        (120, "ceo"),
    ]
    change = SeverityChange.objects.get()
    assert (change.from_severity, change.to_severity, change.reason) == (
        "P2", "P1", "it grew",
    )  # fmt: skip
    assert again(incident).started_at == watch.start + minutes(125)
    assert incident.declared_at == watch.start


@pytest.mark.req("S3.1-32", "A3")
def test_a_downgrade_skips_the_past_and_cancels_what_is_above(watch: Watch) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.at(minutes(20)).act(incident, ACK)
    told = len(watch.told)

    assert raise_to(watch, incident, "P2")
    watch.at(minutes(241))

    assert [(when, who) for when, who in watch.story()[told:]] == [
        (60, "dba"),
        (120, "eng-mgr"),
        (240, "cto"),
    ]
    rows = queries.firings_of(incident.pk)
    assert "Page the DevOps on-call" in {
        one.title for one in rows if one.reason == "done_before"
    }
    # A ticket is a record, and is made all the same.
    assert Ticket.objects.get(incident=incident).priority == "high"
    assert again(incident).started_at == watch.start


@pytest.mark.req("S3.1-32", "A3")
def test_what_a_lower_ladder_would_have_done_is_marked_and_not_done(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.at(timedelta(hours=5)).act(incident, ACK)
    told = len(watch.told)

    assert raise_to(watch, incident, "P3")
    watch.at(timedelta(hours=9))

    assert watch.told[told:] == []
    rows = queries.firings_of(incident.pk)
    assert [one.title for one in rows if one.reason == "downgraded"] == [
        "Escalate to L2"
    ]


@pytest.mark.req("S3.1-32", "A3")
def test_there_and_back_again_fires_no_step_twice(watch: Watch) -> None:
    incident = watch.declare("P2", "infrastructure")
    watch.at(minutes(65)).act(incident, ACK)
    for severity in ("P1", "P2", "P1", "P2"):
        assert raise_to(watch, incident, severity)
        watch.settle()

    watch.at(minutes(241))

    told = [who for when, who in watch.story() if when >= 60]
    assert told == ["dba", "#incidents", "eng-mgr", "cto"]
    assert Ticket.objects.filter(incident=incident).count() == 1


@pytest.mark.req("S3.1-32", "S4.1-09")
def test_later_alerts_of_either_severity_find_their_incident(watch: Watch) -> None:
    source = prometheus(watch.clock.now())
    watch.post(source, alert("Slow", alert_type="application", severity="critical"))
    watch.settle()
    incident = Incident.objects.get()
    assert incident.severity == "P2"
    raise_to(watch, incident, "P3")

    # Of other instances: the warning of the same one is muted by the critical alert.
    for severity in ("critical", "warning"):
        labels = {"severity": severity, "instance": f"the-{severity}"}
        watch.post(source, alert("Slow", alert_type="application", **labels))
        watch.settle()

    assert incident.alerts.count() == 3
    assert Incident.objects.count() == 1


@pytest.mark.req("S3.1-32")
def test_a_change_needs_a_reason_and_an_open_incident(watch: Watch) -> None:
    incident = watch.declare("P2")
    now = watch.clock.now()
    change = grading.change_severity
    assert change(incident.pk, "P1", reason=" ", actor=DANA, now=now).reason == (
        "a change of severity needs a reason"
    )
    assert not change(incident.pk, "P2", reason="x", actor=DANA, now=now).is_change
    watch.act(incident, IncidentAction.RESOLVE)
    assert not change(incident.pk, "P1", reason="x", actor=DANA, now=now).is_change


# ── Targets ─────────────────────────────────────────────────────────────────────


@pytest.mark.req("S3.1-02", "S3.1-03", "S3.1-36", "A4", "A34")
def test_a_breach_is_recorded_to_the_second_and_told_again_each_day(
    watch: Watch,
) -> None:
    incident = watch.declare("P2", "infrastructure")
    watch.at(minutes(16)).act(incident, ACK)

    watch.at(timedelta(hours=53))

    incident = again(incident)
    assert incident.response_missed_at == watch.start + minutes(15)
    assert incident.resolution_missed_at == watch.start + timedelta(hours=4)
    told = [(when / 60, who) for when, who, _ in watch.news() if who == "tech-lead"]
    # Dana holds it and leads the team: warnings, the breach, and each day after it.
    assert told == [(3, "tech-lead"), (3.6, "tech-lead"), (4, "tech-lead"),
                    (28, "tech-lead"), (52, "tech-lead")]  # fmt: skip


def test_who_is_on_call_is_read_once_for_all_breaches_of_a_round(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def live(*, now: datetime) -> oncall.Live:
        asked.append(now)
        return read(now=now)

    read = oncall.live
    monkeypatch.setattr(oncall, "live", live)
    several = [watch.declare("P2", "infrastructure") for _ in range(3)]
    watch.at(minutes(1))
    for incident in several:
        watch.act(incident, ACK)

    watch.at(timedelta(hours=5))

    breach = watch.start + timedelta(hours=4)
    assert {again(one).resolution_missed_at for one in several} == {breach}
    # Once for the promises and once for the ladders, whose hourly step is due too.
    assert asked.count(breach) == 2


@pytest.mark.req("S3.1-35", "S3.1-02")
def test_an_answer_at_the_last_instant_is_in_time(watch: Watch) -> None:
    incident = watch.declare()
    watch.sleep_until(minutes(5)).act(incident, ACK)

    watch.at(minutes(30))

    assert again(incident).response_missed_at is None


@pytest.mark.req("A31", "A34")
def test_management_hears_of_a_p1_by_mail_and_executives_when_it_lasts(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.at(minutes(61)).act(incident, IncidentAction.MITIGATE)
    watch.at(minutes(185)).act(incident, IncidentAction.RESOLVE)
    watch.settle()

    to_the_cto = [(when, text[:9]) for when, who, text in watch.news() if who == "cto"]
    assert [when for when, _ in to_the_cto] == [0, 60, 120, 120, 180, 180, 185]
    assert ("It lasts" in {text[:8] for _, text in to_the_cto}) is True


# ── News ────────────────────────────────────────────────────────────────────────


@pytest.mark.req("S7.1-01")
def test_each_change_is_posted_once_to_the_channel_of_the_incident(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.at(minutes(1)).act(incident, ACK)
    watch.at(minutes(2)).act(incident, IncidentAction.MITIGATE)
    raise_to(watch, incident, "P2")
    watch.at(minutes(3)).act(incident, IncidentAction.RESOLVE)
    watch.at(minutes(4)).act(incident, IncidentAction.CLOSE)
    watch.at(minutes(6))

    posts = [one for one in watch.heard if one.who == "#incidents"]
    assert [one.notice.paragraphs[0].split(".")[0] for one in posts] == [
        "Acknowledged by Dana",
        "Mitigated by Dana",
        "Severity changed from P1 to P2 by Dana",
        "Resolved by Dana",
        "Closed by Dana",
    ]
    assert ("Status", "acknowledged") in posts[0].notice.facts


@pytest.mark.req("A15", "S7.1-01")
def test_nothing_of_a_confidential_incident_is_posted_or_mailed_around(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "security")
    watch.at(minutes(1)).act(incident, ACK)
    raise_to(watch, incident, "P2")
    watch.at(timedelta(hours=5)).act(incident, IncidentAction.RESOLVE)
    watch.settle()

    assert again(incident).is_confidential
    assert {one.who for one in watch.heard} <= {"tech-lead"}  # Dana, who holds it
    rows = Notification.objects.filter(incident=incident)
    assert not any(row.address.startswith("#") for row in rows)
    assert not any("Payments fail" in row.subject for row in rows)
    assert not any("Payments fail" in one.title for one in Ticket.objects.all())


@pytest.mark.req("A15")
def test_the_category_of_a_confidential_route_is_enough(watch: Watch) -> None:
    declaration = Declaration(
        title="Odd", severity="P2", alert_type="infrastructure", category="security"
    )
    incident = incidents.declare(declaration, actor=DANA, now=watch.clock.now())
    assert incident.is_confidential


# ── Roles ───────────────────────────────────────────────────────────────────────


def holders(incident: Incident) -> dict[str, str]:
    rows = RoleAssignment.objects.filter(incident=incident, until=None)
    return {row.role: row.contact_key for row in rows}


@pytest.mark.req("S3.1-06", "A30")
def test_at_night_the_on_call_commands_until_the_technical_lead_comes(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "payment")
    assert holders(incident) == {
        "commander": "devops_engineer",
        "operations": "devops_engineer",
        "communications": "help_desk_night",
        "scribe": "mobile_engineer",
        "sme": "payment_specialist",
    }

    watch.act(incident, ACK)  # Dana is the Technical Lead

    assert holders(incident)["commander"] == "technical_lead"


@pytest.mark.req("A30")
def test_a_role_is_taken_over_and_the_timeline_says_from_whom(watch: Watch) -> None:
    incident = watch.declare()
    now = watch.clock.now()

    first = incidents.take_role(incident.pk, TeamRole.SCRIBE, actor=BEN, now=now)
    second = incidents.take_role(incident.pk, TeamRole.SCRIBE, actor=BEN, now=now)

    assert (first.is_change, second.is_change) == (True, False)
    entry = TimelineEntry.objects.get(text="Ben is now scribe")
    assert entry.detail == "taken over from Mobile Engineer"
    assert holders(incident)["scribe"] == "backend_engineer"


@pytest.mark.req("S3.1-06", "A30")
def test_a_p2_has_no_team_until_it_becomes_a_p1(watch: Watch) -> None:
    incident = watch.declare("P2")
    assert holders(incident) == {}

    raise_to(watch, incident, "P1")

    assert set(holders(incident)) == {one.value for one in TeamRole}


@pytest.mark.req("S3.2-17")
def test_a_second_person_who_acknowledges_joins_the_first(watch: Watch) -> None:
    incident = watch.declare()
    watch.act(incident, ACK)
    now = watch.clock.now()

    result = incidents.perform(incident.pk, ACK, actor=BEN, now=now)
    twice = incidents.perform(incident.pk, ACK, actor=BEN, now=now)

    assert (result.is_change, result.has_joined, twice.has_joined) == (
        False, True, False,
    )  # fmt: skip
    assert TimelineEntry.objects.filter(text="Ben joined").count() == 1
    assert Responder.objects.get(contact_key="backend_engineer").joined_at == now
    assert again(incident).acknowledged_by == "Dana"


# ── Hours and levels ────────────────────────────────────────────────────────────


@pytest.mark.req("A32", "A29", "S3.1-15")
def test_a_p2_at_night_pages_the_on_call_at_once_and_nobody_of_the_route(
    watch: Watch,
) -> None:
    watch.declare("P2", "application")

    watch.at(minutes(11))

    assert watch.story() == [(0, "devops"), (0, "backend"), (10, "devops"),
                             (10, "backend")]  # fmt: skip


@pytest.mark.req("A33", "S3.2-12")
def test_the_ticket_of_a_p3_goes_from_l1_to_l2(watch: Watch) -> None:
    incident = watch.declare("P3", "infrastructure")
    watch.at(minutes(239))
    assert Ticket.objects.get(incident=incident).level == "L1"

    watch.at(minutes(240))

    assert Ticket.objects.get(incident=incident).level == "L2"


@pytest.mark.req("A33", "S3.2-08")
def test_the_ticket_of_a_p2_goes_from_l2_to_l3(watch: Watch) -> None:
    incident = watch.declare("P2", "payment")
    watch.at(minutes(59))
    assert Ticket.objects.get(incident=incident).level == "L2"

    watch.at(minutes(60))

    assert Ticket.objects.get(incident=incident).level == "L3"
