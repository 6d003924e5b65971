"""What every answer carries, and what none may: headers, cookies, secrets."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.module_loading import import_string

from tests.security.console import Console, routes, url_of
from tests.server import asgi, site
from watchbill.core.access import ConsoleRole
from watchbill.server.accounts import actions as accounts
from watchbill.server.clock import VirtualClock
from watchbill.server.engine import channels
from watchbill.server.engine.deliver import deliver_some
from watchbill.server.notifications.models import Delivery
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project import urls
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.web.access import open_to_all

REQUIRED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "connect-src": "'self'",
}


#: Their address, or what they show, is a secret that no other host may hear of.
_WITH_SECRETS = ("/n/", "/confirm/", "/on-call/swap/")


def check(response: Any, where: str) -> None:
    is_link = any(one in where for one in _WITH_SECRETS)
    for name, value in REQUIRED.items():
        wanted = "no-referrer" if name == "Referrer-Policy" and is_link else value
        assert response.headers.get(name) == wanted, (where, name)
    parts = response["Content-Security-Policy"].split("; ")
    policy = dict(part.split(" ", 1) for part in parts)
    assert policy.items() >= POLICY.items(), where
    assert "unsafe" not in response["Content-Security-Policy"], where
    wanted = "no-store" if "/static/" not in where else "max-age=3600, public"
    assert wanted in response.headers["Cache-Control"], where
    assert "Server" not in response.headers
    assert "X-Powered-By" not in response.headers


def _break(_request: HttpRequest) -> HttpResponse:
    message = "CANARY of a bug"
    raise RuntimeError(message)


urlpatterns = [
    path("broken/", open_to_all("it breaks, which is what is tested")(_break)),
    *urls.urlpatterns,
]


def test_every_page_carries_the_headers_signed_in_or_not(console: Console) -> None:
    for client in (Client(), site.signed_in(console.people["owner"])):
        for route in routes():
            for method in ("get", "post"):
                where = url_of(route, console)
                check(getattr(client, method)(where), where)


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_every_error_page_carries_them_too_and_tells_nothing() -> None:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    answers = {
        500: client.get("/broken/"),
        404: client.get("/nowhere/CANARY"),
        403: client.post("/sign-in/", {"username": "CANARY"}),
        400: client.get("/sign-in/", headers={"host": "evil.example"}),
        405: Client().delete("/sign-in/"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        check(answer, f"the answer {status}")
        assert "CANARY" not in answer.text
        assert "Traceback" not in answer.text
        assert "evil.example" not in answer.text


def test_static_files_carry_them_and_may_be_kept(console: Console) -> None:
    for where in (
        "/static/watchbill/css/watchbill.css",
        "/static/watchbill/js/app.js",
        "/static/watchbill/icons/favicon.svg",
    ):
        check(Client().get(where), where)


@pytest.mark.parametrize(
    "where",
    [
        "/static/../project/settings.py",
        "/static/%2e%2e/project/settings.py",
        "/static/watchbill/../../project/settings.py",
        "/static//etc/passwd",
        "/static/watchbill/",
    ],
)
def test_nothing_but_static_files_is_static(console: Console, where: str) -> None:
    assert Client().get(where).status_code == 404


@pytest.mark.usefixtures("transactional_db")
def test_the_bare_answers_are_not_kept_and_not_guessed_at(console: Console) -> None:
    async def test(app: WatchbillApplication) -> list[asgi.Response]:
        return [
            await asgi.ask(app, "POST", "/intake/alertmanager", b"{}"),
            await asgi.ask(app, "POST", f"/intake/alertmanager/{console.key}", b"{"),
            await asgi.ask(app, "GET", "/intake/"),
            await asgi.ask(app, "GET", "/live"),
        ]

    for answer in asgi.drive(test):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers


def test_a_page_runs_no_script_and_no_style_of_its_own(console: Console) -> None:
    client = site.signed_in(console.people["owner"])
    for route in routes():
        answer = client.get(url_of(route, console))
        text = answer.getvalue().decode("utf-8", "replace")
        assert "<style" not in text, route.name
        assert " style=" not in text, route.name
        assert "javascript:" not in text, route.name
        for piece in text.split("<script")[1:]:
            head = piece.split(">")[0]
            assert "src=" in head or 'type="application/json"' in head, route.name


# ── Cookies ─────────────────────────────────────────────────────────────────────


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(
    console: Console,
) -> None:
    client = Client()
    token = console.sign_in_token
    client.get(f"/link/{token}/")
    client.post(f"/link/{token}/")
    client.get("/incidents/")
    assert set(client.cookies) == {"watchbill_session", "watchbill_csrf"}
    for name, cookie in client.cookies.items():
        assert cookie["samesite"] == "Lax", name
        assert cookie["httponly"], name
        assert cookie["path"] == "/", name
        assert not cookie["domain"], name


#: What the settings of another process say, told in one line.
_HTTPS = """
import django
django.setup()
from django.conf import settings as s
print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,
      s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS, s.SESSION_COOKIE_HTTPONLY)
"""


def test_with_an_https_address_cookies_are_bound_to_this_host_and_to_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHBILL_BASE_URL", "https://wb.example.org")
    told = subprocess.run(
        [sys.executable, "-c", _HTTPS], capture_output=True, text=True, check=True
    )
    words = told.stdout.strip()
    assert words == "__Host-session __Host-csrf True True 31536000 True"


def test_a_page_behind_a_proxy_with_https_says_so_to_the_browser(
    console: Console,
) -> None:
    with override_settings(SECURE_HSTS_SECONDS=60):
        answer = Client().get("/sign-in/", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=60"


# ── Secrets ─────────────────────────────────────────────────────────────────────

SECRETS = {
    "SMTP password": "CANARYsmtp",
    "Slack token": "xoxb-CANARYslack",
    "webhook": "CANARYhook",
    "secret key": "CANARYsecretkey-0123456789012345678901234567890123456789",
}


@pytest.fixture
def guarded() -> Iterator[None]:
    with override_settings(
        SMTP_URL=f"smtp://user:{SECRETS['SMTP password']}@127.0.0.1:9",
        SLACK_TOKEN=SECRETS["Slack token"],
        SLACK_API_URL="http://127.0.0.1:9/api",
        SLACK_WEBHOOK_URL=f"http://127.0.0.1:9/{SECRETS['webhook']}",
        SECRET_KEY=SECRETS["secret key"],
        EGRESS_ALLOW=("127.0.0.0/8",),
    ):
        yield


@pytest.mark.req("S2.2-07")
def test_no_secret_is_in_any_page_or_in_the_log(
    guarded: None,
    console: Console,
    virtual_clock: VirtualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    site.notification(
        console.incident,
        now=console.now,
        key="slack",
        channel="slack",
        address="#incidents",
    )
    Delivery.objects.all().delete()
    # The page and the test page go by mail.
    for channel, count in (("email", 2), ("slack", 1)):
        sent = deliver_some(channels.from_settings(), channel, node="n", limit=10)
        assert sent == count
        virtual_clock.advance(timedelta(minutes=1))
    pages = []
    for client in (Client(), site.signed_in(console.people["owner"])):
        for route in routes():
            answer = client.get(url_of(route, console))
            text = answer.getvalue().decode("utf-8", "replace")
            pages.append(text + str(dict(answer.headers)))
    log = caplog.text
    for name, secret in (SECRETS | {"integration key": console.key}).items():
        assert not any(secret in page for page in pages), name
        assert secret not in log, name


def test_a_page_that_breaks_keeps_its_secrets_out_of_the_log(
    guarded: None, console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        Client(raise_request_exception=False).get("/broken/")
    assert "CANARY of a bug" in caplog.text
    for secret in SECRETS.values():
        assert secret not in caplog.text


def test_a_link_that_still_works_is_not_written_to_the_log(
    console: Console, virtual_clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The form was refused, so that the link is as good as before."""
    client = Client(enforce_csrf_checks=True)
    user = site.user(ConsoleRole.AGENT, now=virtual_clock.now(), name="Other")
    token = accounts.make_sign_in_link(user, now=virtual_clock.now())
    assert client.post(f"/link/{token}/").status_code == 403
    configured: dict[str, Any] = settings.LOGGING
    assert configured["handlers"]["stderr"]["filters"] == ["without_tokens"]
    hide = import_string(configured["filters"]["without_tokens"]["()"])().filter
    shown = "\n".join(record.getMessage() for record in caplog.records if hide(record))
    assert "/link/" in shown
    assert token not in shown


# ── Django's own opinion ────────────────────────────────────────────────────────

#: Findings that do not apply, each with the reason.
KNOWN = {
    "security.W004": "HSTS is set when the base URL is https",
    "security.W008": "the proxy, or nobody, redirects to https",
    "security.W012": "cookies are secure when the base URL is https",
    "security.W016": "as W012, of the CSRF cookie",
    "security.W009": "the tests run without a secret key; `up` makes a long one",
    "security.W002": "X-Frame-Options is set by security_headers",
}


def test_the_deployment_check_finds_nothing_that_we_do_not_know(
    console: Console,
) -> None:
    out = io.StringIO()
    call_command("check", "--deploy", stderr=out, stdout=out)
    found = {
        word.strip("():") for word in out.getvalue().split() if "security.W" in word
    }
    assert found <= set(KNOWN), out.getvalue()


def test_debug_is_off_and_hosts_are_named(trm_plan: PlanVersion) -> None:
    assert settings.DEBUG is False
    assert "*" not in settings.ALLOWED_HOSTS
