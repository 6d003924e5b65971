"""What the calendar of a schedule draws: rows of blocks, a block a shift.

Places are per cent of a row's width, because the server does not know how wide the
page is; a block that goes on beyond its row has no edge there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import dateformat
from django.utils.translation import gettext as _

from watchbill.core.oncall import (
    Absence,
    Duty,
    Override,
    Schedule,
    Shift,
    Source,
    resolve,
)
from watchbill.core.temporal import Interval
from watchbill.server.oncall.faces import Face, face_of
from watchbill.server.oncall.frames import Frame, stretch

HEAD, LANE = 38, 40
"""Pixels: the height of the line of days, and of a row of blocks."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Everything that decides who holds a schedule, and how its people are shown."""

    schedule: Schedule
    overrides: Sequence[Override]
    absences: Sequence[Absence]
    faces: Mapping[str, Face]
    holidays: frozenset[date] = frozenset()

    def shifts(
        self, during: Interval, duties: Sequence[Duty] | None = None
    ) -> tuple[Shift, ...]:
        """Return who holds which duty over a stretch."""
        return resolve(
            self.schedule,
            during=during,
            duties=duties or self.duties,
            overrides=self.overrides,
            absences=self.absences,
        )

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties that this schedule has."""
        return self.schedule.duties


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the drawing before it is cut into weeks."""

    key: str
    label: str
    shifts: tuple[Shift, ...]
    #: None for a layer: it is shown, and changed in the plan.
    duty: Duty | None = None


def strips(
    watch: Watch, frame: Frame, *, now: datetime, with_layers: bool
) -> list[dict[str, Any]]:
    """Return the rows of a frame, each with its days, lanes and blocks."""
    rows = list(_rows(watch, frame.around, with_layers=with_layers))
    return [
        _strip(watch, rows, first, length, frame=frame, now=now)
        for first, length in frame.rows
    ]


def why(shift: Shift, found: Mapping[str, Face]) -> str:
    """Return why a shift is held by whom it is, in words."""
    instead = face_of(found, shift.instead_of).name if shift.instead_of else ""
    match shift.source:
        case Source.LAYER:
            return _("by turns")
        case Source.FOLLOWS:
            return _("by turns, after the primary")
        case Source.OVERRIDE:
            if not instead:
                return _("override")
            return _("override, instead of %(who)s") % {"who": instead}
        case Source.SWAP:
            if not instead:
                return _("swap")
            return _("swap with %(who)s") % {"who": instead}
        case Source.STAND_IN:
            return _("stands in for %(who)s, who is away") % {"who": instead}
        case Source.NOBODY:
            return _("nobody")


def duty_name(duty: Duty) -> str:
    """Return what a duty is called on pages."""
    return {
        Duty.PRIMARY: _("Primary"),
        Duty.SECONDARY: _("Secondary"),
        Duty.SHADOW: _("Shadow"),
    }[duty]


def clock_text(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as a reader in a zone says it, such as Fri 6 Feb 10:00."""
    return dateformat.format(at.astimezone(zone), "D j M H:i")


def wall_text(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant as a field for date and time holds it."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"


def _rows(watch: Watch, during: Interval, *, with_layers: bool) -> Iterator[_Row]:
    found = watch.shifts(during)
    for duty in watch.duties:
        shifts = tuple(one for one in found if one.duty is duty)
        yield _Row(str(duty), duty_name(duty), shifts, duty)
    if not with_layers:
        return
    for layer in watch.schedule.layers:
        alone = replace(watch.schedule, layers=(layer,), secondary=None, shadow=None)
        shifts = resolve(alone, during=during, duties=(Duty.PRIMARY,))
        yield _Row(f"layer-{layer.key}", layer.key, shifts)


def _strip(
    watch: Watch,
    rows: Sequence[_Row],
    first: date,
    length: int,
    *,
    frame: Frame,
    now: datetime,
) -> dict[str, Any]:
    span = stretch(first, length, frame.zone)
    lanes = [
        {
            "label": row.label,
            "is_layer": row.duty is None,
            "y": HEAD + LANE * number,
            "blocks": list(_blocks(watch, row, span, frame=frame, now=now)),
        }
        for number, row in enumerate(rows)
    ]
    return {
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
        "days": list(_days(watch, first, length, span, frame=frame, now=now)),
        "lanes": lanes,
        "duties": ",".join(str(row.duty) for row in rows if row.duty is not None),
        "height": HEAD + LANE * len(rows),
        "now_x": _place(now, span) if now in span else None,
        "label": "{} – {}".format(
            dateformat.format(first, "j M"),
            dateformat.format(first + timedelta(days=length - 1), "j M Y"),
        ),
    }


def _days(
    watch: Watch,
    first: date,
    length: int,
    span: Interval,
    *,
    frame: Frame,
    now: datetime,
) -> Iterator[dict[str, Any]]:
    today = now.astimezone(frame.zone).date()
    is_month = frame.view == "month"
    for offset in range(length):
        day = first + timedelta(days=offset)
        place = stretch(day, 1, frame.zone)
        x = _place(place.starts_at, span)
        yield {
            "x": x,
            "width": round(_place(place.ends_at, span) - x, 3),
            "weekday": dateformat.format(day, "D"),
            "number": dateformat.format(day, "j M" if day.day == 1 else "j"),
            "title": dateformat.format(day, "l j F Y"),
            "is_today": day == today,
            "is_off": day.weekday() >= _SATURDAY or day in watch.holidays,
            "is_holiday": day in watch.holidays,
            "is_outside": is_month and day.month != frame.day.month,
        }


def _blocks(
    watch: Watch, row: _Row, span: Interval, *, frame: Frame, now: datetime
) -> Iterator[dict[str, Any]]:
    for shift in row.shifts:
        if not shift.during.overlaps(span):
            continue
        is_absent_by_design = shift.holder is None and row.duty is not Duty.PRIMARY
        if is_absent_by_design and row.duty is None:
            continue
        yield _block(watch, row, shift, span, frame=frame, now=now)


def _block(
    watch: Watch,
    row: _Row,
    shift: Shift,
    span: Interval,
    *,
    frame: Frame,
    now: datetime,
) -> dict[str, Any]:
    face = face_of(watch.faces, shift.holder)
    starts_at = max(shift.during.starts_at, span.starts_at)
    ends_at = min(shift.during.ends_at, span.ends_at)
    x, end = _place(starts_at, span), _place(ends_at, span)
    reason = why(shift, watch.faces)
    return {
        "x": x,
        "width": round(end - x, 3),
        "face": face,
        "duty": row.duty,
        "source": str(shift.source) if shift.holder else "nobody",
        "is_gap": shift.holder is None and row.duty is Duty.PRIMARY,
        "is_current": now in shift.during and shift.holder is not None,
        "is_past": shift.during.ends_at <= now,
        "goes_back": shift.during.starts_at < span.starts_at,
        "goes_on": shift.during.ends_at > span.ends_at,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "from": wall_text(shift.during.starts_at, watch.schedule.zone),
        "to": wall_text(shift.during.ends_at, watch.schedule.zone),
        "title": _("%(row)s: %(who)s, %(from)s to %(to)s, %(why)s")
        % {
            "row": row.label,
            "who": face.name,
            "from": clock_text(shift.during.starts_at, frame.zone),
            "to": clock_text(shift.during.ends_at, frame.zone),
            "why": reason,
        },
    }


def _place(at: datetime, span: Interval) -> float:
    """Where an instant lies, in per cent of a stretch."""
    length = span.ends_at - span.starts_at
    return round(100 * ((at - span.starts_at) / length), 3)
