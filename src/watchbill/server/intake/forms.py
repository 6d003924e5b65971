"""The shape of a new integration."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class IntegrationForm(forms.Form):
    """What it is called, and in which format it posts."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("What the timeline calls it, such as “Prometheus production”."),
    )
    kind = forms.ChoiceField(label=_("Kind"))

    def __init__(
        self, kinds: list[tuple[str, str]], data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data)
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
