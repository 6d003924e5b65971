"""The door through which providers call.

Who calls is known by the provider's signature and by nothing else: there is no
session and no form secret. A door that is not there and a provider that is not set up
look alike. What a call asks for is done in one transaction with the memory of the
call, so that a repetition, by the provider or by whoever has listened, does nothing
and is answered as politely.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import Lock

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from watchbill.integrations.contract import (
    Call,
    Event,
    HookReply,
    PayloadError,
    Result,
    SignatureError,
    TwoWay,
)
from watchbill.server import clock
from watchbill.server.hooks import actions, ways
from watchbill.server.hooks.followups import FollowUp, send_later
from watchbill.server.hooks.ways import Way
from watchbill.server.web.access import open_to_all

LONGEST_BODY = 256 * 1024
"""Slack sends back the whole message whose button was pressed."""

logger = logging.getLogger(__name__)


_refused: Counter[tuple[str, "_Refusal"]] = Counter()
_refused_lock = Lock()


class _Refusal(StrEnum):
    """Why a call was not let in; a few words, because anybody may call."""

    TOO_LONG = "too long"
    NOT_SIGNED = "not signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """A provider that is set up, and the module that understands it."""

    provider: str
    way: Way
    twoway: TwoWay


class _Answer(HttpResponse):
    """A response after which something is sent."""

    after: tuple[Callable[[], object], ...] = ()

    def close(self) -> None:
        super().close()
        for call in self.after:
            call()
        self.after = ()


@csrf_exempt  # a provider has no form of ours; its signature is what counts
@require_http_methods(["GET", "POST"])
@open_to_all("a provider calls, and its signature over the call is the permission")
def hook(request: HttpRequest, provider: str, door: str) -> HttpResponse:
    """Take one call of a provider."""
    found = _door(provider, door)
    body = _body(request)
    if body is None:
        return _refuse(found.provider, _Refusal.TOO_LONG, "", 413)
    call = _call(request, door, body)
    try:
        found.twoway.verify(call, found.way.settings, now=clock.wall())
    except SignatureError as error:
        return _refuse(found.provider, _Refusal.NOT_SIGNED, str(error), 403)
    try:
        events = found.twoway.read(call)
    except PayloadError as error:
        logger.warning("a call of %s cannot be read: %s", provider, error.where)
        return HttpResponse(str(error), status=400, content_type=_TEXT)
    results = _act(found, call, events)
    response = _response(found.twoway.answer(call, results))
    response.after = tuple(_later(found, one) for one in results)
    return response


_TEXT = "text/plain; charset=utf-8"


def _door(provider: str, door: str) -> _Door:
    way = ways.way(provider)
    twoway = way.provider.twoway if way is not None else None
    if way is None or twoway is None or door not in twoway.DOORS:
        raise Http404
    return _Door(provider=provider, way=way, twoway=twoway)


def _body(request: HttpRequest) -> bytes | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or len(length) > 9 or int(length) > LONGEST_BODY:
        return None
    try:
        body = request.body
    except RequestDataTooBig:
        return None
    return body if len(body) <= LONGEST_BODY else None


def _call(request: HttpRequest, door: str, body: bytes) -> Call:
    return Call(
        method=request.method or "",
        door=door,
        url=settings.BASE_URL + request.get_full_path(),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.GET.dict(),
        body=body,
    )


def _act(door: _Door, call: Call, events: tuple[Event, ...]) -> tuple[Result, ...]:
    """Do what a call asks for; nothing when it was asked for before."""
    if not events:
        return ()
    now, wall = clock.now(), clock.wall()
    provider, same_for = door.provider, door.twoway.SAME_FOR
    mark = f"{provider}\n{door.twoway.mark(call)}".encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(mark).hexdigest()
    with transaction.atomic():
        if not actions.remember(provider, digest, same_for=same_for, wall=wall):
            logger.info("a call of %s is repeated; nothing is done", provider)
            return ()
        return _handle_all(provider, events, now=now, wall=wall)


def _handle_all(
    provider: str, events: tuple[Event, ...], *, now: datetime, wall: datetime
) -> tuple[Result, ...]:
    results = [actions.handle(provider, event, now=now, wall=wall) for event in events]
    return tuple(one for one in results if one is not None)


def _refuse(provider: str, refusal: _Refusal, detail: str, status: int) -> HttpResponse:
    with _refused_lock:
        _refused[provider, refusal] += 1
        count = _refused[provider, refusal]
    if count & (count - 1) == 0:  # the 1st, 2nd, 4th ...: a flood fills no log
        reason = f"{refusal}: {detail}" if detail else refusal
        logger.warning(
            "a call of %s is refused, %s (%s times)", provider, reason, count
        )
    return HttpResponse(status=status, content_type=_TEXT)


def _response(reply: HookReply) -> _Answer:
    return _Answer(reply.body, status=reply.status, content_type=reply.content_type)


def _later(door: _Door, result: Result) -> Callable[[], object]:
    def send() -> None:
        current = ways.current()
        try:
            outgoing = door.twoway.follow_up(result, door.way.settings)
        except Exception:  # it is done and answered; only the show is missing
            logger.exception("%s: a follow-up cannot be written", door.provider)
            return
        if current is not None and outgoing is not None:
            egress = current.egress
            send_later(
                FollowUp(provider=door.provider, outgoing=outgoing, egress=egress)
            )

    return send
