import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import AlertStatus, Signal
from watchbill.core.labels import fingerprint
from watchbill.integrations.alertmanager.inbound import TRUNCATED, parse
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.sources import NO_CONFIG, Config, Post

PAYLOADS = Path(__file__).parent / "payloads"

pytestmark = pytest.mark.req("S4.1-01")


def recorded(name: str) -> bytes:
    """Return a body that Alertmanager 0.25 posted."""
    return (PAYLOADS / f"{name}.json").read_bytes()


def signals_of(raw: bytes, config: Config = NO_CONFIG) -> tuple[Signal, ...]:
    reports = parse(Post(body=raw), config).reports
    assert all(isinstance(report, Signal) for report in reports)
    return tuple(report for report in reports if isinstance(report, Signal))


def body(alert: dict[str, Any] | None = None, **fields: Any) -> bytes:
    one = {"status": "firing", "labels": {"alertname": "Disk"}, **(alert or {})}
    return json.dumps({"version": "4", "alerts": [one], **fields}).encode()


def parse_one(alert: dict[str, Any] | None = None, **fields: Any) -> Signal:
    (signal,) = signals_of(body(alert, **fields))
    return signal


@pytest.mark.req("S4.1-08", "S4.1-02")
def test_each_alert_of_a_group_becomes_a_signal() -> None:
    api, web = signals_of(recorded("two-alerts-firing"))

    assert api == Signal(
        fingerprint="48f6121c6dde6d20",
        status=AlertStatus.FIRING,
        title="5xx rate of the API is 7.3 %",
        labels={
            "alertname": "HighErrorRate",
            "component": "api",
            "instance": "api-1:8000",
            "severity": "critical",
        },
        annotations={
            "dashboard_url": "https://grafana.trm.example/d/api",
            "description": "More than 5 % of the requests failed for 5 minutes.",
            "runbook_url": "https://wiki.trm.example/runbooks/high-error-rate",
            "summary": "5xx rate of the API is 7.3 %",
        },
        starts_at=datetime(2026, 11, 23, 11, 54, 37, 578862, tzinfo=UTC),
        ends_at=None,
        links={
            "runbook": "https://wiki.trm.example/runbooks/high-error-rate",
            "dashboard": "https://grafana.trm.example/d/api",
            "source": "http://prometheus.trm.example:9090/graph"
            "?g0.expr=job%3Aerrors%3Aratio",
            "alertmanager": "http://alertmanager.trm.example:9093",
        },
    )
    assert web.links == {"alertmanager": "http://alertmanager.trm.example:9093"}


@pytest.mark.req("S4.1-10")
def test_a_group_may_hold_resolved_and_firing_alerts() -> None:
    resolved, firing = signals_of(recorded("one-resolved-one-firing"))

    assert resolved.status is AlertStatus.RESOLVED
    assert resolved.ends_at == datetime(2026, 11, 23, 11, 54, 41, 717000, tzinfo=UTC)
    assert firing.status is AlertStatus.FIRING
    assert firing.ends_at is None


@pytest.mark.req("S4.1-09")
def test_an_alert_keeps_its_fingerprint_from_firing_to_resolved() -> None:
    fired = signals_of(recorded("two-alerts-firing"))
    later = signals_of(recorded("one-resolved-one-firing"))

    assert [s.fingerprint for s in fired] == [s.fingerprint for s in later]


def test_alerts_that_alertmanager_left_out_are_told_on_each_signal() -> None:
    signals = signals_of(recorded("truncated"))

    assert [signal.title for signal in signals] == [
        "Disk1 (instance=db-1:9100)",
        "Disk2 (instance=db-2:9100)",
    ]
    for signal in signals:
        assert signal.annotations[TRUNCATED].startswith("3 more alerts of this group")


def test_burmese_survives_and_markup_is_only_text() -> None:
    (signal,) = signals_of(recorded("burmese"))

    assert signal.title == "အကောင့်ဝင်ရောက်မှု မအောင်မြင်ပါ (<b>5 %</b>)"
    assert signal.labels["note"] == "အကောင့်ဝင်မရ"


def test_without_a_fingerprint_the_labels_tell_alerts_apart() -> None:
    labels = {"alertname": "Disk", "instance": "x" * 5_000}

    signal = parse_one({"labels": labels})

    assert signal.fingerprint == fingerprint(labels)
    assert signal.labels["instance"] == "x" * 999 + "…"


@pytest.mark.parametrize("odd", ["", "../../x", "a\x00", "f" * 65, "ⅷ"])
def test_an_odd_fingerprint_is_not_used_as_a_key(odd: str) -> None:
    expected = fingerprint({"alertname": "Disk"})
    assert parse_one({"fingerprint": odd}).fingerprint == expected


@pytest.mark.req("S4.1-09")
def test_an_alert_that_is_listed_twice_is_one_signal() -> None:
    alert = {"status": "firing", "labels": {"alertname": "Disk"}}

    assert len(signals_of(body(alerts=[alert, alert]))) == 1
    assert len(signals_of(body(alerts=[alert, alert | {"status": "resolved"}]))) == 2


@pytest.mark.parametrize(
    ("annotations", "labels", "title"),
    [
        ({"summary": " a\nb "}, {"alertname": "X"}, "a b"),
        ({"summary": " ", "description": "d"}, {"alertname": "X"}, "d"),
        ({}, {"alertname": "X", "job": "j", "zone": "z"}, "X (job=j)"),
        ({}, {"zone": "z"}, "alert without a name"),
        ({"summary": "s" * 300}, {"alertname": "X"}, "s" * 199 + "…"),
        (None, {"alertname": "X"}, "X"),
    ],
)
def test_the_title_is_the_best_line_there_is(
    annotations: dict[str, str] | None, labels: dict[str, str], title: str
) -> None:
    signal = parse_one({"annotations": annotations, "labels": labels})

    assert signal.title == title


@pytest.mark.req("A58")
@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+06:30", None),
        ("9999-12-31T23:59:59-06:30", None),
        (None, None),
        ("2026-11-23T18:30:00.123456789+06:30", (2026, 11, 23, 12, 0, 0, 123457)),
        ("2026-11-23T12:00:00Z", (2026, 11, 23, 12, 0, 0, 0)),
    ],
)
def test_instants_are_in_utc_and_the_zero_time_is_none(
    text: str | None, instant: tuple[int, ...] | None
) -> None:
    signal = parse_one({"status": "resolved", "startsAt": text, "endsAt": text})

    expected = datetime(*instant, tzinfo=UTC) if instant else None  # type: ignore[arg-type,misc]
    assert signal.starts_at == expected
    assert signal.ends_at == expected


def test_links_that_are_no_web_pages_are_dropped() -> None:
    annotations = {"runbook_url": "javascript:alert(1)", "runbook": "https://w.example"}

    signal = parse_one({"annotations": annotations, "generatorURL": "file:///etc"})

    assert signal.links == {"runbook": "https://w.example"}


def test_control_characters_are_shown_as_replaced() -> None:
    signal = parse_one({"annotations": {"summary": "a\x00b"}, "labels": {"x": "\x1b"}})

    assert signal.title == "a\ufffdb"
    assert signal.labels == {"x": "\ufffd"}


def test_unknown_fields_are_passed_over() -> None:
    signal = parse_one({"later": [1]}, notification_reason="x", routeLabels={"a": "b"})

    assert signal.title == "Disk"


@pytest.mark.parametrize(
    ("raw", "where", "problem"),
    [
        (b"", "$", "truncated"),
        (b"{", "$", "truncated"),
        (b"[]", "$", "Expected `object`, got `array`"),
        (b"\xff", "$", "malformed"),
        (b"[" * 100_000, "$", "Expected `object`"),
        (b'{"x":' + b"[" * 100_000, "$", "nested too deeply"),
        (b'{"alerts": []}', "$", "missing required field `version`"),
        (b'{"version": "4"}', "$", "missing required field `alerts`"),
        (b'{"version": 4, "alerts": []}', "$.version", "Expected `str`, got `int`"),
        (b'{"version": "3", "alerts": []}', "$.version", 'got "3"'),
        (b'{"version": "4", "alerts": []}', "$.alerts", "no alerts"),
        (b'{"version": "4", "alerts": null}', "$.alerts", "no alerts"),
        (b'{"version": "4", "alerts": {}}', "$.alerts", "Expected `array"),
        (body({"labels": {}}), "$.alerts[0].labels", "without labels"),
        (body({"labels": {"a": 1}}), "$.alerts[0].labels[...]", "Expected `str`"),
        (body({"status": "on"}), "$.alerts[0].status", "Invalid enum value 'on'"),
        (body({"startsAt": "now"}), "$.alerts[0].startsAt", "Invalid RFC3339"),
        (body({"startsAt": "2026-11-23T12:00:00"}), "$.alerts[0].startsAt", "timezone"),
        (body(truncatedAlerts=10**400), "$.truncatedAlerts", "Expected `int`"),
        (body().replace(b'"Disk"', b'"\xff"'), "$", "invalid start byte"),
        (body(truncatedAlerts=1).replace(b": 1", b": 1e400"), "$.truncatedAlerts", ""),
    ],
)
def test_a_body_that_cannot_be_read_says_where_and_what(
    raw: bytes, where: str, problem: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        signals_of(raw)

    assert caught.value.where == where
    assert problem in caught.value.problem
    assert caught.value.hint


GROUP = Config(options={"dedup": "groupKey"})
KEY = '{}:{alertname="Disk"}'


def group(*statuses: str, **fields: Any) -> bytes:
    alerts = [
        {
            "status": status,
            "labels": {"alertname": "Disk", "instance": f"db-{index}"},
            "startsAt": f"2026-11-23T12:0{index}:00Z",
            "endsAt": f"2026-11-23T13:0{index}:00Z",
        }
        for index, status in enumerate(statuses)
    ]
    common: dict[str, Any] = {"commonLabels": {"alertname": "Disk"}, "groupKey": KEY}
    return body(alerts=alerts, **common, **fields)


def test_a_group_may_be_one_alert() -> None:
    (signal,) = signals_of(group("firing", "resolved", status="firing"), GROUP)

    assert signal.title == "2 alerts: Disk"
    assert signal.labels == {"alertname": "Disk"}
    assert signal.status is AlertStatus.FIRING
    assert signal.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert signal.ends_at is None


@pytest.mark.req("S4.1-10")
def test_a_group_is_over_when_all_of_it_is() -> None:
    (fired,) = signals_of(group("firing", status="firing"), GROUP)
    (over,) = signals_of(group("resolved", "resolved", status="resolved"), GROUP)

    assert over.fingerprint == fired.fingerprint
    assert over.status is AlertStatus.RESOLVED
    assert over.ends_at == datetime(2026, 11, 23, 13, 1, tzinfo=UTC)


def test_groups_are_told_apart_by_their_key() -> None:
    (one,) = signals_of(group("firing"), GROUP)
    (other,) = signals_of(group("firing").replace(b"Disk", b"Load"), GROUP)

    assert one.fingerprint != other.fingerprint


def test_a_templated_body_is_read_by_the_mapping_of_the_integration() -> None:
    mapping = {"title": "{what}", "fingerprint": "id", "labels": {"service": "svc"}}
    raw = b'{"id": "7", "what": "Disk full", "svc": "db"}'

    (signal,) = signals_of(raw, Config(mapping=mapping))

    assert (signal.fingerprint, signal.title) == ("7", "Disk full")
    assert signal.labels == {"service": "db"}
    with pytest.raises(PayloadError, match="version"):
        signals_of(raw)


def test_a_mapping_does_not_touch_bodies_of_version_4() -> None:
    mapping = {"title": "{what}", "fingerprint": "id"}

    (signal,) = signals_of(body(), Config(mapping=mapping))

    assert signal.title == "Disk"


def test_of_a_duplicate_key_the_last_holds() -> None:
    raw = body().replace(b'{"alertname": "Disk"}', b'{"a": "1", "a": "2"}')

    (signal,) = signals_of(raw)

    assert signal.labels == {"a": "2"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        name: anything | st.text() | st.dictionaries(st.text(), st.text())
        for name in (
            "status",
            "labels",
            "annotations",
            "startsAt",
            "endsAt",
            "generatorURL",
            "fingerprint",
        )
    },
)


@given(
    alert=fields,
    rest=st.dictionaries(
        st.sampled_from(["version", "externalURL", "truncatedAlerts", "x"]), anything
    ),
)
def test_whatever_json_comes_there_are_signals_or_a_payload_error(
    alert: dict[str, Any], rest: dict[str, Any]
) -> None:
    check(body(alert, **rest))


@given(st.data())
def test_whatever_bytes_come_there_are_signals_or_a_payload_error(
    data: st.DataObject,
) -> None:
    raw = bytearray(recorded("burmese"))
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 8, len(raw))))
        raw[start:end] = data.draw(st.binary(max_size=8))
    check(bytes(raw))


def check(raw: bytes) -> None:
    signals: tuple[Signal, ...] = ()
    with suppress(PayloadError):
        signals = signals_of(raw)
    for signal in signals:
        assert signal.fingerprint
        assert signal.title
        shown = [signal.title, *signal.labels.values(), *signal.annotations.values()]
        assert "\x00" not in "".join(shown).encode().decode()
