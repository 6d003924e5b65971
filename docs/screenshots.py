"""Make the pictures of the README: `python docs/screenshots.py`.

They show the demo as everybody gets it, at the moment at which the ladder has climbed
to the Technical Lead and nobody has answered yet. Needs Debian's Chromium.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PORT = 8329
URL = f"http://127.0.0.1:{PORT}"
SIGN_IN = re.compile(r"http://\S+/link/\S+")
WHEN = "Told Technical Lead"
"""What the timeline says when the picture is taken."""

BROWSER = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright, demo() as link:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        desk = page_of(browser, width=1440, height=1000, scheme="light")
        desk.goto(link)
        desk.get_by_role("button", name="Sign in", exact=True).click()
        desk.get_by_text("Payment success").first.wait_for()
        desk.goto(f"{URL}/incidents/1/")
        desk.get_by_text(WHEN).wait_for(timeout=120_000)
        phone = page_of(browser, width=390, height=844, scheme="dark")
        phone.context.add_cookies(desk.context.cookies())  # type: ignore[arg-type]
        phone.goto(f"{URL}/incidents/1/")
        desk.screenshot(path=IMAGES / "incident.png")
        phone.screenshot(path=IMAGES / "phone.png")
        browser.close()


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo, slower than usual; yields the link to sign in."""
    command = [sys.executable, "-m", "watchbill", "demo", f"--port={PORT}"]
    process = subprocess.Popen(
        [*command, "--speed=30", "--wait=60"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield sign_in_link(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def sign_in_link(process: "subprocess.Popen[str]") -> str:
    for line in process.stdout or ():
        if found := SIGN_IN.search(line):
            return found[0]
    sys.exit("the demo ended before it gave a link")


def page_of(browser: Browser, *, width: int, height: int, scheme: str) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    return context.new_page()


if __name__ == "__main__":
    main()
