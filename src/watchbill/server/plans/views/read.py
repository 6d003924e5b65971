"""Reading the plan: as people read it, its text, its versions, their differences."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.audit.showing import shows_people
from watchbill.server.plans import diffs, pages, queries, reading
from watchbill.server.plans.models import PlanVersion
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.plans.views import common
from watchbill.server.web.access import requires


@shows_people
@require_safe
@requires(Permission.VIEW_PLAN)
def in_force(request: HttpRequest) -> HttpResponse:
    """Show the plan in force as people read it, or how to begin without one."""
    try:
        running = queries.in_force(now=clock.now())
    except NoPlanInForceError:
        return render(request, "plan/none.html")
    return _read(request, queries.get(running.pk))


@shows_people
@require_safe
@requires(Permission.VIEW_PLAN)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """Show one stored version, such as the one an old incident ran under."""
    return _read(request, common.find(number))


@shows_people
@require_safe
@requires(Permission.VIEW_PLAN)
def source_in_force(request: HttpRequest) -> HttpResponse:
    """Show the text of the plan in force."""
    return _source(request, queries.get(queries.in_force(now=clock.now()).pk))


@shows_people
@require_safe
@requires(Permission.VIEW_PLAN)
def source(request: HttpRequest, number: int) -> HttpResponse:
    """Show the text of one version, with the findings beside the lines."""
    return _source(request, common.find(number))


@require_safe
@requires(Permission.VIEW_PLAN)
def versions(request: HttpRequest) -> HttpResponse:
    """List every version with who proposed it and what became of it (SE-01)."""
    rows = pages.versions(queries.versions(now=clock.now()))
    context = {"versions": rows, "may_edit": common.may_edit(request)}
    return render(request, "plan/versions.html", context)


@require_safe
@requires(Permission.VIEW_PLAN)
def diff(request: HttpRequest, number: int, other: int) -> HttpResponse:
    """Compare two versions, the older on the left."""
    old, new = common.find(number), common.find(other)
    is_whole = "whole" in request.GET
    before, after = (common.visible_text(request, one) for one in (old, new))
    rows = diffs.compare(before, after, whole=is_whole)
    added, removed = diffs.counts(rows)
    now = clock.now()
    context = {
        "old": pages.head(old, now=now),
        "new": pages.head(new, now=now),
        "rows": rows,
        "added": added,
        "removed": removed,
        "is_whole": is_whole,
        "changes": _changes(request, old, new),
    }
    return render(request, "plan/diff.html", context)


def _changes(
    request: HttpRequest, old: PlanVersion, new: PlanVersion
) -> list[dict[str, str]] | None:
    """What changes for people; None when that cannot be said."""
    found = diffs.for_people(old.pk, new.pk)
    if found is None:
        return None
    rows = []
    for one in found.changes:
        text = one.text
        if not common.shows_contacts(request):
            for version in (old, new):
                text = reading.hide_contacts(version.pk, text)
        rows.append(
            {"effect": one.effect.value, "area": reading.words(one.area), "text": text}
        )
    return rows


def _read(request: HttpRequest, found: PlanVersion) -> HttpResponse:
    loaded = queries.loaded_of(found.pk)
    if loaded.plan is None:
        # It was stored by an older watchbill; its text can still be read.
        return redirect("plans:source", number=found.pk)
    now = clock.now()
    context = common.frame(request, found) | {
        "sections": reading.sections(
            found.pk, shows_contacts=common.shows_contacts(request)
        ),
        "findings": pages.findings(loaded),
        "approval": pages.approval(found, common.user_of(request), now=now),
        "proposals": [one for one in queries.open_proposals() if one.pk != found.pk],
    }
    return render(request, "plan/read.html", context)


def _source(request: HttpRequest, found: PlanVersion) -> HttpResponse:
    loaded = queries.loaded_of(found.pk)
    text = common.visible_text(request, found)
    context = common.frame(request, found) | {
        "findings": pages.findings(loaded, text),
        "lines": pages.source(loaded, text),
    }
    return render(request, "plan/source.html", context)
