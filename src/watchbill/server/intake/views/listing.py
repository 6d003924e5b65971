"""The list of integrations, with what was refused and what could not be read."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.intake import actions, pages, queries
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the integrations, what they send, and what was refused."""
    now = clock.now()
    text = request.GET.get("q", "").strip()[:120]
    show = request.GET.get("show", "live")
    everything = queries.integrations()
    found = [
        one
        for one in everything
        if show == "all" or (one.revoked_at is not None) is (show == "revoked")
    ]
    if text:
        found = [one for one in found if text.casefold() in _said(one.name, one.kind)]
    ids = [one.pk for one in found]
    keys, paces = queries.keys_of(ids), queries.paces(ids, now=now)
    rejected = queries.rejected_by_integration()
    context = {
        "integrations": [
            pages.row(
                one,
                keys=keys.get(one.pk, []),
                pace=paces[one.pk],
                rejected=rejected.get(one.pk, 0),
                now=now,
            )
            for one in found
        ],
        "any": bool(everything),
        "filters": {"q": text, "show": show},
        "rejects": [pages.rejection(one) for one in queries.rejections()],
        "quarantined": [pages.quarantined(one) for one in queries.quarantined()],
    }
    return render(request, "intake/list.html", context)


def _said(*words: str) -> str:
    return " ".join(words).casefold()


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def fold_again(request: HttpRequest) -> HttpResponse:
    """Try every post that was set aside once more, such as after an upgrade."""
    count = actions.fold_again(now=clock.now())
    text = ngettext("%(n)s post is tried again.", "%(n)s posts are tried again.", count)
    messages.success(request, text % {"n": count})
    return redirect("intake:list")
