"""Answering a message in Slack: who may, and what is said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.doubles.slack_server import faults, pressed
from tests.hooks import talk
from tests.hooks.talk import Slack
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentStatus
from watchbill.core.ladder import Verb
from watchbill.core.messages import Button, Reply
from watchbill.core.paging import AddressKind
from watchbill.integrations.contract import Asked
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.engine.channels import Channels
from watchbill.server.hooks import actions
from watchbill.server.incidents.models import Incident, Responder, TimelineEntry
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.notifications.queries import notice_of
from watchbill.server.people.models import ContactMethod, PagingTest

pytestmark = pytest.mark.req("S7.1-01")


def status_of(incident: Incident) -> str:
    return Incident.objects.get(pk=incident.pk).status


def test_a_press_takes_the_incident_and_the_buttons_give_way_to_who_did(
    slack: Slack,
) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())

    answer = slack.press(page)

    assert (answer.status_code, answer.content) == (200, b"")
    incident.refresh_from_db()
    assert incident.status == IncidentStatus.ACKNOWLEDGED
    assert incident.acknowledged_by == "DevOps Engineer"
    assert Responder.objects.get(incident=incident).contact_key == "devops_engineer"
    entry = TimelineEntry.objects.get(
        incident=incident, text="Acknowledged by DevOps Engineer"
    )
    assert entry.detail == "by Slack"
    said = slack.double.wait_for_response()
    assert said["replace_original"] is True
    assert said["text"] == f"DevOps Engineer took #{incident.pk} at 02:30."
    pressable = [
        one["action_id"]
        for block in said["blocks"]
        if block["type"] == "actions"
        for one in block["elements"]
    ]
    assert pressable == ["link-1"]


def test_the_button_of_a_message_that_was_sent_is_the_one_that_works(
    slack: Slack, channels: Channels
) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())
    token = signed.short_token(page.pk)
    button = Button(reply=Reply.ACKNOWLEDGE, label="Acknowledge", token=token)
    notice = replace(notice_of(page), buttons=(button,))
    channels.send("slack", "C0INCIDENTS", notice, now=slack.clock.wall())
    (message,) = slack.double.messages

    url = slack.double.response_url
    slack.post("actions", pressed(message, "acknowledge", by="U0DEVOPS", url=url))

    assert status_of(incident) == IncidentStatus.ACKNOWLEDGED
    said = slack.double.wait_for_response()
    assert list(faults(said["blocks"])) == []
    assert said["blocks"][:-1] == [
        one for one in message.blocks if one["type"] != "actions"
    ]


def test_who_comes_second_is_told_in_private_who_was_first_and_when(
    slack: Slack,
) -> None:
    incident = site.declare(now=slack.clock.now())
    talk.page(incident, now=slack.clock.now())
    other = talk.page(incident, now=slack.clock.now(), to="technical_lead")
    slack.type(f"ack {incident.pk}")
    slack.clock.advance(timedelta(minutes=3))

    slack.press(other, by="U0ANA")

    said = slack.double.wait_for_response()
    assert said == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": f"#{incident.pk} was already taken by DevOps Engineer at 02:30.",
    }


@pytest.mark.parametrize(
    ("action", "expected", "said"),
    [
        ("resolve", IncidentStatus.RESOLVED, "DevOps Engineer resolved #{} at 02:30."),
        (
            "escalate",
            IncidentStatus.TRIGGERED,
            "DevOps Engineer escalated #{} at 02:30.",
        ),
    ],
)
def test_each_button_does_what_it_says(
    slack: Slack, action: str, expected: str, said: str
) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())

    slack.press(page, action)

    assert status_of(incident) == expected
    text = slack.double.wait_for_response()["text"]
    assert text == said.format(incident.pk)


@pytest.mark.req("S4.4-07")
def test_a_shadow_cannot_take_an_incident(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    copy = talk.page(incident, now=slack.clock.now(), is_copy=True)

    slack.press(copy)

    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert "you shadow the primary" in slack.double.wait_for_response()["text"]


def test_a_message_is_answered_by_its_recipient_only(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())

    slack.press(page, by="U0ANA")

    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert "sent to somebody else" in slack.double.wait_for_response()["text"]


def test_a_message_can_be_answered_for_a_day(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())
    slack.clock.advance(timedelta(hours=24, seconds=1))

    slack.press(page)

    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert "more than a day old" in slack.double.wait_for_response()["text"]


def test_who_was_merely_informed_changes_nothing(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    notice = talk.page(incident, now=slack.clock.now(), verb=Verb.NOTIFY)

    slack.press(notice)

    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert "only informed you" in slack.double.wait_for_response()["text"]


def test_a_stranger_hears_how_to_become_known_and_changes_nothing(
    slack: Slack,
) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())

    slack.press(page, by="U0EVE")

    assert status_of(incident) == IncidentStatus.TRIGGERED
    said = slack.double.wait_for_response()["text"]
    assert said.startswith("watchbill does not know U0EVE. Add it to your contact")


@pytest.mark.req("S2.1-16")
def test_a_deactivated_user_may_do_nothing(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())
    one = talk.user("devops_engineer", ConsoleRole.OWNER, now=slack.clock.now())
    User.objects.filter(pk=one.pk).update(is_active=False)

    slack.press(page)

    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert "may not answer messages" in slack.double.wait_for_response()["text"]
    assert "does not know" in slack.type("list")


@pytest.mark.req("A15")
def test_a_post_is_answered_by_who_may_act_and_by_nobody_else(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    post = talk.page(incident, now=slack.clock.now(), to="", verb=Verb.POST)
    talk.user("technical_lead", ConsoleRole.STAKEHOLDER, now=slack.clock.now())
    talk.user("backend_engineer", ConsoleRole.RESPONDER, now=slack.clock.now())

    slack.press(post, by="U0ANA")
    assert status_of(incident) == IncidentStatus.TRIGGERED

    slack.press(post, by="U0BO")
    assert status_of(incident) == IncidentStatus.ACKNOWLEDGED


# ── Commands ────────────────────────────────────────────────────────────────────


def test_ack_without_a_number_takes_what_one_was_asked_for_last(slack: Slack) -> None:
    old = site.declare(now=slack.clock.now())
    talk.page(old, now=slack.clock.now())
    slack.clock.advance(timedelta(minutes=1))
    new = site.declare("Payments fail", now=slack.clock.now(), alert_type="payment")
    talk.page(new, now=slack.clock.now())

    assert slack.type("ack") == f"DevOps Engineer took #{new.pk} at 02:31."
    assert (status_of(old), status_of(new)) == ("triggered", "acknowledged")


def test_who_confirms_a_test_takes_no_older_incident_by_it(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    talk.page(incident, now=slack.clock.now())
    slack.clock.advance(timedelta(minutes=1))
    test = PagingTest.objects.create(
        contact_key="devops_engineer",
        label="DevOps Engineer",
        sent_at=slack.clock.now(),
        expires_at=slack.clock.now() + timedelta(hours=1),
        asked_by="weekly",
    )
    sent = talk.page(incident, now=slack.clock.now(), step_key="test")
    Notification.objects.filter(pk=sent.pk).update(
        incident=None, purpose=Purpose.TEST, paging_test=test
    )

    assert slack.type("ack") == "Thank you: the test page has reached you."
    test.refresh_from_db()
    assert (test.confirmed_at, test.confirmed_by) == (slack.clock.now(), "slack")
    assert status_of(incident) == IncidentStatus.TRIGGERED

    assert "took" in slack.type("ack", trigger="2")
    assert slack.press(sent).status_code == 200
    said = slack.double.wait_for_response()["text"]
    assert said == "That test was confirmed before."


def test_a_digest_asks_for_the_number(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(incident, now=slack.clock.now())
    digest = talk.page(incident, now=slack.clock.now(), step_key="digest")
    rows = Notification.objects
    rows.filter(pk=digest.pk).update(incident=None, purpose=Purpose.DIGEST)
    rows.filter(pk=page.pk).update(bundled_into=digest)

    slack.press(digest)

    said = slack.double.wait_for_response()["text"]
    assert said.startswith(f"That message tells of #{incident.pk}. Answer with")
    assert status_of(incident) == IncidentStatus.TRIGGERED


def test_a_text_message_names_its_notice_by_a_code_and_its_sender(
    slack: Slack,
) -> None:
    incident = site.declare(now=slack.clock.now())
    page = talk.page(
        incident, now=slack.clock.now(), channel="twilio_sms", address="+959123456789"
    )
    ContactMethod.objects.create(
        contact_key="devops_engineer",
        kind=AddressKind.PHONE,
        address="+959123456789",
        created_at=slack.clock.now(),
        verified_at=slack.clock.now(),
    )
    now = slack.clock.now()
    code = signed.reply_code(page.pk)

    def say(address: str, code: str) -> str | None:
        asked = Asked(address=address, reply=Reply.ACKNOWLEDGE, code=code)
        result = actions.handle("twilio_sms", asked, now=now, wall=now)
        return None if result is None else result.text

    # An answer to any number that writes would cost money, and could go on for ever.
    assert say("+959999999999", code) is None
    other = say("+959123456789", f"{(int(code) + 1) % 10000:04}")
    assert other is not None
    assert "four-digit code" in other
    assert status_of(incident) == IncidentStatus.TRIGGERED
    assert (
        say("+959123456789", code) == f"DevOps Engineer took #{incident.pk} at 02:30."
    )


@pytest.mark.parametrize("words", ["ack {}", "RESOLVE #{}", "esc {}"])
def test_a_text_message_cannot_name_an_incident_by_its_number(
    slack: Slack, words: str
) -> None:
    incident = site.declare(now=slack.clock.now())
    now = slack.clock.now()
    talk.page(incident, now=now, channel="twilio_sms", address="+959123456789")
    ContactMethod.objects.create(
        contact_key="devops_engineer",
        kind=AddressKind.PHONE,
        address="+959123456789",
        created_at=now,
        verified_at=now,
    )

    asked = Asked(address="+959123456789", text=words.format(incident.pk))
    result = actions.handle("twilio_sms", asked, now=now, wall=now)

    assert result is not None
    assert result.text.startswith("Nothing was changed. Answer with the four-digit")
    assert status_of(incident) == IncidentStatus.TRIGGERED


@pytest.mark.parametrize("words", ["resolve {}", "RESOLVE #{}", "r {}", "/resolve {}"])
def test_a_command_is_understood_however_it_is_written(
    slack: Slack, words: str
) -> None:
    incident = site.declare(now=slack.clock.now())
    talk.page(incident, now=slack.clock.now())

    slack.type(words.format(incident.pk))

    assert status_of(incident) == IncidentStatus.RESOLVED


def test_a_contact_acts_on_nothing_that_nobody_asked_for(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    before = site.picture()

    said = [
        slack.type(f"{word} {incident.pk}", by="U0ANA")
        for word in ("ack", "resolve", "escalate")
    ]
    said.append(slack.type(f"note {incident.pk} x", by="U0ANA"))

    expected = f"There is no incident #{incident.pk} that you may act on."
    assert said == [expected] * 4
    assert before.changes(site.picture()) == {"watchbill_seencall"}


def test_a_responder_of_the_console_acts_on_any_incident(slack: Slack) -> None:
    talk.user("technical_lead", ConsoleRole.RESPONDER, now=slack.clock.now())
    incident = site.declare(now=slack.clock.now())

    assert "took" in slack.type(f"ack {incident.pk}", by="U0ANA")
    assert slack.type(f"note {incident.pk} rolled back\0", by="U0ANA") == (
        f"Noted on #{incident.pk}."
    )
    note = TimelineEntry.objects.get(incident=incident, kind="note")
    assert note.text == "rolled back\N{REPLACEMENT CHARACTER}"
    assert note.actor == "Technical Lead (by Slack)"


def test_a_stakeholder_of_the_console_sees_and_does_not_act(slack: Slack) -> None:
    talk.user("technical_lead", ConsoleRole.STAKEHOLDER, now=slack.clock.now())
    incident = site.declare(now=slack.clock.now())

    assert slack.type("list", by="U0ANA") == (
        f"#{incident.pk} P1 triggered: The site is down"
    )
    said = slack.type(f"ack {incident.pk}", by="U0ANA")
    assert said == f"You may not act on #{incident.pk}."
    assert slack.type("page P1 fire", by="U0ANA") == (
        "You may not declare incidents from here."
    )


@pytest.mark.req("S3.1-06")
def test_page_declares_an_incident_as_its_author(slack: Slack) -> None:
    talk.user("technical_lead", ConsoleRole.RESPONDER, now=slack.clock.now())

    said = slack.type("page p2 payment Payments <!channel> hang", by="U0ANA")

    incident = Incident.objects.get()
    assert said == (f"Declared P2 #{incident.pk}: Payments &lt;!channel&gt; hang")
    assert (incident.severity, incident.alert_type) == ("P2", "payment")
    assert incident.declared_by == "Technical Lead (by Slack)"
    assert slack.type("page P7 x", by="U0ANA", trigger="2").startswith(
        "Write: page severity text; severities are P1, P2"
    )


def test_oncall_and_help_answer_whoever_is_known(slack: Slack) -> None:
    assert "until" in slack.type("oncall")
    assert slack.type("who") == slack.type("on-call")
    assert slack.type("").startswith("ack [number]: take an incident")
    assert slack.type("dance").startswith("That is no command.")


@pytest.mark.req("A15")
def test_a_confidential_incident_is_not_there_for_who_was_not_told(
    slack: Slack,
) -> None:
    talk.user("technical_lead", ConsoleRole.OWNER, now=slack.clock.now())
    incident = site.declare("Leak", now=slack.clock.now(), alert_type="security")
    assert incident.is_confidential
    post = talk.page(incident, now=slack.clock.now(), to="", verb=Verb.POST)
    page = talk.page(incident, now=slack.clock.now())

    assert slack.type("list", by="U0ANA") == "There is no open incident."
    said = slack.type(f"ack {incident.pk}", by="U0ANA")
    assert said == slack.type("ack 999999", by="U0ANA").replace(
        "999999", str(incident.pk)
    )
    slack.press(post, by="U0ANA")
    assert status_of(incident) == IncidentStatus.TRIGGERED

    slack.press(page)
    assert status_of(incident) == IncidentStatus.ACKNOWLEDGED
