"""The doubles themselves: what one leaves open, another test would be blamed for."""

import gc
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.doubles.proxy import Proxy
from tests.doubles.recording_provider import RecordingProvider
from tests.doubles.streams import StreamServer
from tests.doubles.tls_front import TlsFront
from tests.integrations.certificates import issue


@pytest.fixture
def upstream() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(params=["proxy", "provider", "front"])
def double(
    request: pytest.FixtureRequest, upstream: int, tmp_path: Path
) -> StreamServer:
    if request.param == "proxy":
        return Proxy(upstream)
    if request.param == "provider":
        return RecordingProvider()
    return TlsFront(upstream, issue(tmp_path, "DNS:localhost").server())


def test_a_double_that_ends_in_mid_sentence_leaves_no_connection_open(
    double: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda one: reported.append(str(one.exc_value))
    )
    with ExitStack() as clients:
        with double:
            for _ in range(3):
                client = clients.enter_context(greeted(double))
                client.sendall(b"EHLO half a sen")
        gc.collect()

    assert reported == []


def greeted(double: StreamServer) -> socket.socket:
    plain = socket.create_connection(("127.0.0.1", double.ports[0]), timeout=10)
    if not isinstance(double, TlsFront):
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)
