"""What people set of a monitor."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.plan import Plan
from watchbill.plan.values import UnreadableError, parse_duration, write_duration
from watchbill.server.heartbeats.actions import Wish
from watchbill.server.heartbeats.models import HeartbeatMonitor
from watchbill.server.intake.models import Integration

_SHORTEST = timedelta(minutes=1)


class DurationField(forms.CharField):
    """A duration as the plan writes it, such as ``1h30m``."""

    def __init__(self, *, shortest: timedelta, **options: Any) -> None:
        super().__init__(max_length=20, **options)
        self._shortest = shortest

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            found = parse_duration(str(text).replace(" ", ""))
        except UnreadableError as error:
            raise forms.ValidationError(f"{error.message}. {error.hint}") from error
        if found < self._shortest:
            raise forms.ValidationError(
                _("At least %(least)s.") % {"least": write_duration(self._shortest)}
            )
        return found


class MonitorForm(forms.Form):
    """Who is awaited, how often, and how bad its silence is."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What the incident calls it, such as “Nightly backup”."),
    )
    period = DurationField(
        label=_("It speaks every"),
        initial="1d",
        shortest=_SHORTEST,
        help_text=_("Such as 5m, 1h or 1d."),
    )
    grace = DurationField(
        label=_("and may be late by"),
        initial="1h",
        shortest=timedelta(0),
        help_text=_("A run that has begun must end within this time too."),
    )

    def __init__(
        self,
        plan: Plan,
        data: Mapping[str, Any] | None = None,
        *,
        monitor: HeartbeatMonitor | None = None,
    ) -> None:
        super().__init__(data, initial=_initial(monitor))
        usual = _("As the plan says (%(key)s)") % {
            "key": plan.alerting.silence_severity
        }
        self.fields["severity"] = forms.ChoiceField(
            label=_("Severity"),
            required=False,
            choices=[
                ("", usual),
                *((one.key, f"{one.key} {one.title}") for one in plan.severities),
            ],
        )

    def wish(self) -> Wish:
        """Return what a valid form asks for."""
        return Wish(**{name: self.cleaned_data[name] for name in self.fields})


class SenderForm(forms.Form):
    """Whose key a new job carries."""

    sender = forms.ModelChoiceField(
        label=_("Sender"),
        # Not asked before a form is made, and then anew for each.
        queryset=Integration.objects.filter(kind="heartbeat", revoked_at=None).order_by(
            "name", "pk"
        ),
        empty_label=None,
    )


def _initial(monitor: HeartbeatMonitor | None) -> dict[str, Any]:
    if monitor is None:
        return {}
    return {
        "name": monitor.name,
        "period": write_duration(monitor.period),
        "grace": write_duration(monitor.grace),
        "severity": monitor.severity,
    }
