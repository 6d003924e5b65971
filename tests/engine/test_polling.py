"""Asking Telegram and the modem for what came in."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from tests.doubles.modem import ModemDouble
from tests.doubles.telegram_server import TelegramDouble
from tests.integrations.gsm.network import deliver, read_submit, status_report
from tests.integrations.notices import PAGE
from watchbill.core.messages import Reply
from watchbill.core.notification import Outcome
from watchbill.integrations.contract import Asked, Event, Outgoing, Receipt, Result
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.engine.modem import ModemTroubleError, modem_of
from watchbill.server.engine.polling import (
    LEASE,
    Handle,
    Poller,
    PollFailedError,
)
from watchbill.server.hooks.models import PollCursor
from watchbill.server.providers import configure

pytestmark = pytest.mark.req("S7.1-01")

AT = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
MAY = "+959425000001"
LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Desk:
    """Handles events as a test wants it, and remembers them."""

    events: list[tuple[str, Event]] = field(default_factory=list)
    fails_with: Exception | None = None

    def __call__(
        self, provider: str, event: Event, *, now: datetime, wall: datetime
    ) -> Result | None:
        if self.fails_with is not None:
            raise self.fails_with
        self.events.append((provider, event))
        if isinstance(event, Receipt):
            return None
        return Result(asked=event, text="May took #12.", is_change=True)


def channels(**given: dict[str, str]) -> Channels:
    return Channels(egress=Egress(allow=LOOPBACK), configured=configure(given))


@pytest.fixture
def telegram(db: None) -> Iterator[TelegramDouble]:
    with TelegramDouble() as telegram:
        yield telegram


def poller(telegram: TelegramDouble, desk: Handle, **more: str) -> Poller:
    given = {"token": telegram.token, "api_url": telegram.api_url, **more}
    return Poller(channels=channels(telegram=given), handle=desk)


def poll(one: Poller, name: str = "telegram", *, at: datetime = AT) -> int:
    return one.poll_once(name, now=at, wall=at)


def test_a_pressed_button_is_handled_answered_and_shown(
    telegram: TelegramDouble,
) -> None:
    desk = Desk()
    telegram.press("acknowledge:tok1", sender=71)

    assert poll(poller(telegram, desk)) == 1

    ((provider, event),) = desk.events
    assert isinstance(event, Asked)
    assert (provider, event.address, event.reply, event.token) == (
        "telegram",
        "71",
        Reply.ACKNOWLEDGE,
        "tok1",
    )
    assert [method for method, _ in telegram.calls] == [
        "answerCallbackQuery",
        "editMessageReplyMarkup",
    ]


def test_each_update_is_handled_once_and_confirmed(telegram: TelegramDouble) -> None:
    desk = Desk()
    asks = poller(telegram, desk)
    for text in ("/oncall", "ack 12"):
        telegram.say(text, sender=71)

    counts = [poll(asks) for _ in range(4)]

    assert counts == [1, 1, 0, 0]
    assert telegram.offsets == [None, 901, 902, None]
    assert telegram.updates == []
    row = PollCursor.objects.get(provider="telegram")
    assert (row.cursor, row.polled_at) == ("", AT)


def test_what_was_not_handled_for_want_of_a_database_comes_again(
    telegram: TelegramDouble,
) -> None:
    desk = Desk(fails_with=OperationalError("the server is gone"))
    asks = poller(telegram, desk)
    telegram.say("ack", sender=71)

    with pytest.raises(OperationalError):
        poll(asks)
    desk.fails_with = None

    assert poll(asks) == 1
    assert len(desk.events) == 1


def test_what_was_done_and_the_cursor_are_one(telegram: TelegramDouble) -> None:
    @dataclass
    class Dies:
        """Handles an event, and its process is killed before the cursor has moved."""

        def __call__(
            self, provider: str, event: Event, *, now: datetime, wall: datetime
        ) -> Result | None:
            PollCursor.objects.create(provider="a trace", polled_at=wall)
            raise KeyboardInterrupt

    telegram.say("/page P1 fire", sender=71)
    with pytest.raises(KeyboardInterrupt):
        poll(poller(telegram, Dies()))

    assert not PollCursor.objects.filter(provider="a trace").exists()
    desk = Desk()
    assert poll(poller(telegram, desk)) == 1
    assert len(desk.events) == 1


def test_one_node_asks_at_a_time_and_a_dead_one_does_not_bar_the_others(
    telegram: TelegramDouble,
) -> None:
    desk = Desk()
    telegram.say("ack 12", sender=71)
    PollCursor.objects.create(provider="telegram", polled_at=AT + LEASE)

    assert poll(poller(telegram, desk)) == 0
    assert telegram.offsets == []
    assert poll(poller(telegram, desk), at=AT + LEASE) == 1


def test_whoever_lost_the_lease_does_nothing(telegram: TelegramDouble) -> None:
    desk = Desk()

    class Slow(Egress):
        def send(self, outgoing: Outgoing, *, timeout: float) -> Any:
            PollCursor.objects.update(polled_at=AT + LEASE * 2)
            return super().send(outgoing, timeout=timeout)

    one = poller(telegram, desk)
    slow = replace(one, channels=replace(one.channels, egress=Slow(allow=LOOPBACK)))
    telegram.say("ack 12", sender=71)

    assert poll(slow) == 0
    assert desk.events == []
    assert poll(one, at=AT + LEASE * 2) == 1


def test_an_update_that_nobody_can_handle_holds_nothing_up(
    telegram: TelegramDouble, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(fails_with=ValueError("odd"))
    asks = poller(telegram, desk)
    telegram.say("ack", sender=71)
    telegram.say("ack 12", sender=71)

    poll(asks)
    desk.fails_with = None
    poll(asks)

    assert "an event of telegram could not be handled" in caplog.text
    ((_, event),) = desk.events
    assert isinstance(event, Asked)
    assert event.text == "ack 12"


def test_a_webhook_that_is_in_the_way_is_said(telegram: TelegramDouble) -> None:
    telegram.has_webhook = True

    with pytest.raises(PollFailedError, match="deleteWebhook") as caught:
        poll(poller(telegram, Desk()))

    assert telegram.token not in str(caught.value)


def test_with_a_webhook_of_ours_nobody_is_asked(telegram: TelegramDouble) -> None:
    asks = poller(telegram, Desk(), webhook_secret="s3cret-s3cret-s3cret")

    assert asks.names == ()
    assert poll(asks) == 0
    assert telegram.offsets == []


# ── The modem ──────────────────────────────────────────────────────────────────


@pytest.fixture
def modem(tmp_path: Path, db: None) -> Iterator[ModemDouble]:
    with ModemDouble(tmp_path) as double:
        yield double
        modem_of({"device": str(double.path)}).close()


def listener(modem: ModemDouble, desk: Handle) -> Poller:
    return Poller(channels=channels(gsm={"device": str(modem.path)}), handle=desk)


def test_a_page_goes_out_by_the_channel(modem: ModemDouble) -> None:
    one = channels(gsm={"device": str(modem.path)})

    attempt = one.send("gsm", MAY, PAGE, now=AT)

    assert (attempt.outcome, attempt.provider_ref) == (
        Outcome.DELIVERED,
        f"{MAY}#{len(modem.sent)}",
    )


def test_a_number_that_no_modem_can_send_to_is_refused(modem: ModemDouble) -> None:
    one = channels(gsm={"device": str(modem.path)})

    attempt = one.send("gsm", "may", PAGE, now=AT)

    assert attempt.outcome is Outcome.PERMANENT
    assert "country code" in attempt.detail


def test_an_answer_by_text_message_is_handled_and_answered(
    modem: ModemDouble,
) -> None:
    desk = Desk()
    asks = listener(modem, desk)
    modem.arrive(deliver(MAY, "ACK 4711", at=AT)[0])

    assert asks.names == ("gsm",)
    assert poll(asks, "gsm") == 1

    assert desk.events == [
        (
            "gsm",
            Asked(address=MAY, reply=Reply.ACKNOWLEDGE, code="4711", text="ACK 4711"),
        )
    ]
    (answer,) = modem.sent
    assert read_submit(b"\x00" + answer).text == "May took #12."


def test_a_receipt_is_handed_on_and_not_answered(modem: ModemDouble) -> None:
    desk = Desk()
    modem.arrive(status_report(MAY, 3, status=0x46, at=AT))

    poll(listener(modem, desk), "gsm")

    ((_, event),) = desk.events
    assert isinstance(event, Receipt)
    assert event.provider_ref == f"{MAY}#3"
    assert modem.sent == []


def test_a_modem_that_is_gone_is_said(modem: ModemDouble) -> None:
    modem.unplug()

    with pytest.raises(ModemTroubleError, match="failed"):
        poll(listener(modem, Desk()), "gsm")

    modem.plug()
    assert poll(listener(modem, Desk()), "gsm") == 0
