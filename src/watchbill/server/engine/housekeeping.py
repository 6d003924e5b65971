"""Housekeeping: forgets what nobody needs any more, a little at a time.

Each round deletes at most :data:`MOST` rows of each table, and blanks as many expired
codes, so that it holds no lock for long; what is left goes in the next round.
"""

from collections.abc import Mapping
from datetime import timedelta

from django.db import connection

from watchbill.server import clock
from watchbill.server.engine.kinds import Kind, Moment
from watchbill.server.hooks.actions import SEEN_FOR
from watchbill.server.notifications.models import Notification, Purpose
from watchbill.server.people.contacting import CODE_LIFETIME
from watchbill.server.timers import actions as timers
from watchbill.server.timers.models import DueStep

EVERY = timedelta(minutes=10)
MOST = 5000

#: Rows to delete, by table: a condition, and the age from which it holds.
_OLD: Mapping[str, tuple[str, timedelta]] = {
    "watchbill_auditrun": ("finished_at < %s", timedelta(days=7)),
    "watchbill_signinfailure": ("failed_at < %s", timedelta(days=7)),
    "watchbill_onetimelink": ("expires_at < %s", timedelta(days=30)),
    "watchbill_intakerejection": ("hour < %s", timedelta(days=30)),
    "watchbill_duestep": (
        "state = 'done' AND settled_at < %s",
        timedelta(days=30),
    ),
    "watchbill_enginehold": ("until < %s", timedelta(days=365)),
    "watchbill_seencall": ("seen_at < %s", SEEN_FOR),
    "django_session": ("expire_date < %s", timedelta(0)),
}
_KEYS = {"django_session": "session_key"}

_BLANK = {"idempotency_key": "", "thread_key": "", "subject": "A code that has expired"}


def tidy(moment: Moment) -> int:
    """Delete what is old; return how many rows went."""
    return sum(
        _delete(table, condition, moment, age=age)
        for table, (condition, age) in _OLD.items()
    )


def _delete(table: str, condition: str, moment: Moment, *, age: timedelta) -> int:
    key = _KEYS.get(table, "id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table}"  # noqa: S608 - names from the table above
            f" WHERE {condition} LIMIT {MOST})",
            [moment.wall - age],
        )
        return int(cursor.rowcount)


def forget_codes(moment: Moment) -> int:
    """Blank messages whose codes have expired; return how many went."""
    expired = Notification.objects.filter(
        purpose=Purpose.VERIFICATION,
        created_at__lt=moment.now - CODE_LIFETIME * clock.rate(),
    ).exclude(notice__subject=_BLANK["subject"])
    some = expired.order_by("pk").values("pk")[:MOST]
    return Notification.objects.filter(pk__in=some).update(notice=_BLANK)


def _fire(due: list[DueStep], moment: Moment) -> None:
    tidy(moment)
    forget_codes(moment)
    for step in due:
        timers.next_look(step, at=moment.now + EVERY * clock.rate(), now=moment.now)


KIND = Kind(name="housekeeping", fire=_fire, is_recurring=True)
