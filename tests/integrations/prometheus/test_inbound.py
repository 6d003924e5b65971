import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.prometheus.inbound import (
    accepted,
    fingerprint_of,
    parse,
    refused,
)
from watchbill.integrations.sources import Accepted, Config, Post, Reading, Refused

pytestmark = pytest.mark.req("S4.1-01")

RECEIPT = Accepted(request_id="r", took=0.0)
PAYLOADS = Path(__file__).parent / "payloads"
POSTED: dict[str, Any] = {
    "labels": {"alertname": "HighErrorRate", "job": "api"},
    "annotations": {"summary": "5xx rate of the API is 7.3 %"},
    "startsAt": "2026-11-23T12:00:37Z",
    "endsAt": "2026-11-23T12:04:37Z",
}


def recorded(name: str) -> list[Signal]:
    """Return the signals of a body that Prometheus 2.42 posted."""
    body = (PAYLOADS / f"{name}.json").read_bytes()
    reports = parse(Post(body=body, path="api/v2/alerts")).reports
    return [one for one in reports if isinstance(one, Signal)]


def post(*alerts: Any, path: str = "api/v2/alerts") -> Post:
    return Post(body=json.dumps(alerts).encode(), path=path)


def parse_one(**fields: Any) -> Signal:
    (report,) = parse(post({"labels": {"alertname": "Disk"}, **fields})).reports
    assert isinstance(report, Signal)
    return report


def test_an_alert_of_prometheus_fires_until_its_end() -> None:
    disk, watchdog = recorded("firing")

    assert disk == Signal(
        fingerprint="acac0604c6c39102",
        status=AlertStatus.FIRING,
        title="The disk of payments is nearly full",
        labels={
            "alertname": "HostDiskHigh",
            "cluster": "yangon",
            "service": "payments",
            "severity": "warning",
        },
        annotations={
            "description": "0.93 of it is used.",
            "runbook_url": "https://wiki.trm.example/runbooks/disk",
            "summary": "The disk of payments is nearly full",
        },
        starts_at=datetime(2026, 11, 23, 19, 29, 23, 989000, tzinfo=UTC),
        expires_at=datetime(2026, 11, 23, 19, 29, 33, 989000, tzinfo=UTC),
        links={
            "runbook": "https://wiki.trm.example/runbooks/disk",
            "source": "https://prometheus.trm.example/graph"
            "?g0.expr=vector%280.93%29+%3E+0&g0.tab=1",
        },
    )
    assert watchdog.title == "Watchdog"


def test_an_alert_that_is_over_is_the_same_with_its_end() -> None:
    (over,) = recorded("resolved")

    assert over.fingerprint == recorded("firing")[0].fingerprint
    assert over.status is AlertStatus.FIRING
    assert over.starts_at is not None
    assert over.expires_at == over.starts_at + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("labels", "fingerprint"),
    [
        ({}, "cbf29ce484222325"),
        # As Alertmanager 0.25 wrote it into its webhook.
        (
            {
                "severity": "critical",
                "alertname": "HighErrorRate",
                "component": "api",
                "instance": "api-1:8000",
            },
            "48f6121c6dde6d20",
        ),
    ],
)
def test_the_fingerprint_is_that_of_alertmanager(
    labels: dict[str, str], fingerprint: str
) -> None:
    assert fingerprint_of(labels) == fingerprint


def test_a_long_label_set_has_the_fingerprint_of_the_same_rule() -> None:
    long = {"a": "x" * 5_000}
    assert fingerprint_of(long) != fingerprint_of({"a": "x" * 4_999})
    assert fingerprint_of(long) == fingerprint_of(dict(long))


def test_the_order_of_labels_and_empty_ones_make_no_difference() -> None:
    one = parse_one(labels={"b": "2", "a": "1", "gone": ""})
    other = parse_one(labels={"a": "1", "b": "2"})

    assert one == other
    assert one.labels == {"a": "1", "b": "2"}


def test_without_an_end_only_the_receiver_knows_how_long() -> None:
    alert = parse_one(endsAt="0001-01-01T00:00:00Z", startsAt="0001-01-01T00:00:00Z")

    assert (alert.starts_at, alert.expires_at) == (None, None)
    assert alert == parse_one()


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("90s", timedelta(seconds=90)),
        (" 10m ", timedelta(minutes=10)),
        ("1h", timedelta(hours=1)),
        ("", timedelta(minutes=5)),
        ("0m", timedelta(minutes=5)),
        ("soon", timedelta(minutes=5)),
    ],
)
def test_the_operator_says_how_long_an_alert_without_end_lasts(
    text: str, lasts: timedelta
) -> None:
    config = Config(options={"resolve_timeout": text})
    open_end, ended = {"labels": {"a": "1"}}, {**POSTED, "labels": {"a": "2"}}

    reports = parse(post(open_end, ended), config).reports

    assert [one.lasts for one in reports if isinstance(one, Signal)] == [lasts, None]


def test_an_end_without_a_start_is_both() -> None:
    alert = parse_one(endsAt="2026-02-08T09:00:00+06:30")

    assert (
        alert.starts_at == alert.expires_at == datetime(2026, 2, 8, 2, 30, tzinfo=UTC)
    )
    assert alert.status is AlertStatus.FIRING


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z"]
)
def test_for_ever_is_an_end_far_away(text: str) -> None:
    assert parse_one(endsAt=text).expires_at == datetime(9998, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"labels": {}}, "$[1]: at least one label pair required"),
        ({"labels": {"a": ""}}, "$[1]: at least one label pair required"),
        ({"labels": {"": "x"}}, '$[1]: invalid label set: invalid name ""'),
        (
            {"labels": {"a": "1"}, "annotations": {"": "x"}},
            '$[1]: invalid annotations: invalid name ""',
        ),
        (
            {
                "labels": {"a": "1"},
                "startsAt": "2026-02-08T09:00:00Z",
                "endsAt": "2026-02-08T08:00:00Z",
            },
            "$[1]: start time must be before end time",
        ),
        (
            {"labels": {"a": 1}},
            "$[1]: Expected `str`, got `int` - at `$.labels[...]`",
        ),
        ({}, "$[1]: Object missing required field `labels`"),
        ("text", "$[1]: Expected `object`, got `str`"),
    ],
)
def test_what_is_not_valid_is_left_out_and_the_rest_is_kept(
    bad: Any, problem: str
) -> None:
    reading = parse(post(POSTED, bad))

    assert [one.title for one in reading.reports if isinstance(one, Signal)] == [
        "5xx rate of the API is 7.3 %"
    ]
    assert reading.problems == (problem,)
    reply = accepted(post(), reading, RECEIPT)
    assert (reply.status, json.loads(reply.body)) == (400, problem)


def test_many_problems_are_counted_not_listed() -> None:
    reading = parse(post(POSTED, *({"labels": {}} for _ in range(100))))

    assert len(reading.problems) == 21
    assert reading.problems[-1] == "and 80 more alerts were left out"


def test_what_is_taken_whole_is_answered_with_nothing() -> None:
    reply = accepted(post(), parse(post(POSTED)), RECEIPT)

    assert (reply.status, reply.body) == (200, b"")


def test_an_empty_list_says_nothing_and_is_no_mistake() -> None:
    assert parse(post()) == Reading(())


def test_the_same_twice_in_a_body_is_once() -> None:
    assert len(parse(post(POSTED, POSTED)).reports) == 1


def test_a_refusal_is_a_json_string() -> None:
    refusal = Refused(
        status=503, reason="overloaded", problem="too many", where="", hint="Wait."
    )
    reply = refused(refusal)

    assert (reply.status, json.loads(reply.body)) == (503, "too many. Wait.")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"null", "$"),
        (b"{}", "$"),
        (b"\xff", "$"),
        (b'[{"labels":{"a":"\xff"}}]', "$"),
        (b'[{"labels":{"a":"\\ud800"}}]', "$"),
        (b"[" * 100_000, "$"),
        (b'[{"labels":{"a":"1"}},', "$"),
        (b'[{"labels":{}}]', "$[0]"),
    ],
)
def test_a_body_in_which_nothing_can_be_read_is_refused(
    body: bytes, where: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(Post(body=body))

    assert caught.value.where == where


def test_only_alerts_are_posted_here() -> None:
    with pytest.raises(PayloadError, match="api/v2/silences"):
        parse(post(POSTED, path="api/v2/silences"))


def test_hostile_text_is_made_safe_to_show() -> None:
    alert = parse_one(
        labels={"alertname": "a\x00b\u202e", "n" * 500: "v" * 5_000},
        generatorURL="javascript:alert(1)",
    )

    assert alert.title == "a\ufffdb\ufffd"
    assert {len(name) for name in alert.labels} == {9, 200}
    assert max(len(value) for value in alert.labels.values()) == 1_000
    assert alert.links == {}


@given(st.binary(max_size=300))
def test_whatever_the_bytes_are_it_is_an_answer(body: bytes) -> None:
    with suppress(PayloadError):
        parse(Post(body=body))


texts = st.text(max_size=8)
values = st.one_of(st.none(), st.integers(), texts, st.dictionaries(texts, texts))


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["labels", "annotations", "startsAt", "endsAt", "x"]),
            values,
        )
    )
)
def test_every_alert_is_read_or_is_a_problem(alerts: list[Any]) -> None:
    try:
        reading = parse(Post(body=json.dumps(alerts).encode()))
    except PayloadError:
        assert alerts
    else:
        assert len(reading.reports) + len(reading.problems) <= max(len(alerts), 21)
        assert bool(alerts) == bool(reading.reports or reading.problems)
