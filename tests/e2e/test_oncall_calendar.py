"""The calendar of a schedule in a real browser: by pointer, by keyboard, on a phone."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import PHONE, needs_chromium, wider_than_the_window, window
from tests.e2e.product import AWKWARD_NAME, Product, channels
from tests.e2e.test_console import create_owner

pytestmark = needs_chromium

YANGON = ZoneInfo("Asia/Yangon")
CALENDAR = "/on-call/schedules/primary-oncall/"
#: Pixels from the top of a row of the drawing to the middle of the primary's line.
PRIMARY = 38 + 20

ALL_PAGES = [
    "/on-call/",
    CALENDAR,
    f"{CALENDAR}?view=fortnight",
    f"{CALENDAR}?view=month",
    f"{CALENDAR}override/",
    f"{CALENDAR}edit/",
    "/on-call/new-schedule/",
    "/on-call/new-person/",
    "/on-call/people/devops_engineer/end/",
    "/on-call/people/cto/end/",
    "/on-call/mine/",
    "/on-call/swaps/",
    "/on-call/swaps/new/?schedule=primary-oncall",
    "/on-call/absence/",
    "/on-call/people/",
    "/on-call/people/devops_engineer/",
    "/on-call/people/devops_engineer/edit/",
    "/on-call/teams/",
    "/on-call/teams/devops/edit/",
    "/on-call/load/",
    "/on-call/load/fair/primary-oncall/",
    "/on-call/contacts/",
    "/deliveries/readiness/",
]


@pytest.fixture(scope="module")
def product(home: Path, smtp: SmtpDouble, slack: SlackDouble) -> Iterator[Product]:
    with Product(home / AWKWARD_NAME, env=channels(smtp, slack)) as one:
        yield one
        assert one.stderr == ""


@pytest.fixture(scope="module")
def session(product: Product, browser: Browser) -> Any:
    return create_owner(browser, product.owner_link).session


@pytest.fixture
def page(browser: Browser, session: Any) -> Iterator[Page]:
    with window(browser, storage_state=session) as opened:
        yield opened.page()


@pytest.fixture(autouse=True)
def _nothing_is_overridden(product: Product) -> None:
    product.rows(
        "WITH gone AS (DELETE FROM watchbill_override RETURNING id)"
        " SELECT count(*) FROM gone"
    )


def overrides(product: Product) -> list[tuple[str, datetime, datetime]]:
    return product.rows(
        "SELECT contact_key, starts_at, ends_at FROM watchbill_override ORDER BY id"
    )


def next_week(product: Product, page: Page) -> Locator:
    """Open the week after this one, all of which is still to come."""
    page.goto(product.url + CALENDAR)
    page.locator("[data-go=next]").click()
    page.wait_for_url("**day=*")
    return page.locator("[data-strip]")


def instant(strip: Locator, part: float) -> datetime:
    """Return the instant at a part of a row, to the hour."""
    starts = datetime.fromisoformat(strip.get_attribute("data-starts") or "")
    ends = datetime.fromisoformat(strip.get_attribute("data-ends") or "")
    since = round((ends - starts) * part / timedelta(hours=1))
    return starts + timedelta(hours=since)


def drag(
    page: Page, strip: Locator, begin: float, end: float, y: int = PRIMARY
) -> None:
    box = strip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + begin * box["width"], box["y"] + y)
    page.mouse.down()
    for step in range(1, 6):
        part = begin + (end - begin) * step / 5
        page.mouse.move(box["x"] + part * box["width"], box["y"] + y)
    page.mouse.up()


def choose(page: Page, key: str) -> None:
    page.locator("#override-form [name=contact]").select_option(key)


@pytest.mark.req("S4.4-09")
def test_a_drag_over_a_stretch_makes_an_override_and_undo_takes_it_back(
    product: Product, page: Page
) -> None:
    strip = next_week(product, page)
    begin, end = instant(strip, 0.4), instant(strip, 0.6)
    drag(page, strip, 0.4, 0.6)
    dialog = page.locator("#override-dialog")
    expect(dialog).to_be_visible()
    choose(page, "cto")
    expect(page.locator("#override-preview")).to_contain_text("CTO")
    expect(page.locator("#override-preview")).to_contain_text("instead of")
    page.get_by_role("button", name="Make it so").click()
    page.wait_for_url("**made=*")
    (row,) = overrides(product)
    assert row == ("cto", begin, end)
    expect(page.locator(".shift.by-override")).to_have_count(1)
    expect(page.locator(".shift.by-override")).to_have_attribute(
        "aria-label", re.compile("^Primary: CTO, .*override, instead of")
    )
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#messages")).to_contain_text("Undone")
    expect(page.locator(".shift.by-override")).to_have_count(0)


def test_the_edge_of_a_shift_is_dragged_to_its_neighbour(
    product: Product, page: Page
) -> None:
    strip = next_week(product, page)
    blocks = strip.locator("[data-shift][data-duty=primary]")
    expect(blocks).to_have_count(2)
    leaves = blocks.first.get_attribute("data-holder")
    # The first shift ends at 10:00 of the first day, and is stretched by two days.
    edge = 10 / 168 - 0.002
    drag(page, strip, edge, edge + 48 / 168)
    expect(page.locator("#override-dialog")).to_be_visible()
    contact = page.locator("#override-form [name=contact]")
    assert contact.input_value() == leaves
    assert page.locator("[name=starts_at_1]").input_value() == "10:00"


def test_the_keyboard_selects_opens_makes_and_closes(
    product: Product, page: Page
) -> None:
    strip = next_week(product, page)
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-selection].is-on")).to_have_count(1)
    page.keyboard.press("Enter")
    dialog = page.locator("#override-dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert overrides(product) == []

    strip.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    choose(page, "cto")
    page.get_by_role("button", name="Make it so").press("Enter")
    page.wait_for_url("**made=*")
    ((contact, starts_at, ends_at),) = overrides(product)
    assert contact == "cto"
    assert ends_at - starts_at == timedelta(hours=12)


def test_single_keys_go_to_today_and_change_the_view(
    product: Product, page: Page
) -> None:
    next_week(product, page)
    page.keyboard.press("m")
    page.wait_for_url("**view=month*")
    assert page.locator("[data-strip]").count() >= 4
    page.keyboard.press("w")
    page.wait_for_url("**view=week*")
    page.keyboard.press("t")
    expect(page.locator(".cal-now")).to_have_count(1)
    page.keyboard.press("?")
    expect(page.locator("#calendar-help")).to_be_visible()
    expect(page.locator("#keys-help")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#calendar-help")).to_be_hidden()


def test_a_finger_selects_a_stretch(
    product: Product, browser: Browser, session: Any
) -> None:
    options = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    with window(browser, storage_state=session, **options) as opened:
        page = opened.page()
        strip = next_week(product, page)
        box = strip.bounding_box()
        assert box is not None
        devtools = opened.context.new_cdp_session(page)

        def touch(kind: str, part: float) -> None:
            point = {"x": box["x"] + part * box["width"], "y": box["y"] + PRIMARY}
            points = [] if kind == "touchEnd" else [point]
            devtools.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
            )

        touch("touchStart", 0.4)
        for part in (0.45, 0.5, 0.55, 0.6):
            touch("touchMove", part)
        touch("touchEnd", 0.6)
        expect(page.locator("#override-dialog")).to_be_visible()
        assert page.locator("[name=starts_at_0]").input_value()


def test_without_a_script_a_block_leads_to_the_form(
    product: Product, browser: Browser, session: Any
) -> None:
    with window(browser, storage_state=session, java_script_enabled=False) as opened:
        page = opened.page()
        strip = next_week(product, page)
        address = strip.locator("[data-shift]").last.get_attribute("href")
        assert address is not None
        page.goto(product.url + address)
        page.get_by_label("Who is on call").select_option("cto")
        page.get_by_role("button", name="Show what it changes").click()
        expect(page.locator("#override-preview")).to_contain_text("CTO")
        page.get_by_role("button", name="Make it so").click()
        page.wait_for_url("**made=*")
        assert [row[0] for row in overrides(product)] == ["cto"]
        expect(page.get_by_role("button", name="Undo")).to_be_visible()


def test_who_reads_in_another_zone_can_switch_to_it(
    product: Product, browser: Browser, session: Any
) -> None:
    with window(browser, storage_state=session, timezone_id="Europe/London") as opened:
        page = opened.page()
        page.goto(product.url + CALENDAR)
        page.get_by_role("link", name="Show Europe/London").click()
        page.wait_for_url("**zone=Europe%2FLondon*")
        expect(page.locator(".cal-zone")).to_contain_text("Times in Europe/London")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_page_of_the_watch_scrolls_sideways(
    product: Product, browser: Browser, session: Any, width: int, scheme: Any
) -> None:
    size = {"width": width, "height": 844}
    with window(
        browser, storage_state=session, viewport=size, color_scheme=scheme
    ) as opened:
        assert wider_than_the_window(opened.page(), product.url, ALL_PAGES) == []
