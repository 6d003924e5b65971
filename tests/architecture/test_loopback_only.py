"""The guard that keeps tests on this machine."""

import asyncio
import socket
import threading

import pytest

from tests.plugins.loopback_only import LeavesTheMachineError, is_on_this_machine


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("db.localhost", True),
        (b"localhost", True),
        (None, True),
        ("192.0.2.1", False),
        ("169.254.169.254", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("status.example.com", False),
    ],
)
def test_only_loopback_is_this_machine(
    host: str | bytes | None,
    expected: bool,  # noqa: FBT001
) -> None:
    assert is_on_this_machine(host) is expected


def test_connecting_elsewhere_fails_before_a_packet_leaves() -> None:
    with socket.socket() as client, pytest.raises(LeavesTheMachineError, match=":443"):
        client.connect(("192.0.2.1", 443))


def test_sending_a_datagram_elsewhere_fails() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as client,
        pytest.raises(LeavesTheMachineError),
    ):
        client.sendto(b"hello", 0, ("192.0.2.1", 53))


def test_a_name_elsewhere_is_not_resolved() -> None:
    with pytest.raises(LeavesTheMachineError, match=r"status\.example\.com"):
        socket.create_connection(("status.example.com", 443))


def test_asyncio_is_guarded_too() -> None:
    with pytest.raises(LeavesTheMachineError):
        asyncio.run(asyncio.wait_for(asyncio.open_connection("192.0.2.1", 443), 5))


def test_loopback_and_unix_sockets_work() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close()).start()
        with socket.create_connection(server.getsockname()[:2], timeout=5) as client:
            assert client.recv(1) == b""
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"x")
        assert other.recv(1) == b"x"
