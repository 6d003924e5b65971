"""Schedules and people by their forms, in a real browser: without a script as well."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, window
from tests.e2e.product import Product, channels
from tests.e2e.test_console import create_owner

pytestmark = needs_chromium

EDIT = "/on-call/schedules/primary-oncall/edit/"


@pytest.fixture(scope="module")
def product(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Product]:
    with Product(home / "forms", env=channels(smtp, slack)) as one:
        yield one
        assert one.stderr == ""


@pytest.fixture(scope="module")
def session(product: Product, browser: Browser) -> Any:
    return create_owner(browser, product.owner_link).session


def add_nights(page: Page) -> None:
    page.get_by_role("button", name="Add a layer").click()
    page.locator("[name=layer-2-key]").fill("nights")
    page.locator("[name=layer-2-member-1]").select_option("cto")
    page.locator("[name=layer-2-member-2]").select_option("technical_lead")
    page.locator("[name=layer-2-hours]").select_option("night")
    page.get_by_role("button", name="Show the weeks to come").click()


@pytest.mark.req("S4.4-03", "S4.4-04")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_layer_is_added_looked_at_saved_and_undone(
    product: Product, browser: Browser, session: Any, *, has_scripts: bool
) -> None:
    with window(
        browser, storage_state=session, java_script_enabled=has_scripts, viewport=PHONE
    ) as opened:
        page = opened.page()
        page.goto(product.url + EDIT)
        add_nights(page)
        preview = page.locator("#preview")
        expect(preview).to_contain_text("nights: {members: [cto, technical_lead]")
        expect(preview.locator("[data-strip]")).to_have_count(4)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]
        preview.get_by_role("button", name="Save and put in force").click()
        expect(page.locator("#amended")).to_contain_text("is in force")
        page.goto(product.url + EDIT)
        expect(page.locator("[name=layer-2-key]")).to_have_value("nights")
        page.go_back()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("#messages")).to_contain_text("Undone")
        page.goto(product.url + EDIT)
        expect(page.locator("[name=layer-2-key]")).to_have_count(0)


def test_the_keyboard_moves_a_person_and_enter_shows_the_weeks(
    product: Product, browser: Browser, session: Any
) -> None:
    with window(browser, storage_state=session) as opened:
        page = opened.page()
        page.goto(product.url + EDIT)
        second = page.locator("[name=layer-1-member-2]").input_value()
        page.get_by_role("button", name="Move person 2 up").press("Enter")
        expect(page.locator("[name=layer-1-member-1]")).to_have_value(second)
        page.get_by_label("Title").press("Enter")
        expect(page.locator("#changes-title")).to_be_visible()


@pytest.mark.req("S2.1-12", "S2.1-13", "SE-01")
def test_somebody_joins_by_a_proposal_that_leads_on_to_its_signatures(
    product: Product, browser: Browser, session: Any
) -> None:
    with window(browser, storage_state=session, viewport=PHONE) as opened:
        page = opened.page()
        page.goto(product.url + "/on-call/people/")
        page.get_by_role("link", name="Add a person").click()
        page.get_by_label("What they are").fill("Site Reliability Engineer")
        page.get_by_label("Level").select_option("L2")
        page.get_by_label("Phone").fill("twelve")
        page.get_by_role("button", name="Show what changes").click()
        expect(page.locator(".errorlist")).to_contain_text("not a phone number")
        page.get_by_label("Phone").fill("09 250 000 777")
        page.get_by_role("button", name="Show what changes").click()
        expect(page.locator(".diff")).to_contain_text("+959250000777")
        page.get_by_role("button", name="Propose").click()
        page.wait_for_url("**/plan/*/#approval")
        expect(page.locator("#messages")).to_contain_text("waits for its signatures")


@pytest.mark.req("S2.1-12")
def test_the_page_says_where_somebody_who_leaves_is_still_named(
    product: Product, browser: Browser, session: Any
) -> None:
    with window(browser, storage_state=session) as opened:
        page = opened.page()
        page.goto(product.url + "/on-call/people/mobile_engineer/")
        page.get_by_role("link", name="End their service").click()
        expect(page.locator("main")).to_contain_text("The schedule DevOps on-call.")
        page.get_by_role("link", name="Edit the schedule").click()
        expect(page.locator("h1")).to_have_text("Edit DevOps on-call")
