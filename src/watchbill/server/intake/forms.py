"""The shape of what people set for integrations."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.integrations.sources import Option, Source
from watchbill.server.intake.models import Integration, Scope

_OPTION = "option-"


class IntegrationForm(forms.Form):
    """What a new integration is called."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("What the timeline calls it, such as “Prometheus production”."),
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    is_drill = forms.BooleanField(
        label=_("For drills only: everything it opens is marked as a drill"),
        required=False,
    )


class SettingsForm(forms.Form):
    """What can be set for an integration: the same for all, and its kind's own."""

    name = forms.CharField(label=_("Name"), max_length=120)
    per_minute = forms.IntegerField(
        label=_("Events a minute at most"),
        min_value=1,
        max_value=10_000_000,
        required=False,
        help_text=_("Beyond it the sender is asked to come back. Empty: no limit."),
    )
    is_drill = forms.BooleanField(
        label=_("For drills only: everything it opens is marked as a drill"),
        required=False,
    )
    secret = forms.CharField(
        label=_("Signing secret"),
        max_length=500,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    forget_secret = forms.BooleanField(
        label=_("Forget the secret; posts are no longer checked"), required=False
    )

    def __init__(
        self,
        source: Source,
        integration: Integration,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        options = {one.name: one for one in source.options}
        initial: dict[str, Any] = {
            "name": integration.name,
            "per_minute": integration.per_minute,
            "is_drill": integration.is_drill,
        }
        for name, one in options.items():
            initial[_OPTION + name] = integration.options.get(name, one.default)
        super().__init__(data, initial=initial)
        self._options = options
        for name, one in options.items():
            self.fields[_OPTION + name] = _field(one)
        self._explain_secret(source, is_set=bool(integration.sealed_secret))

    def _explain_secret(self, source: Source, *, is_set: bool) -> None:
        if not source.is_signed:
            del self.fields["secret"]
        else:
            self.fields["secret"].help_text = (
                _("One is set and is not shown. What you enter takes its place.")
                if is_set
                else _("With one, every post must be signed by whoever holds it.")
            )
        if not (source.is_signed and is_set):
            del self.fields["forget_secret"]

    @property
    def options(self) -> dict[str, str]:
        """The options that are not as they come."""
        chosen = {
            name: str(self.cleaned_data[_OPTION + name] or "") for name in self._options
        }
        return {
            name: value
            for name, value in chosen.items()
            if value and value != self._options[name].default
        }

    @property
    def new_secret(self) -> str | None:
        """The secret to be set, empty for none; None when it stays as it is."""
        if self.cleaned_data.get("forget_secret"):
            return ""
        return self.cleaned_data.get("secret") or None


def _field(option: Option) -> forms.Field:
    label = option.name.replace("_", " ").capitalize()
    if option.choices:
        return forms.ChoiceField(
            label=label,
            help_text=option.help,
            choices=[(one, one or _("(none)")) for one in option.choices],
            required=False,
        )
    return forms.CharField(
        label=label, help_text=option.help, max_length=500, required=False
    )


class KeyForm(forms.Form):
    """What one more key may do."""

    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        choices=[
            (Scope.POST, _("post events")),
            (Scope.READ, _("read alerts and silences")),
            (Scope.SILENCE, _("create and end silences")),
        ],
        widget=forms.CheckboxSelectMultiple,
    )

    @property
    def chosen(self) -> list[Scope]:
        """The scopes, as the key keeps them."""
        return [Scope(one) for one in self.cleaned_data["scopes"]]


class RotateForm(forms.Form):
    """How long the keys before it go on working."""

    overlap = forms.TypedChoiceField(
        label=_("The old key stops working"),
        choices=[
            ("24", _("in a day")),
            ("1", _("in an hour")),
            ("168", _("in a week")),
            ("0", _("at once")),
        ],
        coerce=lambda hours: timedelta(hours=int(hours)),
        initial="24",
    )


class WishForm(forms.Form):
    """The wish for a post of our own, such as a replay; each is granted once."""

    wish = forms.UUIDField()
