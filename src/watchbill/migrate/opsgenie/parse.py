"""From Opsgenie's JSON to the neutral model."""

from collections.abc import Iterator, Mapping
from datetime import time, timedelta

from watchbill.migrate.gathering import Gathering
from watchbill.migrate.model import (
    Cover,
    Export,
    Kind,
    Layer,
    Person,
    Policy,
    Rendered,
    Rung,
    Schedule,
    Team,
    Unit,
)
from watchbill.migrate.reading import (
    LABELS,
    FieldError,
    Fields,
    Signs,
    email_of,
    phone_of,
)
from watchbill.migrate.week import DAY, WHOLE_WEEK, Week, daily, stretch, union

_SIGNS: Signs = {
    "timelines": lambda one: "finalTimeline" in one,
    "schedules": lambda one: "rotations" in one and "timezone" in one,
    "escalations": lambda one: "rules" in one and "name" in one,
    "overrides": lambda one: "user" in one and "startDate" in one,
    "users": lambda one: "username" in one and "fullName" in one,
    "teams": lambda one: "name" in one and ("members" in one or "description" in one),
}

_UNITS = {"hourly": Unit.HOUR, "daily": Unit.DAY, "weekly": Unit.WEEK}
_DAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_KINDS = {"user": Kind.PERSON, "team": Kind.TEAM, "schedule": Kind.SCHEDULE}


def parse(files: Mapping[str, bytes]) -> Export:
    """Return what the files hold, by name of file; ExportError when nothing."""
    found = Gathering(files, _SIGNS)
    found.each("users", "user", _person, found.people)
    found.each("teams", "team", _team, found.teams)
    found.each("schedules", "schedule", lambda one: _schedule(one, found))
    for one in found.rows("overrides"):
        found.cover(one, lambda row: _cover(row, found.only_schedule()))
    found.each("timelines", "timeline", lambda one: _timeline(one, found))
    found.each("escalations", "escalation", lambda one: _policy(one, found))
    return found.export()


def _person(one: Fields) -> Person:
    username = one.required("username")
    one.ignore(
        "role", "blocked", "verified", "createdAt", "locale", "timeZone", "links"
    )
    addresses = list(_addresses(one))
    phones = [
        phone
        for method, to in addresses
        if method in _BY_PHONE
        if (phone := phone_of("+" + to.lstrip("+")))
    ]
    emails = [
        email
        for method, to in addresses
        if method == "email"
        if (email := email_of(to))
    ]
    return Person(
        id=one.required("id"),
        name=one.text("fullName") or username,
        email=email_of(username) or next(iter(emails), None),
        phone=next(iter(phones), None),
    )


_BY_PHONE = frozenset({"sms", "voice", "whatsapp"})


def _addresses(one: Fields) -> Iterator[tuple[str, str]]:
    for row in (*one.items("userContacts"), *one.items("contacts")):
        row.ignore("id", "enabled", "status", "applyOrder")
        yield row.text("contactMethod", "method"), row.text("to")


def _team(one: Fields) -> Team:
    one.ignore("description", "links")
    members = [row.reference("user").text("id") for row in one.items("members")]
    return Team(
        id=one.required("id"),
        name=one.required("name"),
        people=tuple(member for member in members if member),
    )


def _schedule(one: Fields, found: Gathering) -> None:
    one.ignore("description", "ownerTeam")
    name, zone = one.required("name"), one.zone("timezone")
    if one.get("enabled") is False:
        because = "it is switched off in Opsgenie; in a plan it holds"
        found.notes.guessed("schedule", name, because, one.place)
    layers = []
    for row in one.items("rotations"):
        with found.noting("rotation", row):
            layers.append(_layer(row))
    known = one.required("id")
    found.schedules.append(
        Schedule(id=known, name=name, zone=zone, layers=tuple(layers), is_shared=True)
    )
    for row in one.items("overrides"):
        found.cover(row, lambda inner: _cover(inner, known))


def _layer(one: Fields) -> Layer:
    unit = _UNITS.get(one.required("type"))
    if unit is None:
        message = f"its type {one.text('type')} is not hourly, daily or weekly"
        raise FieldError(message)
    return Layer(
        name=one.text("name") or "rotation",
        people=tuple(_participant(row) for row in one.items("participants")),
        starts_at=one.instant("startDate"),
        ends_at=one.instant_or_none("endDate"),
        unit=unit,
        every=one.number("length", default=1),
        week=_restricted(one.one("timeRestriction")),
    )


def _participant(one: Fields) -> str:
    one.ignore(*LABELS)
    kind = one.text("type")
    if kind != "user":
        message = (
            f"its turns go to a {kind or 'nameless'} participant;"
            " a plan's turns go to people"
        )
        raise FieldError(message)
    return one.required("id")


def _restricted(one: Fields) -> Week:
    rows = [*one.items("restrictions")]
    if one.get("restriction"):
        rows.append(one.one("restriction"))
    if not rows:
        return WHOLE_WEEK
    return union(_restriction(row) for row in rows)


def _restriction(one: Fields) -> Week:
    starts = _wall(one, "startHour", "startMin")
    ends = _wall(one, "endHour", "endMin")
    if not one.text("startDay"):
        lasts = (ends - starts) % DAY or DAY
        return daily(range(7), _time(starts), timedelta(minutes=lasts))
    first, last = _day(one, "startDay"), _day(one, "endDay")
    lasts = ((last - first) % 7 * DAY + ends - starts) % (7 * DAY) or 7 * DAY
    return stretch(first, _time(starts), timedelta(minutes=lasts))


def _wall(one: Fields, hour: str, minute: str) -> int:
    minutes = one.number(hour) * 60 + one.number(minute, default=0)
    if minutes > DAY:
        message = f"its {hour} is no hour of a day"
        raise FieldError(message)
    return minutes % DAY


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _day(one: Fields, name: str) -> int:
    text = one.required(name).lower()
    if text not in _DAYS:
        message = f"its {name} {text} is no day of the week"
        raise FieldError(message)
    return _DAYS.index(text)


def _cover(one: Fields, schedule: str) -> Cover:
    one.ignore("alias")
    above = one.reference("_parent")
    above.ignore("enabled")
    parent = above.text("id") or one.reference("schedule").text("id")
    if not (parent or schedule):
        message = "it does not say of which schedule it is; nest it in its schedule"
        raise FieldError(message)
    return Cover(
        schedule=parent or schedule,
        person=one.reference("user").required("id"),
        starts_at=one.instant("startDate"),
        ends_at=one.instant("endDate"),
    )


def _timeline(one: Fields, found: Gathering) -> None:
    one.ignore("startDate", "endDate", "baseTimeline", "description")
    parent = one.reference("_parent")
    parent.ignore("enabled")
    schedule = parent.text("id") or found.only_schedule()
    for rotation in one.one("finalTimeline").items("rotations"):
        rotation.ignore("id", "name", "order")
        for row in rotation.items("periods"):
            row.ignore("type")
            who = row.reference("recipient", "responder")
            person = who.text("id") or found.id_of(who.text("name"))
            found.render(
                lambda row=row, person=person: Rendered(  # type: ignore[misc]
                    schedule=schedule,
                    person=person,
                    starts_at=row.instant("startDate"),
                    ends_at=row.instant("endDate"),
                )
            )


def _policy(one: Fields, found: Gathering) -> None:
    one.ignore("description", "ownerTeam")
    name = one.required("name")
    rungs = []
    for row in one.items("rules"):
        with found.noting("rule of " + name, row, quiet=True):
            rungs.append(_rung(row))
    if one.get("repeat"):
        found.notes.dropped("repeat", f"of {name}", _NO_REPEAT, one.place)
    found.policies.append(Policy(id=one.required("id"), name=name, rungs=tuple(rungs)))


_NO_REPEAT = "a plan's ladder does not repeat; add rungs"
_SIZES = {
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
}


def _rung(one: Fields) -> Rung:
    delay, who = one.one("delay"), one.reference("recipient")
    size = _SIZES.get(delay.text("timeUnit") or "minutes")
    kind = _KINDS.get(who.text("type"))
    amount = delay.number("timeAmount", default=0)
    if size is None or amount > 10_000:
        message = "its delay cannot be read"
        raise FieldError(message)
    if kind is None:
        message = f"it calls a {who.text('type') or 'nameless recipient'}"
        raise FieldError(message)
    if one.text("notifyType") not in {"", "default"}:
        message = f"it notifies {one.text('notifyType')} only; a plan calls the target"
        raise FieldError(message)
    if one.text("condition") not in {"", "if-not-acked"}:
        message = f"its condition is {one.text('condition')}; a ladder ends when acked"
        raise FieldError(message)
    return Rung(after=amount * size, targets=((kind, who.required("id")),))
