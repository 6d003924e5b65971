"""What people fill in about a person of the plan."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.core.paging import AddressKind
from watchbill.core.people import Contact
from watchbill.plan.writing import Value
from watchbill.server.oncall.roll import LANGUAGES
from watchbill.server.people.contacting import ContactingRefusedError, normal_address

MAX_NAME = 120


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


def _normal(kind: AddressKind, text: str) -> str:
    if not text.strip():
        return ""
    try:
        return normal_address(kind, text)
    except ContactingRefusedError as error:
        raise forms.ValidationError(str(error)) from error
