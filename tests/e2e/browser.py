"""A real Chromium that complains: what it prints as an error fails the test."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
)

CHROMIUM = shutil.which("chromium", path="/usr/bin:/usr/local/bin")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE: ViewportSize = {"width": 390, "height": 844}

needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="NO BROWSER TEST RAN: /usr/bin/chromium is missing"
        " (Debian: apt install chromium)",
    ),
]


class Window:
    """A browser window that remembers every complaint of its pages."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.complaints: list[str] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("requestfailed", self._failed)

    def page(self) -> Page:
        return self.context.new_page()

    def _failed(self, request: Request) -> None:
        # A page that is left behind cuts off what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _console(self, message: ConsoleMessage) -> None:
        # A form that is refused with 422 is printed as an error; it is an answer.
        is_answer = "the server responded with a status of 422" in message.text
        if message.type in {"error", "warning"} and not is_answer:
            self.complaints.append(f"{message.type}: {message.text}")


@contextmanager
def window(browser: Browser, **options: Any) -> Iterator[Window]:
    """Open a window; fail at its end if any of its pages complained."""
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    try:
        opened = Window(context)
        yield opened
        assert not opened.complaints, opened.complaints
    finally:
        context.close()


def wider_than_the_window(page: Page, origin: str, paths: Iterable[str]) -> list[str]:
    """Return the paths of pages that scroll sideways; each must open."""
    wide = []
    for path in paths:
        answer = page.goto(origin + path)
        assert answer is not None
        assert answer.status == 200, path
        for fold in page.locator("details.fold > summary").all():
            fold.click()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(path)
    return wide
