"""No act without a line of the audit log, and no look at personal data without one.

Every route is asked as the owner. What a request changes must be audited or be named
in ``audit.scope`` with a reason; a new route or table is found here.
"""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.security.console import Console, Route, body_of, routes, url_of
from tests.server import site
from watchbill.core.access import Permission
from watchbill.server.audit import scope
from watchbill.server.audit.models import AuditEntry
from watchbill.server.plans import queries as plans
from watchbill.server.web.access import access_of

PREFIX = "watchbill_"
KEPT_ELSEWHERE = {PREFIX + name for name in scope.NOT_AUDITED} | {"django_session"}


class RolledBack(Exception):
    """Takes back what a request has done."""


def lines_after(number: int) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(pk__gt=number).order_by("pk"))


def latest() -> int:
    found = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    return found or 0


def asked(
    client: Client, key: str, route: Route, console: Console, method: str
) -> tuple[int, str, set[str], list[AuditEntry]]:
    """Ask once: status, body, the tables that changed, the new lines."""
    client.cookies.clear()  # a sign-out takes the session along
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    number, before = latest(), site.picture()
    data = urlencode(body_of(route.name)) if method == "POST" else ""
    try:
        with transaction.atomic():
            response = client.generic(
                method,
                url_of(route, console),
                data,
                content_type="application/x-www-form-urlencoded",
            )
            body = response.getvalue() if response.status_code == 200 else b""
            changed = before.changes(site.picture())
            found = lines_after(number)
            raise RolledBack
    except RolledBack:
        return response.status_code, body.decode(errors="replace"), changed, found


@pytest.mark.req("SC-02")
def test_whatever_a_route_changes_is_audited_as_that_route(console: Console) -> None:
    client = Client(raise_request_exception=False)
    key = site.session_of(console.people["owner"])
    forgotten, acted = [], 0
    for route in routes():
        for method in ("POST", "DELETE"):
            _, _, changed, found = asked(client, key, route, console, method)
            if changed - KEPT_ELSEWHERE:
                acted += 1
                names = {one.act for one in found}
                is_named = all(_is_of(route, name) for name in names)
                if not found or not is_named:
                    forgotten.append((method, route.name, sorted(changed), names))
    assert acted > 30
    assert forgotten == []


def _is_of(route: Route, act: str) -> bool:
    return act.startswith((route.name.replace(":", "."), "hooks."))


@pytest.mark.req("SC-05")
def test_whatever_shows_a_phone_or_an_address_in_full_is_logged(
    console: Console,
) -> None:
    client = Client(raise_request_exception=False)
    key = site.session_of(console.people["owner"])
    contacts = plans.plan_of(console.plan.pk).directory.contacts
    secrets = {one.phone for one in contacts} | {one.email for one in contacts}
    known = [one for one in secrets if one]
    assert known
    unlogged: list[str] = []
    logged: list[str] = []
    for route in routes():
        _, body, _, found = asked(client, key, route, console, "GET")
        if any(one in body for one in known):
            is_logged = any(one.change == "shown" for one in found)
            (logged if is_logged else unlogged).append(route.name)
    assert unlogged == []
    assert "oncall:contact_card" in logged


def test_a_second_look_within_minutes_is_the_same_look(console: Console) -> None:
    client = site.signed_in(console.people["owner"])
    for _ in range(2):
        assert client.get(reverse("oncall:contact_card")).status_code == 200
    shown = AuditEntry.objects.filter(change="shown")
    assert [(one.act, one.actor_name, one.remote) for one in shown] == [
        ("oncall.contact_card", "Owner", "127.0.0.1")
    ]


# ── The tables ──────────────────────────────────────────────────────────────────


def attached() -> Iterator[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, tgqual IS NOT NULL FROM pg_trigger"
            " JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = 'audit_change'"
        )
        for name, only_acts in cursor.fetchall():
            yield name.removeprefix(PREFIX), only_acts


@pytest.mark.django_db
@pytest.mark.req("SC-02")
def test_every_table_is_audited_or_says_why_not() -> None:
    known = {name.removeprefix(PREFIX) for name in site.tables()} - {"django_session"}
    assert known == scope.ALWAYS | scope.BY_ACTORS | scope.NOT_AUDITED.keys()
    assert set(attached()) == {(name, False) for name in scope.ALWAYS} | {
        (name, True) for name in scope.BY_ACTORS
    }


def test_only_owners_see_the_log() -> None:
    found = {route.name: access_of(route.pattern.callback) for route in routes()}
    views = {name: one for name, one in found.items() if name.startswith("audit:")}
    assert set(views.values()) == {Permission.VIEW_AUDIT}
