"""What the console says at its top about the engine, besides that it is silent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.engine import queries
from watchbill.server.engine.queries import EngineHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line, and perhaps one button."""

    level: str
    text: str
    post_url: str = ""
    button: str = ""


def notices(
    health: EngineHealth, permissions: frozenset[Permission], *, is_demo: bool
) -> Iterator[Notice]:
    """Yield what a signed-in person should read, the most urgent first."""
    is_owner = Permission.MANAGE_ENGINE in permissions
    if health.status == "held" and is_owner:
        yield Notice(
            level="warning",
            text=_(
                "Look at the open incidents, resolve what is over, then release it."
            ),
            post_url=reverse("engine:release"),
            button=_("Page people again"),
        )
    if health.status != "gated" and health.gate.text:
        yield Notice(level="warning", text=health.gate.text)
    yield from _outage(health)
    yield from _clock(health)
    if is_owner:
        yield from _watchdog(health, is_demo=is_demo)


def _outage(health: EngineHealth) -> Iterator[Notice]:
    began_at = health.facts.outage_began_at
    ended_at = health.facts.outage_ended_at
    if began_at is None or ended_at is None:
        return
    if clock.wall() - ended_at > queries.OUTAGE_SHOWN:
        return
    text = _(
        "watchbill did not run from %(from)s to %(to)s UTC. Messages about that time"
        " are marked late."
    )
    values = {
        "from": f"{began_at:%Y-%m-%d %H:%M}",
        "to": f"{ended_at:%Y-%m-%d %H:%M}",
    }
    yield Notice(level="warning", text=text % values)


def _clock(health: EngineHealth) -> Iterator[Notice]:
    moved = health.facts.clock_moved_by
    if moved is None:
        return
    seconds = round(moved / timedelta(seconds=1))
    text = _("The clock of the database jumped by %(n)s seconds within the last day.")
    yield Notice(level="warning", text=text % {"n": f"{seconds:+d}"})


def _watchdog(health: EngineHealth, *, is_demo: bool) -> Iterator[Notice]:
    known = health.facts
    if settings.HEARTBEAT_URL:
        if known.heartbeat_trouble:
            text = _("The watchdog outside got no heartbeat: %(why)s.")
            yield Notice(level="error", text=text % {"why": known.heartbeat_trouble})
    elif known.heartbeat_dismissed_at is None and not is_demo:
        yield Notice(
            level="warning",
            text=_(
                "Nothing outside watches watchbill, so nobody hears of it when it"
                " stops. Set WATCHBILL_HEARTBEAT_URL (docs/operating.md)."
            ),
            post_url=reverse("engine:dismiss"),
            button=_("Do not mention it again"),
        )
