"""What all of the API shares: who may enter, what is refused and how, and pages."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from watchbill.core.access import Permission
from watchbill.core.oncall import Duty
from watchbill.core.temporal import Interval
from watchbill.plan import Plan
from watchbill.server.intake.keys import authenticate_request
from watchbill.server.intake.models import Scope
from watchbill.server.intake.sources import sources
from watchbill.server.oncall import queries
from watchbill.server.oncall.actions import OncallRefusedError
from watchbill.server.web import problems
from watchbill.server.web.access import may, open_to_all

LIMIT, MOST = 100, 500
LONGEST = timedelta(days=366)
_MOST_BYTES = 64 * 1024
_YEARS = range(2000, 2101)

View = Callable[..., HttpResponseBase]


class ProblemError(Exception):
    """A request that is refused, with the status and a sentence that says why."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


_TITLES = {
    400: "The request cannot be read",
    401: "Who asks is not known",
    403: "That is not allowed",
    404: "There is no such thing",
    405: "That cannot be done here",
    409: "The watch cannot be changed so",
    413: "The body is too long",
    415: "The body is not JSON",
}


def door(methods: dict[str, Permission]) -> Callable[[View], View]:
    """Let in who may, by method; a key may read where a permission to look is enough.

    A view raises ProblemError for what it refuses; what the watch refuses is a 409.
    """

    def guard(view: View) -> View:
        @open_to_all("a session or a key is asked for here, and answered in JSON")
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
            try:
                _admit(request, methods)
                return view(request, **kwargs)
            except ProblemError as error:
                return problem(error, methods)
            except OncallRefusedError as error:
                return problem(ProblemError(409, str(error)))

        return guarded

    return guard


def problem(error: ProblemError, methods: Iterable[str] = ()) -> JsonResponse:
    """Return a refusal as a problem document."""
    answer = problems.document(error.status, _TITLES[error.status], error.detail)
    if error.status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="watchbill"'
    if error.status == 405:
        answer["Allow"] = ", ".join(methods)
    return answer


def _admit(request: HttpRequest, methods: dict[str, Permission]) -> None:
    method = "GET" if request.method == "HEAD" else str(request.method)
    permission = methods.get(method)
    if permission is None:
        raise ProblemError(405, f"use {' or '.join(methods)}")
    if request.user.is_authenticated:
        if not may(request, permission):
            raise ProblemError(403, "your role may not do that")
        return
    found = authenticate_request(request, kinds=sources(), scope=Scope.READ)
    if found is None:
        raise ProblemError(401, "sign in, or send a key that may read as Bearer")
    if method != "GET":
        raise ProblemError(403, "a key reads only; changes are made by a user")


# ── What is asked ───────────────────────────────────────────────────────────────


def plan_now(now: datetime) -> Plan:
    """Return the plan in force."""
    plan = queries.plan_now(now=now)
    if plan is None:
        raise ProblemError(404, "no plan is in force")
    return plan


def read_instant(text: object, name: str) -> datetime:
    """Return an instant with its offset, as 2026-12-01T10:00:00Z."""
    try:
        at = datetime.fromisoformat(str(text))
        if at.tzinfo is not None:
            at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None or at.year not in _YEARS:
        example = "2026-12-01T10:00:00Z"
        raise ProblemError(400, f"{name} is an instant with its offset, as {example}")
    return at


def window(request: HttpRequest, *, now: datetime, default: timedelta) -> Interval:
    """Return the stretch from ``from`` to ``to``; from now on if it is not said."""
    given = request.GET
    starts_at = read_instant(given["from"], "from") if "from" in given else now
    ends_at = read_instant(given["to"], "to") if "to" in given else starts_at + default
    return interval(starts_at, ends_at)


def interval(starts_at: datetime, ends_at: datetime) -> Interval:
    """Return a stretch of at most a year."""
    if ends_at <= starts_at:
        raise ProblemError(400, "it must end after it begins")
    if ends_at - starts_at > LONGEST:
        raise ProblemError(400, f"ask for {LONGEST.days} days at most")
    return Interval(starts_at=starts_at, ends_at=ends_at)


def stretch_in(body: dict[str, Any]) -> Interval:
    """Return the stretch of a body, from ``starts_at`` to ``ends_at``."""
    return interval(
        read_instant(body.get("starts_at"), "starts_at"),
        read_instant(body.get("ends_at"), "ends_at"),
    )


def read_duty(text: object) -> Duty:
    """Return a duty by its name."""
    if not isinstance(text, str) or text not in set(Duty):
        raise ProblemError(400, f"a duty is {', '.join(Duty)}")
    return Duty(text)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that a request carries."""
    if request.content_type != "application/json":
        raise ProblemError(415, "send application/json")
    try:
        body = request.body
    except RequestDataTooBig:
        body = None
    if body is None or len(body) > _MOST_BYTES:
        raise ProblemError(413, f"{_MOST_BYTES} bytes are the most")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise ProblemError(400, "the body is not an object")
    return found


def text_in(body: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """Return a text of a body; refused when it is not there."""
    found = body.get(name, default)
    if not isinstance(found, str) or "\0" in found:
        raise ProblemError(400, f"{name} is a text")
    return found


# ── What is answered ────────────────────────────────────────────────────────────


def page(request: HttpRequest, name: str, rows: list[Any]) -> JsonResponse:
    """Return a part of a list, and the cursor with which to ask for what follows."""
    limit = _number(request.GET.get("limit", ""), default=LIMIT, most=MOST)
    first = _number(request.GET.get("cursor", ""), default=0, most=1_000_000)
    shown = rows[first : first + max(limit, 1)]
    following = first + len(shown)
    cursor = str(following) if shown and following < len(rows) else None
    return JsonResponse({name: shown, "cursor": cursor})


def _number(text: str, *, default: int, most: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise ProblemError(400, "limit and cursor are whole numbers")
    return min(int(text), most)
