import json
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.slack_webhook.inbound import accepted, parse, refused
from watchbill.integrations.sources import Accepted, Post, Refused

pytestmark = pytest.mark.req("S4.1-02")


def signals(**message: Any) -> list[Signal]:
    found = parse(Post(body=json.dumps(message).encode())).reports
    return [one for one in found if isinstance(one, Signal)]


def attached(**attachment: Any) -> Signal:
    (found,) = signals(attachments=[attachment])
    return found


@pytest.mark.req("S4.1-08")
def test_an_attachment_is_an_alert_with_everything_it_says() -> None:
    (found,) = signals(
        channel="#alerts",
        username="Alertmanager",
        attachments=[
            {
                "title": "[FIRING:1] Disk full (db-1 &amp; db-2)",
                "title_link": "http://alertmanager.example:9093/#/alerts",
                "fallback": "[FIRING:1] Disk full | http://alertmanager.example",
                "text": "See <https://wiki.example/disk|the runbook>.\nNow.",
                "color": "danger",
                "fields": [
                    {"title": "service", "value": "payments", "short": True},
                    {"title": "Last log", "value": "one\ntwo"},
                    "nonsense",
                ],
                "mrkdwn_in": ["fallback", "pretext", "text"],
            }
        ],
    )

    assert found.status is AlertStatus.FIRING
    assert found.title == "Disk full (db-1 & db-2)"
    assert found.labels == {
        "alertname": "Disk full (db-1 & db-2)",
        "channel": "#alerts",
        "service": "payments",
        "severity": "critical",
    }
    assert found.annotations == {
        "description": "See the runbook.\nNow.",
        "Last log": "one\ntwo",
    }
    assert found.links == {
        "source": "http://alertmanager.example:9093/#/alerts",
        "the runbook": "https://wiki.example/disk",
    }


@pytest.mark.req("S4.1-09", "S4.1-10")
def test_an_alert_keeps_its_name_from_firing_to_resolved() -> None:
    names = {
        attached(title=title).fingerprint
        for title in ("[FIRING:2] Disk full", "[RESOLVED] Disk full", "DISK FULL")
    }

    assert len(names) == 1
    assert attached(title="[FIRING:2] CPU").fingerprint not in names


@pytest.mark.parametrize(
    ("attachment", "is_over"),
    [
        ({"title": "[FIRING:1] Disk", "color": "good"}, False),
        ({"title": "[RESOLVED] Disk", "color": "danger"}, True),
        ({"title": "Resolved: Disk"}, True),
        ({"title": "Disk", "text": "Recovered after 5 min"}, True),
        ({"title": "Disk", "color": "good"}, True),
        ({"title": "Disk", "color": "#2eb886"}, True),
        ({"title": "Disk", "color": "#ff0000"}, False),
        ({"title": "Disk", "color": "#439FE0"}, False),
        ({"title": "Disk"}, False),
        ({"title": "Update failed"}, False),
    ],
)
def test_it_is_over_when_words_or_color_say_so(
    attachment: dict[str, str], *, is_over: bool
) -> None:
    assert (attached(**attachment).status is AlertStatus.RESOLVED) is is_over


@pytest.mark.parametrize(
    ("attachment", "severity"),
    [
        ({"color": "danger"}, "critical"),
        ({"color": "warning"}, "warning"),
        ({"color": "#daa038"}, "warning"),
        ({"color": "#d00000"}, "critical"),
        ({"fields": [{"title": "Severity", "value": "Error"}]}, "error"),
        ({"fields": [{"title": "Priority", "value": "P2"}], "color": "danger"}, "P2"),
        ({"color": "mauve"}, None),
    ],
)
def test_the_severity_is_a_field_or_a_color(
    attachment: dict[str, Any], severity: str | None
) -> None:
    assert attached(title="Disk", **attachment).labels.get("severity") == severity


def test_a_message_without_attachments_is_an_alert_of_its_text() -> None:
    (found,) = signals(text="Backup failed\nsee the log")

    assert found.title == "Backup failed"
    assert found.annotations["description"] == "Backup failed\nsee the log"
    assert len(signals(attachments=[{"title": "a"}, {"title": "b"}, {}])) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text": " "}', b"payload=%7B"])
def test_what_says_nothing_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(Post(body=body))


def test_answers_are_slacks_own() -> None:
    post = Post(body=b'{"text": "x"}')

    ok = accepted(post, parse(post), Accepted(request_id="r", took=0))
    no = refused(Refused(status=400, reason="bad_payload", problem="no\ntext"))

    assert (ok.status, ok.body) == (200, b"ok")
    assert (no.status, no.body) == (400, b"invalid_payload: no text")


_words = st.text(max_size=30) | st.sampled_from(
    ["good", "#000000", "[FIRING:1] x", "<http://[|x>", "\x00", "<javascript:1|x>"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner),
    max_leaves=10,
)
_NAMES = ("title", "fallback", "pretext", "text", "color", "fields", "title_link")
_attachment = st.fixed_dictionaries({}, optional=dict.fromkeys(_NAMES, _words | _json))


@given(
    message=_attachment
    | st.fixed_dictionaries({"attachments": st.lists(_attachment | _json, max_size=3)})
    | _json
)
def test_any_json_is_read_or_refused_and_always_alike(message: object) -> None:
    """Reliability study, 5.2: nothing but `PayloadError` comes out."""
    post = Post(body=json.dumps(message).encode())
    with suppress(PayloadError):
        reading = parse(post)
        assert reading == parse(post)
        assert "\\x00" not in repr(reading)


def test_long_hostile_text_takes_no_long_time() -> None:
    for text in ("<http://" * 100_000, "[" * 900_000, "<http://a|" + "b" * 900_000):
        (found,) = signals(text=text)
        assert len(found.title) <= 200


def test_links_that_never_end_take_a_second_at_most() -> None:
    text = "<http://a|" * 800
    attachment = {"title": text, "fallback": text, "pretext": text, "text": text}
    field = {"title": "x", "value": text}
    body = {"attachments": [attachment | {"fields": [field]}] * 20, "text": text * 9}
    content = json.dumps(body).encode()
    assert len(content) > 800_000

    begin = process_time()
    found = parse(Post(body=content)).reports
    assert process_time() - begin < 1
    assert found
