"""A console with one user of each role, something in every list, and a look beneath."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client

from watchbill.core.access import ConsoleRole
from watchbill.core.ladder import StopOn, Verb
from watchbill.core.messages import Notice
from watchbill.core.severity import Urgency
from watchbill.server.accounts.models import User
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import Actor, Declaration
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.models import Delivery, Notification

BACKEND = "watchbill.server.accounts.actions.EmailBackend"
SOMEBODY = Actor(label="Somebody")


def user(
    role: ConsoleRole, *, now: datetime, name: str = "", contact_key: str = ""
) -> User:
    """Make a user who signs in without a password, which spares the hashing."""
    one = User(
        name=name or role.capitalize(),
        email=f"{name or role}@example.org".lower(),
        role=role,
        contact_key=contact_key,
        created_at=now,
    )
    one.set_unusable_password()
    one.save()
    return one


def session_of(one: User) -> str:
    """Sign a user in; return what the session cookie holds."""
    session = SessionStore()
    session[SESSION_KEY] = str(one.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = one.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def signed_in(one: User, **options: Any) -> Client:
    """Return a browser in which a user is signed in."""
    client = Client(**options)
    client.force_login(one, backend=BACKEND)
    return client


def declare(
    title: str = "The site is down", *, severity: str = "P1", now: datetime, **more: Any
) -> Incident:
    """Declare an incident of the bundled plan."""
    declaration = Declaration(
        title=title,
        severity=severity,
        alert_type=more.pop("alert_type", "infrastructure"),
        **more,
    )
    return incidents.declare(declaration, actor=SOMEBODY, now=now)


def notification(
    incident: Incident, *, now: datetime, key: str = "k", **values: Any
) -> Notification:
    """Store a page to one person about an incident, with one attempt."""
    notice = Notice(
        idempotency_key=key,
        thread_key=f"incident-{incident.pk}",
        subject=f"[P1] {incident.title}",
        paragraphs=("Please come.",),
        facts=(("Severity", "P1"),),
        links=(),
        severity="P1",
        urgency=Urgency.HIGH,
    )
    defaults: dict[str, Any] = {
        "step_key": "page",
        "verb": Verb.PAGE,
        "stop_on": StopOn.ACKNOWLEDGED,
        "contact_key": "devops_engineer",
        "recipient": "DevOps Engineer",
        "channel": "email",
        "address": "devops@trm.rocks",
        "is_urgent": True,
        "due_at": now,
        "subject": notice.subject,
        "notice": _builtins(notice),
    }
    row = Notification.objects.create(
        incident=incident,
        idempotency_key=f"{incident.pk}/{key}",
        created_at=now,
        next_attempt_at=now,
        **(defaults | values),
    )
    Delivery.objects.create(
        notification=row, number=1, started_at=now, finished_at=now, node="n"
    )
    return row


def _builtins(notice: Notice) -> dict[str, Any]:
    return {
        "idempotency_key": notice.idempotency_key,
        "thread_key": notice.thread_key,
        "subject": notice.subject,
        "paragraphs": list(notice.paragraphs),
        "facts": [list(fact) for fact in notice.facts],
        "links": [],
        "severity": notice.severity,
        "urgency": notice.urgency,
    }


@dataclass(frozen=True, slots=True)
class Picture:
    """The rows of every table: how many, and a hash over all of them."""

    tables: Mapping[str, tuple[int, str]]

    def changes(self, later: "Picture") -> set[str]:
        """Return the tables that differ."""
        return {
            name for name, rows in self.tables.items() if later.tables[name] != rows
        }


def tables() -> list[str]:
    """Return every table of watchbill and of second factors, and of sessions."""
    models = [
        model
        for label in ("account", "mfa", "watchbill")
        for model in apps.get_app_config(label).get_models()
    ]
    return [*sorted(model._meta.db_table for model in models), "django_session"]


def picture() -> Picture:
    """Take a picture of the whole database."""
    parts = [
        f"SELECT '{name}', count(*),"
        f" coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {name} t"
        for name in tables()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return Picture({name: (count, text) for name, count, text in cursor.fetchall()})
