"""What people fill in about the watch.

Times are typed as clocks show them in the zone of the schedule, whatever the zone of
the reader or of the page: the schedule is what both sides of a swap talk about.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval, at_wall
from watchbill.server.oncall.models import AbsenceKind
from watchbill.server.oncall.timeline import duty_name, wall_text

MAX_TEXT, MAX_SUMMARY = 500, 5000
LONGEST = timedelta(days=400)
"""An override or absence that is longer is a typing error, or another plan."""

_FIRST_YEAR, _LAST_YEAR = 1971, 2200

Choices = Iterable[tuple[str, str]]


class WallInput(forms.MultiWidget):
    """A date and, beside it, a time that is typed by the 24-hour clock.

    The browser's own field for both writes AM and PM where its owner never chose to.
    """

    def __init__(self) -> None:
        date = forms.DateInput(
            attrs={"type": "date", "class": "wall-date", "aria-label": _("Date")}
        )
        time = forms.TextInput(
            attrs={
                "class": "wall-time num",
                "aria-label": _("Time, 24-hour clock"),
                "placeholder": "10:00",
                "inputmode": "numeric",
                "maxlength": "5",
                "pattern": "([01]?[0-9]|2[0-3]):[0-5][0-9]",
                "autocomplete": "off",
            }
        )
        super().__init__([date, time])

    def decompress(self, value: Any) -> list[str]:
        """Return the date and the time of what a field holds."""
        day, _t, wall = str(value or "").partition("T")
        return [day, wall]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return both as one text; a link or a script may give them as one."""
        if name in data:
            return str(data[name])
        day, wall = super().value_from_datadict(data, files, name)
        return f"{day or ''}T{wall or ''}" if day or wall else ""


class WallField(forms.Field):
    """A wall time in a zone that the form sets."""

    widget = WallInput
    zone: ZoneInfo

    def to_python(self, value: Any) -> datetime | None:
        """Return the instant; a time that clocks skip or show twice is one too."""
        if value in self.empty_values:
            return None
        try:
            found = parse_datetime(str(value).strip().replace(" ", "T"))
        except ValueError:
            found = None
        if found is None or found.tzinfo is not None:
            raise forms.ValidationError(_("Write a date, and a time such as 18:30."))
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise forms.ValidationError(_("Choose another year."))
        return at_wall(found.date(), found.time(), self.zone)

    def prepare_value(self, value: Any) -> Any:
        """Show an instant as clocks of the zone do; leave typed text as it is."""
        return wall_text(value, self.zone) if isinstance(value, datetime) else value


class StretchForm(forms.Form):
    """A form about a stretch of time."""

    starts_at = WallField(label=_("From"))
    ends_at = WallField(label=_("Until"))

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        zone: ZoneInfo,
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        for field in self.fields.values():
            if isinstance(field, WallField):
                field.zone = zone

    def clean(self) -> dict[str, Any]:
        """Refuse a stretch that ends before it begins, or is far too long."""
        values = super().clean() or {}
        _check_stretch(self, values, "starts_at", "ends_at")
        return values

    @property
    def during(self) -> Interval:
        """What was filled in; the form is valid."""
        values = self.cleaned_data
        return Interval(starts_at=values["starts_at"], ends_at=values["ends_at"])


class OverrideForm(StretchForm):
    """Who holds which duty, from when to when, and why."""

    contact = forms.ChoiceField(label=_("Who is on call"))
    duty = forms.ChoiceField(label=_("Duty"))
    reason = forms.CharField(label=_("Why"), max_length=MAX_TEXT, required=False)

    field_order = ("contact", "duty", "starts_at", "ends_at", "reason")

    def __init__(
        self, *args: Any, people: Choices, duties: Iterable[Duty], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        _choose(self, "contact", [("", gettext("Choose a person")), *people])
        _choose(self, "duty", [(str(one), duty_name(one)) for one in duties])


class AbsenceForm(StretchForm):
    """Who is away, from when to when."""

    contact = forms.ChoiceField(label=_("Who"))
    kind = forms.ChoiceField(
        label=_("Kind"), choices=AbsenceKind.choices, initial=AbsenceKind.LEAVE
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=MAX_TEXT,
        required=False,
        help_text=_("For this person, and for who manages schedules."),
    )

    field_order = ("contact", "starts_at", "ends_at", "kind", "note")

    def __init__(self, *args: Any, people: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        people = list(people)
        is_open = len(people) > 1
        nobody = [("", gettext("Choose a person"))] if is_open else []
        _choose(self, "contact", [*nobody, *people])


class SwapForm(StretchForm):
    """Which stretch of mine somebody else should take, and what I take in return."""

    asked_of = forms.ChoiceField(label=_("Ask"), required=False)
    return_starts_at = WallField(label=_("I take over from"), required=False)
    return_ends_at = WallField(label=_("I take over until"), required=False)
    message = forms.CharField(
        label=_("Message"),
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    field_order = ("asked_of", "starts_at", "ends_at")

    def __init__(self, *args: Any, people: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        _choose(self, "asked_of", [("", gettext("anybody of the schedule")), *people])

    def clean(self) -> dict[str, Any]:
        """Refuse half a stretch in return."""
        values = super().clean()
        _check_stretch(self, values, "return_starts_at", "return_ends_at")
        given = [values.get("return_starts_at"), values.get("return_ends_at")]
        if any(given) and not all(given) and not self.errors:
            self.add_error("return_ends_at", _("Give both times, or leave both empty."))
        return values

    @property
    def in_return(self) -> Interval | None:
        """What the asker takes over; the form is valid."""
        values = self.cleaned_data
        if not values.get("return_starts_at"):
            return None
        return Interval(
            starts_at=values["return_starts_at"], ends_at=values["return_ends_at"]
        )


def _check_stretch(
    form: forms.Form, values: Mapping[str, Any], starts: str, ends: str
) -> None:
    starts_at, ends_at = values.get(starts), values.get(ends)
    if not starts_at or not ends_at:
        return
    if ends_at <= starts_at:
        form.add_error(ends, _("The end must come after the beginning."))
    elif ends_at - starts_at > LONGEST:
        form.add_error(ends, _("That is more than 400 days; choose an earlier end."))


def _choose(form: forms.Form, name: str, choices: Choices) -> None:
    form.fields[name].choices = list(choices)  # type: ignore[attr-defined]
