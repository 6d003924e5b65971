"""Where allauth asks what is so here.

allauth keeps second factors and recent confirmations. Passwords stay with
`EmailBackend`, which limits how many are hashed at once; secrets go through the seal
of the installation; nobody signs up; and whoever was deactivated is told what
strangers are told.
"""

import base64
import secrets
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from qrcode.image.svg import SvgPathFillImage

from watchbill.server import sealing
from watchbill.server.accounts import queries
from watchbill.server.accounts.actions import BusyError
from watchbill.server.audit.acting import known_as
from watchbill.server.audit.models import ActorKind


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Users and how they are known."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        """Sign in; not whoever was deactivated between two steps."""
        if not user.is_active:
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        # Before the session, so that it is theirs that they last signed in.
        known_as(ActorKind.USER, id=str(user.pk), name=str(user))
        super().login(request, user)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the origin; behind a proxy the server has already put it there."""
        return str(request.META.get("REMOTE_ADDR") or "unknown")

    def is_safe_url(self, url: str) -> bool:
        """Lead on to pages of ours, never to another site."""
        return url.startswith("/") and url_has_allowed_host_and_scheme(
            url, allowed_hosts={context.request.get_host()}
        )

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        messages.error(request, _("This passkey does not sign in here."))
        return redirect("accounts:sign_in")

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Ask whoever has a second factor for that one, and not for the password."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        strong = [one for one in found if one["id"] != "reauthenticate"]
        return strong if strong and queries.has_second_factor(user) else found

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Return whether the password is the user's, as signing in decides it."""
        try:
            found = authenticate(
                context.request, username=user.email, password=password
            )
        except BusyError:
            text = _("Too many people sign in at once. Try again.")
            raise ValidationError(text) from None
        return found is not None and found.pk == user.pk


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: what is stored, and what authenticators show."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That did not fit. Try again."),
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a secret; one nobody knows where the seal does not open.

        An empty one would make codes that anybody can compute.
        """
        try:
            return sealing.unseal(encrypted_text)
        except sealing.SealError:
            return base64.b32encode(secrets.token_bytes(20)).decode("ascii")

    def build_totp_svg(self, url: str) -> str:
        """Draw on white: in the dark, black on nothing cannot be scanned."""
        drawn = qrcode.make(url, image_factory=SvgPathFillImage)
        return str(drawn.to_string(encoding="unicode"))

    def generate_authenticator_name(self, user: Any, type: str) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}

    def get_totp_issuer(self) -> str:
        return f"watchbill {context.request.get_host()}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "watchbill"}
