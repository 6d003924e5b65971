"""The groups of the plan, which its rules call by name."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.oncall.views.common import amended, only_looks, plan_at
from watchbill.server.web.access import may, requires


@require_safe
@requires(Permission.VIEW_ON_CALL)
def groups(request: HttpRequest) -> HttpResponse:
    """Show who is in which group, and which name stands for which role."""
    plan = plan_at(clock.now())
    directory = plan.directory
    may_manage = may(request, Permission.MANAGE_PEOPLE)
    context = {
        "only_looks": only_looks(request),
        "amended": amended(request),
        "groups": [
            {
                "name": name,
                "members": [
                    {"name": one.label, "url": reverse("oncall:person", args=[one.key])}
                    for one in directory.holders(name)
                ],
                # The groups that every level makes stand in no plan.
                "edit_url": reverse("oncall:group_edit", args=[name])
                if may_manage and directory.groups[name]
                else "",
            }
            for name in directory.groups
        ],
        "aliases": sorted(directory.aliases.items()),
    }
    return render(request, "oncall/groups.html", context)
