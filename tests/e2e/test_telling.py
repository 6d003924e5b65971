"""How somebody comes to be told: from an address that is typed to a page confirmed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.smtp_server import ReceivedMail, SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, wider_than_the_window, window
from tests.e2e.product import Product, eventually

pytestmark = needs_chromium

ADDRESS = "dana.at.home@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An installation, whose owner is the engineer on call."""

    product: Product
    smtp: SmtpDouble
    session: list[Any]

    def mail(self, words: str, *, to: str) -> ReceivedMail:
        """Return the mail to an address whose subject has these words."""

        def found() -> ReceivedMail | None:
            return next(
                (
                    one
                    for one in list(self.smtp.messages)
                    if to in one.recipients and words in str(one.message["Subject"])
                ),
                None,
            )

        one = eventually(found, f"a mail to {to} says {words}")
        assert one is not None
        return one


@pytest.fixture(scope="module")
def place(home: Path, smtp: SmtpDouble) -> Iterator[Place]:
    env = {
        "WATCHBILL_SMTP_URL": smtp.url,
        "WATCHBILL_MAIL_FROM": "watchbill@trm.rocks",
        "WATCHBILL_PAGING_TEST": "off",
    }
    with Product(home / "telling", env=env) as product:
        client = product.create_owner()
        page = client.get("/users/").text
        number = re.search(r'id="user-(\d+)"', page)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert number is not None
        assert token is not None
        answer = client.post(
            f"/users/{number[1]}/",
            data={
                "csrfmiddlewaretoken": token[1],
                "role": "owner",
                "contact_key": "devops_engineer",
            },
        )
        assert answer.status_code == 302, answer.text
        session = [
            {"name": one.name, "value": one.value, "url": product.url}
            for one in client.cookies.jar
        ]
        client.close()
        yield Place(product=product, smtp=smtp, session=session)
        assert product.stderr == ""


@pytest.fixture
def page(place: Place, browser: Browser) -> Iterator[Page]:
    with window(browser) as opened:
        opened.context.add_cookies(place.session)
        yield opened.page()


def text_of(mail: ReceivedMail) -> str:
    part = mail.message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def test_an_address_is_typed_verified_used_tested_and_confirmed(
    place: Place, page: Page, browser: Browser
) -> None:
    page.goto(place.product.url + "/incidents/")
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="How I am told").click()
    expect(page.get_by_text("No address of yours is verified yet")).to_be_visible()

    # An address that is none is refused where it was typed.
    page.get_by_text("Add an address").click()
    page.get_by_label("Kind").select_option("email")
    page.get_by_label("Address", exact=True).fill("dana")
    page.get_by_role("button", name="Add and send a code").click()
    expect(
        page.get_by_text("This is not an address of the kind email.")
    ).to_be_visible()

    page.get_by_label("Address", exact=True).fill(ADDRESS)
    page.get_by_label("Name for it").fill("at home")
    page.get_by_role("button", name="Add and send a code").click()
    row = page.get_by_role("listitem").filter(has_text=ADDRESS)
    expect(row).to_contain_text("not verified")

    sent = place.mail("is your watchbill code", to=ADDRESS)
    code = str(sent.message["Subject"])[:6]
    row.get_by_label("Code", exact=True).fill(code)
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("Verified")
    expect(row).not_to_contain_text("not verified")

    # Rules: mail at once, and no chat.
    act = page.get_by_role("group", name="When somebody must act now")
    act.get_by_label("E-mail").select_option("0")
    act.get_by_label("Phone call").select_option("never")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.get_by_text("Saved how you are told.")).to_be_visible()
    expect(act.get_by_label("E-mail")).to_have_value("0")

    page.get_by_role("button", name="Send me a test page").click()
    expect(page.get_by_text("not confirmed yet")).to_be_visible()
    link = re.search(
        r"http\S+/deliveries/confirm/\S+",
        text_of(place.mail("Test page for", to=ADDRESS)),
    )
    assert link is not None

    # A scanner of mail opens links; that confirms nothing.
    assert httpx2.get(link[0]).status_code == 200
    page.reload()
    expect(page.get_by_text("not confirmed yet")).to_be_visible()

    with window(browser, viewport=PHONE) as phone:
        other = phone.page()
        other.goto(link[0])
        other.get_by_role("button", name="Confirm").click()
        expect(other.get_by_role("heading")).to_have_text("Confirmed")

    page.reload()
    expect(page.locator("#test-title").locator("../..")).to_contain_text("confirmed")
    page.goto(place.product.url + "/deliveries/")
    expect(page.get_by_text("test page").first).to_be_visible()
    assert code not in page.content()


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_is_wider_than_the_window(
    place: Place, browser: Browser, width: int
) -> None:
    with window(browser, viewport={"width": width, "height": 900}) as opened:
        opened.context.add_cookies(place.session)
        paths = ("/deliveries/mine/", "/deliveries/readiness/", "/account/")
        wide = wider_than_the_window(opened.page(), place.product.url, paths)
        assert wide == []


def test_the_command_sends_a_test_page_and_shows_what_becomes_of_it(
    place: Place,
) -> None:
    said = place.product.command(
        "send", "--to", "technical_lead", "--test", "--wait", "5"
    )

    assert said.startswith("Test page to ")
    assert "attempt 1  delivered" in said
    assert said.endswith("Delivered; not confirmed yet.")


def test_a_browser_without_a_key_shows_no_button_for_push_messages(
    place: Place, page: Page
) -> None:
    page.goto(place.product.url + "/deliveries/mine/")

    expect(
        page.get_by_role("button", name="Push messages to this browser")
    ).to_have_count(0)


def test_the_service_worker_of_push_messages_is_one_for_the_whole_site(
    place: Place, page: Page
) -> None:
    page.goto(place.product.url + "/deliveries/mine/")

    scope = page.evaluate(
        """async () => {
          const url = "/deliveries/worker.js";
          const options = { scope: "/" };
          const one = await navigator.serviceWorker.register(url, options);
          await navigator.serviceWorker.ready.catch(() => null);
          const scope = new URL(one.scope).pathname;
          await one.unregister();
          return scope;
        }"""
    )

    assert scope == "/"
