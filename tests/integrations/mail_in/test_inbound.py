"""Mail as alerts: what it is about, whether it is over, and what it says."""

from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.mail_in.inbound import condition, parse
from watchbill.integrations.sources import Config, Post

pytestmark = pytest.mark.req("S4.1-08")

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED
SENT = "Mon, 09 Feb 2026 07:00:00 +0630"


def mail(subject: str = "Disk full on db-1", text: str = "93 %", **more: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Nagios <Nagios@Example.org>"
    message["Date"] = SENT
    message["Message-ID"] = "<1@example.org>"
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def one(body: bytes, **options: str) -> Signal:
    (signal,) = parse(Post(body=body), Config(options=options)).reports
    assert isinstance(signal, Signal)
    return signal


def raw(*lines: bytes) -> bytes:
    return b"\r\n".join(lines)


def test_a_mail_is_an_alert() -> None:
    found = one(mail())
    assert found == Signal(
        fingerprint=found.fingerprint,
        status=FIRING,
        title="Disk full on db-1",
        labels={
            "alertname": "Disk full on db-1",
            "source": "email",
            "from": "nagios@example.org",
        },
        annotations={"description": "93 %", "message_id": "<1@example.org>"},
        starts_at=datetime(2026, 2, 9, 0, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("[FIRING] Disk full", "[RESOLVED] Disk full"),
        ("[FIRING:1] (Disk full)", "[RESOLVED] (Disk full)"),
        ("Problem: Disk full", "Resolved: Disk full"),
        ("Disk full", "OK: Disk full"),
        (
            "** PROBLEM Service Alert: db-1/disk is CRITICAL **",
            "** RECOVERY Service Alert: db-1/disk is OK **",
        ),
        ("Fwd: [ALERT] Disk full", "[RESOLVED] Disk full"),
    ],
)
def test_beginning_and_end_of_a_condition_are_one_alert(begins: str, ends: str) -> None:
    first, last = one(mail(begins)), one(mail(ends))
    assert (first.status, last.status) == (FIRING, RESOLVED)
    assert first.fingerprint == last.fingerprint
    assert first.labels["alertname"] == last.labels["alertname"]
    assert last.ends_at == datetime(2026, 2, 9, 0, 30, tzinfo=UTC)


def test_other_words_end_an_alert_where_the_operator_says_so() -> None:
    assert one(mail("ပြီးပါပြီ Disk"), resolved="ပြီးပါပြီ").status is RESOLVED
    assert one(mail("[RESOLVED] Disk"), resolved="cleared").status is FIRING
    assert one(mail("Okay, the disk is full"), resolved="OK").status is FIRING


@pytest.mark.parametrize(
    ("subject", "about"),
    [
        ("Re: Fwd: Disk full", "Disk full"),
        ("PROBLEM - web is DOWN", "web"),
        ("OK", "OK"),
        ("[FIRING:2]", "[FIRING:2]"),
        ("Downtime of the year", "Downtime of the year"),
    ],
)
def test_what_a_subject_is_about(subject: str, about: str) -> None:
    assert condition(subject) == about


def test_severity_comes_from_words_or_from_the_option() -> None:
    assert one(mail("web is DOWN")).labels["severity"] == "critical"
    assert one(mail("Warning: disk")).labels["severity"] == "warning"
    assert "severity" not in one(mail("Countdown")).labels
    assert one(mail("Countdown"), severity="info").labels["severity"] == "info"
    assert one(mail("Countdown"), critical="count*").labels.get("severity") is None


def test_the_operator_says_what_makes_two_mails_one_alert() -> None:
    first = mail("Disk 93 %")
    reply = mail(
        "Disk 94 %", In_Reply_To="<1@example.org>", References="<1@example.org>"
    )
    assert one(first).fingerprint != one(reply).fingerprint
    by_thread = {one(body, dedup="thread").fingerprint for body in (first, reply)}
    assert len(by_thread) == 1
    same = one(first, dedup="message-id").fingerprint
    other = one(first.replace(b"<1@", b"<2@"), dedup="message-id").fingerprint
    assert same != other


@pytest.mark.parametrize(
    "more",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-notified; owner"},
        {"Return_Path": "<>"},
    ],
)
def test_automatic_replies_and_bounces_tell_nothing(more: dict[str, str]) -> None:
    found = parse(Post(body=mail(**more)))
    assert found.reports == ()
    assert "is no alert" in found.problems[0]


def test_the_envelope_says_that_a_mail_is_a_bounce() -> None:
    bounce = Post(body=mail(), headers={"return-path": "<>"})
    assert parse(bounce).reports == ()
    assert parse(Post(body=mail(), headers={"return-path": "<a@b>"})).reports


def test_what_cron_sends_is_an_alert() -> None:
    assert one(mail(Auto_Submitted="auto-generated")).status is FIRING


def test_html_is_shown_as_text_and_its_scripts_are_not() -> None:
    message = EmailMessage()
    message["Subject"] = "Report"
    message.set_content(
        "<style>p{}</style><p>Disk <b>full</b></p><script>x()</script>"
        "<table><tr><td>db-1</td><td>93&nbsp;%</td></tr></table>",
        subtype="html",
    )
    text = one(message.as_bytes()).annotations["description"]
    assert text.split() == ["Disk", "full", "db-1", "93", "%"]


def test_attachments_are_named_and_not_read() -> None:
    message = EmailMessage()
    message["Subject"] = "Report"
    message.set_content("see the file")
    message.add_attachment("secret,words", subtype="csv", filename="စာရင်း.csv")
    message.add_attachment(b"\x00", maintype="image", subtype="png")
    found = one(message.as_bytes()).annotations
    assert found["description"] == "see the file"
    assert found["attachments"] == "စာရင်း.csv, (image/png)"


def test_burmese_is_kept() -> None:
    words = "ဒေတာဘေ့စ် ရပ်နေသည်"
    found = one(mail(words, words))
    assert (found.title, found.annotations["description"]) == (words, words)


@pytest.mark.parametrize(
    "body",
    [
        raw(b"Subject: \xe1\x80\x92 down", b"", b"\xe1\x80\x92"),
        raw(b"Subject: =?no-such?B?4YCS?= down", b"", b"\xe1\x80\x92"),
        raw(
            b"Subject: =?utf-8?B?4YCS?= down",
            b"Content-Type: text/plain; charset=us-ascii",
            b"",
            b"\xe1\x80\x92",
        ),
    ],
)
def test_careless_charsets_are_read_as_what_they_are(body: bytes) -> None:
    found = one(body)
    assert (found.title, found.annotations["description"]) == ("ဒ down", "ဒ")


@pytest.mark.parametrize(
    "subject",
    [b"=?utf-8?B?4YC?=", b"=?utf-8?Q?=E1=80?=", b"=?utf-8?B?\xff?=", b"\xff\xfe", b""],
)
def test_broken_words_are_still_an_alert(subject: bytes) -> None:
    found = one(raw(b"Subject: " + subject, b"From: x", b"", b"first line", b"more"))
    assert found.title


def test_a_mail_without_subject_is_called_by_its_first_line() -> None:
    assert one(raw(b"From: x", b"", b"", b"disk full", b"more")).title == "disk full"
    assert one(raw(b"From: x", b"", b"")).title == "A mail without words"


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo", SENT[:-6] + " -9999"])
def test_a_date_that_is_none_is_no_date(date: str) -> None:
    body = mail().replace(SENT.encode(), date.encode())
    assert one(body).starts_at is None


@pytest.mark.parametrize("body", [b"", b"{}", b"hello", b"\r\n\r\nSubject: x"])
def test_what_is_no_mail_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="no mail"):
        parse(Post(body=body))


@pytest.mark.parametrize(
    "body",
    [
        b"Subject: " + b"re: " * 200_000,
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + b"<a" * 500_000,
        b"Subject: x\r\nContent-Type: text/html\r\n\r\n" + b"<!" * 500_000,
        b"Subject: x\r\n\r\n" + b" " * 2_000_000,
        b"Subject: " + b"=?utf-8?q?" * 100_000,
        b"Subject: x\r\nFrom: " + b"(" * 500_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(400)
        )
        + b"Subject: x\r\n\r\nx",
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 1_000_000,
        b"Content-Type: text/plain; charset=IDNA\r\n\r\n" + b"xn--a" * 200_000,
        b"Content-Type: text/plain; charset*=punycode''" + b"a" * 1_000_000,
        b"Content-Disposition: attachment; filename*=idna''" + b"a" * 1_000_000,
        b"Content-Type: multipart/mixed" + b";a" * 500_000,
    ],
    ids=[
        *("re", "tags", "declarations", "spaces", "words", "comments", "nested"),
        *("punycode", "idna", "charset", "file", "parameters"),
    ],
)
def test_a_mail_made_to_be_slow_is_read_or_refused_in_a_second(body: bytes) -> None:
    begin = process_time()
    with suppress(PayloadError):
        parse(Post(body=b"From: a@b\r\n" + body))
    assert process_time() - begin < 1


@pytest.mark.parametrize("charset", [b"punycode", b"idna", b"unicode_escape"])
def test_an_encoding_of_names_is_no_charset_of_a_mail(charset: bytes) -> None:
    head = b"Subject: x\r\nContent-Type: text/plain; charset=" + charset
    found = one(head + b"\r\n\r\nxn--a-b \\x41 " + "é".encode())
    assert found.annotations["description"] == "xn--a-b \\x41 é"


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    with suppress(PayloadError):
        parse(Post(body=b"From: x\r\n" + body))


@given(
    subject=st.binary(max_size=60),
    kind=st.sampled_from([b"text/plain", b"text/html", b"multipart/mixed; boundary=x"]),
    charset=st.binary(max_size=12),
    body=st.binary(max_size=200),
)
def test_whatever_a_mail_holds_is_read(
    subject: bytes, kind: bytes, charset: bytes, body: bytes
) -> None:
    head = b"Content-Type: " + kind + b"; charset=" + charset
    encoded = b"Content-Transfer-Encoding: base64"
    with suppress(PayloadError):
        parse(Post(body=raw(b"Subject: " + subject, head, encoded, b"", body)))
