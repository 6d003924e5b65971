"""Users who are contacts of the plan, and what they type."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from watchbill.core.access import ConsoleRole
from watchbill.plan import bundled_text, load
from watchbill.plan.edit import replace
from watchbill.plan.source import Path
from watchbill.server.accounts.models import User
from watchbill.server.clock import VirtualClock
from watchbill.server.plans import actions, queries
from watchbill.server.plans.actions import Proposal
from watchbill.server.plans.models import PlanVersion

BACKEND = "watchbill.server.accounts.actions.EmailBackend"
TRM = replace(
    bundled_text("trm"),
    {("plan", "signers"): ["engineering_manager", "product_manager", "cto"]},
)
SIGNERS = ("engineering_manager", "product_manager", "cto")

MakeUser = Callable[..., User]


def changed(version: str, effective: str = "2026-02-06", **more: str) -> str:
    """Return the plan as a new version."""
    values: dict[Path, str] = {
        ("plan", "version"): version,
        ("plan", "effective"): effective,
    }
    return replace(TRM, values | {("plan", name): text for name, text in more.items()})


def browser(user: User) -> Client:
    """Return a browser in which a user is signed in."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture(autouse=True)
def _no_plan_of_another_test() -> None:
    queries.forget()


@pytest.fixture
def make_user(db: None, virtual_clock: VirtualClock) -> MakeUser:
    """Make a user who is a contact of the plan."""

    def make(
        contact: str = "", role: ConsoleRole = ConsoleRole.RESPONDER, name: str = ""
    ) -> User:
        one = User(
            name=name or contact or "Nobody",
            email=f"{name or contact or role}@example.org".replace(" ", ""),
            role=role,
            contact_key=contact,
            created_at=virtual_clock.now(),
        )
        one.set_unusable_password()
        one.save()
        return one

    return make


@pytest.fixture
def running(db: None, virtual_clock: VirtualClock) -> PlanVersion:
    """The plan in force, unsigned, which names three signers who exist."""
    loaded = load(TRM, name="plan.yaml")
    return actions.put_in_force(loaded, now=virtual_clock.now())


def propose(
    author: User, text: str, *, now: datetime, based_on: int | None = None
) -> PlanVersion:
    """Propose a text after the newest version."""
    newest = queries.newest()
    following = newest.pk if newest is not None and based_on is None else based_on
    proposal = Proposal(
        loaded=load(text, name="draft"), reason="Because.", based_on=following
    )
    return actions.propose(proposal, by=author, now=now)
