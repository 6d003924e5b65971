"""From PagerDuty's JSON to the neutral model."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

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
)
from watchbill.migrate.reading import (
    FieldError,
    Fields,
    Signs,
    email_of,
    phone_of,
    wall_of,
)
from watchbill.migrate.turns import length_of
from watchbill.migrate.week import WHOLE_WEEK, Week, daily, stretch, union

_SIGNS: Signs = {
    "schedules": lambda one: "schedule_layers" in one,
    "escalation_policies": lambda one: "escalation_rules" in one,
    "overrides": lambda one: "start" in one and "user" in one,
    "users": lambda one: "email" in one and "name" in one,
    "teams": lambda one: one.get("type") == "team",
}

_ONE = {
    "schedule": "schedules",
    "escalation_policy": "escalation_policies",
    "override": "overrides",
    "user": "users",
    "team": "teams",
}

_SEEN = ("self", "html_url", "type", "summary", "description")
_KINDS = {"user": Kind.PERSON, "schedule": Kind.SCHEDULE}


def parse(files: Mapping[str, bytes]) -> Export:
    """Return what the files hold, by name of file; ExportError when nothing."""
    found = Gathering(files, _with_single(_SIGNS))
    for kind in _ONE:
        found.rows(_ONE[kind]).extend(found.rows(kind))
    found.each("users", "user", _person, found.people)
    found.each("teams", "team", lambda one: _team(one, found), found.teams)
    found.each("schedules", "schedule", lambda one: _schedule(one, found))
    for one in found.rows("overrides"):
        found.cover(one, lambda row: _cover(row, found.only_schedule()))
    found.each("escalation_policies", "policy", lambda one: _policy(one, found))
    return found.export()


def _with_single(signs: Signs) -> Signs:
    """The signs, and the keys under which the API answers a single object."""
    return {**signs, **dict.fromkeys(_ONE, lambda _one: False)}


def _person(one: Fields) -> Person:
    one.ignore(
        *_SEEN,
        "role",
        "color",
        "avatar_url",
        "time_zone",
        "job_title",
        "teams",
        "invitation_sent",
    )
    email = email_of(one.text("email"))
    return Person(
        id=one.required("id"),
        name=one.text("name") or one.required("email"),
        email=email,
        phone=next(_phones(one), None),
    )


def _phones(one: Fields) -> Iterator[str]:
    for row in one.items("contact_methods"):
        row.ignore("id", "label", "summary", "self", "html_url")
        is_phone = row.text("type").startswith(("sms_", "phone_"))
        country = re.sub("[^0-9]", "", row.text("country_code"))
        number = row.text("address")
        phone = phone_of(f"+{country}{number}") if country else None
        if is_phone and phone is not None:
            yield phone


def _team(one: Fields, found: Gathering) -> Team:
    one.ignore(*_SEEN, "parent", "default_role")
    known = one.required("id")
    members = [row.reference("user").text("id") for row in one.items("members")]
    # A user names the teams where the team's own members were not asked for.
    for row in found.rows("users"):
        if known in {team.text("id") for team in row.items("teams")}:
            members.append(row.text("id"))
    return Team(
        id=known,
        name=one.text("name", "summary") or known,
        people=tuple(dict.fromkeys(filter(None, members))),
    )


def _schedule(one: Fields, found: Gathering) -> None:
    one.ignore(*_SEEN, "escalation_policies", "users", "teams")
    name, zone, known = one.required("name"), one.zone("time_zone"), one.required("id")
    layers = []
    for row in one.items("schedule_layers"):
        with found.noting("layer", row):
            layers.append(_layer(row))
    found.schedules.append(
        Schedule(id=known, name=name, zone=zone, layers=tuple(reversed(layers)))
    )
    for row in one.items("overrides"):
        found.cover(row, lambda inner: _cover(inner, known))
    final = one.one("final_schedule")
    final.ignore("name", "rendered_coverage_percentage")
    for row in final.items("rendered_schedule_entries"):
        found.render(lambda row=row: _rendered(row, known))  # type: ignore[misc]


def _rendered(one: Fields, schedule: str) -> Rendered:
    one.ignore("id")
    return Rendered(
        schedule=schedule,
        person=one.reference("user").required("id"),
        starts_at=one.instant("start"),
        ends_at=one.instant("end"),
    )


def _layer(one: Fields) -> Layer:
    one.ignore(
        "id", "rendered_schedule_entries", "rendered_coverage_percentage", "priority"
    )
    unit, every = length_of(
        timedelta(seconds=one.number("rotation_turn_length_seconds"))
    )
    starts_at = one.instant("start")
    virtual = one.instant_or_none("rotation_virtual_start") or starts_at
    return Layer(
        name=one.text("name") or "layer",
        people=tuple(
            row.reference("user").required("id") for row in one.items("users")
        ),
        starts_at=virtual,
        not_before=starts_at,
        ends_at=one.instant_or_none("end"),
        unit=unit,
        every=every,
        week=_restricted(one),
    )


def _restricted(one: Fields) -> Week:
    rows = one.items("restrictions")
    return union(_restriction(row) for row in rows) if rows else WHOLE_WEEK


def _restriction(one: Fields) -> Week:
    lasts = timedelta(seconds=one.number("duration_seconds"))
    starts = wall_of(one.required("start_time_of_day"))
    if one.text("type") == "daily_restriction":
        return daily(range(7), starts, min(lasts, timedelta(days=1)))
    if one.text("type") != "weekly_restriction":
        message = f"its restriction {one.text('type')} is neither daily nor weekly"
        raise FieldError(message)
    day = one.number("start_day_of_week")
    if not 1 <= day <= 7:
        message = "its start_day_of_week is not from 1 to 7"
        raise FieldError(message)
    return stretch(day - 1, starts, lasts)


def _cover(one: Fields, schedule: str) -> Cover:
    one.ignore("id", "type", "summary")
    known = one.reference("schedule").text("id") or schedule
    if not known:
        message = "it does not say of which schedule it is; nest it in its schedule"
        raise FieldError(message)
    return Cover(
        schedule=known,
        person=one.reference("user").required("id"),
        starts_at=one.instant("start"),
        ends_at=one.instant("end"),
    )


def _policy(one: Fields, found: Gathering) -> None:
    one.ignore(*_SEEN, "teams", "on_call_handoff_notifications")
    name, rungs, after = one.required("name"), [], timedelta(0)
    for row in one.items("escalation_rules"):
        with found.noting("rule of " + name, row, quiet=True):
            delay = timedelta(
                minutes=min(row.number("escalation_delay_in_minutes"), 10_000)
            )
            row.ignore("id")
            called = "target of " + name
            targets = found.targets(row.items("targets"), called, _target)
            rungs.append(Rung(after=after, targets=targets))
            after += delay
    if one.number("num_loops", default=0):
        found.notes.dropped("repeat", f"of {name}", _NO_REPEAT, one.place)
    found.policies.append(Policy(id=one.required("id"), name=name, rungs=tuple(rungs)))


_NO_REPEAT = "a plan's ladder does not repeat; add rungs"


def _target(one: Fields) -> tuple[Kind, str]:
    kind = _KINDS.get(one.text("type").removesuffix("_reference"))
    if kind is None:
        message = f"it calls a {one.text('type') or 'nameless target'}"
        raise FieldError(message)
    return kind, one.required("id")
