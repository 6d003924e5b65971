"""The one door through which HTTP requests leave.

Users type in URLs of webhooks, so a request may be meant to reach what only the
server can reach (SSRF). Three things make the guard hold. The *address* is judged,
not its spelling: the name is resolved once, every address it has is checked, and the
connection goes to the very address that was checked, so a name server that changes
its mind finds nobody listening. Addresses that carry another address inside (mapped,
NAT64, 6to4 and so on) are judged by what they carry. And what is not known to be
public is refused; an instance administrator may allow internal networks, but never
the metadata service of a cloud, where credentials lie.

It stands on httpcore2, the connection layer of httpx2, because that layer has no
redirects, proxies, cookies or environment to switch off, and lets us connect where we
say while the name stays in Host, in SNI and in the check of the certificate. Each
request has a connection of its own: on a reused one nobody can tell whether a
request that failed had been sent. The one deadline covers everything from the first
connection to the last byte of the answer, however slowly it drips; looking up a name
has the time limit of the system's resolver instead.

A request that got a status line is answered, even if the body broke off: the status
is worth more than the rest.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

import httpcore2
import httpx2

from watchbill.integrations.contract import (
    Answer,
    FailureKind,
    Outgoing,
    TransportFailure,
)

MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read; providers need a few hundred."""

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Iterable[str]]

_PORTS = {"http": 80, "https": 443}
_LOWEST_FREE_PORT = 1024
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})

#: Services that hand out credentials to whoever asks from inside a cloud.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean, OpenStack and others
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",  # AWS EKS over IPv6
        "fd20:ce::254",  # Google over IPv6
        "168.63.129.16",  # Azure's host agent
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
#: The only IPv6 space given out for the Internet (IANA); all else is special.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: Special networks that `is_global` of Python 3.11 takes for public.
_SPECIAL = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")
)


class Deadline:
    """One budget of time for a whole conversation."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the whole exchange is over")
        return left


def why_refused(address: IPAddress, allow: tuple[IPNetwork, ...] = ()) -> str | None:
    """Return why nothing is sent to this address, or None if it may be."""
    effective = _effective(address)
    carried = _carried(effective)
    if _METADATA & {effective, *carried}:
        return "it is the metadata service of a cloud"
    if any(effective in network for network in allow):
        return None
    for candidate in (effective, *carried):
        if not _is_public(candidate):
            return "it is not a public address, and no allowed network contains it"
    return None


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _effective(address: IPAddress) -> IPAddress:
    """Return the IPv4 address where packets to a translated address arrive."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return _last_four_bytes(address)
    return address


def _carried(address: IPAddress) -> tuple[IPAddress, ...]:
    """Return the addresses inside an address of a tunnel."""
    if isinstance(address, IPv4Address):
        return ()
    carried = [address.sixtofour, *(address.teredo or ())]
    # ISATAP and the deprecated compatible and translated forms end with theirs.
    high, low = divmod(int(address), 1 << 64)
    if low >> 32 in {0x00005EFE, 0x02005EFE} or (high == 0 and low > 1):
        carried.append(_last_four_bytes(address))
    return tuple(inner for inner in carried if inner is not None)


def _last_four_bytes(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class _RefusedError(Exception):
    """The request may not leave; the text says why."""


class Egress:
    """Sends requests to public addresses and to the networks in ``allow``."""

    def __init__(
        self,
        allow: tuple[IPNetwork, ...] = (),
        *,
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
        max_answer: int = MAX_ANSWER,
    ) -> None:
        self._allow = allow
        self._max_answer = max_answer
        self._resolve = resolver
        self._ssl_context = ssl_context or ssl.create_default_context()

    def send(self, outgoing: Outgoing, *, timeout: float) -> Answer | TransportFailure:
        """Send within ``timeout`` seconds; network trouble is returned, not raised."""
        deadline = Deadline(timeout)
        wire = _Wire(deadline)
        try:
            url = _read_url(outgoing.url)
            wire.addresses = self._addresses(url)
            return self._exchange(outgoing, url, wire, deadline)
        except _RefusedError as error:
            kind, detail = FailureKind.REFUSED, str(error)
        except (httpcore2.LocalProtocolError, ValueError) as error:
            # A header with a line break, or a name that cannot be a host name.
            kind, detail = wire.failure_kind, f"the request is malformed: {error}"
            if kind is FailureKind.NOT_SENT:
                kind = FailureKind.REFUSED
        except _NETWORK_ERRORS as error:
            kind, detail = wire.failure_kind, _say(error)
        return TransportFailure(kind=kind, detail=detail)

    def _addresses(self, url: "_Url") -> list[str]:
        found = list(self._resolve(url.host, url.port))
        if not found:
            raise OSError(f"the name {url.host} has no address")
        for text in found:
            # The scope of a link-local address is no part of what is judged.
            address = ip_address(text.partition("%")[0])
            if reason := why_refused(address, self._allow):
                raise _RefusedError(
                    f"{url.host} is {address}, and nothing is sent there: {reason}"
                )
            inside = any(_effective(address) in network for network in self._allow)
            is_web = url.port in _PORTS.values() or url.port >= _LOWEST_FREE_PORT
            if not (inside or is_web):
                raise _RefusedError(f"port {url.port} is not one of a web server")
        return found

    def _exchange(
        self, outgoing: Outgoing, url: "_Url", wire: "_Wire", deadline: Deadline
    ) -> Answer:
        request = httpcore2.Request(
            method=outgoing.method,
            url=httpcore2.URL(
                scheme=url.scheme, host=url.host, port=url.port, target=url.target
            ),
            headers=_headers(outgoing, url),
            content=outgoing.body,
        )
        connection = httpcore2.HTTPConnection(
            origin=request.url.origin,
            ssl_context=self._ssl_context,
            network_backend=wire,
        )
        with closing(connection):
            deadline.left()
            response = connection.handle_request(request)
            body, truncated = _read_body(response, most=self._max_answer)
        return Answer(
            status=response.status,
            headers=_decode_headers(response.headers),
            body=body,
            truncated=truncated,
        )


_NETWORK_ERRORS = (
    OSError,
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Url:
    scheme: str
    host: str
    port: int
    target: bytes
    authority: str


def _read_url(text: str) -> _Url:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise _RefusedError(f"the URL cannot be read: {error}") from None
    # From here on only this reading is used: two parsers may disagree on a host.
    host = url.raw_host.decode("ascii")
    if url.scheme not in _PORTS:
        raise _RefusedError("a URL must begin with https:// or http://")
    if url.userinfo:
        raise _RefusedError("a URL may not contain a user name or password")
    port = url.port or _PORTS[url.scheme]
    if port > 65535:
        raise _RefusedError(f"there is no port {port}")
    return _Url(
        scheme=url.scheme,
        host=_host(host),
        port=port,
        target=url.raw_path,
        authority=url.netloc.decode("ascii"),
    )


def _host(host: str) -> str:
    if ":" in host and "%" not in host:
        return str(IPv6Address(host))
    if not _NAME.fullmatch(host):
        raise _RefusedError("the URL has no valid host name")
    return host


def _headers(outgoing: Outgoing, url: _Url) -> list[tuple[bytes, bytes]]:
    headers = {
        "Host": url.authority,
        "User-Agent": "watchbill",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(outgoing.body)),
    }
    theirs = {k: v for k, v in outgoing.headers.items() if k.lower() not in _OURS}
    return [(k.encode(), v.encode()) for k, v in (headers | theirs).items()]


def _decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in headers}


def _read_body(response: httpcore2.Response, *, most: int) -> tuple[bytes, bool]:
    """Return the body and whether it ends early."""
    body = bytearray()
    try:
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > most:
                return bytes(body[:most]), True
    except _NETWORK_ERRORS:
        return bytes(body), True
    return bytes(body), False


def _say(error: Exception) -> str:
    # httpcore2 wraps the error of the socket, sometimes without a text of its own.
    return str(error) or str(error.__cause__ or "") or type(error).__name__


class _Wire(httpcore2.NetworkBackend):
    """Connects to the checked addresses only, and knows whether anything was sent."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._backend = httpcore2.SyncBackend()
        self.addresses: list[str] = []
        self.failure_kind = FailureKind.NOT_SENT

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        error: Exception = OSError(f"{host} has no address")
        for tries, address in zip(
            range(len(self.addresses), 0, -1), self.addresses, strict=True
        ):
            # One address that does not answer may not use up the time of the others.
            share = self._deadline.left() / tries
            try:
                stream = self._backend.connect_tcp(address, port, timeout=share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
            else:
                return _Stream(stream, self, self._deadline)
        raise error


class _Stream(httpcore2.NetworkStream):
    """A connection on which every operation has only the time that is left."""

    def __init__(
        self, stream: httpcore2.NetworkStream, wire: _Wire, deadline: Deadline
    ) -> None:
        self._stream = stream
        self._wire = wire
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left()
        self._wire.failure_kind = FailureKind.MAYBE_SENT
        self._stream.write(buffer, timeout=left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(
            ssl_context, server_hostname, timeout=self._deadline.left()
        )
        return _Stream(stream, self._wire, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
