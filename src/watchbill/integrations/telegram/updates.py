"""What an update of the Bot API asks for, and how its answer is said.

Updates come by webhook or by polling; they read the same. A pressed button names its
notice by the token in the callback data. What is typed is handed on as it is, so that
commands mean the same in every chat; in a private chat any text counts, in a group
only commands do: people talk there.

The person is ``from``, never the chat: a group is nobody. Bots, anonymous
administrators among them, are nobody either.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from watchbill.core.messages import Reply
from watchbill.integrations.contract import Asked, PayloadError, Result
from watchbill.integrations.telegram.outbound import chat_id, fit, harmless
from watchbill.integrations.text import one_line

SAID = "said"
"""Callback data of the button that only shows who took it."""

_SHORT_ANSWER, _LABEL, _TEXT, _TYPED = 200, 60, 4_000, 200

_DATA = re.compile(r"([a-z]{1,16}):([A-Za-z0-9._-]{1,40})")
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(@\w+)?(?=\s|$)")
_REPLIES = {reply.value: reply for reply in Reply}


class _User(msgspec.Struct):
    id: int
    is_bot: bool = False


class _Chat(msgspec.Struct):
    id: int
    type: str = ""


class _Message(msgspec.Struct, rename={"sender": "from"}):
    message_id: int
    chat: _Chat
    sender: _User | None = None
    text: str = ""
    reply_markup: msgspec.Raw = msgspec.Raw(b"")


class _Pressed(msgspec.Struct, rename={"sender": "from"}):
    id: str
    sender: _User
    message: _Message | None = None
    data: str = ""


class Update(msgspec.Struct):
    """One update, of the kinds that `ALLOWED` names."""

    update_id: int
    message: _Message | None = None
    callback_query: _Pressed | None = None


ALLOWED = ("message", "callback_query")

_decoder = msgspec.json.Decoder(Update)
_keyboard = msgspec.json.Decoder(dict[str, list[list[dict[str, Any]]]])


def decode(body: bytes) -> Update:
    """Return the update, or raise `PayloadError`."""
    try:
        return _decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError(
            where="$",
            problem=f"is not an update of the Bot API: {error}",
            hint="Only Telegram should post here.",
        ) from None


def asked(update: Update) -> Asked | None:
    """Return what an update asks for; None if it asks for nothing."""
    if update.callback_query is not None:
        return _pressed(update.callback_query)
    if update.message is not None:
        return _typed(update.message)
    return None


def response(asked: Asked, text: str, *, is_change: bool) -> dict[str, Any]:
    """Return the method of the Bot API, and its parameters, that answer the person."""
    if callback := asked.reply_to.get("callback", ""):
        return acknowledged(callback) | {
            "text": fit(one_line(text), _SHORT_ANSWER),
            # What did not work must be read; what did is seen on the message.
            "show_alert": not is_change,
        }
    chat = asked.reply_to.get("chat", asked.address)
    if asked.text.startswith("/start") and chat != asked.address:
        text += f"\nThe chat id of this group is {chat}: posts go there."
    return {
        "method": "sendMessage",
        "chat_id": chat_id(chat),
        "text": fit(harmless(text), _TEXT),
        "link_preview_options": {"is_disabled": True},
        "reply_parameters": {
            "message_id": int(asked.reply_to.get("message", "0")),
            "allow_sending_without_reply": True,
        },
    }


def acknowledged(callback: str) -> dict[str, Any]:
    """Return the method that ends the waiting of a pressed button."""
    return {"method": "answerCallbackQuery", "callback_query_id": callback}


def keyboard_after(result: Result) -> dict[str, Any] | None:
    """Return the change that shows on a message who took it; None without one.

    The answer that was given gives way to its result. After a resolution no answer
    is left, the links stay.
    """
    asked = result.asked
    keyboard = asked.reply_to.get("keyboard", "")
    if not (result.is_change and keyboard and asked.reply_to.get("message")):
        return None
    shown = [{"text": fit(one_line(result.text), _LABEL), "callback_data": f"{SAID}:-"}]
    rows = _keyboard.decode(keyboard).get("inline_keyboard", [])
    kept = [[button for button in row if _stays(button, asked)] for row in rows]
    return {
        "method": "editMessageReplyMarkup",
        "chat_id": chat_id(asked.reply_to["chat"]),
        "message_id": int(asked.reply_to["message"]),
        "reply_markup": {"inline_keyboard": [shown, *(row for row in kept if row)]},
    }


def _stays(button: Mapping[str, Any], asked: Asked) -> bool:
    data = button.get("callback_data")
    if data is None:
        return True
    reply = str(data).partition(":")[0]
    if asked.reply is Reply.RESOLVE:
        return False
    return reply not in {SAID, asked.reply}


def _pressed(pressed: _Pressed) -> Asked | None:
    data = _DATA.fullmatch(pressed.data)
    if data is None or data[1] not in _REPLIES or pressed.sender.is_bot:
        return None
    reply_to = {"callback": pressed.id}
    message = pressed.message
    if message is not None:
        reply_to |= _place(message)
        if _is_keyboard(bytes(message.reply_markup)):
            reply_to["keyboard"] = bytes(message.reply_markup).decode()
    return Asked(
        address=str(pressed.sender.id),
        reply=_REPLIES[data[1]],
        token=data[2],
        reply_to=reply_to,
    )


def _is_keyboard(raw: bytes) -> bool:
    try:
        return bool(_keyboard.decode(raw))
    except (ValueError, RecursionError):
        return False


def _typed(message: _Message) -> Asked | None:
    sender = message.sender
    if sender is None or sender.is_bot:
        return None
    text = one_line(message.text)[:_TYPED]
    command = _COMMAND.match(text)
    if command is not None:
        # In groups a command names the bot it is for: /ack@watchbill_bot.
        text = f"/{command[1].lower()}{text[command.end() :]}"
    elif not text or message.chat.type != "private":
        return None
    return Asked(address=str(sender.id), text=text, reply_to=_place(message))


def _place(message: _Message) -> dict[str, str]:
    return {"chat": str(message.chat.id), "message": str(message.message_id)}
