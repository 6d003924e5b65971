"""The console in a real browser, from the first run to the last button.

Every page is opened in a browser whose console must stay silent: an error of a script
and a violation of the content security policy are printed there.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.core.signing import Signer
from playwright.sync_api import Browser, Page, expect

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import ReceivedMail, SmtpDouble
from tests.e2e.browser import PHONE, Window, needs_chromium, window
from tests.e2e.product import (
    AWKWARD_NAME,
    OWNER,
    PASSWORD,
    Product,
    alert,
    channels,
    eventually,
    fire,
    p1,
)

pytestmark = needs_chromium

BURMESE = "ငွေပေးချေမှု မအောင်မြင်ပါ"
_services = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRun:
    """What the browser saw when the owner was created."""

    heading: str
    url_after: str
    second_use: str
    #: Cookies of the owner's session.
    session: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The installation, an integration of it and its owner's session."""

    product: Product
    intake_url: str
    smtp: SmtpDouble
    first_run: FirstRun

    def url(self, path: str) -> str:
        return self.product.url + path

    def incident(self, *, title: str = "") -> tuple[int, str]:
        """Make a P1 of its own by a posted alert; return its number and its title."""
        service = f"svc-{next(_services)}"
        fire(self.intake_url, p1(service, summary=title))
        find = "SELECT incident_id FROM watchbill_alert WHERE labels->>'service' = %s"
        ((number,),) = eventually(
            lambda: self.product.rows(find, service), "the alert is an incident"
        )
        return number, title or f"PlatformDown {service}"

    def status(self, number: int) -> tuple[str, str]:
        ((status, holder),) = self.product.rows(
            "SELECT status, acknowledged_by FROM watchbill_incident WHERE id = %s",
            number,
        )
        return status, holder

    def mails(self, number: int, count: int = 1) -> list[ReceivedMail]:
        """Return the mails about an incident as soon as there are this many."""

        def found() -> list[ReceivedMail] | None:
            mine = [
                mail
                for mail in list(self.smtp.messages)
                if f"(#{number})" in str(mail.message["Subject"])
            ]
            return mine if len(mine) >= count else None

        return eventually(found, f"{count} mails came") or []


@pytest.fixture(scope="module")
def site(
    home: Path, smtp: SmtpDouble, slack: SlackDouble, browser: Browser
) -> Iterator[Site]:
    with Product(home / AWKWARD_NAME, env=channels(smtp, slack)) as product:
        first_run = create_owner(browser, product.owner_link)
        yield Site(
            product=product,
            intake_url=product.create_integration(),
            smtp=smtp,
            first_run=first_run,
        )
        assert product.stderr == ""


@pytest.fixture
def console(site: Site, browser: Browser) -> Iterator[Window]:
    """A window in which the owner is signed in."""
    with window(browser, storage_state=site.first_run.session) as opened:
        yield opened


@pytest.fixture
def page(console: Window) -> Page:
    return console.page()


def create_owner(browser: Browser, link: str) -> FirstRun:
    with window(browser) as opened:
        page = opened.page()
        page.goto(link)
        heading = page.locator("h1").inner_text()
        page.get_by_label("Name").fill("Ma Thida")
        page.get_by_label("E-mail").fill(OWNER)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password again").fill(PASSWORD)
        page.get_by_role("button", name="Create the owner").click()
        page.wait_for_url("**/incidents/")
        return FirstRun(
            heading=heading,
            url_after=page.url,
            second_use=httpx2.get(link).text,
            session=opened.context.storage_state(),
        )


# ── Coming in ─────────────────────────────────────────────────────────────────────


def test_the_first_run_creates_the_owner_by_a_link_that_works_once(site: Site) -> None:
    assert site.first_run.heading == "Create the owner"
    assert site.first_run.url_after == site.url("/incidents/")
    assert "This link was used" in site.first_run.second_use


def test_a_wrong_password_is_refused_and_the_right_one_leads_to_the_page_asked_for(
    site: Site, browser: Browser
) -> None:
    with window(browser) as opened:
        page = opened.page()
        page.goto(site.url("/on-call/"))
        expect(page).to_have_url(re.compile(r"/sign-in/\?next=/on-call/"))

        sign_in(page, "not the password")
        expect(page.get_by_role("alert")).to_have_text(
            "The e-mail address or the password is wrong."
        )

        sign_in(page, PASSWORD)
        expect(page).to_have_url(site.url("/on-call/"))

        page.get_by_label("Menu").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(site.url("/sign-in/"))
        page.goto(site.url("/incidents/"))
        expect(page).to_have_url(re.compile("/sign-in/"))


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


# ── Working on an incident ────────────────────────────────────────────────────────


@pytest.mark.req("S3.1-05", "A2")
def test_a_page_is_seen_at_once_and_acknowledged_with_the_button(
    site: Site, page: Page
) -> None:
    page.goto(site.url("/incidents/"))
    page.evaluate("window.wasNeverReloaded = true")
    expect(page.locator("#live")).to_have_text("Live")

    number, title = site.incident()

    row = page.get_by_role("link", name=title, exact=True)
    expect(row).to_be_visible()
    assert page.evaluate("window.wasNeverReloaded") is True
    row.click()
    before = page.locator(".next-what").inner_text()
    page.get_by_role("button", name="Acknowledge").click()

    expect(page.locator("#incident-header .pill")).to_have_text("Acknowledged")
    expect(page.locator("#incident-timeline")).to_contain_text(
        "Acknowledged by Ma Thida"
    )
    # The ladder no longer pages; what comes next is to bring more people in.
    assert before.startswith("Page the DevOps on-call again")
    expect(page.locator(".next-what")).to_contain_text("Escalate to the Technical Lead")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert site.status(number) == ("acknowledged", "Ma Thida")


def test_the_key_a_acknowledges_and_the_countdown_runs(site: Site, page: Page) -> None:
    number, _ = site.incident()
    page.goto(site.url(f"/incidents/{number}/"))
    clock = page.locator(".next-clock")
    expect(clock).to_have_text(re.compile(r"^in 1 min \d+ s$"))
    shown = clock.inner_text()
    expect(clock).not_to_have_text(shown)

    page.keyboard.press("a")

    expect(page.locator("#incident-header .pill")).to_have_text("Acknowledged")
    expect(clock).to_have_text(re.compile(r"^in 14 min \d+ s$"))


def test_two_windows_see_the_same_without_a_reload(site: Site, console: Window) -> None:
    number, _ = site.incident()
    one, other = console.page(), console.page()
    for page in (one, other):
        page.goto(site.url(f"/incidents/{number}/"))
        expect(page.locator("#live")).to_have_text("Live")

    one.get_by_role("button", name="Acknowledge").click()

    expect(other.locator("#incident-header .pill")).to_have_text("Acknowledged")


def test_resolving_asks_first(site: Site, page: Page) -> None:
    number, _ = site.incident()
    page.goto(site.url(f"/incidents/{number}/"))

    page.keyboard.press("r")

    expect(page.locator("#resolve-note")).to_be_focused()
    assert site.status(number)[0] == "triggered"
    page.locator("#resolve-note").fill("KBZPay answers again")
    page.get_by_role("button", name=f"Resolve #{number}").click()
    expect(page.locator("#incident-header .pill")).to_have_text("Resolved")
    expect(page.locator("#incident-timeline")).to_contain_text("KBZPay answers again")
    assert site.status(number)[0] == "resolved"


@pytest.mark.req("S3.2-21")
def test_escalating_now_names_who_is_reached_and_brings_the_step_forward(
    site: Site, page: Page
) -> None:
    number, _ = site.incident()
    page.goto(site.url(f"/incidents/{number}/"))
    with page.expect_response("**/acknowledge/"):
        page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#incident-timeline")).to_contain_text("Acknowledged by")
    expect(page.locator("body")).not_to_have_class(re.compile("is-sending"))
    told = len(site.mails(number, 2))

    page.keyboard.press("e")
    page.get_by_role(
        "button", name=re.compile("^Reach .*Technical Lead.* now$")
    ).click()

    expect(page.locator("#incident-timeline")).to_contain_text(
        "Escalated early by Ma Thida"
    )
    expect(page.locator("#incident-ladder .is-brought_forward")).to_have_count(1)
    people = {to for mail in site.mails(number, told + 1) for to in mail.recipients}
    assert "tech-lead@trm.rocks" in people


def test_an_incident_is_declared_by_hand(site: Site, page: Page) -> None:
    page.goto(site.url("/incidents/new/"))
    page.locator("#id_title").fill("Referrals are not saved")
    page.get_by_label("P2 High").check()
    page.get_by_label("What kind").select_option("mobile")
    page.get_by_role("button", name="Declare and start the ladder").click()

    expect(page.locator("h1")).to_have_text("Referrals are not saved")
    expect(page.locator("#incident-alerts")).to_contain_text("a person declared")
    expect(page.locator("#incident-tickets")).to_contain_text("Referrals are not saved")


def test_a_form_sent_half_empty_says_what_is_missing(site: Site, page: Page) -> None:
    page.goto(site.url("/incidents/new/"))
    page.locator("form[method=post].stack").evaluate(
        "form => { form.noValidate = true }"
    )
    with page.expect_response("**/incidents/new/") as answer:
        page.get_by_role("button", name="Declare and start the ladder").click()

    assert answer.value.status == 422
    expect(page.locator(".errorlist").first).to_be_visible()


def test_it_works_without_javascript(site: Site, browser: Browser) -> None:
    number, title = site.incident()
    session = site.first_run.session
    with window(browser, storage_state=session, java_script_enabled=False) as opened:
        page = opened.page()
        page.goto(site.url("/incidents/"))
        page.get_by_role("link", name=title, exact=True).click()

        page.get_by_role("button", name="Acknowledge").click()

        expect(page.locator("#incident-header .pill")).to_have_text("Acknowledged")
        page.get_by_text("Resolve…").click()
        page.get_by_role("button", name=f"Resolve #{number}").click()
        expect(page.locator("#incident-header .pill")).to_have_text("Resolved")


# ── How it looks ──────────────────────────────────────────────────────────────────

PAGES = (
    "/incidents/",
    "/incidents/?status=all",
    "/incidents/?status=resolved&q=nothing-like-it",
    "/incidents/new/",
    "/on-call/",
    "/on-call/contacts/",
    "/tickets/",
    "/deliveries/",
    "/plan/",
    "/integrations/",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}])
def test_no_page_complains_or_scrolls_sideways(
    site: Site, browser: Browser, size: Any, scheme: Any
) -> None:
    number, _ = site.incident(title="စ" * 60 + " " + "unbreakable" * 15)
    with window(
        browser,
        storage_state=site.first_run.session,
        viewport=size,
        color_scheme=scheme,
    ) as opened:
        page = opened.page()
        too_wide, backgrounds = [], set()
        for path in (*PAGES, f"/incidents/{number}/"):
            answer = page.goto(site.url(path))
            assert answer is not None
            assert answer.status == 200
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                too_wide.append(path)
            backgrounds.add(
                page.evaluate("getComputedStyle(document.body).backgroundColor")
            )

    assert too_wide == []
    assert {is_dark(color) for color in backgrounds} == {scheme == "dark"}


def is_dark(color: str) -> bool:
    red, green, blue = (int(part) for part in re.findall(r"\d+", color)[:3])
    return red + green + blue < 3 * 128


def test_on_a_phone_the_acknowledge_button_is_always_within_reach(
    site: Site, browser: Browser
) -> None:
    number, _ = site.incident()
    with window(
        browser, storage_state=site.first_run.session, viewport=PHONE, has_touch=True
    ) as opened:
        page = opened.page()
        page.goto(site.url(f"/incidents/{number}/"))
        button = page.get_by_role("button", name="Acknowledge")
        for y in (0, 400, 100_000):
            page.evaluate("y => scrollTo(0, y)", y)
            box = button.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= PHONE["height"]
            assert box["y"] > PHONE["height"] / 2
            assert box["height"] >= 44

        button.tap()

        expect(page.locator("#incident-header .pill")).to_have_text("Acknowledged")


def test_the_theme_is_remembered(site: Site, page: Page) -> None:
    page.goto(site.url("/incidents/"))
    background = "getComputedStyle(document.body).backgroundColor"
    assert not is_dark(page.evaluate(background))

    page.get_by_label("Light or dark").click()
    page.goto(site.url("/plan/"))

    assert is_dark(page.evaluate(background))


def test_a_title_in_burmese_is_shown_in_letters_that_the_page_brings(
    site: Site, page: Page
) -> None:
    number, _ = site.incident(title=BURMESE)
    page.goto(site.url(f"/incidents/{number}/"))

    expect(page.locator("h1")).to_have_text(BURMESE)
    loaded = page.evaluate(
        "async text => (await document.fonts.load('16px \"Noto Sans Myanmar\"', text))"
        ".map(face => face.status)",
        BURMESE,
    )
    assert loaded == ["loaded"]


# ── By the link in a message ──────────────────────────────────────────────────────


def links_of(mail: ReceivedMail) -> dict[str, str]:
    text = mail.body().replace("\r\n", "\n")
    return dict(re.findall(r"^([^\n:]+):\n(https?://\S+)$", text, re.MULTILINE))


@pytest.mark.req("S2.2-07", "A2")
def test_reading_the_link_changes_nothing_and_pressing_the_button_takes_the_incident(
    site: Site, browser: Browser
) -> None:
    number, _ = site.incident()
    asked = [mail for mail in site.mails(number, 3) if "Acknowledge" in links_of(mail)]
    first, second = (links_of(mail)["Acknowledge"] for mail in asked[:2])
    for _ in range(2):  # mail scanners open links
        assert httpx2.get(first).status_code == 200
        assert httpx2.head(first).status_code == 200
    assert site.status(number) == ("triggered", "")

    with window(browser, viewport=PHONE, java_script_enabled=False) as opened:
        page = opened.page()
        page.goto(first)
        page.get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_role("status")).to_have_text("Acknowledged. It is yours.")
        taken_by = site.status(number)[1]
        assert taken_by

        answer = httpx2.post(second, data={"action": "acknowledge"})
        page.goto(second)
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        expect(page.locator("dl")).to_contain_text(taken_by)

    assert f"{taken_by} has already taken it." in answer.text
    assert site.status(number) == ("acknowledged", taken_by)


@pytest.mark.req("S4.4-07")
def test_the_copy_of_a_shadow_cannot_take_the_incident(site: Site) -> None:
    number, _ = site.incident()
    copies = [mail for mail in site.mails(number, 3) if "You get a copy" in mail.body()]
    assert len(copies) == 1
    assert list(links_of(copies[0])) == ["Open in the console"]

    # Not even a link that the installation itself could have made.
    ((copy,),) = site.product.rows(
        "SELECT id FROM watchbill_notification WHERE incident_id = %s AND is_copy",
        number,
    )
    key = (site.product.data_dir / "secret_key").read_text()
    token = Signer(key=key, sep=".", salt="watchbill.notification").sign(str(copy))
    link = site.url(f"/n/{token}/")
    assert "Acknowledge</button>" not in httpx2.get(link).text
    answer = httpx2.post(link, data={"action": "acknowledge"})

    assert "This link cannot do that now." in answer.text
    assert site.status(number) == ("triggered", "")


def test_a_link_that_was_tampered_with_is_not_known(site: Site) -> None:
    number, _ = site.incident()
    link = next(
        links_of(mail)["Acknowledge"]
        for mail in site.mails(number, 3)
        if "Acknowledge" in links_of(mail)
    )
    head, _, tail = link.rstrip("/").rpartition("/")
    forged = f"{head}/{'1' + tail}/"

    answer = httpx2.post(forged, data={"action": "acknowledge"})

    assert answer.status_code == 404
    assert site.status(number) == ("triggered", "")


@pytest.mark.req("A15")
def test_a_confidential_incident_is_not_named_in_a_message(site: Site) -> None:
    service = f"svc-{next(_services)}"
    breach = alert("DataBreach", severity="critical", service=service, summary="Stolen")
    fire(site.intake_url, breach)
    ((number,),) = eventually(
        lambda: site.product.rows(
            "SELECT incident_id FROM watchbill_alert WHERE labels->>'service' = %s",
            service,
        ),
        "the alert is an incident",
    )

    for mail in site.mails(number):
        assert b"Stolen" not in mail.raw
        assert "confidential incident" in str(mail.message["Subject"])
