"""Bringing an export into a plan: all steps of an import, from bytes to a text.

Nothing is written here. The caller shows the report and, if asked, writes the plan and
the calendars of overrides, which ``watchbill oncall import-ical`` then reads: a plan
does not hold what changes from day to day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from watchbill.core.oncall import Override
from watchbill.core.people import Contact
from watchbill.migrate.calendar import Written as WrittenEvent
from watchbill.migrate.calendar import write as write_calendar
from watchbill.migrate.fragment import Fragment, fragment_of
from watchbill.migrate.model import Export, Rendered
from watchbill.migrate.products import PRODUCTS
from watchbill.migrate.proof import compared, overrides_of
from watchbill.migrate.report import Entry, Outcome
from watchbill.migrate.write import (
    CannotWriteError,
    Written,
    fragment_text,
    into_plan,
    new_plan,
)
from watchbill.plan import Loaded, Plan, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import would write, and what became of everything."""

    entries: tuple[Entry, ...]
    #: The parts that were made, as YAML.
    fragment: str
    #: The whole plan, None when it cannot be made; the report says why.
    plan_text: str | None
    loaded: Loaded | None
    #: The overrides of each schedule, by its key.
    calendars: Mapping[str, bytes]


def bring(
    product: str,
    files: Mapping[str, bytes],
    *,
    as_of: datetime,
    into: str | None = None,
    name: str = "the new plan",
) -> Imported:
    """Return what an import of some files makes of a plan, or of none.

    ``into`` is the text of the plan. ExportError when the files hold nothing.
    """
    export = PRODUCTS[product](files)
    known = load(into, name=name).plan if into is not None else None
    fragment = fragment_of(
        export,
        as_of=as_of,
        level=known.levels[0].key if known else "L1",
        known=known.directory.contacts if known else (),
        taken=_names(known) if known else (),
    )
    fragment = replace(fragment, entries=_settled(fragment.entries))
    try:
        written = _written(fragment, export, into, name=name, as_of=as_of)
    except CannotWriteError as error:
        refusal = Entry(
            outcome=Outcome.DROPPED, kind="plan", name=name, because=str(error)
        )
        return Imported(
            entries=(*fragment.entries, refusal),
            fragment=fragment_text(fragment),
            plan_text=None,
            loaded=None,
            calendars={},
        )
    return _imported(fragment, export, written, as_of=as_of)


def _written(
    fragment: Fragment, export: Export, into: str | None, *, name: str, as_of: datetime
) -> Written:
    if into is not None:
        return into_plan(fragment, into, name=name)
    zone = export.schedules[0].zone if export.schedules else ZoneInfo("Asia/Yangon")
    title = export.schedules[0].name if export.schedules else "On call"
    today = as_of.astimezone(zone).date()
    return new_plan(fragment, title=title, zone=zone.key, today=today)


def _imported(
    fragment: Fragment, export: Export, written: Written, *, as_of: datetime
) -> Imported:
    plan = written.loaded.plan
    entries = [*fragment.entries, *written.entries]
    calendars: dict[str, bytes] = {}
    if plan is not None:
        schedules = {key: plan.schedules[key] for key in fragment.on_call}
        rendered = _rendered(fragment, export)
        entries += compared(schedules, fragment.covers, rendered, since=as_of)
        for key, covers in fragment.covers.items():
            overrides = overrides_of(schedules[key], covers)
            calendars[key] = _calendar(key, overrides, plan, as_of=as_of)
    return Imported(
        entries=tuple(entries),
        fragment=fragment_text(fragment),
        plan_text=written.text,
        loaded=written.loaded,
        calendars=calendars,
    )


def _names(plan: Plan) -> set[str]:
    directory = plan.directory
    roles = {role for one in directory.contacts for role in one.roles}
    return {*roles, *directory.aliases, *directory.groups, *plan.schedules, "none"}


def _settled(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Say once of an object that it was taken, and not where something is amiss."""
    amiss = {
        (one.kind, one.name) for one in entries if one.outcome is not Outcome.TAKEN
    }
    return tuple(
        one
        for one in entries
        if one.outcome is not Outcome.TAKEN or (one.kind, one.name) not in amiss
    )


def _rendered(fragment: Fragment, export: Export) -> list[Rendered]:
    """The product's own shifts, with the keys of the plan."""
    return [
        replace(
            one,
            schedule=fragment.schedules[one.schedule],
            person=fragment.people.get(one.person, one.person),
        )
        for one in export.rendered
        if one.schedule in fragment.schedules
    ]


def _calendar(
    key: str, overrides: tuple[Override, ...], plan: Plan, *, as_of: datetime
) -> bytes:
    events = (_event(one, plan.directory.contact(one.contact)) for one in overrides)
    return write_calendar(events, name=f"Overrides of {key}", stamped_at=as_of)


def _event(override: Override, contact: Contact | None) -> WrittenEvent:
    label = contact.label if contact else override.contact
    email = contact.email if contact else None
    start = f"{override.during.starts_at:%Y%m%dT%H%M%SZ}"
    return WrittenEvent(
        uid=f"{override.schedule}-{override.contact}-{start}@watchbill",
        during=override.during,
        summary=override.contact,
        description=f"{label} takes the watch over",
        attendee=(email, label) if email else None,
    )
