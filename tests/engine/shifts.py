"""What the engine says about the watch, and how it is brought to look at it."""

from datetime import datetime

from tests.engine.watch import Watch
from tests.shifts import BACKEND, DEVOPS, FRONTEND, MOBILE, at
from watchbill.core.paging import AddressKind
from watchbill.server.engine import kinds
from watchbill.server.engine import watch as engine
from watchbill.server.engine.kinds import Moment
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.people.contacting import mark_verified
from watchbill.server.providers import Reach
from watchbill.server.timers import actions as timers

MAILS = {
    DEVOPS: "devops@trm.rocks",
    BACKEND: "backend@trm.rocks",
    FRONTEND: "frontend@trm.rocks",
    MOBILE: "mobile@trm.rocks",
}
#: The watch changes hands on Friday the 13th at 10:00: DevOps to Backend.
FRIDAY = at(13, 10)


def look(watch: Watch, when: datetime | None = None) -> None:
    """Stand at an instant and let the engine look at the watch."""
    if when is not None:
        watch.clock.move_to(when)
    now = watch.clock.now()
    timers.hasten(engine.KIND.name, now=now)
    assert kinds.run(engine.KIND, Moment(now=now, wall=now, reach=reach(watch))) == 1


def reach(watch: Watch) -> Reach:
    return watch.channels.reach


def prove_all() -> None:
    """Let everybody have answered from the address that the plan names."""
    for key, address in MAILS.items():
        mark_verified(key, AddressKind.EMAIL, address, wall=at(8))


def said(to: str | None = None) -> list[tuple[str, str]]:
    """Return what was put into the outbox about the watch: to whom, and the subject."""
    rows = Notification.objects.filter(purpose=Purpose.ON_CALL).order_by("pk")
    if to is not None:
        rows = rows.filter(contact_key=to)
    return list(rows.values_list("contact_key", "subject"))


def about(word: str) -> list[tuple[str, str]]:
    return [one for one in said() if word in one[1]]
