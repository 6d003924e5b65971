"""The formats that can be received, found once a process."""

from functools import lru_cache

from watchbill.integrations.registry import providers
from watchbill.integrations.sources import Inbound, Post


@lru_cache(maxsize=1)
def sources() -> dict[str, Inbound]:
    """Return the readers of posts by kind, such as ``alertmanager``."""
    return {
        name: provider.inbound
        for name, provider in providers().items()
        if provider.inbound is not None
    }


@lru_cache(maxsize=1)
def samples() -> dict[str, Post]:
    """Return what a test of each kind posts, for those that have one."""
    return {
        name: provider.sample
        for name, provider in providers().items()
        if provider.sample is not None
    }


@lru_cache(maxsize=1)
def titles() -> dict[str, str]:
    """Return what people call each kind, such as “Alertmanager”."""
    return {
        name: provider.title
        for name, provider in providers().items()
        if provider.inbound is not None
    }
