"""How I am told: my addresses, their verification, my rules and quiet hours.

Whoever is signed in changes what belongs to the contact that he or she is, and to
nobody else; a number of somebody else's address is as unknown as one that was never
used. What is refused is said at the form that it came from.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.contrib.staticfiles import finders
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.core.notification import Method
from watchbill.core.paging import AddressKind, MethodKind, Provided
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import SettingsError
from watchbill.server import clock
from watchbill.server.notifications import readiness
from watchbill.server.notifications.forms import (
    CodeForm,
    MethodForm,
    PushForm,
    QuietForm,
    RulesForm,
)
from watchbill.server.notifications.readiness import TooManyTestsError
from watchbill.server.notifications.telling import (
    check_browser,
    contact_of,
    method_rows,
    provided_now,
    tests_shown,
    usable_kinds,
    vapid_key,
    weekly_row,
    zone_of_plan,
)
from watchbill.server.people import contacting
from watchbill.server.people import queries as people
from watchbill.server.people.contacting import ContactingRefusedError
from watchbill.server.people.models import ContactMethod
from watchbill.server.web.access import may, open_to_all, requires

_HOME = "notifications:mine"


@require_safe
@requires(Permission.VIEW_PLAN)
def mine(request: HttpRequest) -> HttpResponse:
    """Show how the user is told, and what can be changed about it."""
    contact = contact_of(request)
    if contact is None:
        return render(request, "notifications/mine.html", {"contact": None})
    return _page(request, contact)


def _page(
    request: HttpRequest, contact: Contact, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The page, with those forms that were refused as they were sent."""
    now, wall = clock.now(), clock.wall()
    wishes = people.book(wall=wall).wishes_of(contact.key)
    methods = method_rows(contact, provided_now(), wall=wall)
    usable = usable_kinds(contact, wall=wall)
    for one in methods:
        one["refused"] = forms.get("code") if one["number"] == forms.get("at") else ""
    context: dict[str, Any] = {
        "contact": contact,
        "methods": methods,
        "is_served": any(one["is_served"] and not one["is_barred"] for one in methods),
        "is_proven": any(one["is_served"] and one["verified_at"] for one in methods),
        "add": MethodForm(),
        "high": RulesForm(Urgency.HIGH, wishes, usable=usable),
        "low": RulesForm(Urgency.LOW, wishes, usable=usable),
        "is_usual": not people.rules_listed(contact.key),
        "quiet": _quiet_form(contact),
        "tests": tests_shown(contact.key, now=now),
        "weekly": weekly_row(now=now),
        "vapid_key": vapid_key(),
        "may_see_all": may(request, Permission.VIEW_DELIVERIES),
    }
    return render(request, "notifications/mine.html", context | forms, status=status)


def _quiet_form(contact: Contact) -> QuietForm:
    quiet = people.quiet_time_of(contact.key)
    if quiet is None:
        return QuietForm(initial={"zone": zone_of_plan(now=clock.now())})
    hours = {"starts": quiet.starts, "ends": quiet.ends, "zone": quiet.zone}
    return QuietForm(initial=hours)


@require_POST
@requires(Permission.VIEW_PLAN)
def add(request: HttpRequest) -> HttpResponse:
    """Add an address and send the code by which it is verified."""

    def save(contact: Contact) -> HttpResponse:
        is_push = request.POST.get("kind") == AddressKind.PUSH
        form = PushForm(request.POST) if is_push else MethodForm(request.POST)
        if not form.is_valid():
            if is_push:
                raise ContactingRefusedError(_("this browser gave no usable address"))
            return _page(request, contact, add=form, status=422)
        if is_push:
            _check_browser(form.cleaned_data["address"])
        kind = AddressKind.PUSH if is_push else AddressKind(form.cleaned_data["kind"])
        label = _browser(request) if is_push else form.cleaned_data["label"]
        try:
            row = contacting.add_method(
                contact,
                kind,
                form.cleaned_data["address"],
                label=label,
                wall=clock.wall(),
            )
        except ContactingRefusedError as error:
            if is_push:
                raise
            form.add_error("address", _sentence(error))
            return _page(request, contact, add=form, status=422)
        return _send_code(request, contact, row.pk)

    return _for_contact(request, save)


def _check_browser(address: str) -> None:
    try:
        check_browser(address)
    except SettingsError:
        raise ContactingRefusedError(
            _(
                "the push service of this browser is not one that watchbill may call;"
                " the administrator can allow it by WATCHBILL_PUSH_HOSTS"
            )
        ) from None


_BROWSERS = ("Firefox", "Edg", "OPR", "SamsungBrowser", "Chrome", "Safari")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")


def _browser(request: HttpRequest) -> str:
    """Name a browser so that its owner knows it again."""
    agent = request.headers.get("User-Agent", "")
    browser = next((one for one in _BROWSERS if one in agent), _("Browser"))
    system = next((one for one in _SYSTEMS if one in agent), "")
    name = {"Edg": "Edge", "OPR": "Opera", "SamsungBrowser": "Samsung Internet"}
    return " ".join(filter(None, (name.get(browser, browser), system)))


@require_POST
@requires(Permission.VIEW_PLAN)
def send_code(request: HttpRequest, number: int) -> HttpResponse:
    """Send a new code to an address."""
    return _for_contact(request, lambda contact: _send_code(request, contact, number))


@require_POST
@requires(Permission.VIEW_PLAN)
def verify(request: HttpRequest, number: int) -> HttpResponse:
    """Take the code that came by an address."""

    def check(contact: Contact) -> HttpResponse:
        form = CodeForm(request.POST)
        code = form.cleaned_data["code"] if form.is_valid() else ""
        row = _row(contact, number)
        # Somebody who presses twice has done nothing wrong.
        is_done = row is not None and bool(row.verified_at) and not row.code_hash
        if is_done or contacting.verify(contact.key, number, code, wall=clock.wall()):
            messages.success(request, _("Verified: it is used from now on."))
            return redirect(_HOME)
        if row is None:
            raise ContactingRefusedError(_("there is no such address"))
        why = _("That is not the code, or it has expired.")
        return _page(request, contact, code=why, at=number, status=422)

    return _for_contact(request, check)


@require_POST
@requires(Permission.VIEW_PLAN)
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Forget an address that was added."""

    def forget(contact: Contact) -> HttpResponse:
        if not contacting.remove_method(contact.key, number):
            raise ContactingRefusedError(_("that is no address that you have added"))
        messages.success(request, _("Removed."))
        return redirect(_HOME)

    return _for_contact(request, forget)


@require_POST
@requires(Permission.VIEW_PLAN)
def rules(request: HttpRequest) -> HttpResponse:
    """Save the rules of both urgencies, or go back to the product's."""

    def save(contact: Contact) -> HttpResponse:
        if "reset" in request.POST:
            for urgency in Urgency:
                contacting.set_rules(contact.key, urgency, ())
            messages.success(request, _("The usual rules hold again."))
            return redirect(_HOME)
        wall = clock.wall()
        wishes = people.book(wall=wall).wishes_of(contact.key)
        usable = usable_kinds(contact, wall=wall)
        forms = {
            one: RulesForm(one, wishes, request.POST, usable=usable) for one in Urgency
        }
        if not all(form.is_valid() for form in forms.values()):
            both = {"high": forms[Urgency.HIGH], "low": forms[Urgency.LOW]}
            return _page(request, contact, **both, status=422)
        with transaction.atomic():
            for urgency, form in forms.items():
                contacting.set_rules(contact.key, urgency, form.rules())
        messages.success(request, _("Saved how you are told."))
        return redirect(_HOME)

    return _for_contact(request, save)


@require_POST
@requires(Permission.VIEW_PLAN)
def quiet(request: HttpRequest) -> HttpResponse:
    """Save the quiet hours; without times there are none."""

    def save(contact: Contact) -> HttpResponse:
        form = QuietForm(request.POST)
        if form.is_valid():
            try:
                contacting.set_quiet_time(contact.key, **form.cleaned_data)
            except ContactingRefusedError as error:
                form.add_error(None, _sentence(error))
        if form.errors:
            return _page(request, contact, quiet=form, status=422)
        messages.success(request, _("Saved your quiet hours."))
        return redirect(_HOME)

    return _for_contact(request, save)


@require_safe
@open_to_all("it is a script without any data, and browsers fetch it by themselves")
def worker(request: HttpRequest) -> HttpResponse:
    """Give the script that shows push messages; it must come from this host's root."""
    del request
    path = finders.find("watchbill/js/worker.js")
    script = Path(str(path)).read_bytes()
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    response.headers["Service-Worker-Allowed"] = "/"
    return response


def _for_contact(
    request: HttpRequest, act: Callable[[Contact], HttpResponse]
) -> HttpResponse:
    contact = contact_of(request)
    if contact is None:
        messages.error(request, _("You are not a contact of the plan."))
        return redirect(_HOME)
    try:
        return act(contact)
    except ContactingRefusedError as error:
        messages.error(request, _("Nothing was changed: %(why)s.") % {"why": error})
    except TooManyTestsError as error:
        messages.error(request, _("Nothing was sent: %(why)s.") % {"why": error})
    return redirect(_HOME)


def _sentence(error: ContactingRefusedError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _send_code(request: HttpRequest, contact: Contact, number: int) -> HttpResponse:
    wall = clock.wall()
    row = _row(contact, number)
    if row is None:
        raise ContactingRefusedError(_("there is no such address"))
    way = _way(AddressKind(row.kind), provided_now())
    if way is None:
        messages.warning(
            request,
            _("Saved. No channel is set up that leads there, so no code was sent."),
        )
        return redirect(_HOME)
    # Together, so that a code that is not sent does not replace one that was.
    with transaction.atomic():
        issued = contacting.issue_code(contact.key, number, wall=wall)
        readiness.send_code(
            issued,
            Method(channel=way.channel, address=row.address),
            recipient=contact.label,
            now=clock.now(),
            wall=wall,
        )
    messages.success(request, _("A code is on its way. Enter it below."))
    return redirect(f"{reverse(_HOME)}#method-{number}")


def _row(contact: Contact, number: int) -> ContactMethod | None:
    rows = people.methods_listed(contact.key)
    return next((one for one in rows if one.pk == number), None)


def _way(kind: AddressKind, provided: tuple[Provided, ...]) -> Provided | None:
    """The channel for a code: one that can be read rather than one that rings."""
    ways = [one for one in provided if one.reaches is kind]
    quiet_first = sorted(ways, key=lambda one: one.kind is MethodKind.VOICE)
    return quiet_first[0] if quiet_first else None
