import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles import telegram_server
from tests.doubles.telegram_server import faults
from watchbill.core.messages import Reply
from watchbill.integrations.contract import (
    Answer,
    Asked,
    Call,
    Outgoing,
    PayloadError,
    Result,
    SettingsError,
    SignatureError,
)
from watchbill.integrations.telegram import polling, twoway

pytestmark = pytest.mark.req("S7.1-01")

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SETTINGS = {"token": "700:AAdouble_token-x", "webhook_secret": "s3cret-s3cret-s3cret"}
KEYBOARD = {
    "inline_keyboard": [
        [
            {"text": "Take it", "callback_data": "acknowledge:tok1"},
            {"text": "Resolve", "callback_data": "resolve:tok1"},
        ],
        [{"text": "Open", "url": "https://watch.example/12"}],
    ]
}


def call(update: dict[str, Any], secret: str = "s3cret-s3cret-s3cret") -> Call:
    return Call(
        method="POST",
        door="",
        url="https://watch.example/hooks/telegram",
        headers={"x-telegram-bot-api-secret-token": secret},
        body=json.dumps(update).encode(),
    )


def pressed(data: str = "acknowledge:tok1") -> dict[str, Any]:
    query = telegram_server.pressed(data, sender=71, keyboard=KEYBOARD)
    return {"update_id": 900, "callback_query": query}


def typed(text: str, *, sender: int = 71, chat: int | None = None) -> dict[str, Any]:
    message = telegram_server.typed(text, sender=sender, chat=chat)
    return {"update_id": 900, "message": message}


def asked(update: dict[str, Any]) -> Asked:
    (event,) = twoway.read(call(update))
    assert isinstance(event, Asked)
    return event


def body_of(request: Outgoing | None) -> dict[str, Any]:
    assert request is not None
    content: dict[str, Any] = json.loads(request.body)
    return content


def test_only_the_secret_of_the_webhook_opens_the_door() -> None:
    twoway.verify(call({}), SETTINGS, now=AT)
    for secret, settings in (
        ("", SETTINGS),
        ("s3cret", SETTINGS),
        ("é", SETTINGS),
        ("", {"token": SETTINGS["token"]}),
        ("x" * 15, {"webhook_secret": "x" * 15}),
    ):
        with pytest.raises(SignatureError):
            twoway.verify(call({}, secret), settings, now=AT)


def test_a_pressed_button_names_the_person_the_answer_and_the_notice() -> None:
    event = asked(pressed())

    assert (event.address, event.reply, event.token) == (
        "71",
        Reply.ACKNOWLEDGE,
        "tok1",
    )


@pytest.mark.parametrize("data", ["", "said:-", "drop:tok1", "acknowledge:", "x" * 64])
def test_a_button_that_is_not_ours_asks_for_nothing_and_stops_spinning(
    data: str,
) -> None:
    update = pressed(data)

    assert twoway.read(call(update)) == ()
    assert json.loads(twoway.answer(call(update), ()).body) == {
        "method": "answerCallbackQuery",
        "callback_query_id": "cb-1",
    }


@pytest.mark.parametrize(
    ("text", "sender", "chat", "said"),
    [
        ("/start", 71, None, "/start"),
        ("/ACK@watchbill_bot 4711", 71, -100500, "/ack 4711"),
        ("/oncall", 71, None, "/oncall"),
        ("ack 12", 71, None, "ack 12"),
    ],
)
def test_commands_are_handed_on_as_typed(
    text: str, sender: int, chat: int | None, said: str
) -> None:
    event = asked(typed(text, sender=sender, chat=chat))

    assert (event.address, event.text, event.reply) == ("71", said, None)


def test_what_people_say_to_each_other_in_a_group_is_not_for_us() -> None:
    assert twoway.read(call(typed("ack it please", chat=-100500))) == ()


def test_bots_ask_for_nothing() -> None:
    update = pressed()
    update["callback_query"]["from"]["is_bot"] = True

    assert twoway.read(call(update)) == ()


def test_the_response_answers_who_pressed() -> None:
    update = pressed()
    done = Result(asked=asked(update), text="May took #12 at 09:30.", is_change=True)
    refused = replace(done, text="Somebody else did.", is_change=False)

    for result, is_alert in ((done, False), (refused, True)):
        reply = twoway.answer(call(update), (result,))
        assert reply.content_type == "application/json"
        assert json.loads(reply.body) == {
            "method": "answerCallbackQuery",
            "callback_query_id": "cb-1",
            "text": result.text,
            "show_alert": is_alert,
        }


def test_who_took_it_is_shown_on_the_message_and_the_other_answers_stay() -> None:
    result = Result(asked=asked(pressed()), text="May took #12.", is_change=True)

    request = twoway.follow_up(result, SETTINGS)

    assert request is not None
    assert request.url.endswith("/editMessageReplyMarkup")
    written = body_of(request)
    assert list(faults("editMessageReplyMarkup", written, (71,))) == []
    assert written == {
        "chat_id": 71,
        "message_id": 9,
        "reply_markup": {
            "inline_keyboard": [
                [{"text": "May took #12.", "callback_data": "said:-"}],
                [{"text": "Resolve", "callback_data": "resolve:tok1"}],
                [{"text": "Open", "url": "https://watch.example/12"}],
            ]
        },
    }


def test_after_a_resolution_only_the_links_stay() -> None:
    event = asked(pressed("resolve:tok1"))
    result = Result(asked=event, text="May resolved #12.", is_change=True)

    rows = body_of(twoway.follow_up(result, SETTINGS))["reply_markup"]

    assert rows["inline_keyboard"][1:] == KEYBOARD["inline_keyboard"][1:]


def test_nothing_is_shown_when_nothing_changed() -> None:
    result = Result(asked=asked(pressed()), text="It was taken already.")

    assert twoway.follow_up(result, SETTINGS) is None


def test_start_in_a_group_tells_the_chat_id_for_posts() -> None:
    update = typed("/start@bot", chat=-100500)
    result = Result(asked=asked(update), text="watchbill does not know 71.")

    written = json.loads(twoway.answer(call(update), (result,)).body)

    assert written["method"] == "sendMessage"
    assert written["chat_id"] == -100500
    assert written["text"].endswith(
        "The chat id of this group is -100500: posts go there."
    )
    assert list(faults("sendMessage", written, (-100500,))) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"update_id":"x"}', b"\xff"])
def test_what_is_no_update_is_refused_as_such(body: bytes) -> None:
    with pytest.raises(PayloadError, match="not an update"):
        twoway.read(replace(call({}), body=body))


@given(st.binary(max_size=200))
def test_reading_fails_in_one_way_only(body: bytes) -> None:
    with suppress(PayloadError):
        twoway.read(replace(call({}), body=body))


# ── Polling ────────────────────────────────────────────────────────────────────


def updates(*found: dict[str, Any]) -> Answer:
    body = json.dumps({"ok": True, "result": found}).encode()
    return Answer(status=200, body=body)


def test_polling_asks_for_one_update_behind_the_cursor() -> None:
    request = polling.poll({"token": SETTINGS["token"]}, cursor="901")

    assert request is not None
    assert request.url.endswith("/getUpdates")
    assert body_of(request) == {
        "limit": 1,
        "timeout": 5,
        "allowed_updates": ["message", "callback_query"],
        "offset": 901,
    }


@pytest.mark.parametrize(
    ("settings", "telegram_is"),
    [
        ({}, "asked"),
        ({"webhook_secret": "x" * 16}, "left alone"),
        ({"webhook_secret": "x", "poll": "yes"}, "asked"),
        ({"poll": "no"}, "left alone"),
    ],
)
def test_polling_is_for_those_whom_telegram_cannot_reach(
    settings: dict[str, str], telegram_is: str
) -> None:
    request = polling.poll({"token": SETTINGS["token"]} | settings, cursor="")

    assert (request is not None) is (telegram_is == "asked")


def test_a_webhook_whose_secret_can_be_guessed_is_said() -> None:
    short = {"token": SETTINGS["token"], "webhook_secret": "x" * 15}

    with pytest.raises(SettingsError, match="16 characters"):
        polling.poll(short, cursor="")


def test_the_cursor_moves_behind_each_update_and_starts_afresh_when_all_is_read() -> (
    None
):
    events, cursor = polling.read_poll(updates(pressed()), cursor="")
    again, same = polling.read_poll(updates(pressed()), cursor=cursor)
    none, fresh = polling.read_poll(updates(), cursor=cursor)

    assert (len(events), cursor) == (1, "901")
    assert (again, same) == ((), "901")
    assert (none, fresh) == ((), "")


def test_an_update_of_an_unknown_form_or_length_holds_nothing_up() -> None:
    odd = {"update_id": 905, "message": {"text": 7}}
    long = Answer(
        status=200,
        body=b'{"ok":true,"result":[{"update_id":906,"message":{"te',
        truncated=True,
    )

    assert polling.read_poll(updates(odd), cursor="905") == ((), "906")
    assert polling.read_poll(long, cursor="906") == ((), "907")


def test_a_webhook_that_is_in_the_way_is_named() -> None:
    body = json.dumps(
        {"ok": False, "error_code": 409, "description": "Conflict: webhook is active"}
    ).encode()

    with pytest.raises(PayloadError, match="deleteWebhook"):
        polling.read_poll(Answer(status=409, body=body), cursor="")


def test_without_a_response_the_answer_is_a_request() -> None:
    result = Result(asked=asked(pressed()), text="May took #12.", is_change=True)

    request = polling.respond(result, SETTINGS)

    assert request.url.endswith("/answerCallbackQuery")
    assert body_of(request)["callback_query_id"] == "cb-1"
