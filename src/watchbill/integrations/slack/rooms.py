"""Open and keep a Slack channel for one incident.

Each function returns one request to the Web API or reads its answer. A channel that
must not be known is a private one and is named after the number alone: names and
topics are shown in places that members only cannot be asked of.

Slack has no idempotency key for a new channel. Its name is the key: it holds the
incident's number, and when it is taken, by an older incident of another installation
or by an attempt whose answer was lost, a number is appended.

Sources: docs.slack.dev, conversations.create, .invite, .setTopic, .setPurpose,
chat.update.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import Answer, Outgoing
from watchbill.integrations.slack.outbound import (
    API_URL,
    JSON,
    message,
    read,
)
from watchbill.integrations.text import one_line, shorten

_NAME = 80
_TOPIC = 250
_MEMBER = re.compile(r"[UW][A-Z0-9]{1,30}")

NAME_TAKEN = "name_taken"
ALREADY_IN = frozenset({"already_in_channel", "cant_invite_self"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an answer means; ``error`` is Slack's word for a refusal."""

    attempt: Attempt
    error: str = ""
    channel_id: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether Slack did what it was asked to."""
        return self.attempt.outcome is Outcome.DELIVERED


class _Room(msgspec.Struct):
    id: str = ""


class _Reply(msgspec.Struct):
    ok: bool = False
    error: str = ""
    # A channel's record after conversations.create, its id after chat.postMessage.
    channel: _Room | str = ""


_reply = msgspec.json.Decoder(_Reply)


def name_of(
    number: int,
    title: str,
    *,
    is_confidential: bool,
    is_drill: bool = False,
    tries: int = 0,
) -> str:
    """Return a valid channel name: at most 80 of ``a-z 0-9 -``."""
    slug = "" if is_confidential else re.sub(r"[^a-z0-9]+", "-", title.lower())
    tail = f"-{tries + 1}" if tries else ""
    room = _NAME - len(tail)
    kind = "drill" if is_drill else "inc"
    return f"{kind}-{number}-{slug.strip('-')}"[:room].rstrip("-") + tail


def is_member(slack_id: str) -> bool:
    """Return whether an address is a member's id, which is all Slack can invite."""
    return _MEMBER.fullmatch(slack_id) is not None


def create(settings: Mapping[str, str], *, name: str, is_private: bool) -> Outgoing:
    """Return the request that makes the channel."""
    body = {"name": name, "is_private": is_private}
    return _call(settings, "conversations.create", body)


def invite(settings: Mapping[str, str], *, channel_id: str, member: str) -> Outgoing:
    """Return the request that brings one member in.

    One at a time: Slack refuses all for the sake of one.
    """
    body = {"channel": channel_id, "users": member}
    return _call(settings, "conversations.invite", body)


def set_topic(settings: Mapping[str, str], *, channel_id: str, topic: str) -> Outgoing:
    """Return the request that shows one line at the top of the channel."""
    body = {"channel": channel_id, "topic": shorten(one_line(topic), _TOPIC)}
    return _call(settings, "conversations.setTopic", body)


def set_purpose(
    settings: Mapping[str, str], *, channel_id: str, purpose: str
) -> Outgoing:
    """Return the request that says what the channel is for."""
    body = {"channel": channel_id, "purpose": shorten(one_line(purpose), _TOPIC)}
    return _call(settings, "conversations.setPurpose", body)


def update(settings: Mapping[str, str], notice: Notice, *, ref: str) -> Outgoing:
    """Return the request that puts a notice in the place of a message.

    ``ref`` is what the message was called when it was delivered.
    """
    channel, _, stamp = ref.rpartition(":")
    body = message(notice, with_buttons="signing_secret" in settings)
    return _call(settings, "chat.update", body | {"channel": channel, "ts": stamp})


def url_of(channel_id: str) -> str:
    """Return where a browser or the app opens the channel."""
    return f"https://slack.com/app_redirect?channel={channel_id}"


def read_answer(answer: Answer) -> Said:
    """Return what an answer of the Web API means; never raises."""
    attempt = read(answer)
    try:
        reply = _reply.decode(answer.body)
    except (ValueError, RecursionError):
        return Said(attempt=attempt)
    found = reply.channel if isinstance(reply.channel, str) else reply.channel.id
    return Said(
        attempt=attempt,
        error="" if reply.ok else shorten(one_line(reply.error), 80),
        channel_id=shorten(one_line(found), 80),
    )


def _call(settings: Mapping[str, str], method: str, body: dict[str, Any]) -> Outgoing:
    api_url = settings.get("api_url") or API_URL
    return Outgoing(
        method="POST",
        url=f"{api_url.rstrip('/')}/{method}",
        headers={
            "Content-Type": JSON,
            "Authorization": f"Bearer {settings.get('token', '')}",
        },
        body=msgspec.json.encode(body),
    )
