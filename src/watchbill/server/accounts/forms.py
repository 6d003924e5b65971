"""The shape of what people type when they sign in or are set up.

What a browser sends for a passkey is a JSON object within objects; allauth takes that
for granted, so anything else is refused here before it looks.
"""

import json
import struct
from typing import Any

from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth as passkeys
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from fido2.utils import websafe_decode

from watchbill.server.accounts.models import User

_UNREAD = _("The browser's answer cannot be read. Try again.")


_LONGEST = 32_768
"""Characters; what browsers send has some two thousand."""

_SAID = ("type", "challenge", "origin")

_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    AssertionError,
    RecursionError,
    struct.error,
)
"""What the library raises for bytes that are no answer of an authenticator."""


class SignInForm(forms.Form):
    """An address and a password; whether they are right is not its affair."""

    username = forms.EmailField(label=_("E-mail"), max_length=254)
    password = forms.CharField(
        label=_("Password"), max_length=400, strip=False, widget=forms.PasswordInput
    )


class OwnerForm(forms.Form):
    """The first user."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=400,
        strip=False,
        help_text=_("At least 12 characters. A sentence is easy to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("Password again"),
        max_length=400,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a weak password, and two that differ."""
        cleaned = super().clean() or {}
        password = cleaned.get("password")
        if password is None:
            return cleaned
        if password != cleaned.get("password_again"):
            self.add_error("password_again", _("The two passwords differ."))
        user = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
        try:
            validate_password(password, user)
        except ValidationError as error:
            self.add_error("password", error)
        return cleaned


class CredentialField(forms.JSONField):
    """What navigator.credentials answered, as JSON: an object of texts and objects."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> Any:
        """Refuse what no browser sends.

        Where the library expects a text and is given a number, it asks for as many
        bytes of memory; and it takes long over what is long.
        """
        if isinstance(value, str) and (len(value) > _LONGEST or r"\u0000" in value):
            raise ValidationError(_UNREAD)
        try:
            found = super().clean(value)
        except RecursionError:
            found = None
        response = found.get("response") if isinstance(found, dict) else None
        parts = response.values() if isinstance(response, dict) else ()
        if not parts or not all(isinstance(part, str | list | None) for part in parts):
            raise ValidationError(_UNREAD)
        try:
            raw, data = found["rawId"], response["clientDataJSON"]  # type: ignore[index]
            said = json.loads(websafe_decode(data))
            texts = [raw, *(said[name] for name in _SAID)]
        except _UNREADABLE:
            raise ValidationError(_UNREAD) from None
        if not all(isinstance(text, str) for text in texts):
            raise ValidationError(_UNREAD)
        return found


class _Asked:
    """Refuses in words what the library cannot read."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except _UNREADABLE:
            raise ValidationError(_UNREAD) from None


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey, and whether it signs in by itself."""

    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=60,
        help_text=_("Such as “phone” or “key on my ring”."),
    )
    credential = CredentialField()
    passwordless = forms.BooleanField(
        label=_("Sign in with it alone, without the password"), required=False
    )

    def clean(self) -> Any:
        """Refuse an answer that is not one."""
        try:
            return super().clean()
        except _UNREADABLE:
            raise ValidationError(_UNREAD) from None


class PasskeyForm(_Asked, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second factor."""

    credential = CredentialField()


class SignInByPasskeyForm(_Asked, LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey instead of a password."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        """Refuse an answer to a question that asked for less.

        A passkey alone must prove who holds it; as a second factor it need not.
        """
        asked = passkeys.get_state() or {}
        if asked.get("user_verification") != "required":
            raise ValidationError(_UNREAD)
        return super().clean_credential()


class ConfirmByPasskeyForm(_Asked, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey to confirm who sits there."""

    credential = CredentialField()
