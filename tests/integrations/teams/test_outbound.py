import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.doubles.scripted_server import Reply, throttled
from tests.doubles.teams_server import (
    TeamsDouble,
    connector_failure,
    faults,
    workflow_error,
)
from tests.integrations.notices import BURMESE, PAGE, hostile_notices
from tests.integrations.sending import send
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import Answer, SettingsError
from watchbill.integrations.teams.outbound import MAX_BYTES, read, render

pytestmark = pytest.mark.req("S7.1-08")

URL = "https://prod.logic.azure.example/workflows/a1?sig=s3cret"


def card(notice: Notice = PAGE) -> dict[str, Any]:
    message = json.loads(render(notice, {"webhook_url": URL}).body)
    content: dict[str, Any] = message["attachments"][0]["content"]
    return content


def lines(content: dict[str, Any]) -> list[str]:
    return [
        "".join(run["text"] for run in block["inlines"]) for block in content["body"]
    ]


def test_a_notice_becomes_a_card() -> None:
    content = card()

    assert content["version"] == "1.4"
    assert lines(content) == [
        "[P1] Page: 5xx rate of the API is 7.3 % (#12)",
        "You are asked to take this incident: acknowledge it and start work.",
        "Sent because of: page the primary at once.",
        "Severity: P1 Critical",
        "Status: triggered",
    ]
    assert content["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Acknowledge",
            "url": "https://watch.example/a/k3",
            "style": "positive",
        },
        {
            "type": "Action.OpenUrl",
            "title": "Open the incident",
            "url": "https://watch.example/incidents/12",
        },
    ]


def test_a_workflow_and_a_connector_take_the_same_card() -> None:
    with TeamsDouble() as teams:
        for url in (teams.workflow_url, teams.connector_url):
            attempt = send("teams", {"webhook_url": url})
            assert attempt.outcome is Outcome.DELIVERED
        first, second = teams.taken

    assert first == second == card()


def test_user_text_is_never_markup() -> None:
    hostile = "**bold** [click](https://evil.example) <at>all</at> {{DATE(1)}}"
    notice = replace(
        PAGE, subject=hostile, paragraphs=(hostile,), facts=((hostile, hostile),)
    )

    content = card(notice)

    assert lines(content)[:2] == [hostile, hostile]
    assert {block["type"] for block in content["body"]} == {"RichTextBlock"}


def test_each_line_of_a_paragraph_stands_on_its_own() -> None:
    content = card(replace(PAGE, paragraphs=("one\n\ntwo",), facts=()))

    assert lines(content)[1:] == ["one", "two"]
    assert "spacing" not in content["body"][1]
    assert content["body"][2]["spacing"] == "None"


def test_only_what_is_urgent_is_in_the_color_of_attention() -> None:
    quiet = card(replace(PAGE, urgency=Urgency.LOW))

    assert card()["body"][0]["inlines"][0]["color"] == "Attention"
    assert "color" not in quiet["body"][0]["inlines"][0]


def test_a_long_message_is_cut_visibly_and_keeps_its_buttons() -> None:
    notice = replace(PAGE, paragraphs=tuple(BURMESE * 30 for _ in range(60)))
    body = render(notice, {"webhook_url": URL}).body

    assert len(body) <= MAX_BYTES
    assert lines(card(notice))[-1] == "The rest did not fit here; watchbill shows it."
    assert len(card(notice)["actions"]) == 2


def test_links_that_do_not_fit_go_last_first() -> None:
    links = tuple(
        Link(label=f"l{n}", url=f"https://a.example/{'x' * 1900}") for n in range(9)
    )
    notice = replace(PAGE, subject='"' * 300, links=links)

    assert len(render(notice, {"webhook_url": URL}).body) <= MAX_BYTES
    assert [one["title"] for one in card(notice)["actions"]] == [
        f"l{n}" for n in range(6)
    ]


@given(notice=hostile_notices())
def test_teams_would_refuse_no_notice_whatever_is_in_it(notice: Notice) -> None:
    body = render(notice, {"webhook_url": URL}).body

    assert list(faults(body)) == []
    assert len(body) <= MAX_BYTES


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="address of a workflow"):
        render(PAGE, {"webhook_url": "teams"})


@pytest.mark.parametrize(
    ("reply", "outcome", "detail"),
    [
        (Reply(status=202), Outcome.DELIVERED, "Teams took the message"),
        (Reply(status=200, body=b"1"), Outcome.DELIVERED, "Teams took the message"),
        (Reply(status=200, body=b"<html>"), Outcome.UNKNOWN, "HTTP 200: <html>"),
        (throttled(20), Outcome.THROTTLED, "Teams limits the rate"),
        (connector_failure(429), Outcome.THROTTLED, "behind its connector"),
        (connector_failure(502), Outcome.TRANSIENT, "HTTP 502"),
        (connector_failure(413), Outcome.PERMANENT, "HTTP 413"),
        (connector_failure(200), Outcome.UNKNOWN, "delivery failed"),
        (
            Reply(body=b"Webhook message delivery failed with error: no route"),
            Outcome.TRANSIENT,
            "no route",
        ),
        (
            workflow_error(400, "WorkflowTriggerIsNotEnabled"),
            Outcome.PERMANENT,
            "(the workflow is turned off)",
        ),
        (workflow_error(404, "NewCode"), Outcome.PERMANENT, "HTTP 404: NewCode"),
        (Reply(status=503), Outcome.TRANSIENT, "HTTP 503"),
    ],
)
def test_what_teams_answers_is_understood(
    reply: Reply, outcome: Outcome, detail: str
) -> None:
    with TeamsDouble(reply) as teams:
        attempt = send("teams", {"webhook_url": teams.workflow_url})

    assert attempt.outcome is outcome
    assert detail in attempt.detail


def test_a_workflow_that_is_gone_is_given_up() -> None:
    with TeamsDouble() as teams:
        attempt = send("teams", {"webhook_url": f"{teams.origin}/workflows/old"})

    assert attempt.outcome is Outcome.PERMANENT
    assert "the workflow was deleted" in attempt.detail


def test_how_long_to_wait_is_read_from_either_kind_of_429() -> None:
    inner = connector_failure(429).body
    answers = (
        Answer(status=429, headers={"retry-after": "7"}),
        Answer(status=200, headers={"retry-after": "7"}, body=inner),
    )

    waits = [read(one).retry_after for one in answers]

    assert [wait.total_seconds() if wait else None for wait in waits] == [7, 7]
