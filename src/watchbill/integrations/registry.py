"""Which providers there are: the folders beside this file.

A folder with ``inbound.py`` is a source, one with ``outbound.py`` a channel. There
is no list to edit, so a provider cannot be half added. A module that lacks the
functions of its contract stops the program at start and says which one.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

from watchbill import integrations
from watchbill.integrations.contract import Inbound, MailOutbound, Outbound


class ContractError(TypeError):
    """A provider's module lacks a function that the server will call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One folder: a source, a channel, or both."""

    name: str
    title: str
    inbound: Inbound | None
    outbound: Outbound | MailOutbound | None


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
        raise ContractError(f"{inbound.__name__} must define parse(body)")
    if outbound is not None and not isinstance(outbound, Outbound | MailOutbound):
        raise ContractError(
            f"{outbound.__name__} must define render(notice, settings) and"
            " read(answer), or for mail render and read_smtp(code, text)"
        )
    return Provider(
        name=name,
        title=(package.__doc__ or name).partition(":")[0].strip(),
        inbound=inbound,
        outbound=outbound,
    )


def _module(package: ModuleType, name: str) -> ModuleType | None:
    path = f"{package.__name__}.{name}"
    return importlib.import_module(path) if find_spec(path) else None
