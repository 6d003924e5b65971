"""Say a notice in Telegram, and understand what the Bot API answers.

The text is *plain*: no parse mode, so there is nothing to escape and no error for an
alert called ``<b>`` or ``_x``. The headline is set in bold by an entity, which counts
positions and reads no markup. Two things Telegram would still make of plain text are
broken by an invisible word joiner: ``@name`` would call a member of the group, and
``/resolve`` would become a command under the reader's thumb.

Answers are buttons with callback data, links are buttons with a URL. Telegram refuses
the whole message for one URL it does not like, such as that of an installation inside
a company; so only addresses that look public become buttons, and all others stand in
the text, where they cannot cost a page.

The token stands in the path of every URL: no text of this module shows a URL.

Telegram has no idempotency key and no receipts. Every 4xx but 429 is for an
administrator or for the recipient to mend, hence permanent; 5xx and 429 are tried
again; a 200 that cannot be read is *unknown*.

Sources: core.telegram.org/bots/api, sendMessage, ResponseParameters,
InlineKeyboardButton; core.telegram.org/bots/faq, limits.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from ipaddress import ip_address
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec

from watchbill.core.messages import Button, Link, Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url

API_URL = "https://api.telegram.org"

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    reaches=AddressKind.TELEGRAM,
    modes=(Mode(needs=frozenset({"token"}), people=True, posts=True),),
    settings=(
        Setting(
            name="token",
            help="Token of the bot, from @BotFather: 123456:ABC-DEF.",
            is_secret=True,
        ),
        Setting(
            name="webhook_secret",
            help="The secret_token given to setWebhook: 16 characters or more.",
            is_secret=True,
        ),
        Setting(
            name="poll",
            help="yes: ask Telegram for answers; the default without webhook_secret.",
        ),
        Setting(name="api_url", help="A Bot API server.", default=API_URL),
    ),
    per_second=1.0,
)

SHORTEST_SECRET = 16
"""Of a webhook: it is all that tells Telegram from anybody else."""

TEXT_LIMIT = 4_096
"""UTF-16 code units, the way in which the Bot API counts."""

_LINKS_LIMIT, _SUBJECT, _FACT = 2_500, 500, 300
_LABEL = 60
_BUTTONS_A_ROW, _LINK_BUTTONS = 3, 10
_PARAGRAPHS, _FACTS = 20, 20
_LONGEST_WAIT = 3_600

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_CHAT = re.compile(r"-?[0-9]{1,19}")
_PUBLIC_NAME = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")
_WORD_JOINER = "\u2060"
_CALLS = re.compile(r"(?<!\w)@(?=\w)|(?<![\w/.:<])/(?=\w+(?![\w/.-]))")
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test")

_HINTS = (
    ("bot was blocked by the user", "the person must unblock the bot in Telegram"),
    ("can't initiate conversation", "the person must first send /start to the bot"),
    ("user is deactivated", "the person's Telegram account is gone"),
    ("bot was kicked", "invite the bot to the group again"),
    ("not a member", "invite the bot to the group or channel"),
    ("chat not found", "check the chat id; the person must have sent /start"),
    ("have no rights to send", "allow the bot to write in the group"),
    ("need administrator rights", "make the bot an administrator of the channel"),
    ("Unauthorized", "the bot token is wrong or was revoked"),
    ("Not Found", "the bot token or the API URL is wrong"),
)


class _Message(msgspec.Struct):
    message_id: int


class _Parameters(msgspec.Struct):
    retry_after: int = 0
    migrate_to_chat_id: int = 0


class _Sent(msgspec.Struct):
    ok: bool
    result: _Message | bool | None = None
    description: str = ""
    parameters: _Parameters | None = None


_sent = msgspec.json.Decoder(_Sent)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request for a chat; ``to`` is its id. Raises `SettingsError`."""
    text, entities = _text(notice)
    body: dict[str, Any] = {
        "chat_id": chat_id(settings.get("to", "")),
        "text": text,
        "entities": entities,
        "link_preview_options": {"is_disabled": True},
        "disable_notification": notice.urgency is Urgency.LOW,
    }
    if rows := _keyboard(notice):
        body["reply_markup"] = {"inline_keyboard": rows}
    return call("sendMessage", body, settings)


def call(method: str, body: Mapping[str, Any], settings: Mapping[str, str]) -> Outgoing:
    """Return the call of a method of the Bot API, or raise `SettingsError`."""
    token = settings.get("token", "")
    if not _TOKEN.fullmatch(token):
        raise SettingsError(
            "The token of the Telegram bot must look like 123456:ABC-DEF;"
            " copy it from @BotFather."
        )
    api_url = (settings.get("api_url") or API_URL).rstrip("/")
    return Outgoing(
        method="POST",
        url=f"{api_url}/bot{token}/{method}",
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode(body),
    )


def chat_id(address: str) -> int | str:
    """Return an address as the Bot API wants it, or raise `SettingsError`."""
    if _CHAT.fullmatch(address):
        return int(address)
    if _PUBLIC_NAME.fullmatch(address):
        return address
    raise SettingsError(
        f"{shorten(one_line(address), 40)!r} is not a chat of Telegram: give the chat"
        " id, which the bot tells in answer to /start, or a public name like @name."
    )


def harmless(text: str) -> str:
    """Return text that calls no member and offers no command."""
    return _CALLS.sub(lambda found: found.group() + _WORD_JOINER, printable(text))


def fit(text: str, limit: int) -> str:
    """Cut to a number of UTF-16 code units, visibly and between characters."""
    if _units(text) <= limit:
        return text
    kept, room = 0, limit - 1
    for character in text:
        room -= 2 if ord(character) > 0xFFFF else 1
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def read(answer: Answer) -> Attempt:
    """Return what an answer to sendMessage means."""
    try:
        sent = _sent.decode(answer.body)
    except (ValueError, RecursionError):
        return _read_status(answer)
    if sent.ok and answer.status < 300:
        message = sent.result
        ref = str(message.message_id) if isinstance(message, _Message) else ""
        return _delivered(ref)
    return _refused(answer.status, sent)


def _delivered(ref: str) -> Attempt:
    return Attempt(
        outcome=Outcome.DELIVERED,
        detail="Telegram took it",
        provider_ref=shorten(ref, 64),
    )


def _read_status(answer: Answer) -> Attempt:
    """Read what is not an object of the Bot API, such as a page of a proxy."""
    status = answer.status
    if 200 <= status < 300:
        # Telegram repeats the message in its answer, so a long one may be cut off.
        if answer.truncated and answer.body.startswith(b'{"ok":true'):
            return _delivered("")
        detail = f"HTTP {status} without a readable answer of Telegram"
        return Attempt(outcome=Outcome.UNKNOWN, detail=detail)
    return _refused(status, _Sent(ok=False))


def _refused(status: int, sent: _Sent) -> Attempt:
    parameters = sent.parameters or _Parameters()
    if status == 429:
        return Attempt(
            outcome=Outcome.THROTTLED,
            detail="Telegram limits the rate of messages to this chat",
            retry_after=_wait(parameters.retry_after),
        )
    if parameters.migrate_to_chat_id:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail="The group became a supergroup: enter its new chat id"
            f" {parameters.migrate_to_chat_id}",
        )
    is_passing = status >= 500 or status in {408, 425}
    said = shorten(one_line(sent.description), 120) or f"HTTP {status}"
    hint = next((hint for words, hint in _HINTS if words in sent.description), "")
    return Attempt(
        outcome=Outcome.TRANSIENT if is_passing else Outcome.PERMANENT,
        detail=f"Telegram refused: {said}" + (f" ({hint})" if hint else ""),
    )


def _wait(seconds: int) -> timedelta | None:
    return timedelta(seconds=min(seconds, _LONGEST_WAIT)) if seconds > 0 else None


def _text(notice: Notice) -> tuple[str, list[dict[str, Any]]]:
    subject = fit(harmless(one_line(notice.subject)), _SUBJECT) or "Notice"
    links = _links_as_text(notice.links)
    paragraphs = islice(notice.paragraphs, _PARAGRAPHS)
    facts = "\n".join(_fact(*fact) for fact in islice(notice.facts, _FACTS))
    parts = (subject, *(harmless(text).strip() for text in paragraphs), facts)
    said = "\n\n".join(part for part in parts if part)
    room = TEXT_LIMIT - (_units(links) + 2 if links else 0)
    text = "\n\n".join(part for part in (fit(said, room), links) if part)
    return text, [{"type": "bold", "offset": 0, "length": _units(subject)}]


def _fact(label: str, value: str) -> str:
    return fit(harmless(f"{one_line(label)}: {one_line(value)}"), _FACT)


def _links_as_text(links: Iterable[Link]) -> str:
    """Return the links that Telegram would refuse as buttons."""
    lines: list[str] = []
    room = _LINKS_LIMIT
    for link in links:
        url = web_url(link.url)
        if url is None or _is_public(url):
            continue
        line = f"{fit(harmless(one_line(link.label)), _LABEL) or 'Open'}: {url}"
        room -= _units(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def _keyboard(notice: Notice) -> list[list[dict[str, str]]]:
    buttons = [_button(button) for button in notice.buttons]
    rows = [
        buttons[start : start + _BUTTONS_A_ROW]
        for start in range(0, len(buttons), _BUTTONS_A_ROW)
    ]
    public = [link for link in notice.links if _is_public(link.url)]
    # The button to press comes first; the sort keeps the order of the others.
    public.sort(key=lambda link: not link.is_primary)
    return rows + [[_link_button(link)] for link in public[:_LINK_BUTTONS]]


def _button(button: Button) -> dict[str, str]:
    return {
        "text": fit(one_line(button.label), _LABEL) or button.reply.title(),
        "callback_data": f"{button.reply}:{button.token}",
    }


def _link_button(link: Link) -> dict[str, str]:
    label = fit(one_line(link.label), _LABEL) or "Open"
    return {"text": label, "url": link.url.strip()}


def _is_public(text: str) -> bool:
    """Say whether Telegram takes the URL of a button."""
    url = web_url(text)
    if url is None:
        return False
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE_NAMES)


def _units(text: str) -> int:
    return len(text) + sum(ord(character) > 0xFFFF for character in text)
