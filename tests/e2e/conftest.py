"""Real installations, and doubles of what they talk to."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.e2e.browser import ARGUMENTS, CHROMIUM
from tests.e2e.product import Product


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory outside pytest's own, whose path is long and private to us."""
    path = Path(tempfile.mkdtemp(prefix="wb-e2e-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def installation(home: Path) -> Iterator[Product]:
    """One for all tests of a file; each may end it, so ask `Product.ensure_started`."""
    with Product(home) as product:
        yield product


@pytest.fixture(scope="module")
def url(installation: Product) -> str:
    return installation.create_integration()


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpDouble]:
    with SmtpDouble() as double:
        yield double


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackDouble]:
    with SlackDouble() as double:
        yield double


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module: while it is open, an event loop of Playwright's runs
    in this thread, and no other test may start one."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()
