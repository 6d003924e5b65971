"""What a command may ask of the watch of a running installation, and enter into it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.core.oncall import Absence, Duty, Override
from watchbill.core.temporal import Interval
from watchbill.migrate.assign import Assigned, Meaning
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.oncall import actions, queries
from watchbill.server.oncall.actions import OncallRefusedError

_OPERATOR = "an operator at the command line"
_AROUND = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The watch as it stands: the plan in force, and what people changed."""

    plan: Plan
    now: datetime
    overrides: tuple[Override, ...] = ()
    absences: tuple[Absence, ...] = ()


def facts(*, at: datetime | None = None) -> Facts:
    """Return the watch around an instant; LookupError when no plan is in force."""
    now = clock.now()
    plan = queries.plan_now(now=now)
    if plan is None:
        message = "no plan is in force"
        raise LookupError(message)
    about = at or now
    around = Interval(starts_at=about - _AROUND, ends_at=about + _AROUND)
    roster = queries.roster(plan, now=now)
    overrides = queries.overrides_during(tuple(plan.schedules), around)
    return Facts(
        plan=plan,
        now=now,
        overrides=tuple(
            one
            for one in overrides
            if roster.directory.contact(one.contact) is not None
        ),
        absences=queries.absences_during(around),
    )


def enter(
    found: Iterable[Assigned], *, schedule: str, duty: Duty
) -> Iterator[tuple[Assigned, str]]:
    """Enter what a calendar says; yield each with why it was refused, or nothing.

    What was entered before is there and is not entered twice.
    """
    now = clock.now()
    for one in found:
        try:
            yield one, _enter(one, schedule, duty, now=now)
        except OncallRefusedError as error:
            yield one, str(error)


def _enter(one: Assigned, schedule: str, duty: Duty, *, now: datetime) -> str:
    if one.meaning is Meaning.ABSENCE:
        rows = queries.absence_rows(one.contact, one.during)
        if any(_covers(row.starts_at, row.ends_at, one.during, now) for row in rows):
            return "it is entered already"
        actions.add_absence(
            one.contact,
            one.during,
            kind="leave",
            note=one.summary,
            by=_OPERATOR,
            now=now,
        )
        return ""
    known = [
        row
        for row in queries.override_rows(schedule, one.during)
        if (row.contact_key, row.duty) == (one.contact, duty)
    ]
    if any(_covers(row.starts_at, row.ends_at, one.during, now) for row in known):
        return "it is entered already"
    actions.override(
        schedule,
        duty,
        one.contact,
        one.during,
        reason=one.summary,
        by=_OPERATOR,
        now=now,
    )
    return ""


def _covers(
    starts_at: datetime, ends_at: datetime, during: Interval, now: datetime
) -> bool:
    """Whether a row holds all of an interval that is still to come."""
    return starts_at <= max(during.starts_at, now) and during.ends_at <= ends_at
