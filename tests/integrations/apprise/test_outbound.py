import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.doubles.scripted_server import HANG, Posted, Reply, ScriptedServer
from tests.integrations.notices import BURMESE, PAGE, hostile_notices
from tests.integrations.sending import LOOPBACK, NOW, send
from watchbill.core.messages import Notice
from watchbill.core.notification import Attempt, Outcome
from watchbill.core.severity import Urgency
from watchbill.integrations.apprise import outbound
from watchbill.integrations.apprise.outbound import (
    Target,
    choose,
    read_result,
    targets,
    text,
)
from watchbill.integrations.contract import SettingsError
from watchbill.server.engine import library
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.egress import Egress
from watchbill.server.providers import configure

pytestmark = [
    pytest.mark.req("S7.1-08"),
    # Importing Apprise's mail plugin warns on Python 3.11 and 3.12.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]


class JsonDouble(ScriptedServer[dict[str, Any]]):
    """What Apprise's plugin ``json`` posts to."""

    @property
    def url(self) -> str:
        return self.origin.replace("http://", "json://ana:s3cret@") + "/in"

    def judge(self, posted: Posted) -> Reply:
        # user and password of the URL
        if posted.headers.get("authorization") != "Basic YW5hOnMzY3JldA==":
            return Reply(status=401)
        self.keep(json.loads(posted.body))
        return Reply()


def hand_over(urls: str, *, timeout: float = 5, channel: str = "ops") -> Attempt:
    return library.send(outbound, PAGE, urls=urls, channel=channel, timeout=timeout)


def test_a_notice_reaches_the_service_as_plain_text() -> None:
    with JsonDouble() as service:
        attempt = send("apprise", {"urls": service.url})
        (message,) = service.taken

    assert attempt == Attempt(
        outcome=Outcome.DELIVERED, detail="the service took it (JSON: SUCCESS)"
    )
    assert message["title"] == PAGE.subject
    assert message["type"] == "warning"
    assert message["message"] == (
        "You are asked to take this incident: acknowledge it and start work.\n\n"
        "Sent because of: page the primary at once.\n\n"
        "Severity: P1 Critical\nStatus: triggered\n\n"
        "Acknowledge: https://watch.example/a/k3\n"
        "Open the incident: https://watch.example/incidents/12"
    )


def test_burmese_and_markup_arrive_as_they_were_written() -> None:
    notice = replace(
        PAGE,
        subject=BURMESE,
        paragraphs=("<b>*x*</b> \\n ${A}",),
        urgency=Urgency.LOW,
    )
    with JsonDouble() as service:
        send("apprise", {"urls": service.url}, notice)
        (message,) = service.taken

    assert message["title"] == BURMESE
    assert message["message"].startswith("<b>*x*</b> \\n ${A}\n\n")
    assert message["type"] == "info"


def test_a_channel_of_the_plan_goes_to_the_url_with_its_name() -> None:
    with JsonDouble() as alerts, JsonDouble() as others:
        urls = f"#alerts={alerts.url} {others.url}"
        hand_over(urls, channel="#alerts")
        hand_over(urls, channel="#incidents")

        assert (alerts.requests, others.requests) == (1, 1)


@pytest.mark.parametrize("reply", [Reply(status=401), Reply(status=503)])
def test_a_refusal_is_unknown_because_apprise_does_not_say_why(reply: Reply) -> None:
    with JsonDouble(reply) as service:
        attempt = hand_over(service.url)

    assert attempt.outcome is Outcome.UNKNOWN
    assert attempt.detail == (
        "the service refused it or could not be reached (JSON: FAILURE)"
    )


def test_a_message_that_some_took_is_sent_again() -> None:
    with JsonDouble() as one, JsonDouble(Reply(status=500)) as other:
        attempt = hand_over(f"{one.url} {other.url}")

    assert attempt.outcome is Outcome.UNKNOWN
    assert "some of the services took it" in attempt.detail


def test_a_service_that_does_not_answer_holds_nobody_up() -> None:
    with JsonDouble(HANG) as service:
        attempt = hand_over(service.url, timeout=0.3)
        service.wait_for(1)

    assert attempt.outcome is Outcome.UNKNOWN
    assert "did not answer in time" in attempt.detail


def test_a_redirect_is_not_followed() -> None:
    with JsonDouble() as other:
        moved = Reply(status=307, headers={"Location": f"{other.origin}/in"})
        with JsonDouble(moved) as service:
            attempt = hand_over(service.url)

        assert attempt.outcome is Outcome.UNKNOWN
        assert other.requests == 0


def test_many_threads_send_at_once() -> None:
    start = threading.Barrier(8)

    def one(_number: int) -> Outcome:
        start.wait(10)
        return hand_over(service.url).outcome

    with JsonDouble() as service, ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(one, range(8)))
        service.wait_for(8)

    assert outcomes == [Outcome.DELIVERED] * 8


def test_no_detail_shows_the_url() -> None:
    attempt = hand_over("json://ana:s3cret@127.0.0.1:9/s3cret")

    assert attempt.outcome is Outcome.UNKNOWN
    assert "s3cret" not in attempt.detail
    assert "s3cret" not in repr(targets("#a=json://ana:s3cret@127.0.0.1/"))


@pytest.mark.parametrize("urls", ["json://127.0.0.1/ s3cret://x", "s3cret=slack://x"])
def test_a_url_that_apprise_does_not_know_stops_the_start(urls: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot use entry \d") as caught:
        library.check(urls)

    assert "s3cret" not in str(caught.value)


def test_urls_that_apprise_knows_are_accepted() -> None:
    library.check("json://127.0.0.1/ #alerts=discord://1234567890/abcdefghij")


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ("a://x", [Target(url="a://x")]),
        (
            "#in=a://x?k=v  b://y",
            [Target(url="a://x?k=v", name="#in"), Target(url="b://y")],
        ),
        ("a://x?k=v", [Target(url="a://x?k=v")]),
        ("a://x?u=b://y", [Target(url="a://x?u=b://y")]),
        ("", []),
    ],
)
def test_urls_are_parted_by_spaces_and_may_have_names(
    urls: str, expected: list[Target]
) -> None:
    assert list(targets(urls)) == expected


@pytest.mark.parametrize("urls", ["s3cret", "=a://x", "#in=s3cret", "a://x s3cret"])
def test_what_is_neither_url_nor_named_url_is_refused(urls: str) -> None:
    with pytest.raises(SettingsError, match="neither URL nor name=URL") as caught:
        targets(urls)

    assert "s3cret" not in str(caught.value)


def test_a_channel_that_no_url_serves_is_refused() -> None:
    channels = Channels(
        egress=Egress(LOOPBACK), configured=configure({"apprise": {"urls": "#a=b://c"}})
    )

    attempt = channels.send("apprise", "#other", PAGE, now=NOW)

    assert attempt.outcome is Outcome.PERMANENT
    assert attempt.detail == "No URL of Apprise serves the channel '#other'."
    with pytest.raises(SettingsError):
        choose("", channel="#a")


@given(notice=hostile_notices())
def test_every_notice_has_a_title_and_a_body(notice: Notice) -> None:
    title, body = text(notice)

    assert title
    assert body
    (title + body).encode()


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("SUCCESS", Outcome.DELIVERED),
        ("PARTIAL", Outcome.UNKNOWN),
        ("TIMEOUT", Outcome.UNKNOWN),
        ("FAILURE", Outcome.UNKNOWN),
        ("NOMATCH", Outcome.PERMANENT),
        ("", Outcome.UNKNOWN),
        ("A status of next year", Outcome.UNKNOWN),
    ],
)
def test_what_apprise_reports_is_understood(result: str, outcome: Outcome) -> None:
    attempt = read_result(result)

    assert attempt.outcome is outcome
    assert attempt.detail
