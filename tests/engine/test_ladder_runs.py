"""The whole ladder of the support plan, run on PostgreSQL in milliseconds."""

from datetime import timedelta

import pytest

from tests.engine.watch import DANA, Watch, minutes
from watchbill.core.incidents import IncidentAction
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.models import (
    Incident,
    Responder,
    StepFiring,
    TimelineEntry,
)
from watchbill.server.incidents.queries import LADDER
from watchbill.server.tickets.models import Ticket
from watchbill.server.timers.models import DueStep, DueStepState

ACK = IncidentAction.ACKNOWLEDGE
MITIGATE = IncidentAction.MITIGATE
RESOLVE = IncidentAction.RESOLVE


@pytest.mark.req(
    "S2.2-01", "S2.2-02", "S2.2-03", "S2.2-04", "S2.2-05", "S2.2-08",
    "S3.1-02", "S3.1-04", "S3.1-05", "S3.1-07",
    "S3.2-01", "S3.2-05", "S3.2-06", "S3.2-07", "S3.2-09", "A1", "A2",
)  # fmt: skip
def test_an_unanswered_p1_climbs_the_whole_ladder(watch: Watch) -> None:
    watch.declare("P1", "payment")

    watch.at(minutes(149))

    assert watch.story() == [
        (0, "devops"),
        (0, "payments"),
        (0, "backend"),  # a copy for the shadow, who is never first
        (0, "#incidents"),
        (2, "devops"),
        (2, "backend"),
        (5, "mobile"),  # the secondary
        (5, "devops"),  # the route's second contact
        (10, "devops"),
        (10, "backend"),
        (10, "frontend"),
        (10, "mobile"),
        (15, "tech-lead"),
        (15, "payments"),  # the L3 expert for payments
        (15, "cto"),  # the route's last contact
        (30, "eng-mgr"),
        (60, "cto"),
        (120, "ceo"),
    ]


@pytest.mark.req("A2")
def test_an_unanswered_p1_does_not_fall_silent_after_its_last_step(
    watch: Watch,
) -> None:
    incident = watch.declare("P1", "payment")
    watch.at(minutes(149))
    told = len(watch.told)

    watch.at(minutes(211))

    again = [(one.after, one.who) for one in watch.told[told:]]
    assert {when for when, _ in again} == {minutes(150), minutes(210)}
    assert {"devops", "tech-lead", "payments"} <= {who for _, who in again}
    watch.act(incident, MITIGATE)
    told = len(watch.told)
    watch.at(minutes(900))
    assert len(watch.told) == told


@pytest.mark.req("A2")
def test_a_call_that_outlives_the_answer_never_asks_for_one(watch: Watch) -> None:
    incident = watch.declare("P1", "payment")
    watch.at(minutes(14))
    watch.sleep_until(minutes(15)).settle_without_delivery()
    watch.act(incident, ACK)
    told = len(watch.told)

    watch.settle()

    asked = [one.notice.subject for one in watch.told[told:]]
    assert asked
    assert not any("Page:" in subject for subject in asked)


@pytest.mark.req("S3.2-19", "A2")
def test_a_late_page_merged_with_a_notice_still_asks_while_nobody_answered(
    watch: Watch,
) -> None:
    watch.declare("P1", "payment")

    watch.sleep_until(minutes(65)).settle()

    # The CTO is the route's last contact (a page) and on the matrix (a notice).
    cto = next(one.notice for one in watch.told if one.who == "cto")
    assert "Page:" in cto.subject
    assert cto.links[0].label == "Acknowledge"


@pytest.mark.req("S3.2-18")
def test_no_step_is_dealt_with_twice_however_often_the_engine_looks(
    watch: Watch,
) -> None:
    incident = watch.declare()
    watch.at(minutes(31))
    before = list(StepFiring.objects.values_list("step_key", flat=True))

    for _ in range(3):
        watch.cycle()

    assert list(StepFiring.objects.values_list("step_key", flat=True)) == before
    assert len(before) == len(set(before))
    assert (
        DueStep.objects.filter(
            kind=LADDER, subject_id=incident.pk, state=DueStepState.PENDING
        ).count()
        == 1
    )


@pytest.mark.req("A2", "S3.2-20")
def test_an_acknowledgement_stops_the_paging_and_not_the_matrix(watch: Watch) -> None:
    incident = watch.declare()
    watch.at(minutes(3)).act(incident, ACK)
    for half_hour in range(1, 5):
        watch.at(minutes(28 * half_hour)).note(incident)

    watch.at(minutes(130))

    later = [(when, who) for when, who in watch.story() if when > 3]
    assert later == [
        (15, "tech-lead"),
        (15, "payments"),
        (30, "eng-mgr"),
        (60, "cto"),
        (120, "ceo"),
    ]


@pytest.mark.req("A2")
def test_mitigation_stops_escalating_and_goes_on_informing(watch: Watch) -> None:
    incident = watch.declare()
    watch.at(minutes(10)).act(incident, MITIGATE)

    watch.at(minutes(61))

    assert [(when, who) for when, who in watch.story() if when > 10] == [
        (30, "eng-mgr"),
        (60, "cto"),
    ]


@pytest.mark.req("S3.2-13", "S3.2-20", "S3.1-09", "A18")
def test_resolving_cancels_the_rest_but_for_the_post_mortem(watch: Watch) -> None:
    incident = watch.declare()
    watch.at(minutes(40)).act(incident, RESOLVE)
    told = len(watch.told)

    watch.at(minutes(40) + timedelta(hours=23, minutes=59))
    assert len(watch.told) == told

    watch.at(minutes(40) + timedelta(hours=24))
    [message] = watch.told[told:]
    assert message.who == "tech-lead"
    assert "Post-mortem due" in message.notice.subject
    assert not DueStep.objects.filter(state=DueStepState.PENDING).exists()


@pytest.mark.req("S3.2-02", "S3.2-08", "S3.2-10", "S3.2-11", "S3.2-14", "S3.2-16")
def test_a_p2_opens_a_ticket_and_climbs_its_own_ladder(watch: Watch) -> None:
    incident = watch.declare("P2", "payment")
    watch.at(minutes(4)).act(incident, ACK)

    watch.at(minutes(300))

    ticket = Ticket.objects.get(incident=incident)
    assert (ticket.priority, ticket.assigned_to) == ("high", "Payment Specialist")
    assert [(when, who) for when, who in watch.story() if when > 4] == [
        (60, "payments"),
        (120, "eng-mgr"),
        (240, "cto"),
    ]
    watch.act(incident, RESOLVE)
    told = len(watch.told)
    watch.at(minutes(300) + timedelta(hours=49))
    due = [one.after - minutes(300) for one in watch.told[told:]]
    assert due == [timedelta(hours=24), timedelta(hours=48)]


@pytest.mark.req("S3.2-03", "S3.2-12", "S3.2-16", "S3.1-22")
def test_a_p3_opens_a_ticket_and_goes_to_level_2_after_4_hours(watch: Watch) -> None:
    incident = watch.declare("P3", "infrastructure")

    watch.at(timedelta(hours=30))

    assert Ticket.objects.get(incident=incident).priority == "standard"
    assert {when for when, _ in watch.story()} == {240}
    assert {who for _, who in watch.story()} == {
        "tech-lead", "backend", "frontend", "mobile", "devops",
    }  # fmt: skip
    assert Responder.objects.filter(incident=incident).count() == 5


@pytest.mark.req("S3.2-04", "S3.2-15", "S3.2-16", "S3.1-29")
def test_a_p4_opens_a_ticket_and_goes_to_level_2_after_a_day(watch: Watch) -> None:
    incident = watch.declare("P4", "infrastructure")

    watch.at(timedelta(hours=30))

    assert Ticket.objects.get(incident=incident).priority == "low"
    assert {when for when, _ in watch.story()} == {24 * 60}


@pytest.mark.req("S3.2-19", "S1-02", "S2.2-08")
def test_what_came_due_in_a_power_cut_is_one_late_message_a_person(
    watch: Watch,
) -> None:
    watch.declare("P1", "infrastructure")
    watch.at(minutes(1))
    told = len(watch.told)

    watch.sleep_until(minutes(65)).settle()

    late = watch.told[told:]
    people = [one.who for one in late]
    assert len(people) == len(set(people))
    assert {"mobile", "tech-lead", "dba", "eng-mgr", "cto"} <= set(people)
    assert all("late" in one.notice.paragraphs[-1] for one in late)
    keys = StepFiring.objects.order_by("pk").values_list("due_at", flat=True)
    assert list(keys) == sorted(keys)


@pytest.mark.req("S3.2-19", "A2")
def test_pages_of_a_power_cut_are_decided_on_the_state_of_now(watch: Watch) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.sleep_until(minutes(12))
    watch.act(incident, ACK)

    watch.settle()

    # Every page was stopped by the acknowledgement; the post is still wanted.
    assert watch.story() == [(12, "#incidents")]


@pytest.mark.req("S3.2-21")
def test_escalate_now_brings_the_next_step_forward_once(watch: Watch) -> None:
    incident = watch.declare("P1", "infrastructure")
    watch.at(minutes(16))
    told = len(watch.told)

    result = incidents.escalate_now(incident.pk, actor=DANA, now=watch.clock.now())
    watch.settle()

    assert result.is_change
    assert [one.who for one in watch.told[told:]] == ["eng-mgr"]
    watch.at(minutes(45))
    assert [one.who for one in watch.told[told:]] == ["eng-mgr"]


@pytest.mark.req("S2.2-09")
def test_a_step_that_reaches_nobody_does_not_wait_for_the_next(watch: Watch) -> None:
    # No mail: only Slack posts go out, and nobody is reached by any step.
    watch.reach(people=set(), posts={"slack"})
    incident = watch.declare("P1", "payment")
    watch.settle()
    incident.refresh_from_db()
    assert incident.reached_nobody
    assert watch.story() == [(0, "#incidents")]

    # Ten minutes on, mail works again, and the fallback finds somebody.
    watch.at(minutes(9))
    watch.reach(people={"email"}, posts={"slack"})
    watch.at(minutes(10))

    assert not Incident.objects.get(pk=incident.pk).reached_nobody
    assert "eng-mgr" in {who for when, who in watch.story() if when == 10}


@pytest.mark.req("S3.2-17")
def test_escalation_adds_responders_and_a_notice_does_not(watch: Watch) -> None:
    incident = watch.declare("P1", "payment")

    watch.at(minutes(31))

    responders = Responder.objects.filter(incident=incident)
    assert set(responders.values_list("contact_key", flat=True)) == {
        "technical_lead",
        "payment_specialist",
    }
    verbs = dict(StepFiring.objects.values_list("title", "verb"))
    assert verbs["Notify the Engineering Manager"] == "notify"
    assert verbs["Escalate to the Technical Lead and L3"] == "escalate"


@pytest.mark.req("A15", "S7.2-08")
def test_a_security_incident_names_nothing_outside(watch: Watch) -> None:
    watch.declare("P1", "security")

    watch.at(minutes(1))

    assert "#incidents" not in {one.address for one in watch.told}
    assert watch.told
    assert all("Payments fail" not in repr(one.notice) for one in watch.told)


@pytest.mark.req("S0-01", "S0-07")
def test_every_step_is_on_the_timeline_with_its_reason(watch: Watch) -> None:
    incident = watch.declare("P1", "payment")

    watch.at(minutes(31))

    texts = list(TimelineEntry.objects.values_list("text", "detail"))
    assert ("Notify the Engineering Manager: Engineering Manager",
            "due at 30 min elapsed") in texts  # fmt: skip
    assert incident.plan_version.label == "1.0"


@pytest.mark.req("S3.1-34")
def test_acknowledging_twice_tells_the_second_who_was_first(watch: Watch) -> None:
    incident = watch.declare()
    watch.at(minutes(1)).act(incident, ACK)
    watch.at(minutes(2))

    again = watch.act(incident, ACK)

    assert not again.is_change
    assert again.reason == "Dana has already taken it"
    stored = Incident.objects.get(pk=incident.pk)
    assert stored.acknowledged_at == watch.start + minutes(1)
