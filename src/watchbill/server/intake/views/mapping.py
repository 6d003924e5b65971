"""Where an integration's fields are: a mapping, tried on an event that has come.

Nothing is kept until it is saved, and what would refuse every post cannot be saved.
The preview is the mapping's own reading of the sample, so what it shows is what will
be folded.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from watchbill.core.access import Permission
from watchbill.integrations import mapper, samples
from watchbill.integrations.contract import PayloadError
from watchbill.server.intake import actions, pages, queries, reading
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.intake.posts import read_entry
from watchbill.server.intake.sources import sources
from watchbill.server.intake.views import common
from watchbill.server.web.access import requires

_SAMPLES = 10
_LONGEST = 50_000
_NO_SAMPLE = b"{}"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.MANAGE_INTEGRATIONS)
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """Show the mapping beside a sample; POST saves it, or resets it."""
    one = _find(number)
    if request.method != "POST":
        sample = _sample(request.GET.get("sample", ""), one)
        text, origin = _proposed(request.GET.get("from", ""), one, sample)
        return _page(request, one, sample, text=text, origin=origin)
    if "reset" in request.POST:
        actions.change_mapping(one.pk, None)
        messages.success(request, _("The source's own reading is used again."))
        return redirect("intake:mapping", number)
    text = request.POST.get("mapping", "")[:_LONGEST]
    sample = _sample(request.POST.get("sample", ""), one)
    mapping, problems = _read(text)
    if mapping is None or problems:
        return _page(request, one, sample, text=text, status=422)
    actions.change_mapping(one.pk, mapping)
    messages.success(request, _("The mapping is saved, and is used from now on."))
    return redirect("intake:mapping", number)


@require_POST
@requires(Permission.MANAGE_INTEGRATIONS)
def preview(request: HttpRequest, number: int) -> HttpResponse:
    """Show what a mapping that is being written makes of a sample."""
    one = _find(number)
    sample = _sample(request.POST.get("sample", ""), one)
    context = _previewed(one, sample, request.POST.get("mapping", "")[:_LONGEST])
    return render(request, "intake/_preview.html", context)


def _find(number: int) -> Integration:
    one = common.find_live(number)
    source = sources().get(one.kind)
    if source is None or not source.SOURCE.has_mapping:
        message = f"integration {number} has no mapping"
        raise Http404(message)
    return one


def _sample(text: str, one: Integration) -> InboxEntry | None:
    """The event that was chosen, else the latest."""
    if text.isdecimal() and len(text) < 16:
        chosen = queries.event(one.pk, int(text))
        if chosen is not None:
            return chosen
    latest = queries.events(one.pk, before=None, limit=1)
    return queries.event(one.pk, latest[0].pk) if latest else None


def _document(one: Integration, sample: InboxEntry | None) -> bytes:
    """The JSON that a mapping looks into; some sources carry it in a wrapping."""
    if sample is None:
        return _NO_SAMPLE
    post = read_entry(sample)
    unwrap = getattr(sources()[one.kind], "document_of", None)
    if unwrap is None:
        return post.body
    try:
        return bytes(unwrap(post))
    except PayloadError:
        return post.body


def _preset(one: Integration) -> Mapping[str, object] | None:
    return getattr(sources()[one.kind], "PRESET", None)


def _proposed(
    wish: str, one: Integration, sample: InboxEntry | None
) -> tuple[str, str]:
    """What stands in the editor at first, and where it is from."""
    if wish == "sample" and sample is not None:
        try:
            return _spelt(samples.suggest(_document(one, sample))), "sample"
        except PayloadError:
            pass
    if one.mapping is not None and wish != "preset":
        return _spelt(one.mapping), "saved"
    preset = _preset(one)
    return ("", "none") if preset is None else (_spelt(preset), "preset")


def _spelt(mapping: Mapping[str, object]) -> str:
    return json.dumps(dict(mapping), indent=2, ensure_ascii=False)


def _read(text: str) -> tuple[dict[str, object] | None, list[mapper.Problem]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        problem = _("this is not JSON: %(why)s") % {"why": error}
        return None, [mapper.Problem(where="$", text=problem)]
    problems = mapper.check(value)
    return (value if isinstance(value, dict) else None), problems


def _previewed(
    one: Integration, sample: InboxEntry | None, text: str
) -> dict[str, Any]:
    if not text.strip():
        return {"is_blank": True}
    mapping, problems = _read(text)
    if mapping is None or problems or sample is None:
        return {"problems": problems, "has_sample": sample is not None}
    found = mapper.preview(mapping, _document(one, sample))
    return {
        "problems": found.problems,
        "has_sample": True,
        "items": [
            {
                "report": reading.report(item.report) if item.report else None,
                "found": item.found,
            }
            for item in found.items[:_SAMPLES]
        ],
        "more": max(0, len(found.items) - _SAMPLES),
    }


def _page(
    request: HttpRequest,
    one: Integration,
    sample: InboxEntry | None,
    *,
    text: str,
    origin: str = "typed",
    status: int = 200,
) -> HttpResponse:
    shown, is_cut = reading.body_text(_document(one, sample)) if sample else ("", False)
    context = {
        "integration": {"number": one.pk, "name": one.name},
        "samples": [
            pages.event_row(entry)
            for entry in queries.events(one.pk, before=None, limit=_SAMPLES)
        ],
        "sample": None if sample is None else {"number": sample.pk},
        "body": shown,
        "is_cut": is_cut,
        "text": text,
        "origin": origin,
        "is_set": one.mapping is not None,
        "has_preset": _preset(one) is not None,
    }
    context |= _previewed(one, sample, text)
    return render(request, "intake/mapping.html", context, status=status)
