"""Typed settings from the environment.

Each is read once, at start-up. A secret may be given as ``NAME`` or as a path in
``NAME_FILE``, as container platforms mount them. A value that cannot be
understood stops the start with a sentence that names the variable.
"""

import os
from datetime import datetime, time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path


class SettingError(Exception):
    """A variable of the environment cannot be understood."""


def text(name: str, default: str = "") -> str:
    """Return a variable, or the default when it is absent or empty."""
    return os.environ.get(name, "") or default


def secret(name: str, default: str = "") -> str:
    """Return a secret from ``NAME``, else from the file that ``NAME_FILE`` names.

    What the command line has put into ``NAME`` thus wins over a file that the
    surroundings name: a demo never reaches the production that they belong to.
    """
    path = text(f"{name}_FILE")
    if text(name) or not path:
        return text(name, default)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name}_FILE names {path}, which cannot be read: {error.strerror}"
        raise SettingError(message) from error


def flag(name: str, *, default: bool = False) -> bool:
    """Return a yes-or-no variable."""
    value = text(name).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if not value:
        return default
    message = f"{name} must be yes or no, not {value!r}"
    raise SettingError(message)


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return a variable of networks such as ``10.1.0.0/16``."""
    try:
        return tuple(ip_network(word) for word in words(name))
    except ValueError as error:
        message = f"{name} must be networks such as 10.1.0.0/16: {error}"
        raise SettingError(message) from error


def count(name: str, default: str) -> int:
    """Return a variable that is a whole number, one or more."""
    value = text(name, default)
    if value.isdecimal() and int(value) > 0:
        return int(value)
    message = f"{name} must be a whole number such as {default}, not {value!r}"
    raise SettingError(message)


def seconds(name: str, default: str) -> float:
    """Return a variable of at least one second."""
    value = text(name, default)
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 86400:
        message = f"{name} must be a number of seconds from 1 to 86400, not {value!r}"
        raise SettingError(message)
    return number


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekly(name: str, default: str) -> tuple[int, time] | None:
    """Return a variable such as ``fri 10:00``, Monday being 0; None for ``off``."""
    value = text(name, default).strip().lower()
    if value == "off":
        return None
    day, _, clock = value.partition(" ")
    try:
        return _DAYS.index(day[:3]), datetime.strptime(clock.strip(), "%H:%M").time()  # noqa: DTZ007 - a wall time has no zone
    except ValueError as error:
        message = f"{name} must be a day and a time such as fri 10:00, or off"
        raise SettingError(message) from error


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return a variable split at commas and spaces."""
    return tuple(text(name).replace(",", " ").split()) or default


def choices(name: str, *, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return a variable whose words are each one of those allowed."""
    found = words(name)
    unknown = [word for word in found if word not in allowed]
    if unknown:
        message = f"{name} knows {', '.join(allowed)}, not {', '.join(unknown)}"
        raise SettingError(message)
    return found
