"""The door for providers, and those who are none."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.test import Client

from tests.doubles.slack_server import SignedCall, sign, typed
from tests.hooks import talk
from tests.hooks.talk import Slack
from tests.server import site
from watchbill.core.incidents import IncidentStatus
from watchbill.server.engine import housekeeping
from watchbill.server.engine.channels import Channels
from watchbill.server.engine.kinds import Moment
from watchbill.server.hooks import actions, ways
from watchbill.server.hooks.models import SeenCall
from watchbill.server.incidents.models import Incident, TimelineEntry
from watchbill.server.notifications.models import Notification

pytestmark = pytest.mark.req("S2.1-16")


@pytest.fixture
def page(slack: Slack) -> Notification:
    return talk.page(site.declare(now=slack.clock.now()), now=slack.clock.now())


def is_taken(page: Notification) -> bool:
    status = Incident.objects.get(pk=page.incident_id or 0).status
    return status != IncidentStatus.TRIGGERED


def forgeries(slack: Slack, body: bytes) -> dict[str, SignedCall]:
    good = slack.sign(body)
    stamp = good.headers["X-Slack-Request-Timestamp"]
    mark = good.headers["X-Slack-Signature"]
    foreign = sign(body, secret="another", at=slack.clock.wall())
    return {
        "no signature": SignedCall(headers={}, body=body),
        "no time": SignedCall(headers={"X-Slack-Signature": mark}, body=body),
        "another secret": foreign,
        "another body": SignedCall(headers=good.headers, body=body + b"&x=1"),
        "another time": SignedCall(
            headers=good.headers | {"X-Slack-Request-Timestamp": str(int(stamp) + 1)},
            body=body,
        ),
        "six minutes old": slack.sign(body, age=timedelta(minutes=5, seconds=1)),
        "from the future": slack.sign(body, age=-timedelta(minutes=5, seconds=1)),
        "no number": SignedCall(
            headers=good.headers | {"X-Slack-Request-Timestamp": "٣" * 10}, body=body
        ),
        "a short signature": SignedCall(
            headers=good.headers | {"X-Slack-Signature": mark[:-1]}, body=body
        ),
        "an empty one": SignedCall(
            headers=good.headers | {"X-Slack-Signature": "v0="}, body=body
        ),
    }


def test_what_slack_did_not_sign_now_does_nothing_and_learns_nothing(
    slack: Slack, page: Notification, caplog: pytest.LogCaptureFixture
) -> None:
    body = slack.form(page, "acknowledge", by="U0DEVOPS")
    before = site.picture()
    for name, call in forgeries(slack, body).items():
        answer = slack.send("actions", call)
        assert (answer.status_code, answer.content) == (403, b""), name
    assert before.changes(site.picture()) == set()
    assert talk.SECRET not in caplog.text
    assert "U0DEVOPS" not in caplog.text


def test_a_call_that_is_repeated_does_nothing_twice(
    slack: Slack, page: Notification
) -> None:
    body = typed(f"note {page.incident_id} seen", by="U0DEVOPS")
    call = slack.sign(body)
    first = slack.send("command", call)
    before = site.picture()
    slack.clock.advance(timedelta(minutes=4))

    again = slack.send("command", call)

    assert first.json()["text"] == f"Noted on #{page.incident_id}."
    assert (again.status_code, again.content) == (200, b"")
    assert before.changes(site.picture()) == set()


@pytest.mark.django_db(transaction=True)
def test_of_two_equal_calls_at_once_one_counts(slack: Slack) -> None:
    incident = site.declare(now=slack.clock.now())
    talk.page(incident, now=slack.clock.now())
    call = slack.sign(typed(f"note {incident.pk} seen", by="U0DEVOPS"))

    def make(_: int) -> int:
        try:
            return int(slack.send("command", call).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(make, range(4)))

    assert statuses == [200] * 4
    notes = TimelineEntry.objects.filter(incident=incident, kind="note")
    assert notes.count() == 1


def test_what_was_seen_is_forgotten_once_it_could_not_be_repeated(
    slack: Slack, channels: Channels
) -> None:
    def tidy() -> None:
        now, wall = slack.clock.now(), slack.clock.wall()
        housekeeping.tidy(Moment(now=now, wall=wall, reach=channels.reach))

    slack.type("help")
    slack.clock.advance(actions.SEEN_FOR)
    tidy()
    assert SeenCall.objects.count() == 1

    slack.clock.advance(timedelta(seconds=1))
    tidy()
    assert SeenCall.objects.count() == 0


@pytest.mark.parametrize("length", [256 * 1024 + 1, 2 * 1024 * 1024])
def test_a_huge_body_is_refused_before_it_is_read(slack: Slack, length: int) -> None:
    before = site.picture()
    answer = slack.post("actions", b"x" * length)
    assert answer.status_code == 413
    assert before.changes(site.picture()) == set()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"payload=",
        b"payload=%00",
        b"payload=[]",
        b"payload=null",
        b"payload=" + b"[" * 30_000,
        b"payload=\xff\xfe",
        b"&" * 60_000,
        b"a=1&" * 100,
        urlencode(
            {"payload": '{"type":"block_actions","actions":[{"value":1}]}'}
        ).encode(),
        urlencode(
            {
                "payload": json.dumps(
                    {
                        "type": "block_actions",
                        "user": {"id": "U\0"},
                        "actions": [{"action_id": "acknowledge", "value": "1.x"}],
                    }
                )
            }
        ).encode(),
    ],
)
def test_a_signed_call_that_makes_no_sense_is_told_so(
    slack: Slack, body: bytes
) -> None:
    before = site.picture()
    for door in ("actions", "command", "events"):
        answer = slack.post(door, body)
        assert answer.status_code == 400, (door, answer.content)
        assert answer["Content-Type"].startswith("text/plain")
    assert before.changes(site.picture()) == set()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "1",
        "zz.zz",
        "f" * 24,
        "f" * 20_000,
        "1.\0",
        "-1.x",
        "မြန်မာ",
        "\u0661.x",
        "None",
    ],
)
def test_a_token_that_is_not_ours_answers_no_message(
    slack: Slack, page: Notification, token: str
) -> None:
    Notification.objects.update(address="D0SOMEWHERE")
    body = slack.form_of_token(token, "acknowledge", by="U0DEVOPS")
    assert slack.post("actions", body).status_code == 200
    assert not is_taken(page)


def test_a_get_changes_nothing(slack: Slack, page: Notification) -> None:
    body = slack.form(page, "acknowledge", by="U0DEVOPS")
    before = site.picture()
    for method, status in {"GET": 403, "HEAD": 405, "PUT": 405, "DELETE": 405}.items():
        answer = slack.send("actions", slack.sign(body), method=method)
        assert answer.status_code == status, method
        form = body.decode()
        answer = Client().generic(method, f"/hooks/slack/actions?{form}")
        assert answer.status_code == status, method
    assert before.changes(site.picture()) == set()


@pytest.mark.parametrize(
    "path",
    ["slack/other", "email/actions", "alertmanager/x", "nobody/actions", "__init__/x"],
)
def test_a_door_that_is_not_there_looks_like_one_that_is_not_set_up(
    slack: Slack, path: str
) -> None:
    answer = Client().post(f"/hooks/{path}")
    with ways.use(EmptyWays()):
        closed = Client().post("/hooks/slack/actions")
    assert (answer.status_code, closed.status_code) == (404, 404)
    assert answer.content == closed.content


class EmptyWays:
    """A process in which no channel is set up."""

    def __init__(self) -> None:
        self.configured: dict[str, ways.Way] = {}

    @property
    def egress(self) -> ways.Sender:
        raise AssertionError


def test_the_handshake_of_the_events_is_answered_and_nothing_else_is_heard(
    slack: Slack,
) -> None:
    before = site.picture()
    hand = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a"}).encode()
    said = json.dumps(
        {"type": "event_callback", "event": {"type": "message", "text": "ack 1"}}
    ).encode()
    assert slack.post("events", hand).content == b"3eZbrw1a"
    assert (slack.post("events", said).status_code) == 200
    assert before.changes(site.picture()) == set()
