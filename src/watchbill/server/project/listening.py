"""The address that pages are served at, taken before anything else is done.

A port that is in use must be said at once, and not after a database was made, an
engine started and a link printed that leads to somebody else's server. The socket is
only bound here: until the server listens, clients are refused and try again, instead
of waiting in a queue of which nobody knows whether it will be served.
"""

import socket


class AddressUnusableError(Exception):
    """We cannot listen where we were told to; the text says where and why."""


def take(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; AddressUnusableError when that fails."""
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, *_, address = found[0]
        taken = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Connections of the process before us may linger; they do not matter.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(address)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        message = (
            f"Cannot listen at {host} port {port}: {error.strerror}."
            " Stop what listens there, or choose another place by --host and --port."
        )
        raise AddressUnusableError(message) from error
    return taken
