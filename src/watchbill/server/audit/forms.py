"""What of the audit log somebody asks to see."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from watchbill.server.audit.queries import Wanted

_FIRST = date(1900, 1, 1)
_LAST = date(9999, 1, 1)
"""Nothing is older or newer, and further out some zones have no such day."""


class WantedForm(forms.Form):
    """Filters; what cannot be read is refused with a word and narrows nothing."""

    actor = forms.CharField(label=_("Who"), required=False, max_length=120)
    act = forms.CharField(label=_("Act"), required=False, max_length=120)
    subject = forms.CharField(label=_("Subject"), required=False, max_length=120)
    q = forms.CharField(label=_("Find"), required=False, max_length=120)
    first = forms.DateField(label=_("From"), required=False)
    last = forms.DateField(label=_("To, included"), required=False)

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        self.is_valid()
        found = self.cleaned_data
        first, last = found.get("first"), found.get("last")
        return Wanted(
            actor=found.get("actor", ""),
            act=found.get("act", ""),
            subject=found.get("subject", ""),
            text=found.get("q", ""),
            starts_at=_midnight(first) if first else None,
            ends_at=_midnight(last, days=1) if last else None,
        )


def _midnight(day: date, *, days: int = 0) -> datetime:
    """The beginning of a day, or of one after it, as the support team's clocks show."""
    zone = timezone.get_current_timezone()
    assert isinstance(zone, ZoneInfo)  # noqa: S101 - Django has no other since 5.0
    near = min(max(day, _FIRST), _LAST) + timedelta(days=days)
    return datetime.combine(near, time(), tzinfo=zone)
