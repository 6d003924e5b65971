"""Signing in, one-time links, and everything that people try at that door."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connections
from django.test import Client
from django.urls import reverse

from tests.server import site
from watchbill.core.access import ConsoleRole
from watchbill.server.accounts import actions, queries
from watchbill.server.accounts.models import OneTimeLink, SignInFailure, User
from watchbill.server.clock import VirtualClock
from watchbill.server.plans.models import PlanVersion

PASSWORD = "forty knots on the starboard bow"
EMAIL = "aye@example.org"
SIGN_IN = "/sign-in/"
WINDOW = queries.FAILURE_WINDOW


@pytest.fixture
def aye(trm_plan: PlanVersion, virtual_clock: VirtualClock) -> User:
    return actions.create_user(
        name="Daw Aye",
        email=EMAIL,
        password=PASSWORD,
        role=ConsoleRole.RESPONDER,
        now=virtual_clock.now(),
    )


def sign_in(
    client: Client | None = None,
    *,
    email: str = EMAIL,
    password: str = PASSWORD,
    origin: str = "192.0.2.1",
    **more: str,
) -> Any:
    data = {"username": email, "password": password, **more}
    return (client or Client()).post(SIGN_IN, data, REMOTE_ADDR=origin)


def is_in(client: Client) -> bool:
    return client.get("/incidents/").status_code == 200


# ── Passwords ───────────────────────────────────────────────────────────────────


def test_the_right_password_opens_the_incidents(aye: User) -> None:
    client = Client()
    answer = sign_in(client, email="AYE@Example.ORG")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_in(client)


def _shown(answer: Any, typed: str) -> str:
    start = answer.text.index("<main")
    page = answer.text[start:].replace(typed, "TYPED")
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    return str(page.replace(token, "SECRET"))


def test_nobody_can_tell_whether_the_address_or_the_password_was_wrong(
    aye: User,
) -> None:
    known = sign_in(password="wrong")
    unknown = sign_in(email="nobody@example.org", password="wrong")
    assert (known.status_code, unknown.status_code) == (200, 200)
    assert _shown(known, EMAIL) == _shown(unknown, "nobody@example.org")


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the work of the hasher instead of measuring time."""
    done: list[str] = []

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            done.append(real.__name__)
            return real(*args, **kwargs)

        return wrapper

    for name in ("encode", "verify"):
        monkeypatch.setattr(
            Argon2PasswordHasher, name, counted(getattr(Argon2PasswordHasher, name))
        )
    return done


def test_an_unknown_address_costs_as_much_work_as_a_wrong_password(
    aye: User, hashings: list[str]
) -> None:
    sign_in(password="wrong")
    known = len(hashings)
    sign_in(email="nobody@example.org", password="wrong")
    assert (known, len(hashings) - known) == (1, 1)


def test_a_deactivated_user_costs_the_same_work_and_gets_the_same_answer(
    aye: User, hashings: list[str]
) -> None:
    User.objects.filter(pk=aye.pk).update(is_active=False)
    answer = sign_in()
    assert "address or the password is wrong" in answer.text
    assert len(hashings) == 1


def test_the_session_gets_a_new_key_at_sign_in(aye: User) -> None:
    client = Client()
    planted = client.session
    planted["planted"] = True
    planted.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted.session_key or ""
    sign_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted.session_key


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(aye: User) -> None:
    client = Client()
    sign_in(client)
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/sign-out/")
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = kept
    assert not is_in(thief)


def test_a_changed_password_ends_the_sessions_of_before(aye: User) -> None:
    client = Client()
    sign_in(client)
    aye.set_password("another long enough password")
    aye.save()
    assert not is_in(client)


def test_a_deactivated_user_is_out_at_once(aye: User) -> None:
    client = Client()
    sign_in(client)
    assert is_in(client)
    User.objects.filter(pk=aye.pk).update(is_active=False)
    assert not is_in(client)


# ── Trying many ─────────────────────────────────────────────────────────────────


def fail(times: int) -> Any:
    answers = [sign_in(password="wrong") for _ in range(times)]
    return answers[-1]


@pytest.fixture
def quick_hashes(settings: LazySettings) -> None:
    """A hash that costs nothing, where its cost is not what is tested."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]


def test_five_failures_from_one_origin_close_it_and_lock_nobody_else_out(
    aye: User, virtual_clock: VirtualClock
) -> None:
    assert [sign_in(password="wrong").status_code for _ in range(6)] == [
        200, 200, 200, 200, 200, 429,
    ]  # fmt: skip
    refused = sign_in()
    assert refused.status_code == 429
    assert "Too many attempts" in refused.text
    assert sign_in(origin="198.51.100.1").status_code == 302
    virtual_clock.advance(WINDOW)
    assert sign_in().status_code == 302


def test_an_address_tried_from_many_origins_is_closed_for_all(
    aye: User, virtual_clock: VirtualClock, quick_hashes: None
) -> None:
    for number in range(50):
        sign_in(password="wrong", origin=f"192.0.2.{number}")
    assert sign_in(origin="198.51.100.9").status_code == 429


def test_many_addresses_from_one_origin_are_stopped_too(
    aye: User, virtual_clock: VirtualClock, quick_hashes: None
) -> None:
    for number in range(50):
        sign_in(email=f"user{number}@example.org", password="wrong")
    assert sign_in().status_code == 429
    assert sign_in(origin="198.51.100.9").status_code == 302


def test_a_refused_attempt_does_not_lengthen_the_pause(
    aye: User, virtual_clock: VirtualClock
) -> None:
    fail(5)
    virtual_clock.advance(WINDOW - timedelta(seconds=1))
    assert sign_in().status_code == 429
    virtual_clock.advance(timedelta(seconds=1))
    assert sign_in().status_code == 302


def test_a_pause_ends_when_the_oldest_of_five_failures_is_old_enough(
    aye: User, virtual_clock: VirtualClock
) -> None:
    for _ in range(5):
        sign_in(password="wrong")
        virtual_clock.advance(timedelta(minutes=1))
    virtual_clock.advance(timedelta(minutes=5))
    assert sign_in().status_code == 302


def test_capitals_do_not_make_another_address(
    aye: User, virtual_clock: VirtualClock
) -> None:
    for email in ("aye@example.org", "Aye@example.org", "AYE@EXAMPLE.ORG") * 2:
        last = sign_in(email=email, password="wrong")
    assert last.status_code == 429


def test_failures_are_kept_without_the_address_and_only_for_a_day(
    aye: User, virtual_clock: VirtualClock
) -> None:
    fail(1)
    assert EMAIL not in str(SignInFailure.objects.values())
    virtual_clock.advance(timedelta(days=1, seconds=1))
    fail(1)
    assert SignInFailure.objects.count() == 1


# ── Where to go afterwards ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "\\\\evil.example/",
        "/\\evil.example/",
        "https:evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "https://testserver@evil.example/",
        "\thttps://evil.example/",
        " //evil.example",
        "https://testserver.evil.example/",
        "data:text/html,x",
    ],
)
def test_signing_in_never_leads_to_another_site(aye: User, target: str) -> None:
    answer = sign_in(next=target)
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(aye: User) -> None:
    page = Client().get("/incidents/?q=a&page=2")
    assert page["Location"] == "/sign-in/?next=/incidents/%3Fq%3Da%26page%3D2"
    answer = sign_in(next="/incidents/?q=a&page=2")
    assert answer["Location"] == "/incidents/?q=a&page=2"


def test_a_line_break_in_the_target_does_not_become_a_header(aye: User) -> None:
    answer = sign_in(next="/x\r\nSet-Cookie: a=b")
    assert "Set-Cookie" not in answer.headers
    assert "\n" not in answer["Location"]


# ── One-time links ──────────────────────────────────────────────────────────────


def new_owner() -> dict[str, str]:
    return {
        "name": "U Ba",
        "email": "ba@example.org",
        "password": PASSWORD,
        "password_again": PASSWORD,
    }


def owner_url(clock: VirtualClock) -> str:
    token = actions.make_owner_link(now=clock.now())
    assert token is not None
    return reverse("accounts:setup", args=[token])


def sign_in_url(user: User, clock: VirtualClock) -> str:
    token = actions.make_sign_in_link(user, now=clock.now())
    return reverse("accounts:one_time_link", args=[token])


def test_the_owner_link_makes_an_owner_once(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    url = owner_url(virtual_clock)
    assert Client().get(url).status_code == 200
    client = Client()
    assert client.post(url, new_owner()).status_code == 302
    assert is_in(client)
    assert User.objects.get().role == ConsoleRole.OWNER
    again = Client().post(url, new_owner() | {"email": "other@example.org"})
    assert again.status_code == 404
    assert "was used" in again.text
    assert User.objects.count() == 1


def test_no_owner_link_is_made_or_works_once_there_is_a_user(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    url = owner_url(virtual_clock)
    site.user(ConsoleRole.STAKEHOLDER, now=virtual_clock.now())
    assert actions.make_owner_link(now=virtual_clock.now()) is None
    assert Client().get(url).status_code == 404
    assert Client().post(url, new_owner()).status_code == 404
    assert User.objects.count() == 1


def test_a_new_owner_link_ends_the_one_before(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    first, second = owner_url(virtual_clock), owner_url(virtual_clock)
    assert "expired" in Client().get(first).text
    assert Client().post(first, new_owner()).status_code == 404
    assert Client().post(second, new_owner()).status_code == 302


def test_an_owner_link_expires_after_a_day(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    url = owner_url(virtual_clock)
    virtual_clock.advance(actions.OWNER_LINK_LIFETIME - timedelta(seconds=1))
    assert Client().get(url).status_code == 200
    virtual_clock.advance(timedelta(seconds=1))
    assert "expired" in Client().post(url, new_owner()).text
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "short1", "password_again": "short1"}, "at least 12"),
        ({"password": "password1234", "password_again": "password1234"}, "too common"),
        ({"password_again": PASSWORD + "x"}, "differ"),
        ({"password": "ba@example.org", "password_again": "ba@example.org"}, "similar"),
        ({"email": "no address"}, "valid email"),
        ({"name": "x" * 121}, "at most 120"),
        ({"name": "a\0b"}, "Null characters"),
        ({"password": "x" * 401, "password_again": "x" * 401}, "at most 400"),
    ],
)
def test_a_weak_or_broken_form_makes_no_owner_and_keeps_the_link(
    trm_plan: PlanVersion,
    virtual_clock: VirtualClock,
    change: dict[str, str],
    said: str,
) -> None:
    url = owner_url(virtual_clock)
    answer = Client().post(url, new_owner() | change)
    assert answer.status_code < 500
    assert said in answer.text
    assert PASSWORD not in answer.text
    assert not User.objects.exists()
    assert Client().post(url, new_owner()).status_code == 302


def test_a_sign_in_link_works_once_and_only_by_a_post(
    aye: User, virtual_clock: VirtualClock
) -> None:
    url = sign_in_url(aye, virtual_clock)
    for _ in range(2):
        page = Client().get(url)
        assert (page.status_code, "Daw Aye" in page.text) == (200, True)
    client = Client()
    assert client.post(url).status_code == 302
    assert is_in(client)
    thief = Client()
    assert thief.post(url).status_code == 404
    assert not is_in(thief)


def test_a_sign_in_link_expires_after_an_hour(
    aye: User, virtual_clock: VirtualClock
) -> None:
    url = sign_in_url(aye, virtual_clock)
    virtual_clock.advance(actions.SIGN_IN_LINK_LIFETIME)
    answer = Client().post(url)
    assert (answer.status_code, "expired" in answer.text) == (404, True)


def test_a_sign_in_link_of_a_deactivated_user_is_dead(
    aye: User, virtual_clock: VirtualClock
) -> None:
    url = sign_in_url(aye, virtual_clock)
    User.objects.filter(pk=aye.pk).update(is_active=False)
    client = Client()
    assert client.post(url).status_code == 404
    assert not is_in(client)
    assert OneTimeLink.objects.get().used_at is None


def test_a_link_is_good_for_its_own_purpose_only(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    owner_token = owner_url(virtual_clock).strip("/").split("/")[1]
    as_sign_in = reverse("accounts:one_time_link", args=[owner_token])
    assert "not known" in Client().get(as_sign_in).text
    assert Client().post(as_sign_in).status_code == 404
    user = site.user(ConsoleRole.OWNER, now=virtual_clock.now())
    sign_in_token = sign_in_url(user, virtual_clock).strip("/").split("/")[1]
    as_owner = reverse("accounts:setup", args=[sign_in_token])
    assert "not known" in Client().get(as_owner).text
    assert Client().post(as_owner, new_owner()).status_code == 404


@pytest.mark.parametrize("token", ["x", "wbl_" + "A" * 43, "x" * 9000, "က", "%00"])
@pytest.mark.parametrize("route", ["setup", "link"])
def test_an_unknown_link_says_so(trm_plan: PlanVersion, route: str, token: str) -> None:
    for answer in (
        Client().get(f"/{route}/{token}/"),
        Client().post(f"/{route}/{token}/", new_owner()),
    ):
        assert answer.status_code == 404
        assert "not known" in answer.text


def test_only_the_digest_of_a_link_is_stored(
    aye: User, virtual_clock: VirtualClock
) -> None:
    token = sign_in_url(aye, virtual_clock).strip("/").split("/")[1]
    assert token not in str(OneTimeLink.objects.values())


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls at the same time, each with a connection of its own."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = []

    def run(call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results.append(call())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.usefixtures("transactional_db")
def test_of_two_who_use_a_link_at_the_same_time_exactly_one_gets_in(
    aye: User, virtual_clock: VirtualClock
) -> None:
    for _ in range(5):
        url = sign_in_url(aye, virtual_clock)
        press = partial(Client().post, url)
        statuses = [answer.status_code for answer in at_once(*[press] * 3)]
        assert sorted(statuses) == [302, 404, 404]


@pytest.mark.usefixtures("transactional_db")
def test_of_two_who_use_the_owner_link_at_the_same_time_exactly_one_owns(
    trm_plan: PlanVersion, virtual_clock: VirtualClock
) -> None:
    url = owner_url(virtual_clock)

    def become(number: int) -> int:
        form = new_owner() | {"email": f"owner{number}@example.org"}
        return Client().post(url, form).status_code

    statuses = at_once(lambda: become(1), lambda: become(2))
    assert sorted(statuses) == [302, 404]
    assert User.objects.count() == 1


# ── Odd input ───────────────────────────────────────────────────────────────────


ODD = (
    "\0",
    "a\0b@example.org",
    "x" * 100_000,
    "\u202egro.elpmaxe@eya",
    "မြန်မာ@ဥပမာ.မြန်မာ",
    "😀" * 200,
    "' OR 1=1 --",
    "\u00ed\u00a0\u0080",
    "\r\nBcc: x@example.org",
)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_input_is_refused_and_never_an_error_of_ours(aye: User, text: str) -> None:
    client = Client(raise_request_exception=False)
    assert sign_in(client, email=text, password="x").status_code < 500
    assert sign_in(client, password=text).status_code < 500
    assert sign_in(client, next=text).status_code < 500
    assert client.get(SIGN_IN, {"next": text}).status_code < 500


def test_a_body_of_two_megabytes_is_refused(aye: User) -> None:
    client = Client(raise_request_exception=False)
    answer = sign_in(client, password="x" * 2_000_000)
    assert answer.status_code == 400


def test_a_thousand_and_one_fields_are_refused(aye: User) -> None:
    client = Client(raise_request_exception=False)
    answer = client.post(SIGN_IN, {f"f{number}": "x" for number in range(1001)})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "value",
    [
        '"aaaaaaaaaaaa\\000"',
        "a" * 5000,
        "\u00ff" * 40,
        "x",
        "",
        '"',
        "../../etc/passwd",
    ],
)
@pytest.mark.parametrize("name", ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"])
def test_a_broken_cookie_is_no_error_of_ours(aye: User, name: str, value: str) -> None:
    client = Client(raise_request_exception=False)
    cookie = f"{getattr(settings, name)}={value}"
    for path in ("/incidents/", SIGN_IN, "/health/live"):
        answer = client.get(path, headers={"cookie": cookie})
        assert answer.status_code < 500


def test_a_flood_of_sign_ins_takes_no_more_memory_than_two_hashes(
    aye: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hash takes 100 MiB by intention; whoever finds both places taken is told."""
    monkeypatch.setattr(actions, "_hashing", threading.BoundedSemaphore(2))
    monkeypatch.setattr(actions, "_PATIENCE", 0.01)
    actions._hashing.acquire()
    actions._hashing.acquire()

    busy = sign_in()

    assert "Too many people sign in at once" in busy.text
    assert not SignInFailure.objects.exists()
    actions._hashing.release()
    assert sign_in().status_code == 302
