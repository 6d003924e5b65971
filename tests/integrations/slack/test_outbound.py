import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.slack_server import faults
from tests.integrations.notices import BURMESE, PAGE
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Outcome
from watchbill.integrations.contract import Answer, Outgoing, SettingsError
from watchbill.integrations.slack.outbound import (
    read,
    render,
    render_message,
    render_webhook,
)

pytestmark = pytest.mark.req("S7.1-01")


def content(request: Outgoing) -> dict[str, Any]:
    read_back: dict[str, Any] = json.loads(request.body)
    return read_back


def message(notice: Notice) -> dict[str, Any]:
    return content(render_message(notice, channel="#incidents", token="xoxb-1"))


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def test_a_notice_becomes_one_call_of_chat_postmessage() -> None:
    request = render_message(
        PAGE, channel="#incidents", token="xoxb-1", thread_ts="17.5"
    )

    assert request.method == "POST"
    assert request.url == "https://slack.com/api/chat.postMessage"
    assert request.headers == {
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": "Bearer xoxb-1",
    }
    assert content(request) == {
        "channel": "#incidents",
        "thread_ts": "17.5",
        "text": "[P1] Page: 5xx rate of the API is 7.3 % (#12)\n"
        "You are asked to take this incident: acknowledge it and start work.\n"
        "Sent because of: page the primary at once.",
        "blocks": [
            {
                "type": "header",
                "text": plain("[P1] Page: 5xx rate of the API is 7.3 % (#12)"),
            },
            {"type": "section", "text": plain(PAGE.paragraphs[0])},
            {"type": "section", "text": plain(PAGE.paragraphs[1])},
            {
                "type": "section",
                "fields": [plain("Severity\nP1 Critical"), plain("Status\ntriggered")],
            },
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "link-1",
                        "text": plain("Acknowledge"),
                        "url": "https://watch.example/a/k3",
                        "style": "primary",
                    },
                    {
                        "type": "button",
                        "action_id": "link-2",
                        "text": plain("Open the incident"),
                        "url": "https://watch.example/incidents/12",
                    },
                ],
            },
        ],
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {
            "event_type": "watchbill_notice",
            "event_payload": {"idempotency_key": "step-7/ana/mail"},
        },
    }


def test_a_webhook_gets_the_same_blocks_and_no_token() -> None:
    request = render_webhook(PAGE, url="https://hooks.slack.com/services/T/B/x")

    assert request.headers == {"Content-Type": "application/json; charset=utf-8"}
    assert content(request)["blocks"] == message(PAGE)["blocks"]
    assert "channel" not in content(request)


def test_user_text_mentions_nobody_and_is_never_markup() -> None:
    hostile = "<!channel> *x* & <https://evil.example|click> :fire:"
    notice = replace(
        PAGE,
        subject=hostile,
        paragraphs=(hostile,),
        facts=((hostile, hostile),),
        links=(Link(label=hostile, url="https://a.example"),),
    )

    written = message(notice)

    raw = json.dumps(written)
    assert "<" not in raw
    assert ">" not in raw
    assert '"type": "mrkdwn"' not in raw
    assert written["blocks"][0]["text"]["text"].startswith(
        "&lt;!channel&gt; *x* &amp; &lt;https"
    )


def test_long_text_is_cut_visibly_and_never_inside_an_escape() -> None:
    notice = replace(PAGE, subject="<" * 200, paragraphs=("&" * 4000,))

    blocks = message(notice)["blocks"]

    assert blocks[0]["text"]["text"] == "&lt;" * 37 + "…"
    assert blocks[1]["text"]["text"] == "&amp;" * 599 + "…"


def test_links_that_are_no_web_pages_make_no_button() -> None:
    notice = replace(PAGE, links=(Link(label="x", url="javascript:alert(1)"),))

    assert [b["type"] for b in message(notice)["blocks"]].count("actions") == 0


def test_rows_hold_ten_facts_and_five_buttons() -> None:
    notice = replace(
        PAGE,
        facts=tuple((f"k{i}", "v") for i in range(12)),
        links=tuple(
            Link(label=f"l{i}", url=f"https://a.example/{i}") for i in range(7)
        ),
    )

    blocks = message(notice)["blocks"]

    assert [len(b["fields"]) for b in blocks if "fields" in b] == [10, 2]
    assert [len(b["elements"]) for b in blocks if "elements" in b] == [5, 2]


def test_burmese_is_sent_as_it_is() -> None:
    assert (
        BURMESE.encode()
        in render_webhook(replace(PAGE, subject=BURMESE), url="https://x.example").body
    )


@given(
    subject=st.text(),
    paragraphs=st.lists(st.text()).map(tuple),
    facts=st.lists(st.tuples(st.text(), st.text()), max_size=30).map(tuple),
    labels=st.lists(st.text(), max_size=8),
)
def test_slack_would_refuse_no_notice_whatever_is_in_it(
    subject: str,
    paragraphs: tuple[str, ...],
    facts: tuple[tuple[str, str], ...],
    labels: list[str],
) -> None:
    links = tuple(Link(label=label, url="https://a.example") for label in labels)
    notice = replace(
        PAGE, subject=subject, paragraphs=paragraphs, facts=facts, links=links
    )

    assert list(faults(message(notice)["blocks"])) == []


def test_settings_choose_between_webhook_and_token() -> None:
    by_token = {"to": "C1", "token": "t", "api_url": "http://127.0.0.1:1/api/"}

    assert render(PAGE, {"webhook_url": "https://h.example"}).url == "https://h.example"
    assert render(PAGE, by_token).url == "http://127.0.0.1:1/api/chat.postMessage"
    with pytest.raises(SettingsError, match="webhook_url, or a channel and a bot"):
        render(PAGE, {"to": "C1"})


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=body, headers=named)


def refusal(error: str) -> Answer:
    return answer(200, json.dumps({"ok": False, "error": error}).encode())


@pytest.mark.req("S7.1-08")
@pytest.mark.parametrize(
    ("given_answer", "outcome"),
    [
        (answer(200, b'{"ok":true,"channel":"C1","ts":"17.5"}'), Outcome.DELIVERED),
        (answer(200, b"ok"), Outcome.DELIVERED),
        (refusal("channel_not_found"), Outcome.PERMANENT),
        (refusal("not_in_channel"), Outcome.PERMANENT),
        (refusal("is_archived"), Outcome.PERMANENT),
        (refusal("invalid_auth"), Outcome.PERMANENT),
        (refusal("account_inactive"), Outcome.PERMANENT),
        (refusal("token_revoked"), Outcome.PERMANENT),
        (refusal("msg_too_long"), Outcome.PERMANENT),
        (refusal("ratelimited"), Outcome.THROTTLED),
        (refusal("fatal_error"), Outcome.TRANSIENT),
        (refusal("internal_error"), Outcome.TRANSIENT),
        (refusal("service_unavailable"), Outcome.TRANSIENT),
        (refusal("an_error_of_next_year"), Outcome.TRANSIENT),
        (refusal(""), Outcome.TRANSIENT),
        (answer(500), Outcome.TRANSIENT),
        (answer(503, b"upstream"), Outcome.TRANSIENT),
        (answer(404, b"no_service"), Outcome.PERMANENT),
        (answer(410, b"channel_is_archived"), Outcome.PERMANENT),
        (answer(400, b"invalid_payload"), Outcome.PERMANENT),
        (answer(403, b"a_new_reason"), Outcome.PERMANENT),
        (answer(400, b"<html>"), Outcome.PERMANENT),
        (answer(302), Outcome.PERMANENT),
        (answer(408), Outcome.TRANSIENT),
        (answer(429), Outcome.THROTTLED),
        (answer(200, b"<html>captive portal"), Outcome.UNKNOWN),
        (answer(200), Outcome.UNKNOWN),
        (answer(200, b'{"ok":"maybe"}'), Outcome.UNKNOWN),
        (answer(200, b"\xff"), Outcome.UNKNOWN),
        (answer(200, b'{"x":' + b"[" * 100_000), Outcome.UNKNOWN),
    ],
)
def test_what_slack_answers_is_understood(
    given_answer: Answer, outcome: Outcome
) -> None:
    attempt = read(given_answer)

    assert attempt.outcome is outcome
    assert attempt.detail


def test_the_message_is_known_by_its_ts() -> None:
    assert read(answer(200, b'{"ok":true,"ts":"17.5"}')).provider_ref == "17.5"


def test_a_long_answer_that_begins_with_yes_is_a_yes() -> None:
    cut = Answer(status=200, body=b'{"ok":true,"message":{"text":"x', truncated=True)

    assert read(cut).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("30", timedelta(seconds=30)),
        ("999999999", timedelta(hours=1)),
        ("9" * 50, None),
        ("-1", None),
        ("soon", None),
        ("²", None),
    ],
)
def test_slack_says_how_long_to_wait(text: str, wait: timedelta | None) -> None:
    assert read(answer(429, retry_after=text)).retry_after == wait


def test_a_refusal_says_what_to_do() -> None:
    assert read(refusal("not_in_channel")).detail == (
        "Slack refused: not_in_channel (invite the app to the channel)"
    )


@given(
    status=st.integers(100, 599),
    body=st.binary() | st.text().map(str.encode),
    retry_after=st.text(),
    truncated=st.booleans(),
)
def test_every_answer_has_a_meaning(
    status: int,
    body: bytes,
    retry_after: str,
    truncated: bool,  # noqa: FBT001
) -> None:
    headers = {"retry-after": retry_after}
    attempt = read(
        Answer(status=status, headers=headers, body=body, truncated=truncated)
    )

    assert attempt.outcome in Outcome
