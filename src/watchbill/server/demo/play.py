"""Playing the demo beside a running installation."""

import secrets
import threading
from collections.abc import Callable
from typing import Protocol

from watchbill.core.access import ConsoleRole
from watchbill.server import clock
from watchbill.server.accounts import actions as accounts
from watchbill.server.accounts import queries as account_queries
from watchbill.server.clock import ScaledClock
from watchbill.server.demo import state
from watchbill.server.demo.state import Demo
from watchbill.server.demo.story import Story
from watchbill.server.engine import channels

_EMAIL = "owner@example.org"

Tell = Callable[[str], None]


class Stage(Protocol):
    """The installation on which the story is played."""

    @property
    def url(self) -> str:
        """Where people reach it."""

    def link_for(self, email: str | None) -> str:
        """Return a link that signs a user in once."""

    def integration_url(self, kind: str, name: str, *, is_drill: bool = False) -> str:
        """Create an integration and return the URL to post to."""


def speed_up(rate: float) -> None:
    """Run the plan faster than the clock on the wall, from now on."""
    beneath = clock.DatabaseClock()
    clock.install(ScaledClock(clock=beneath, origin=beneath.wall(), rate=rate))


def play(installed: Stage, demo: Demo, tell: Tell, *, wait: float) -> None:
    """Greet the newcomer, then play the story once somebody has signed in.

    ``wait`` is the number of seconds after which it starts all the same.
    """
    password = secrets.token_urlsafe(12)
    wall = clock.wall()
    if account_queries.by_email(_EMAIL) is None:
        accounts.create_user(
            name="Demo Owner",
            email=_EMAIL,
            password=password,
            role=ConsoleRole.OWNER,
            now=wall,
        )
    intake_url = installed.integration_url(
        "alertmanager", "Prometheus of the demo", is_drill=True
    )
    story = Story(
        intake_url=intake_url,
        inbox=demo.inbox,
        egress=channels.from_settings().egress,
        tell=tell,
    )
    demo.replay = story.play
    state.begin(demo)
    for line in _greeting(installed, intake_url, password, rate=demo.rate):
        tell(line)
    _await_sign_in(wait)
    tell(f"The story begins. One second is {demo.rate / 60:g} min of the plan's time.")
    story.play()


def _await_sign_in(wait: float) -> None:
    pause = threading.Event()
    for _ in range(int(wait * 2)):
        if account_queries.anyone_signed_in():
            return
        pause.wait(0.5)


def _greeting(
    installed: Stage, intake_url: str, password: str, *, rate: float
) -> tuple[str, ...]:
    alert = (
        '{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"LoginDown",'
        '"severity":"critical"},"annotations":{"summary":"Nobody can sign in"}}]}'
    )
    return (
        "",
        "watchbill demo: a drill on this machine. No message leaves it, and its",
        f"database is thrown away at the end. The plan runs {rate:g} times as fast.",
        "",
        "Open this link and press the button (it works once):",
        f"  {installed.link_for(_EMAIL)}",
        f"or sign in at {installed.url} as {_EMAIL} with the password {password}",
        "",
        "Then watch the incident, and try:",
        "  Incidents      acknowledge (a), escalate now (e), resolve (r)",
        "  Menu           Demo inbox: what people got; its links work without a login",
        "  On call, Plan  who holds the watch, and the file that says so",
        "  your own alert (a P2):",
        f"    curl -d '{alert}' {intake_url}",
        "",
        "Stop with Ctrl-C.",
        "",
    )
