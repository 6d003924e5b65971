"""What people fill in about a person or a schedule of the plan."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.core.oncall import Follow, Schedule
from watchbill.core.paging import AddressKind
from watchbill.core.people import Contact
from watchbill.core.recurrence import Unit
from watchbill.plan.writing import Value
from watchbill.server.oncall.roll import LANGUAGES
from watchbill.server.people.contacting import ContactingRefusedError, normal_address

MAX_NAME, MAX_MEMBERS = 120, 60

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NAMES = (
    _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"),
    _("Saturday"), _("Sunday"),
)  # fmt: skip


class PersonForm(forms.Form):
    """The particulars of a contact, which need no new signatures."""

    name = forms.CharField(label=_("Name"), max_length=MAX_NAME, required=False)
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        help_text=_("Such as 09 123 456 789; it is kept as +959123456789."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    email = forms.EmailField(label=_("E-mail"), required=False)
    slack = forms.CharField(label=_("Slack member id"), max_length=32, required=False)
    languages = forms.MultipleChoiceField(
        label=_("Speaks"),
        choices=list(LANGUAGES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    expertise = forms.CharField(
        label=_("Expertise"),
        max_length=300,
        required=False,
        help_text=_("With commas between, such as mongodb, payment."),
    )
    shift = forms.ChoiceField(label=_("Shift"), required=False)
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
        shifts: Iterable[str],
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        choices = [("", _("none")), *((one, one) for one in shifts)]
        self.fields["shift"].choices = choices  # type: ignore[attr-defined]

    def clean_phone(self) -> str:
        """Return the number in E.164 (S2.1-13)."""
        return _normal(AddressKind.PHONE, self.cleaned_data["phone"])

    def clean_slack(self) -> str:
        """Return a member id, never a name."""
        return _normal(AddressKind.SLACK, self.cleaned_data["slack"])

    def clean_expertise(self) -> list[str]:
        """Return the specialties one by one."""
        parts = (one.strip() for one in self.cleaned_data["expertise"].split(","))
        return [one for one in parts if one]

    @property
    def particulars(self) -> dict[str, Value]:
        """What the plan would say; the form is valid."""
        return {name: self.cleaned_data[name] for name in PARTICULARS}


PARTICULARS = ("name", "phone", "email", "slack", "languages", "expertise", "shift")


def particulars_of(contact: Contact) -> dict[str, Value]:
    """Return what the plan says of a contact now, as the form compares it."""
    return {
        "name": contact.name or "",
        "phone": contact.phone or "",
        "email": contact.email or "",
        "slack": contact.slack_id or "",
        "languages": list(contact.languages),
        "expertise": sorted(contact.expertise),
        "shift": contact.shift or "",
    }


class ScheduleForm(forms.Form):
    """A schedule of one layer: who takes turns, and when the watch changes hands."""

    title = forms.CharField(label=_("Title"), max_length=MAX_NAME)
    unit = forms.ChoiceField(
        label=_("A turn lasts"),
        choices=[("day", _("days")), ("week", _("weeks")), ("month", _("months"))],
    )
    every = forms.IntegerField(label=_("How many"), min_value=1, max_value=52)
    first_day = forms.DateField(
        label=_("First turn begins on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("For weeks it also says on which weekday the watch changes hands."),
    )
    handover = forms.TimeField(
        label=_("Hand-over at"),
        widget=forms.TimeInput(
            attrs={"placeholder": "10:00", "maxlength": "5"}, format="%H:%M"
        ),
    )
    secondary = forms.ChoiceField(label=_("Secondary"))
    shadow = forms.ChoiceField(label=_("Shadow"))
    hours = forms.ChoiceField(
        label=_("Only within"),
        required=False,
        help_text=_("A shift of the plan, such as night; empty is around the clock."),
    )
    reason = forms.CharField(label=_("Why"), max_length=300, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        people: Iterable[tuple[str, str]],
        shifts: Iterable[str],
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self.people = dict(people)
        stands = [
            ("previous", _("who had it before")),
            ("next", _("who has it next")),
            ("none", _("nobody")),
        ]
        if (self.initial or {}).get("secondary") == KEEP:
            stands.append((KEEP, _("as the plan says")))
        for name in ("secondary", "shadow"):
            self.fields[name].choices = stands  # type: ignore[attr-defined]
        hours = [("", _("around the clock")), *((one, one) for one in shifts)]
        self.fields["hours"].choices = hours  # type: ignore[attr-defined]
        self.members = (
            members_in(data) if data is not None else list(self.initial["members"])
        )

    def clean_first_day(self) -> date:
        """Refuse years in which nobody stands a watch."""
        found: date = self.cleaned_data["first_day"]
        if not 1971 <= found.year <= 2200:
            raise forms.ValidationError(_("Choose another year."))
        return found

    def clean(self) -> dict[str, Any]:
        """Check the members, who are no field of their own."""
        values = super().clean() or {}
        if not self.members:
            self.add_error(None, _("Choose at least one person."))
        if any(one not in self.people for one in self.members):
            self.add_error(None, _("Choose people of the plan."))
        if len(self.members) > MAX_MEMBERS:
            self.add_error(None, _("That are more people than one layer takes."))
        return values

    @property
    def slots(self) -> list[dict[str, Any]]:
        """The members in order, and empty places for more."""
        filled = [{"number": n + 1, "key": key} for n, key in enumerate(self.members)]
        empty = [{"number": len(filled) + n, "key": ""} for n in (1, 2)]
        return [*filled, *empty][:MAX_MEMBERS]

    @property
    def written(self) -> dict[str, Value]:
        """What the plan would say; the form is valid."""
        values = self.cleaned_data
        every = values["every"]
        return {
            "title": values["title"],
            "members": list(self.members),
            "every": values["unit"]
            if every == 1
            else {f"{values['unit']}s": str(every)},
            "first_day": values["first_day"].isoformat(),
            "handover": f"{values['handover']:%H:%M}",
            "hours": values["hours"],
            "secondary": values["secondary"],
            "shadow": values["shadow"],
        }


KEEP = "keep"
"""A secondary or shadow with layers of its own, which the form leaves as it is."""


def written_of(schedule: Schedule) -> dict[str, Value]:
    """Return what the plan says of a schedule now, as the form compares it."""
    layer, rhythm = schedule.layers[0], schedule.layers[0].rhythm
    unit = {Unit.DAY: "day", Unit.WEEK: "week", Unit.MONTH: "month"}[rhythm.unit]
    return {
        "title": schedule.title,
        "members": list(layer.members),
        "every": unit if rhythm.every == 1 else {f"{unit}s": str(rhythm.every)},
        "first_day": rhythm.first_day.isoformat(),
        "handover": f"{rhythm.handover:%H:%M}",
        "secondary": _stand(schedule.secondary),
        "shadow": _stand(schedule.shadow),
    }


def initial_of(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as the form shows it first."""
    rhythm = schedule.layers[0].rhythm
    return {
        "title": schedule.title,
        "members": list(schedule.layers[0].members),
        "unit": str(rhythm.unit),
        "every": rhythm.every,
        "first_day": rhythm.first_day,
        "handover": rhythm.handover,
        "secondary": _stand(schedule.secondary),
        "shadow": _stand(schedule.shadow),
    }


def members_in(data: Mapping[str, Any]) -> list[str]:
    """Return the members that were filled in, in the order of their numbers."""
    places = []
    for number in range(1, MAX_MEMBERS + 3):
        key = data.get(f"member-{number}", "")
        order = data.get(f"order-{number}", "")
        if key:
            is_number = order.isascii() and order.isdigit() and len(order) < 4
            places.append((int(order) if is_number else number, number, key))
    return [key for _order, _number, key in sorted(places)]


def _stand(stand: Any) -> str:
    match stand:
        case None:
            return "none"
        case Follow(offset=-1):
            return "previous"
        case Follow(offset=1):
            return "next"
        case _:
            return KEEP


def _normal(kind: AddressKind, text: str) -> str:
    if not text.strip():
        return ""
    try:
        return normal_address(kind, text)
    except ContactingRefusedError as error:
        raise forms.ValidationError(str(error)) from error
