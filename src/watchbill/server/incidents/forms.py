"""The shape of what people type about incidents."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.plan import Plan


class NoteForm(forms.Form):
    """A remark for the timeline."""

    note = forms.CharField(max_length=10_000, strip=True, required=False)


class SeverityForm(forms.Form):
    """Another severity for an incident, and why."""

    severity = forms.ChoiceField()
    reason = forms.CharField(max_length=2_000, strip=True)

    def __init__(self, plan: Plan, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["severity"].choices = [  # type: ignore[attr-defined]
            (one.key, one.title) for one in plan.severities
        ]


class DeclareForm(forms.Form):
    """An incident that a person declares."""

    title = forms.CharField(
        label=_("What is wrong"),
        max_length=300,
        help_text=_("One line, as a user would say it."),
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    severity = forms.ChoiceField(label=_("Severity"))
    alert_type = forms.ChoiceField(label=_("What kind"))
    summary = forms.CharField(
        label=_("What is known (optional)"),
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    user_impacting = forms.BooleanField(label=_("Users notice it"), required=False)

    def __init__(self, plan: Plan, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["severity"].choices = [  # type: ignore[attr-defined]
            (one.key, one.title) for one in plan.severities
        ]
        self.fields["alert_type"].choices = [  # type: ignore[attr-defined]
            (one.key, one.title) for one in plan.routing.routes
        ]
