import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.core.alerts import Act, ActKind, AlertStatus, Report, Signal
from watchbill.integrations import mapper
from watchbill.integrations.contract import PayloadError
from watchbill.integrations.mapper import (
    ENDS_AFTER,
    UnmappedError,
    check,
    choose,
    preview,
)
from watchbill.integrations.registry import providers
from watchbill.integrations.samples import suggest
from watchbill.integrations.sources import Config
from watchbill.integrations.text import STATES

pytestmark = pytest.mark.req("S4.1-08")

WHOLE: dict[str, Any] = {
    "each": "$.alerts[*]",
    "title": "{rule.name} on {host}",
    "fingerprint": ["rule.id", ["alert.id", "alert.key"]],
    "status": {
        "from": "state",
        "resolved": ["OK", "recovered", 0],
        "acknowledged": ["ack"],
        "ignored": ["pending"],
    },
    "severity": {"from": "level", "map": {"sev1": "critical"}, "default": "warning"},
    "labels": {"*": "tags", "service": "svc.name", "team": {"text": "core"}},
    "annotations": {"description": ["text", "message"]},
    "links": {"dashboard": "url", "logs": {"text": "https://logs.example/{host}"}},
    "starts_at": "date",
    "ends_at": "ended",
    "ends_after": "4h",
}
ITEM: dict[str, Any] = {
    "rule": {"id": 7, "name": "Load"},
    "alert": {"key": "k"},
    "host": "db-1",
    "state": "alarm",
    "level": "SEV1",
    "tags": {"rack": 3, "service": "x", "empty": ""},
    "svc": {"name": "db"},
    "message": "too much\nto do",
    "url": "https://g.example/d/1",
    "date": 1795435200000,
    "ended": "2026-11-23T12:30:00Z",
}


def read_all(mapping: dict[str, Any], document: object) -> tuple[Report, ...]:
    assert check(mapping) == []
    return mapper.read(mapping, document).reports


def read_one(mapping: dict[str, Any], document: object) -> Signal:
    (report,) = read_all(mapping, document)
    assert isinstance(report, Signal)
    return report


def whole(**changes: Any) -> Signal:
    return read_one(WHOLE, {"alerts": [ITEM | changes]})


def test_every_field_is_found_where_the_mapping_says() -> None:
    signal = whole()

    assert signal.status is AlertStatus.FIRING
    assert signal.title == "Load on db-1"
    assert signal.labels == {
        "rack": "3",
        "service": "db",
        "team": "core",
        "severity": "critical",
    }
    assert signal.annotations == {"description": "too much\nto do"}
    assert signal.links == {
        "dashboard": "https://g.example/d/1",
        "logs": "https://logs.example/db-1",
    }
    assert signal.starts_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert signal.ends_at is None
    assert signal.lasts == timedelta(hours=4)


@pytest.mark.parametrize("state", ["OK", "ok", " Recovered ", 0])
@pytest.mark.req("S4.1-10")
def test_states_are_compared_without_regard_to_case(state: object) -> None:
    signal = whole(state=state)

    assert signal.status is AlertStatus.RESOLVED
    assert signal.ends_at == datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    assert signal.lasts is None


@pytest.mark.parametrize("state", ["no data", "", None, True, ["ok"] * 2])
def test_a_state_that_is_in_no_list_fires(state: object) -> None:
    assert whole(state=state).status is AlertStatus.FIRING


def test_an_acknowledged_state_is_an_act() -> None:
    (report,) = read_all(WHOLE, {"alerts": [ITEM | {"state": "ACK"}]})

    assert report == Act(fingerprint=whole().fingerprint, kind=ActKind.ACKNOWLEDGE)


def test_an_ignored_state_is_nothing() -> None:
    assert read_all(WHOLE, {"alerts": [ITEM | {"state": "pending"}]}) == ()


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("sev1", "critical"),
        ("HIGH", "error"),
        ("fatal", "critical"),
        ("p2", "P2"),
        ("P5", "P4"),
        ("odd", "warning"),
        (None, "warning"),
    ],
)
def test_a_severity_is_put_in_our_words(level: object, severity: str) -> None:
    assert whole(level=level).labels["severity"] == severity


def test_a_label_of_the_source_that_names_a_severity_is_left_as_it_is() -> None:
    mapping = {"title": "x", "fingerprint": "id", "labels": {"*": "labels"}}
    mapping["severity"] = {"default": "info"}

    signal = read_one(mapping, {"id": 1, "labels": {"severity": "page"}})

    assert signal.labels["severity"] == "page"


def test_two_alerts_of_one_rule_are_told_apart() -> None:
    assert whole(alert={"id": "a"}).fingerprint != whole(alert={"id": "b"}).fingerprint
    assert whole(alert={"id": "a"}).fingerprint == whole(alert={"key": "a"}).fingerprint


def test_a_single_identifier_stays_readable() -> None:
    mapping = {"title": "x", "fingerprint": "id"}

    assert read_one(mapping, {"id": "disk-db-1"}).fingerprint == "disk-db-1"
    assert len(read_one(mapping, {"id": "ဒေတာ"}).fingerprint) == 32
    assert len(read_one(mapping, {"id": "x" * 300}).fingerprint) == 32


@pytest.mark.parametrize("missing", [{"alert": {}}, {"alert": None}, {"rule": 1}])
def test_what_lacks_a_part_of_its_identity_is_refused(missing: dict[str, Any]) -> None:
    with pytest.raises(UnmappedError, match="cannot be told from any other") as caught:
        whole(**missing)

    assert caught.value.where == "$.alerts[0]"


def test_an_absolute_path_counts_from_the_document() -> None:
    mapping = WHOLE | {"title": "{$.group}: {host}"}

    signal = read_one(mapping, {"group": "G", "alerts": [ITEM]})

    assert signal.title == "G: db-1"


def test_the_first_title_without_a_gap_is_taken() -> None:
    mapping = {"title": ["{a} {b}", "{c}"], "fingerprint": "id"}

    assert read_one(mapping, {"id": 1, "a": "A", "c": "C"}).title == "C"
    assert read_one(mapping, {"id": 1, "a": "A"}).title == "A"
    assert read_one(mapping, {"id": 1}).title == "alert without a title"


def test_a_text_is_no_template_language() -> None:
    mapping = {"title": "{{ {a} }} {{a}}", "fingerprint": "id"}

    signal = read_one(mapping, {"id": 1, "a": "{id} {{ 7*7 }}"})

    assert signal.title == "{ {id} {{ 7*7 }} } {a}"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", "1"),
        ("a.c[1]", "y"),
        ("a.c", "x, y"),
        ('["d.e"].f', "true"),
        ("$.a.b", "1"),
        ("a", '{"b":1,"c":["x","y"]}'),
        ("a.c[9]", ""),
        ("a.b.c", ""),
        ("nowhere", ""),
    ],
)
def test_paths_lead_to_values(path: str, value: str) -> None:
    document = {"id": 1, "a": {"b": 1, "c": ["x", "y"]}, "d.e": {"f": True}}
    mapping = {"title": "x", "fingerprint": "id", "annotations": {"found": path}}

    found = read_one(mapping, document).annotations

    assert found == ({"found": value} if value else {})


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        ({"colour": 1}, "$.colour", "unknown key"),
        ({"title": None}, "$.title", "is a text"),
        ({"title": []}, "$.title", "has 1 to"),
        ({"title": "{a"}, "$.title", "brace"),
        ({"title": "{a..b}"}, "$.title", "cannot read the path"),
        ({"title": "{a[*]}"}, "$.title", "allowed in"),
        ({"title": ["x", ""]}, "$.title[1]", "is a text"),
        ({"fingerprint": []}, "$.fingerprint", "has 1 to"),
        ({"fingerprint": ["a", 7]}, "$.fingerprint[1]", "a path is a text"),
        ({"fingerprint": ["a.." + "b" * 300]}, "$.fingerprint[0]", "at most"),
        ({"each": "alerts[*]"}, "$.each", 'begins with "$"'),
        ({"each": ["x"]}, "$.each", "cannot read the path"),
        ({"status": "state"}, "$.status", "is an object"),
        ({"status": {}}, "$.status.from", "a path is a text"),
        ({"status": {"from": "s", "gone": []}}, "$.status.gone", "unknown key"),
        ({"status": {"from": "s", "resolved": "ok"}}, "$.status.resolved", "is a list"),
        ({"severity": {"default": "bad"}}, "$.severity.default", "is one of"),
        ({"severity": {"map": {"x": 1}}}, "$.severity.map.x", "is one of"),
        ({"severity": {"map": []}}, "$.severity.map", "is an object"),
        ({"severity": {"form": "x"}}, "$.severity.form", "unknown key"),
        ({"labels": []}, "$.labels", "is an object"),
        ({"labels": {" ": "a"}}, '$.labels[" "]', "has no name"),
        ({"labels": {"a": {"path": "b"}}}, "$.labels.a", "is a path"),
        ({"labels": {"*": {"text": "b"}}}, "$.labels.*", "is a path"),
        ({"labels": {"a": {"text": 1}}}, "$.labels.a.text", "is a text"),
        ({"links": {"a": [1]}}, "$.links.a[0]", "a path is a text"),
        ({"starts_at": 7}, "$.starts_at", "a path is a text"),
        ({"ends_after": "5s"}, "$.ends_after", "is a time"),
        ({"ends_after": "400d"}, "$.ends_after", "is a time"),
    ],
)
def test_a_mistake_in_a_mapping_says_where_it_is(
    changes: dict[str, Any], where: str, text: str
) -> None:
    problems = check(WHOLE | changes)

    assert [problem.where for problem in problems] == [where]
    assert text in problems[0].text


def test_a_mapping_needs_a_title_and_a_fingerprint() -> None:
    assert [one.where for one in check({})] == ["$.title", "$.fingerprint"]
    assert [one.where for one in check([])] == ["$"]


def test_a_mapping_that_is_broken_refuses_the_post_and_says_why() -> None:
    with pytest.raises(UnmappedError, match=r"mapping cannot be used: \$\.title"):
        mapper.read({"fingerprint": "id"}, {"id": 1})


@pytest.mark.parametrize("document", [{}, {"alerts": []}, {"alerts": {}}, [], 7])
def test_a_body_without_items_is_refused(document: object) -> None:
    with pytest.raises(UnmappedError, match="nothing to make a report of"):
        mapper.read(WHOLE, document)


def test_a_body_with_too_many_items_is_refused() -> None:
    mapping = {"each": "$[*]", "title": "x", "fingerprint": "id"}

    with pytest.raises(PayloadError, match="more than 5000"):
        mapper.read(mapping, [{"id": 1}] * 5001)


def test_a_preview_says_where_each_field_came_from() -> None:
    seen = preview(WHOLE, json.dumps({"alerts": [ITEM]}).encode())

    assert seen.problems == ()
    (item,) = seen.items
    assert item.report == whole()
    found = {(one.field, one.path): one.value for one in item.found}
    assert found[("title", "$.alerts[0].rule.name")] == "Load"
    assert found[("fingerprint", "$.alerts[0].alert.key")] == "k"
    assert found[("annotations.description", "$.alerts[0].message")] == "too much to do"
    assert found[("labels.service", "$.alerts[0].svc.name")] == "db"


def test_a_preview_shows_the_items_before_the_one_that_fails() -> None:
    seen = preview(WHOLE, json.dumps({"alerts": [ITEM, {}]}).encode())

    assert len(seen.items) == 1
    assert seen.problems[0].where == "$.alerts[1]"


@pytest.mark.parametrize(("mapping", "body"), [({}, b"{}"), (WHOLE, b"{")])
def test_a_preview_reports_what_is_wrong(mapping: dict[str, Any], body: bytes) -> None:
    assert preview(mapping, body).problems


def test_options_change_a_preset_and_a_saved_mapping_replaces_it() -> None:
    preset = {"title": "x", "fingerprint": "id", "severity": "level"}
    options = {"severity": "info", ENDS_AFTER.name: "2d"}
    saved = {"title": "y", "fingerprint": "id"}

    assert choose(preset, Config()) == preset
    assert choose(preset, Config(options=options)) == preset | {
        "severity": {"from": "level", "default": "info"},
        "ends_after": "2d",
    }
    assert choose(preset, Config(options=options, mapping=saved)) == saved


def test_every_preset_is_a_mapping_without_mistakes() -> None:
    presets = {
        name: preset
        for name, one in providers().items()
        if (preset := getattr(one.inbound, "PRESET", None))
    }

    assert presets.keys() >= {"json", "newrelic", "kibana", "elastalert", "logrocket"}
    assert {name: check(preset) for name, preset in presets.items()} == {
        name: [] for name in presets
    }


# ── Suggestions ───────────────────────────────────────────────────────────────────


def test_a_mapping_is_suggested_from_common_names() -> None:
    sample = {
        "incidents": [
            {
                "incidentId": 12,
                "Summary": "Queue is long",
                "State": "OPEN",
                "details": {"priority": "P1", "hostname": "mq-1"},
                "links": {"runbookUrl": "https://wiki.example/q"},
                "createdAt": "2026-11-23T12:00:00Z",
            }
        ]
    }

    mapping = suggest(json.dumps(sample).encode())

    assert mapping == {
        "each": "$.incidents[*]",
        "title": "{Summary}",
        "fingerprint": ["incidentId"],
        "status": {"from": "State", **STATES},
        "severity": {"from": "details.priority", "default": "warning"},
        "labels": {"host": "details.hostname"},
        "annotations": {},
        "links": {"runbook": "links.runbookUrl"},
        "starts_at": "createdAt",
    }
    signal = read_one(mapping, sample)
    assert signal.labels == {"host": "mq-1", "severity": "P1"}


def test_without_an_identifier_the_title_is_suggested_to_tell_alerts_apart() -> None:
    assert suggest(b'{"message": "x"}')["fingerprint"] == ["message"]


def test_a_sample_that_is_no_json_is_refused() -> None:
    with pytest.raises(PayloadError):
        suggest(b"<xml/>")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from(
    ["title", "id", "status", "severity", "url", "Time", 'a"b', "a.b", "", "{x}"]
)
shaped = st.dictionaries(names, anything | st.dictionaries(names, anything))


@given(anything | shaped | st.lists(shaped, max_size=3))
def test_what_is_suggested_is_always_a_valid_mapping(sample: object) -> None:
    body = json.dumps(sample).encode("utf-8", "replace")
    try:
        mapping = suggest(body)
    except PayloadError:
        return

    assert check(mapping) == []
    preview(mapping, body)


parts = st.dictionaries(
    st.sampled_from([*WHOLE, "from", "map", "default", "text", "*", "resolved"]),
    anything | st.sampled_from(["a.b", "{a}", "$", "$[*]", "4h", ["a", "b"]]),
)


@given(anything | parts | parts.map(lambda part: WHOLE | part))
def test_any_mapping_is_checked_and_what_passes_can_be_used(mapping: Any) -> None:
    if check(mapping):
        return

    preview(mapping, json.dumps({"alerts": [ITEM, {"a": {"b": 1}}]}).encode())
