"""Routes of the second factors: allauth's views behind our doors.

The names are allauth's own, by which it finds its way from one to the next. Only what
is listed here is reachable.
"""

from collections.abc import Callable
from typing import Any

from allauth.account.views import reauthenticate
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic import RedirectView

from watchbill.server.accounts import views
from watchbill.server.web.access import open_to_all, signed_in

_methods = require_http_methods(["GET", "HEAD", "POST"])
_secret = sensitive_post_parameters("password", "code", "credential")


def _own(view: Callable[..., Any]) -> Callable[..., Any]:
    return _methods(_secret(signed_in("it shows and changes one's own account")(view)))


def _entrance(view: Callable[..., Any]) -> Callable[..., Any]:
    return _methods(_secret(open_to_all("whoever signs in is not in yet")(view)))


urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-in/code/", _entrance(mfa.authenticate), name="mfa_authenticate"),
    path(
        "sign-in/passkey/",
        _entrance(webauthn.login_webauthn),
        name="mfa_login_webauthn",
    ),
    path("account/verify/", _own(reauthenticate), name="account_reauthenticate"),
    path("account/verify/code/", _own(mfa.reauthenticate), name="mfa_reauthenticate"),
    path(
        "account/verify/passkey/",
        _own(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/security/", _own(mfa.index), name="mfa_index"),
    path("account/app/", _own(totp.activate_totp), name="mfa_activate_totp"),
    path("account/app/remove/", _own(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(
        "account/codes/",
        # Shown once, so not to who asks for the head alone.
        require_http_methods(["GET"])(_own(codes.view_recovery_codes)),
        name="mfa_view_recovery_codes",
    ),
    path(
        "account/codes/new/",
        _own(codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/passkeys/",
        _own(RedirectView.as_view(pattern_name="mfa_index")),
        name="mfa_list_webauthn",
    ),
    path("account/passkeys/new/", _own(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(
        "account/passkeys/<int:pk>/",
        _own(webauthn.edit_webauthn),
        name="mfa_edit_webauthn",
    ),
    path(
        "account/passkeys/<int:pk>/remove/",
        _own(webauthn.remove_webauthn),
        name="mfa_remove_webauthn",
    ),
]
