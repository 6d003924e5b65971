"""Every key of the plan can be asked what it does, and answers with its line."""

from collections.abc import Iterator

import pytest

from watchbill.plan import bundled_text, load
from watchbill.plan.decisions import DECISIONS
from watchbill.plan.explain import (
    explain,
    explain_decision,
    explain_due,
    render_explanation,
    render_position,
)
from watchbill.plan.explain.keys import open_plan
from watchbill.plan.lookup import UnknownNameError
from watchbill.plan.tree import parts

TRM = load(bundled_text("trm"), name="trm.yaml")


def line_of(text: str) -> int:
    (line,) = (n for n, row in enumerate(TRM.lines, start=1) if text in row)
    return line


@pytest.mark.req("S3.1-02", "A4")
def test_a_target_says_its_value_line_requirement_decision_and_comment() -> None:
    found = explain(TRM, "severities.P1.response")

    assert (found.value, found.place and found.place.line) == (
        "5m",
        line_of('the plan says "immediate" (A4)'),
    )
    assert found.requirements == ("S3.1-02", "S3.1-35")
    assert [one.id for one in found.decisions] == ["A4"]
    assert found.does == "The first page of a P1 must be answered within this time."
    assert found.note == 'the plan says "immediate" (A4)'
    assert {"CTO", "DevOps Engineer", "Payment Specialist"} <= set(found.affects)


@pytest.mark.req("S3.2-05", "A1")
def test_a_step_is_found_by_its_time_and_says_what_stops_it() -> None:
    found = explain(TRM, "escalation.P1[15m]")

    assert found.key == "escalation.P1.15m-escalate"
    assert found.does == (
        "15 min after the declaration it calls in Technical Lead and the people of L3"
        " whose specialty is the incident's category to work on the incident. It is not"
        " done once service is restored; acknowledging does not stop it."
    )
    assert "A1" in [one.id for one in found.decisions]
    assert "S3.2-05" in found.requirements


@pytest.mark.req("A2")
def test_a_key_that_is_not_written_is_explained_with_its_default() -> None:
    found = explain(TRM, "escalation.P1.15m-escalate.until")

    assert (found.value, found.place) == ("mitigated", None)
    assert "not written; this is the default" in render_explanation(found)


@pytest.mark.req("A11")
def test_a_time_of_the_routes_affects_the_contacts_of_that_rank() -> None:
    found = explain(TRM, "alerts.contacting.P1.secondary")

    assert found.value == "5m"
    assert set(found.affects) == {
        "CTO",
        "DevOps Engineer",
        "Backend Engineer",
        "Technical Lead",
    }


@pytest.mark.req("S4.2-26", "S4.1-12", "S4.2-23")
@pytest.mark.parametrize(
    ("key", "value", "requirements", "words"),
    [
        ("alerts.flapping.hold_down", "10m", ("S4.2-26",), "be quiet until its end"),
        ("alerts.storm.incidents", "20", (), "of that severity share one"),
        ("alerts.inhibit.1.equal", "[alertname, service, instance]", ("S4.2-23",), ""),
        ("alerts.resolve_timeout", "5m", ("S4.1-10",), "without saying until when"),
        (
            "monitoring.watchdog.match.alertname",
            "Watchdog",
            ("S4.1-12",),
            "its absence",
        ),
    ],
)
def test_what_keeps_alerts_quiet_is_explained(
    key: str, value: str, requirements: tuple[str, ...], words: str
) -> None:
    found = explain(TRM, key)

    assert (found.value, found.requirements) == (value, requirements)
    assert words in found.does
    assert found.place is not None


@pytest.mark.req("S2.1-14")
def test_a_contact_is_named_by_its_id() -> None:
    found = explain(TRM, "contacts.technical_lead.phone")

    assert (found.value, found.affects) == ("+95-xxx-xxx-xxxx", ("Technical Lead",))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "severites.P1",
            '"severites.P1" is no key of the plan: a plan has no "severites".'
            ' Did you mean "severities"?',
        ),
        (
            "contacts.technical_lead.fone",
            '"contacts.technical_lead.fone" is no key of the plan:'
            ' contacts.technical_lead has no "fone". Did you mean "phone"?',
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        explain(TRM, key)

    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["", ".", "[", "escalation.P1.999", "plan.title.x"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(UnknownNameError):
        explain(TRM, key)


def keys(entry: object, above: str = "") -> Iterator[str]:
    for part in parts(entry):
        key = f"{above}.{part.name}" if above else part.name
        yield key
        yield from keys(part.value, key)


def test_every_key_of_the_bundled_plan_has_an_explanation() -> None:
    every = list(keys(open_plan(TRM).file))

    # A walk of each key parses the plan; a spread of them is enough.
    for key in every[::23]:
        found = explain(TRM, key)
        assert (found.key, bool(found.does)) == (key, True)


@pytest.mark.req("S3.2-06", "S2.2-03")
def test_a_due_time_names_the_step_the_row_and_the_requirement() -> None:
    (found,) = explain_due(TRM, "P1 30m")

    assert found.title == "Notify the Engineering Manager"
    assert found.place is not None
    assert found.place.line == line_of("{after: 30m, do: notify")
    assert found.row == (
        "P1: Notify the Engineering Manager",
        "P2: -",
        "P3: -",
        "P4: -",
    )
    assert found.requirements == ("S3.2-06", "S2.2-03")
    assert found.affects == ("Engineering Manager",)


@pytest.mark.req("S4.3-06")
def test_a_due_time_of_a_route_comes_from_its_times() -> None:
    found = explain_due(TRM, "P1 payment 5m")

    assert [one.key for one in found] == [
        "escalation.P1.5m-page",
        "alerts.contacting.P1.secondary",
    ]


@pytest.mark.req("A18")
def test_a_due_time_after_the_resolution_is_asked_for_as_such() -> None:
    assert [one.title for one in explain_due(TRM, "P2 resolved+48h")] == [
        "Post-mortem due"
    ]


@pytest.mark.parametrize("due", ["P1", "P1 31m", "P9 30m", "P1 soon", "P1 nowhere 5m"])
def test_a_time_at_which_nothing_is_due_is_refused(due: str) -> None:
    with pytest.raises(UnknownNameError):
        explain_due(TRM, due)


@pytest.mark.req("A2")
def test_a_decision_says_where_the_plan_stands() -> None:
    position = explain_decision(TRM, "a2")

    assert position.decision is DECISIONS["A2"]
    stands = {one.key: one.value for one in position.left_to_default}
    assert stands["escalation.P1.0m-page.until"] == "acknowledged"
    assert stands["escalation.P1.30m-notify.until"] == "resolved"


@pytest.mark.parametrize("id", list(DECISIONS))
def test_every_decision_can_be_printed(id: str) -> None:
    assert render_position(explain_decision(TRM, id)).startswith(f"{id}: ")
