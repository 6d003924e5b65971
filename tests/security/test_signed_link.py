"""The link in a message: one notification, one day, and only a POST acts."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.security.console import Console
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.incidents import IncidentStatus
from watchbill.core.ladder import Verb
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident, Responder
from watchbill.server.notifications.models import Notification

STRANGER = Client()


def link(token: str) -> str:
    return reverse("incidents:signed", args=[token])


def status_of(number: int) -> str:
    return Incident.objects.get(pk=number).status


def test_opening_it_shows_the_incident_and_changes_nothing(console: Console) -> None:
    before = site.picture()
    page = STRANGER.get(link(console.signed_token))
    assert page.status_code == 200
    assert "The site is down" in page.text
    assert page["Referrer-Policy"] == "no-referrer"
    assert STRANGER.head(link(console.signed_token)).status_code == 200
    assert before.changes(site.picture()) == set()


def test_posting_acknowledges_as_the_recipient_without_a_form_secret(
    console: Console,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.post(link(console.signed_token), {"action": "acknowledge"})
    incident = Incident.objects.get(pk=console.incident.pk)
    assert incident.status == IncidentStatus.ACKNOWLEDGED
    assert incident.acknowledged_by == "DevOps Engineer"
    assert Responder.objects.get(incident=incident).contact_key == "devops_engineer"


def forgeries(token: str) -> list[str]:
    number, _, signature = token.partition(".")
    swapped = signature[:-1] + ("A" if signature[-1] != "A" else "B")
    return [
        number,
        f"{number}.",
        f"{number}.{signature[:-1]}",
        f"{number}.{swapped}",
        f"{int(number) + 1}.{signature}",
        f"0{number}.{signature}",
        f"{number}.{signature}.{signature}",
        f".{signature}",
        "None.None",
        "x" * 5000,
        "မြန်မာ",
    ]


def test_a_token_cannot_be_forged_cut_or_used_for_another_message(
    console: Console,
) -> None:
    other = site.declare("Another", now=console.now)
    site.notification(other, now=console.now, key="other")
    before = site.picture()
    for token in forgeries(console.signed_token):
        assert STRANGER.get(link(token)).status_code == 404, token
        answer = STRANGER.post(link(token), {"action": "acknowledge"})
        assert answer.status_code == 404, token
        assert "The site is down" not in answer.text
    assert before.changes(site.picture()) == set()


def test_a_token_signed_for_something_else_is_not_one(console: Console) -> None:
    session = signed._signer.__class__(sep=".", salt="another.purpose")
    token = session.sign(str(console.page.pk))
    assert STRANGER.get(link(token)).status_code == 404


def test_it_names_the_incident_of_its_own_message_only(console: Console) -> None:
    other = site.declare("Another", now=console.now)
    page = site.notification(other, now=console.now, key="other")
    url = signed.url_of(page.pk)
    STRANGER.post(url[url.index("/n/") :], {"action": "acknowledge"})
    assert status_of(other.pk) == IncidentStatus.ACKNOWLEDGED
    assert status_of(console.incident.pk) == IncidentStatus.TRIGGERED


def test_it_works_for_a_day_and_then_says_that_it_has_expired(
    console: Console, virtual_clock: VirtualClock
) -> None:
    virtual_clock.advance(timedelta(hours=24))
    assert STRANGER.get(link(console.signed_token)).status_code == 200
    virtual_clock.advance(timedelta(seconds=1))
    answer = STRANGER.post(link(console.signed_token), {"action": "acknowledge"})
    assert answer.status_code == 410
    assert "expired" in answer.text
    assert status_of(console.incident.pk) == IncidentStatus.TRIGGERED


@pytest.mark.parametrize("action", ["close", "escalate", "", "acknowledge\0", "_apply"])
def test_it_does_nothing_that_it_does_not_offer(console: Console, action: str) -> None:
    answer = STRANGER.post(link(console.signed_token), {"action": action})
    assert answer.status_code == 200
    assert "cannot do that now" in answer.text
    assert status_of(console.incident.pk) == IncidentStatus.TRIGGERED


def test_a_second_press_says_who_has_taken_it(console: Console) -> None:
    STRANGER.post(link(console.signed_token), {"action": "acknowledge"})
    again = STRANGER.post(link(console.signed_token), {"action": "acknowledge"})
    assert "DevOps Engineer has already taken it" in again.text


@pytest.mark.req("S4.4-07")
@pytest.mark.parametrize(
    "values", [{"is_copy": True}, {"verb": Verb.NOTIFY}, {"verb": Verb.POSTMORTEM}]
)
def test_who_was_not_asked_to_work_cannot_act(
    console: Console, values: dict[str, object]
) -> None:
    page = site.notification(console.incident, now=console.now, key="c", **values)
    url = signed.url_of(page.pk)
    path = url[url.index("/n/") :]
    assert "<button" not in STRANGER.get(path).text
    STRANGER.post(path, {"action": "acknowledge"})
    assert status_of(console.incident.pk) == IncidentStatus.TRIGGERED


def test_it_signs_nobody_in(console: Console) -> None:
    client = Client()
    client.post(link(console.signed_token), {"action": "acknowledge"})
    assert client.get(reverse("incidents:list")).status_code == 302


def test_it_ends_with_the_account_of_its_reader(console: Console) -> None:
    incident = Incident.objects.get(pk=console.incident.pk)
    number = signed.number_of(console.signed_token)
    reader = Notification.objects.get(pk=number or 0).contact_key
    one = site.user(ConsoleRole.RESPONDER, now=console.now, name="reader")
    User.objects.filter(contact_key=reader).update(contact_key="")
    User.objects.filter(pk=one.pk).update(contact_key=reader)
    assert STRANGER.get(link(console.signed_token)).status_code == 200

    User.objects.filter(pk=one.pk).update(is_active=False)
    before = site.picture()

    page = STRANGER.get(link(console.signed_token))
    answer = STRANGER.post(link(console.signed_token), {"action": "acknowledge"})
    assert (page.status_code, answer.status_code) == (404, 404)
    assert incident.title not in page.text
    assert before.changes(site.picture()) == set()
