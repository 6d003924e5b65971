"""Calendar feeds: the shifts of one person, or of one schedule, for any calendar.

Whoever knows the address may read it: calendars cannot sign in. So the secret in it is
long, stored only as its digest, and opens this one feed, which holds names and times
and no addresses. A secret that is unknown and one that was revoked are answered alike,
after the same one question to the database. A feed ends with the account of whoever
made it, as every link does.

The watch is shown from 90 days back to a year ahead, day by day: an answer changes when
the watch does, and at midnight UTC. So calendars, which ask each hour, are mostly told
that nothing is new.
"""

import hashlib
import threading
from collections import OrderedDict
from datetime import datetime
from time import monotonic

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from watchbill.server import clock
from watchbill.server.oncall import actions, ical, queries
from watchbill.server.people import queries as people
from watchbill.server.web.access import open_to_all

READS_A_MINUTE = 60
"""From one address; a service that reads for many people has many addresses."""

_MOST_ADDRESSES = 10_000


class Budget:
    """What each address has left of its reads: a bucket that fills evenly.

    Each process keeps its own, and forgets the address that was not seen longest.
    """

    def __init__(self, per_minute: int = READS_A_MINUTE) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str, *, at: float) -> bool:
        """Take one read out of an address's bucket; ``at`` is a monotonic time."""
        with self._lock:
            most = float(self._per_minute)
            left, since = self._buckets.pop(address, (most, at))
            left = min(most, left + (at - since) * most / 60)
            self._buckets[address] = (max(left - 1, 0.0) if left >= 1 else left, at)
            if len(self._buckets) > _MOST_ADDRESSES:
                self._buckets.popitem(last=False)
            return left >= 1


_budget = Budget()


@require_safe
@open_to_all("the secret in the address says who may read")
def feed(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Answer with the calendar that a secret opens."""
    address = request.META.get("REMOTE_ADDR", "")
    if not _budget.allows(address, at=monotonic()):
        return HttpResponse(
            "Too many requests; wait a minute.\n",
            status=429,
            content_type="text/plain",
            headers={"Retry-After": "60"},
        )
    found = queries.find_feed(secret)
    if found is None or people.has_left(found.made_for):
        message = "there is no such feed"
        raise Http404(message)
    now = clock.now()
    actions.feed_used(found, now=now)
    made = ical.calendar_of(found, now=now)
    if made is None:
        message = "the plan in force no longer has what the feed shows"
        raise Http404(message)
    return _answer(request, made.body, changed_at=made.changed_at)


def _answer(
    request: HttpRequest, body: bytes, *, changed_at: datetime
) -> HttpResponseBase:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    changed = int(changed_at.timestamp())
    answer = HttpResponse(
        body,
        content_type="text/calendar; charset=utf-8",
        headers={
            "ETag": tag,
            "Last-Modified": http_date(changed),
            "Cache-Control": "private, no-cache",
            "Content-Disposition": 'inline; filename="on-call.ics"',
            "Referrer-Policy": "no-referrer",
        },
    )
    conditional = get_conditional_response(
        request, etag=tag, last_modified=changed, response=answer
    )
    return conditional or answer
