"""What must be true before the first request: schema, plan, first owner.

Importing this module reads the settings, so the database must be known by then.
"""

import getpass
import logging
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import click
import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse

from watchbill.integrations.registry import providers
from watchbill.plan import bundled_text, load
from watchbill.server import clock
from watchbill.server.accounts import actions as accounts
from watchbill.server.accounts import queries as account_queries
from watchbill.server.audit import desk as audit_desk
from watchbill.server.audit.acting import Acting, acting
from watchbill.server.audit.models import ActorKind
from watchbill.server.engine import channels, desk, trial
from watchbill.server.engine import start as engine_start
from watchbill.server.engine.loop import Engine, node_name
from watchbill.server.hooks import ways
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import Scope
from watchbill.server.oncall import desk as oncall_desk
from watchbill.server.plans import actions as plan_actions
from watchbill.server.plans import queries as plan_queries
from watchbill.server.plans.models import PlanVersion
from watchbill.server.project import env
from watchbill.server.project.asgi import WatchbillApplication, application
from watchbill.server.project.database import alone
from watchbill.server.project.doorway import Doorway
from watchbill.server.project.options import Options

logger = logging.getLogger("watchbill")

_NO_CHANNEL = (
    "No channel is set up, so nobody can be told anything. Set WATCHBILL_SMTP_URL or"
    " WATCHBILL_SLACK_TOKEN (docs/operating.md)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installation that is ready to serve."""

    url: str
    plan: PlanVersion
    #: What the operator should read, line by line.
    greeting: tuple[str, ...]
    application: WatchbillApplication

    @property
    def engine_desk(self) -> ModuleType:
        """What an operator may do to the engine."""
        return desk

    @property
    def oncall_desk(self) -> ModuleType:
        """Who is on call, and what a calendar adds to it."""
        return oncall_desk

    @property
    def audit_desk(self) -> ModuleType:
        """The audit log from a terminal."""
        return audit_desk

    @property
    def trial(self) -> ModuleType:
        """Test pages from a terminal."""
        return trial

    def doorway(
        self, server: uvicorn.Server, listener: socket.socket, *, workers: int
    ) -> Doorway:
        """Return what lets connections in to a server of the application."""
        return Doorway(
            server,
            listener,
            desk=self.application.desk,
            workers=workers,
            is_proxied=env.flag("WATCHBILL_BEHIND_PROXY"),
        )

    def link_for(self, email: str | None) -> str:
        """Return a link that signs a user in, or without an address the owner's.

        LookupError when there is no such user, or an owner already.
        """
        wall = clock.wall()
        if email is None:
            token = accounts.make_owner_link(now=wall)
            if token is None:
                message = "there is a user already; name the address to sign in"
                raise LookupError(message)
            return self.url + reverse("accounts:setup", args=[token])
        user = account_queries.by_email(email)
        if user is None:
            message = f"no user has the address {email}"
            raise LookupError(message)
        token = accounts.make_sign_in_link(user, now=wall)
        return self.url + reverse("accounts:one_time_link", args=[token])

    def integration_url(
        self,
        kind: str,
        name: str,
        *,
        is_drill: bool = False,
        scopes: Collection[str] = (),
    ) -> str:
        """Create an integration and return the URL to post to, with its key.

        The key may do what is usual for the kind unless ``scopes`` says otherwise.
        LookupError when nothing of that kind can be received.
        """
        kinds = [one for one, found in providers().items() if found.inbound]
        if kind not in kinds:
            message = f"there is no kind {kind!r}; known are {', '.join(kinds)}"
            raise LookupError(message)
        _, key = intake.create_integration(
            kind=kind,
            name=name,
            now=clock.now(),
            is_drill=is_drill,
            scopes=[Scope(one) for one in scopes],
        )
        return f"{self.url}/intake/{kind}/{key}"


def prepare(options: Options, *, greet: bool) -> Installation:
    """Bring schema and plan up to date.

    With ``greet`` a new owner's link is made while there is no user, and an earlier
    one stops working; so only the command whose greeting is read may ask for it.
    """
    names = channels.from_settings().names  # a setting that is wrong is said first
    with alone():
        call_command("migrate", verbosity=0, interactive=False)
    with by_command():
        return _prepare(options, greet=greet, has_channel=bool(names))


@contextmanager
def by_command() -> Iterator[None]:
    """Audit what is written in the block as done on the command line."""
    context = click.get_current_context(silent=True)
    act = ".".join(("command", *_words_of(context)))
    with acting(Acting(act=act, kind=ActorKind.COMMAND, name=_operator())):
        yield


def _words_of(context: click.Context | None) -> list[str]:
    """The words of a command after `watchbill`, however that was started."""
    words: list[str] = []
    while context is not None and context.parent is not None:
        words.insert(0, context.info_name or "")
        context = context.parent
    return words


def _operator() -> str:
    """The account on this machine; a container may have no name for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "an operator"


def _prepare(options: Options, *, greet: bool, has_channel: bool) -> Installation:
    now = clock.now()
    is_example = False
    if options.plan is not None:
        plan_actions.put_in_force(options.plan, now=now)
    elif not plan_queries.any_stored():
        example = load(bundled_text("trm"), name="trm.yaml")
        plan_actions.put_in_force(example, now=now)
        is_example = True
    version = plan_queries.in_force(now=now)
    plan_queries.plan_of(version.pk)  # refuse to start on a plan that cannot be read
    token = accounts.make_owner_link(now=clock.wall()) if greet else None
    noticed = _begin(options) if greet else ()
    return Installation(
        url=options.url,
        plan=version,
        greeting=(
            *_greeting(options, version, token, is_example=is_example),
            *(() if has_channel else (_NO_CHANNEL,)),
            *noticed,
        ),
        application=application,
    )


def _begin(options: Options) -> tuple[str, ...]:
    """Look, before the engine's first cycle, at where it has woken up."""
    return engine_start.begin(
        options.data_dir, node=node_name(), is_held=options.is_held
    )


@contextmanager
def engine(options: Options) -> Iterator[None]:
    """Run this node's engine for as long as the block lasts."""
    found = channels.from_settings()
    running = Engine(
        found, data_dir=options.data_dir, fold_workers=options.fold_workers
    )
    with ways.use(found):
        running.start()
        try:
            yield
        finally:
            running.stop()


def _greeting(
    options: Options, version: PlanVersion, token: str | None, *, is_example: bool
) -> Iterator[str]:
    yield f"watchbill runs at {options.url}"
    yield f"Plan: {version}" + (
        " (the example plan; give yours with --plan FILE)" if is_example else ""
    )
    if options.host in {"0.0.0.0", "::"} and not options.base_url:  # noqa: S104
        yield (
            "It listens on every interface, but answers only to this address. Give"
            " the one that people use with --base-url."
        )
    if token is not None:
        yield "Create the first user, the owner, with this link (it works once):"
        yield settings.BASE_URL + reverse("accounts:setup", args=[token])
