"""The channels of this process, as the hooks need to know them.

Who sets channels up stands above this room and hands them in at the start, so that
the engine, too, may pass on what it hears (polled providers) without a circle. As
long as nobody has, no hook is answered.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from watchbill.integrations.contract import Answer, Outgoing, TransportFailure
from watchbill.integrations.registry import Provider
from watchbill.server.hooks.budget import Budget


class Sender(Protocol):
    """What carries a request to a provider."""

    def send(self, outgoing: Outgoing, *, timeout: float) -> Answer | TransportFailure:
        """Send within ``timeout`` seconds; network trouble is returned."""


class Way(Protocol):
    """A channel that is set up."""

    @property
    def provider(self) -> Provider:
        """Its folder."""

    @property
    def settings(self) -> Mapping[str, str]:
        """Given values and defaults, with ``hook_url``."""


class Ways(Protocol):
    """All channels that are set up."""

    @property
    def configured(self) -> Mapping[str, Way]:
        """The channels by provider."""

    @property
    def egress(self) -> Sender:
        """The one way out."""


_current: Ways | None = None
_words = Budget()


def current() -> Ways | None:
    """Return the channels of this process; None before they are known."""
    return _current


def way(provider: str) -> Way | None:
    """Return a channel that is set up; None when it is not."""
    return None if _current is None else _current.configured.get(provider)


def words() -> Budget:
    """Return what counts how much was said to each number by these channels."""
    return _words


def install(ways: Ways | None) -> None:
    """Say which channels this process has."""
    global _current, _words
    _current, _words = ways, Budget()


@contextmanager
def use(ways: Ways) -> Iterator[None]:
    """Use these channels inside the block, and the former ones after it."""
    former = _current
    install(ways)
    try:
        yield
    finally:
        install(former)
