"""The on-call section of a plan: schedules, their layers, and who backs up whom.

The short form is a rotation: members who take turns, and the day and hour at which the
watch is handed over. The long form says ``layers``, each a rotation of its own, of
which a later one covers an earlier one while it is active; a layer that leaves out
when the watch is handed over does so as its schedule says.
"""

from datetime import date
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from watchbill.plan.quantities import Count
from watchbill.plan.sections.entry import TABLE, WORD, Entry, Keys
from watchbill.plan.values import (
    Day,
    Days,
    Every,
    Key,
    Neighbor,
    Text,
    WallTime,
    Zone,
)


def _form(value: object) -> str:
    return TABLE if isinstance(value, dict | BaseModel) else WORD


def _in_a_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _as_days(value: object) -> object:
    """Weekdays written as a list are read as ``mon, fri``."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value


class EveryEntry(Entry):
    """How long a turn lasts, when that is not one day, week or month."""

    days: Count | None = None
    weeks: Count | None = None
    months: Count | None = None

    @model_validator(mode="after")
    def _says_one_unit(self) -> Self:
        said = [one for one in (self.days, self.weeks, self.months) if one is not None]
        if len(said) != 1:
            hint = "Write every: {weeks: 2}, {days: 3} or {months: 1}."
            raise _refused("a turn is counted in days, weeks or months", hint)
        return self


class WatchHoursEntry(Entry):
    """Hours of the week within which a layer is active."""

    days: Days
    from_: WallTime = Field(alias="from")
    to: WallTime


EveryForm = Annotated[
    Annotated[Every, Tag(WORD)] | Annotated[EveryEntry, Tag(TABLE)],
    Discriminator(_form),
]
HoursForm = Annotated[
    Annotated[Key, Tag(WORD)] | Annotated[WatchHoursEntry, Tag(TABLE)],
    Discriminator(_form),
]
WeekDays = Annotated[Days, BeforeValidator(_as_days)]


class RhythmEntry(Entry):
    """When the watch is handed over."""

    #: The day of the first hand-over; it fixes the weekday.
    first_day: Day | None = None
    #: Another word for first_day.
    first_week: Day | None = None
    handover: WallTime | None = None
    #: How long a turn lasts: a day, week or month, or so many of them; a week unless
    #: it is said.
    every: EveryForm | None = None
    #: The days on which the watch is handed over, when a week has several.
    weekdays: WeekDays | None = None
    #: The zone of the clock times, when it is not that of the plan.
    zone: Zone | None = None

    @property
    def begins_on(self) -> date | None:
        """The day of the first hand-over, by whichever word it is said."""
        return self.first_day or self.first_week

    @model_validator(mode="after")
    def _is_one_rhythm(self) -> Self:
        if self.first_day and self.first_week:
            message = '"first_day" and "first_week" say the same'
            raise _refused(message, "Leave one of them out.")
        is_weekly = self.every in {None, Every.WEEK} or (
            isinstance(self.every, EveryEntry) and self.every.weeks is not None
        )
        if self.weekdays and not is_weekly:
            message = "weekdays are for turns that are counted in weeks"
            raise _refused(message, "Write every: week, or leave the weekdays out.")
        return self


class LayerEntry(RhythmEntry):
    """A rotation: who takes turns, and when the layer is active."""

    members: Annotated[Keys, Field(min_length=1)]
    #: It is active within these hours only: the name of a shift, or days and times.
    hours: Annotated[tuple[HoursForm, ...], BeforeValidator(_in_a_list)] = ()
    #: The last day on which it hands over or is active.
    until: Day | None = None


Layers = Annotated[dict[Key, LayerEntry], Field(min_length=1)]


class WatchEntry(RhythmEntry):
    """Members who take turns, or layers of them."""

    members: Annotated[Keys, Field(min_length=1)] | None = None
    hours: Annotated[tuple[HoursForm, ...], BeforeValidator(_in_a_list)] = ()
    until: Day | None = None
    #: Rotations of which a later one covers an earlier one while it is active.
    layers: Layers | None = None

    @model_validator(mode="after")
    def _is_one_form(self) -> Self:
        if self.layers is None and self.members is None:
            raise PydanticCustomError("missing_key", "", {"key": "members"})
        if self.layers is not None and (self.members or self.hours or self.until):
            message = "the layers have members and hours of their own"
            hint = "Move members, hours and until into a layer."
            raise _refused(message, hint)
        return self


class StandEntry(WatchEntry):
    """Another duty with a rotation of its own."""


StandForm = Annotated[
    Annotated[Neighbor, Tag(WORD)] | Annotated[StandEntry, Tag(TABLE)],
    Discriminator(_form),
]


class ScheduleEntry(WatchEntry):
    """Who is on call, at every hour (S4.4)."""

    title: Text
    #: The primary of the turn before or after, none, or members of its own.
    secondary: StandForm = Neighbor.PREVIOUS
    #: Gets copies, and is never the only one told.
    shadow: StandForm = Neighbor.NEXT
    #: The category of incidents for which it stands; without one, for all.
    specialty: Key | None = None

    @model_validator(mode="after")
    def _hands_over(self) -> Self:
        """Every layer knows when it hands over, by itself or from its schedule."""
        stands = [
            one for one in (self.secondary, self.shadow) if isinstance(one, StandEntry)
        ]
        watches: list[WatchEntry] = [self, *stands]
        for watch in watches:
            layers = watch.layers.values() if watch.layers is not None else [watch]
            for layer in layers:
                above: tuple[RhythmEntry, ...] = (layer, watch, self)
                if not any(one.begins_on for one in above):
                    key = {"key": "first_day"}
                    raise PydanticCustomError("missing_key", "", key)
                if not any(one.handover for one in above):
                    key = {"key": "handover"}
                    raise PydanticCustomError("missing_key", "", key)
        return self


def _refused(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("unreadable", "", {"message": message, "hint": hint})
