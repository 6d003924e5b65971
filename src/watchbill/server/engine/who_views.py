"""The page that answers who would get an alert now, without sending anything.

It is asked with labels, with a body as a source would post it, or from an alert or an
event that has come. A body may be long and hold personal data, so it travels in a POST,
which here changes nothing all the same.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from watchbill.core.access import Permission
from watchbill.core.alerts import Signal
from watchbill.core.labels import Labels
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import NO_CONFIG, Config, Post, Reading
from watchbill.integrations.text import printable
from watchbill.server import clock
from watchbill.server.alerts import search
from watchbill.server.audit.showing import shows_people
from watchbill.server.engine import who
from watchbill.server.engine.who import Asker
from watchbill.server.intake import queries as intake
from watchbill.server.intake import reading
from watchbill.server.intake.models import Integration
from watchbill.server.intake.posts import config_of, read_entry
from watchbill.server.intake.sources import sources, titles
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError
from watchbill.server.web.access import may, requires

_MOST = 5
_LONGEST = 500_000
_MAX_LABELS = 100
_LABEL = re.compile(r"""\s*([^\s=]+)\s*=\s*(?:"(.*)"|'(.*)'|(.*?))\s*,?\s*""")

logger = logging.getLogger(__name__)


class _UnclearError(ValueError):
    """What was asked cannot be read; the message says where and what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked about."""

    #: The alerts by their labels.
    labels: Sequence[Labels] = ()
    #: They as their source tells them, where one did.
    signals: Sequence[Signal] = ()
    #: The integration that they come from; None when that is not said.
    integration: int | None = None
    #: What else the post tells, and how many alerts are not shown.
    others: int = 0
    #: For the fields of the form.
    text: str = ""
    body: str = ""
    source: str = ""
    problems: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """What reads a post."""

    kind: str
    config: Config = NO_CONFIG
    integration: int | None = None
    #: As the form names it.
    field: str

    @classmethod
    def of(cls, one: Integration) -> "_Reader":
        """Return the reader of what an integration posts."""
        return cls(
            kind=one.kind,
            config=config_of(one),
            integration=one.pk,
            field=f"integration:{one.pk}",
        )


@shows_people
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.VIEW_INCIDENTS)
def try_out(request: HttpRequest) -> HttpResponse:
    """Show who would get an alert; nothing is sent and nothing is stored."""
    now = clock.now()
    context: dict[str, Any] = {
        "kinds": sorted(titles().items(), key=lambda one: one[1].casefold()),
        "integrations": [
            {"value": f"integration:{one.pk}", "name": one.name}
            for one in intake.integrations()
            if one.revoked_at is None and one.kind in sources()
        ],
    }
    values = request.POST if request.method == "POST" else request.GET
    try:
        asked = _asked(request, values.dict(), now=now)
        context |= {"asked": asked, "answers": _answers(request, asked, now=now)}
    except _UnclearError as error:
        typed = {name: values.get(name, "") for name in ("body", "source")}
        context |= {
            "error": str(error),
            "asked": {"text": values.get("labels", ""), **typed},
        }
        return render(request, "alerts/try.html", context, status=422)
    return render(request, "alerts/try.html", context)


def _answers(
    request: HttpRequest, asked: _Asked, *, now: datetime
) -> list[dict[str, Any]]:
    if not asked.labels:
        return []
    try:
        plan = plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        raise _UnclearError(_("No plan is in force, so nobody would get it.")) from None
    asker = Asker(
        confidential=may(request, Permission.VIEW_CONFIDENTIAL),
        contacts=may(request, Permission.VIEW_CONTACTS),
    )
    found = who.ask(plan, asked.labels, source=asked.integration, asker=asker, now=now)
    for answer, labels in zip(found, asked.labels, strict=True):
        answer["labels"] = sorted(labels.items())
    for answer, signal in zip(found, asked.signals, strict=False):
        answer["report"] = reading.report(signal)
    return found


def _asked(request: HttpRequest, values: dict[str, str], *, now: datetime) -> _Asked:
    if "alert" in values:
        return _of_alert(request, values["alert"])
    if "event" in values:
        return _of_event(request, values["event"])
    if values.get("body", "").strip():
        return _of_body(values["body"], values.get("source", ""))
    text = values.get("labels", "")[:_LONGEST]
    labels = _labels(text)
    return _Asked(labels=[labels] if labels else [], text=text)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _of_alert(request: HttpRequest, text: str) -> _Asked:
    sees_all = may(request, Permission.VIEW_CONFIDENTIAL)
    one = search.find(_number(text), confidential=sees_all)
    if one is None:
        raise _UnclearError(_("There is no such alert."))
    lines = "\n".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
    return _Asked(labels=[one.labels], integration=one.integration_id, text=lines)


def _of_event(request: HttpRequest, text: str) -> _Asked:
    entry = intake.any_event(_number(text))
    if entry is None or not may(request, Permission.MANAGE_INTEGRATIONS):
        raise _UnclearError(_("There is no such event."))
    return _of_post(read_entry(entry), _Reader.of(entry.integration))


def _of_body(body: str, source: str) -> _Asked:
    if len(body) > _LONGEST:
        raise _UnclearError(_("The body is too long."))
    reader = _Reader(kind=source, field=source)
    is_integration, _colon, number = source.partition(":")
    if is_integration == "integration":
        one = intake.live_integration(_number(number))
        if one is not None:
            reader = _Reader.of(one)
    return _of_post(Post(body=body.encode("utf-8", "replace")), reader)


def _of_post(post: Post, reader: _Reader) -> _Asked:
    found = _read(post, reader)
    signals = [one for one in found.reports if isinstance(one, Signal)]
    if not signals:
        raise _UnclearError(_("The body tells of no alert, so nobody would get it."))
    shown = signals[:_MOST]
    return _Asked(
        labels=[one.labels for one in shown],
        signals=shown,
        others=len(found.reports) - len(shown),
        integration=reader.integration,
        body=reading.body_text(post.body)[0],
        source=reader.field,
        problems=found.problems,
    )


def _read(post: Post, reader: _Reader) -> Reading:
    if reader.kind not in sources():
        raise _UnclearError(_("Say which source writes such a body."))
    try:
        return sources()[reader.kind].parse(post, reader.config)
    except PayloadError as error:
        raise _UnclearError(f"{error.where}: {error.problem}. {error.hint}") from None
    except Exception as error:  # a mistake of the module, and not of whoever asks
        logger.exception("a body of kind %s cannot be read", reader.kind)
        why = printable(f"{type(error).__name__}: {error}")[:500]
        text = _("Reading it failed with %(why)s. Please report it with the body.")
        raise _UnclearError(text % {"why": why}) from None


def _labels(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LABEL.fullmatch(line)
        if match is None or len(found) >= _MAX_LABELS:
            message = _("Line %(n)s is no label; write it as service=payment-api.")
            raise _UnclearError(message % {"n": number})
        name, *values = match.groups()
        found[name] = next((one for one in values if one is not None), "")
    return found
