"""Channels: what is set up to reach people, and one attempt to do so.

Who is reached and when is the plan's affair; whether mail and chat are set up is
the operator's. A channel that is not set up reaches nobody, and the engine knows
that before it counts on it. Adding a provider is adding its folder in
``integrations``: what it needs, whom it reaches and how fast it may go stand there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind
from watchbill.integrations.contract import (
    Checked,
    FailureKind,
    LibraryOutbound,
    MailOutbound,
    Outbound,
    SerialOutbound,
    SettingsError,
    TransportFailure,
)
from watchbill.server.engine import library, mail
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.mail import SmtpSettings
from watchbill.server.engine.modem import modem_of
from watchbill.server.providers import Configured, Reach, from_environment, reach_of

SEND_TIMEOUT = 10.0
"""Seconds; shorter than a lease."""

_UNREACHED = {
    FailureKind.REFUSED: "its address is not one that may be called",
    FailureKind.NOT_SENT: "its server was not reached",
    FailureKind.MAYBE_SENT: "its server did not answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels that are set up, in the order of preference."""

    egress: Egress
    #: For addresses that people hand in: without the networks of the operator.
    public_egress: Egress = field(default_factory=Egress)
    #: Of the identifiers of mail.
    domain: str = "localhost"
    configured: Mapping[str, Configured] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The channels that are set up, by provider."""
        return tuple(self.configured)

    @property
    def reach(self) -> Reach:
        """Who can be told anything."""
        return reach_of(self.configured)

    def receipt_within(self, channel: str) -> timedelta | None:
        """How soon a channel's receipts come; None when it sends none."""
        one = self.configured.get(channel)
        return one.channel.receipt_within if one is not None else None

    def per_second(self, channel: str) -> float | None:
        """How many messages a second a channel takes for one destination."""
        one = self.configured.get(channel)
        return one.channel.per_second if one is not None else None

    def workers(self, channel: str) -> int:
        """How many messages of a channel may be under way at once."""
        return self.configured[channel].channel.workers

    def address_kind(self, channel: str) -> AddressKind | None:
        """Which of a person's addresses a channel takes."""
        one = self.configured.get(channel)
        return one.channel.reaches if one is not None else None

    def send(
        self, channel: str, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        """Make one attempt; every failure of the network is an outcome."""
        one = self.configured.get(channel)
        if one is None:
            detail = f"there is no channel {channel!r}, or it is not set up"
            return Attempt(outcome=Outcome.PERMANENT, detail=detail)
        try:
            match one.provider.outbound:
                case Outbound() as outbound:
                    return self._send_http(outbound, one, address, notice, now=now)
                case MailOutbound() as outbound:
                    return self._send_mail(outbound, one, address, notice, now=now)
                case SerialOutbound() as outbound:
                    return _send_serial(outbound, one, address, notice)
                case LibraryOutbound() as outbound:
                    return library.send(
                        outbound,
                        notice,
                        urls=one.settings["urls"],
                        channel=address,
                        timeout=SEND_TIMEOUT,
                    )
        except SettingsError as error:
            return Attempt(outcome=Outcome.PERMANENT, detail=str(error))
        detail = f"the channel {channel!r} cannot be sent to"
        return Attempt(outcome=Outcome.PERMANENT, detail=detail)

    def _send_http(
        self,
        outbound: Outbound,
        one: Configured,
        address: str,
        notice: Notice,
        *,
        now: datetime,
    ) -> Attempt:
        # Providers have no clock, and some signatures hold the time (in seconds).
        sending = {"to": address, "sent_at": str(int(now.timestamp()))}
        outgoing = outbound.render(notice, {**one.settings, **sending})
        is_handed_in = one.channel.is_addressed_by_url
        egress = self.public_egress if is_handed_in else self.egress
        answer = egress.send(outgoing, timeout=SEND_TIMEOUT)
        if not isinstance(answer, TransportFailure):
            return outbound.read(answer)
        if is_handed_in:  # what is found out about a network is nobody's to read
            detail = _UNREACHED[answer.kind]
            return TransportFailure(kind=answer.kind, detail=detail).attempt()
        return answer.attempt()

    def _send_mail(
        self,
        outbound: MailOutbound,
        one: Configured,
        address: str,
        notice: Notice,
        *,
        now: datetime,
    ) -> Attempt:
        message = outbound.render(
            notice,
            to=address,
            sender=one.settings["mail_from"],
            domain=self.domain,
            now=now,
        )
        server = SmtpSettings.parse(one.settings["smtp_url"])
        return mail.send(message, server, to=address, timeout=SEND_TIMEOUT)


def _send_serial(
    outbound: SerialOutbound, one: Configured, address: str, notice: Notice
) -> Attempt:
    exchanges = outbound.dialog(notice, to=address)
    return modem_of(one.settings).send(
        exchanges, lambda lines: outbound.read_lines(lines, to=address)
    )


def check(configured: Mapping[str, Configured]) -> None:
    """Look at the settings of channels as far as that is possible without sending.

    Raises SettingsError.
    """
    for name, one in configured.items():
        outbound: object = one.provider.outbound
        if isinstance(outbound, MailOutbound):
            SmtpSettings.parse(one.settings["smtp_url"])
        if isinstance(outbound, LibraryOutbound):
            library.check(one.settings["urls"])
        if isinstance(outbound, Checked):
            try:
                outbound.check(one.settings)
            except SettingsError as error:
                message = f"The channel {name} cannot be used: {error}"
                raise SettingsError(message) from None


def from_settings() -> Channels:
    """Return the channels that the operator has set up.

    Raises SettingsError, which names the channel, for one that is half set up or
    has settings that could never send: a mistake stops the start.
    """
    configured = from_environment()
    check(configured)
    return Channels(
        egress=Egress(allow=settings.EGRESS_ALLOW),
        domain=urlsplit(settings.BASE_URL).hostname or "localhost",
        configured=configured,
    )
