"""Which channels the operator has set up, whom they reach, and with which settings.

Pages need this as much as the engine does; sending is the engine's alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings

from watchbill.core.paging import Provided
from watchbill.integrations.contract import Channel, Mode, SettingsError
from watchbill.integrations.registry import Provider, providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What leads to people, best first among its kind, and what takes posts."""

    provided: tuple[Provided, ...] = ()
    posts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A channel that is set up."""

    provider: Provider
    channel: Channel
    mode: Mode
    #: Given values and defaults, with ``hook_url`` and, while an HTTP channel sends,
    #: ``to`` and ``sent_at``. Secrets are among them.
    settings: Mapping[str, str] = field(repr=False)


def from_environment() -> dict[str, Configured]:
    """Return the channels that the operator has set up, best first.

    Raises SettingsError, which names the channel, for one that is half set up.
    """
    return configure(settings.CHANNELS, order=settings.CHANNEL_ORDER)


def configure(
    given: Mapping[str, Mapping[str, str]], *, order: Sequence[str] = ()
) -> dict[str, Configured]:
    """Return the channels that these settings are enough for, in this order first.

    Raises SettingsError for an unknown channel and for settings that no mode of
    their channel is content with.
    """
    known = known_channels()
    for name in (*given, *order):
        if name not in known:
            message = f"There is no channel {name!r}; known are {', '.join(known)}."
            raise SettingsError(message)
    ranks = {name: rank for rank, name in enumerate(order)}
    found = {}
    for name in sorted(given, key=lambda one: (ranks.get(one, len(ranks)), one)):
        provider, channel = known[name]
        mode = _mode(name, channel, given[name], shared=_shared(name, channel))
        if mode is not None:
            found[name] = Configured(
                provider=provider,
                channel=channel,
                mode=mode,
                settings=_values(name, channel, given[name]),
            )
    return found


def reach_of(configured: Mapping[str, Configured]) -> Reach:
    """Return who can be told anything by these channels."""
    return Reach(
        provided=tuple(
            Provided(channel=name, kind=one.channel.kind, reaches=reaches)
            for name, one in configured.items()
            if one.mode.people and (reaches := one.channel.reaches) is not None
        ),
        posts=frozenset(name for name, one in configured.items() if one.mode.posts),
    )


@lru_cache(maxsize=1)
def known_channels() -> Mapping[str, tuple[Provider, Channel]]:
    """Return every provider that is a channel, by name."""
    return {
        name: (one, one.channel)
        for name, one in providers().items()
        if one.channel is not None
    }


def _shared(name: str, channel: Channel) -> frozenset[str]:
    """The settings that another channel reads from the same variables."""
    return frozenset(
        setting.name
        for other, (_, one) in known_channels().items()
        if other != name and channel.prefix is not None and one.prefix == channel.prefix
        for setting in one.settings
    )


def _mode(
    name: str, channel: Channel, given: Mapping[str, str], *, shared: frozenset[str]
) -> Mode | None:
    mode = next((one for one in channel.modes if one.needs <= set(given)), None)
    if mode is not None:
        return mode
    needed = frozenset[str]().union(*(one.needs for one in channel.modes))
    # A sender without a server, or an account that another channel uses, is no half.
    if not (needed - shared) & set(given):
        return None
    ways = " or ".join(" and ".join(sorted(one.needs)) for one in channel.modes)
    raise SettingsError(f"The channel {name} needs {ways}.")


def _values(name: str, channel: Channel, given: Mapping[str, str]) -> dict[str, str]:
    defaults = {one.name: one.default for one in channel.settings if one.default}
    hook_url = f"{settings.BASE_URL}/hooks/{name}"
    return {**defaults, **given, "hook_url": hook_url}
