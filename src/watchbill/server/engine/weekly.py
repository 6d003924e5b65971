"""The weekly test page: whether those who hold the watch can be reached at all.

Once a week, at a time that the operator sets and in the plan's zone, everybody who
holds a duty in any rotation gets a test page by every method and is asked to confirm
it. The decision when is the core's (``core.paging.weekly_test``). A test that could
not be sent in time is sent once if it is less than half a day late; else it is left
out, and the log and the page of who can be reached say so.
"""

import logging
from collections.abc import Iterator

from watchbill.core.paging import weekly_test
from watchbill.core.people import Contact
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.notifications import readiness
from watchbill.server.notifications.telling import (
    contacts_now,
    duties_of,
    methods_to_test,
    weekly_time,
)
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

ASKED_BY = "the weekly test"

logger = logging.getLogger(__name__)


def _fire(due: list[DueStep], moment: Moment) -> None:
    weekly = weekly_time(now=moment.now)
    for step in due:
        found = weekly_test(weekly, planned_at=step.due_at, now=moment.now)
        if found.due_at is not None:
            _send(moment)
        if found.skipped_at is not None:
            logger.warning(
                "the weekly test page of %s was not sent, because nobody ran until %s",
                f"{found.skipped_at:%Y-%m-%d %H:%M} UTC",
                f"{moment.now:%Y-%m-%d %H:%M} UTC",
            )
        timers.next_look(step, at=found.ask_at, now=moment.now)


def _send(moment: Moment) -> None:
    for contact in _on_duty(moment):
        methods = methods_to_test(contact, moment.reach.provided, wall=moment.wall)
        if methods:
            readiness.send_test(
                contact,
                methods,
                asked_by=ASKED_BY,
                is_weekly=True,
                now=moment.now,
                wall=moment.wall,
            )
        else:
            logger.warning("%s is on call and cannot be reached", contact.key)


def _on_duty(moment: Moment) -> Iterator[Contact]:
    duties = duties_of(now=moment.now)
    return (contact for contact in contacts_now() if contact.key in duties)


KIND = Kind(name="paging_test", fire=_fire, is_recurring=True)
