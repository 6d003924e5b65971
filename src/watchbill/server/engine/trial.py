"""A test page from the command line: sent as a real one is, and watched.

The messages go into the outbox, and the engine that runs sends them: only so does the
test tell anything about the next page. Where no engine is alive, the command says so
and makes the attempts itself, for these messages and no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from watchbill.core.notification import Method, NotificationState
from watchbill.server import clock
from watchbill.server.engine import channels, deliver, queries
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.deliver import Claim
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import (
    Notification,
    ReceiptWait,
)
from watchbill.server.notifications.queries import OPEN
from watchbill.server.notifications.readiness import TooManyTestsError
from watchbill.server.notifications.telling import contacts_now, methods_to_test
from watchbill.server.people.models import PagingTest
from watchbill.server.web.masking import mask

_OPERATOR = "an operator at the command line"
_NODE = "watchbill send"

Event = dict[str, Any]


@dataclass(slots=True)
class Trial:
    """One test page under way, and what was told of it already."""

    test_id: int
    #: How it was begun, in a sentence.
    opening: str
    #: With which the attempts are made where no engine makes them.
    own_channels: Channels
    _told: set[tuple[object, ...]] = field(default_factory=set)

    def look(self) -> tuple[Event, ...]:
        """Return what has happened since the last look."""
        if not queries.health(wall=clock.wall()).is_alive:
            self._attempt(self.own_channels)
        fresh = []
        for event in self._events():
            key = (event["event"], event.get("message"), event.get("attempt"))
            if key not in self._told:
                self._told.add(key)
                fresh.append(event)
        return tuple(fresh)

    @property
    def is_delivered(self) -> bool:
        """Whether a provider took one of the messages, and none said it was lost."""
        return any(
            row.state == NotificationState.DELIVERED
            and row.receipt not in {ReceiptWait.FAILED, ReceiptWait.MISSING}
            for row in self._rows()
        )

    @property
    def is_confirmed(self) -> bool:
        """Whether a human confirmed it."""
        return PagingTest.objects.filter(
            pk=self.test_id, confirmed_at__isnull=False
        ).exists()

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing more can come of it."""
        return all(row.state == NotificationState.FAILED for row in self._rows())

    def _rows(self) -> list[Notification]:
        rows = Notification.objects.filter(paging_test=self.test_id)
        return list(rows.prefetch_related("deliveries").order_by("pk"))

    def _events(self) -> Iterator[Event]:
        for row in self._rows():
            message = {
                "message": row.pk,
                "channel": row.channel,
                "address": mask(row.address),
            }
            for one in row.deliveries.all():
                if one.finished_at is not None:
                    yield message | {
                        "event": "attempt",
                        "attempt": one.number,
                        "at": one.finished_at.isoformat(),
                        "outcome": one.outcome,
                        "answer": one.detail,
                    }
            if row.receipt not in {ReceiptWait.NONE, ReceiptWait.PENDING}:
                yield message | {"event": "receipt", "outcome": row.receipt}
        test = PagingTest.objects.get(pk=self.test_id)
        if test.confirmed_at is not None:
            yield {
                "event": "confirmed",
                "at": test.confirmed_at.isoformat(),
                "channel": test.confirmed_by,
            }

    def _attempt(self, ours: Channels) -> None:
        for row in self._rows():
            claim = _claim(row.pk, now=clock.now(), wall=clock.wall())
            if claim is not None:
                deliver.settle(
                    claim,
                    deliver.attempt(ours, claim),
                    receipt_within=ours.receipt_within(row.channel),
                    reaches=ours.address_kind(row.channel),
                    now=clock.now(),
                    wall=clock.wall(),
                )


def start(contact_key: str, channel: str | None) -> Trial:
    """Send a test page to a contact, by one channel or by every method.

    Raises LookupError when that cannot be, with a sentence that says why.
    """
    contact = next((one for one in contacts_now() if one.key == contact_key), None)
    if contact is None:
        known = ", ".join(one.key for one in contacts_now())
        message = f"the plan has no contact {contact_key!r}; known are {known}"
        raise LookupError(message)
    ours = channels.from_settings()
    if channel is not None and channel not in ours.names:
        known = ", ".join(ours.names) or "none"
        message = f"the channel {channel!r} is not set up; set up are: {known}"
        raise LookupError(message)
    provided = tuple(
        one for one in ours.reach.provided if channel in {None, one.channel}
    )
    now, wall = clock.now(), clock.wall()
    methods = methods_to_test(contact, provided, wall=wall)
    if not methods:
        message = f"no channel that is set up leads to {contact.label}"
        raise LookupError(message)
    health = queries.health(wall=wall)
    try:
        test = readiness.send_test(
            contact, methods, asked_by=_OPERATOR, now=now, wall=wall
        )
    except TooManyTestsError as error:
        raise LookupError(str(error)) from error
    return Trial(
        test_id=test.pk,
        opening=_opening(contact.label, methods, is_alive=health.is_alive),
        own_channels=ours,
    )


def _opening(label: str, methods: tuple[Method, ...], *, is_alive: bool) -> str:
    ways = ", ".join(dict.fromkeys(one.channel for one in methods))
    text = f"Test page to {label} by {ways}."
    if is_alive:
        return text
    return f"{text} No engine pages anybody, so this command sends it by itself."


@transaction.atomic
def _claim(number: int, *, now: datetime, wall: datetime) -> Claim | None:
    """Claim one of our messages if it may be attempted now."""
    row = (
        Notification.objects.select_for_update(skip_locked=True)
        .filter(pk=number, state__in=OPEN, next_attempt_at__lte=wall)
        .first()
    )
    if row is None or row.state == NotificationState.SENDING:
        return None
    notifications.claim_all([row], node=_NODE, now=now, wall=wall)
    return Claim(attempt=row.attempts, row=row, wall=wall)
