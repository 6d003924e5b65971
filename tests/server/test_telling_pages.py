"""The pages on which people say how they are told, and what hostile hands find."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, override_settings

from tests.conftest import START
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.notification import Method
from watchbill.core.paging import AddressKind, MethodKind, Rule
from watchbill.core.severity import Urgency
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.notifications.queries import notice_of
from watchbill.server.notifications.telling import contacts_now
from watchbill.server.people import queries as people
from watchbill.server.people.contacting import CODE_LIFETIME, CODE_TRIES
from watchbill.server.people.models import ContactMethod, PagingTest, QuietTime
from watchbill.server.plans.models import PlanVersion

pytestmark = pytest.mark.django_db

ME = "devops_engineer"
OTHER = "technical_lead"
PHONE = "+959250000001"
HOME = "/deliveries/mine/"
READINESS = "/deliveries/readiness/"
SMTP = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "watchbill@example.org"}
TEXTS = {
    "api_key": "key",
    "api_secret": "secret",
    "sender": "watchbill",
    "hook_secret": "a secret of thirty-two characters",
}
HOSTILE = (
    "'; DROP TABLE watchbill_contactmethod; --",
    "x" * 10_000,
    "a\0b",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "",
)


@pytest.fixture(autouse=True)
def _channels() -> Iterator[None]:
    """Mail and text messages are set up; no engine sends them."""
    with override_settings(CHANNELS={"email": SMTP, "smspoh": TEXTS}):
        yield


def sign_in(contact_key: str, *, now: Any, role: ConsoleRole) -> Client:
    one = site.user(role, now=now, name=contact_key)
    one.contact_key = contact_key
    one.save()
    return site.signed_in(one)


@pytest.fixture
def me(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> Client:
    return sign_in(ME, now=virtual_clock.now(), role=ConsoleRole.RESPONDER)


@pytest.fixture
def other(me: Client, virtual_clock: VirtualClock) -> Client:
    return sign_in(OTHER, now=virtual_clock.now(), role=ConsoleRole.RESPONDER)


def text_of(response: Any) -> str:
    """Return what a page says, without its markup."""
    page = response.content.decode().partition("<main")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def said(client: Client, response: Any) -> str:
    """Return what the page says to which a form leads."""
    assert response.status_code == 302, text_of(response)
    return text_of(client.get(response["Location"].partition("#")[0]))


def add(client: Client, address: str = "09 250 000 001", kind: str = "phone") -> Any:
    return client.post(HOME + "add/", {"kind": kind, "address": address})


def code_sent() -> str:
    latest = Notification.objects.filter(purpose=Purpose.VERIFICATION).latest("pk")
    return notice_of(latest).subject.partition(" ")[0]


def number_added() -> ContactMethod:
    return ContactMethod.objects.get(address=PHONE)


def verify(client: Client, code: str, number: int) -> Any:
    return client.post(f"{HOME}{number}/verify/", {"code": code})


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


# ── Addresses ─────────────────────────────────────────────────────────────────────


def test_who_is_no_contact_of_the_plan_is_told_so(stakeholder: Client) -> None:
    assert "You are not in the plan" in text_of(stakeholder.get(HOME))
    page = said(stakeholder, add(stakeholder))
    assert "You are not in the plan" in page
    assert ContactMethod.objects.count() == 0


@pytest.mark.req("S2.1-13")
def test_an_added_number_is_used_once_its_code_came_back(me: Client) -> None:
    page = said(me, add(me))
    assert "A code is on its way" in page
    assert PHONE in page

    row = number_added()
    sent = Notification.objects.get(purpose=Purpose.VERIFICATION)
    assert (sent.channel, sent.address, sent.contact_key) == ("smspoh", PHONE, ME)
    assert row.verified_at is None

    code = code_sent()
    page = said(me, verify(me, f" {code[:3]} {code[3:]}", row.pk))

    assert "Verified" in page
    assert number_added().verified_at is not None


def test_the_digits_of_a_burmese_keyboard_are_digits(me: Client) -> None:
    add(me)
    burmese = code_sent().translate({ord("0") + n: 0x1040 + n for n in range(10)})

    verify(me, burmese, number_added().pk)

    assert number_added().verified_at is not None


def test_a_wrong_code_is_refused_beside_the_address_it_was_for(me: Client) -> None:
    add(me)
    row = number_added()

    answer = verify(me, wrong(code_sent()), row.pk)

    assert answer.status_code == 422
    assert f'id="code-{row.pk}-error"' in answer.content.decode()
    assert "not the code" in text_of(answer)


def test_pressing_verify_twice_does_no_harm(me: Client) -> None:
    add(me)
    row, code = number_added(), code_sent()

    first, second = verify(me, code, row.pk), verify(me, code, row.pk)

    assert (first.status_code, second.status_code) == (302, 302)


def test_a_code_is_dead_after_five_wrong_tries(me: Client) -> None:
    add(me)
    row, code = number_added(), code_sent()

    for _ in range(CODE_TRIES):
        answer = verify(me, wrong(code), row.pk)
    assert "Send a new one" in text_of(answer)

    assert verify(me, code, row.pk).status_code == 422
    assert number_added().verified_at is None


def test_a_code_is_dead_when_its_time_is_over(
    me: Client, virtual_clock: VirtualClock
) -> None:
    add(me)
    code = code_sent()

    virtual_clock.move_to(virtual_clock.now() + CODE_LIFETIME)

    assert verify(me, code, number_added().pk).status_code == 422


def test_a_code_is_seen_on_no_page_and_in_no_log(me: Client) -> None:
    add(me)
    code = code_sent()
    assert code not in str(ContactMethod.objects.values().get())

    for page in (HOME, READINESS, "/deliveries/", "/account/"):
        response = me.get(page)
        assert response.status_code == 200, page
        assert code not in text_of(response), page


def test_twenty_codes_an_hour_are_enough_and_the_last_one_stays_good(
    me: Client, virtual_clock: VirtualClock
) -> None:
    add(me)
    row = number_added()
    for _ in range(readiness.MESSAGES_AN_HOUR - 1):
        virtual_clock.advance(readiness.CODE_EVERY)
        me.post(f"{HOME}{row.pk}/code/")
    code = code_sent()

    page = said(me, me.post(f"{HOME}{row.pk}/code/"))

    assert "enough tests and codes" in page
    sent = Notification.objects.filter(purpose=Purpose.VERIFICATION).count()
    assert sent == readiness.MESSAGES_AN_HOUR
    assert verify(me, code, row.pk).status_code == 302


@pytest.mark.parametrize("kind", [*AddressKind, "pigeon"])
@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_address_is_refused_and_stores_nothing(
    me: Client, kind: str, text: str
) -> None:
    answer = add(me, text, kind)

    assert answer.status_code in {302, 422}
    assert ContactMethod.objects.count() == 0
    if answer.status_code == 422:
        page = answer.content.decode()
        assert "errorlist" in page
        assert "<script>alert" not in page


def subscription(endpoint: str) -> str:
    """Return what a browser hands over, with another endpoint."""
    point = (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
        "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    keys = {"p256dh": point, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}
    return json.dumps({"endpoint": endpoint, "keys": keys})


@pytest.mark.parametrize(
    ("endpoint", "is_taken"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://10.0.0.1/admin", False),
        ("https://intranet.example/x", False),
    ],
)
def test_a_browser_is_added_only_with_a_push_service_that_may_be_called(
    me: Client, *, endpoint: str, is_taken: bool
) -> None:
    key = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
    push = {"vapid_private_key": key, "vapid_subject": "mailto:ops@example.org"}
    with override_settings(CHANNELS={"push": push}):
        page = said(me, add(me, subscription(endpoint), "push"))

    assert ContactMethod.objects.filter(kind="push").exists() is is_taken
    assert Notification.objects.exists() is is_taken
    assert ("not one that watchbill may call" in page) is not is_taken
    assert "10.0.0.1" not in page


def test_a_refused_address_is_said_at_the_form_with_what_was_typed(me: Client) -> None:
    answer = add(me, "12")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'class="fold" open' in page
    assert 'value="12"' in page
    assert "is not a phone number" in text_of(answer)


def test_an_address_of_the_plan_can_be_verified_and_not_removed(me: Client) -> None:
    add(me, "devops@trm.rocks", "email")
    row = ContactMethod.objects.get()
    assert row.is_of_plan

    verify(me, code_sent(), row.pk)
    page = said(me, me.post(f"{HOME}{row.pk}/remove/"))

    assert "no address that you have added" in page
    assert ContactMethod.objects.get().verified_at is not None


def test_somebody_elses_address_is_out_of_reach(me: Client, other: Client) -> None:
    add(me)
    row, code = number_added(), code_sent()
    before = site.picture()

    for path in ("code/", "verify/", "remove/"):
        page = said(other, other.post(f"{HOME}{row.pk}/{path}", {"code": code}))
        assert PHONE not in page

    assert before.changes(site.picture()) <= {"django_session"}
    assert verify(me, code, row.pk).status_code == 302


def test_a_number_too_large_for_the_database_is_unknown(me: Client) -> None:
    for path in ("code/", "verify/", "remove/"):
        answer = me.post(f"{HOME}{10**30}/{path}", {"code": "1"})
        assert answer.status_code == 302, path


# ── Rules and quiet hours ─────────────────────────────────────────────────────────


def test_own_rules_are_saved_and_given_up_again(me: Client) -> None:
    never = {f"{one}-{kind}": "never" for one in Urgency for kind in MethodKind}
    chosen = {"high-email": "0", "high-sms": "120", "low-email": "0"}
    assert "Saved how you are told" in said(
        me, me.post(HOME + "rules/", never | chosen)
    )
    wishes = people.book(wall=START).wishes_of(ME)
    assert wishes.high == (
        Rule(kind=MethodKind.EMAIL),
        Rule(kind=MethodKind.SMS, after=timedelta(minutes=2)),
    )
    assert wishes.low == (Rule(kind=MethodKind.EMAIL),)

    said(me, me.post(HOME + "rules/", {"reset": "yes"}))
    assert people.rules_listed(ME) == []


def test_rules_by_which_nobody_would_be_told_are_refused_at_their_form(
    me: Client,
) -> None:
    never = {f"{one}-{kind}": "never" for one in Urgency for kind in MethodKind}

    answer = me.post(HOME + "rules/", never | {"low-email": "0"})

    assert answer.status_code == 422
    assert text_of(answer).count("Choose at least one way") == 1
    assert people.rules_listed(ME) == []


@pytest.mark.parametrize("value", [*HOSTILE, "-60", "9999999", "1e9"])
def test_delays_that_are_not_in_the_list_are_refused(me: Client, value: str) -> None:
    never = {f"{one}-{kind}": "never" for one in Urgency for kind in MethodKind}

    answer = me.post(HOME + "rules/", never | {"high-sms": value, "low-sms": "0"})

    assert answer.status_code == 422
    assert people.rules_listed(ME) == []


def test_quiet_hours_are_saved_shown_and_cleared(me: Client) -> None:
    hours = {"starts": "22:00", "ends": "07:00", "zone": "Asia/Yangon"}
    me.post(HOME + "quiet/", hours)
    page = me.get(HOME).content.decode()
    assert re.search(r'name="starts" value="22:00', page)

    me.post(HOME + "quiet/", {"zone": "Asia/Yangon"})
    assert QuietTime.objects.count() == 0


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        ({"starts": "22:00", "ends": ""}, "need both times"),
        ({"starts": "22:00", "ends": "22:00"}, "would never end"),
        ({"starts": "22:00", "ends": "7", "zone": "Asia/Yangon"}, "valid time"),
        ({"starts": "22:00", "ends": "07:00", "zone": "Yangon"}, "not a time zone"),
        ({"starts": "22:00", "ends": "07:00", "zone": "../etc/passwd"}, "not a time"),
        ({"starts": "22:00", "ends": "07:00", "zone": "a\0b"}, "Null characters"),
    ],
)
def test_quiet_hours_that_cannot_be_are_refused_at_their_form(
    me: Client, hours: dict[str, str], why: str
) -> None:
    answer = me.post(HOME + "quiet/", {"zone": "Asia/Yangon"} | hours)

    assert answer.status_code == 422
    assert why in text_of(answer)
    assert QuietTime.objects.count() == 0


# ── Test pages ────────────────────────────────────────────────────────────────────


def send_test(client: Client) -> Notification:
    client.post(HOME + "test/")
    return Notification.objects.filter(purpose=Purpose.TEST).latest("pk")


def link_of(row: Notification) -> str:
    url = signed.url_of(row.pk, page="notifications:confirm")
    return "/" + url.partition("://")[2].partition("/")[2]


def test_a_test_page_is_confirmed_by_its_link_and_verifies_the_address(
    me: Client,
) -> None:
    assert "No address of yours is verified yet" in text_of(me.get(HOME))
    row = send_test(me)
    stranger = Client()

    asked = stranger.get(link_of(row))
    assert "Nothing is wrong" in asked.content.decode()
    assert asked["Referrer-Policy"] == "no-referrer"
    answer = stranger.post(link_of(row))

    assert "a page by email reaches you" in answer.content.decode()
    test = PagingTest.objects.get()
    assert test.confirmed_by == "email"
    assert ContactMethod.objects.get().verified_at is not None
    page = text_of(me.get(HOME))
    assert "confirmed" in page
    assert "No address of yours is verified yet" not in page


def test_looking_at_the_link_confirms_nothing(me: Client) -> None:
    row = send_test(me)
    before = site.picture()

    for method in ("get", "head"):
        assert getattr(Client(), method)(link_of(row)).status_code == 200

    assert before.changes(site.picture()) == set()


def test_a_forged_link_confirms_nothing(me: Client, other: Client) -> None:
    mine, theirs = send_test(me), send_test(other)
    token = link_of(mine).rstrip("/").rsplit("/", 1)[1]
    signature = token.partition(".")[2]
    for forged in (f"{theirs.pk}.{signature}", f"{mine.pk}", f"{token}x", "x" * 9_000):
        answer = Client().post(f"/deliveries/confirm/{forged}/")
        assert answer.status_code == 404
        assert "This link is not known" in answer.content.decode()

    assert not PagingTest.objects.exclude(confirmed_at=None).exists()


def test_the_link_of_an_incident_confirms_no_test(
    me: Client, virtual_clock: VirtualClock
) -> None:
    page = site.notification(
        site.declare(now=virtual_clock.now()), now=virtual_clock.now()
    )
    assert Client().post(link_of(page)).status_code == 404


def test_the_link_of_a_test_opens_no_incident(me: Client) -> None:
    token = link_of(send_test(me)).rstrip("/").rsplit("/", 1)[1]
    assert Client().get(f"/n/{token}/").status_code == 404


def test_a_test_that_is_confirmed_too_late_counts_as_missed(
    me: Client, virtual_clock: VirtualClock
) -> None:
    row = send_test(me)
    virtual_clock.move_to(virtual_clock.now() + readiness.TEST_LIFETIME * 1.01)

    for answer in (Client().get(link_of(row)), Client().post(link_of(row))):
        assert "This test is over" in answer.content.decode()

    assert "never confirmed" in text_of(me.get(HOME))


def test_a_test_confirmed_in_time_stays_so(
    me: Client, virtual_clock: VirtualClock
) -> None:
    row = send_test(me)
    Client().post(link_of(row))
    virtual_clock.move_to(virtual_clock.now() + readiness.TEST_LIFETIME * 1.01)

    assert "Confirmed" in Client().post(link_of(row)).content.decode()


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example"])
def test_no_form_leads_away_from_here(me: Client, target: str) -> None:
    extra = f"?next={target}"
    for path in ("test/", "quiet/", "rules/", "add/"):
        data = {"next": target, "zone": "Asia/Yangon", "reset": "yes"}
        data |= {"kind": "phone", "address": "09 250 000 001"}
        answer = me.post(HOME + path + extra, data)
        assert answer["Location"].startswith("/deliveries/mine/"), path


# ── Who can be reached ────────────────────────────────────────────────────────────


def test_the_owner_sees_who_is_on_call_and_tests_them(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    owner = sign_in("", now=virtual_clock.now(), role=ConsoleRole.OWNER)
    page = text_of(owner.get(READINESS))
    assert "On call now: primary" in page
    assert "devops@trm.rocks" not in page

    page = said(owner, owner.post(f"{READINESS}{ME}/test/"))

    assert "is on its way" in page
    test = PagingTest.objects.get()
    assert (test.contact_key, test.is_weekly) == (ME, False)


def test_nobody_tests_a_contact_that_the_plan_does_not_have(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    owner = sign_in("", now=virtual_clock.now(), role=ConsoleRole.OWNER)
    assert owner.post(f"{READINESS}nobody/test/").status_code == 404


def test_without_channels_the_pages_say_that_nobody_would_come(me: Client) -> None:
    with override_settings(CHANNELS={}):
        assert "Nothing leads to you" in text_of(me.get(HOME))
        assert "cannot be reached" in text_of(me.get(READINESS))
        assert "No channel that is set up leads" in said(me, me.post(HOME + "test/"))
        assert "no code was sent" in said(me, add(me))


def test_a_weekly_test_without_an_answer_is_shown_to_owners_after_four_hours(
    me: Client, virtual_clock: VirtualClock
) -> None:
    owner = sign_in("", now=virtual_clock.now(), role=ConsoleRole.OWNER)
    contact = next(one for one in contacts_now() if one.key == ME)
    readiness.send_test(
        contact,
        [Method(channel="email", address="devops@trm.rocks")],
        asked_by="the weekly test",
        is_weekly=True,
        now=virtual_clock.now(),
        wall=virtual_clock.now(),
    )
    banner = "Not confirmed: the weekly test page"
    assert banner not in owner.get("/incidents/").content.decode()

    virtual_clock.move_to(virtual_clock.now() + people.ANSWER_WITHIN * 1.1)

    assert banner in owner.get("/incidents/").content.decode()
    assert banner not in me.get("/incidents/").content.decode()
    page = text_of(owner.get(READINESS))
    assert "1 person has not confirmed the last weekly test page" in page
    assert "test not confirmed" in page

    Client().post(link_of(Notification.objects.get(purpose=Purpose.TEST)))
    assert banner not in owner.get("/incidents/").content.decode()


# ── Push and signing out ──────────────────────────────────────────────────────────


def test_without_a_key_there_is_no_button_for_push_messages(me: Client) -> None:
    page = me.get(HOME).content.decode()
    assert "data-push-form" not in page
    assert "push.js" not in page


def test_with_a_key_the_button_carries_it_and_waits_for_its_script(me: Client) -> None:
    # The secret key of RFC 8291, appendix A.
    key = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
    push = {"vapid_private_key": key, "vapid_subject": "mailto:ops@example.org"}
    with override_settings(CHANNELS={"push": push}):
        page = me.get(HOME).content.decode()

    form = re.search(r"<form[^>]*data-push-form[^>]*>", page)
    assert form is not None
    assert form[0].endswith(" hidden>")
    assert 'data-vapid-key="BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml' in form[0]
    assert key not in page


def test_the_service_worker_may_serve_the_whole_host() -> None:
    answer = Client().get("/deliveries/worker.js")

    assert answer["Service-Worker-Allowed"] == "/"
    assert answer["Content-Type"].startswith("text/javascript")
    script = Path(str(finders.find("watchbill/js/worker.js")))
    assert answer.content == script.read_bytes()


def test_a_deactivated_user_changes_nothing(me: Client) -> None:
    add(me)
    row, code = number_added(), code_sent()
    User.objects.update(is_active=False)

    assert "/sign-in/" in verify(me, code, row.pk)["Location"]
    assert "/sign-in/" in add(me, "09 250 000 002")["Location"]
    assert number_added().verified_at is None
    assert ContactMethod.objects.count() == 1
