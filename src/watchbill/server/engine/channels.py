"""Channels: what is set up to reach people, and one attempt to do so.

Who is reached and when is the plan's affair; whether mail and chat are set up is
the operator's. A channel that is not set up reaches nobody, and the engine knows
that before it counts on it. Adding a provider is adding its folder in
``integrations`` and, here, how its settings are found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import (
    MailOutbound,
    Outbound,
    SettingsError,
    TransportFailure,
)
from watchbill.integrations.registry import Provider, providers
from watchbill.server.engine import mail
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.mail import SmtpSettings

SEND_TIMEOUT = 10.0
"""Seconds; shorter than a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which kinds of channel lead to people, and which take posts."""

    people: frozenset[str]
    posts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels that are set up."""

    egress: Egress
    smtp: SmtpSettings | None = None
    sender: str = ""
    domain: str = ""
    #: Settings by channel that is reached over HTTP, such as ``slack``.
    http: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The channels that are set up, by provider."""
        return (("email",) if self.smtp else ()) + tuple(sorted(self.http))

    @property
    def reach(self) -> Reach:
        """Who can be told anything.

        An incoming webhook posts to one channel and reaches no single person.
        """
        to_people = {name for name, one in self.http.items() if one.get("token")}
        mail_too = {"email"} if self.smtp else set()
        return Reach(
            people=frozenset(to_people | mail_too),
            posts=frozenset(self.http),
        )

    def send(
        self, channel: str, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        """Make one attempt; every failure of the network is an outcome."""
        provider = _providers().get(channel)
        try:
            match provider:
                case Provider(outbound=Outbound() as outbound):
                    return self._send_http(outbound, channel, address, notice)
                case Provider(outbound=MailOutbound() as outbound):
                    return self._send_mail(outbound, address, notice, now=now)
        except SettingsError as error:
            return Attempt(outcome=Outcome.PERMANENT, detail=str(error))
        detail = f"there is no channel {channel!r}"
        return Attempt(outcome=Outcome.PERMANENT, detail=detail)

    def _send_http(
        self, outbound: Outbound, channel: str, address: str, notice: Notice
    ) -> Attempt:
        found = self.http.get(channel)
        if found is None:
            return _not_set_up(channel)
        outgoing = outbound.render(notice, {**found, "channel": address})
        answer = self.egress.send(outgoing, timeout=SEND_TIMEOUT)
        if isinstance(answer, TransportFailure):
            return answer.attempt()
        return outbound.read(answer)

    def _send_mail(
        self, outbound: MailOutbound, address: str, notice: Notice, *, now: datetime
    ) -> Attempt:
        if self.smtp is None:
            return _not_set_up("email")
        message = outbound.render(
            notice, to=address, sender=self.sender, domain=self.domain, now=now
        )
        return mail.send(message, self.smtp, to=address, timeout=SEND_TIMEOUT)


def from_settings() -> Channels:
    """Return the channels that the operator has set up."""
    egress = Egress(allow=settings.EGRESS_ALLOW)
    smtp = SmtpSettings.parse(settings.SMTP_URL) if settings.SMTP_URL else None
    return Channels(
        egress=egress,
        smtp=smtp,
        sender=settings.MAIL_FROM,
        domain=urlsplit(settings.BASE_URL).hostname or "localhost",
        http=_slack(),
    )


def _slack() -> dict[str, dict[str, str]]:
    if settings.SLACK_TOKEN:
        return {
            "slack": {
                "token": settings.SLACK_TOKEN,
                "api_url": settings.SLACK_API_URL,
            }
        }
    if settings.SLACK_WEBHOOK_URL:
        return {"slack": {"webhook_url": settings.SLACK_WEBHOOK_URL}}
    return {}


def _not_set_up(channel: str) -> Attempt:
    return Attempt(outcome=Outcome.PERMANENT, detail=f"{channel} is not set up")


@lru_cache(maxsize=1)
def _providers() -> Mapping[str, Provider]:
    return providers()
