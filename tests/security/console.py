"""A console in use, and what each of its routes needs to be asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.core.alerts import AlertStatus
from watchbill.core.notification import Method
from watchbill.core.oncall import Duty
from watchbill.core.paging import AddressKind
from watchbill.core.temporal import Interval
from watchbill.server import signed
from watchbill.server.accounts import actions as accounts
from watchbill.server.accounts.models import User
from watchbill.server.alerts.models import Alert
from watchbill.server.heartbeats import actions as heartbeats
from watchbill.server.heartbeats.actions import Wish
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.incidents.models import Incident
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import Notification
from watchbill.server.notifications.telling import contacts_now
from watchbill.server.oncall import actions as oncall
from watchbill.server.oncall import links
from watchbill.server.oncall.models import Swap
from watchbill.server.people.models import ContactMethod
from watchbill.server.plans.models import PlanVersion
from watchbill.server.silences import actions as silences
from watchbill.server.silences.actions import Draft
from watchbill.server.silences.matching import Written
from watchbill.server.silences.models import Silence
from watchbill.server.tickets.models import Ticket

ROLES = ("anonymous", *(role.value for role in ConsoleRole), "deactivated")
_ON_CALL, _SCHEDULE = "devops_engineer", "primary-oncall"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Rows that routes name, and who may come."""

    now: datetime
    plan: PlanVersion
    people: Mapping[str, User]
    incident: Incident
    page: Notification
    #: A test page to the responder, who is the engineer on call, and an address.
    test: Notification
    method: ContactMethod
    ticket: Ticket
    integration: Integration
    key: str
    event: InboxEntry
    alert: Alert
    silence: Silence
    monitor: HeartbeatMonitor
    #: What people changed of the watch, by the part of a route that names it.
    changes: Mapping[str, int]
    swap_token: str
    feed_secret: str
    owner_token: str
    sign_in_token: str

    @property
    def signed_token(self) -> str:
        return signed.url_of(self.page.pk).rstrip("/").rsplit("/", 1)[1]

    @property
    def test_token(self) -> str:
        return signed.url_of(self.test.pk).rstrip("/").rsplit("/", 1)[1]


def furnish(plan: PlanVersion, *, now: datetime) -> Console:
    """Fill an empty installation."""
    owner_token = accounts.make_owner_link(now=now)
    assert owner_token is not None
    people = {role.value: site.user(role, now=now) for role in ConsoleRole}
    people["deactivated"] = site.user(ConsoleRole.OWNER, now=now, name="Gone")
    people["responder"].contact_key = _ON_CALL
    people["responder"].save()
    incident = site.declare(now=now)
    integration, key = intake.create_integration(
        kind="alertmanager", name="Prometheus", now=now
    )
    changes, swap, feed_secret = _changes_of_the_watch(now=now)
    return Console(
        now=now,
        plan=plan,
        people=people,
        incident=incident,
        page=site.notification(incident, now=now),
        test=_test_page(now=now),
        method=ContactMethod.objects.create(
            contact_key=_ON_CALL,
            kind=AddressKind.PHONE,
            address="+959250000001",
            created_at=now,
        ),
        ticket=Ticket.objects.create(
            incident=incident,
            title="Look",
            priority="high",
            assigned_to="L2",
            created_at=now,
        ),
        integration=integration,
        key=key,
        event=InboxEntry.objects.create(
            integration=integration, received_at=now, body=b"{}"
        ),
        alert=_alert(integration, incident, now=now),
        silence=silences.create(
            Draft(
                matchers=(Written("service", "payments"),),
                starts_at=now,
                ends_at=now + timedelta(hours=1),
                author="Somebody",
                comment="It is being changed.",
            ),
            now=now,
        ),
        monitor=_monitor(now=now),
        changes=changes,
        swap_token=links.token(swap.pk, "backend_engineer"),
        feed_secret=feed_secret,
        owner_token=owner_token,
        sign_in_token=accounts.make_sign_in_link(people["responder"], now=now),
    )


def _alert(integration: Integration, incident: Incident, *, now: datetime) -> Alert:
    return Alert.objects.create(
        integration=integration,
        incident=incident,
        fingerprint="down",
        status=AlertStatus.FIRING,
        title="The site is down",
        labels={"service": "web"},
        annotations={},
        links={},
        alert_type=incident.alert_type,
        severity=incident.severity,
        classified_because="it is",
        starts_at=now,
        received_at=now,
        last_seen_at=now,
    )


def _changes_of_the_watch(*, now: datetime) -> tuple[dict[str, int], Swap, str]:
    """Make one of each: all of them the responder's."""
    day = timedelta(days=1)
    during = Interval(starts_at=now + 30 * day, ends_at=now + 31 * day)
    by = "Responder"
    made = oncall.override(
        _SCHEDULE, Duty.PRIMARY, _ON_CALL, during, reason="", by=by, now=now
    )
    away = Interval(starts_at=now + 90 * day, ends_at=now + 91 * day)
    absence = oncall.add_absence(
        _ON_CALL, away, kind="leave", note="", by=by, now=now
    ).absence
    swap = oncall.ask_swap(
        _SCHEDULE,
        Duty.PRIMARY,
        during,
        asked_by=_ON_CALL,
        asked_of="backend_engineer",
        return_during=None,
        message="",
        now=now,
    )
    handover = oncall.write_handover(
        _SCHEDULE,
        Duty.PRIMARY,
        from_contact="backend_engineer",
        to_contact=_ON_CALL,
        at=now,
        summary="Nothing is open.",
        now=now,
    )
    feed = oncall.make_feed(contact_key=_ON_CALL, made_for=_ON_CALL, by=by, now=now)
    numbers = {
        "override": made.pk,
        "absence": absence.pk,
        "swap": swap.pk,
        "handover": handover.pk,
        "feed": feed.feed.pk,
    }
    return numbers, swap, feed.secret


def _monitor(*, now: datetime) -> HeartbeatMonitor:
    jobs, _key = intake.create_integration(kind="heartbeat", name="Jobs", now=now)
    wish = Wish(name="Backup", period=timedelta(days=1), grace=timedelta(hours=1))
    return heartbeats.create(jobs, "nightly", wish, now=now)


def _test_page(*, now: datetime) -> Notification:
    contact = next(one for one in contacts_now() if one.key == _ON_CALL)
    by_mail = Method(channel="email", address="devops@trm.rocks")
    test = readiness.send_test(contact, [by_mail], asked_by="Owner", now=now, wall=now)
    return Notification.objects.get(paging_test=test)


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the URLconf, by its full name."""

    name: str
    pattern: URLPattern

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self.pattern.pattern.regex.groupindex)


def routes() -> list[Route]:
    """Return every route of the URLconf."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: list[Any], prefix: str) -> Iterator[Route]:
    for one in patterns:
        if isinstance(one, URLResolver):
            room = f"{one.namespace}:" if one.namespace else ""
            yield from _walk(one.url_patterns, f"{prefix}{room}")
        else:
            yield Route(f"{prefix}{one.name}", one)


def url_of(route: Route, console: Console) -> str:
    """Return an address at which the route finds something."""
    values = _values(route.name, console)
    missing = set(route.parameters) - set(values)
    assert not missing, (
        f"the route {route.name} has a new parameter {missing}: give it a value in"
        " _values() of tests/security/console.py"
    )
    return reverse(route.name, kwargs={one: values[one] for one in route.parameters})


def _values(name: str, console: Console) -> dict[str, Any]:
    room = name.partition(":")[0]
    numbers = {
        "incidents": console.incident.pk,
        "tickets": console.ticket.pk,
        "plans": console.plan.pk,
        "alerts": console.alert.pk,
        "intake": console.integration.pk,
        "heartbeats": console.monitor.pk,
        "people": console.people["responder"].pk,
        "notifications": console.method.pk,
    }
    tokens = {
        "accounts:setup": console.owner_token,
        "accounts:one_time_link": console.sign_in_token,
        "incidents:signed": console.signed_token,
        "notifications:confirm": console.test_token,
    }
    named: dict[str, dict[str, Any]] = {
        "silences": {"name": console.silence.public_id},
        "intake": {"event": console.event.pk},
        "intake:new": {"kind": "alertmanager"},
        "intake:revoke_key": {"key": console.integration.keys.get().pk},
        # A key that may post and nothing else.
        "alertmanager": {"name": str(console.silence.public_id), "key": console.key},
        "opsgenie": {"name": str(console.silence.public_id), "identifier": "alias"},
    }
    values = named.get(room, {}) | named.get(name, {})
    values |= _of_the_watch(name, console)
    if room in numbers:
        values["number"] = numbers[room]
    if name in tokens:
        values["token"] = tokens[name]
    if name == "heartbeats:window":
        values["key"] = "backup"
    if name == "plans:diff":
        values["other"] = console.plan.pk
    if name == "notifications:test_contact":
        values["key"] = "devops_engineer"
    if name == "incidents:act":
        values["action"] = "acknowledge"
    if name == "incidents:role":
        values["role"] = "scribe"
    if name.startswith("mfa_"):
        values["pk"] = console.people["responder"].pk  # nobody has a passkey here
    if name == "hooks:call":
        # No provider is set up on this console; tests/hooks sets one up.
        values |= {"provider": "slack", "door": "actions"}
    return values


def _of_the_watch(name: str, console: Console) -> dict[str, Any]:
    """Return what the routes of the watch name."""
    room, _colon, route = name.partition(":")
    if room not in {"oncall", "reports", "api"} and route not in {
        "handover",
        "answer_offer",
    }:
        return {}
    numbers = {
        "cancel_override": "override",
        "cancel_absence": "absence",
        "swap_answer": "swap",
        "accept_handover": "handover",
        "feed_revoke": "feed",
        "override": "override",
        "absence": "absence",
    }
    return {
        "key": _ON_CALL if route.startswith("person") else _SCHEDULE,
        "name": "devops",
        "duty": "primary",
        "number": console.changes.get(numbers.get(route, ""), 1),
        "token": console.swap_token,
        "secret": console.feed_secret,
    }


def body_of(name: str) -> dict[str, str]:
    """Return what a form of the route would send."""
    password = "the tide waits for nobody"
    forms = {
        "accounts:sign_in": {"username": "a@example.org", "password": "wrong"},
        "accounts:setup": {
            "name": "New Owner",
            "email": "new@example.org",
            "password": password,
            "password_again": password,
        },
        "incidents:new": {
            "title": "Down",
            "severity": "P2",
            "alert_type": "infrastructure",
        },
        "incidents:note": {"note": "seen"},
        "incidents:severity": {"severity": "P3", "reason": "it is small"},
        "incidents:signed": {"action": "acknowledge"},
        "notifications:add_method": {"kind": "phone", "address": "09 250 000 002"},
        "notifications:quiet": {"zone": "Asia/Yangon"},
        "notifications:rules": {"reset": "yes"},
        "notifications:verify_method": {"code": "000000"},
        "silences:new": {
            "name-0": "service",
            "value-0": "disk",
            "lasts": "2h",
            "comment": "It is being changed.",
        },
        "silences:extend": {"lasts": "2h"},
        "heartbeats:create": {"name": "Report", "period": "1d", "grace": "1h"},
        "heartbeats:change": {"name": "Report", "period": "2d", "grace": "1h"},
        "intake:add_key": {"scopes": "post"},
        "intake:mapping": {"reset": "yes"},
        "intake:mapping_preview": {"mapping": "{}"},
        "intake:new": {"name": "Grafana"},
        "intake:replay": {"wish": "6d5f0d0e-4a52-4b33-8b0e-3f1f1f0b1c55"},
        "intake:settings": {"name": "Grafana"},
        "intake:test": {"wish": "6d5f0d0e-4a52-4b33-8b0e-3f1f1f0b1c56"},
        "oncall:swap_answer": {"answer": "withdraw"},
        "oncall:swap_signed": {"answer": "decline"},
        "who_gets": {"labels": "service=web"},
    }
    return forms.get(name, {})
