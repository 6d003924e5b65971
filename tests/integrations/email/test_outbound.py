import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import SettingsError
from watchbill.integrations.email.outbound import read_smtp, render, render_text
from watchbill.integrations.text import one_line, shorten

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.req("S7.1-04")


def mail(
    notice: Notice = PAGE,
    *,
    to: str = "ana@example.org",
    sender: str = "watchbill <watch@example.org>",
    reply_to: str | None = None,
) -> EmailMessage:
    """Return the mail as the reader's program understands it."""
    written = render(
        notice, to=to, sender=sender, domain="example.org", now=NOW, reply_to=reply_to
    )
    return email.message_from_bytes(written.as_bytes(), policy=email.policy.default)


def part(message: EmailMessage, subtype: str) -> str:
    found = message.get_body((subtype,))
    assert found is not None
    text: str = found.get_content()
    return text.replace("\r\n", "\n")


def test_the_link_to_press_is_first_and_on_a_line_of_its_own() -> None:
    assert part(mail(), "plain") == (
        "Acknowledge:\n"
        "https://watch.example/a/k3\n"
        "\n"
        "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n"
        "\n"
        "You are asked to take this incident: acknowledge it and start work.\n"
        "\n"
        "Sent because of: page the primary at once.\n"
        "\n"
        "Severity: P1 Critical\n"
        "Status: triggered\n"
        "\n"
        "Open the incident:\n"
        "https://watch.example/incidents/12\n"
    )


def test_the_page_says_the_same_and_loads_nothing() -> None:
    page = part(mail(), "html")
    tags = Tags()
    tags.feed(page)

    assert tags.links == [
        "https://watch.example/a/k3",
        "https://watch.example/incidents/12",
    ]
    assert tags.names.isdisjoint({"img", "script", "link", "style", "iframe", "form"})
    assert "url(" not in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert page.index("a/k3") < page.index("<h1") < page.index("P1 Critical")


def test_markup_in_user_text_is_only_text() -> None:
    hostile = "<img src=x onerror=alert(1)>&amp;{subject}"
    notice = replace(
        PAGE,
        subject=hostile,
        paragraphs=(hostile,),
        facts=((hostile, hostile),),
        links=(
            Link(label=hostile, url='https://a.example/"onclick="x'),
            Link(label="x", url="javascript:alert(1)"),
        ),
    )
    tags = Tags()

    tags.feed(part(mail(notice), "html"))

    assert "img" not in tags.names
    assert tags.links == ['https://a.example/"onclick="x']
    assert tags.text.count(hostile) == 6


def test_a_repeated_attempt_is_the_same_message_in_the_same_thread() -> None:
    first, again = mail(), mail()
    other = mail(replace(PAGE, idempotency_key="step-8/ana/mail"))

    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != other["Message-ID"]
    assert first["References"] == other["References"] == first["In-Reply-To"]
    assert re.fullmatch(r"<notice\.[0-9a-f]{32}@example\.org>", first["Message-ID"])


def test_nobody_s_holiday_replies_to_a_page() -> None:
    message = mail(reply_to="desk@example.org")

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Reply-To"] == "desk@example.org"
    assert message["Date"].datetime == NOW


def test_only_urgent_mail_says_that_it_is() -> None:
    names = ("Importance", "X-Priority", "Priority")
    low = mail(replace(PAGE, urgency=Urgency.LOW))

    assert [mail()[name] for name in names] == ["high", "1", "urgent"]
    assert [low[name] for name in names] == [None, None, None]


def test_burmese_is_read_back_as_it_was_written() -> None:
    subject = f"[P1] Page: {BURMESE} {BURMESE} {BURMESE} (#12)"
    notice = replace(PAGE, subject=subject, paragraphs=(BURMESE * 50,))

    message = mail(notice, to="မအေး <aye@example.org>")

    assert message["Subject"] == subject
    assert message["To"].addresses[0].display_name == "မအေး"
    assert BURMESE * 50 in part(message, "plain")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_no_line_break_adds_a_header(end: str) -> None:
    evil = f"x{end}Bcc: eve@example.org{end}{end}body"

    message = mail(
        replace(PAGE, subject=evil),
        to=f'"A{end}Bcc: eve@example.org" <ana@example.org>',
    )

    assert message["Bcc"] is None
    assert "Bcc: eve@example.org" in message["Subject"]
    assert [a.addr_spec for a in message["To"].addresses] == ["ana@example.org"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example.org, eve@example.org",
        "ana@example.org\r\nBcc: eve@example.org",
        "ana@b@example.org",
        "ana@" + "x" * 70 + ".org",
        "ကို@example.org",
    ],
)
def test_what_is_no_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(SettingsError, match=r"is not .*mail address"):
        mail(to=address)


def test_a_domain_outside_ascii_is_written_as_dns_has_it() -> None:
    assert mail(to="a@bücher.example")["To"] == "a@xn--bcher-kva.example"


def test_a_domain_for_ids_must_be_one() -> None:
    with pytest.raises(SettingsError, match="not a domain"):
        render(PAGE, to="a@b.example", sender="a@b.example", domain="x>\r\n", now=NOW)


@given(subject=st.text(max_size=250), paragraph=st.text(max_size=3000))
def test_any_text_travels_in_short_lines_of_ascii(subject: str, paragraph: str) -> None:
    notice = replace(PAGE, subject=subject, paragraphs=(paragraph,))

    raw = render(
        notice, to="a@b.example", sender="c@b.example", domain="b.example", now=NOW
    ).as_bytes()

    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert raw.isascii()
    assert b"\n" not in b"".join(lines)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert part(message, "plain") == render_text(notice)
    assert message["Subject"] == shorten(one_line(subject) or "Notice", 200)


@pytest.mark.req("S7.1-08")
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (250, Outcome.DELIVERED),
        (251, Outcome.DELIVERED),
        (421, Outcome.TRANSIENT),
        (450, Outcome.TRANSIENT),
        (451, Outcome.TRANSIENT),
        (452, Outcome.TRANSIENT),
        (550, Outcome.PERMANENT),
        (554, Outcome.PERMANENT),
        (354, Outcome.UNKNOWN),
        (-1, Outcome.UNKNOWN),
        (600, Outcome.UNKNOWN),
    ],
)
def test_a_reply_code_is_understood(code: int, outcome: Outcome) -> None:
    assert read_smtp(code, "text").outcome is outcome


def test_the_server_s_name_of_the_message_is_kept() -> None:
    assert read_smtp(250, "2.0.0 Ok: queued as 4XyZ").provider_ref == "4XyZ"
    assert read_smtp(250, "ok").provider_ref == ""


class Tags(HTMLParser):
    """What a mail program sees in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data
