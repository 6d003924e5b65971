"""Who may do what: every route, every method, every role, against one table.

The table is `matrix.csv`; nothing outside it is reachable without this test saying so.
`sign-in` is the redirect to the sign-in page, a bare number the status. Whether the
table itself is right is checked against the permissions of `core.access`.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, path, reverse

from tests.security.console import (
    METHODS,
    ROLES,
    Console,
    Route,
    body_of,
    routes,
    url_of,
)
from tests.server import asgi, site
from tests.server.site import Picture
from watchbill.core.access import ConsoleRole, Permission, permissions_of
from watchbill.server.accounts.models import User
from watchbill.server.audit.showing import is_marked
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.web.access import access_of

TABLE = Path(__file__).with_name("matrix.csv")
COLUMNS = ("route", "method", *ROLES)

BARE = ("(static)", "(intake)", "(live)")
"""What is answered before Django's routes."""

KEYED = ("alertmanager:", "opsgenie:", "intake:api_alerts", "api:")
COUNTED = {"watchbill_intakerejection"}
CHANGING = {"POST", "DELETE"}
REMEMBERED = {
    "oncall:feed": {"watchbill_feedtoken"},
    "audit:table": {"watchbill_auditentry"},
    "mfa_activate_totp": {"django_session"},
    "mfa_add_webauthn": {"django_session"},
}
"""A feed remembers when it was last read, the log who took it along, and a session
what was just offered."""

"""Who shows a key that does not fit is counted, whatever the method (S4.1-11)."""

Outcomes = dict[str, str]


def table() -> dict[tuple[str, str], Outcomes]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {
            (row["route"], row["method"]): {role: row[role] for role in ROLES}
            for row in csv.DictReader(file)
        }


def line(route: str, method: str, outcomes: Outcomes) -> str:
    return ",".join((route, method, *(outcomes[role] for role in ROLES)))


def outcome(response: Any) -> str:
    if response.status_code in {301, 302} and response["Location"].startswith(
        reverse("accounts:sign_in") + "?next="
    ):
        return "sign-in"
    return str(response.status_code)


class RolledBack(Exception):
    """Takes back what a request has done, so that each finds the same console."""


def sessions(console: Console) -> dict[str, str]:
    found = {name: site.session_of(one) for name, one in console.people.items()}
    User.objects.filter(pk=console.people["deactivated"].pk).update(is_active=False)
    return found


@dataclass(frozen=True, slots=True)
class Door:
    """One route with one method, and the console behind it as it was."""

    route: Route
    method: str
    console: Console
    keys: Mapping[str, str]
    before: Picture
    client: Client

    def try_as(self, *roles: str) -> tuple[Outcomes, set[str]]:
        """Ask once for each role; return the outcomes and the tables that changed."""
        outcomes: Outcomes = {}
        changed: set[str] = set()
        try:
            with transaction.atomic():
                for role in roles:
                    outcomes[role] = self._ask(role)
                changed = self.before.changes(site.picture())
                raise RolledBack
        except RolledBack:
            return outcomes, changed

    def _ask(self, role: str) -> str:
        data = body_of(self.route.name) if self.method == "POST" else {}
        self.client.cookies.clear()
        if role in self.keys:
            self.client.cookies[settings.SESSION_COOKIE_NAME] = self.keys[role]
        response = self.client.generic(
            self.method,
            url_of(self.route, self.console),
            urlencode(data),
            content_type="application/x-www-form-urlencoded",
        )
        return outcome(response)


@pytest.mark.req("S2.1-16", "S4.1-11")
def test_each_route_answers_each_role_and_method_as_the_table_says(
    console: Console,
) -> None:
    expected = table()
    wrong: list[str] = []
    moved: list[str] = []
    keys = sessions(console)
    before = site.picture()
    client = Client(raise_request_exception=False)
    for route, method in product(routes(), METHODS):
        door = Door(route, method, console, keys, before, client)
        # What may change nothing is asked for all roles before anybody looks.
        groups = [(role,) for role in ROLES] if method == "POST" else [ROLES]
        found: Outcomes = {}
        for group in groups:
            outcomes, changed = door.try_as(*group)
            found |= outcomes
            is_refused = not {"200", "204", "302"} & set(outcomes.values())
            changed -= COUNTED if route.name.startswith(KEYED) else set()
            changed -= REMEMBERED.get(route.name, set())
            if is_marked(route.pattern.callback):
                changed -= {"watchbill_auditentry"}  # who looked is logged (SC-05)
            if changed and (method not in CHANGING or is_refused):
                moved.append(f"{method} {route.name} as {group}: {sorted(changed)}")
        if expected.get((route.name, method)) != found:
            wrong.append(line(route.name, method, found))
    assert not wrong, (
        f"these rows are missing from {TABLE.name} or differ from it; if they are as"
        " they should be, write them there:\n" + "\n".join(wrong)
    )
    assert not moved, "requests that may change nothing did:\n" + "\n".join(moved)


def test_the_table_names_no_route_that_is_gone() -> None:
    known = {route.name for route in routes()} | set(BARE)
    assert {route for route, _ in table()} == known


def permission_rows() -> Iterator[tuple[str, str, Permission]]:
    for route in routes():
        access = access_of(route.pattern.callback)
        if isinstance(access, Permission):
            yield from ((route.name, method, access) for method in METHODS)


def test_the_table_agrees_with_the_permissions_of_the_roles() -> None:
    expected = table()
    wrong = []
    for name, method, permission in permission_rows():
        for role in ConsoleRole:
            outcome = expected[name, method][role]
            may = permission in permissions_of(role)
            if outcome != "405" and (outcome == "403") is may:
                wrong.append(
                    f"{name} {method} {role}: {outcome}, {permission=}, {may=}"
                )
        for stranger in ("anonymous", "deactivated"):
            if expected[name, method][stranger] not in {"405", "sign-in"}:
                wrong.append(f"{name} {method} {stranger}")
    assert wrong == []


def test_every_view_says_who_may_enter() -> None:
    silent = [one.name for one in routes() if access_of(one.pattern.callback) is None]
    assert silent == []


def test_a_reason_for_letting_everybody_in_is_given_in_words() -> None:
    reasons = [access_of(route.pattern.callback) for route in routes()]
    words = [one for one in reasons if not isinstance(one, Permission)]
    assert words
    assert all(one is not None and len(one) > 20 for one in words)


def forgotten(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("you should not see this")


urlpatterns: list[URLPattern] = [path("forgotten/", forgotten)]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_a_view_that_says_nothing_answers_nobody() -> None:
    with pytest.raises(ImproperlyConfigured, match="forgotten declares no access rule"):
        Client().get("/forgotten/")


# ── What is answered before Django's routes ─────────────────────────────────────


def bare_requests(console: Console, role: str) -> Iterator[tuple[str, str, str]]:
    for method in METHODS:
        yield "(static)", method, "/static/watchbill/css/tokens.css"
        yield "(intake)", method, "/intake/alertmanager"
        yield "(live)", method, "/live"


async def bare_outcome(
    application: WatchbillApplication, method: str, path: str, cookie: str
) -> str:
    headers = [("cookie", cookie)] if cookie else []
    if path == "/live" and method == "GET":
        async with asgi.Page(application, cookie) as page:
            return str((await page.next())["status"])
    response = await asgi.ask(application, method, path, b"", headers)
    return str(response.status)


@pytest.mark.usefixtures("transactional_db")
def test_the_bare_doors_answer_each_role_and_method_as_the_table_says(
    console: Console,
) -> None:
    expected = table()
    cookies = {
        role: f"{settings.SESSION_COOKIE_NAME}={key}"
        for role, key in sessions(console).items()
    }
    found: dict[tuple[str, str], Outcomes] = {}

    async def all_of_them(application: WatchbillApplication) -> None:
        for role in ROLES:
            for route, method, where in bare_requests(console, role):
                cookie = cookies.get(role, "")
                told = await bare_outcome(application, method, where, cookie)
                found.setdefault((route, method), {})[role] = told

    before = site.picture()
    asgi.drive(all_of_them)
    changed = before.changes(site.picture())
    wrong = [
        line(*key, told) for key, told in found.items() if expected.get(key) != told
    ]
    assert not wrong, f"write these rows to {TABLE.name}:\n" + "\n".join(wrong)
    assert changed == {"watchbill_intakerejection"}


def test_an_integration_key_opens_only_the_intake(console: Console) -> None:
    client = Client(headers={"authorization": f"Bearer {console.key}"})
    for route in routes():
        if isinstance(access_of(route.pattern.callback), Permission):
            response = client.get(url_of(route, console))
            assert outcome(response) in {"sign-in", "405"}, route.name


# ── A form of another site ──────────────────────────────────────────────────────


def test_a_post_without_the_secret_of_the_form_does_nothing(console: Console) -> None:
    owner = console.people["owner"]
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend=site.BACKEND)
    open_doors = []
    for route in routes():
        before = site.picture()
        response = client.post(url_of(route, console), body_of(route.name))
        if response.status_code == 403:
            assert "nothing was done" in response.text, route.name
            assert before.changes(site.picture()) == set(), route.name
        else:
            open_doors.append(route.name)
    assert open_doors == [
        "incidents:signed",
        "oncall:swap_signed",
        "notifications:confirm",
        "alertmanager:silences",
        "alertmanager:silence",
        "alertmanager:keyed:silences",
        "alertmanager:keyed:silence",
        "hooks:call",
    ]


def test_a_request_of_htmx_that_is_signed_out_is_sent_to_the_sign_in_page(
    console: Console,
) -> None:
    response = Client().get(
        url_of(_route("incidents:detail"), console), headers={"HX-Request": "true"}
    )
    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/sign-in/?next=/incidents/")


def _route(name: str) -> Route:
    return next(one for one in routes() if one.name == name)


def test_the_picture_of_the_database_sees_a_changed_row(console: Console) -> None:
    before = site.picture()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE watchbill_ticket SET title = title || '!'")
    changed = before.changes(site.picture())
    assert changed == {"watchbill_ticket", "watchbill_auditentry"}
