"""Who speaks from an address, what their words mean, and what they may learn."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from tests.doubles.slack_server import typed
from tests.hooks import talk
from tests.hooks.talk import Slack
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentStatus
from watchbill.core.ladder import Verb
from watchbill.core.messages import Reply
from watchbill.core.notification import NotificationState
from watchbill.core.paging import AddressKind
from watchbill.integrations import twilio
from watchbill.integrations.contract import Asked, Result
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.hooks import actions, commands, queries, views, ways
from watchbill.server.hooks.budget import ANSWERS_AN_HOUR
from watchbill.server.hooks.commands import Word
from watchbill.server.hooks.models import SeenCall
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.people.models import ContactMethod, PagingTest
from watchbill.server.providers import configure

pytestmark = pytest.mark.req("S2.1-16")

PHONE = "+959123456789"
TOKEN = "a-token-of-twilio"
NUMBER = "+15005550006"
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": TOKEN}


def status_of(incident: Incident) -> str:
    return Incident.objects.get(pk=incident.pk).status


def has_phone(slack: Slack, *keys: str) -> None:
    for key in keys:
        ContactMethod.objects.create(
            contact_key=key,
            kind=AddressKind.PHONE,
            address=PHONE,
            created_at=slack.clock.now(),
            verified_at=slack.clock.now(),
        )


def said(slack: Slack, provider: str, asked: Asked) -> str | None:
    now = slack.clock.now()
    result = actions.handle(provider, asked, now=now, wall=now)
    return None if result is None else result.text


@pytest.fixture
def phones(slack: Slack) -> Iterator[Slack]:
    """The same process with Twilio's two channels."""
    found = Channels(
        egress=Egress(allow=(ip_network("127.0.0.0/8"),)),
        configured=configure(
            {
                "twilio_voice": TWILIO | {"voice_from": NUMBER},
                "twilio_sms": TWILIO | {"sms_from": NUMBER},
            }
        ),
    )
    with ways.use(found):
        yield slack


def twilio_calls(path: str, **fields: str) -> Any:
    url = f"{settings.BASE_URL}{path}"
    mark = twilio.signature(url, fields.items(), token=TOKEN)
    return Client().generic(
        "POST",
        path,
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": mark},
    )


def page_by(
    slack: Slack, channel: str, to: str = "devops_engineer"
) -> tuple[Incident, Notification]:
    incident = site.declare(now=slack.clock.now())
    now = slack.clock.now()
    return incident, talk.page(incident, now=now, to=to, channel=channel, address=PHONE)


# ── Whose address it is ─────────────────────────────────────────────────────────


def test_a_key_on_a_shared_phone_is_that_of_the_one_who_was_called(
    phones: Slack,
) -> None:
    has_phone(phones, "devops_engineer", "technical_lead")
    incident, row = page_by(phones, "twilio_voice")
    door = f"/hooks/twilio_voice/digits?1={signed.short_token(row.pk)}"
    keys = {"CallSid": "CA1", "To": PHONE, "From": "+15005550006", "Digits": "1"}

    first = twilio_calls(door, **keys)
    again = twilio_calls(door, **keys)

    assert "DevOps Engineer took" in first.text
    incident.refresh_from_db()
    assert incident.acknowledged_by == "DevOps Engineer"
    assert "Your key was received before" in again.text


def test_a_key_that_does_nothing_was_never_received_before(phones: Slack) -> None:
    has_phone(phones, "devops_engineer")
    incident, row = page_by(phones, "twilio_voice")
    one = talk.user("devops_engineer", ConsoleRole.OWNER, now=phones.clock.now())
    User.objects.filter(pk=one.pk).update(is_active=False)
    door = f"/hooks/twilio_voice/digits?1={signed.short_token(row.pk)}"

    heard = twilio_calls(door, CallSid="CA1", To=PHONE, Digits="1").text

    assert "before" not in heard
    assert "you may not answer messages any more" in heard
    assert status_of(incident) == IncidentStatus.TRIGGERED


def test_a_code_on_a_shared_phone_names_its_reader_and_no_code_is_asked_for_one(
    slack: Slack,
) -> None:
    has_phone(slack, "devops_engineer", "technical_lead")
    incident, row = page_by(slack, "twilio_sms")

    bare = said(slack, "twilio_sms", Asked(address=PHONE, reply=Reply.ACKNOWLEDGE))
    assert bare is not None
    assert bare.startswith("Nothing was changed. Answer with the four-digit code")
    assert status_of(incident) == IncidentStatus.TRIGGERED

    code = signed.reply_code(row.pk)
    taken = said(
        slack, "twilio_sms", Asked(address=PHONE, reply=Reply.ACKNOWLEDGE, code=code)
    )
    assert taken == f"DevOps Engineer took #{incident.pk} at 02:30."


def test_a_message_to_another_address_names_nobody_here(slack: Slack) -> None:
    has_phone(slack, "technical_lead")
    incident = site.declare(now=slack.clock.now())
    row = talk.page(incident, now=slack.clock.now())

    answer = said(
        slack,
        "twilio_voice",
        Asked(address=PHONE, reply=Reply.ACKNOWLEDGE, token=signed.short_token(row.pk)),
    )

    assert answer == "That message was sent to somebody else; only they can answer it."
    assert status_of(incident) == IncidentStatus.TRIGGERED


def test_confirming_a_test_from_its_address_verifies_the_address(slack: Slack) -> None:
    method = ContactMethod.objects.get(contact_key="devops_engineer")
    ContactMethod.objects.filter(pk=method.pk).update(failed_at=slack.clock.now())
    sent = talk.page(site.declare(now=slack.clock.now()), now=slack.clock.now())
    test = PagingTest.objects.create(
        contact_key="devops_engineer",
        label="DevOps Engineer",
        sent_at=slack.clock.now(),
        expires_at=slack.clock.now() + timedelta(hours=1),
        asked_by="weekly",
    )
    Notification.objects.filter(pk=sent.pk).update(
        incident=None, purpose=Purpose.TEST, paging_test=test
    )

    slack.press(sent)

    test.refresh_from_db()
    method.refresh_from_db()
    assert (test.confirmed_by, method.failed_at) == ("slack", None)


# ── What words mean ─────────────────────────────────────────────────────────────

SENTENCES = (
    "A minute please",
    "OK but I cannot come",
    "R u there?",
    "E mail me",
    "resolve not yet",
    "ack not me",
    "take your time",
    "escalate 12 only if needed",
)


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("provider", ["slack", "telegram", "twilio_sms"])
def test_a_sentence_is_no_answer(slack: Slack, provider: str, sentence: str) -> None:
    talk.user("devops_engineer", ConsoleRole.OWNER, now=slack.clock.now())
    has_phone(slack, "devops_engineer")
    ContactMethod.objects.create(
        contact_key="devops_engineer",
        kind=AddressKind.TELEGRAM,
        address="71",
        created_at=slack.clock.now(),
        verified_at=slack.clock.now(),
    )
    address = {"slack": "U0DEVOPS", "telegram": "71", "twilio_sms": PHONE}[provider]
    incident = site.declare(now=slack.clock.now())
    talk.page(incident, now=slack.clock.now(), channel=provider, address=address)
    before = site.picture()

    answer = said(slack, provider, Asked(address=address, text=sentence))

    assert answer is not None
    assert answer.startswith("That is no command.\nack [")
    assert before.changes(site.picture()) == set()


@pytest.mark.parametrize("text", ["a", "R", "e", "ok", "take"])
def test_short_words_are_for_chats_only(text: str) -> None:
    assert commands.parse(text) is not None
    assert commands.parse(text, by_phone=True) is None


@pytest.mark.parametrize("text", ["page P1 fire", "note 12 done", "list", "declare P1"])
def test_a_text_message_declares_notes_and_lists_nothing(
    slack: Slack, text: str
) -> None:
    talk.user("devops_engineer", ConsoleRole.OWNER, now=slack.clock.now())
    has_phone(slack, "devops_engineer")
    site.declare("Nobody must read this", now=slack.clock.now())
    before = site.picture()

    answer = said(slack, "twilio_sms", Asked(address=PHONE, text=text))

    assert answer is not None
    assert answer.startswith("That is no command.")
    assert "page" not in answer
    assert before.changes(site.picture()) == set()


def test_a_whole_word_works_everywhere() -> None:
    for by_phone in (False, True):
        found = commands.parse("Acknowledge", by_phone=by_phone)
        assert found is not None
        assert found.word is Word.ACKNOWLEDGE


# ── What a bare answer means ────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "unsent",
    [
        {"attempts": 0, "state": NotificationState.WAITING},
        {"attempts": 0, "state": NotificationState.SUPERSEDED},
        {"attempts": 6, "state": NotificationState.FAILED},
        {"attempts": 1, "state": NotificationState.WAITING},
    ],
)
def test_nobody_answers_what_was_never_sent(
    slack: Slack, unsent: dict[str, Any]
) -> None:
    seen = site.declare(now=slack.clock.now())
    talk.page(seen, now=slack.clock.now())
    slack.clock.advance(timedelta(minutes=1))
    unseen = site.declare("Payments fail", now=slack.clock.now(), alert_type="payment")
    talk.page(unseen, now=slack.clock.now(), **unsent)

    assert slack.type("ack") == f"DevOps Engineer took #{seen.pk} at 02:31."
    assert status_of(unseen) == IncidentStatus.TRIGGERED


def test_the_message_that_came_last_is_meant_and_not_the_one_written_last(
    slack: Slack,
) -> None:
    now = slack.clock.now()
    held = site.declare(now=now)
    row = talk.page(held, now=now)
    other = site.declare("Payments fail", now=now, alert_type="payment")
    talk.page(other, now=now)
    Notification.objects.filter(pk=row.pk).update(
        last_attempt_at=now + timedelta(minutes=5)
    )
    slack.clock.advance(timedelta(minutes=6))

    assert slack.type("ack") == f"DevOps Engineer took #{held.pk} at 02:36."


def test_a_bare_ack_after_a_digest_is_asked_for_a_number(slack: Slack) -> None:
    old = site.declare(now=slack.clock.now())
    talk.page(old, now=slack.clock.now())
    slack.clock.advance(timedelta(minutes=1))
    new = site.declare("Payments fail", now=slack.clock.now(), alert_type="payment")
    member = talk.page(new, now=slack.clock.now())
    digest = talk.page(new, now=slack.clock.now(), step_key="digest")
    rows = Notification.objects
    rows.filter(pk=digest.pk).update(incident=None, purpose=Purpose.DIGEST)
    rows.filter(pk=member.pk).update(
        bundled_into=digest, state=NotificationState.SUPERSEDED, attempts=0
    )

    assert slack.type("ack") == (
        f"That message tells of #{new.pk}. Answer with a number: ack 12"
    )
    assert (status_of(old), status_of(new)) == ("triggered", "triggered")


# ── What may be learnt ──────────────────────────────────────────────────────────


@pytest.mark.req("A15")
def test_an_address_that_nobody_has_proven_is_invited_nowhere(slack: Slack) -> None:
    now = slack.clock.now()

    def found() -> dict[str, str]:
        return queries.addresses_of(
            ["devops_engineer"], AddressKind.SLACK, now=now, wall=now
        )

    assert found() == {"devops_engineer": "U0DEVOPS"}
    rows = ContactMethod.objects.filter(contact_key="devops_engineer")
    rows.update(opted_out_at=now)
    assert found() == {}
    rows.update(opted_out_at=None, verified_at=None)
    assert found() == {}


@pytest.mark.req("A15")
def test_a_list_names_no_confidential_incident_and_a_group_hears_of_none(
    slack: Slack,
) -> None:
    ContactMethod.objects.create(
        contact_key="devops_engineer",
        kind=AddressKind.TELEGRAM,
        address="71",
        created_at=slack.clock.now(),
        verified_at=slack.clock.now(),
    )
    incident = site.declare("Leak at X", now=slack.clock.now(), alert_type="security")
    talk.page(incident, now=slack.clock.now())

    def listed(chat: str) -> str | None:
        asked = Asked(address="71", text="/list", reply_to={"chat": chat})
        return said(slack, "telegram", asked)

    expected = f"#{incident.pk} P1 triggered: confidential incident"
    assert listed("71") == expected
    assert slack.type("list") == expected
    assert listed("-100200300") == "There is no open incident."


def test_the_list_is_one_query_and_sees_what_the_person_may_see(
    slack: Slack, django_assert_num_queries: Any
) -> None:
    talk.user("technical_lead", ConsoleRole.STAKEHOLDER, now=slack.clock.now())
    now = slack.clock.now()
    rows = [site.declare(f"Incident {n}", now=now) for n in range(5)]
    secret = site.declare("Leak", now=now, alert_type="security")
    talk.page(secret, now=now, verb=Verb.NOTIFY)
    people = {
        key: queries.person(key, now=now)
        for key in ("technical_lead", "devops_engineer", "backend_engineer")
    }
    for person in people.values():
        assert person is not None
        expected = {one.pk for one in (*rows, secret) if queries.may_see(person, one)}
        with django_assert_num_queries(1):
            found = queries.open_incidents(person, in_private=True)
        assert {one.pk for one in found} == expected


def test_who_is_on_call_is_told_to_users_and_to_who_takes_turns(slack: Slack) -> None:
    talk.join("help_desk_lead", "U0PO", now=slack.clock.now())
    plan = queries.plan_in_force(now=slack.clock.now())
    assert plan is not None
    assert plan.directory.contact("help_desk_lead") is not None

    assert "until" in slack.type("oncall")
    assert slack.type("oncall", by="U0PO") == (
        "You may not see from here who is on call."
    )
    talk.user("help_desk_lead", ConsoleRole.STAKEHOLDER, now=slack.clock.now())
    assert "until" in slack.type("oncall", by="U0PO", trigger="2")


# ── Calls that are repeated, and calls of nobody ────────────────────────────────


def test_a_captured_call_is_the_same_with_another_query_and_other_headers(
    slack: Slack,
) -> None:
    talk.user("devops_engineer", ConsoleRole.OWNER, now=slack.clock.now())
    call = slack.sign(typed("page P1 fire", by="U0DEVOPS"))
    slack.send("command", call)

    answer = Client().generic(
        "POST",
        "/hooks/slack/command?x=1",
        call.body,
        content_type="application/x-www-form-urlencoded",
        headers=call.headers | {"X-Other-Signature": "x", "X-Timestamp": "1"},
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert Incident.objects.count() == 1


def test_a_text_message_that_twilio_signed_counts_once_in_a_year(phones: Slack) -> None:
    has_phone(phones, "devops_engineer")
    _, row = page_by(phones, "twilio_sms")
    text = {
        "MessageSid": "SM1",
        "From": PHONE,
        "Body": f"esc {signed.reply_code(row.pk)}",
    }
    first = twilio_calls("/hooks/twilio_sms/inbound", **text)
    assert "escalated" in first.text
    before = site.picture()

    for after in (timedelta(minutes=1), timedelta(days=3), timedelta(days=300)):
        phones.clock.advance(after)
        again = twilio_calls("/hooks/twilio_sms/inbound?x=1", **text)
        assert (again.status_code, "Message" in again.text) == (200, False)
    assert before.changes(site.picture()) == set()


def test_an_equal_text_without_a_number_is_new_after_a_while(slack: Slack) -> None:
    wall, short = slack.clock.wall(), timedelta(minutes=5)

    def is_new(after: timedelta) -> bool:
        return actions.remember("smspoh", "d", same_for=short, wall=wall + after)

    assert [is_new(timedelta(minutes=m)) for m in (0, 4, 5, 6)] == [
        True,
        False,
        True,
        False,
    ]
    assert SeenCall.objects.count() == 1


def test_what_nobody_signed_fills_neither_the_memory_nor_the_log(
    phones: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    known = len(views._refused)
    for number in range(20):
        answer = Client().generic(
            "POST",
            "/hooks/twilio_sms/inbound",
            f"evil%zz{number}&\N{SNOWMAN}".encode(),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": "x"},
        )
        assert answer.status_code == 403

    assert len(views._refused) <= known + 1
    assert "evil" not in caplog.text
    assert sum("is refused" in one.message for one in caplog.records) <= 5


@pytest.mark.parametrize("provider", ["twilio_sms", "smspoh"])
def test_f23_two_machines_do_not_thank_each_other_for_ever(
    slack: Slack, provider: str
) -> None:
    has_phone(slack, "devops_engineer")

    def ask(wall: datetime) -> Result | None:
        asked = Asked(address=PHONE, text="thank you for your message")
        return actions.handle(provider, asked, now=wall, wall=wall)

    now = slack.clock.now()
    answered = [ask(now) is not None for _ in range(ANSWERS_AN_HOUR + 2)]

    assert answered == [True] * ANSWERS_AN_HOUR + [False] * 2
    assert ask(now + timedelta(hours=1, seconds=1)) is not None
