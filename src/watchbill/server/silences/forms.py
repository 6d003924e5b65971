"""What people fill in about silences."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.core.temporal import at_wall
from watchbill.server.silences.actions import MAX_COMMENT, Draft
from watchbill.server.silences.matching import (
    MAX_MATCHERS,
    MAX_NAME,
    MAX_VALUE,
    OPERATORS,
    MatcherError,
    Written,
    check,
    written,
)

LASTS = {
    "30m": timedelta(minutes=30),
    "2h": timedelta(hours=2),
    "8h": timedelta(hours=8),
}
LASTS_LABELS = {"30m": _("30 minutes"), "2h": _("2 hours"), "8h": _("8 hours")}
TOMORROW, CUSTOM = "tomorrow", "custom"
_MORNING = time(9)
_EMPTY_ROWS = 1
_LAST_YEAR = 9998


class _InstantField(forms.DateTimeField):
    """A wall time in the zone of the page, as browsers let people choose it."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
    )

    def clean(self, value: Any) -> datetime | None:
        """Refuse years that cannot be moved to another zone."""
        found: datetime | None = super().clean(value)
        if found is not None and not 1900 < found.year <= _LAST_YEAR:
            raise forms.ValidationError(_("Choose another year."))
        return found


class SilenceForm(forms.Form):
    """Which alerts, from when to when, and why."""

    ends_at = _InstantField(label=_("Until"), required=False)
    starts_at = _InstantField(
        label=_("From"), required=False, help_text=_("Leave it empty for now.")
    )
    comment = forms.CharField(
        label=_("Why"),
        max_length=MAX_COMMENT,
        help_text=_("Whoever wonders why nobody was paged reads this."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        matchers: tuple[Written, ...] = (),
        zone: ZoneInfo,
        now: datetime,
        **options: Any,
    ) -> None:
        super().__init__(data, **options)
        self._zone, self._now = zone, now
        self.rows = rows_of(data) if data is not None else [*matchers]
        self.fields["lasts"] = forms.ChoiceField(
            label=_("How long"),
            widget=forms.RadioSelect,
            initial="2h",
            choices=[
                *LASTS_LABELS.items(),
                (TOMORROW, _("until tomorrow 09:00 (%(zone)s)") % {"zone": zone.key}),
                (CUSTOM, _("until another time, given below")),
            ],
        )
        self.order_fields(["lasts"])

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """The matchers for the page, and an empty one for the next."""
        empty = [Written("", "")] * _EMPTY_ROWS
        return [
            {
                "number": number,
                "name": one.name,
                "operator": one.operator,
                "value": one.value,
                "label": f"{number + 1}",
            }
            for number, one in enumerate([*self.rows, *empty][:MAX_MATCHERS])
        ]

    @property
    def operators(self) -> tuple[str, ...]:
        """What can stand between a label and a value."""
        return OPERATORS

    @property
    def name_limit(self) -> int:
        """The longest name of a label."""
        return MAX_NAME

    @property
    def value_limit(self) -> int:
        """The longest value."""
        return MAX_VALUE

    def clean(self) -> dict[str, Any]:
        """Check the matchers together, and that the end comes after the start."""
        values = super().clean() or {}
        try:
            check(self.rows)
        except MatcherError as error:
            self.add_error(None, str(error))
        lasts = values.get("lasts")
        if lasts == CUSTOM and not values.get("ends_at") and not self.errors:
            self.add_error("ends_at", _("Say until when."))
        return values

    def draft(self, *, author: str) -> Draft:
        """Return what was filled in; the form is valid."""
        values = self.cleaned_data
        starts_at = values["starts_at"] or self._now
        return Draft(
            matchers=tuple(self.rows),
            starts_at=starts_at,
            ends_at=self._ends_at(starts_at),
            author=author,
            comment=values["comment"],
        )

    def _ends_at(self, starts_at: datetime) -> datetime:
        lasts = self.cleaned_data["lasts"]
        if lasts == CUSTOM:
            ends_at: datetime = self.cleaned_data["ends_at"]
            return ends_at
        if lasts == TOMORROW:
            day = starts_at.astimezone(self._zone).date() + timedelta(days=1)
            return at_wall(day, _MORNING, self._zone)
        return starts_at + LASTS[lasts]


class ExtendForm(forms.Form):
    """How much longer."""

    lasts = forms.ChoiceField(choices=list(LASTS_LABELS.items()))

    def longer(self) -> timedelta:
        """Return what was chosen; the form is valid."""
        return LASTS[self.cleaned_data["lasts"]]


def rows_of(data: Mapping[str, Any]) -> list[Written]:
    """Return the filled-in matchers; one more than allowed is kept to be refused."""
    rows = (
        written(
            data.get(f"name-{number}", "").strip(),
            _operator(data.get(f"operator-{number}", "")),
            data.get(f"value-{number}", ""),
        )
        for number in range(MAX_MATCHERS + 1)
    )
    return [one for one in rows if one.name or one.value]


def _operator(text: str) -> str:
    return text if text in OPERATORS else OPERATORS[0]
