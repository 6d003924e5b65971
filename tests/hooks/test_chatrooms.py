"""The room of an incident, as real Slack would be asked for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.doubles.slack_server import broken, refused
from tests.hooks import talk
from tests.hooks.talk import Slack
from tests.server import site
from watchbill.core.incidents import IncidentAction
from watchbill.core.ladder import Verb
from watchbill.core.notification import NotificationState, Outcome
from watchbill.plan import Plan, bundled
from watchbill.server.engine.channels import Channels
from watchbill.server.hooks import chatrooms, queries, ways
from watchbill.server.hooks.models import ChatRoom
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import Actor
from watchbill.server.incidents.models import Incident, Responder, TimelineEntry
from watchbill.server.notifications.models import Delivery, Notification
from watchbill.server.notifications.queries import notice_of

pytestmark = pytest.mark.req("S3.1-06")

ANA = Actor(label="Technical Lead", contact_key="technical_lead")


def declared(slack: Slack, title: str = "The site is down", **more: str) -> Incident:
    """Declare an incident with one responder and nobody else in it."""
    incident = site.declare(title, now=slack.clock.now(), **more)
    Responder.objects.filter(incident=incident).delete()
    Responder.objects.create(
        incident=incident,
        contact_key="devops_engineer",
        label="DevOps Engineer",
        role="responder",
        since=slack.clock.now(),
    )
    return incident


def later(slack: Slack, seconds: float = 6) -> None:
    slack.clock.advance(timedelta(seconds=seconds))
    chatrooms.work_some()


def warnings(incident: Incident) -> list[tuple[str, str]]:
    rows = TimelineEntry.objects.filter(incident=incident, kind="warning")
    return list(rows.order_by("pk").values_list("text", "detail"))


def test_a_p1_gets_a_room_with_a_topic_its_responders_and_a_first_message(
    slack: Slack,
) -> None:
    incident = declared(slack, "API: 5xx > 5 %!")

    chatrooms.work_some()

    (room,) = slack.double.rooms.values()
    assert room.name == f"inc-{incident.pk}-api-5xx-5"
    assert room.is_private is False
    assert room.topic == "P1 triggered: API: 5xx > 5 %!"
    assert room.purpose == f"Response to incident #{incident.pk}, by watchbill"
    assert room.members == ["U0DEVOPS"]
    (message,) = slack.double.messages
    assert message.channel == room.id
    assert message.text.startswith(f"[P1] API: 5xx &gt; 5 %! (#{incident.pk})")
    said = TimelineEntry.objects.filter(incident=incident, text__contains="Slack")
    assert list(said.order_by("pk").values_list("text", flat=True)) == [
        f"Opened the Slack channel #{room.name}",
        "Invited to the Slack channel: DevOps Engineer",
    ]
    row = ChatRoom.objects.get()
    assert row.url == f"https://slack.com/app_redirect?channel={room.id}"


def test_what_is_there_is_not_asked_for_again(slack: Slack) -> None:
    declared(slack)
    chatrooms.work_some()
    asked = slack.double.requests

    later(slack)
    later(slack)

    assert slack.double.requests == asked


def test_who_joins_later_is_invited_and_the_topic_tells_who_took_it(
    slack: Slack,
) -> None:
    incident = declared(slack)
    chatrooms.work_some()
    incidents.perform(
        incident.pk, IncidentAction.ACKNOWLEDGE, actor=ANA, now=slack.clock.now()
    )

    later(slack)

    (room,) = slack.double.rooms.values()
    assert room.members == ["U0DEVOPS", "U0ANA"]
    assert room.topic == ("P1 acknowledged, taken by Technical Lead: The site is down")


def test_a_room_is_left_alone_once_its_incident_is_over(slack: Slack) -> None:
    incident = declared(slack)
    chatrooms.work_some()
    incidents.perform(
        incident.pk, IncidentAction.RESOLVE, actor=ANA, now=slack.clock.now()
    )

    later(slack)

    (room,) = slack.double.rooms.values()
    assert room.topic.startswith("P1 resolved, taken by Technical Lead")
    assert room.members == ["U0DEVOPS"]
    assert ChatRoom.objects.get().settled_at is not None


@pytest.mark.req("A15", "S7.2-08")
def test_the_room_of_a_confidential_incident_is_private_and_tells_nothing(
    slack: Slack,
) -> None:
    incident = declared(slack, "Leak of resumes", alert_type="security")
    talk.page(incident, now=slack.clock.now(), to="backend_engineer")
    talk.page(
        incident,
        now=slack.clock.now(),
        to="technical_lead",
        verb=Verb.NOTIFY,
        step_key="told",
    )

    chatrooms.work_some()

    (room,) = slack.double.rooms.values()
    assert (room.name, room.is_private) == (f"inc-{incident.pk}", True)
    assert room.topic == "P1 triggered"
    assert room.members == ["U0DEVOPS", "U0BO"]
    assert "resumes" not in str([one.raw for one in slack.double.messages])


def test_a_severity_that_asks_for_no_room_gets_none(slack: Slack) -> None:
    declared(slack, severity="P2")
    chatrooms.work_some()
    assert slack.double.rooms == {}
    assert not ChatRoom.objects.exists()


def test_the_plan_says_which_severities_have_a_room() -> None:
    plan = bundled("trm")
    rules = plan.incidents
    silent = replace(plan, incidents=replace(rules, team_for=frozenset()))
    asking = replace(plan, incidents=replace(rules, team_for=frozenset({"P2"})))
    alone = replace(plan, incidents=replace(rules, team=None))

    def with_room(plan: Plan) -> list[str]:
        keys = [one.key for one in plan.severities]
        return [one for one in keys if chatrooms.asks_for_room(plan, one)]

    assert with_room(plan) == ["P1"]
    assert with_room(silent) == ["P1"]
    assert with_room(asking) == ["P2"]
    assert with_room(alone) == []


def test_the_room_of_a_drill_is_called_a_drill(slack: Slack) -> None:
    incident = declared(slack, "Down")
    Incident.objects.filter(pk=incident.pk).update(is_drill=True)

    chatrooms.work_some()

    (room,) = slack.double.rooms.values()
    assert room.name == f"drill-{incident.pk}-down"


def test_a_name_that_is_taken_gets_a_number(slack: Slack) -> None:
    incident = declared(slack, "Down")
    slack.double.call("conversations.create", {"name": f"inc-{incident.pk}-down"})

    chatrooms.work_some()

    assert [one.name for one in slack.double.rooms.values()] == [
        f"inc-{incident.pk}-down",
        f"inc-{incident.pk}-down-2",
    ]


def test_what_slack_refuses_for_good_is_said_on_the_timeline_and_left(
    slack: Slack,
) -> None:
    incident = declared(slack)
    slack.double.then(refused("missing_scope"))

    chatrooms.work_some()
    later(slack, 600)

    ((text, detail),) = warnings(incident)
    assert text == "Could not open a Slack channel"
    assert detail.startswith("Slack refused: missing_scope")
    assert slack.double.rooms == {}


def test_a_member_whom_slack_does_not_know_keeps_nobody_out(slack: Slack) -> None:
    incident = declared(slack)
    slack.double.members.discard("U0DEVOPS")
    Responder.objects.create(
        incident=incident,
        contact_key="technical_lead",
        label="Technical Lead",
        role="responder",
        since=slack.clock.now(),
    )

    chatrooms.work_some()

    (room,) = slack.double.rooms.values()
    assert room.members == ["U0ANA"]
    assert warnings(incident) == [
        (
            "Could not invite DevOps Engineer to the Slack channel",
            "Slack refused: user_not_found",
        )
    ]


@pytest.mark.parametrize("step", range(5))
def test_a_slack_that_is_down_at_any_step_is_caught_up_with(
    slack: Slack, step: int
) -> None:
    incident = declared(slack)
    original = slack.double.next_reply
    calls = iter(range(100))

    def fails_once() -> object:
        original()
        return broken() if next(calls) == step else None

    vars(slack.double)["next_reply"] = fails_once

    chatrooms.work_some()
    later(slack, 6)
    later(slack, 6)

    (room,) = slack.double.rooms.values()
    assert room.members == ["U0DEVOPS"]
    assert room.topic == "P1 triggered: The site is down"
    assert len(slack.double.messages) == 1
    assert warnings(incident) == []


def test_a_process_that_died_is_followed_by_another_after_its_lease(
    slack: Slack,
) -> None:
    declared(slack)
    chatrooms.want_rooms(now=slack.clock.now(), wall=slack.clock.wall())
    dead = chatrooms.claim_room(wall=slack.clock.wall())
    assert dead is not None

    chatrooms.work_some()
    assert slack.double.rooms == {}
    slack.clock.advance(chatrooms.LEASE)
    chatrooms.work_some()

    assert len(slack.double.rooms) == 1


def test_it_gives_up_after_a_while_and_says_so(slack: Slack) -> None:
    incident = declared(slack)
    slack.double.then(*[broken()] * chatrooms.MOST_FAILURES)

    for _ in range(chatrooms.MOST_FAILURES + 2):
        later(slack, 121)

    assert warnings(incident) == [
        ("Could not open a Slack channel", "Slack answered HTTP 503")
    ]


def test_without_a_token_nothing_is_wanted(slack: Slack, channels: Channels) -> None:
    declared(slack)
    one = channels.configured["slack"]
    vars_without = {k: v for k, v in one.settings.items() if k != "token"}
    replaced = replace(one, settings=vars_without)
    with ways.use(replace(channels, configured={"slack": replaced})):
        assert chatrooms.work_some() == 0
    assert not ChatRoom.objects.exists()


# ── Threads and the first post ──────────────────────────────────────────────────


def posted(slack: Slack, incident: Incident, step: str, ref: str) -> Notification:
    """Store a post of an incident that Slack took."""
    row = talk.page(
        incident,
        now=slack.clock.now(),
        to="",
        verb=Verb.POST,
        step_key=step,
        state=NotificationState.DELIVERED,
    )
    Delivery.objects.filter(notification=row).update(
        outcome=Outcome.DELIVERED, provider_ref=ref
    )
    return row


@pytest.mark.req("S7.1-01")
def test_later_posts_follow_the_first_one_in_the_same_place(slack: Slack) -> None:
    incident = declared(slack, severity="P2")
    other = declared(slack, "Payments fail", severity="P2", alert_type="payment")
    assert queries.thread_ref("slack", "#incidents", incident.pk) == ""

    posted(slack, incident, "one", "C1:1.1")
    posted(slack, incident, "two", "C1:1.2")

    assert queries.thread_ref("slack", "#incidents", incident.pk) == "C1:1.1"
    assert queries.thread_ref("slack", "#alerts", incident.pk) == ""
    assert queries.thread_ref("slack", "#incidents", other.pk) == ""


def test_the_first_post_is_changed_when_the_status_does(
    slack: Slack, channels: Channels
) -> None:
    incident = declared(slack, severity="P2")
    row = posted(slack, incident, "one", "")
    notice = notice_of(row)
    shown = replace(notice, facts=(("Status", "triggered"),))
    sent = channels.send("slack", "#incidents", shown, now=slack.clock.wall())
    Delivery.objects.update(provider_ref=sent.provider_ref)
    Notification.objects.filter(pk=row.pk).update(
        notice={**row.notice, "facts": [["Status", "triggered"]]}
    )
    assert sent.provider_ref == "C0INCIDENTS:1700000000.000001"
    later(slack)
    assert slack.double.updates == []

    incidents.perform(
        incident.pk, IncidentAction.ACKNOWLEDGE, actor=ANA, now=slack.clock.now()
    )
    later(slack)
    later(slack)

    (update,) = slack.double.updates
    assert (update["channel"], update["ts"]) == ("C0INCIDENTS", "1700000000.000001")
    (fields,) = [one["fields"] for one in update["blocks"] if "fields" in one]
    assert [one["text"] for one in fields] == [
        "Status\nacknowledged",
        "Taken by\nTechnical Lead",
    ]
