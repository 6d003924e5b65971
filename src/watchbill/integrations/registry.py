"""Which providers there are: the folders beside this file.

A folder with ``inbound.py`` is a source, and ``sample.py`` beside it is what a test of
it posts. One with ``outbound.py`` is a channel; ``twoway.py`` and ``polling.py`` beside
it carry answers back. An ``outbound.py`` that also has ``check(settings)`` is asked at
start whether its settings can be right. There is no list to edit, so a provider cannot
be half added: its settings, its workers, its hooks and its row in the documentation all
come from the folder. A module that lacks the functions of its contract stops the
program at start and says which one.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

from watchbill import integrations
from watchbill.integrations.contract import (
    Channel,
    LibraryOutbound,
    MailOutbound,
    Outbound,
    Polled,
    SerialOutbound,
    TwoWay,
)
from watchbill.integrations.sources import Inbound, Post

AnyOutbound = Outbound | MailOutbound | SerialOutbound | LibraryOutbound


class ContractError(TypeError):
    """A provider's module lacks a function that the server will call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One folder: a source, a channel, or both."""

    name: str
    title: str
    inbound: Inbound | None
    outbound: AnyOutbound | None
    channel: Channel | None = None
    twoway: TwoWay | None = None
    polling: Polled | None = None
    #: What a test of the source posts; None where a test would make no sense.
    sample: Post | None = None


def providers() -> Mapping[str, Provider]:
    """Return all providers by name, in alphabetical order.

    The folders are scanned and imported on every call: keep the result.
    """
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(integrations.__path__)
        if module.ispkg
    )
    return {name: _load(name) for name in names}


def _load(name: str) -> Provider:
    package = importlib.import_module(f"{integrations.__name__}.{name}")
    inbound = _module(package, "inbound")
    outbound = _module(package, "outbound")
    if inbound is not None and not isinstance(inbound, Inbound):
        raise ContractError(
            f"{inbound.__name__} must define SOURCE and parse(post, config)"
        )
    if outbound is not None and not isinstance(outbound, AnyOutbound):
        raise ContractError(
            f"{outbound.__name__} must define render(notice, settings) and"
            " read(answer), or the functions of another kind of outbound"
        )
    twoway = _module(package, "twoway")
    if twoway is not None and not isinstance(twoway, TwoWay):
        raise ContractError(
            f"{twoway.__name__} must define DOORS, SAME_FOR, verify, read, mark, answer"
            " and follow_up"
        )
    polling = _module(package, "polling")
    if polling is not None and not isinstance(polling, Polled):
        raise ContractError(
            f"{polling.__name__} must define poll, read_poll and respond"
        )
    return Provider(
        name=name,
        title=(package.__doc__ or name).partition(":")[0].strip(),
        inbound=inbound,
        outbound=outbound,
        channel=_channel(outbound),
        twoway=twoway,
        polling=polling,
        sample=_sample(_module(package, "sample")),
    )


def _channel(outbound: ModuleType | None) -> Channel | None:
    if outbound is None:
        return None
    channel = getattr(outbound, "CHANNEL", None)
    if not isinstance(channel, Channel):
        raise ContractError(f"{outbound.__name__} must define CHANNEL")
    return channel


def _sample(module: ModuleType | None) -> Post | None:
    if module is None:
        return None
    sample = getattr(module, "SAMPLE", None)
    if not isinstance(sample, Post):
        raise ContractError(f"{module.__name__} must define SAMPLE, a Post")
    return sample


def _module(package: ModuleType, name: str) -> ModuleType | None:
    path = f"{package.__name__}.{name}"
    return importlib.import_module(path) if find_spec(path) else None
