"""Mail over real SMTP: what is answered 250 is on disk, and nothing else is taken."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from tests.intake.database import Locked, close_the_door, open_the_door
from tests.integrations.certificates import issue
from tests.server.asgi import ask, drive, in_thread
from watchbill.server.clock import VirtualClock
from watchbill.server.intake import actions, commit, mail
from watchbill.server.intake.models import InboxEntry, IntakeRejection, Integration
from watchbill.server.intake.posts import read_entry
from watchbill.server.project.asgi import WatchbillApplication

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "trm_plan"),
    pytest.mark.req("S4.1-11"),
]

Talk = Callable[[smtplib.SMTP], Any]


@pytest.fixture
def made(
    transactional_db: None, virtual_clock: VirtualClock
) -> tuple[Integration, str]:
    return actions.create_integration(
        kind="mail_in", name="Old machines", now=virtual_clock.now()
    )


@pytest.fixture
def key(made: tuple[Integration, str]) -> str:
    return made[1]


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    with override_settings(MAIL_LISTEN="127.0.0.1:0"):
        yield


def message(subject: str = "Disk full", text: str = "93 %", **more: str) -> bytes:
    made = EmailMessage()
    made["Subject"] = subject
    made["From"] = "nagios@example.org"
    for name, value in more.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def port_of(app: WatchbillApplication) -> int:
    assert app._mail is not None
    return app._mail.port


def talk(say: Talk) -> Any:
    """Have a conversation with an application of its own."""

    def speak(port: int) -> Any:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo("sender.example.org")
            return say(client)

    return drive(lambda app: in_thread(speak, port_of(app)))


def sending(to: str, body: bytes, sender: str = "nagios@example.org") -> Talk:
    def say(client: smtplib.SMTP) -> tuple[int, bytes]:
        for code, text in (client.mail(sender), client.rcpt(to)):
            if code != 250:
                return code, text
        return client.data(body)

    return say


def stored() -> list[bytes]:
    return [bytes(entry.body) for entry in InboxEntry.objects.order_by("pk")]


# ── Taken ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["{}@a.example", "jobs+{}@b.example", '"{}"@c'])
def test_a_mail_to_a_key_is_on_disk_when_it_is_answered(key: str, form: str) -> None:
    code, _ = talk(sending(form.format(key), message()))
    assert code == 250
    (entry,) = InboxEntry.objects.all()
    assert b"Subject: Disk full" in bytes(entry.body)
    assert read_entry(entry).headers == {"return-path": "<nagios@example.org>"}


def test_the_case_of_an_address_does_not_matter(key: str) -> None:
    assert talk(sending(f"{key.upper()}@Example.ORG", message()))[0] == 250


def test_a_bounce_is_kept_with_its_empty_sender(key: str) -> None:
    assert talk(sending(f"{key}@a.example", message(), sender=""))[0] == 250
    assert read_entry(InboxEntry.objects.get()).headers == {"return-path": "<>"}


def test_the_answer_waits_for_the_commit(key: str) -> None:
    async def test(app: WatchbillApplication) -> tuple[int, list[bytes]]:
        def speak() -> tuple[int, list[bytes]]:
            with smtplib.SMTP("127.0.0.1", port_of(app), timeout=20) as client:
                client.ehlo()
                code, _ = sending(f"{key}@a", message())(client)
                return code, stored()

        return await in_thread(speak)

    code, seen = drive(test)
    assert (code, len(seen)) == (250, 1)


def test_burmese_and_long_lines_arrive_as_they_were_sent(key: str) -> None:
    body = (
        "Subject: ဒေတာဘေ့စ်\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + "ရပ်နေသည် " * 300
        + "\r\n"
    ).encode()
    assert talk(sending(f"{key}@a", body))[0] == 250
    assert stored() == [body]


def test_lines_that_begin_with_a_dot_arrive_as_they_were_sent(key: str) -> None:
    body = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n"
    assert talk(sending(f"{key}@a", body))[0] == 250
    assert stored() == [body]


def test_several_mails_in_one_conversation_are_all_taken(key: str) -> None:
    def say(client: smtplib.SMTP) -> list[int]:
        return [sending(f"{key}@a", message(str(n)))(client)[0] for n in range(3)]

    assert talk(say) == [250, 250, 250]
    assert len(stored()) == 3


def test_a_mail_can_be_piped_over_http_too(key: str) -> None:
    answer = drive(lambda app: ask(app, "POST", f"/intake/mail_in/{key}", message()))
    assert answer.status == 202
    assert stored() == [message()]


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        (b"caf\xe9@example.org", "<caf?@example.org>"),
        ("ကိုကို@example.org".encode(), "<ကိုကို@example.org>"),
    ],
)
def test_a_sender_of_odd_bytes_is_no_reason_to_send_a_mail_for_ever(
    key: str, sender: bytes, kept: str
) -> None:
    def say(client: smtplib.SMTP) -> tuple[int, int, int]:
        client.send(b"MAIL FROM:<" + sender + b"> SMTPUTF8\r\n")
        begun, _ = client.getreply()
        client.send(b"RCPT TO:<caf\xe9@a.example>\r\n")
        unknown, _ = client.getreply()
        client.rcpt(f"{key}@a.example")
        return begun, unknown, client.data(message())[0]

    assert talk(say) == (250, 550, 250)
    assert read_entry(InboxEntry.objects.get()).headers == {"return-path": kept}


# ── Refused ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("to", ["root@localhost", "nobody@gmail.com", "a+b@c"])
def test_whoever_has_no_key_is_refused_before_the_message(key: str, to: str) -> None:
    code, _ = talk(sending(to, message()))
    assert code == 550
    assert stored() == []
    row = IntakeRejection.objects.get()
    assert (row.reason, row.last_remote) == ("unknown_key", "127.0.0.1")


def test_a_revoked_key_and_one_of_another_kind_are_refused(
    made: tuple[Integration, str], virtual_clock: VirtualClock
) -> None:
    integration, key = made
    actions.revoke(integration.pk, now=virtual_clock.now())
    _, other = actions.create_integration(
        kind="heartbeat", name="Jobs", now=virtual_clock.now()
    )
    assert talk(sending(f"{key}@a", message()))[0] == 550
    assert talk(sending(f"{other}@a", message()))[0] == 550


def test_a_mail_that_is_too_long_is_refused_before_and_after_it_is_sent(
    key: str,
) -> None:
    long = message() + (b"x" * 998 + b"\r\n") * 5_500

    def said(client: smtplib.SMTP) -> int:
        return client.mail("a@b", [f"size={len(long)}"])[0]

    assert talk(said) == 552
    assert talk(sending(f"{key}@a", long))[0] == 552
    assert stored() == []


def test_what_is_no_mail_is_refused(key: str) -> None:
    code, text = talk(sending(f"{key}@a", b"\r\nhello\r\n"))
    assert (code, text) == (554, b"5.6.0 this is no mail")


def test_a_mail_that_goes_in_a_circle_is_refused(key: str) -> None:
    hops = b"Received: from a by b\r\n"
    assert talk(sending(f"{key}@a", hops * 50 + message()))[0] == 250
    assert talk(sending(f"{key}@a", hops * 51 + message()))[0] == 554
    assert len(stored()) == 1


def test_a_mail_is_for_a_bounded_number_of_recipients(key: str) -> None:
    def say(client: smtplib.SMTP) -> list[int]:
        client.mail("a@b")
        return [client.rcpt(f"{n}+{key}@a")[0] for n in range(mail.MAX_RECIPIENTS + 1)]

    assert talk(say) == [250] * mail.MAX_RECIPIENTS + [452]


def test_more_senders_than_may_be_are_asked_to_come_back(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "MAX_SENDERS", 1)

    async def test(app: WatchbillApplication) -> tuple[int, int]:
        def speak() -> tuple[int, int]:
            port = port_of(app)
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as first:
                with pytest.raises(smtplib.SMTPConnectError) as refused:
                    smtplib.SMTP("127.0.0.1", port, timeout=20)
                first.ehlo()
                code, _ = sending(f"{key}@a", message())(first)
            return refused.value.smtp_code, code

        return await in_thread(speak)

    assert drive(test) == (421, 250)


def test_without_a_database_the_sender_is_asked_to_come_back(key: str) -> None:
    async def test(app: WatchbillApplication) -> tuple[int, int]:
        def speak() -> tuple[int, int]:
            with smtplib.SMTP("127.0.0.1", port_of(app), timeout=40) as client:
                client.ehlo()
                client.mail("a@b")
                known, _ = client.rcpt(f"{key}@a")
                close_the_door()
                try:
                    return known, client.data(message())[0]
                finally:
                    open_the_door()

        return await in_thread(speak)

    connections.close_all()
    assert drive(test) == (250, 451)
    assert stored() == []


def test_a_database_that_hangs_is_an_answer_to_come_back(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchbill.server.intake.commit.COMMIT_TIMEOUT", 0.5)

    async def test(app: WatchbillApplication) -> int:
        def speak() -> int:
            with smtplib.SMTP("127.0.0.1", port_of(app), timeout=40) as client:
                client.ehlo()
                return int(sending(f"{key}@a", message())(client)[0])

        async with Locked("watchbill_inboxentry"):
            return await in_thread(speak)

    assert drive(test) == 451


def test_beyond_its_budget_the_sender_is_asked_to_come_back(
    made: tuple[Integration, str],
) -> None:
    integration, key = made
    Integration.objects.filter(pk=integration.pk).update(per_minute=2)

    def say(client: smtplib.SMTP) -> list[int]:
        return [sending(f"{key}@a", message(str(n)))(client)[0] for n in range(3)]

    assert talk(say) == [250, 250, 451]
    assert len(stored()) == 2
    row = IntakeRejection.objects.get()
    assert (row.reason, row.integration) == ("over_budget", integration)


def test_a_mail_to_many_addresses_of_one_integration_is_one_post(
    made: tuple[Integration, str],
) -> None:
    integration, key = made
    Integration.objects.filter(pk=integration.pk).update(per_minute=1)

    def say(client: smtplib.SMTP) -> int:
        client.mail("a@b")
        codes = [client.rcpt(f"{name}+{key}@a")[0] for name in ("jobs", "disks", "ups")]
        assert codes == [250] * 3
        return client.data(message())[0]

    assert talk(say) == 250
    assert len(stored()) == 1
    assert not IntakeRejection.objects.exists()


def test_when_too_much_waits_the_sender_is_asked_to_come_back(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "MAX_WAITING_BYTES", 10)
    assert talk(sending(f"{key}@a", message()))[0] == 451
    assert stored() == []


# ── Encryption and start ────────────────────────────────────────────────────────


def test_with_a_certificate_the_conversation_is_encrypted(
    key: str, tmp_path: Path
) -> None:
    certificate = issue(tmp_path, "DNS:localhost")
    files = {
        "MAIL_TLS_CERT": str(certificate.path),
        "MAIL_TLS_KEY": str(certificate.key),
    }
    with override_settings(**files):

        def say(client: smtplib.SMTP) -> tuple[int, str]:
            client._host = "localhost"  # type: ignore[attr-defined]
            client.starttls(context=certificate.client())
            client.ehlo()
            code, _ = sending(f"{key}@a", message())(client)
            assert isinstance(client.sock, ssl.SSLSocket)
            return code, client.sock.version() or ""

        code, version = talk(say)
    assert code == 250
    assert version.startswith("TLS")


def test_without_a_certificate_starttls_is_not_offered(key: str) -> None:
    assert talk(lambda client: client.has_extn("starttls")) is False


def test_it_is_off_unless_it_is_asked_for() -> None:
    with override_settings(MAIL_LISTEN=""):

        async def test(app: WatchbillApplication) -> bool:
            return app._mail is None

        assert drive(test)


@pytest.mark.parametrize("place", ["2525", ":2525", "localhost", "localhost:smtp"])
def test_an_address_that_is_none_is_refused_with_a_sentence(place: str) -> None:
    with pytest.raises(ValueError, match="must be a host and a port"):
        mail.Listening.at(place)


def test_the_keys_in_addresses_are_not_logged(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        talk(sending(f"{key}@a", message()))
    assert key not in caplog.text
    assert settings.MAIL_LISTEN
