"""The formats that can be received, found once a process."""

from functools import lru_cache

from watchbill.integrations.contract import Inbound
from watchbill.integrations.registry import providers


@lru_cache(maxsize=1)
def sources() -> dict[str, Inbound]:
    """Return the readers of posts by kind, such as ``alertmanager``."""
    return {
        name: provider.inbound
        for name, provider in providers().items()
        if provider.inbound is not None
    }
