"""Mail and chat providers that remember everything and fail as often as they are told.

They stand outside the system under test: what they have recorded is what reached
people, whatever the database says. One event loop serves SMTP and Slack's
``chat.postMessage``; the latter also stands for the watchdog outside that expects a
heartbeat. Before each message a function is asked which `Fault` to show;
the default shows none. A message is recorded when the provider has all of it, and
from then on it counts as received, even if the sender never learns that.

    with RecordingProvider() as provider:
        ... send to provider.smtp_url and provider.slack_url ...
        provider.received
"""

import asyncio
import email
import email.policy
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from enum import StrEnum

from tests.doubles.streams import StreamServer

TOKEN = "xoxb-recording"
_HEARTBEAT = "/heartbeat"
_ROOM = b'{"ok":true,"channel":{"id":"C0123456789","name":"room"},"ts":"1.000002"}'


class Fault(StrEnum):
    """What a provider does to one message."""

    NONE = "accepted"
    #: 451 from mail, 503 from chat.
    BUSY = "5xx"
    #: 421 from mail, 429 with Retry-After from chat.
    THROTTLED = "429"
    #: Takes the message and never says so.
    SILENT = "timeout after accept"
    #: Takes the message and hangs up instead of saying so.
    CUT_AFTER_ACCEPT = "cut after accept"
    #: Hangs up in the middle of the message.
    CUT_EARLY = "cut after some bytes"
    #: Takes its time, then takes the message.
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message that a provider has in full."""

    channel: str
    #: The Message-ID of a mail, the idempotency key of a chat message.
    key: str
    #: Whether the sender was told.
    told: bool
    #: By the monotonic clock, in seconds.
    at: float
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        """The message, if it is one."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)


def no_fault(_channel: str) -> Fault:
    """Take everything at once."""
    return Fault.NONE


class RecordingProvider(StreamServer):
    """Both providers, in a thread of their own."""

    def __init__(
        self,
        faults: Callable[[str], Fault] = no_fault,
        *,
        slow_seconds: float = 0.5,
        retry_after: int = 1,
    ) -> None:
        super().__init__("providers", self._smtp, self._slack)
        self.received: list[Received] = []
        #: By the monotonic clock, when each heartbeat came.
        self.heartbeats: list[float] = []
        self.shown: Counter[str] = Counter()
        self.faults = faults
        self._slow = slow_seconds
        self._retry_after = retry_after
        self._changed = threading.Condition()

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.ports[0]}"

    @property
    def slack_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}/api"

    @property
    def environment(self) -> dict[str, str]:
        """What leads watchbill's channels here."""
        return {
            "WATCHBILL_SMTP_URL": self.smtp_url,
            "WATCHBILL_MAIL_FROM": "watchbill@trm.rocks",
            "WATCHBILL_SLACK_TOKEN": TOKEN,
            "WATCHBILL_SLACK_API_URL": self.slack_url,
            "WATCHBILL_EGRESS_ALLOW": "127.0.0.0/8",
            "WATCHBILL_HEARTBEAT_URL": f"http://127.0.0.1:{self.ports[1]}{_HEARTBEAT}",
            "WATCHBILL_HEARTBEAT_EVERY": "1",
        }

    def counts(self) -> Counter[str]:
        """Return how often each message was received, by its key."""
        return Counter(one.key for one in list(self.received))

    def wait_until(
        self, is_there: Callable[[list[Received]], bool], *, timeout: float = 30
    ) -> list[Received]:
        """Return what was received as soon as it is enough, or fail."""
        with self._changed:
            done = self._changed.wait_for(
                lambda: is_there(self.received), timeout=timeout
            )
            assert done, f"waited {timeout} s; received {self.counts()}"
            return list(self.received)

    def _next_fault(self, channel: str) -> Fault:
        fault = self.faults(channel)
        self.shown[f"{channel}: {fault}"] += 1
        return fault

    def _record(self, channel: str, key: str, raw: bytes, *, told: bool) -> None:
        one = Received(
            channel=channel, key=key, told=told, at=time.monotonic(), raw=raw
        )
        with self._changed:
            self.received.append(one)
            self._changed.notify_all()

    async def _keep_silent(self, reader: asyncio.StreamReader) -> None:
        """Wait until the client has lost patience."""
        while await reader.read(4096):
            pass

    # ── Mail (RFC 5321) ───────────────────────────────────────────────────────

    async def _smtp(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        fault = self._next_fault("email")
        if fault is Fault.THROTTLED:
            await say("421 4.7.0 too much mail, come back later")
            return
        if fault is Fault.SLOW:
            await asyncio.sleep(self._slow)
        await say("220 recording ESMTP")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"RCPT" and fault is Fault.BUSY:
                await say("451 4.7.1 greylisted")
            elif verb == b"DATA":
                await say("354 go on")
                if not await self._mail(fault, reader):
                    return
                await say("250 2.0.0 taken")
            elif verb == b"QUIT":
                await say("221 2.0.0 bye")
                return
            else:
                await say("250 2.0.0 ok")

    async def _mail(self, fault: Fault, reader: asyncio.StreamReader) -> bool:
        """Read one message; return whether to say that it was taken."""
        if fault is Fault.CUT_EARLY:
            await reader.read(100)
            return False
        raw = await reader.readuntil(b"\r\n.\r\n")
        key = str(
            email.message_from_bytes(raw, policy=email.policy.default)["Message-ID"]
        )
        told = fault not in {Fault.SILENT, Fault.CUT_AFTER_ACCEPT}
        self._record("email", key, raw, told=told)
        if fault is Fault.SILENT:
            await self._keep_silent(reader)
        return told

    # ── Chat (chat.postMessage) ───────────────────────────────────────────────

    async def _slack(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(f"GET {_HEARTBEAT} ".encode()):
            self.heartbeats.append(time.monotonic())
            await _answer(writer, "200 OK", b"{}")
            return
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        if b"/chat.postMessage " not in head.partition(b"\r\n")[0]:
            await reader.readexactly(length)
            await _answer(writer, "200 OK", _ROOM)  # rooms are no messages
            return
        fault = self._next_fault("slack")
        if fault is Fault.CUT_EARLY:
            return
        body = await reader.readexactly(length)
        if fault is Fault.SLOW:
            await asyncio.sleep(self._slow)
        if fault is Fault.BUSY:
            await _answer(writer, "503 Unavailable", b"upstream connect error")
            return
        if fault is Fault.THROTTLED:
            await _answer(
                writer,
                "429 Too Many Requests",
                b'{"ok":false,"error":"ratelimited"}',
                f"Retry-After: {self._retry_after}\r\n",
            )
            return
        message = json.loads(body)
        payload = message.get("metadata", {}).get("event_payload", {})
        told = fault not in {Fault.SILENT, Fault.CUT_AFTER_ACCEPT}
        key = str(payload.get("idempotency_key", ""))
        self._record("slack", key, body, told=told)
        if fault is Fault.SILENT:
            await self._keep_silent(reader)
        elif told:
            said = {"ok": True, "channel": message["channel"], "ts": "1.000001"}
            await _answer(writer, "200 OK", json.dumps(said).encode())


async def _answer(
    writer: asyncio.StreamWriter, status: str, body: bytes, headers: str = ""
) -> None:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
    await writer.drain()
