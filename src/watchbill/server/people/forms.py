"""The shape of what an owner says about a user."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.core.access import ConsoleRole
from watchbill.core.people import Contact


class MembershipForm(forms.Form):
    """The role of a user on the console, and the contact of the plan."""

    role = forms.ChoiceField(
        label=_("Role"), choices=[(one.value, one.capitalize()) for one in ConsoleRole]
    )
    contact_key = forms.ChoiceField(label=_("Who this is in the plan"), required=False)

    def __init__(
        self,
        contacts: tuple[Contact, ...],
        data: Mapping[str, Any] | None = None,
        *,
        keeps: str = "",
    ) -> None:
        super().__init__(data)
        known = [(one.key, one.title or one.key) for one in contacts]
        if keeps and keeps not in dict(known):
            # A contact of an older plan; saving the role must not lose it.
            known.append((keeps, keeps))
        field = self.fields["contact_key"]
        field.choices = [("", _("nobody")), *known]  # type: ignore[attr-defined]
