"""The JSON Schema of a plan is current, and takes what a plan may say."""

import json
import re
from datetime import date
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.plan.samples import MINIMAL, TRM
from tests.plugins.plan_index import ROOT
from watchbill.commands.plan import command
from watchbill.plan.editor_schema import default_of, find_field, json_schema

SCHEMA = json_schema()
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def as_an_editor_reads(text: str) -> Any:
    """An editor reads dates as text, as YAML 1.2 does."""
    return _dates_as_text(yaml.safe_load(text))


def _dates_as_text(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _dates_as_text(one) for key, one in value.items()}
        case list():
            return [_dates_as_text(one) for one in value]
        case date():
            return value.isoformat()
        case _:
            return value


def faults(value: Any, schema: Any, place: str = "") -> list[str]:
    """What the keywords that the schema uses say against a value."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return faults(value, SCHEMA["$defs"][name], place)
    if "anyOf" in schema:
        ways = [faults(value, one, place) for one in schema["anyOf"]]
        return [] if any(not way for way in ways) else min(ways, key=len)
    types = schema.get("type", list(TYPES))
    types = [types] if isinstance(types, str) else types
    if not any(isinstance(value, TYPES[one]) for one in types):
        return [f"{place}: {value!r} is no {types}"]
    if isinstance(value, str):
        wrong = not re.search(schema.get("pattern", ""), value)
        wrong |= value not in schema.get("enum", [value])
        return [f"{place}: {value!r}"] if wrong else []
    if isinstance(value, list):
        each = enumerate(value)
        return [
            one
            for at, item in each
            for one in faults(item, schema.get("items", {}), f"{place}[{at}]")
        ]
    return _faults_of_mapping(value, schema, place) if isinstance(value, dict) else []


def _faults_of_mapping(value: Any, schema: Any, place: str) -> list[str]:
    missing = set(schema.get("required", [])) - set(value)
    found = [f"{place}: no {key}" for key in sorted(missing)]
    for key, item in value.items():
        inner = schema.get("properties", {}).get(key)
        for pattern, one in schema.get("patternProperties", {}).items():
            inner = one if inner is None and re.search(pattern, key) else inner
        other = schema.get("additionalProperties", {})
        inner = other if inner is None else inner
        found += (
            [f"{place}: {key} is unknown"]
            if inner is False
            else faults(item, inner, f"{place}.{key}")
        )
    return found


def test_the_schema_in_the_documentation_is_current() -> None:
    kept = (ROOT / "docs" / "plan.schema.json").read_text("utf-8")

    assert json.loads(kept) == SCHEMA, "run: watchbill plan schema"


@pytest.mark.parametrize("text", [TRM, MINIMAL], ids=["trm", "minimal"])
def test_a_good_plan_fits_the_schema(text: str) -> None:
    assert faults(as_an_editor_reads(text), SCHEMA) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("response: 5m,", "response: five minutes,", ".severities.P1.response"),
        ("urgency: high", "urgency: loud", ".severities.P1.urgency"),
        ("fallback:", "fallbak:", ": fallbak is unknown"),
        ("effective: 2026-02-06", "effective: 6 Feb 2026", ".plan.effective"),
        ("handover: ", "at: ", "on_call.primary"),
        ('"+95 9 250 000 001"', "[1, 2]", ".contacts[1].phone"),
    ],
)
def test_a_slip_is_seen_by_the_editor(old: str, new: str, place: str) -> None:
    assert old in MINIMAL

    found = faults(as_an_editor_reads(MINIMAL.replace(old, new, 1)), SCHEMA)

    assert any(place in one for one in found), found


def test_every_part_is_described_in_the_words_of_its_class() -> None:
    named = [one for name, one in SCHEMA["$defs"].items() if name.endswith("Entry")]
    severity = SCHEMA["$defs"]["SeverityEntry"]["properties"]

    assert len(named) > 40
    assert all(one.get("description") for one in named)
    assert severity["pause"]["description"] == (
        "What the resolution clock may wait for (A19)."
    )


def test_defaults_are_said_as_a_plan_writes_them() -> None:
    incidents = SCHEMA["$defs"]["IncidentsEntry"]["properties"]
    retention = SCHEMA["$defs"]["RetentionEntry"]["properties"]
    severity = SCHEMA["$defs"]["SeverityEntry"]["properties"]

    assert incidents["ack_timeout"]["default"] == "30m"
    assert retention["raw_alerts"]["default"] == "13 months"
    assert severity["warn_at"]["default"] == ["75%", "90%"]
    assert SCHEMA["$defs"]["CsatEntry"]["properties"]["target"]["default"] == "80%"


def test_a_list_of_one_needs_no_brackets_for_the_editor_either() -> None:
    for signers in ("cto", ["cto"]):
        schema = SCHEMA["$defs"]["MetaEntry"]["properties"]["signers"]
        assert faults(signers, schema) == []


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("severities.*.clock", "24x7"),
        ("escalation.*.*.from", "declared"),
        ("plan.title", None),
    ],
)
def test_a_field_is_found_by_its_path(path: str, default: str | None) -> None:
    field = find_field(path)

    assert field is not None
    assert default_of(field) == default


@pytest.mark.parametrize(
    "path", ["severities.*", "severities.P1", "nothing", "plan.x.y"]
)
def test_a_path_that_leads_to_no_key_has_no_field(path: str) -> None:
    assert find_field(path) is None


def test_the_command_prints_the_schema() -> None:
    result = CliRunner().invoke(command, ["schema"])

    assert result.exit_code == 0
    assert json.loads(result.output) == SCHEMA
