import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest

from tests.doubles.raw_server import Connection, RawServer
from tests.doubles.smtp_server import SmtpDouble, SmtpReply
from tests.integrations.certificates import issue
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.integrations.contract import SettingsError
from watchbill.integrations.email.outbound import render
from watchbill.server.engine.mail import Security, SmtpSettings, send

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.req("S7.1-04", "S7.1-08")


def mail(notice: Notice = PAGE) -> EmailMessage:
    return render(
        notice,
        to="Ana <ana@example.org>",
        sender="watchbill <watch@example.org>",
        domain="example.org",
        now=NOW,
    )


def hand_in(
    url: str, *, message: EmailMessage | None = None, timeout: float = 5
) -> Attempt:
    return send(
        message or mail(),
        SmtpSettings.parse(url),
        to="ana@example.org",
        timeout=timeout,
    )


def test_a_mail_arrives_as_it_was_written() -> None:
    notice = replace(PAGE, subject=BURMESE, paragraphs=(".\n..\n.x\n\nend",))

    with SmtpDouble() as smtp:
        attempt = hand_in(smtp.url, message=mail(notice))
        (received,) = smtp.wait_for(1)

    assert attempt.outcome is Outcome.DELIVERED
    assert attempt.provider_ref == "D1"
    assert received.sender == "watch@example.org"
    assert received.recipients == ("ana@example.org",)
    assert received.message["Subject"] == BURMESE
    assert ".\n..\n.x\n\nend" in received.body().replace("\r\n", "\n")


def test_lines_that_begin_with_a_dot_are_not_the_end() -> None:
    message = mail()
    message.clear_content()
    message.set_content(".\r\n.\r\n..a\r\nb", cte="7bit")

    with SmtpDouble() as smtp:
        hand_in(smtp.url, message=message)
        (received,) = smtp.wait_for(1)

    assert received.raw.endswith(b"\r\n\r\n.\r\n.\r\n..a\r\nb\r\n")


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (SmtpReply.REFUSE, Outcome.TRANSIENT, "not sent: Connection unexpectedly"),
        (SmtpReply.BUSY, Outcome.TRANSIENT, "421 4.3.2 try again later"),
        (SmtpReply.GREYLIST, Outcome.TRANSIENT, "451 4.7.1 greylisted"),
        (SmtpReply.NO_SUCH_USER, Outcome.PERMANENT, "550 5.1.1 no such user"),
        (SmtpReply.REJECT, Outcome.PERMANENT, "554 5.7.1 looks like spam"),
        (SmtpReply.STALL_AFTER_DATA, Outcome.UNKNOWN, "no reply after the message"),
        (SmtpReply.DROP_AFTER_DATA, Outcome.UNKNOWN, "no reply after the message"),
        (SmtpReply.DROP_AT_QUIT, Outcome.DELIVERED, "250 2.0.0 Ok"),
    ],
)
def test_what_the_server_does_decides_the_outcome(
    reply: SmtpReply, outcome: Outcome, detail: str
) -> None:
    with SmtpDouble(reply) as smtp:
        attempt = hand_in(smtp.url, timeout=0.6)

    assert attempt.outcome is outcome
    assert attempt.detail.startswith(detail)


def test_nobody_listening_is_transient() -> None:
    with SmtpDouble() as smtp:
        url = smtp.url

    assert hand_in(url).outcome is Outcome.TRANSIENT


def before_data(connection: Connection) -> None:
    connection.send(b"220 x\r\n")
    for _ in range(3):
        connection.sock.recv(4096)
        connection.send(b"250 ok\r\n")
    connection.sock.recv(4096)  # DATA


def stall_before_data(connection: Connection) -> None:
    before_data(connection)
    connection.wait()


def drip_a_reply(connection: Connection) -> None:
    for number in count():
        connection.send(b"220-%d\r\n" % number)
        if connection.wait(0.02):
            return


def refuse_data(connection: Connection) -> None:
    before_data(connection)
    connection.send(b"250 not what DATA means\r\n")
    connection.wait()


def babble(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.wait()


@pytest.mark.parametrize(
    "script", [before_data, stall_before_data, drip_a_reply, refuse_data, babble]
)
def test_what_goes_wrong_before_the_message_is_transient(
    script: Callable[[Connection], None],
) -> None:
    with RawServer(script) as server:
        attempt = hand_in(f"smtp://127.0.0.1:{server.port}", timeout=0.5)

    assert attempt.outcome is Outcome.TRANSIENT


def test_nonsense_after_the_message_leaves_it_unknown() -> None:
    def script(connection: Connection) -> None:
        before_data(connection)
        connection.send(b"354 go on\r\n")
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            data += connection.sock.recv(65536)
        connection.send(b"what?\r\n")

    with RawServer(script) as server:
        attempt = hand_in(f"smtp://127.0.0.1:{server.port}")

    assert attempt.outcome is Outcome.UNKNOWN


def test_a_password_opens_the_door_and_a_wrong_one_does_not() -> None:
    with SmtpDouble(login=("watch", "p@ss:w/ord")) as smtp:
        right = hand_in(smtp.url)
        wrong = hand_in(smtp.url.replace("watch", "other"))
        none = hand_in(f"smtp://127.0.0.1:{smtp.port}")

    assert right.outcome is Outcome.DELIVERED
    assert wrong.outcome is none.outcome is Outcome.PERMANENT
    assert wrong.detail.startswith("535")
    assert "ord" not in wrong.detail
    assert none.detail.startswith("530")


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_encryption_is_checked_and_never_given_up(tmp_path: Path, way: str) -> None:
    certificate = issue(tmp_path, "IP:127.0.0.1")
    context = certificate.server()
    double = (
        SmtpDouble(starttls=context) if way == "starttls" else SmtpDouble(tls=context)
    )
    with double as smtp:
        trusted = hand_in(f"{smtp.url}?ca_file={certificate.path}")
        stranger = hand_in(smtp.url)
        misnamed = hand_in(
            f"{smtp.url}?ca_file={certificate.path}".replace("127.0.0.1", "localhost")
        )

    assert trusted.outcome is Outcome.DELIVERED
    assert stranger.outcome is misnamed.outcome is Outcome.TRANSIENT
    assert "self-signed" in stranger.detail
    assert "Hostname mismatch" in misnamed.detail
    assert len(smtp.messages) == 1


def test_a_server_without_starttls_gets_nothing() -> None:
    with SmtpDouble() as smtp:
        attempt = hand_in(smtp.url.replace("smtp://", "smtp+starttls://"))

    assert attempt.outcome is Outcome.TRANSIENT
    assert "offers no STARTTLS" in attempt.detail
    assert smtp.messages == []


def test_a_missing_file_of_certificates_is_named() -> None:
    with SmtpDouble() as smtp:
        url = smtp.url.replace("smtp://", "smtps://") + "?ca_file=/nowhere.pem"
        attempt = hand_in(url)

    assert "certificates in /nowhere.pem" in attempt.detail


@pytest.mark.parametrize(
    "to",
    ["", "ana", "ana@b\r\nRCPT TO:<eve@b>", "a b@c.example", "ကို@c.example", "<>@c"],
)
def test_what_is_no_address_is_not_sent_to(to: str) -> None:
    settings = SmtpSettings.parse("smtp://127.0.0.1:1")

    assert send(mail(), settings, to=to, timeout=1).outcome is Outcome.PERMANENT


def test_a_url_says_where_mail_is_handed_in() -> None:
    settings = SmtpSettings.parse(
        "smtp+starttls://us%40er:p%3Aw@mail.example.org?helo=watch.example.org"
    )

    assert settings == SmtpSettings(
        host="mail.example.org",
        port=587,
        security=Security.STARTTLS,
        username="us@er",
        password="p:w",
        helo="watch.example.org",
    )
    assert "p:w" not in repr(settings)
    assert SmtpSettings.parse("smtps://h").port == 465
    assert SmtpSettings.parse("smtp://h").port == 25


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "begins with smtp://"),
        ("http://h", "begins with smtp://"),
        ("smtp://", "names no host"),
        ("smtp://h:x", "malformed"),
        ("smtp://u:s3cret@h:99999", "malformed"),
        ("smtp://[::1", "malformed"),
        ("smtp://h/path", "only [?]name=value"),
        ("smtp://h#x", "only [?]name=value"),
        ("smtp://h?tls=1", "unknown parameter 'tls'; known: ca_file, helo"),
        ("smtps://u@h", "both a user name and a password"),
        ("smtps://u:s3cret@", "names no host"),
        ("smtp://u:s3cret@h", "unencrypted: use smtp[+]starttls://"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_and_not_the_password(
    url: str, problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem) as caught:
        SmtpSettings.parse(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_password_in_plain_text_must_be_asked_for() -> None:
    assert SmtpSettings.parse("smtp://u:p@127.0.0.1").password == "p"
    assert SmtpSettings.parse("smtp://u:p@h?plaintext_login=yes").password == "p"


def test_the_message_is_written_for_smtp() -> None:
    assert mail().policy.linesep == "\r\n"
    assert isinstance(mail().policy, email.policy.EmailPolicy)
