"""What pages show of how people are told."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest

from watchbill.core import paging
from watchbill.core.notification import Method
from watchbill.core.paging import AddressKind, MethodKind, Provided
from watchbill.core.people import Contact
from watchbill.core.temporal import WeeklyTime
from watchbill.integrations.push.outbound import (
    Subscription,
    check_service,
    public_key,
)
from watchbill.server import clock
from watchbill.server.notifications.forms import ADDRESS_LABELS, KIND_LABELS
from watchbill.server.oncall import queries as oncall
from watchbill.server.people import queries as people
from watchbill.server.people.contacting import CODE_TRIES
from watchbill.server.people.models import ContactMethod, PagingTest
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.providers import from_environment, known_channels, reach_of
from watchbill.server.web.masking import mask

LATE = timedelta(minutes=10)
"""So long after its time a weekly test that is not there was not sent."""


def provided_now() -> tuple[Provided, ...]:
    """Return the channels that are set up and lead to people, best first."""
    return reach_of(from_environment()).provided


def address_kind(channel: str) -> AddressKind | None:
    """Return which of a person's addresses a channel takes."""
    found = known_channels().get(channel)
    return found[1].reaches if found else None


def vapid_key() -> str:
    """Return the key with which a browser subscribes; empty without web push."""
    one = from_environment().get("push")
    return public_key(one.settings) if one is not None else ""


def check_browser(address: str) -> None:
    """Raise SettingsError unless a browser's push service may be called."""
    one = from_environment().get("push")
    if one is not None:
        check_service(Subscription.parse(address), one.settings)


def contacts_now() -> tuple[Contact, ...]:
    """Return the contacts of the plan in force."""
    try:
        plan = plans.plan_of(plans.in_force(now=clock.now()).pk)
    except NoPlanInForceError:
        return ()
    return plan.directory.contacts


def contact_of(request: HttpRequest) -> Contact | None:
    """Return which contact of the plan the user is."""
    key = getattr(request.user, "contact_key", "")
    return next((one for one in contacts_now() if key and one.key == key), None)


def zone_of_plan(*, now: datetime) -> str:
    """Return the name of the plan's time zone."""
    try:
        return plans.plan_of(plans.in_force(now=now).pk).meta.zone.key
    except NoPlanInForceError:
        return "UTC"


def usable_kinds(contact: Contact, *, wall: datetime) -> frozenset[MethodKind]:
    """Return by which kinds of message a contact can be told at all."""
    methods = people.book(wall=wall).methods_of(contact)
    kinds = {one.kind for one in methods if not one.is_barred}
    return frozenset(one.kind for one in provided_now() if one.reaches in kinds)


def method_rows(
    contact: Contact, provided: tuple[Provided, ...], *, wall: datetime
) -> list[dict[str, Any]]:
    """Return the addresses of a contact: the plan's and the contact's own."""
    known = {(x.kind, x.address): x for x in people.methods_listed(contact.key)}
    planned = paging.plan_methods(contact)
    seen = {(one.kind.value, one.address) for one in planned}
    rows = [
        _method_row(
            one.kind,
            one.address,
            known.get((one.kind, one.address)),
            provided,
            of_plan=True,
            wall=wall,
        )
        for one in planned
    ]
    # What the plan named once and names no more is nobody's address.
    own = [x for place, x in known.items() if place not in seen and not x.is_of_plan]
    return rows + [
        _method_row(
            AddressKind(x.kind), x.address, x, provided, of_plan=False, wall=wall
        )
        for x in own
    ]


def _method_row(
    kind: AddressKind,
    address: str,
    row: ContactMethod | None,
    provided: tuple[Provided, ...],
    *,
    of_plan: bool,
    wall: datetime,
) -> dict[str, Any]:
    ways = [one for one in provided if one.reaches is kind]
    trouble = people.why_unusable(row, at=wall, is_planned=of_plan) if row else ""
    is_barred = bool(row and people.why_barred(row, is_planned=of_plan))
    is_waiting = bool(
        row
        and row.code_hash
        and row.code_tries < CODE_TRIES
        and row.code_expires_at
        and row.code_expires_at > wall
    )
    return {
        "number": row.pk if row else None,
        "raw": address,
        "kind": kind.value,
        "kind_label": ADDRESS_LABELS[kind],
        "address": _shown(kind, address),
        "label": row.label if row else "",
        "of_plan": of_plan,
        "is_served": bool(ways),
        "is_barred": is_barred,
        "ways": [KIND_LABELS[one.kind] for one in ways],
        "verified_at": row.verified_at if row else None,
        "trouble": trouble,
        "waits_for_code": is_waiting,
    }


def _shown(kind: AddressKind, address: str) -> str:
    return "" if kind is AddressKind.PUSH else address


def methods_to_test(
    contact: Contact, provided: tuple[Provided, ...], *, wall: datetime
) -> tuple[Method, ...]:
    """Return every way by which a contact would be told, one provider each."""
    methods = paging.usable(people.book(wall=wall).methods_of(contact), provided)
    first: dict[tuple[str, str], Method] = {}
    for one in provided:
        for method in methods:
            if method.kind is one.reaches:
                place = (one.kind.value, method.address)
                way = Method(channel=one.channel, address=method.address)
                first.setdefault(place, way)
    return tuple(first.values())


def tests_shown(contact_key: str, *, now: datetime) -> list[dict[str, Any]]:
    """Return the latest test pages of a contact."""
    return [_test_row(one, now=now) for one in people.tests_listed(contact_key)]


def _test_row(test: PagingTest, *, now: datetime) -> dict[str, Any]:
    if test.confirmed_at is not None:
        state = "confirmed"
    else:
        is_late = now > test.sent_at + people.ANSWER_WITHIN
        state = "unanswered" if is_late else "open"
        state = "missed" if now > test.expires_at else state
    return {
        "sent_at": test.sent_at,
        "state": state,
        "confirmed_at": test.confirmed_at,
        "confirmed_by": test.confirmed_by,
        "is_weekly": test.is_weekly,
        "asked_by": test.asked_by,
    }


def readiness_rows(
    provided: tuple[Provided, ...], *, now: datetime, wall: datetime
) -> list[dict[str, Any]]:
    """Return each contact of the plan with how it can be reached, worst first."""
    duties = duties_of(now=now)
    rows = [
        _readiness(one, provided, duties.get(one.key, []), now=now, wall=wall)
        for one in contacts_now()
    ]
    # Whoever holds the watch first: they are the ones who must not be missed.
    return sorted(rows, key=lambda row: (_RANKS[row["state"]], not row["duties"]))


def _had_plan(*, at: datetime) -> bool:
    """Return whether anybody could have been on call at an instant."""
    try:
        version = plans.in_force(now=at)
    except NoPlanInForceError:
        return False
    return version.activated_at is not None and version.activated_at <= at


_RANKS = {
    state: rank
    for rank, state in enumerate(
        ("nobody", "missed", "unanswered", "never", "open", "confirmed")
    )
}


def duties_of(*, now: datetime) -> dict[str, list[str]]:
    """Return what each contact that is on call now is, in words, by key."""
    plan = oncall.plan_now(now=now)
    if plan is None:
        return {}
    return {
        key: [f"{one.duty}, {plan.schedules[one.schedule].title}" for one in shifts]
        for key, shifts in oncall.duties_of(plan, at=now).items()
    }


def weekly_time(*, now: datetime) -> WeeklyTime | None:
    """Return when the weekly test is sent, in the plan's zone; None when never."""
    if settings.PAGING_TEST is None:
        return None
    weekday, wall = settings.PAGING_TEST
    zone = ZoneInfo(zone_of_plan(now=now))
    return WeeklyTime(weekday=weekday, wall=wall, zone=zone)


def weekly_row(*, now: datetime) -> dict[str, Any] | None:
    """Return when the weekly test comes next, and whether the last one was sent."""
    weekly = weekly_time(now=now)
    if weekly is None:
        return None
    due = weekly.latest_until(now)
    is_missing = (
        now - due > LATE and _had_plan(at=due) and not people.weekly_tests(since=due)
    )
    return {
        "next_at": weekly.next_after(now),
        "not_sent_at": due if is_missing else None,
        "unanswered": people.unanswered_tests(now=now),
    }


def _readiness(
    contact: Contact,
    provided: tuple[Provided, ...],
    duties: list[str],
    *,
    now: datetime,
    wall: datetime,
) -> dict[str, Any]:
    methods = method_rows(contact, provided, wall=wall)
    latest = tests_shown(contact.key, now=now)[:1]
    is_reachable = any(one["is_served"] and not one["is_barred"] for one in methods)
    state = latest[0]["state"] if latest else "never"
    return {
        "key": contact.key,
        "name": contact.label,
        "title": contact.title,
        "level": contact.level,
        "duties": duties,
        "methods": [
            {**one, "address": mask(one["address"]), "raw": ""} for one in methods
        ],
        "is_unproven": is_reachable and not any(one["verified_at"] for one in methods),
        "state": state if is_reachable else "nobody",
        "test": latest[0] if latest else None,
    }
