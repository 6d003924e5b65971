"""What people say about how they want to be told."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from watchbill.core.paging import AddressKind, MethodKind, Rule, Wishes
from watchbill.core.severity import Urgency

ADDRESS_LABELS = {
    AddressKind.PHONE: _("Phone"),
    AddressKind.EMAIL: _("E-mail"),
    AddressKind.SLACK: _("Slack member id"),
    AddressKind.TELEGRAM: _("Telegram chat number"),
    AddressKind.PUSH: _("This browser"),
}
KIND_LABELS = {
    MethodKind.CHAT: _("Chat message"),
    MethodKind.PUSH: _("Push in the browser"),
    MethodKind.SMS: _("Text message"),
    MethodKind.VOICE: _("Phone call"),
    MethodKind.EMAIL: _("E-mail"),
}
_NEVER = "never"
_DELAYS = (0, 60, 120, 300, 600, 900, 1800)


class MethodForm(forms.Form):
    """A new address."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (one.value, ADDRESS_LABELS[one])
            for one in AddressKind
            if one is not AddressKind.PUSH
        ],
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=2000,
        help_text=_(
            "A phone number such as 09 123 456 789, an e-mail address, your member id"
            " in Slack (in your profile there: “Copy member ID”), or the number that"
            " the Telegram bot tells you after /start."
        ),
    )
    label = forms.CharField(label=_("Name for it"), max_length=60, required=False)


class PushForm(forms.Form):
    """The subscription of a browser, as its script hands it over."""

    address = forms.CharField(max_length=2000)


class CodeForm(forms.Form):
    """The code that came by the address."""

    code = forms.CharField(max_length=20, required=False)


class RulesForm(forms.Form):
    """For each kind of message, when to use it; one form for one urgency."""

    def __init__(
        self,
        urgency: Urgency,
        wishes: Wishes,
        data: Any = None,
        *,
        usable: Collection[MethodKind] = tuple(MethodKind),
    ) -> None:
        super().__init__(data, prefix=urgency.value)
        current = {rule.kind: rule.after for rule in reversed(wishes.rules(urgency))}
        for kind in KIND_LABELS:
            after = current.get(kind)
            seconds = None if after is None else int(after.total_seconds())
            self.fields[kind.value] = forms.ChoiceField(
                label=KIND_LABELS[kind],
                choices=_choices(urgency, seconds),
                initial=_NEVER if seconds is None else str(seconds),
                help_text="" if kind in usable else _("Not possible for you yet."),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse rules by which nobody would be told."""
        values = super().clean() or {}
        if not self.errors and all(one == _NEVER for one in values.values()):
            message = _("Choose at least one way to be told.")
            raise forms.ValidationError(message)
        return values

    def rules(self) -> tuple[Rule, ...]:
        """Return what was chosen."""
        return tuple(
            Rule(kind=MethodKind(name), after=timedelta(seconds=int(value)))
            for name, value in self.cleaned_data.items()
            if value != _NEVER
        )


class QuietForm(forms.Form):
    """The time of day at which what can wait waits."""

    starts = forms.TimeField(
        label=_("From"), required=False, widget=forms.TimeInput({"type": "time"})
    )
    ends = forms.TimeField(
        label=_("Until"), required=False, widget=forms.TimeInput({"type": "time"})
    )
    zone = forms.CharField(
        label=_("Time zone"), max_length=64, help_text=_("Such as Asia/Yangon.")
    )


def _choices(urgency: Urgency, current: int | None) -> list[tuple[str, Any]]:
    delays = (0,) if urgency is Urgency.LOW else _DELAYS
    if current is not None and current not in delays:
        delays = (*delays, current)
    return [(_NEVER, _("do not use it")), *((str(one), _after(one)) for one in delays)]


def _after(seconds: int) -> Any:
    if not seconds:
        return _("at once")
    return _("after %(n)s min") % {"n": f"{seconds / 60:g}"}
