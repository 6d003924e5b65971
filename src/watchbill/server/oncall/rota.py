"""From what a form says of a schedule to the least that must change in the plan.

A value that is as before stays where it stands, whether a layer says it itself or the
schedule says it for all of them; so comments, aliases and short forms survive. What a
layer took over from the schedule is written out only where the schedule now says
something else. A schedule of one layer is written short, without the word layers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from watchbill.core.layers import Layer
from watchbill.core.oncall import Duty, Follow, Schedule, Stand
from watchbill.core.recurrence import Unit
from watchbill.core.temporal import WeeklyHours
from watchbill.plan.schedules import ONLY_LAYER
from watchbill.plan.source import parse_source
from watchbill.plan.values import DAYS
from watchbill.server.oncall.amending import AmendingRefusedError, Edits, Steps

Raw = Mapping[str, Any]
"""A mapping of the plan as it is written."""

KEEP = "keep"
"""Hours that a form cannot show, which stay as they are written."""

_OF_LAYER = ("members", "hours", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of the week that are no shift of the plan."""

    days: frozenset[int]
    starts: time
    ends: time

    @property
    def written(self) -> dict[str, str]:
        """How a plan says them."""
        return {
            "days": _days(self.days),
            "from": f"{self.starts:%H:%M}",
            "to": f"{self.ends:%H:%M}",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """A layer as a form shows it."""

    key: str
    #: What it is called in the plan; empty for a new one.
    was: str = ""
    duty: Duty = Duty.PRIMARY
    members: tuple[str, ...]
    unit: Unit = Unit.WEEK
    every: int = 1
    #: Empty is the weekday of the first day.
    weekdays: frozenset[int] = frozenset()
    first_day: date
    handover: time
    #: The layer's own zone; empty for that of the schedule.
    zone: str = ""
    #: Around the clock, the name of a shift, hours of its own, or as they are written.
    hours: str | Hours = ""
    until: date | None = None

    @property
    def turn(self) -> tuple[Unit, int, frozenset[int]]:
        """How long a turn is and on which days it ends: one saying."""
        return self.unit, self.every, self.weekdays


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A schedule as a form shows it."""

    title: str
    zone: str
    specialty: str = ""
    #: Who stands beside the primary where no layer does: previous, next or none.
    secondary: str = "previous"
    shadow: str = "next"
    layers: tuple[Turns, ...]

    def layers_of(self, duty: Duty) -> tuple[Turns, ...]:
        """Return the layers of a duty, the lowest first."""
        return tuple(one for one in self.layers if one.duty is duty)


def shown(schedule: Schedule, text: str) -> Wanted:
    """Return a schedule of the plan's text as a form shows it first."""
    raw = _written_at(text, schedule.key)
    return Wanted(
        title=schedule.title,
        zone=schedule.zone.key,
        specialty=schedule.specialty or "",
        secondary=_stand(schedule.secondary),
        shadow=_stand(schedule.shadow),
        layers=tuple(
            _shown(layer, duty, raw if duty is Duty.PRIMARY else raw[duty])
            for duty in Duty
            for layer in schedule.layers_of(duty)
        ),
    )


def _shown(layer: Layer, duty: Duty, watch: Raw) -> Turns:
    rhythm = layer.rhythm
    raw = _of_layer(watch, layer.key)
    # What a stand says of its zone holds for each of its layers.
    over = {} if duty is Duty.PRIMARY else watch
    own = {} if raw is watch and duty is Duty.PRIMARY else raw
    return Turns(
        key=layer.key,
        was=layer.key,
        duty=duty,
        members=layer.members,
        unit=rhythm.unit,
        every=rhythm.every,
        weekdays=rhythm.weekdays,
        first_day=rhythm.first_day,
        handover=rhythm.handover,
        zone=str(own.get("zone") or over.get("zone") or ""),
        hours=_hours(raw.get("hours"), layer.hours),
        until=layer.last_day,
    )


def _hours(raw: object, hours: Sequence[WeeklyHours]) -> str | Hours:
    forms = raw if isinstance(raw, list) else [raw] if raw else []
    match forms:
        case []:
            return ""
        case [str(name)]:
            return name
        case [Mapping()] if len(hours) == 1:
            one = hours[0]
            return Hours(days=one.days, starts=one.starts, ends=one.ends)
        case _:
            return KEEP


def steps(text: str, key: str, wanted: Wanted, before: Wanted | None) -> Steps:
    """Return what to change in a plan so that it has the schedule that is wanted.

    ``before`` is what the form showed first, None for a schedule that is new.
    """
    old = _written_at(text, key) if before is not None else {}
    new = _schedule(old, wanted, before)
    here = ("on_call", key)
    orders = {
        (*here, *above, "layers"): list(watch["layers"])
        for above, watch in _watches(new)
        if "layers" in watch
    }
    if before is None:
        has_section = bool(_section(text))
        whole: Edits = {here: new} if has_section else {here[:1]: {key: new}}
        return Steps(edits=(whole,), orders=orders if has_section else {})
    return Steps(edits=tuple(_stepwise(here, old, new)), orders=orders)


def _stepwise(here: tuple[str, ...], old: Raw, new: Raw) -> Iterator[Edits]:
    """Yield edits of which none changes a kind, or takes the last of something."""
    turned = [
        name
        for name in (Duty.SECONDARY, Duty.SHADOW)
        if isinstance(old.get(name), Mapping) != isinstance(new.get(name), Mapping)
        and old.get(name) is not None
    ]
    if turned:
        yield {(*here, name): None for name in turned}
    known = dict(_watches(old))
    both = {
        (*here, *above, "layers"): {**known[above]["layers"], **watch["layers"]}
        for above, watch in _watches(new)
        if "layers" in watch and "layers" in known.get(above, {})
    }
    if both:
        yield both
    yield {here: new}


def _watches(raw: Raw) -> Iterator[tuple[tuple[str, ...], Raw]]:
    """Yield the schedule and what stands beside it, each with where that is written."""
    yield (), raw
    for duty in (Duty.SECONDARY, Duty.SHADOW):
        if isinstance(raw.get(duty), Mapping):
            yield (str(duty),), raw[duty]


def _schedule(old: Raw, wanted: Wanted, before: Wanted | None) -> dict[str, Any]:
    known = {(one.duty, one.was): one for one in before.layers} if before else {}
    new: dict[str, Any] = {"title": wanted.title, **old} | {"title": wanted.title}
    _put(new, "specialty", wanted.specialty)
    if before is None or wanted.zone != before.zone:
        _put(new, "zone", wanted.zone)
    primary = wanted.layers_of(Duty.PRIMARY)
    new = _watch(new, primary, known, ((), ()), may_be_short=not primary[0].zone)
    for duty in (Duty.SECONDARY, Duty.SHADOW):
        layers = wanted.layers_of(duty)
        if layers:
            stand = old.get(duty)
            raw = stand if isinstance(stand, Mapping) else {}
            above = ((old,), (new,))
            new[str(duty)] = _watch(raw, layers, known, above, may_be_short=True)
        else:
            said = getattr(wanted, duty)
            if before is None or said != getattr(before, duty) or duty in old:
                new[str(duty)] = said
    return new


_Above = tuple[tuple[Raw, ...], tuple[Raw, ...]]
"""What a layer stands in, the nearest first: as it was, and as it will be."""

_Known = Mapping[tuple[Duty, str], Turns]


def _watch(
    raw: Raw,
    layers: Sequence[Turns],
    known: _Known,
    above: _Above,
    *,
    may_be_short: bool,
) -> dict[str, Any]:
    """Return a duty's own entry with its layers."""
    old, new = above
    if len(layers) == 1 and "layers" not in raw and may_be_short:
        is_top = not old and not new
        return _layer(raw, layers[0], known, above, with_zone=not is_top)
    kept = {name: one for name, one in raw.items() if name not in _OF_LAYER}
    within = ((raw, *old), (kept, *new))
    # What the short form says once holds for every layer; a layer's own zone as well.
    found = {
        one.key: _layer(_inner(raw, one.was), one, known, within, with_zone=True)
        for one in layers
    }
    return kept | {"layers": found}


def _inner(raw: Raw, was: str) -> Raw:
    """What is written of a layer alone; of the short form only what is no rhythm."""
    if not was:
        return {}
    layer = _of_layer(raw, was)
    if layer is not raw:
        return layer
    return {name: raw[name] for name in _OF_LAYER if name in raw}


def _layer(
    raw: Raw, one: Turns, known: _Known, above: _Above, *, with_zone: bool
) -> dict[str, Any]:
    was = known.get((one.duty, one.was)) if one.was else None
    new = {**raw, "members": list(one.members)}
    for names, value in _rhythm(raw, one):
        old_said, new_said = (_said((raw, *watches), names) for watches in above)
        is_same = was is not None and _same(was, one, names)
        if not (is_same and old_said == new_said):
            for name in names:
                new.pop(name, None)
            new |= value
    if with_zone and (was is None or was.zone != one.zone):
        _put(new, "zone", one.zone)
    if one.hours == KEEP and was is None:
        message = (
            f"The hours of the layer {one.key} are written in the plan for another"
            " duty; choose them anew."
        )
        raise AmendingRefusedError(message)
    if one.hours != KEEP and (was is None or was.hours != one.hours):
        hours = one.hours.written if isinstance(one.hours, Hours) else one.hours
        _put(new, "hours", hours)
    if was is None or was.until != one.until:
        _put(new, "until", one.until.isoformat() if one.until else "")
    return new


_TURN, _BEGIN, _HANDOVER = (
    ("every", "weekdays"),
    ("first_day", "first_week"),
    ("handover",),
)


def _rhythm(raw: Raw, one: Turns) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the sayings of a rhythm: the words for each, and how it is written."""
    unit = str(one.unit)
    every = unit if one.every == 1 else {f"{unit}s": str(one.every)}
    said = _days(one.weekdays)
    listed = isinstance(raw.get("weekdays"), list)
    days = {"weekdays": said.split(", ") if listed else said} if said else {}
    begin = "first_week" if "first_week" in raw else "first_day"
    yield _BEGIN, {begin: one.first_day.isoformat()}
    yield _HANDOVER, {"handover": f"{one.handover:%H:%M}"}
    yield _TURN, {"every": every, **days}


def _same(was: Turns, one: Turns, names: tuple[str, ...]) -> bool:
    match names:
        case ("handover",):
            return was.handover == one.handover
        case ("first_day", _):
            return was.first_day == one.first_day
        case _:
            return was.turn == one.turn


def _said(watches: Sequence[Raw], names: tuple[str, ...]) -> object:
    """What is written of something by the nearest that says it."""
    for one in watches:
        said = {name: one[name] for name in names if one.get(name) is not None}
        if said:
            return list(said.values()) if names == _BEGIN else said
    return None


def _put(new: dict[str, Any], name: str, value: object) -> None:
    if value:
        new[name] = value
    else:
        new.pop(name, None)


def _of_layer(watch: Raw, key: str) -> Raw:
    """What is written of a layer, of the short form what it stands in."""
    layers = watch.get("layers")
    if not isinstance(layers, Mapping):
        return watch if key == ONLY_LAYER else {}
    found = layers.get(key)
    return found if isinstance(found, Mapping) else {}


def _written_at(text: str, key: str) -> Raw:
    found = _section(text).get(key)
    return found if isinstance(found, Mapping) else {}


def _section(text: str) -> Raw:
    document = parse_source(text).document
    plain = document.plain() if document is not None else None
    found = plain.get("on_call") if isinstance(plain, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _stand(stand: Stand | None) -> str:
    match stand:
        case Follow(offset=-1):
            return "previous"
        case Follow(offset=1):
            return "next"
        case _:
            return "none"


def _days(days: frozenset[int]) -> str:
    return ", ".join(DAYS[one] for one in sorted(days))
