"""Silences and heartbeats in a real browser: what is quiet on purpose, and what not."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, wider_than_the_window, window
from tests.e2e.product import Product, channels, eventually, fire, p3

pytestmark = needs_chromium


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The installation, its source of alerts, and its owner's session."""

    product: Product
    source: str
    jobs: str
    session: Any

    def url(self, path: str) -> str:
        return self.product.url + path

    def alert(self, service: str) -> int:
        """Have an alert come; return its number."""
        fire(self.source, p3(service))
        ((number,),) = eventually(
            lambda: self.product.rows(
                "SELECT id FROM watchbill_alert WHERE labels->>'service' = %s", service
            ),
            "the alert is there",
        )
        return int(number)

    def job(self, name: str) -> int:
        """Await a job that has called once; return the number of its monitor."""
        key = self.jobs.rpartition("/")[2]
        slug = name.replace(" ", "-").lower()
        assert httpx2.get(self.url(f"/ping/{key}/{slug}")).text == "OK"
        ((number,),) = eventually(
            lambda: self.product.rows(
                "SELECT id FROM watchbill_heartbeatmonitor WHERE name = %s", slug
            ),
            "the job is awaited",
        )
        return int(number)


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
        yield Site(
            product=product,
            source=product.create_integration(),
            jobs=product.command("integration", "create", "heartbeat").strip(),
            session={"cookies": cookies, "origins": []},
        )
        assert product.stderr == ""


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    with window(browser, storage_state=site.session) as opened:
        yield opened.page()


@pytest.mark.req("A52")
def test_a_silence_is_made_from_an_alert_previewed_ended_and_made_again(
    page: Page, site: Site
) -> None:
    number = site.alert("quiet-disk")
    page.goto(site.url(f"/alerts/{number}/"))
    page.get_by_role("link", name="Silence this").click()
    expect(page.get_by_label("Value of matcher", exact=False).first).to_be_visible()
    page.get_by_label("Why").fill("The disk is being replaced.")
    page.get_by_role("button", name="Show what it matches").click()
    preview = page.get_by_role("region", name=re.compile("1 alert fires and matches"))
    expect(preview).to_contain_text("service=quiet-disk")
    expect(preview).to_contain_text("go on regardless")
    page.get_by_role("button", name="Silence them").click()

    made = page.get_by_role("listitem").filter(has_text="The disk is being replaced.")
    expect(made).to_contain_text("In force")
    made.get_by_text("End…", exact=True).click()
    made.get_by_role("button", name="End the silence now").click()
    expect(page.get_by_text("The disk is being replaced.")).to_have_count(0)

    page.get_by_role("link", name="Ended").click()
    ended = page.get_by_role("listitem").filter(has_text="The disk is being replaced.")
    expect(ended).to_contain_text("ended by")
    ended.get_by_role("link", name="Make it again").click()
    page.get_by_role("button", name="Show what it matches").click()
    page.get_by_role("button", name="Silence them").click()
    expect(made).to_contain_text("In force")


@pytest.mark.req("S4.1-12")
def test_a_job_is_awaited_calls_fails_is_paused_and_resumed(
    page: Page, site: Site
) -> None:
    page.goto(site.url("/heartbeats/"))
    page.get_by_label("Name").fill("Nightly backup")
    page.get_by_role("button", name="Add and show its address").click()
    address = page.locator("#ping-url").inner_text()
    assert httpx2.get(f"{address}/start").text == "OK"
    assert httpx2.post(address, content=b"41 files copied").text == "OK"
    page.get_by_role("link", name="Heartbeats").last.click()
    page.get_by_role("link", name="Nightly backup").click()
    page.get_by_text("What it printed").click()
    expect(page.get_by_text("41 files copied")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state-title")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()

    assert httpx2.post(f"{address}/fail", content=b"disk full").text == "OK"
    # The page says so by itself, with the incident that it opened.
    expect(page.locator("#monitor").get_by_role("link")).to_contain_text("incident #")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_what_is_quiet_is_wider_than_a_phone(
    site: Site, browser: Browser, scheme: str
) -> None:
    number = site.alert(f"narrow-{scheme}")
    monitor = site.job(f"Job in {scheme}")
    paths = (
        "/silences/",
        "/silences/?state=expired",
        f"/alerts/{number}/",
        "/heartbeats/",
        f"/heartbeats/{monitor}/",
    )
    with window(
        browser, storage_state=site.session, viewport=PHONE, color_scheme=scheme
    ) as opened:
        assert wider_than_the_window(opened.page(), site.url(""), paths) == []
