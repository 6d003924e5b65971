"""Passkeys and an authenticator app, in a real browser with a virtual authenticator."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, window
from tests.e2e.product import OWNER, PASSWORD, Product, channels
from tests.e2e.test_console import create_owner
from tests.security import totp

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def product(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Product]:
    with Product(home / "signing-in", env=channels(smtp, slack)) as one:
        # A browser makes passkeys for a name, not for an address.
        one.url = one.url.replace("127.0.0.1", "localhost")
        yield one
        assert one.stderr == ""


@pytest.fixture(scope="module", autouse=True)
def _owner(product: Product, browser: Browser) -> None:
    create_owner(browser, product.owner_link)


@pytest.fixture(autouse=True)
def _no_factors(product: Product) -> None:
    product.rows(
        "WITH gone AS (DELETE FROM mfa_authenticator RETURNING id)"
        " SELECT count(*) FROM gone"
    )


@contextmanager
def phone(browser: Browser) -> Iterator[Page]:
    """Open a window as narrow as a phone, with an authenticator that says yes."""
    with window(browser, viewport=PHONE) as opened:
        page = opened.page()
        devtools: Any = opened.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield page


def give_password(product: Product, page: Page) -> None:
    page.goto(f"{product.url}/sign-in/")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def sign_out(page: Page) -> None:
    page.get_by_label("Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in/")


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def confirm(page: Page) -> None:
    page.wait_for_url("**/account/verify/**")
    assert fits(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def add_passkey(product: Product, page: Page, *, alone: bool) -> None:
    page.goto(f"{product.url}/account/security/")
    assert fits(page)
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Name").fill("My phone")
    if alone:
        page.get_by_label("Sign in with it alone").check()
    assert fits(page)
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url("**/account/codes/")
    assert fits(page)
    expect(page.locator("#codes li")).to_have_count(10)


def test_a_passkey_signs_in_without_a_password(
    product: Product, browser: Browser
) -> None:
    with phone(browser) as page:
        give_password(product, page)
        page.wait_for_url(f"{product.url}/incidents/")
        add_passkey(product, page, alone=True)
        sign_out(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{product.url}/incidents/")
        page.goto(f"{product.url}/account/security/")
        expect(page.get_by_text("signs in alone")).to_be_visible()
        expect(page.get_by_text("last used")).to_be_visible()


def test_a_passkey_is_asked_for_after_the_password_and_removed_again(
    product: Product, browser: Browser
) -> None:
    with phone(browser) as page:
        give_password(product, page)
        page.wait_for_url(f"{product.url}/incidents/")
        add_passkey(product, page, alone=False)
        sign_out(page)
        give_password(product, page)
        page.wait_for_url("**/sign-in/code/")
        assert fits(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{product.url}/incidents/")
        page.goto(f"{product.url}/account/security/")
        page.get_by_role("link", name="Remove My phone").click()
        page.wait_for_url("**/account/verify/**")
        page.get_by_role("link", name="Use a passkey instead").click()
        page.get_by_role("button", name="Use a passkey").click()
        page.get_by_role("button", name="Remove the passkey").click()
        expect(page.get_by_text("The passkey was removed.")).to_be_visible()


def test_an_app_is_set_up_and_asked_for(product: Product, browser: Browser) -> None:
    with phone(browser) as page:
        give_password(product, page)
        page.wait_for_url(f"{product.url}/incidents/")
        page.goto(f"{product.url}/account/app/")
        confirm(page)
        page.wait_for_url("**/account/app/")
        assert fits(page)
        secret = page.locator("#totp-secret").inner_text()
        page.get_by_label("Code").fill(totp.code(secret))
        page.keyboard.press("Enter")
        page.wait_for_url("**/account/codes/")
        code = page.locator("#codes code").first.inner_text()
        page.get_by_role("link", name="I have kept them").click()
        sign_out(page)
        give_password(product, page)
        page.wait_for_url("**/sign-in/code/")
        page.get_by_label("Code").fill(code)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{product.url}/incidents/")
