"""Adding an integration: choose what it is, name it, set up the other side."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from watchbill.core.access import Permission
from watchbill.server import clock
from watchbill.server.intake import actions, pages
from watchbill.server.intake.forms import IntegrationForm
from watchbill.server.intake.sources import sources, titles
from watchbill.server.intake.views import common
from watchbill.server.web.access import requires


@require_safe
@requires(Permission.MANAGE_INTEGRATIONS)
def gallery(request: HttpRequest) -> HttpResponse:
    """Show everything that watchbill understands."""
    text = request.GET.get("q", "").strip()[:80]
    context = {"groups": pages.gallery(text), "q": text, "total": len(titles())}
    return render(request, "intake/gallery.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_INTEGRATIONS)
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """Name a new integration; then show its key, which is shown only now."""
    source = sources().get(kind)
    if source is None:
        message = f"there is no kind {kind}"
        raise Http404(message)
    title = titles()[kind]
    is_sent = request.method == "POST"
    form = IntegrationForm(request.POST if is_sent else None, initial={"name": title})
    if is_sent and form.is_valid():
        return _created(request, kind, form)
    context = {"form": form, "title": title, "traits": pages.traits(source.SOURCE)}
    return render(request, "intake/new.html", context, status=422 if is_sent else 200)


def _created(request: HttpRequest, kind: str, form: IntegrationForm) -> HttpResponse:
    """Answer with the key itself: a redirect would have to keep it somewhere."""
    now = clock.now()
    made, key = actions.create_integration(
        kind=kind,
        name=form.cleaned_data["name"],
        is_drill=form.cleaned_data["is_drill"],
        now=now,
    )
    context = common.live_region(request, made, now=now)
    context |= {"setup": pages.setup(made, key=key), "key": key}
    return render(request, "intake/created.html", context)
