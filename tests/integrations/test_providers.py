"""What is true of every provider, whoever adds it."""

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import assert_never

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integrations.notices import hostile_notices, hostile_text, stored_text
from tests.integrations.sending import NOW, STAMP
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations import registry
from watchbill.integrations.contract import (
    Answer,
    Channel,
    LibraryOutbound,
    MailOutbound,
    Outbound,
    Outgoing,
    SerialOutbound,
    SettingsError,
)
from watchbill.integrations.registry import Provider

DOCS = Path(__file__).parents[2] / "docs" / "channels"

PROVIDERS = registry.providers()
CHANNELS = {name: (one, one.channel) for name, one in PROVIDERS.items() if one.channel}

#: Values that are valid where a value has a form; any other setting is a word.
VALUES = {
    "account_sid": "AC" + "0" * 32,
    "api_url": "https://api.example",
    "bot_token": "4711:AAAA-bbbb_cccc",
    "device": "/dev/ttyUSB0",
    "from": "+15005550006",
    "routing_key": "0" * 32,
    "sender": "watchbill",
    "smtp_url": "smtp://mail.example",
    "url": "https://hooks.example/in",
    "urls": "json://127.0.0.1/",
    "vapid_private_key": base64.urlsafe_b64encode(bytes(range(1, 33))).decode(),
    "vapid_subject": "mailto:ops@example.org",
    "webhook_url": "https://hooks.example/in",
}
SPECIAL = {
    "push": {"hosts": "push.example"},
    "webhook": {"secret": f"whsec_{base64.b64encode(bytes(32)).decode()}"},
}
ADDRESSES = (
    "+959777123456",
    "U0ANA",
    "4711",
    "ana@example.org",
    '{"endpoint":"https://push.example/x","keys":{"p256dh":'
    '"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"'
    ',"auth":"BTBZMqHH6r4Tts7J_aSIgg"}}',
)

by_channel = pytest.mark.parametrize("name", CHANNELS)


def values(name: str, channel: Channel) -> dict[str, str]:
    """Return settings that are complete for a channel."""
    given = {
        one.name: one.default or VALUES.get(one.name, "word")
        for one in channel.settings
    }
    return given | SPECIAL.get(name, {}) | {"hook_url": "https://watch.example/hooks/x"}


def looks_secret(name: str, among: list[str]) -> bool:
    """Say whether the name of a setting says that it is a credential."""
    if name.endswith(("_id", "_sid")) or name.startswith("public_"):
        return False
    # An API key with a secret beside it is no more than a user name.
    if name == "api_key" and {"api_secret", "api_key_secret"} & set(among):
        return False
    return bool(re.search(r"token|secret|password|(^|_)key($|_)|webhook_url", name))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_has_a_title_and_a_name_for_variables(name: str) -> None:
    provider = PROVIDERS[name]

    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert provider.title
    assert provider.title != name
    assert provider.inbound or provider.outbound


@by_channel
def test_settings_explain_themselves_and_secrets_are_marked(name: str) -> None:
    _, channel = CHANNELS[name]
    names = [one.name for one in channel.settings]

    assert len(names) == len(set(names))
    for one in channel.settings:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", one.name)
        assert one.help.endswith("."), one.name
        if looks_secret(one.name, names):
            assert one.is_secret, one.name
        if one.is_secret:
            assert not one.default, one.name


@by_channel
def test_modes_need_settings_that_exist_and_are_of_use(name: str) -> None:
    _, channel = CHANNELS[name]
    known = {one.name for one in channel.settings}

    assert channel.modes
    for mode in channel.modes:
        assert mode.needs
        assert mode.needs <= known
        assert mode.people or mode.posts
        assert not mode.people or channel.reaches is not None
    assert channel.workers > 0
    assert channel.per_second is None or channel.per_second > 0
    assert channel.receipt_within is None or channel.receipt_within > timedelta(0)


@by_channel
def test_a_channel_is_explained_to_the_operator(name: str) -> None:
    provider, channel = CHANNELS[name]
    page = DOCS / f"{name.replace('_', '-')}.md"

    assert page.is_file()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    prefix = name if channel.prefix is None else channel.prefix
    for one in channel.settings:
        parts = ("watchbill", prefix, one.name)
        assert "_".join(part.upper() for part in parts if part) in text, one.name
    assert provider.title.split()[0].lower() in text.lower()


def write(
    provider: Provider, notice: Notice, given: Mapping[str, str], *, to: str
) -> Iterator[object]:
    """Yield whatever the provider makes of a notice."""
    match provider.outbound:
        case Outbound() as outbound:
            sending = {"to": to, "sent_at": str(STAMP)}
            yield outbound.render(notice, {**given, **sending})
        case MailOutbound() as outbound:
            sender = "watchbill@example.org"
            yield bytes(
                outbound.render(
                    notice, to=to, sender=sender, domain="example.org", now=NOW
                )
            )
        case SerialOutbound() as outbound:
            yield from (exchange.send for exchange in outbound.dialog(notice, to=to))
        case LibraryOutbound() as outbound:
            yield from outbound.text(notice)
        case None:
            return
        case other:
            assert_never(other)


def try_to_write(
    name: str, notice: Notice, given: Mapping[str, str], *, to: str
) -> tuple[list[object], str]:
    """Return what was written, and why not; the only error that there may be."""
    try:
        return list(write(CHANNELS[name][0], notice, given, to=to)), ""
    except SettingsError as error:
        return [], str(error) or "(no reason)"


@by_channel
@given(notice=hostile_notices(), to=st.sampled_from(ADDRESSES) | stored_text())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_no_notice_breaks_a_channel(name: str, notice: Notice, to: str) -> None:
    given = values(name, CHANNELS[name][1])

    written, why_not = try_to_write(name, notice, given, to=to)

    assert bool(written) != bool(why_not)
    assert not why_not or why_not.endswith(".")
    for one in written:
        if isinstance(one, Outgoing):
            head = "".join((one.method, one.url, *one.headers, *one.headers.values()))
            # A line break in a header would begin another one.
            assert not re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", head)


@by_channel
@given(notice=hostile_notices(), word=stored_text())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_settings_of_any_text_are_used_or_refused(
    name: str, notice: Notice, word: str
) -> None:
    given = {one.name: word for one in CHANNELS[name][1].settings}

    written, why_not = try_to_write(name, notice, given, to=word)

    assert written or why_not


@by_channel
@given(
    status=st.integers(100, 599),
    body=st.binary() | hostile_text().map(lambda text: text.encode("utf-8", "replace")),
    wait=st.sampled_from(("30", "-1", "soon", "9" * 50)),
    truncated=st.booleans(),
)
@settings(max_examples=30)
def test_every_answer_has_a_meaning(
    name: str,
    status: int,
    body: bytes,
    wait: str,
    truncated: bool,  # noqa: FBT001
) -> None:
    answer = Answer(
        status=status, body=body, headers={"retry-after": wait}, truncated=truncated
    )
    for attempt in _attempts(CHANNELS[name][0], answer):
        assert attempt.outcome in Outcome
        assert attempt.detail
        assert "\n" not in attempt.detail
        # A 4xx or 5xx is never a delivery, and a 429 is no refusal for good.
        if 400 <= status < 600:
            assert attempt.outcome is not Outcome.DELIVERED
        if status == 429:
            assert attempt.outcome is not Outcome.PERMANENT


def _attempts(provider: Provider, answer: Answer) -> Iterator[Attempt]:
    if isinstance(provider.outbound, Outbound):
        yield provider.outbound.read(answer)
