"""People of the bundled plan who press and type in Slack."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from tests.doubles.slack_server import (
    SignedCall,
    SlackDouble,
    SlackMessage,
    pressed,
    sign,
    typed,
)
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.notification import NotificationState
from watchbill.core.paging import AddressKind
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.models import Notification
from watchbill.server.people.models import ContactMethod

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
MEMBERS = {
    "devops_engineer": "U0DEVOPS",
    "backend_engineer": "U0BO",
    "technical_lead": "U0ANA",
}


def join(key: str, member: str, *, now: datetime) -> ContactMethod:
    """Let a contact have a verified address in Slack."""
    return ContactMethod.objects.create(
        contact_key=key,
        kind=AddressKind.SLACK,
        address=member,
        created_at=now,
        verified_at=now,
    )


def user(key: str, role: ConsoleRole, *, now: datetime) -> User:
    """Make a contact a user of the console."""
    one = site.user(role, now=now, name=key)
    User.objects.filter(pk=one.pk).update(contact_key=key)
    one.refresh_from_db()
    return one


def page(
    incident: Incident, *, now: datetime, to: str = "devops_engineer", **values: Any
) -> Notification:
    """Store a page that went out in Slack."""
    given = {
        "contact_key": to,
        "channel": "slack",
        "address": MEMBERS.get(to, "#incidents"),
        "state": NotificationState.DELIVERED,
        "attempts": 1,
        "last_attempt_at": now,
    }
    key = f"{to}/{values.get('step_key', 'page')}"
    return site.notification(incident, now=now, key=key, **(given | values))


@dataclass(frozen=True, slots=True)
class Slack:
    """Slack as it calls us."""

    double: SlackDouble
    clock: VirtualClock

    def press(
        self, row: Notification, action: str = "acknowledge", *, by: str = "U0DEVOPS"
    ) -> Any:
        """Press a button of a message in Slack."""
        return self.post("actions", self.form(row, action, by=by))

    def form(self, row: Notification, action: str, *, by: str) -> bytes:
        """Return what Slack posts when a button of a message is pressed."""
        return self.form_of_token(signed.short_token(row.pk), action, by=by)

    def form_of_token(self, token: str, action: str, *, by: str) -> bytes:
        """Return the same with any token."""
        button = {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": action},
            "value": token,
        }
        console = {
            "type": "button",
            "action_id": "link-1",
            "text": {"type": "plain_text", "text": "Open in the console"},
            "url": "https://watch.example/incidents/1/",
        }
        head = {"type": "header", "text": {"type": "plain_text", "text": "Page"}}
        shown = SlackMessage(
            channel="D0",
            channel_id="D0",
            text="Page",
            blocks=(head, {"type": "actions", "elements": [button, console]}),
            ts="1.2",
            thread_ts="",
            idempotency_key="",
            raw={},
        )
        return pressed(shown, action, by=by, url=self.double.response_url)

    def type(self, text: str, *, by: str = "U0DEVOPS", trigger: str = "1") -> str:
        """Type a slash command; return the answer that only its author sees."""
        answer = self.post("command", typed(text, by=by, trigger=trigger))
        assert answer.status_code == 200, answer.content
        content = answer.json()
        assert content["response_type"] == "ephemeral"
        return str(content["text"])

    def sign(self, body: bytes, *, age: timedelta = timedelta(0)) -> SignedCall:
        """Sign a body as Slack does, or did a while ago."""
        return sign(body, secret=SECRET, at=self.clock.wall() - age)

    def post(self, door: str, body: bytes) -> Any:
        """Make a signed call."""
        return self.send(door, self.sign(body))

    def send(self, door: str, call: SignedCall, *, method: str = "POST") -> Any:
        """Make a call as it is."""
        return Client(enforce_csrf_checks=True).generic(
            method,
            f"/hooks/slack/{door}",
            call.body,
            content_type="application/x-www-form-urlencoded",
            headers=call.headers,
        )
