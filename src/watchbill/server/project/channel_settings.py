"""The settings of channels, as each provider's folder declares them."""

from watchbill.integrations.contract import Channel
from watchbill.integrations.registry import providers
from watchbill.server.project import env


def variable_of(folder: str, channel: Channel, name: str) -> str:
    """Return the variable of the environment that holds a setting."""
    parts = (folder if channel.prefix is None else channel.prefix, name)
    return "WATCHBILL_" + "_".join(part.upper() for part in parts if part)


def read() -> dict[str, dict[str, str]]:
    """Return what is set, by provider and setting; without defaults."""
    found: dict[str, dict[str, str]] = {}
    for provider in providers().values():
        channel = provider.channel
        if channel is None:
            continue
        for setting in channel.settings:
            variable = variable_of(provider.name, channel, setting.name)
            way = env.secret if setting.is_secret else env.text
            if value := way(variable):
                found.setdefault(provider.name, {})[setting.name] = value
    return found
