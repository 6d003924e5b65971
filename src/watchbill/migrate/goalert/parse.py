"""From GoAlert's GraphQL answers to the neutral model."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from watchbill.migrate.gathering import Gathering
from watchbill.migrate.goalert.rotations import Rotation, rotation_of, rule_of
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
    Unit,
)
from watchbill.migrate.reading import FieldError, Fields, Signs, email_of, phone_of
from watchbill.migrate.week import WHOLE_WEEK, union

_SIGNS: Signs = {
    "rotations": lambda one: "shiftLength" in one,
    "userOverrides": lambda one: "addUserID" in one or "removeUserID" in one,
    "escalationPolicies": lambda one: "steps" in one,
    "schedules": lambda one: "timeZone" in one,
    "users": lambda one: "email" in one or "contactMethods" in one,
}

_KINDS = {
    "user": Kind.PERSON,
    "builtin-user": Kind.PERSON,
    "schedule": Kind.SCHEDULE,
    "builtin-schedule": Kind.SCHEDULE,
}


def parse(files: Mapping[str, bytes]) -> Export:
    """Return what the files hold, by name of file; ExportError when nothing."""
    found = Gathering(files, _SIGNS)
    found.each("users", "user", _person, found.people)
    rotations: dict[str, Rotation] = {}
    for one in found.rows("rotations"):
        with found.noting("rotation", one):
            rotations[one.required("id")] = rotation_of(one, found.notes)
    found.each("schedules", "schedule", lambda one: _schedule(one, rotations, found))
    for one in found.rows("userOverrides"):
        found.cover(one, lambda row: _cover(row, found.only_schedule()))
    found.each("escalationPolicies", "policy", lambda one: _policy(one, found))
    return found.export()


def _person(one: Fields) -> Person:
    one.ignore(
        "role",
        "favorite",
        "isFavorite",
    )
    values = [
        (row.text("type"), row.text("value")) for row in one.items("contactMethods")
    ]
    phones = (phone_of(value) for kind, value in values if kind in {"SMS", "VOICE"})
    emails = (email_of(value) for kind, value in values if kind == "EMAIL")
    known = one.required("id")
    return Person(
        id=known,
        name=one.text("name") or known,
        email=email_of(one.text("email")) or next(filter(None, emails), None),
        phone=next(filter(None, phones), None),
    )


def _schedule(one: Fields, rotations: Mapping[str, Rotation], found: Gathering) -> None:
    one.ignore("description", "isFavorite", "favorite")
    name, zone, known = one.required("name"), one.zone("timeZone"), one.required("id")
    layers = []
    for row in one.items("targets"):
        target = row.one("target")
        target.ignore("type")
        with found.noting("target of " + name, target):
            layer = _layer(row, rotations, zone, found)
            layers.append(layer)
    found.schedules.append(
        Schedule(id=known, name=name, zone=zone, layers=tuple(layers), is_shared=True)
    )
    for row in one.items("temporarySchedules"):
        _temporary(row, known, found)
    for row in one.items("userOverrides", "overrides"):
        found.cover(row, lambda inner: _cover(inner, known))
    for row in one.items("shifts"):
        found.render(lambda row=row: _rendered(row, known))  # type: ignore[misc]


def _layer(
    one: Fields,
    rotations: Mapping[str, Rotation],
    zone: ZoneInfo,
    found: Gathering,
) -> Layer:
    target = one.one("target")
    kind, known = target.text("type"), target.required("id")
    name = target.text("name") or known
    rules = one.items("rules")
    week = union(rule_of(row) for row in rules) if rules else WHOLE_WEEK
    if kind in {"user", "builtin-user"}:
        return Layer(
            name=name,
            people=(known,),
            starts_at=found.beginning,
            unit=Unit.WEEK,
            week=week,
        )
    if kind not in {"rotation", "builtin-rotation"}:
        message = f"it is a {kind or 'target without a type'}, not a user or rotation"
        raise FieldError(message)
    if known not in rotations:
        message = f"its rotation {name} is not in the files, or was dropped"
        raise FieldError(message)
    layer = replace(rotations[known].layer, name=name, week=week)
    if week == WHOLE_WEEK or layer.zone == zone:
        return layer
    because = f"its turns are counted in {zone.key}, the zone of its rules"
    found.notes.guessed("rotation", name, because, one.place)
    return replace(layer, zone=zone)


def _temporary(one: Fields, schedule: str, found: Gathering) -> None:
    shifts = one.items("shifts")
    for row in shifts:
        found.cover(row, lambda inner: _cover_of_shift(inner, schedule))
    because = "its shifts are overrides; where it has none the layers go on"
    found.notes.guessed("temporary schedule", one.text("start"), because, one.place)


def _cover_of_shift(one: Fields, schedule: str) -> Cover:
    one.ignore("truncated")
    return Cover(
        schedule=schedule,
        person=one.text("userID") or one.reference("user").required("id"),
        starts_at=one.instant("start"),
        ends_at=one.instant("end"),
    )


def _rendered(one: Fields, schedule: str) -> Rendered:
    return Rendered(
        schedule=schedule,
        person=one.text("userID") or one.reference("user").required("id"),
        starts_at=one.instant("start"),
        ends_at=one.instant("end"),
    )


def _cover(one: Fields, schedule: str) -> Cover:
    one.ignore("id")
    target = one.reference("target").text("id") or one.text("scheduleID") or schedule
    added = one.text("addUserID") or one.reference("addUser").text("id")
    removed = one.text("removeUserID") or one.reference("removeUser").text("id")
    if not target:
        message = "it does not say of which schedule it is; nest it in its schedule"
        raise FieldError(message)
    if not added:
        message = "it takes somebody away and puts nobody in; enter an absence instead"
        raise FieldError(message)
    return Cover(
        schedule=target,
        person=added,
        starts_at=one.instant("start"),
        ends_at=one.instant("end"),
        instead_of=removed or None,
    )


def _policy(one: Fields, found: Gathering) -> None:
    one.ignore("description", "isFavorite", "favorite", "assignedTo", "notices")
    name, rungs, after = one.required("name"), [], timedelta(0)
    for row in one.items("steps"):
        with found.noting("step of " + name, row, quiet=True):
            row.ignore("id", "stepNumber")
            delay = timedelta(minutes=min(row.number("delayMinutes"), 10_000))
            called = "target of " + name
            targets = found.targets(row.items("targets"), called, _target)
            rungs.append(Rung(after=after, targets=targets))
            after += delay
    if one.number("repeat", default=0):
        found.notes.dropped("repeat", f"of {name}", _NO_REPEAT, one.place)
    found.policies.append(Policy(id=one.required("id"), name=name, rungs=tuple(rungs)))


_NO_REPEAT = "a plan's ladder does not repeat; add rungs"


def _target(one: Fields) -> tuple[Kind, str]:
    kind = _KINDS.get(one.text("type"))
    if kind is None:
        message = f"it calls a {one.text('type') or 'nameless target'}"
        raise FieldError(message)
    return kind, one.required("id")
