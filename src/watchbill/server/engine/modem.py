"""The modem on this machine: one serial line for what is sent and what comes in.

A modem does one thing at a time, so whoever speaks holds the line. It is opened when
it is first needed and again after every trouble: a modem that was unplugged comes
back by itself. Opening means to bring the modem into a known state, whatever it was
doing, and to unlock its SIM. A PIN that was refused is never tried again by this
process, because the third wrong one blocks the SIM.

A message counts as possibly sent from the moment its text is handed to the modem.
When no answer comes then, the outcome is unknown, and the line is closed, so that a
late answer cannot be taken for that of the next command. Until then nothing is sent.

What came in is deleted only after it was handed over. A crash in between hands it over
twice, which changes nothing; the other way round an answer would be lost. Receipts
that come by themselves wait in memory: one that is lost with the process costs a
message by the next method, and no page.

Sources: 3GPP TS 27.005, 3GPP TS 27.007.
"""

import logging
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import serial

from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import Event, Exchange
from watchbill.integrations.gsm import line as at
from watchbill.integrations.gsm.line import Stored
from watchbill.integrations.gsm.received import Handover, hand_over
from watchbill.server.engine.egress import Deadline

SEND_WITHIN = 25.0
"""Seconds for a whole message, waiting for the line included; shorter than a lease."""

_LIST_WITHIN = 20.0
_READ_SLICE = 0.1
_WRITE_WITHIN = 5.0
_WAKE_UPS = 3
#: The share of the time that must be left for an answer; else nothing is handed over.
_SHARE_FOR_ANSWER = 0.2
#: A PDU follows on the next line.
_BY_ITSELF = ("+CDS:", "+CMT:")
_ANNOUNCEMENTS = ("+CMTI:", "+CDSI:", "RING", "^", "+CRING:", "+CUSD:")
_LINE_ERRORS = (serial.SerialException, OSError, termios.error)

Read = Callable[[tuple[str, ...]], Attempt]

logger = logging.getLogger(__name__)


class ModemTroubleError(Exception):
    """The modem cannot be used now; the attempt says why."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        super().__init__(attempt.detail)


class Modem:
    """One modem. Threads may share it."""

    def __init__(
        self,
        path: str,
        *,
        baud: int = at.DEFAULT_BAUD,
        pin: str = "",
        region: str = "MM",
        send_within: float = SEND_WITHIN,
    ) -> None:
        self._path = path
        self._baud = baud
        self._pin = pin
        self._region = region
        self._send_within = send_within
        self._lock = threading.Lock()
        self._port: serial.Serial | None = None
        self._buffer = b""
        self._pin_was_refused = False
        #: PDUs that came by themselves and are not handed over yet.
        self._arrived: list[Stored] = []
        self._has_pdu_next = False
        #: The memory for what comes in, and others that were seen to hold receipts.
        self._storage = ""
        self._receipts_in: set[str] = set()

    def send(self, exchanges: tuple[Exchange, ...], read: Read) -> Attempt:
        """Make one attempt; every trouble of the modem is an outcome."""
        deadline = Deadline(self._send_within)
        for_answer = self._send_within * _SHARE_FOR_ANSWER
        committed = False
        try:
            with self._held(deadline):
                self._open(deadline)
                self._check_network(deadline)
                lines: tuple[str, ...] = ()
                for exchange in exchanges:
                    if exchange.commits and deadline.left() < for_answer:
                        raise TimeoutError
                    committed = exchange.commits
                    lines = self._talk(exchange, deadline)
                    if at.is_refusal(lines):
                        break
                return read(lines)
        except ModemTroubleError as trouble:
            return trouble.attempt
        except TimeoutError:
            return _silence(committed=committed)
        except _LINE_ERRORS as error:
            return self._lost(error, committed=committed)

    def receive(self, handle: Callable[[Event], None], *, now: datetime) -> int:
        """Hand over what came in, one by one, and then delete it.

        Returns how many events there were. Raises `ModemTroubleError`.
        """
        deadline = Deadline(_LIST_WITHIN)
        with self._receiving(), self._held(deadline):
            self._open(deadline)
            # Listing also takes what arrives by itself meanwhile.
            listed = self._listed(deadline)
            stored = (*self._arrived, *listed)
        count = 0
        for one in hand_over(stored, region=self._region, now=now):
            if one.event is None:
                logger.info("a message to the modem is left out: %s", one.note)
            else:
                handle(one.event)
                count += 1
            self._forget(one)
        return count

    def close(self) -> None:
        """Give the line back."""
        with self._lock:
            self._drop()

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise ModemTroubleError(_silence(committed=False)) from None
        except _LINE_ERRORS as error:
            raise ModemTroubleError(self._lost(error, committed=False)) from None

    @contextmanager
    def _held(self, deadline: Deadline) -> Iterator[None]:
        """Hold the line, and leave no half-finished conversation on it."""
        if not self._lock.acquire(timeout=deadline.left()):
            detail = "the modem is busy with other messages"
            raise ModemTroubleError(Attempt(outcome=Outcome.TRANSIENT, detail=detail))
        is_clean = False
        try:
            yield
            is_clean = True
        finally:
            if not is_clean:
                self._drop()
            self._lock.release()

    # ── What comes in ─────────────────────────────────────────────────────────────

    def _listed(self, deadline: Deadline) -> list[Stored]:
        found = list(at.stored(self._talk(at.LIST, deadline)))
        for storage in sorted(self._receipts_in - {self._storage}):
            with self._elsewhere(storage, deadline):
                lines = self._talk(at.LIST, deadline)
                found += at.stored(lines, storage=storage)
        return found

    def _forget(self, one: Handover) -> None:
        deadline = Deadline(_LIST_WITHIN)
        with self._receiving(), self._held(deadline):
            self._open(deadline)
            for stored in one.taken:
                if stored.index is None:
                    self._arrived.remove(stored)
                    continue
                with self._elsewhere(stored.storage, deadline):
                    self._talk(at.delete(stored.index), deadline)

    @contextmanager
    def _elsewhere(self, storage: str, deadline: Deadline) -> Iterator[None]:
        """List and delete in another memory; trouble inside closes the line anyway."""
        if storage:
            self._talk(at.choose_storage(storage), deadline)
        yield
        if storage and self._storage:
            self._talk(at.choose_storage(self._storage), deadline)

    # ── Making the modem ready ────────────────────────────────────────────────────

    def _open(self, deadline: Deadline) -> None:
        if self._port is not None:
            return
        self._buffer, self._has_pdu_next = b"", False
        self._port = serial.Serial(
            self._path,
            self._baud,
            timeout=_READ_SLICE,
            write_timeout=_WRITE_WITHIN,
            exclusive=True,
        )
        self._wake(deadline)
        for exchange in at.PREPARE:
            self._talk(exchange, deadline)
        self._unlock(deadline)
        if at.is_refusal(self._talk(at.PDU_MODE, deadline)):
            detail = "the modem knows no PDU mode; it cannot send text messages"
            raise ModemTroubleError(Attempt(outcome=Outcome.PERMANENT, detail=detail))
        self._storage = ""
        for name in at.STORAGES:
            if not at.is_refusal(self._talk(at.use_storage(name), deadline)):
                self._storage = name
                break
        for exchange in at.ANNOUNCE:
            if not at.is_refusal(self._talk(exchange, deadline)):
                break

    def _wake(self, deadline: Deadline) -> None:
        """Bring the modem to the point where it waits for a command."""
        self._line.write(at.ESCAPE)
        for _ in range(_WAKE_UPS):
            try:
                if not at.is_refusal(self._talk(at.AWAKE, deadline)):
                    self._drain(deadline)
                    return
            except TimeoutError:
                deadline.left()
        raise TimeoutError

    def _drain(self, deadline: Deadline) -> None:
        """Pass over late answers to commands from before the line was opened."""
        while self._line.read(4096):
            deadline.left()
        self._buffer = b""

    def _unlock(self, deadline: Deadline) -> None:
        lines = self._talk(at.ASK_PIN, deadline)
        if at.asks_for_pin(lines) and self._pin:
            if self._pin_was_refused:
                detail = "the PIN in WATCHBILL_GSM_PIN was refused; it is not retried"
                trouble = Attempt(outcome=Outcome.PERMANENT, detail=detail)
                raise ModemTroubleError(trouble)
            # Marked before it is tried: an answer that never comes may be a refusal.
            self._pin_was_refused = True
            lines = self._talk(at.enter_pin(self._pin), deadline)
            if not at.is_refusal(lines):
                self._pin_was_refused = False
                return
        locked = at.why_locked(lines)
        if locked is not None:
            raise ModemTroubleError(locked)

    def _check_network(self, deadline: Deadline) -> None:
        reasons = []
        for exchange in at.ASK_NETWORK:
            reason = at.why_unregistered(self._talk(exchange, deadline))
            if reason is None:
                return
            reasons.append(reason)
        trouble = Attempt(outcome=Outcome.TRANSIENT, detail=reasons[0])
        raise ModemTroubleError(trouble)

    # ── The line itself ───────────────────────────────────────────────────────────

    def _talk(self, exchange: Exchange, deadline: Deadline) -> tuple[str, ...]:
        """Send a command and return the lines of its answer, the last one included."""
        echo = exchange.send.decode("ascii").strip()
        limit = Deadline(min(exchange.seconds, deadline.left()))
        self._line.write(exchange.send)
        lines: list[str] = []
        while True:
            line = self._next_line(limit, prompt=">" in exchange.until)
            if line == echo or not line or self._comes_by_itself(line):
                continue
            lines.append(line)
            if line.startswith(exchange.until):
                return tuple(lines)

    def _next_line(self, limit: Deadline, *, prompt: bool) -> str:
        while True:
            head, end, rest = self._buffer.partition(b"\n")
            if end:
                self._buffer = rest
                return head.decode("ascii", "replace").strip()
            if prompt and head.lstrip().startswith(b">"):
                self._buffer = b""
                return ">"
            limit.left()
            self._buffer += self._line.read(self._line.in_waiting or 1)

    def _comes_by_itself(self, line: str) -> bool:
        """Take what the modem says unasked, in the middle of anything."""
        if self._has_pdu_next:
            self._has_pdu_next = False
            self._arrived.append(Stored(pdu=line))
            return True
        if line.startswith(_BY_ITSELF):
            self._has_pdu_next = True
            return True
        if storage := at.announced_storage(line):
            self._receipts_in.add(storage)
        return line.startswith(_ANNOUNCEMENTS)

    @property
    def _line(self) -> serial.Serial:
        if self._port is None:
            raise serial.PortNotOpenError
        return self._port

    def _drop(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except _LINE_ERRORS as error:
            logger.info("closing the line of the modem: %s", error)

    def _lost(self, error: Exception, *, committed: bool) -> Attempt:
        outcome = Outcome.UNKNOWN if committed else Outcome.TRANSIENT
        detail = f"the line to the modem at {self._path} failed: {error}"
        return Attempt(outcome=outcome, detail=detail)


_modems: dict[str, Modem] = {}
_modems_lock = threading.Lock()


def modem_of(settings: Mapping[str, str]) -> Modem:
    """Return the modem of a channel's settings, the same one each time.

    Raises `SettingsError`.
    """
    path = settings["device"]
    with _modems_lock:
        if path not in _modems:
            _modems[path] = Modem(
                path,
                baud=at.baud_of(settings),
                pin=settings.get("pin", ""),
                region=settings.get("region", "MM"),
            )
        return _modems[path]


def _silence(*, committed: bool) -> Attempt:
    if committed:
        detail = "the modem did not say what became of the message"
        return Attempt(outcome=Outcome.UNKNOWN, detail=detail)
    detail = "the modem does not answer; check the device, its speed and its power"
    return Attempt(outcome=Outcome.TRANSIENT, detail=detail)
