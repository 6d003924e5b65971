"""Asking providers for what came in, where they cannot call us.

What came over HTTP is handled in one transaction with the cursor that moves behind it,
so it is done once, and a crash loses nothing. Several nodes may have the same channel;
who asks holds a lease, because Telegram tolerates one question at a time. A modem has
no cursor: it deletes a message after it was handled, so that one may be handled twice.
An event that cannot be handled at all must not hold
up those behind it: it is logged and passed over. Trouble with the database is another
matter: nothing is passed over then, and all of it is tried again.

Whoever answered is told what came of it. By text message that costs money, and two
machines could go on thanking each other, so a number gets a few answers an hour.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import Error as DatabaseError
from django.db import transaction

from watchbill.integrations.contract import (
    Event,
    Outgoing,
    PayloadError,
    Polled,
    Result,
    SerialOutbound,
    SettingsError,
    TransportFailure,
)
from watchbill.server.engine.channels import SEND_TIMEOUT, Channels
from watchbill.server.engine.modem import modem_of
from watchbill.server.hooks.models import PollCursor
from watchbill.server.providers import Configured

LEASE = timedelta(minutes=1)
"""Longer than a question is held open and its answers take to be done."""

logger = logging.getLogger(__name__)


class Handle(Protocol):
    """Do what an event asks for; `watchbill.server.hooks.actions.handle`."""

    def __call__(
        self, provider: str, event: Event, *, now: datetime, wall: datetime
    ) -> Result | None:
        """Return what to tell the person; None when nobody waits for words."""


class PollFailedError(Exception):
    """A provider was not asked, or its answer is not one; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Asks the channels of this process; keep one, it counts the answers."""

    channels: Channels
    handle: Handle

    @property
    def names(self) -> tuple[str, ...]:
        """The channels that have to be asked."""
        return tuple(
            name for name, one in self.channels.configured.items() if _is_polled(one)
        )

    def poll_once(self, name: str, *, now: datetime, wall: datetime) -> int:
        """Ask a channel once and return how many events there were.

        A provider may hold the question open for a few seconds. Raises
        `PollFailedError` and `ModemTroubleError`; both pass.
        """
        one = self.channels.configured[name]
        try:
            return self._poll(one, now=now, wall=wall)
        except SettingsError as error:
            raise PollFailedError(f"{one.provider.title}: {error}") from None

    def _poll(self, one: Configured, *, now: datetime, wall: datetime) -> int:
        if isinstance(one.provider.outbound, SerialOutbound):
            return self._poll_modem(one, one.provider.outbound, now=now, wall=wall)
        if one.provider.polling is not None:
            return self._poll_http(one, one.provider.polling, now=now, wall=wall)
        return 0

    def _poll_http(
        self, one: Configured, polled: Polled, *, now: datetime, wall: datetime
    ) -> int:
        if polled.poll(one.settings, cursor="") is None:
            return 0
        turn = _take_turn(one.provider.name, wall=wall)
        if turn is None:
            return 0
        results: list[Result] = []
        try:
            events, cursor = self._ask(one, polled, cursor=turn.cursor)
            with transaction.atomic():
                if not _end_turn(turn, cursor=cursor, wall=wall):
                    logger.warning("%s: asking took too long", one.provider.title)
                    return 0
                for event in events:
                    result = self._handled(turn.provider, event, now=now, wall=wall)
                    if result is not None:
                        results.append(result)
        finally:
            # After a success it is another's turn already, and this changes nothing.
            with suppress(DatabaseError):
                _end_turn(turn, cursor=turn.cursor, wall=wall)
        for result in results:
            self._answer_by_http(one, polled, result)
        return len(events)

    def _ask(
        self, one: Configured, polled: Polled, *, cursor: str
    ) -> tuple[tuple[Event, ...], str]:
        outgoing = polled.poll(one.settings, cursor=cursor)
        if outgoing is None:
            return (), cursor
        answer = self.channels.egress.send(outgoing, timeout=SEND_TIMEOUT)
        if isinstance(answer, TransportFailure):
            raise PollFailedError(f"{one.provider.title}: {answer.detail}")
        try:
            return polled.read_poll(answer, cursor=cursor)
        except PayloadError as error:
            raise PollFailedError(f"{one.provider.title}: {error}") from None

    def _poll_modem(
        self,
        one: Configured,
        outbound: SerialOutbound,
        *,
        now: datetime,
        wall: datetime,
    ) -> int:
        results: list[Result] = []

        def take(event: Event) -> None:
            result = self._handled(one.provider.name, event, now=now, wall=wall)
            if result is not None:
                results.append(result)

        modem = modem_of(one.settings)
        # The network stamps messages with the time of the world, not of the plan.
        count = modem.receive(take, now=wall)
        for result in results:
            try:
                self._answer_by_modem(one, outbound, result, wall=wall)
            except SettingsError as error:
                logger.warning("%s: no answer was sent: %s", one.provider.title, error)
        return count

    def _handled(
        self, provider: str, event: Event, *, now: datetime, wall: datetime
    ) -> Result | None:
        try:
            with transaction.atomic():
                return self.handle(provider, event, now=now, wall=wall)
        except DatabaseError:
            raise
        except Exception:  # one bad event must not stop those behind it
            logger.exception("an event of %s could not be handled", provider)
            return None

    def _answer_by_http(self, one: Configured, polled: Polled, result: Result) -> None:
        self._tell(one, lambda: polled.respond(result, one.settings))
        twoway = one.provider.twoway
        if twoway is not None:
            self._tell(one, lambda: twoway.follow_up(result, one.settings))

    def _tell(self, one: Configured, write: Callable[[], Outgoing | None]) -> None:
        try:
            outgoing = write()
        except SettingsError as error:
            logger.warning("%s: no answer was sent: %s", one.provider.title, error)
            return
        if outgoing is not None:
            # Nothing depends on it: what was asked for is done.
            self.channels.egress.send(outgoing, timeout=SEND_TIMEOUT)

    def _answer_by_modem(
        self,
        one: Configured,
        outbound: SerialOutbound,
        result: Result,
        *,
        wall: datetime,
    ) -> None:
        to = result.asked.address
        exchanges = outbound.reply(result)
        if not exchanges:
            return
        attempt = modem_of(one.settings).send(
            exchanges, lambda lines: outbound.read_lines(lines, to=to)
        )
        logger.info("%s: answer %s", one.provider.title, attempt.outcome)


def _take_turn(provider: str, *, wall: datetime) -> PollCursor | None:
    """Return where to go on, leased to the caller; None while another node asks."""
    PollCursor.objects.get_or_create(provider=provider, defaults={"polled_at": wall})
    free = PollCursor.objects.filter(provider=provider, polled_at__lte=wall)
    if not free.update(polled_at=wall + LEASE):
        return None
    return PollCursor.objects.get(provider=provider)


def _end_turn(turn: PollCursor, *, cursor: str, wall: datetime) -> bool:
    """Move the cursor and let others ask; False when the lease was taken over."""
    mine = PollCursor.objects.filter(pk=turn.pk, polled_at=turn.polled_at)
    return bool(mine.update(cursor=cursor, polled_at=wall))


def _is_polled(one: Configured) -> bool:
    if isinstance(one.provider.outbound, SerialOutbound):
        return True
    if one.provider.polling is None:
        return False
    try:
        return one.provider.polling.poll(one.settings, cursor="") is not None
    except SettingsError:
        return True  # asking will say what is wrong
