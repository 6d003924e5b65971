"""What the pages of the watch share: the plan, the person who asks, and refusals."""

from collections import Counter
from datetime import datetime

from django.http import Http404, HttpRequest

from watchbill.core.access import Permission
from watchbill.core.oncall import Schedule
from watchbill.core.people import Contact
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.plans import queries as plans
from watchbill.server.plans.models import PlanVersion
from watchbill.server.web.access import may


def plan_at(now: datetime) -> Plan:
    """Return the plan in force."""
    return plans.plan_of(plans.in_force(now=now).pk)


def schedule_or_404(plan: Plan, key: str) -> Schedule:
    """Return a schedule of the plan; Http404 when it has none of that key."""
    found = plan.schedules.get(key)
    if found is None:
        message = f"the plan has no schedule {key}"
        raise Http404(message)
    return found


def contact_or_404(plan: Plan, key: str) -> Contact:
    """Return a contact of the plan; Http404 when it has none of that key."""
    found = plan.directory.contact(key)
    if found is None:
        message = f"the plan has no contact {key}"
        raise Http404(message)
    return found


def own_key(request: HttpRequest) -> str:
    """Return which contact of the plan the user is; empty for none."""
    return str(getattr(request.user, "contact_key", ""))


def amended(request: HttpRequest) -> PlanVersion | None:
    """Return the amendment that was saved just now, to be undone at once."""
    text = request.GET.get("amended", "")
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return None
    if not may(request, Permission.MANAGE_PEOPLE):
        return None
    running = plans.in_force(now=clock.now())
    return running if running.pk == int(text) and running.based_on_id else None


def sees_phones(request: HttpRequest) -> bool:
    """Return whether the user may see phone numbers in full (S2.1-16)."""
    return may(request, Permission.VIEW_CONTACTS)


def only_looks(request: HttpRequest) -> bool:
    """Return whether the user takes no part in the watch."""
    return not may(request, Permission.TRADE_SHIFTS)


def people_of(plan: Plan, schedule: Schedule | None = None) -> list[tuple[str, str]]:
    """Return everybody who may be chosen: the members of a schedule first.

    Namesakes, such as three agents of whom none is named yet, are told apart by key.
    """
    members = schedule.members if schedule is not None else ()
    others = (one.key for one in plan.directory.contacts)
    keys = dict.fromkeys((*members, *others))
    found = (plan.directory.contact(key) for key in keys)
    named = [(one.key, label_of(one)) for one in found if one is not None]
    seen = Counter(label for _key, label in named)
    return [
        (key, label if seen[label] == 1 else f"{label} ({key})") for key, label in named
    ]


def label_of(contact: Contact) -> str:
    """Return a contact as a list to choose from names one."""
    if contact.title and contact.title != contact.label:
        return f"{contact.label} ({contact.title})"
    return contact.label


def sentence(error: OncallRefusedError) -> str:
    """Return a refusal as a sentence."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
