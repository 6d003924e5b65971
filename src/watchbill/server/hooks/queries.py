"""Who speaks to us from a channel, and what that person may see and do.

A contact who is a user of the console may do in a channel what the user may do there,
and a deactivated user nothing. Whoever was asked by a message to work on an incident
may answer it, user or not, as by the link in the message. A confidential incident is
known only to those who work on it or were told of it (A15); to everybody else it is
not there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from watchbill.core.access import ConsoleRole, Permission, permissions_of
from watchbill.core.incidents import OPEN_STATUSES
from watchbill.core.ladder import Verb
from watchbill.core.notification import NotificationState, Outcome
from watchbill.core.paging import AddressKind
from watchbill.plan import Plan
from watchbill.server import signed
from watchbill.server.accounts.models import User
from watchbill.server.incidents.models import Incident, Responder
from watchbill.server.notifications import queries as notifications
from watchbill.server.notifications.models import Delivery, Notification, Purpose
from watchbill.server.notifications.telling import address_kind
from watchbill.server.people import queries as people
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError

ASKING = (Verb.PAGE, Verb.ESCALATE)
"""What asks its reader to work on the incident."""

_LONGEST_TOKEN = 24
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody known, and what the person may do on the console."""

    contact_key: str
    label: str
    #: None when the contact is no user of the console.
    permissions: frozenset[Permission] | None = None

    def may(self, permission: Permission) -> bool:
        """Return whether the person's user holds a permission."""
        return self.permissions is not None and permission in self.permissions


def plan_in_force(*, now: datetime) -> Plan | None:
    """Return the plan in force; None while there is none."""
    try:
        return plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return None


def person_of(provider: str, address: str, *, now: datetime) -> Person | None:
    """Return who has this address; None for strangers and for who has left."""
    kind = address_kind(provider)
    key = people.contact_of(kind, address, now=now) if kind is not None else None
    return person(key, now=now) if key is not None else None


def is_shared(kind: AddressKind, address: str, *, now: datetime) -> bool:
    """Return whether an address is known and yet names nobody."""
    return len(people.owners(kind, address, now=now)) > 1


def person(key: str, *, now: datetime) -> Person | None:
    """Return who a contact is; None when there is none, and for who has left."""
    if people.has_left(key):
        return None
    users = list(User.objects.filter(contact_key=key, is_active=True).order_by("pk"))
    plan = plan_in_force(now=now)
    contact = plan.directory.contact(key) if plan is not None else None
    if users:
        label = contact.label if contact is not None else str(users[0])
        granted = permissions_of(ConsoleRole(users[0].role))
        return Person(contact_key=key, label=label, permissions=granted)
    return Person(contact_key=key, label=contact.label) if contact else None


def by_token(token: str) -> Notification | None:
    """Return the notification that a button's token names; None if it is not ours."""
    number = signed.number_of_short(token) if len(token) <= _LONGEST_TOKEN else None
    return notifications.by_id(number) if number is not None else None


def by_code(address: str, code: str, *, now: datetime) -> Notification | None:
    """Return the message to an address that has this reply code."""
    since = now - signed.LIFETIME
    return notifications.latest_to((address,), since=since, code=code)


def latest_question(person: Person, *, now: datetime) -> Notification | None:
    """Return the newest message to a person that still waits for an answer.

    Whatever the channel: somebody who is called and then types means the same thing.
    The newest one decides, so that who confirms a test takes no incident by it. Only
    what went out counts: nobody answers a message that still waits, or never left.
    """
    asks = Q(
        purpose=Purpose.INCIDENT, verb__in=ASKING, incident__status__in=OPEN_STATUSES
    )
    tests = Q(purpose=Purpose.TEST, paging_test__confirmed_at=None)
    digests = Q(purpose=Purpose.DIGEST, members__incident__status__in=OPEN_STATUSES)
    under_way = (NotificationState.WAITING, NotificationState.SENDING)
    sent = Q(state=NotificationState.DELIVERED) | Q(
        state__in=under_way, may_be_duplicate=True
    )
    return (
        Notification.objects.select_related("incident")
        .filter(
            asks | tests | digests,
            sent,
            contact_key=person.contact_key,
            is_copy=False,
            attempts__gt=0,
            created_at__gte=now - signed.LIFETIME,
        )
        .order_by("-last_attempt_at", "-pk")
        .first()
    )


def numbers_in(digest: Notification) -> list[int]:
    """Return the incidents of which a digest tells."""
    found = digest.members.exclude(incident=None).order_by("incident")
    return list(dict.fromkeys(found.values_list("incident", flat=True)))


def is_asked(person: Person, incident: Incident) -> bool:
    """Return whether the person works on the incident, or was asked to."""
    return (
        Responder.objects.filter(
            incident=incident, contact_key=person.contact_key
        ).exists()
        or _told(person, incident.pk).filter(verb__in=ASKING).exists()
    )


def may_see(person: Person, incident: Incident) -> bool:
    """Return whether the person may know of the incident here."""
    if not incident.is_confidential and person.may(Permission.VIEW_INCIDENTS):
        return True
    if is_asked(person, incident):
        return True
    return _told(person, incident.pk).exists()


def may_act(person: Person, incident: Incident) -> bool:
    """Return whether the person may take the incident, resolve it or escalate it."""
    if not may_see(person, incident):
        return False
    return person.may(Permission.RESPOND) or is_asked(person, incident)


def incident_seen_by(person: Person, number: int) -> Incident | None:
    """Return an incident; None when there is none that the person may know of."""
    incident = Incident.objects.filter(pk=number).first()
    return incident if incident is not None and may_see(person, incident) else None


def open_incidents(person: Person, *, in_private: bool) -> list[Incident]:
    """Return the worst open incidents that the person may know of, as `may_see` says.

    Where others read the answer too, no confidential one is among them.
    """
    mine = {"incident": OuterRef("pk"), "contact_key": person.contact_key}
    works_on = Exists(Responder.objects.filter(**mine))
    was_told = Exists(Notification.objects.filter(**mine, is_copy=False))
    seen = Q(works_on) | Q(was_told)
    if person.may(Permission.VIEW_INCIDENTS):
        seen |= Q(is_confidential=False)
    rows = Incident.objects.filter(seen, status__in=OPEN_STATUSES)
    if not in_private:
        rows = rows.filter(is_confidential=False)
    return list(rows.order_by("severity_rank", "-declared_at", "-pk")[:_MOST_LISTED])


def may_see_who_is_on_call(person: Person, *, now: datetime) -> bool:
    """Return whether the person may, or takes turns at it."""
    plan = plan_in_force(now=now)
    schedules = plan.schedules.values() if plan is not None else ()
    return person.may(Permission.VIEW_ON_CALL) or any(
        person.contact_key in one.members for one in schedules
    )


def thread_refs(
    channel: str, incident_ids: Collection[int]
) -> dict[tuple[str, int], str]:
    """Return what the first post about each incident in each place is called.

    Later posts follow it as a thread. Messages to people have none: what asks somebody
    to come must not hide below an older message.
    """
    rows = _posts().filter(
        notification__channel=channel, notification__incident__in=incident_ids
    )
    columns = ("notification__address", "notification__incident", "provider_ref")
    return {
        (address, incident_id): ref
        for address, incident_id, ref in rows.order_by(
            "-finished_at", "-pk"
        ).values_list(*columns)  # the first one is written last, and stays
        if incident_id is not None
    }


def thread_ref(channel: str, address: str, incident_id: int) -> str:
    """Return what the first post about an incident in a place is called, or nothing."""
    return thread_refs(channel, (incident_id,)).get((address, incident_id), "")


def post_ref(notification_id: int) -> str:
    """Return what the delivered post is called."""
    ref = _posts().filter(notification=notification_id).order_by("pk")
    return ref.values_list("provider_ref", flat=True).first() or ""


def room_members(incident: Incident) -> list[str]:
    """Return who belongs in an incident's room: who works on it or was asked to."""
    keys = Responder.objects.filter(incident=incident).order_by("pk")
    asked = Notification.objects.filter(
        incident=incident, is_copy=False, verb__in=ASKING
    ).exclude(contact_key="")
    found = (
        *keys.values_list("contact_key", flat=True),
        *asked.order_by("pk").values_list("contact_key", flat=True),
    )
    return list(dict.fromkeys(found))


def addresses_of(
    contact_keys: Collection[str], kind: AddressKind, *, now: datetime, wall: datetime
) -> dict[str, str]:
    """Return the address of a kind of each contact that has one that works.

    Not even as a last resort is another one taken: a room may be confidential, and an
    address that nobody has proven may be a stranger's.
    """
    plan = plan_in_force(now=now)
    if plan is None or not contact_keys:
        return {}
    book = people.book(wall=wall)
    found: dict[str, str] = {}
    for key in contact_keys:
        contact = plan.directory.contact(key)
        methods = book.methods_of(contact) if contact is not None else ()
        for one in methods:
            if one.kind is kind and not one.unusable_because:
                found.setdefault(key, one.address)
    return found


def _told(person: Person, incident_id: int) -> QuerySet[Notification]:
    return Notification.objects.filter(
        incident=incident_id, contact_key=person.contact_key, is_copy=False
    )


def _posts() -> QuerySet[Delivery]:
    return Delivery.objects.filter(
        outcome=Outcome.DELIVERED, notification__contact_key=""
    ).exclude(provider_ref="")
