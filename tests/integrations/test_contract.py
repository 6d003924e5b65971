import pytest

from watchbill.core.notification import Outcome
from watchbill.integrations.contract import (
    FailureKind,
    Outgoing,
    PayloadError,
    TransportFailure,
)
from watchbill.integrations.text import one_line, printable, shorten, web_url


def test_the_text_of_a_request_shows_no_secret() -> None:
    request = Outgoing(
        method="POST",
        url="https://user:s3cret@hooks.slack.com/services/T0/B0/s3cret?key=s3cret",
        headers={"Authorization": "Bearer s3cret"},
        body=b"s3cret",
    )

    assert repr(request) == "<Outgoing POST https://hooks.slack.com, 6 bytes>"
    assert str(request) == repr(request)


def test_a_url_that_cannot_be_read_still_has_a_text() -> None:
    assert "unreadable" in repr(Outgoing(method="POST", url="http://[::1"))


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FailureKind.REFUSED, Outcome.PERMANENT),
        (FailureKind.NOT_SENT, Outcome.TRANSIENT),
        (FailureKind.MAYBE_SENT, Outcome.UNKNOWN),
    ],
)
@pytest.mark.req("S7.1-08")
def test_how_far_a_request_got_decides_the_outcome(
    kind: FailureKind, outcome: Outcome
) -> None:
    assert TransportFailure(kind=kind, detail="x").attempt().outcome is outcome


def test_a_payload_error_reads_as_a_sentence() -> None:
    error = PayloadError(where="$.alerts", problem="is empty", hint="Do this.")

    assert str(error) == "$.alerts: is empty. Do this."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\ufffdb"),
        ("a\x1b[31mb\x7f\x85", "a\ufffd[31mb\ufffd\ufffd"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("\ud800", "\ufffd"),
        ("a\r\nb\rc\td", "a\nb\ufffdc\td"),
        ("က\u200bခ", "က\u200bခ"),
    ],
)
def test_what_cannot_be_shown_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_ends_visibly() -> None:
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("abcd", 4) == "abcd"
    assert one_line(" a \n\t b ") == "a b"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (" https://a.example/x ", "https://a.example/x"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//a.example", None),
        ("https://", None),
        ("http://[::1", None),
        ("https://a.example/a b", None),
        ("https://a.example/\u202e", None),
        ("https://a.example/" + "x" * 2000, None),
        ("", None),
    ],
)
def test_only_links_to_web_pages_are_kept(text: str, url: str | None) -> None:
    assert web_url(text) == url
