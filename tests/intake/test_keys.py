"""What a key opens, for posts with a signature and for pages of Django."""

import base64
import hashlib
import hmac
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import ResolverMatch

from tests.integrations.posts import recorded
from tests.server.asgi import Response, ask, drive
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions
from watchbill.server.intake.keys import authenticate_request
from watchbill.server.intake.models import (
    InboxEntry,
    IntakeRejection,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.project.asgi import WatchbillApplication
from watchbill.server.sealing import seal

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-11"),
]


@pytest.fixture
def integration(transactional_db: None, virtual_clock: VirtualClock) -> Integration:
    made, _ = actions.create_integration(
        kind="prometheus", name="Prometheus", now=virtual_clock.now()
    )
    return made


@pytest.fixture
def key(integration: Integration, virtual_clock: VirtualClock) -> str:
    """A key that may read, and nothing else."""
    return actions.add_key(integration, scopes=[Scope.READ], now=virtual_clock.now())


def opened(
    authorization: str = "",
    *,
    in_path: str | None = None,
    kinds: Collection[str] = ("prometheus",),
    scope: Scope = Scope.READ,
) -> Integration | None:
    """Ask as a page of Django does."""
    headers = {"Authorization": authorization} if authorization else {}
    request = RequestFactory().get("/x", headers=headers, REMOTE_ADDR="192.0.2.9")
    kwargs = {} if in_path is None else {"key": in_path}
    request.resolver_match = ResolverMatch(opened, (), kwargs)
    return authenticate_request(request, kinds=kinds, scope=scope)


def refusals() -> list[tuple[str, int]]:
    rows = IntakeRejection.objects.order_by("reason")
    return [(row.reason, row.count) for row in rows]


def row_of(key: str) -> IntegrationKey:
    return IntegrationKey.objects.get(hint=key[-6:])


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()


# ── Pages ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "form", ["Bearer {}", "bearer  {}", "GenieKey {}", "Token {}", "Basic"]
)
def test_a_key_is_found_in_authorization_under_every_scheme(
    integration: Integration, key: str, form: str
) -> None:
    shown = basic(key) if form == "Basic" else form.format(key)
    assert opened(shown) == integration
    assert refusals() == []


def test_a_key_is_found_in_the_path_before_the_header(
    integration: Integration, key: str
) -> None:
    assert opened(in_path=key) == integration
    assert opened("Bearer nonsense", in_path=key) == integration
    assert opened(f"Bearer {key}", in_path="nonsense") is None


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("", "no_key"),
        ("Bearer", "no_key"),
        ("Digest {}", "no_key"),
        ("{}", "no_key"),
        ("Basic {}", "no_key"),
        ("Bearer {}x", "unknown_key"),
        ("Bearer \u1000", "unknown_key"),
    ],
)
def test_what_is_no_key_opens_nothing_and_is_counted(
    key: str, shown: str, reason: str
) -> None:
    assert opened(shown.format(key)) is None
    assert refusals() == [(reason, 1)]
    assert IntakeRejection.objects.get().last_remote == "192.0.2.9"
    assert row_of(key).last_used_at is None


def test_a_key_opens_its_kind_and_its_scopes_only(
    integration: Integration, key: str
) -> None:
    assert opened(f"Bearer {key}", kinds=("grafana", "prometheus")) == integration
    assert opened(f"Bearer {key}", kinds=("grafana",)) is None
    assert opened(f"Bearer {key}", scope=Scope.POST) is None
    assert opened(f"Bearer {key}", scope=Scope.SILENCE) is None
    assert refusals() == [("wrong_kind", 1), ("wrong_scope", 2)]
    assert {row.integration for row in IntakeRejection.objects.all()} == {integration}


def test_a_replaced_key_opens_until_the_instant_at_which_it_expires(
    integration: Integration, key: str, virtual_clock: VirtualClock
) -> None:
    new = actions.rotate_key(integration.pk, now=virtual_clock.now())
    virtual_clock.advance(actions.ROTATION - timedelta(microseconds=1))
    assert opened(f"Bearer {key}") == integration
    virtual_clock.advance(timedelta(microseconds=1))
    assert opened(f"Bearer {key}") is None
    assert opened(f"Bearer {new}") == integration
    assert refusals() == [("revoked_key", 1)]


def test_a_revoked_key_and_a_key_of_a_revoked_integration_open_nothing(
    integration: Integration, key: str, virtual_clock: VirtualClock
) -> None:
    now = virtual_clock.now()
    other = actions.add_key(integration, scopes=[Scope.READ], now=now)
    assert actions.revoke_key(integration.pk, row_of(key).pk, now=now)
    assert (opened(f"Bearer {key}"), opened(f"Bearer {other}")) == (None, integration)
    actions.revoke(integration.pk, now=now)
    assert opened(f"Bearer {other}") is None
    assert refusals() == [("revoked_key", 2)]


def test_the_use_of_a_key_is_noted_once_a_minute(
    key: str, virtual_clock: VirtualClock
) -> None:
    first = virtual_clock.now()
    for wait, noted in ((0, 0), (59, 0), (1, 60), (30, 60)):
        virtual_clock.advance(timedelta(seconds=wait))
        opened(f"Bearer {key}")
        assert row_of(key).last_used_at == first + timedelta(seconds=noted)


# ── Signatures ──────────────────────────────────────────────────────────────────────

SECRET = "the client secret"
ISSUE = recorded("sentry", "issue-created")
GRAFANA = recorded("grafana", "firing").body


def made(
    kind: str, clock: VirtualClock, *, sealed: str = ""
) -> tuple[Integration, str]:
    integration, key = actions.create_integration(kind=kind, name=kind, now=clock.now())
    Integration.objects.filter(pk=integration.pk).update(sealed_secret=sealed)
    return integration, key


def signed(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def post(kind: str, key: str, content: bytes, **headers: str) -> Response:
    """Post twice: when the key is not known yet, and when it is."""
    shown = [(name.replace("_", "-"), value) for name, value in headers.items()]

    async def twice(app: WatchbillApplication) -> list[Response]:
        path = f"/intake/{kind}/{key}"
        return [await ask(app, "POST", path, content, shown) for _ in range(2)]

    first, second = drive(twice)
    assert (first.status, first.headers) == (second.status, second.headers)
    return first


def of_sentry(key: str, **headers: str) -> Response:
    resource = {"sentry_hook_resource": "issue"}
    return post("sentry", key, ISSUE.body, **resource, **headers)


@pytest.mark.req("S4.1-06")
def test_a_post_with_the_right_signature_is_stored(virtual_clock: VirtualClock) -> None:
    _, key = made("sentry", virtual_clock, sealed=seal(SECRET))
    answer = of_sentry(key, sentry_hook_signature=signed(ISSUE.body))
    assert answer.status == 202
    assert {bytes(one.body) for one in InboxEntry.objects.all()} == {ISSUE.body}


@pytest.mark.req("S4.1-06")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="missing"),
        pytest.param({"sentry_hook_signature": ""}, id="empty"),
        pytest.param({"sentry_hook_signature": signed(b"{}")}, id="of another body"),
        pytest.param(
            {"sentry_hook_signature": signed(ISSUE.body, "guessed")},
            id="by another secret",
        ),
        pytest.param({"sentry_hook_signature": "\xff" * 64}, id="not ASCII"),
    ],
)
def test_a_wrong_or_missing_signature_is_refused_counted_and_nothing_is_stored(
    virtual_clock: VirtualClock, headers: dict[str, str]
) -> None:
    integration, key = made("sentry", virtual_clock, sealed=seal(SECRET))
    answer = of_sentry(key, **headers)
    assert (answer.status, answer.json["reason"]) == (401, "bad_signature")
    assert SECRET not in answer.body.decode()
    row = IntakeRejection.objects.get()
    assert (row.reason, row.count, row.integration) == ("bad_signature", 2, integration)
    assert not InboxEntry.objects.exists()


def test_without_a_secret_a_signature_is_not_asked_for(
    virtual_clock: VirtualClock,
) -> None:
    _, key = made("sentry", virtual_clock)
    assert of_sentry(key).status == 202
    assert of_sentry(key, sentry_hook_signature="nonsense").status == 202


def test_a_signature_is_judged_at_the_time_of_the_post(
    virtual_clock: VirtualClock,
) -> None:
    _, key = made("grafana", virtual_clock, sealed=seal(SECRET))
    at = str(int(virtual_clock.now().timestamp()))
    headers = {
        "x_grafana_alerting_timestamp": at,
        "x_grafana_alerting_signature": signed(f"{at}:".encode() + GRAFANA),
    }
    assert post("grafana", key, GRAFANA, **headers).status == 202
    virtual_clock.advance(timedelta(hours=1))
    answer = post("grafana", key, GRAFANA, **headers)
    assert (answer.status, answer.json["reason"]) == (401, "bad_signature")


def test_a_secret_that_cannot_be_read_refuses_instead_of_letting_everybody_in(
    virtual_clock: VirtualClock, settings: Any
) -> None:
    _, key = made("sentry", virtual_clock, sealed=seal(SECRET))
    settings.SECRET_KEY = "another"
    answer = of_sentry(key, sentry_hook_signature=signed(ISSUE.body))
    assert (answer.status, answer.json["reason"]) == (503, "secret_unreadable")
    assert answer.headers["retry-after"] == "60"
    assert not InboxEntry.objects.exists()
