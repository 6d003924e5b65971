"""Turns: from how products count them to how a plan does.

A plan counts turns in whole days, weeks or months of the calendar and hands over at one
wall time. Turns of some hours that divide a day are written as one layer for each part
of the day, which says the same. What divides neither a day nor is made of whole days
cannot be written and is refused.
"""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from math import gcd
from zoneinfo import ZoneInfo

from watchbill.migrate.model import Layer, Unit
from watchbill.migrate.reading import FieldError
from watchbill.migrate.week import common, daily

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MOST_MEMBERS = 400


def length_of(lasts: timedelta) -> tuple[Unit, int]:
    """Return the unit and number of a length; FieldError when a plan has none such."""
    for unit, size in ((Unit.WEEK, 7 * _DAY), (Unit.DAY, _DAY), (Unit.HOUR, _HOUR)):
        if lasts >= size and not lasts % size:
            return unit, lasts // size
    message = f"its turns last {lasts}, which is not whole hours"
    raise FieldError(message)


def layers_of(layer: Layer, zone: ZoneInfo) -> tuple[Layer, ...]:
    """Return the layers, counted in days or more, that say what a layer says.

    FieldError when a plan cannot say it.
    """
    if not layer.people:
        message = "nobody takes turns in it"
        raise FieldError(message)
    if not layer.week:
        message = "it is active at no minute of the week"
        raise FieldError(message)
    if not 1 <= layer.every <= 400 * 24:
        message = f"its turns last {layer.every} {layer.unit}s"
        raise FieldError(message)
    if layer.starts_at.astimezone(zone).second:
        message = "its turns do not change on a whole minute"
        raise FieldError(message)
    layer = _from_its_start(layer, zone)
    if layer.unit is not Unit.HOUR:
        return (layer,)
    if layer.every % 24 == 0:
        return (replace(layer, unit=Unit.DAY, every=layer.every // 24),)
    return _parts_of_a_day(layer, zone)


def _from_its_start(layer: Layer, zone: ZoneInfo) -> Layer:
    """The layer with its first turn where it becomes active, and the people turned."""
    begins = layer.not_before
    if begins is None or begins <= layer.starts_at:
        return layer
    if layer.unit is Unit.MONTH or layer.weekdays:
        return layer
    first = layer.starts_at.astimezone(zone).replace(tzinfo=None)
    size = {Unit.HOUR: _HOUR, Unit.DAY: _DAY, Unit.WEEK: 7 * _DAY}[layer.unit]
    passed = begins.astimezone(zone).replace(tzinfo=None) - first
    turns = passed // (size * layer.every)
    starts = (first + turns * layer.every * size).replace(tzinfo=zone)
    at = turns % len(layer.people)
    return replace(
        layer,
        starts_at=starts,
        people=(*layer.people[at:], *layer.people[:at]),
    )


def _parts_of_a_day(layer: Layer, zone: ZoneInfo) -> tuple[Layer, ...]:
    """A layer for each part of the day, each with its own order of the people."""
    if 24 % layer.every:
        message = (
            f"its turns last {layer.every} hours, which neither divides a day"
            " nor is whole days"
        )
        raise FieldError(message)
    parts, count = 24 // layer.every, len(layer.people)
    days = count // gcd(parts, count)
    if days > _MOST_MEMBERS:
        message = f"its order repeats after {days} days only"
        raise FieldError(message)
    first = layer.starts_at.astimezone(zone)
    found = []
    for part in range(parts):
        starts = first.replace(tzinfo=None) + part * layer.every * _HOUR
        week = daily(range(7), starts.time(), layer.every * _HOUR)
        found.append(
            replace(
                layer,
                name=f"{layer.name} {starts:%H:%M}",
                people=tuple(
                    layer.people[(day * parts + part) % count] for day in range(days)
                ),
                starts_at=starts.replace(tzinfo=zone),
                unit=Unit.DAY,
                every=1,
                week=common(week, layer.week),
            )
        )
    return tuple(one for one in found if one.week)


def local(at: datetime, zone: ZoneInfo) -> tuple[date, time]:
    """Return the day and wall time of an instant."""
    there = at.astimezone(zone)
    return there.date(), there.time().replace(second=0, microsecond=0)
