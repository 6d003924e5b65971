"""What people fill in about a schedule: its title, and a card for each layer.

A card is added, taken out or moved by a button that sends the whole form, so that it
needs no script; what was typed comes back as it was, without a word about what is
still empty. Only a look at the shifts to come, or saving, judges it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Self
from zoneinfo import available_timezones

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from watchbill.core.oncall import Duty
from watchbill.core.recurrence import Unit
from watchbill.plan.schedules import ONLY_LAYER
from watchbill.plan.values import UnreadableError, parse_key, parse_zone
from watchbill.server.oncall.rota import KEEP, Hours, Turns, Wanted

MAX_NAME, MAX_MEMBERS, MAX_LAYERS = 120, 60, 12

_MOST_SENT = 60
"""Layers that are read of what was sent: a plan may have more than a form adds."""

OWN = "own"
"""Hours of the layer's own, which the fields beside it say."""

_WEEKDAYS = (
    ("0", _("Mon")), ("1", _("Tue")), ("2", _("Wed")), ("3", _("Thu")),
    ("4", _("Fri")), ("5", _("Sat")), ("6", _("Sun")),
)  # fmt: skip

_DUTIES = (
    (str(Duty.PRIMARY), _("primary")),
    (str(Duty.SECONDARY), _("secondary")),
    (str(Duty.SHADOW), _("shadow")),
)


def zones() -> list[str]:
    """Return the zones to choose from, by the names of places."""
    return ["UTC", *sorted(one for one in available_timezones() if _is_place(one))]


def _is_place(zone: str) -> bool:
    return "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "US/"))


def _zone(text: str) -> str:
    if not text:
        return ""
    try:
        return parse_zone(text).key
    except UnreadableError as error:
        raise forms.ValidationError(error.message) from error


def _key(text: str) -> str:
    try:
        return parse_key(text)
    except UnreadableError as error:
        raise forms.ValidationError(f"{error.message}. {error.hint}") from error


def _day_field(label: Any, **options: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, **options)


def _time_field(label: Any, **options: Any) -> forms.TimeField:
    attrs = {"placeholder": "10:00", "maxlength": "5", "inputmode": "numeric"}
    widget = forms.TimeInput(attrs=attrs, format="%H:%M")
    return forms.TimeField(label=label, widget=widget, **options)


def _days_field(label: Any, **options: Any) -> forms.MultipleChoiceField:
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(
        label=label, choices=_WEEKDAYS, widget=widget, required=False, **options
    )


class ScheduleForm(forms.Form):
    """What holds for the schedule as a whole."""

    title = forms.CharField(label=_("Title"), max_length=MAX_NAME)
    key = forms.CharField(
        label=_("Key"),
        max_length=64,
        required=False,
        help_text=_("How rules name it; made from the title if you leave it empty."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    specialty = forms.ChoiceField(
        label=_("For incidents of"),
        required=False,
        help_text=_("Whoever knows this is called from it; empty is for all."),
    )
    secondary = forms.ChoiceField(
        label=_("Secondary"),
        help_text=_("Unless a layer below is for the secondary."),
    )
    shadow = forms.ChoiceField(
        label=_("Shadow"),
        help_text=_("Gets copies to learn; unless a layer below is for it."),
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=300,
        required=False,
        help_text=_("Kept with the change among the plan's events."),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        specialties: Iterable[str],
        taken: Iterable[str] | None,
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        stands = [
            ("previous", _("who had it before")),
            ("next", _("who has it next")),
            ("none", _("nobody")),
        ]
        known = [("", _("everything")), *((one, one) for one in specialties)]
        self.fields["secondary"].choices = stands  # type: ignore[attr-defined]
        self.fields["shadow"].choices = stands  # type: ignore[attr-defined]
        self.fields["specialty"].choices = known  # type: ignore[attr-defined]
        self.taken = frozenset(taken or ())
        if taken is None:
            # A schedule keeps its key: ladders, overrides and feeds name it.
            del self.fields["key"]

    def clean_zone(self) -> str:
        """Return a zone that the plan can read."""
        return _zone(self.cleaned_data["zone"])

    def clean(self) -> dict[str, Any]:
        """Return the values with a key, made from the title where none was typed."""
        values = super().clean() or {}
        if "key" not in self.fields or "key" in self.errors:
            return values
        typed = values.get("key", "")
        try:
            key = _key(typed) if typed else slug(values.get("title", "")) or "on-call"
        except forms.ValidationError as error:
            self.add_error("key", error)
            return values
        if key in self.taken:
            message = _("The plan has a schedule of this key; choose another.")
            self.add_error("key", message)
        return values | {"key": key}


class LayerForm(forms.Form):
    """One layer: who takes turns, when the watch changes hands, and when it counts."""

    key = forms.CharField(label=_("Name of the layer"), max_length=64)
    was = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    duty = forms.ChoiceField(label=_("Stands as"), choices=_DUTIES)
    every = forms.IntegerField(label=_("A turn lasts"), min_value=1, max_value=52)
    unit = forms.ChoiceField(
        label=_("Counted in"),
        choices=[("day", _("days")), ("week", _("weeks")), ("month", _("months"))],
    )
    weekdays = _days_field(
        _("Hands over on"), help_text=_("For turns of weeks; else it is not read.")
    )
    handover = _time_field(_("Hand-over at"))
    first_day = _day_field(
        _("First turn begins on"), help_text=_("Turns are counted from this day.")
    )
    hours = forms.ChoiceField(label=_("Active"), required=False)
    days = _days_field(_("Active on"))
    from_ = _time_field(_("From"), required=False)
    to = _time_field(_("To"), required=False)
    zone = forms.CharField(
        label=_("Time zone of the layer"),
        max_length=64,
        required=False,
        help_text=_("Empty is that of the schedule."),
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    until = _day_field(_("Last day"), required=False, help_text=_("Empty is for good."))

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        people: Mapping[str, str],
        shifts: Iterable[str],
        members: Sequence[str],
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self.people, self.members = people, list(members)
        hours = [
            ("", _("around the clock")),
            *((one, _("in the shift %(name)s") % {"name": one}) for one in shifts),
            (OWN, _("in the hours below")),
        ]
        if self["hours"].value() == KEEP:
            hours.append((KEEP, _("as the plan says")))
        self.fields["hours"].choices = hours  # type: ignore[attr-defined]

    def clean_key(self) -> str:
        """Return a name that a plan can have."""
        return _key(self.cleaned_data["key"])

    def clean_zone(self) -> str:
        """Return a zone that the plan can read; empty for the schedule's."""
        return _zone(self.cleaned_data["zone"])

    def clean_first_day(self) -> date:
        """Refuse years in which nobody stands a watch."""
        return _this_age(self.cleaned_data["first_day"])

    def clean_until(self) -> date | None:
        """Refuse years in which nobody stands a watch."""
        found: date | None = self.cleaned_data["until"]
        return None if found is None else _this_age(found)

    def clean(self) -> dict[str, Any]:
        """Check the members, who are no field of their own, and hours of its own."""
        values = super().clean() or {}
        if not self.members:
            self.add_error(None, _("Choose at least one person."))
        if any(one not in self.people for one in self.members):
            self.add_error(None, _("Choose people of the plan."))
        if len(self.members) > MAX_MEMBERS:
            self.add_error(None, _("That are more people than one layer takes."))
        if values.get("hours") == OWN:
            for name in ("days", "from_", "to"):
                if not values.get(name) and values.get(name) != time(0):
                    self.add_error(name, _("Say when the layer is active."))
        return values

    @property
    def slots(self) -> list[dict[str, Any]]:
        """The members in order, and empty places for more."""
        filled = [{"number": n + 1, "key": key} for n, key in enumerate(self.members)]
        empty = [{"number": len(filled) + n, "key": ""} for n in (1, 2)]
        return [*filled, *empty][:MAX_MEMBERS]

    @property
    def turns(self) -> Turns:
        """What was filled in; the form is valid."""
        values = self.cleaned_data
        first, days = values["first_day"], frozenset(map(int, values["weekdays"]))
        unit = Unit(values["unit"])
        is_plain = unit is not Unit.WEEK or days == {first.weekday()}
        return Turns(
            key=values["key"],
            was=values["was"],
            duty=Duty(values["duty"]),
            members=tuple(self.members),
            unit=unit,
            every=values["every"],
            weekdays=frozenset() if is_plain else days,
            first_day=first,
            handover=values["handover"],
            zone=values["zone"],
            hours=self._hours(),
            until=values["until"],
        )

    def _hours(self) -> str | Hours:
        values = self.cleaned_data
        if values["hours"] != OWN:
            return str(values["hours"])
        days = frozenset(map(int, values["days"]))
        return Hours(days=days, starts=values["from_"], ends=values["to"])


def _this_age(day: date) -> date:
    if not 1971 <= day.year <= 2200:
        raise forms.ValidationError(_("Choose another year."))
    return day


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the plan offers to choose from."""

    people: Mapping[str, str]
    shifts: Sequence[str]
    specialties: Sequence[str]
    #: The keys that a new schedule cannot have; None for one that has its key.
    taken: Sequence[str] | None


@dataclass(slots=True, kw_only=True)
class Sheet:
    """The form of a whole schedule; it is changed by its own buttons."""

    choices: Choices
    form: ScheduleForm
    #: By the number that stands in the names of its fields, from the lowest up.
    layers: dict[int, LayerForm] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Wanted, choices: Choices) -> Self:
        """Return the form of a schedule as it is."""
        initial = {
            "title": wanted.title,
            "zone": wanted.zone,
            "specialty": wanted.specialty,
            "secondary": wanted.secondary,
            "shadow": wanted.shadow,
        }
        found = cls(choices=choices, form=_schedule(None, choices, initial))
        for number, one in enumerate(wanted.layers, 1):
            found.layers[number] = _layer(
                None, number, choices, _initial(one), one.members
            )
        return found

    @classmethod
    def sent(cls, data: QueryDict, choices: Choices, *, is_judged: bool) -> Self:
        """Return the form as it was sent; unless it is judged, without complaints."""
        found = cls(choices=choices, form=_schedule(data, choices, {}))
        if not is_judged:
            found.form = _schedule(None, choices, _typed(found.form))
        for number in _numbers(data.getlist("layer")):
            members = _members_in(data, number)
            form = _layer(data, number, choices, {}, members)
            if not is_judged:
                form = _layer(None, number, choices, _typed(form), members)
            found.layers[number] = form
        return found

    def is_valid(self) -> bool:
        """Judge each part, and whether they fit together."""
        parts = [self.form, *self.layers.values()]
        # Each is asked, so that every field has its say at once.
        if sum(not one.is_valid() for one in parts):
            return False
        self._judge_names()
        if not any(one.turns.duty is Duty.PRIMARY for one in self.layers.values()):
            message = _("One layer has to be for the primary.")
            self.form.add_error(None, message)
        return not any(one.errors for one in parts)

    def _judge_names(self) -> None:
        seen: set[tuple[str, str]] = set()
        for one in self.layers.values():
            name = (one.cleaned_data["duty"], one.cleaned_data["key"])
            if name in seen:
                one.add_error("key", _("Another layer has this name; choose another."))
            seen.add(name)

    @property
    def wanted(self) -> Wanted:
        """What was filled in; the form is valid."""
        values = self.form.cleaned_data
        return Wanted(
            title=values["title"],
            zone=values["zone"],
            specialty=values["specialty"],
            secondary=values["secondary"],
            shadow=values["shadow"],
            layers=tuple(one.turns for one in self.layers.values()),
        )

    def press(self, button: str, *, today: date) -> None:
        """Do what a button of the form says: add, move or take out.

        ``layer-add``, ``layer-up-2``, and of members ``up-2-1``: layer 2, person 1.
        A button that no page has does nothing.
        """
        what, *places = button.removeprefix("layer-").split("-")
        at = [int(one) for one in places if re.fullmatch(r"[0-9]{1,3}", one)]
        if button == "layer-add" and len(self.layers) < MAX_LAYERS:
            self._add(today)
        elif button.startswith("layer-") and len(at) == 1:
            order = _moved(list(self.layers), what, at[0])
            if order:
                self.layers = {number: self.layers[number] for number in order}
        elif len(at) == 2 and at[0] in self.layers:
            form = self.layers[at[0]]
            places_of = list(range(1, len(form.members) + 1))
            order = _moved(places_of, what, at[1])
            form.members = [form.members[place - 1] for place in order]

    def _add(self, today: date) -> None:
        number = max(self.layers, default=0) + 1
        names = {str(one["key"].value()) for one in self.layers.values()}
        name = next(
            one
            for one in (ONLY_LAYER, *(f"layer-{n}" for n in range(2, 100)))
            if one not in names
        )
        fresh = Turns(key=name, members=(), first_day=today, handover=time(10))
        self.layers[number] = _layer(None, number, self.choices, _initial(fresh), ())


def slug(text: str) -> str:
    """Return a name that a plan can have, of the ASCII letters in a text."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:48].strip("-")


def _initial(one: Turns) -> dict[str, Any]:
    """Return a layer as its card shows it first."""
    own = one.hours if isinstance(one.hours, Hours) else None
    days = one.weekdays or {one.first_day.weekday()}
    return {
        "key": one.key,
        "was": one.was,
        "duty": str(one.duty),
        "every": one.every,
        "unit": str(one.unit),
        "weekdays": [str(day) for day in sorted(days)],
        "handover": one.handover,
        "first_day": one.first_day,
        "hours": OWN if own else one.hours,
        "days": [str(day) for day in sorted(own.days)] if own else [],
        "from_": own.starts if own else None,
        "to": own.ends if own else None,
        "zone": one.zone,
        "until": one.until,
    }


def _schedule(
    data: QueryDict | None, choices: Choices, initial: Mapping[str, Any]
) -> ScheduleForm:
    return ScheduleForm(
        data,
        specialties=choices.specialties,
        taken=choices.taken,
        initial=dict(initial),
    )


def _layer(
    data: QueryDict | None,
    number: int,
    choices: Choices,
    initial: Mapping[str, Any],
    members: Sequence[str],
) -> LayerForm:
    return LayerForm(
        data,
        people=choices.people,
        shifts=choices.shifts,
        members=members,
        prefix=f"layer-{number}",
        initial=dict(initial),
    )


def _typed(form: forms.Form) -> dict[str, Any]:
    """Return what was typed, as it was, to be shown again."""
    return {name: form[name].value() for name in form.fields}


def _numbers(texts: Iterable[str]) -> list[int]:
    found = (int(one) for one in texts if re.fullmatch(r"[0-9]{1,3}", one))
    return list(dict.fromkeys(found))[:_MOST_SENT]


def _members_in(data: Mapping[str, Any], layer: int) -> list[str]:
    """Return the members that were filled in, in the order of their numbers."""
    places = []
    for number in range(1, MAX_MEMBERS + 3):
        key = data.get(f"layer-{layer}-member-{number}", "")
        order = data.get(f"layer-{layer}-order-{number}", "")
        if key:
            is_number = re.fullmatch(r"[0-9]{1,3}", order) is not None
            places.append((int(order) if is_number else number, number, key))
    return [key for _order, _number, key in sorted(places)]


def _moved(order: list[int], what: str, one: int) -> list[int]:
    """Return the order with one of its numbers moved up, down or out."""
    if one not in order:
        return order
    at = order.index(one)
    rest = [*order[:at], *order[at + 1 :]]
    if what == "out":
        return rest
    step = {"up": -1, "down": 1}.get(what, 0)
    rest.insert(max(0, at + step), one)
    return rest
