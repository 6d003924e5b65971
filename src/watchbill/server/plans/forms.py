"""The shape of what people type about versions of the plan."""

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.plan.values import UnreadableError, parse_date

_REASON = 2000


class ProposalForm(forms.Form):
    """What goes with a text that is proposed."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=_REASON,
        help_text=_("What changes and why; the signers read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    version = forms.CharField(
        label=_("Version"),
        max_length=40,
        help_text=_("Written into the text, unless you changed it there."),
    )
    effective = forms.CharField(
        label=_("Effective from"),
        max_length=10,
        help_text=_("It takes over at local midnight, or with the last signature."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    #: No person types it; what is no number names no version.
    based_on = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_effective(self) -> date:
        """Refuse what is no date of the calendar."""
        try:
            return parse_date(self.cleaned_data["effective"])
        except UnreadableError as error:
            raise forms.ValidationError(error.message) from error

    def clean_based_on(self) -> int | None:
        """Return the number of the version that the author began with."""
        text: str = self.cleaned_data["based_on"]
        return int(text[:15]) if text.isascii() and text.isdecimal() else None


class DecisionForm(forms.Form):
    """Why a version is rejected or withdrawn."""

    reason = forms.CharField(label=_("Reason"), max_length=_REASON)


def text_of(data: Any) -> str:
    """Return a plan's text from a form: browsers send line breaks as CR LF."""
    return str(data.get("text", "")).replace("\r\n", "\n")
