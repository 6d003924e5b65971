"""One incident from its declaration to its end, worked on by two people."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import needs_chromium, window
from tests.e2e.product import Product, channels, secret_in

pytestmark = needs_chromium

REASON = "Only sign-in by Google fails, the rest works"


@pytest.fixture(scope="module")
def product(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Product]:
    with Product(home / "incident", env=channels(smtp, slack)) as one:
        yield one
        assert one.stderr == ""


@pytest.fixture(scope="module")
def owner(product: Product) -> Iterator[httpx2.Client]:
    client = product.create_owner()
    yield client
    client.close()


def second_person(product: Product) -> httpx2.Client:
    """Return a client in which the Technical Lead is signed in, as a responder."""
    with product.database() as database:
        database.execute(
            "INSERT INTO watchbill_user (password, email, name, role, contact_key,"
            " is_active, created_at) VALUES ('', 'thiri@trm.rocks', 'Thiri',"
            " 'responder', 'technical_lead', true, now())"
        )
    link = product.command("link", "thiri@trm.rocks")
    client = httpx2.Client(base_url=product.url, timeout=10)
    form = {"csrfmiddlewaretoken": secret_in(client.get(link).text)}
    assert client.post(link, data=form).headers["location"] == "/incidents/"
    return client


def sign_in(context: BrowserContext, client: httpx2.Client) -> Page:
    url = str(client.base_url)
    context.add_cookies(
        [
            {"name": one.name, "value": one.value or "", "url": url}
            for one in client.cookies.jar
        ]
    )
    return context.new_page()


def targets(page: Page, name: str) -> str:
    """Return what the head of the page says of a target."""
    term = page.locator("#incident-header ~ .next dt", has_text=name)
    return term.locator("xpath=following-sibling::dd[1]").inner_text()


@pytest.mark.req("S3.1-06", "S3.1-32", "A30")
def test_an_incident_goes_from_its_declaration_through_many_hands_to_its_end(
    product: Product, owner: httpx2.Client, browser: Browser
) -> None:
    with window(browser) as opened, window(browser) as another:
        page = sign_in(opened.context, owner)
        page.goto(f"{product.url}/incidents/new/")
        page.get_by_label("What is wrong").fill("Nobody can sign in")
        page.get_by_role("radio", name="P1").check()
        page.get_by_role("button", name="Declare and start the ladder").click()
        severity = page.locator("#incident-header .sev")
        expect(severity).to_have_text(re.compile("P1"))
        expect(page.locator(".next")).to_contain_text("nobody yet")
        expect(page.locator(".next")).to_contain_text(
            re.compile(r"Response target\s*in 4 min \d+ s")
        )
        expect(page.locator(".next")).to_contain_text(
            re.compile(r"Resolution target\s*in 59 min \d+ s")
        )

        # The key opens the form and sends nothing; a reason is asked for.
        page.keyboard.press("s")
        expect(page.locator("#severity-to")).to_be_focused()
        page.locator("#severity-to").select_option("P2")
        page.locator("#severity-reason").fill(REASON)
        page.get_by_role("button", name="Change the severity").click()
        expect(severity).to_have_text(re.compile("P2"))
        expect(page.locator("#incident-timeline")).to_contain_text(REASON)
        expect(page.locator(".next")).to_contain_text(
            re.compile(r"Resolution target\s*in 3 h 59 min")
        )

        commander = page.locator("#incident-roles li", has_text="Commander")
        expect(commander).not_to_contain_text("Ma Thida")
        page.get_by_role("button", name="Take the role commander").click()
        expect(commander).to_contain_text("Ma Thida")
        expect(commander.get_by_role("button")).to_have_count(0)

        page.get_by_role("button", name="Acknowledge").click()
        expect(page.locator(".next")).to_contain_text(re.compile(r"Held by\s*Ma Thida"))
        assert targets(page, "Response target").startswith("met")

        second = second_person(product)
        other = sign_in(another.context, second)
        other.goto(page.url)
        other.get_by_role("button", name="Join").click()
        expect(other.locator("#messages")).to_contain_text(
            "Ma Thida has already taken it. You have joined."
        )
        expect(other.get_by_role("button", name="Join")).to_have_count(0)
        expect(other.locator("#incident-people")).to_contain_text("Thiri")
        expect(page.locator("#incident-people")).to_contain_text("Thiri")

        other.keyboard.press("r")
        other.get_by_role("button", name=re.compile(r"Resolve #\d+")).click()
        expect(page.locator("#incident-header .pill")).to_have_text("Resolved")
        assert targets(page, "Resolution target").startswith("met")
        expect(page.locator(".next")).to_contain_text("Post-mortem")
        second.close()
