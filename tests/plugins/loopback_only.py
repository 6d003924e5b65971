"""Keep the tests on this machine.

While pytest runs, Python sockets reach loopback addresses and Unix sockets only, and
only names that mean this machine are resolved. A test that would depend on the outside
world fails with the address it wanted, instead of passing here and failing elsewhere.

The error is no `OSError` on purpose: code under test handles those, and an attempt to
leave the machine must not look like a provider that is down. Libraries that connect in
C (libpq) and child processes are out of reach.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

_real_getaddrinfo = socket.getaddrinfo
_GUARDED = ("connect", "connect_ex", "sendto")
_INTERNET = (socket.AF_INET, socket.AF_INET6)


class LeavesTheMachineError(RuntimeError):
    """A test tried to reach an address that is not on this machine."""


def pytest_configure() -> None:
    for name in _GUARDED:
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    vars(socket)["getaddrinfo"] = _guarded_getaddrinfo


def pytest_unconfigure() -> None:
    for name in _GUARDED:
        delattr(socket.socket, name)  # uncovers the method of the C base class
    vars(socket)["getaddrinfo"] = _real_getaddrinfo


def is_on_this_machine(host: str | bytes | None) -> bool:
    """Say whether a host names this machine; None and "" are its own addresses."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name == socket.gethostname()
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified


def _guarded(real: Callable[..., Any]) -> Callable[..., Any]:
    # The address is the last argument of connect, connect_ex and both forms of sendto.
    def guarded(self: socket.socket, *args: Any) -> Any:
        address = args[-1]
        if self.family in _INTERNET and not is_on_this_machine(address[0]):
            raise LeavesTheMachineError(
                f"a test tried to reach {address[0]}:{address[1]}"
            )
        return real(self, *args)

    return guarded


def _guarded_getaddrinfo(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
    if not (is_on_this_machine(host) or _is_address(host)):
        raise LeavesTheMachineError(f"a test tried to resolve the name {host!r}")
    return _real_getaddrinfo(host, *args, **kwargs)


def _is_address(host: str | bytes | None) -> bool:
    # Looking up a numeric address asks nobody; connecting to it is refused above.
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def pytest_report_header() -> str:
    return "sockets: loopback and Unix only"
