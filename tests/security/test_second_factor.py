"""Second factors: how they are set up, asked for, and attacked."""

import base64
import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings

from tests.security import totp
from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.server.accounts import actions
from watchbill.server.accounts.adapters import AccountAdapter
from watchbill.server.accounts.models import User
from watchbill.server.audit.models import AuditEntry
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion

PASSWORD = "forty knots on the starboard bow"
EMAIL = "aye@example.org"
CODE = "/sign-in/code/"


@pytest.fixture
def aye(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> User:
    return actions.create_user(
        name="Daw Aye",
        email=EMAIL,
        password=PASSWORD,
        role=ConsoleRole.RESPONDER,
        now=virtual_clock.now(),
    )


@pytest.fixture
def secret(aye: User) -> str:
    """Give Daw Aye an app; return what it and we share."""
    made = str(generate_totp_secret())
    TOTP.activate(aye, made)
    RecoveryCodes.activate(aye)
    return made


def give_password(client: Client, **more: str) -> Any:
    return client.post("/sign-in/", {"username": EMAIL, "password": PASSWORD, **more})


def is_in(client: Client) -> bool:
    return client.get("/incidents/").status_code == 200


def confirmed(aye: User) -> Client:
    """Return a browser in which Daw Aye has just signed in and confirmed it."""
    client = Client()
    give_password(client)
    answer = client.post("/account/verify/", {"password": PASSWORD})
    assert answer.status_code == 302
    return client


# ── Asked for ─────────────────────────────────────────────────────────────────────


def test_the_password_alone_does_not_sign_in_who_has_an_app(secret: str) -> None:
    client = Client()
    answer = give_password(client)
    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not is_in(client)


def test_the_code_that_the_app_shows_leads_to_the_page_asked_for(secret: str) -> None:
    client = Client()
    give_password(client, next="/tickets/")
    answer = client.post(CODE, {"code": totp.code(secret)})
    assert (answer.status_code, answer["Location"]) == (302, "/tickets/")
    assert is_in(client)


def test_a_code_works_once_on_whatever_node(secret: str) -> None:
    code = totp.code(secret)
    first, second = Client(), Client()
    give_password(first)
    first.post(CODE, {"code": code})
    give_password(second)
    answer = second.post(CODE, {"code": code})
    assert "did not fit" in answer.text
    assert not is_in(second)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM watchbill_cache")
        assert cursor.fetchone() != (0,)


def test_a_recovery_code_works_once(aye: User, secret: str) -> None:
    row = Authenticator.objects.get(user=aye, type="recovery_codes")
    code = row.wrap().get_unused_codes()[0]
    outcomes = []
    for client in (Client(), Client()):
        give_password(client)
        client.post(CODE, {"code": code})
        outcomes.append(is_in(client))
    assert outcomes == [True, False]


def test_after_five_wrong_codes_the_right_one_is_not_heard_either(secret: str) -> None:
    client = Client()
    give_password(client)
    for _attempt in range(5):
        client.post(CODE, {"code": "000000"})
    answer = client.post(CODE, {"code": totp.code(secret)})
    assert answer.status_code == 200
    assert "Too many" in answer.text
    assert not is_in(client)


def test_the_second_step_without_the_first_leads_back_to_it(secret: str) -> None:
    answer = Client().post(CODE, {"code": totp.code(secret)})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/")


def test_who_is_deactivated_between_the_steps_does_not_get_in(
    aye: User, secret: str
) -> None:
    client = Client()
    give_password(client)
    User.objects.filter(pk=aye.pk).update(is_active=False)
    client.post(CODE, {"code": totp.code(secret)})
    assert not is_in(client)


def test_the_link_from_the_command_line_is_the_way_in_for_who_lost_it_all(
    aye: User, secret: str, virtual_clock: VirtualClock
) -> None:
    token = actions.make_sign_in_link(aye, now=virtual_clock.now())
    client = Client()
    client.post(f"/link/{token}/")
    assert is_in(client)
    client.post("/account/app/remove/")
    assert not Authenticator.objects.filter(user=aye).exists()


# ── Set up and removed ────────────────────────────────────────────────────────────


def test_an_app_is_set_up_by_its_first_code_and_codes_are_shown_once(aye: User) -> None:
    client = confirmed(aye)
    found = re.search(r'id="totp-secret">(\w+)<', client.get("/account/app/").text)
    assert found is not None
    answer = client.post("/account/app/", {"code": totp.code(found[1])})
    assert answer["Location"] == "/account/codes/"
    shown = client.get("/account/codes/").text
    codes = re.findall(r'<code class="num">(\d{8})</code>', shown)
    assert len(codes) == 10
    assert codes[0] not in client.get("/account/codes/").text


def test_what_changes_the_ways_in_asks_first_who_sits_there(aye: User) -> None:
    client = Client()
    give_password(client)
    for where in ("/account/app/", "/account/passkeys/new/", "/account/codes/new/"):
        for ask in (client.get, client.post):
            answer = ask(where)
            assert answer.status_code == 302, where
            assert answer["Location"].startswith("/account/verify/?next="), where
    answer = client.post("/account/verify/", {"password": "wrong"})
    assert answer.status_code == 200
    assert client.get("/account/app/").status_code == 302


def test_secrets_of_apps_are_stored_sealed(aye: User, secret: str) -> None:
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored


def test_with_another_secret_key_no_code_fits_and_nothing_breaks(secret: str) -> None:
    client = Client()
    give_password(client)
    empty = "A" * 32
    with override_settings(SECRET_KEY="another installation's"):
        client = Client()
        give_password(client)
        for code in (totp.code(secret), totp.code(empty), "00000000"):
            assert "did not fit" in client.post(CODE, {"code": code}).text


def test_nobody_touches_the_passkeys_of_somebody_else(aye: User) -> None:
    mine = confirmed(aye)
    other = site.user(ConsoleRole.OWNER, now=aye.created_at, name="Other")
    passkey = Authenticator.objects.create(
        user=other, type="webauthn", data={"name": "Key", "credential": {}}
    )
    for where in (
        f"/account/passkeys/{passkey.pk}/",
        f"/account/passkeys/{passkey.pk}/remove/",
    ):
        assert mine.get(where).status_code == 404
        assert mine.post(where, {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.get(pk=passkey.pk).data["name"] == "Key"


# ── Required of a role ────────────────────────────────────────────────────────────


@override_settings(SECOND_FACTOR_FOR=("responder",))
def test_a_role_that_needs_a_second_factor_may_do_nothing_without_one(
    aye: User,
) -> None:
    client = Client()
    give_password(client)
    answer = client.get("/incidents/")
    assert (answer.status_code, answer["Location"]) == (302, "/account/security/")
    page = client.get("/account/security/")
    assert "Your role needs a second factor" in page.text
    assert client.post("/incidents/new/", {"title": "Down"}).status_code == 403
    assert client.get("/api/v1/oncall").status_code == 403
    htmx = client.get("/incidents/", headers={"HX-Request": "true"})
    assert htmx.status_code == 403
    TOTP.activate(aye, str(generate_totp_secret()))
    assert is_in(client)


@override_settings(SECOND_FACTOR_FOR=("owner",))
def test_other_roles_are_not_held_up_by_it(aye: User) -> None:
    client = Client()
    give_password(client)
    assert is_in(client)


# ── Hostile answers of a passkey ──────────────────────────────────────────────────


def said(**client_data: Any) -> str:
    """What a browser says of its passkey, but for what it says of the question."""
    whole = {"type": "webauthn.get", "challenge": "AA", "origin": "https://x"}
    text = json.dumps(whole | client_data).encode()
    return json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64.urlsafe_b64encode(text).decode().rstrip("="),
                "authenticatorData": "AA",
                "signature": "AA",
                "userHandle": "MQ",
            },
        }
    )


_HOSTILE = [
    # So many bytes of memory, if it were believed.
    said(challenge=4_000_000_000),
    said(origin=5),
    said().replace('"rawId": "AA"', '"rawId": 4000000000'),
    said(more="x" * 40_000),
    said(more="\0"),
    "",
    "null",
    "[]",
    "1",
    '"text"',
    "{}",
    '{"response": 5}',
    '{"response": {}}',
    '{"response": {"userHandle": 5}}',
    '{"response": {"userHandle": {"a": 1}}}',
    '{"response": {"userHandle": "////"}}',
    '{"id": "AA", "rawId": "AA", "response": {"userHandle": "OTk5"}}',
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "AA",
                "attestationObject": "AA",
                "signature": "AA",
                # A number that no column holds.
                "userHandle": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ",
            },
        }
    ),
    "[" * 5000,
    '{"response": {"clientDataJSON": "\\u0000"}}',
]


@pytest.mark.parametrize("answer", _HOSTILE)
def test_what_no_browser_sends_for_a_passkey_is_refused_in_words(
    aye: User, secret: str, answer: str
) -> None:
    stranger, halfway = Client(), Client()
    offer = stranger.get("/sign-in/passkey/", headers={"Accept": "application/json"})
    assert offer.status_code == 200
    refused = stranger.post("/sign-in/passkey/", {"credential": answer})
    assert (refused.status_code, refused["Location"]) == (302, "/sign-in/")
    give_password(halfway)
    halfway.get(CODE)
    assert halfway.post(CODE, {"credential": answer}).status_code == 200
    assert not is_in(stranger)
    assert not is_in(halfway)


@pytest.mark.parametrize("answer", _HOSTILE)
def test_what_no_browser_sends_makes_no_passkey(aye: User, answer: str) -> None:
    client = confirmed(aye)
    client.get("/account/passkeys/new/")
    refused = client.post("/account/passkeys/new/", {"credential": answer})
    assert refused.status_code == 200
    assert not Authenticator.objects.filter(user=aye).exists()


@pytest.mark.django_db(transaction=True)
def test_a_session_from_before_the_second_factor_ends_with_it(aye: User) -> None:
    thief = Client()
    give_password(thief)
    client = confirmed(aye)
    assert is_in(thief)
    page = client.get("/account/app/")
    secret = page.context["form"].secret

    client.post("/account/app/", {"code": totp.code(secret)})

    assert Authenticator.objects.filter(user=aye).exists()
    assert is_in(client)
    assert not is_in(thief)


def test_the_password_alone_does_not_confirm_who_has_a_second_factor(
    aye: User, secret: str
) -> None:
    adapter = AccountAdapter(None)
    offered = [one["id"] for one in adapter.get_reauthentication_methods(aye)]

    assert offered == ["mfa_reauthenticate"]


@pytest.mark.req("SC-02")
def test_a_wrong_second_factor_is_a_line_of_the_log(aye: User, secret: str) -> None:
    client = Client()
    give_password(client)
    client.post(CODE, {"code": "000000"})

    (line,) = AuditEntry.objects.filter(act="accounts.second_factor.refused")
    assert (line.subject_kind, line.subject_id) == ("user", str(aye.pk))


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "x"])
def test_after_the_second_factor_nobody_is_led_to_another_site(
    secret: str, to: str
) -> None:
    client = Client()
    give_password(client, next=to)
    answer = client.post(CODE, {"code": totp.code(secret)})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example/", "x"])
def test_after_a_confirmation_nobody_is_led_to_another_site(aye: User, to: str) -> None:
    client = Client()
    give_password(client)
    asked = client.post(
        f"/account/verify/?next={to}", {"password": PASSWORD, "next": to}
    )
    assert asked["Location"] == "/incidents/"


@pytest.fixture(autouse=True)
def _nothing_is_counted_yet(db: None) -> None:
    cache.clear()
