"""Say a notice in Slack, and understand what Slack answers.

Two doors: ``chat.postMessage`` with a bot token, which names the message (``ts``) so
that later ones can join its thread, and incoming webhooks, which do not. Both get
the same blocks.

User text is only ever *plain text*, escaped: an alert called ``<!channel>`` or
``*P1*`` notifies nobody and is not set in bold. Where the app's signing secret is set,
Slack can reach us, and the notice's answers become buttons that are pressed in place
(`twoway`); else the only buttons are links, and the page behind one asks who is
there. Slack has no idempotency key: the key travels as message metadata, by which a
possible duplicate can be recognised.

A delivered message is referred to as ``C0123:1700000000.000001``, the channel's id and
the message's ``ts``: both are needed to change it, and the ``ts`` to join its thread.

Slack says *no* with HTTP 200. Errors that nobody but an administrator can mend are
permanent; every other error is tried again, because ``ok: false`` means that nothing
was posted and asking again is cheap. An unreadable 200 is *unknown*.

Sources: docs.slack.dev, chat.postMessage, Block Kit reference, incoming webhooks,
rate limits.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec

from watchbill.core.messages import Button, Link, Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.answers import retry_after
from watchbill.integrations.contract import (
    Answer,
    Channel,
    Mode,
    Outgoing,
    Setting,
    SettingsError,
)
from watchbill.integrations.text import (
    ELLIPSIS,
    one_line,
    printable,
    shorten,
    web_url,
)

_T = TypeVar("_T")

API_URL = "https://slack.com/api"

CHANNEL = Channel(
    kind=MethodKind.CHAT,
    reaches=AddressKind.SLACK,
    modes=(
        Mode(needs=frozenset({"token"}), people=True, posts=True),
        # An incoming webhook posts to one channel and reaches no single person.
        Mode(needs=frozenset({"webhook_url"}), posts=True),
    ),
    settings=(
        Setting(
            name="token",
            help="Bot token (xoxb-) of the Slack app.",
            is_secret=True,
        ),
        Setting(
            name="webhook_url",
            help="Incoming webhook, for posts only; the token is the better choice.",
            is_secret=True,
        ),
        Setting(
            name="signing_secret",
            help="Signing secret of the Slack app, for buttons and /watchbill.",
            is_secret=True,
        ),
        Setting(name="api_url", help="Slack's Web API.", default=API_URL),
    ),
    per_second=1.0,
)

_HEADER, _TEXT, _FIELD, _BUTTON = 150, 3_000, 2_000, 75
_FIELDS_A_BLOCK, _BUTTONS_A_BLOCK = 10, 5
_PARAGRAPHS = 20
JSON = "application/json; charset=utf-8"

_PERMANENT = frozenset(
    {
        "access_denied",
        "account_inactive",
        "action_prohibited",
        "app_missing_action_url",
        "cannot_reply_to_message",
        "channel_is_archived",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_arguments",
        "invalid_auth",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "invalid_token",
        "is_archived",
        "messages_tab_disabled",
        "missing_scope",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_active_hooks",
        "no_permission",
        "no_service",
        "no_team",
        "no_text",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "posting_to_general_channel_denied",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "team_disabled",
        "token_expired",
        "token_revoked",
        "too_many_attachments",
        "user_not_found",
    }
)
_THROTTLED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

_HINTS = {
    "channel_not_found": "check the channel's name or id, and that the app may see it",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "the channel is archived; choose another",
    "channel_is_archived": "the channel is archived; choose another",
    "invalid_auth": "the bot token is wrong",
    "account_inactive": "the bot's account or workspace was deleted",
    "token_revoked": "the bot token was revoked; install the app again",
    "missing_scope": "the app needs the scope chat:write",
    "no_service": "the incoming webhook was removed or disabled",
}


class _Reply(msgspec.Struct):
    ok: bool
    ts: str = ""
    error: str = ""
    # An id after chat.postMessage; other methods answer with records.
    channel: Any = None


_reply = msgspec.json.Decoder(_Reply)


def render(notice: Notice, settings: Mapping[str, str]) -> Outgoing:
    """Return the request for a channel's settings.

    They hold either ``webhook_url``, or ``to`` and ``token`` and, if wanted,
    ``api_url``, ``signing_secret`` and ``thread_ts``, which is the `Attempt`'s
    ``provider_ref`` of the message to follow. Raises `SettingsError`.
    """
    channel, token = settings.get("to", ""), settings.get("token", "")
    url = settings.get("webhook_url")
    if url and not token:
        return render_webhook(notice, url=url)
    if not (channel and token):
        raise SettingsError(
            "A Slack channel needs a webhook_url, or a channel and a bot token."
        )
    return render_message(
        notice,
        channel=channel,
        token=token,
        api_url=settings.get("api_url") or API_URL,
        thread_ts=(settings.get("thread_ts") or notice.follows).rpartition(":")[2]
        or None,
        with_buttons=bool(settings.get("signing_secret")),
    )


def render_message(
    notice: Notice,
    *,
    channel: str,
    token: str,
    api_url: str = API_URL,
    thread_ts: str | None = None,
    with_buttons: bool = False,
) -> Outgoing:
    """Return the request to post the notice by chat.postMessage."""
    body = message(notice, with_buttons=with_buttons) | {
        "channel": channel,
        "parse": "none",
        "link_names": False,
        "metadata": {
            "event_type": "watchbill_notice",
            "event_payload": {"idempotency_key": notice.idempotency_key},
        },
    }
    if thread_ts:
        body["thread_ts"] = thread_ts
    return Outgoing(
        method="POST",
        url=f"{api_url.rstrip('/')}/chat.postMessage",
        headers={"Content-Type": JSON, "Authorization": f"Bearer {token}"},
        body=msgspec.json.encode(body),
    )


def render_webhook(notice: Notice, *, url: str) -> Outgoing:
    """Return the request to post the notice by an incoming webhook."""
    return Outgoing(
        method="POST",
        url=url,
        headers={"Content-Type": JSON},
        body=msgspec.json.encode(message(notice)),
    )


def read(answer: Answer) -> Attempt:
    """Return what an answer of either door means."""
    if answer.status == 429:
        return Attempt(
            outcome=Outcome.THROTTLED,
            detail="Slack limits the rate of messages to this channel",
            retry_after=retry_after(answer),
        )
    if answer.status >= 500:
        return Attempt(
            outcome=Outcome.TRANSIENT,
            detail=f"Slack answered HTTP {answer.status}",
        )
    try:
        reply = _reply.decode(answer.body)
    except (ValueError, RecursionError):
        return _read_text(answer)
    if reply.ok:
        is_named = isinstance(reply.channel, str) and reply.channel and reply.ts
        return _delivered(f"{reply.channel}:{reply.ts}" if is_named else reply.ts)
    return _refused(reply.error, answer)


def _read_text(answer: Answer) -> Attempt:
    """Read what is not an object of the API: the plain text of a webhook."""
    text = one_line(answer.body[:200].decode("utf-8", "replace"))
    if 200 <= answer.status < 300:
        if text == "ok":
            return _delivered("")
        # Slack repeats the message in its answer, so a long one may be cut off.
        if answer.truncated and answer.body.startswith(b'{"ok":true'):
            return _delivered("")
        return Attempt(
            outcome=Outcome.UNKNOWN,
            detail=f"HTTP {answer.status} without a readable answer of Slack",
        )
    if answer.status < 400:
        return Attempt(
            outcome=Outcome.PERMANENT,
            detail=f"HTTP {answer.status}: the URL is not one of Slack's",
        )
    if answer.status == 408:
        return Attempt(outcome=Outcome.TRANSIENT, detail="HTTP 408: timed out")
    if re.fullmatch(r"[a-z_]{3,80}", text):
        return _refused(text, answer, otherwise=Outcome.PERMANENT)
    return Attempt(
        outcome=Outcome.PERMANENT, detail=f"HTTP {answer.status}: {shorten(text, 120)}"
    )


def _delivered(ts: str) -> Attempt:
    return Attempt(
        outcome=Outcome.DELIVERED, detail="Slack took it", provider_ref=shorten(ts, 64)
    )


def _refused(
    error: str, answer: Answer, *, otherwise: Outcome = Outcome.TRANSIENT
) -> Attempt:
    name = shorten(one_line(error), 80) or "no reason given"
    hint = f" ({_HINTS[error]})" if error in _HINTS else ""
    if error in _THROTTLED:
        outcome = Outcome.THROTTLED
    else:
        outcome = Outcome.PERMANENT if error in _PERMANENT else otherwise
    return Attempt(
        outcome=outcome,
        detail=f"Slack refused: {name}{hint}",
        retry_after=retry_after(answer),
    )


def message(notice: Notice, *, with_buttons: bool = False) -> dict[str, Any]:
    """Return what is said, wherever it goes; answers only ``with_buttons``."""
    said = "\n".join((notice.subject, *notice.paragraphs))
    return {
        # What lock screens and screen readers get instead of the blocks.
        "text": fit(printable(said), _TEXT),
        "blocks": list(_blocks(notice, buttons=notice.buttons if with_buttons else ())),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(notice: Notice, *, buttons: tuple[Button, ...]) -> Iterator[dict[str, Any]]:
    subject = one_line(notice.subject) or "Notice"
    yield {"type": "header", "text": plain(subject, _HEADER)}
    for paragraph in islice(notice.paragraphs, _PARAGRAPHS):
        if text := printable(paragraph).strip():
            yield {"type": "section", "text": plain(text, _TEXT)}
    for facts in _chunks(notice.facts, _FIELDS_A_BLOCK):
        fields = [plain(f"{one_line(k)}\n{printable(v)}", _FIELD) for k, v in facts]
        yield {"type": "section", "fields": fields}
    yield from _actions(notice.links, buttons)


def _actions(
    links: tuple[Link, ...], buttons: tuple[Button, ...]
) -> Iterator[dict[str, Any]]:
    answers = [_answer(one, is_first=not n) for n, one in enumerate(buttons)]
    said = {one.label for one in buttons}
    # The button to press comes first; the sort keeps the order of the others.
    usable = [one for one in links if web_url(one.url) and one.label not in said]
    usable.sort(key=lambda link: not link.is_primary)
    opened = [
        _link(number, link, is_first=link.is_primary and not buttons)
        for number, link in enumerate(usable, start=1)
    ]
    for row in _chunks([*answers, *opened], _BUTTONS_A_BLOCK):
        yield {"type": "actions", "elements": row}


def _answer(button: Button, *, is_first: bool) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": button.reply.value,
        "text": plain(one_line(button.label) or button.reply.value, _BUTTON),
        "value": button.token,
    }
    return element | ({"style": "primary"} if is_first else {})


def _link(number: int, link: Link, *, is_first: bool) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": f"link-{number}",
        "text": plain(one_line(link.label) or "Open", _BUTTON),
        "url": link.url.strip(),
    }
    return element | ({"style": "primary"} if is_first else {})


def plain(text: str, limit: int) -> dict[str, Any]:
    """Return a text object that Slack shows as it is."""
    return {"type": "plain_text", "text": fit(text, limit), "emoji": False}


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def fit(text: str, limit: int) -> str:
    """Escape, and cut to ``limit`` characters so that no escape is cut in two."""
    escaped = text.translate(_ESCAPES)
    if len(escaped) <= limit:
        return escaped
    kept: list[str] = []
    room = limit - len(ELLIPSIS)
    for character in text:
        piece = character.translate(_ESCAPES)
        if len(piece) > room:
            break
        room -= len(piece)
        kept.append(piece)
    return "".join(kept).rstrip() + ELLIPSIS


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
