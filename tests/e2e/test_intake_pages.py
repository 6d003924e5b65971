"""Integrations and alerts in a real browser: from "add" to the first event, live."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, wider_than_the_window, window
from tests.e2e.product import Product, channels, eventually, fire, p1, p3

pytestmark = needs_chromium

HOSTILE = '<img src=x onerror="document.title=1">'


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The installation and its owner's session."""

    product: Product
    session: Any

    def url(self, path: str) -> str:
        return self.product.url + path


@pytest.fixture(scope="module")
def site(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Site]:
    with Product(home, env=channels(smtp, slack)) as product:
        with closing(product.create_owner()) as owner:
            cookies = [
                {
                    "name": one.name,
                    "value": one.value,
                    "domain": "127.0.0.1",
                    "path": "/",
                }
                for one in owner.cookies.jar
            ]
        yield Site(product=product, session={"cookies": cookies, "origins": []})
        assert product.stderr == ""


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    with window(browser, storage_state=site.session) as opened:
        yield opened.page()


def add(page: Page, site: Site, name: str) -> str:
    """Add an integration by the pages; return the URL to post to."""
    page.goto(site.url("/integrations/"))
    page.get_by_role("link", name=re.compile("Add an integration|Choose")).first.click()
    page.get_by_label("Find a source").fill("alertmanager")
    page.get_by_role("link", name=re.compile("Alertmanager")).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add and show the key").click()
    return page.locator("#setup-url").inner_text()


@pytest.mark.req("S4.1-08")
def test_who_adds_an_integration_sees_its_first_event_come_without_reloading(
    page: Page, site: Site
) -> None:
    url = add(page, site, "First")
    expect(page.get_by_role("heading", name="Waiting for")).to_be_visible()
    fire(url, p3(HOSTILE))
    expect(page.get_by_role("heading", name="An event has come")).to_be_visible()
    expect(page.get_by_text(f"service={HOSTILE}")).to_be_visible()
    # What became of it follows when the engine has read it.
    page.get_by_role("link", name=re.compile("^alert [0-9]+$")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("HostDiskHigh")
    expect(page.get_by_text("What watchbill made of it")).to_be_visible()


def test_everything_is_done_without_scripts_by_loading_pages(
    site: Site, browser: Browser
) -> None:
    with window(
        browser, storage_state=site.session, java_script_enabled=False
    ) as opened:
        page = opened.page()
        page.goto(site.url("/integrations/add/alertmanager/"))
        page.get_by_label("Name").fill("No scripts")
        page.get_by_role("button", name="Add and show the key").click()
        url = page.locator("#setup-url").inner_text()
        page.get_by_role("link", name="To its page").click()
        expect(page.get_by_role("heading", name="Waiting for")).to_be_visible()
        fire(url, p3("no-scripts"))
        page.reload()
        expect(page.get_by_role("heading", name="An event has come")).to_be_visible()
        page.get_by_role("link", name="beside its body").click()
        page.get_by_text("Replay…").click()
        page.get_by_role("button", name="Replay it").click()
        expect(page.get_by_text("A replay of")).to_be_visible()


def test_a_mapping_is_tried_while_it_is_written(page: Page, site: Site) -> None:
    url = add(page, site, "Mapped")
    fire(url, p3("mapped"))
    page.get_by_role("heading", name="An event has come").wait_for()
    page.get_by_role("link", name="To its page").click()
    page.get_by_role("link", name="Where its fields are").click()
    page.get_by_role("button", name="Suggest a mapping from it").click()
    preview = page.locator("#mapping-preview")
    expect(preview).to_contain_text("HostDiskHigh mapped")
    page.get_by_label("Mapping").fill('{"title": "{nothing", "fingerprint": "status"}')
    expect(preview).to_contain_text("$.title")
    page.get_by_label("Mapping").fill(
        '{"title": "It is {status}", "fingerprint": "status"}'
    )
    expect(preview).to_contain_text("It is firing")


def test_the_list_of_alerts_keeps_up_and_is_walked_by_keys(
    page: Page, site: Site
) -> None:
    url = add(page, site, "Walked")
    page.goto(site.url("/alerts/?q=walked"))
    fire(url, p1("walked", summary="walked first"))
    expect(page.get_by_role("link", name="walked first")).to_be_visible()
    fire(url, p1("walked-2", summary="walked second"))
    expect(page.get_by_role("link", name="walked second")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("walked first")
    page.get_by_role("link", name="Who would get this now?").click()
    expect(page.get_by_text("It would join an incident")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(
    site: Site, browser: Browser, scheme: str
) -> None:
    fire(site.product.create_integration(), p1(f"wide-{scheme}"))
    ((integration, alert),) = eventually(
        lambda: site.product.rows(
            "SELECT integration_id, id FROM watchbill_alert"
            " WHERE labels->>'service' = %s",
            f"wide-{scheme}",
        ),
        "the alert is there",
    )
    paths = (
        "/integrations/",
        "/integrations/add/",
        f"/integrations/{integration}/",
        f"/integrations/{integration}/mapping/?from=sample",
        "/alerts/",
        "/alerts/?show=all",
        f"/alerts/{alert}/",
        f"/alerts/try/?alert={alert}",
    )
    with window(
        browser, storage_state=site.session, viewport=PHONE, color_scheme=scheme
    ) as opened:
        assert wider_than_the_window(opened.page(), site.url(""), paths) == []
