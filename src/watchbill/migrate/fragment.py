"""The fragment: the neutral values as sections of a plan.

Contacts, groups, schedules and ladders are written as a plan file spells them, with the
keys of a plan; overrides stay values, because a plan does not hold them. Here it is
decided what cannot be written, and noted: layers whose turns no plan has, people whom
no file names, ladders that lead nowhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from watchbill.core.people import Contact
from watchbill.migrate.model import (
    Cover,
    Export,
    Kind,
    Layer,
    Person,
    Policy,
    Schedule,
    Unit,
)
from watchbill.migrate.naming import slug, unique
from watchbill.migrate.reading import FieldError, Notes
from watchbill.migrate.report import Entry, Outcome
from watchbill.migrate.turns import layers_of, local
from watchbill.migrate.week import Hours, common, hours_of
from watchbill.plan.values import DAYS, write_duration

Section = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Fragment:
    """The parts of a plan that an import makes."""

    contacts: list[Section] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    on_call: dict[str, Section] = field(default_factory=dict)
    #: By name of the product's policy.
    ladders: dict[str, list[Section]] = field(default_factory=dict)
    #: By key of the schedule; the persons are contact keys.
    covers: dict[str, list[Cover]] = field(default_factory=dict)
    #: The contact key of each person of the product.
    people: dict[str, str] = field(default_factory=dict)
    #: The schedule key of each schedule of the product.
    schedules: dict[str, str] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


def fragment_of(
    export: Export,
    *,
    as_of: datetime,
    level: str = "L1",
    known: Iterable[Contact] = (),
    taken: Iterable[str] = (),
) -> Fragment:
    """Return what an export says as parts of a plan.

    What was over at ``as_of`` is dropped. ``known`` are the contacts of the plan into
    which it goes, ``taken`` the names that it uses for anything else.
    """
    return _Making(export, as_of=as_of, level=level).make(tuple(known), set(taken))


class _Making:
    def __init__(self, export: Export, *, as_of: datetime, level: str) -> None:
        self._export = export
        self._as_of = as_of
        self._level = level
        self._notes = Notes()
        self._made = Fragment()
        self._taken: set[str] = set()
        self._teams: dict[str, str] = {}
        #: People whom others name and no file holds.
        self._missing: set[str] = set()

    def make(self, known: tuple[Contact, ...], taken: set[str]) -> Fragment:
        self._taken = taken | {one.key for one in known}
        for person in self._everybody():
            self._contact(person, known)
        for team in self._export.teams:
            self._group(team.id, team.name, team.people)
        for schedule in self._export.schedules:
            self._schedule(schedule)
        for cover in self._export.covers:
            self._cover(cover)
        for policy in self._export.policies:
            self._ladder(policy)
        self._made.entries = (*self._export.entries, *self._notes.entries)
        return self._made

    # ── People ────────────────────────────────────────────────────────────────

    def _everybody(self) -> Iterator[Person]:
        """The people of the export, and those whom others of its objects name."""
        named = {one.id: one for one in self._export.people}
        yield from named.values()
        for number in dict.fromkeys(self._mentioned()):
            if number not in named:
                self._missing.add(number)
                yield Person(id=number, name=number)

    def _mentioned(self) -> Iterator[str]:
        for schedule in self._export.schedules:
            for layer in schedule.layers:
                yield from layer.people
        for cover in self._export.covers:
            yield cover.person
        for team in self._export.teams:
            yield from team.people

    def _contact(self, person: Person, known: tuple[Contact, ...]) -> None:
        same = next((one for one in known if _is_same(one, person)), None)
        if same is not None:
            self._made.people[person.id] = same.key
            because = f"is the plan's contact {same.key}, who stays as they are"
            self._note(Outcome.TAKEN, "user", person.name, because)
            return
        address = (person.email or "").partition("@")[0]
        wanted = slug(person.name, joiner="_") or slug(address, joiner="_") or "person"
        key = self._new(wanted, joiner="_")
        self._made.people[person.id] = key
        written = {
            "id": key,
            "level": self._level,
            "title": person.name,
            "name": person.name,
            "email": person.email,
            "phone": person.phone,
            "slack": person.slack,
        }
        self._made.contacts.append({k: v for k, v in written.items() if v})
        if not (person.email or person.phone or person.slack):
            missing = "no file holds this user; " * (person.id in self._missing)
            because = f"{missing}the contact {key} has no address, so fill one in"
            self._notes.guessed("user", person.name, because)

    def _group(self, number: str, name: str, people: tuple[str, ...]) -> None:
        members = list(dict.fromkeys(self._made.people[one] for one in people))
        if not members:
            self._notes.dropped("team", name, "nobody is in it")
            return
        key = self._new(slug(name, joiner="_") or "team", joiner="_")
        self._teams[number] = key
        self._made.groups[key] = members

    # ── Schedules ─────────────────────────────────────────────────────────────

    def _schedule(self, schedule: Schedule) -> None:
        layers = list(self._layers(schedule))
        if not layers:
            because = "none of its layers can be taken"
            self._notes.dropped("schedule", schedule.name, because)
            return
        self._warn_of_shared(schedule, layers)
        key = self._new(slug(schedule.name, joiner="-") or "schedule", joiner="-")
        self._made.schedules[schedule.id] = key
        stand = {"secondary": "none", "shadow": "none"}
        title = {"title": schedule.name, "zone": schedule.zone.key}
        if len(layers) == 1:
            written = self._written(layers[0], layers[0].zone or schedule.zone)
            zone_key = (layers[0].zone or schedule.zone).key
            self._made.on_call[key] = {**title, "zone": zone_key, **written, **stand}
            return
        names: dict[str, Section] = {}
        for layer in layers:
            wanted = slug(layer.name, joiner="-") or "layer"
            name = unique(wanted, names, joiner="-")
            names[name] = self._written(layer, schedule.zone)
        self._made.on_call[key] = {**title, "layers": names, **stand}

    def _layers(self, schedule: Schedule) -> Iterator[Layer]:
        for layer in schedule.layers:
            if layer.ends_at is not None and layer.ends_at <= self._as_of:
                because = f"it ended on {layer.ends_at:%Y-%m-%d}"
                self._drop_layer(schedule, layer, because)
                continue
            try:
                made = layers_of(layer, layer.zone or schedule.zone)
            except FieldError as error:
                self._drop_layer(schedule, layer, str(error))
                continue
            self._say_if_near(schedule, layer, made)
            yield from made

    def _drop_layer(self, schedule: Schedule, layer: Layer, because: str) -> None:
        self._notes.dropped("layer", f"{layer.name} of {schedule.name}", because)

    def _say_if_near(
        self, schedule: Schedule, layer: Layer, made: tuple[Layer, ...]
    ) -> None:
        name = f"{layer.name} of {schedule.name}"
        if len(made) > 1:
            because = f"turns of {layer.every} h are {len(made)} layers of a day each"
            self._note(Outcome.TAKEN, "layer", name, because)
        if layer.ends_at is not None:
            because = "it ends with the day in a plan, not at its hour"
            self._notes.guessed("layer", name, because)
        if max(layer.starts_at, layer.not_before or layer.starts_at) > self._as_of:
            because = "it is yet to begin, and does so with a whole turn"
            self._notes.guessed("layer", name, because)

    def _warn_of_shared(self, schedule: Schedule, layers: list[Layer]) -> None:
        """Where the product pages several people and a plan pages the last of them."""
        if not schedule.is_shared:
            return
        for number, lower in enumerate(layers):
            for upper in layers[number + 1 :]:
                is_level = lower.rank == upper.rank
                if is_level and common(lower.week, upper.week):
                    because = (
                        f"{upper.name} covers {lower.name} where both are active; the"
                        " product pages both"
                    )
                    self._notes.guessed("schedule", schedule.name, because)

    def _written(self, layer: Layer, zone: ZoneInfo) -> Section:
        own = layer.zone or zone
        day, wall = local(layer.starts_at, own)
        written: Section = {
            "members": [self._made.people[one] for one in layer.people],
            "first_day": day.isoformat(),
            "handover": f"{wall:%H:%M}",
            "every": _every(layer),
        }
        if layer.weekdays:
            written["weekdays"] = [DAYS[one] for one in sorted(layer.weekdays)]
        hours = [_hours(one) for one in hours_of(layer.week)]
        if hours:
            written["hours"] = hours[0] if len(hours) == 1 else hours
        if layer.ends_at is not None:
            last = layer.ends_at - timedelta(minutes=1)
            written["until"] = last.astimezone(own).date().isoformat()
        if own.key != zone.key:
            written["zone"] = own.key
        return written

    # ── What is live, and the ladders ─────────────────────────────────────────

    def _cover(self, cover: Cover) -> None:
        key = self._made.schedules.get(cover.schedule)
        span = f"{cover.starts_at:%Y-%m-%d %H:%M} to {cover.ends_at:%Y-%m-%d %H:%M} UTC"
        if cover.ends_at <= self._as_of:
            self._notes.dropped("override", span, "it is over")
        elif key is None:
            self._notes.dropped("override", span, "its schedule is not taken")
        else:
            person = self._made.people[cover.person]
            other = self._made.people.get(cover.instead_of or "")
            self._made.covers.setdefault(key, []).append(
                Cover(
                    schedule=key,
                    person=person,
                    starts_at=cover.starts_at,
                    ends_at=cover.ends_at,
                    instead_of=other,
                )
            )

    def _ladder(self, policy: Policy) -> None:
        steps: list[Section] = []
        for rung in policy.rungs:
            who = [self._target(policy, kind, one) for kind, one in rung.targets]
            found = [one for one in who if one]
            if found:
                title = f"{policy.name}, step {len(steps) + 1}"
                after = write_duration(rung.after)
                step = {"after": after, "do": "page", "who": found, "title": title}
                steps.append(step)
        if steps:
            self._made.ladders[policy.name] = steps
        else:
            self._notes.dropped("policy", policy.name, "none of its steps can be taken")

    def _target(self, policy: Policy, kind: Kind, number: str) -> str:
        by_kind: Mapping[Kind, Mapping[str, str]] = {
            Kind.PERSON: self._made.people,
            Kind.TEAM: self._teams,
            Kind.SCHEDULE: self._made.schedules,
        }
        key = by_kind[kind].get(number, "")
        if not key:
            because = f"the {kind} {number} is not taken"
            self._notes.dropped("step", f"of {policy.name}", because)
            return ""
        return f"on_call.{key}.primary" if kind is Kind.SCHEDULE else key

    def _new(self, wanted: str, *, joiner: str) -> str:
        key = unique(wanted, self._taken, joiner=joiner)
        self._taken.add(key)
        return key

    def _note(self, outcome: Outcome, kind: str, name: str, because: str) -> None:
        if outcome is Outcome.TAKEN:
            self._notes.taken(kind, f"{name} ({because})", "")
        else:
            self._notes.guessed(kind, name, because)


def _is_same(contact: Contact, person: Person) -> bool:
    return bool(
        (person.email and person.email.lower() == (contact.email or "").lower())
        or (person.phone and person.phone == contact.phone)
    )


def _every(layer: Layer) -> str | dict[str, str]:
    if layer.every == 1:
        return str(layer.unit)
    unit = {Unit.DAY: "days", Unit.WEEK: "weeks", Unit.MONTH: "months"}[layer.unit]
    return {unit: str(layer.every)}


def _hours(hours: Hours) -> Section:
    days = ", ".join(DAYS[one] for one in sorted(hours.days))
    whole = "mon-sun" if len(hours.days) == 7 else days
    return {
        "days": whole,
        "from": f"{hours.starts:%H:%M}",
        "to": f"{hours.ends:%H:%M}",
    }
