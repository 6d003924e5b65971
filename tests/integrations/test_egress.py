import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from itertools import count
from pathlib import Path

import pytest

from tests.doubles.raw_server import Connection, RawServer
from tests.doubles.slack_server import HANG, SlackDouble, broken, refused, throttled
from tests.integrations.certificates import issue
from tests.integrations.notices import PAGE
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import (
    Answer,
    FailureKind,
    Outgoing,
    TransportFailure,
)
from watchbill.integrations.slack.outbound import read, render_message, render_webhook
from watchbill.server.engine.egress import (
    MAX_ANSWER,
    Egress,
    Resolver,
    resolve,
    why_refused,
)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Ray: 7\r\n\r\nok"


def post(url: str, **headers: str) -> Outgoing:
    return Outgoing(method="POST", url=url, headers=headers, body=b"{}")


def answers(*addresses: str) -> Resolver:
    """Return a name server that knows every name by these addresses."""
    return lambda host, port: addresses


def as_the_system_does(host: str, port: int) -> Iterable[str]:
    """Read numbers like inet_aton(3); the guard of the tests looks no such name up."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return resolve(host.rstrip("."), port)


def send(
    egress: Egress, url: str, *, timeout: float = 5, **headers: str
) -> Answer | TransportFailure:
    return egress.send(post(url, **headers), timeout=timeout)


def failed(result: Answer | TransportFailure, kind: FailureKind) -> str:
    assert isinstance(result, TransportFailure), result
    assert result.kind is kind, result
    return result.detail


def replying(data: bytes) -> Callable[[Connection], None]:
    def script(connection: Connection) -> None:
        connection.receive_request()
        connection.send(data)

    return script


# ── Which addresses ────────────────────────────────────────────────────────────

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.1.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:7f00:1::80ff:fffe",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:a00:1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_nothing_is_sent_to_an_address_that_is_not_public(address: str) -> None:
    assert why_refused(ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2002:808::1"],
)
def test_public_addresses_are_reached_in_every_spelling(address: str) -> None:
    assert why_refused(ip_address(address)) is None


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_metadata_services_are_never_reached_even_if_allowed(address: str) -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))

    assert "metadata" in (why_refused(ip_address(address), everything) or "")


def test_the_administrator_can_allow_an_internal_network() -> None:
    allow = (ip_network("10.1.0.0/16"),)

    assert why_refused(ip_address("10.1.2.3"), allow) is None
    assert why_refused(ip_address("::ffff:10.1.2.3"), allow) is None
    assert why_refused(ip_address("10.2.2.3"), allow) is not None


# ── Which URLs ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127。0。0。1",
        "0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[::ffff:7f00:1]",
        "%6c%6f%63alhost",
        "①②⑦.⓪.⓪.①",
        "\uff4cocalhost",
        "[fe80::1%25eth0]",
        "127.0.0.1%00.example.org",
        "user@127.0.0.1",
        "hooks.slack.com@127.0.0.1",
        "127.0.0.1\\@hooks.slack.com",
        "",
        "[::1",
        "a b",
        ".",
        "a..b",
        "x" * 64,
    ],
)
def test_no_spelling_of_this_machine_gets_out(host: str) -> None:
    egress = Egress(resolver=as_the_system_does)

    with RawServer(replying(OK)) as server:
        result = send(egress, f"http://{host}:{server.port}/")

    failed(result, FailureKind.REFUSED)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "must begin with https"),
        ("gopher://hooks.example/", "must begin with https"),
        ("ftp://hooks.example/", "must begin with https"),
        ("//hooks.example/", "must begin with https"),
        ("hooks.example", "must begin with https"),
        ("http:hooks.example", "no valid host name"),
        ("http://hooks.example:99999/", "no port 99999"),
        ("http://hooks.example:22/", "port 22 is not one of a web server"),
        ("http://hooks.example:25/", "port 25 is not one of a web server"),
        ("http://user:pw@hooks.example/", "user name or password"),
        ("http://hooks.example/\r\nX: y", "cannot be read"),
        ("", "must begin with https"),
    ],
)
def test_a_url_that_may_not_be_used_says_why(url: str, why: str) -> None:
    egress = Egress(resolver=answers("8.8.8.8"))

    assert why in failed(send(egress, url), FailureKind.REFUSED)


def test_one_forbidden_address_of_a_name_forbids_the_name() -> None:
    egress = Egress(resolver=answers("8.8.8.8", "10.0.0.1"))

    detail = failed(send(egress, "https://hooks.example/"), FailureKind.REFUSED)

    assert detail.startswith("hooks.example is 10.0.0.1, and nothing is sent there")


def test_a_name_is_looked_up_once_and_the_checked_address_is_used() -> None:
    lookups: list[str] = []

    def rebinding(host: str, port: int) -> Iterable[str]:
        lookups.append(host)
        return ["127.0.0.2"] if len(lookups) == 1 else ["127.0.0.1"]

    with RawServer(replying(OK), host="127.0.0.2") as server:
        egress = Egress((ip_network("127.0.0.2/32"),), resolver=rebinding)
        result = send(egress, f"http://hooks.example:{server.port}/")

    assert isinstance(result, Answer)
    assert lookups == ["hooks.example"]


def test_the_next_address_is_tried_if_nobody_listens_on_the_first() -> None:
    with RawServer(replying(OK), host="127.0.0.3") as server:
        egress = Egress(LOOPBACK, resolver=answers("127.0.0.9", "127.0.0.3"))
        result = send(egress, f"http://hooks.example:{server.port}/")

    assert isinstance(result, Answer)


# ── What is sent ───────────────────────────────────────────────────────────────


def test_the_request_arrives_as_it_was_written() -> None:
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        seen.append(connection.receive_request())
        connection.send(OK)

    with RawServer(script) as server:
        egress = Egress(LOOPBACK, resolver=answers("127.0.0.1"))
        url = f"http://hooks.example:{server.port}/a?b=c"
        result = send(egress, url, Authorization="Bearer x", Host="evil.example")

    assert result == Answer(
        status=200, headers={"content-length": "2", "x-ray": "7"}, body=b"ok"
    )
    assert seen == [
        b"POST /a?b=c HTTP/1.1\r\n"
        b"Host: hooks.example:%d\r\n"
        b"User-Agent: watchbill\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Connection: close\r\n"
        b"Content-Length: 2\r\n"
        b"Authorization: Bearer x\r\n\r\n{}" % server.port
    ]


def test_a_header_with_a_line_break_is_refused_before_it_is_sent() -> None:
    with RawServer(replying(OK)) as server:
        result = send(
            Egress(LOOPBACK), f"http://127.0.0.1:{server.port}/", Evil="a\r\nX: y"
        )

    assert "malformed" in failed(result, FailureKind.REFUSED)


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with RawServer(replying(OK)) as server:
        result = send(Egress(LOOPBACK), f"http://127.0.0.1:{server.port}/")

    assert isinstance(result, Answer)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with RawServer(replying(OK)) as other:
        to = f"http://127.0.0.1:{other.port}/".encode()
        moved = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % to
        with RawServer(replying(moved)) as server:
            result = send(Egress(LOOPBACK), f"http://127.0.0.1:{server.port}/")

    assert isinstance(result, Answer)
    assert result.status == 302
    assert other.connections == 0


def test_the_certificate_is_checked_for_the_name_not_the_address(
    tmp_path: Path,
) -> None:
    certificate = issue(tmp_path, "DNS:hooks.example")
    with RawServer(replying(OK), tls=certificate.server()) as server:
        egress = Egress(
            LOOPBACK,
            resolver=answers("127.0.0.1"),
            ssl_context=certificate.client(),
        )
        right = send(egress, f"https://hooks.example:{server.port}/")
        wrong = send(egress, f"https://other.example:{server.port}/")
        stranger = send(
            Egress(LOOPBACK, resolver=answers("127.0.0.1")),
            f"https://hooks.example:{server.port}/",
        )

    assert isinstance(right, Answer)
    assert "Hostname mismatch" in failed(wrong, FailureKind.NOT_SENT)
    assert "self-signed" in failed(stranger, FailureKind.NOT_SENT)


# ── What goes wrong ────────────────────────────────────────────────────────────


@pytest.mark.req("S7.1-08")
def test_nobody_listening_means_not_sent() -> None:
    with RawServer(replying(OK)) as server:
        port = server.port

    result = send(Egress(LOOPBACK), f"http://127.0.0.1:{port}/")

    assert "refused" in failed(result, FailureKind.NOT_SENT)


def test_a_name_without_an_address_means_not_sent() -> None:
    result = send(Egress(resolver=answers()), "https://hooks.example/")

    assert "no address" in failed(result, FailureKind.NOT_SENT)


def test_a_tls_handshake_that_hangs_means_not_sent() -> None:
    with RawServer(lambda c: c.wait()) as server:
        url = f"https://127.0.0.1:{server.port}/"
        failed(send(Egress(LOOPBACK), url, timeout=0.3), FailureKind.NOT_SENT)


def close_at_once(connection: Connection) -> None:
    connection.receive_request()


def stall(connection: Connection) -> None:
    connection.receive_request()
    connection.wait()


def drip_the_head(connection: Connection) -> None:
    connection.receive_request()
    for number in count():
        connection.send(
            b"HTTP/1.1 200 OK\r\n" if not number else b"X-%d: y\r\n" % number
        )
        if connection.wait(0.02):
            return


def talk_nonsense(connection: Connection) -> None:
    connection.receive_request()
    connection.send(b"220 mail.example ESMTP\r\n")


@pytest.mark.req("S7.1-08")
@pytest.mark.parametrize("script", [close_at_once, stall, drip_the_head, talk_nonsense])
def test_a_request_without_a_status_may_have_been_sent(
    script: Callable[[Connection], None],
) -> None:
    with RawServer(script) as server:
        url = f"http://127.0.0.1:{server.port}/"
        failed(send(Egress(LOOPBACK), url, timeout=0.4), FailureKind.MAYBE_SENT)

    assert server.connections == 1


def drip_the_body(connection: Connection) -> None:
    connection.receive_request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    while not connection.wait(0.02):
        connection.send(b"x")


def break_off_the_body(connection: Connection) -> None:
    connection.receive_request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nxx")


@pytest.mark.parametrize("script", [drip_the_body, break_off_the_body])
def test_a_status_is_kept_although_the_body_does_not_come(
    script: Callable[[Connection], None],
) -> None:
    with RawServer(script) as server:
        url = f"http://127.0.0.1:{server.port}/"
        result = send(Egress(LOOPBACK), url, timeout=0.4)

    assert isinstance(result, Answer)
    assert (result.status, result.truncated) == (200, True)
    assert result.body.strip(b"x") == b""


def test_a_huge_answer_is_cut() -> None:
    def script(connection: Connection) -> None:
        connection.receive_request()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not connection.wait(0):
            connection.send(b"x" * 65536)

    with RawServer(script) as server:
        result = send(Egress(LOOPBACK), f"http://127.0.0.1:{server.port}/")

    assert isinstance(result, Answer)
    assert result.truncated
    assert len(result.body) == MAX_ANSWER


def test_an_answer_before_the_request_was_read_counts() -> None:
    def script(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.receive_request()

    with RawServer(script) as server:
        result = send(Egress(LOOPBACK), f"http://127.0.0.1:{server.port}/")

    assert isinstance(result, Answer)
    assert result.status == 413


# ── Slack, from end to end ─────────────────────────────────────────────────────


def say(slack: SlackDouble, *, channel: str = "#incidents", token: str = "") -> Attempt:
    request = render_message(
        PAGE, channel=channel, token=token or slack.token, api_url=slack.api_url
    )
    return outcome(request)


def outcome(request: Outgoing) -> Attempt:
    match Egress(LOOPBACK).send(request, timeout=0.8):
        case Answer() as answer:
            return read(answer)
        case TransportFailure() as failure:
            return failure.attempt()


@pytest.mark.req("S7.1-01")
def test_slack_takes_a_page_with_its_buttons() -> None:
    with SlackDouble() as slack:
        attempt = say(slack)
        by_webhook = outcome(render_webhook(PAGE, url=slack.webhook_url))

    assert attempt.outcome is by_webhook.outcome is Outcome.DELIVERED
    message, again = slack.messages
    assert attempt.provider_ref == f"C0INCIDENTS:{message.ts}"
    assert message.channel == "#incidents"
    assert message.idempotency_key == PAGE.idempotency_key
    assert message.buttons == again.buttons
    assert message.buttons["Acknowledge"] == "https://watch.example/a/k3"


@pytest.mark.req("S7.1-08")
def test_slack_that_is_busy_broken_silent_or_wrong_is_told_apart() -> None:
    script = (throttled(30), refused("is_archived"), broken(), HANG)
    with SlackDouble(*script) as slack:
        attempts = [say(slack) for _ in script]
        attempts.append(say(slack, channel="#nowhere"))
        attempts.append(say(slack, token="xoxb-wrong"))

    assert [attempt.outcome for attempt in attempts] == [
        Outcome.THROTTLED,
        Outcome.PERMANENT,
        Outcome.TRANSIENT,
        Outcome.UNKNOWN,
        Outcome.PERMANENT,
        Outcome.PERMANENT,
    ]
    assert attempts[0].retry_after is not None
    assert attempts[0].retry_after.total_seconds() == 30
    assert len(slack.messages) == 1
