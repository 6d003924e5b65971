"""From Grafana OnCall's JSON to the neutral model."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from watchbill.migrate.gathering import Gathering
from watchbill.migrate.grafana_oncall.shifts import layer_of, people_of
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
)
from watchbill.migrate.reading import FieldError, Fields, Signs, email_of, phone_of

_OF_CHAIN = frozenset({"id", "name", "team_id"})

_SIGNS: Signs = {
    "final_shifts": lambda one: "shift_start" in one,
    "on_call_shifts": lambda one: "duration" in one and "start" in one,
    "escalation_policies": lambda one: "escalation_chain_id" in one,
    "schedules": lambda one: one.get("type") in {"web", "calendar", "ical"},
    "users": lambda one: "username" in one,
    "escalation_chains": lambda one: {"id", "name"} <= set(one) <= _OF_CHAIN,
    "teams": lambda one: "name" in one and "avatar_url" in one,
}

_ONCE = frozenset({"single_event", "override"})


def parse(files: Mapping[str, bytes]) -> Export:
    """Return what the files hold, by name of file; ExportError when nothing."""
    found = Gathering(files, _SIGNS)
    found.each("users", "user", _person, found.people)
    found.each("teams", "team", lambda one: _team(one, found), found.teams)
    shifts = {one.text("id"): one for one in found.rows("on_call_shifts")}
    found.each("schedules", "schedule", lambda one: _schedule(one, shifts, found))
    for one in shifts.values():
        found.notes.dropped("shift", one.text("name"), "no schedule has it", one.place)
    for one in found.rows("final_shifts"):
        _final(one, found.only_schedule(), found)
    found.each("escalation_chains", "chain", lambda one: _chain(one, found))
    return found.export()


def _person(one: Fields) -> Person:
    one.ignore(
        "grafana_id",
        "role",
        "is_phone_number_verified",
        "timezone",
        "teams",
        "avatar",
        "avatar_full",
    )
    slack = next((row.text("user_id") for row in one.items("slack")), "")
    username = one.required("username")
    return Person(
        id=one.required("id"),
        name=one.text("name") or username,
        email=email_of(one.text("email")) or email_of(username),
        phone=phone_of(one.text("phone_number", "verified_phone_number")),
        slack=slack or None,
    )


def _team(one: Fields, found: Gathering) -> Team:
    one.ignore("avatar_url", "email", "grafana_id")
    known = one.required("id")
    members = [
        row.text("id")
        for row in found.rows("users")
        if known in row.texts("teams") and row.text("id")
    ]
    return Team(id=known, name=one.required("name"), people=tuple(members))


def _schedule(one: Fields, shifts: dict[str, Fields], found: Gathering) -> None:
    one.ignore("team_id", "slack", "on_call_now", "enable_web_overrides")
    name, known = one.required("name"), one.required("id")
    if one.text("type") == "ical" or one.text("ical_url_primary"):
        message = (
            "it is a calendar elsewhere; download it and use"
            " watchbill oncall import-ical"
        )
        raise FieldError(message)
    if one.text("ical_url_overrides"):
        found.notes.dropped("overrides", f"of {name}", _CALENDAR, one.place)
    zone = one.zone("time_zone")
    layers: list[tuple[int, Layer]] = []
    for number in one.texts("shifts"):
        row = shifts.pop(number, None)
        if row is None:
            found.notes.dropped("shift", number, "no file holds it", one.place)
            continue
        _shift(row, known, zone, layers, found)
    layers.sort(key=lambda pair: pair[0])
    found.schedules.append(
        Schedule(
            id=known,
            name=name,
            zone=zone,
            layers=tuple(layer for _, layer in layers),
            is_shared=True,
        )
    )
    for row in one.items("final_shifts"):
        _final(row, known, found)


_CALENDAR = "they are a calendar elsewhere; use watchbill oncall import-ical"


def _shift(
    one: Fields,
    schedule: str,
    zone: ZoneInfo,
    layers: list[tuple[int, Layer]],
    found: Gathering,
) -> None:
    one.ignore("id", "team_id", "source", "title", "schedule")
    if one.text("type") in _ONCE:
        found.cover(one, lambda row: _once(row, schedule, zone, found))
        return
    with found.noting("shift", one):
        level = one.number("level", "priority_level", default=0)
        layer = replace(layer_of(one, zone, found.notes), rank=level)
        layers.append((level, layer))


def _once(one: Fields, schedule: str, zone: ZoneInfo, found: Gathering) -> Cover:
    own = one.zone("time_zone") if one.text("time_zone") else zone
    starts_at = one.instant("start", zone=own)
    one.ignore("level", "rotation_start", "frequency", "interval", "week_start")
    people = people_of(one, found.notes)
    lasts = timedelta(seconds=one.number("duration"))
    if not people or lasts > timedelta(days=366):
        message = "nobody is in it" if not people else "it lasts longer than a year"
        raise FieldError(message)
    return Cover(
        schedule=schedule,
        person=people[0],
        starts_at=starts_at,
        ends_at=starts_at + lasts,
    )


def _final(one: Fields, schedule: str, found: Gathering) -> None:
    one.ignore("user_email", "user_username")
    person = one.text("user_pk") or found.id_of(one.text("user_email"))
    found.render(
        lambda: Rendered(
            schedule=schedule,
            person=person,
            starts_at=one.instant("shift_start"),
            ends_at=one.instant("shift_end"),
        )
    )


def _chain(one: Fields, found: Gathering) -> None:
    one.ignore("team_id")
    known, name = one.required("id"), one.required("name")
    steps = [
        row
        for row in found.rows("escalation_policies")
        if row.text("escalation_chain_id") == known
    ]
    rungs: list[Rung] = []
    after = timedelta(0)
    for row in sorted(steps, key=_position):
        if row.text("type") == "wait":
            after += _wait(row)
            continue
        with found.noting("step of " + name, row, quiet=True):
            row.ignore("id", "important", "position")
            rungs.append(Rung(after=after, targets=_targets(row)))
    found.policies.append(Policy(id=known, name=name, rungs=tuple(rungs)))


def _position(one: Fields) -> int:
    try:
        return one.number("position", default=0)
    except FieldError:
        return 0


def _wait(one: Fields) -> timedelta:
    try:
        return timedelta(seconds=min(one.number("duration", default=60), 10**6))
    except FieldError:
        return timedelta(minutes=1)


def _targets(one: Fields) -> tuple[tuple[Kind, str], ...]:
    match one.text("type"):
        case "notify_persons":
            people = one.texts("persons_to_notify")
            return tuple((Kind.PERSON, person) for person in people)
        case "notify_on_call_from_schedule":
            return ((Kind.SCHEDULE, one.required("notify_on_call_from_schedule")),)
        case "notify_team_members":
            return (
                (Kind.TEAM, one.required("notify_to_team_members", "team_to_notify")),
            )
        case other:
            message = f"a plan's ladder has no step {other or 'without a type'}"
            raise FieldError(message)
