"""The plan in a real browser: read, mended, simulated, asked about and proposed.

As in `test_console`, the browser's console must stay silent on every page, so that an
error of a script or a violation of the content security policy fails the test.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, window
from tests.e2e.product import AWKWARD_NAME, Product, channels
from watchbill.plan.load import bundled_text

pytestmark = needs_chromium

SECTIONS = re.findall(r"^([a-z_]+):$", bundled_text("trm"), re.MULTILINE)
NOBODY_AT_30 = "after: 30m, do: notify, who: engineering_managr"
MANAGER_AT_30 = "after: 30m, do: notify, who: engineering_manager"
MANAGER_AT_45 = "after: 45m, do: notify, who: engineering_manager"
LONG = "unbreakable" * 15
ASKED = (
    "/plan/simulate/?severity=P1&route=payment&at=2026-02-08T02%3A30&acknowledged=7m"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An installation that runs the example plan, and its owner's session."""

    product: Product
    cookies: list[Any]

    def url(self, path: str) -> str:
        return self.product.url + path


@pytest.fixture(scope="module")
def site(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Site]:
    with Product(home / AWKWARD_NAME, env=channels(smtp, slack)) as product:
        with closing(product.create_owner()) as client:
            cookies = [
                {"name": one.name, "value": one.value, "url": product.url}
                for one in client.cookies.jar
            ]
        yield Site(product=product, cookies=cookies)
        assert product.stderr == ""


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """A page of a window in which the owner is signed in."""
    with window(browser) as opened:
        opened.context.add_cookies(site.cookies)
        yield opened.page()


def text_of(page: Page) -> str:
    return page.get_by_label("Text of the plan").input_value()


def change(page: Page, old: str, new: str) -> int:
    """Select something in the editor and type over it; return its line."""
    text = text_of(page)
    assert text.count(old) == 1
    start = text.index(old)
    page.get_by_label("Text of the plan").evaluate(
        "(area, [start, end]) => { area.focus(); area.setSelectionRange(start, end) }",
        [start, start + len(old)],
    )
    page.keyboard.insert_text(new)
    assert text_of(page) == text.replace(old, new)
    return text[:start].count("\n") + 1


def propose(page: Page, reason: str, button: str) -> int:
    """Send what was written; return the number of the version that it became."""
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_url(re.compile(r"/plan/\d+/#approval$"))
    expect(page.locator("#messages")).to_contain_text("It waits for its signatures.")
    expect(page.locator("#approval")).to_contain_text(reason)
    return int(page.url.split("/")[-2])


@pytest.mark.req("S0-05", "SD-04", "A43")
def test_the_plan_is_read_by_sections_and_marked_until_it_is_signed(
    site: Site, page: Page
) -> None:
    page.goto(site.url("/plan/"))

    expect(page.locator(".plan-state .mark-unsigned")).to_have_text("UNSIGNED")
    links = page.get_by_role("navigation", name="Sections").get_by_role("link")
    anchors = [link.get_attribute("href") for link in links.all()]
    assert len(SECTIONS) > 20
    assert {f"#s-{key}" for key in SECTIONS} <= set(anchors)
    assert [one for one in anchors if page.locator(str(one)).count() != 1] == []
    heading = page.locator("#t-alerts")
    expect(heading).not_to_be_in_viewport()
    page.locator('.plan-index a[href="#s-alerts"]').click()
    expect(heading).to_be_in_viewport()


@pytest.mark.req("S0-04", "A43")
def test_a_slip_is_found_with_its_line_mended_and_the_change_proposed_in_words(
    site: Site, page: Page
) -> None:
    page.goto(site.url("/plan/edit/"))
    line = change(page, MANAGER_AT_30, NOBODY_AT_30)
    broken = text_of(page)
    page.evaluate("window.wasNeverReloaded = true")

    page.get_by_role("button", name="Check").click()

    finding = page.locator("#check li").filter(has_text="engineering_managr")
    expect(finding).to_contain_text('Did you mean "engineering_manager"?')
    expect(page.locator("#check")).to_contain_text("1 error")
    assert page.evaluate("window.wasNeverReloaded") is True
    assert text_of(page) == broken
    place = page.locator(f"#L{line}")
    page.locator("#L1").scroll_into_view_if_needed()
    expect(place).not_to_be_in_viewport()
    finding.get_by_role("link", name=re.compile(f"^{line}:")).click()
    expect(place).to_be_in_viewport()

    change(page, NOBODY_AT_30, MANAGER_AT_45)
    page.get_by_role("button", name="Check").click()
    expect(finding).to_have_count(0)
    reason = "The manager asked for a quarter of an hour more."
    number = propose(page, reason, "Propose this version")

    page.goto(site.url("/plan/versions/"))
    row = page.locator("tr").filter(has_text=reason)
    expect(row).to_contain_text("Proposed")
    row.get_by_role("link", name="What it changes").click()
    page.wait_for_url(f"**/plan/*/diff/{number}/")
    people = page.get_by_role("region", name="What changes for people")
    said = (
        "the Engineering Manager is told 15 min later on P1 (45 min instead of 30 min)"
    )
    expect(people.get_by_role("listitem").filter(has_text=said)).to_contain_text(
        "quieter"
    )
    page.goto(site.url("/plan/"))
    expect(page.locator("#s-escalation")).not_to_contain_text("45 min")


@pytest.mark.req("S3.2-22")
def test_a_simulation_is_drawn_and_its_address_keeps_what_was_asked(
    site: Site, page: Page
) -> None:
    page.goto(site.url("/plan/simulate/"))
    page.get_by_label("Severity").select_option("P1")
    page.get_by_label("What kind").select_option("payment")
    page.get_by_label("Declared at").fill("2026-02-08T02:30")
    page.get_by_label("Acknowledged after").fill("7m")

    page.get_by_role("button", name="Simulate").click()

    page.wait_for_url("**/simulate/?*")
    asked = parse_qs(urlsplit(page.url).query)
    del asked["version"]
    assert asked == {
        "severity": ["P1"],
        "route": ["payment"],
        "at": ["2026-02-08T02:30"],
        "acknowledged": ["7m"],
    }
    expect(page.get_by_label("Severity")).to_have_value("P1")
    expect(page.get_by_label("Acknowledged after")).to_have_value("7m")
    expect(page.locator(".event-word")).to_have_text(["acknowledged"])
    drawing = page.locator("svg.drawing").bounding_box()
    assert drawing is not None
    for mark in page.locator("svg.drawing .mark circle").all():
        box = mark.bounding_box()
        assert box is not None
        assert box["width"] > 20
        assert drawing["x"] <= box["x"] <= drawing["x"] + drawing["width"]
    reached = page.get_by_role("table").get_by_role("row")
    expect(reached.filter(has_text="30 min")).to_contain_text("Engineering Manager")
    # Acknowledged after 7 min: nobody is paged any more, the matrix goes on.
    expect(reached.filter(has_text="Page the whole DevOps team")).to_have_count(0)
    expect(reached.filter(has_text="Notify the CTO")).to_contain_text("03:30")


@pytest.mark.req("A20")
def test_an_open_question_is_answered_and_proposed(site: Site, page: Page) -> None:
    page.goto(site.url("/plan/start/"))
    question = page.locator("#q-hours")
    question.get_by_label("From").fill("08:30")

    page.get_by_role("button", name="Show what changes").click()

    expect(page.locator("#answer")).to_contain_text("1 answer changed")
    expect(question.get_by_label("From")).to_have_value("08:30")
    number = propose(page, "We begin at half past eight.", "Propose")
    page.goto(site.url(f"/plan/{number}/source/"))
    source = page.locator("main")
    expect(source).to_contain_text(re.compile(r'from: "?08:30'))


def test_no_page_of_the_plan_scrolls_sideways_on_a_phone(
    site: Site, page: Page
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site.url("/plan/edit/"))
    change(
        page, "title: Notify the CTO, why: [S3.2-07", f"title: {LONG}, why: [S3.2-07"
    )
    number = propose(page, f"Long: {LONG}", "Propose this version")
    too_wide = []

    for path in (
        "/plan/",
        "/plan/source/",
        "/plan/versions/",
        "/plan/edit/",
        "/plan/start/",
        "/plan/simulate/",
        ASKED,
        f"{ASKED}&version={number}",
        "/plan/simulate/?severity=P1&at=never",
        f"/plan/{number}/",
        f"/plan/{number}/source/",
        f"/plan/1/diff/{number}/",
        f"/plan/1/diff/{number}/?whole",
    ):
        page.goto(site.url(path))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            too_wide.append(path)

    assert too_wide == []
