import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.telegram_server import (
    BAD_GATEWAY,
    BLOCKED,
    HANG,
    TelegramDouble,
    faults,
    refused,
    throttled,
)
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Button, Link, Notice, Reply
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import Answer, SettingsError
from watchbill.integrations.telegram.outbound import read, render
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.providers import configure

pytestmark = pytest.mark.req("S7.1-01")

LOOPBACK = (ip_network("127.0.0.0/8"),)
AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SETTINGS = {"token": "700:AAdouble_token-x", "to": "71"}
ASKING = replace(
    PAGE,
    buttons=(
        Button(
            reply=Reply.ACKNOWLEDGE, label="Take it", token="n81.Xy_z-0123456789abcde"
        ),
        Button(
            reply=Reply.ESCALATE, label="Pass it on", token="n81.Xy_z-0123456789abcde"
        ),
    ),
)


def content(notice: Notice, **settings: str) -> dict[str, Any]:
    read_back: dict[str, Any] = json.loads(render(notice, SETTINGS | settings).body)
    return read_back


def attempt(telegram: TelegramDouble, notice: Notice = ASKING) -> Attempt:
    given = {"token": telegram.token, "api_url": telegram.api_url}
    channels = Channels(
        egress=Egress(allow=LOOPBACK), configured=configure({"telegram": given})
    )
    return channels.send("telegram", "71", notice, now=AT)


def test_a_notice_becomes_one_message_with_buttons_and_links() -> None:
    request = render(ASKING, SETTINGS)

    assert request.url == "https://api.telegram.org/bot700:AAdouble_token-x/sendMessage"
    assert content(ASKING) == {
        "chat_id": 71,
        "text": "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n\n"
        "You are asked to take this incident: acknowledge it and start work.\n\n"
        "Sent because of: page the primary at once.\n\n"
        "Severity: P1 Critical\nStatus: triggered",
        "entities": [{"type": "bold", "offset": 0, "length": 45}],
        "link_preview_options": {"is_disabled": True},
        "disable_notification": False,
        "reply_markup": {
            "inline_keyboard": [
                [
                    {
                        "text": "Take it",
                        "callback_data": "acknowledge:n81.Xy_z-0123456789abcde",
                    },
                    {
                        "text": "Pass it on",
                        "callback_data": "escalate:n81.Xy_z-0123456789abcde",
                    },
                ],
                [{"text": "Acknowledge", "url": "https://watch.example/a/k3"}],
                [
                    {
                        "text": "Open the incident",
                        "url": "https://watch.example/incidents/12",
                    }
                ],
            ]
        },
    }


def test_a_message_of_low_urgency_makes_no_sound() -> None:
    assert content(replace(PAGE, urgency=Urgency.LOW))["disable_notification"] is True


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/a",
        "http://127.0.0.1:8000/a",
        "http://10.1.2.3/a",
        "http://watch/a",
        "http://watch.internal/a",
        "http://[::1]/a",
    ],
)
def test_a_link_that_telegram_refuses_as_a_button_stands_in_the_text(url: str) -> None:
    links = (Link(label="Acknowledge", url=url, is_primary=True),)

    written = content(replace(PAGE, links=links))

    assert written["text"].endswith(f"\n\nAcknowledge: {url}")
    assert "reply_markup" not in written


def test_a_link_that_is_none_is_left_out() -> None:
    links = (Link(label="Run", url="javascript:alert(1)"),)

    written = content(replace(PAGE, links=links))

    assert "javascript" not in json.dumps(written)


def test_user_text_is_no_markup_calls_nobody_and_offers_no_command() -> None:
    hostile = "<b>x</b> *y* @everyone and /resolve now, mail a@b.example, see /var/log"

    written = content(replace(PAGE, paragraphs=(hostile,)))

    assert "parse_mode" not in written
    assert (
        "<b>x</b> *y* @\u2060everyone and /\u2060resolve now, mail a@b.example,"
        " see /var/log" in written["text"]
    )


def test_a_long_text_is_cut_before_the_links_that_end_it() -> None:
    links = (Link(label="Acknowledge", url="http://localhost/a", is_primary=True),)
    notice = replace(PAGE, paragraphs=("🔥" * 5_000,), links=links)

    text = content(notice)["text"]

    assert len(text.encode("utf-16-le")) // 2 in {4_095, 4_096}
    assert text.endswith("🔥…\n\nAcknowledge: http://localhost/a")


_texts = st.text(max_size=5_000)


@given(
    subject=_texts,
    paragraph=_texts,
    label=_texts,
    url=st.one_of(_texts, st.just("https://a.example/x"), st.just("http://localhost")),
)
def test_every_notice_keeps_the_limits_of_the_bot_api(
    subject: str, paragraph: str, label: str, url: str
) -> None:
    notice = replace(
        ASKING,
        subject=subject,
        paragraphs=(paragraph,) * 3,
        facts=((label, paragraph),),
        links=(Link(label=label, url=url),) * 3,
        buttons=(replace(ASKING.buttons[0], label=label or "x"),),
    )

    assert list(faults("sendMessage", content(notice), (71,))) == []


@pytest.mark.parametrize("to", ["", "may", "71 ", "@x", "71;72", "+959123456789"])
def test_an_address_that_is_no_chat_is_refused_with_what_to_do(to: str) -> None:
    with pytest.raises(SettingsError, match="/start"):
        render(PAGE, SETTINGS | {"to": to})


@pytest.mark.parametrize("token", ["", "700", "700:a/../b", "700:a b", "700:a\n"])
def test_a_broken_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError, match="BotFather") as caught:
        render(PAGE, SETTINGS | {"token": token})

    assert token in {"", "700"} or token not in str(caught.value)


@pytest.mark.parametrize("to", ["-1001234567890", "@watchbill_posts"])
def test_groups_and_channels_take_posts(to: str) -> None:
    assert str(content(PAGE, to=to)["chat_id"]) == to


def test_the_text_of_a_request_shows_no_token() -> None:
    assert "AAdouble" not in repr(render(PAGE, SETTINGS))


def test_a_page_is_delivered_and_named() -> None:
    with TelegramDouble() as telegram:
        result = attempt(telegram)

    assert result == Attempt(
        outcome=Outcome.DELIVERED, detail="Telegram took it", provider_ref="41"
    )
    assert telegram.messages[0]["chat_id"] == 71


def test_burmese_arrives_as_it_is() -> None:
    with TelegramDouble() as telegram:
        attempt(telegram, replace(PAGE, subject=BURMESE))

    assert telegram.messages[0]["text"].startswith(BURMESE)


@pytest.mark.req("S7.1-08")
def test_what_telegram_refuses_says_whether_to_try_again() -> None:
    supergroup = "Bad Request: group chat was upgraded to a supergroup chat"
    with TelegramDouble(
        throttled(30),
        BLOCKED,
        refused(400, "Bad Request: chat not found"),
        refused(400, supergroup, migrate_to_chat_id=-100987),
        BAD_GATEWAY,
    ) as telegram:
        results = [attempt(telegram) for _ in range(5)]

    assert [(one.outcome, one.detail) for one in results] == [
        (Outcome.THROTTLED, "Telegram limits the rate of messages to this chat"),
        (
            Outcome.PERMANENT,
            "Telegram refused: Forbidden: bot was blocked by the user"
            " (the person must unblock the bot in Telegram)",
        ),
        (
            Outcome.PERMANENT,
            "Telegram refused: Bad Request: chat not found"
            " (check the chat id; the person must have sent /start)",
        ),
        (
            Outcome.PERMANENT,
            "The group became a supergroup: enter its new chat id -100987",
        ),
        (Outcome.TRANSIENT, "Telegram refused: HTTP 502"),
    ]
    assert results[0].retry_after == timedelta(seconds=30)


def test_a_wrong_token_is_said_and_not_shown() -> None:
    with TelegramDouble(token="700:other") as telegram:
        given = {"token": "700:AAdouble_token-x", "api_url": telegram.api_url}
        channels = Channels(
            egress=Egress(allow=LOOPBACK), configured=configure({"telegram": given})
        )
        result = channels.send("telegram", "71", PAGE, now=AT)

    assert result.outcome is Outcome.PERMANENT
    assert result.detail == (
        "Telegram refused: Unauthorized (the bot token is wrong or was revoked)"
    )


@pytest.mark.req("S7.1-08")
def test_an_answer_that_cannot_be_read_leaves_open_what_became_of_it() -> None:
    assert read(Answer(status=200, body=b"<html>")).outcome is Outcome.UNKNOWN
    assert read(Answer(status=200)).outcome is Outcome.UNKNOWN


def test_a_long_answer_that_is_cut_off_is_a_delivery_all_the_same() -> None:
    body = b'{"ok":true,"result":{"message_id":4,"te'

    assert read(Answer(status=200, body=body, truncated=True)).outcome is (
        Outcome.DELIVERED
    )


@given(status=st.integers(100, 599), body=st.binary(max_size=300))
def test_reading_an_answer_never_fails(status: int, body: bytes) -> None:
    assert read(Answer(status=status, body=body)).detail


def test_the_double_itself_refuses_what_telegram_refuses() -> None:
    keyboard = {
        "inline_keyboard": [
            [{"text": "a", "url": "http://localhost/x"}],
            [{"text": "a", "callback_data": "x" * 65}],
        ]
    }
    message = {"chat_id": 71, "text": "x", "reply_markup": keyboard}

    said = [json.loads(one.body) for one in faults("sendMessage", message, (71,))]

    assert [one["description"] for one in said] == [
        "Bad Request: inline keyboard button URL 'http://localhost/x' is invalid:"
        " Wrong HTTP URL",
        "Bad Request: BUTTON_DATA_INVALID",
    ]


def test_silence_after_the_request_is_unknown() -> None:
    with TelegramDouble(HANG) as telegram:
        request = render(
            PAGE, SETTINGS | {"api_url": telegram.api_url, "token": telegram.token}
        )
        answer = Egress(allow=LOOPBACK).send(request, timeout=0.5)

    assert not isinstance(answer, Answer)
    assert answer.attempt().outcome is Outcome.UNKNOWN
    assert "AAdouble" not in answer.attempt().detail
