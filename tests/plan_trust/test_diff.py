"""A diff says what changes for people, and nothing when nothing does."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchbill.plan import Loaded, bundled_text, load
from watchbill.plan.diff import Change, Effect, as_fields, diff, render_diff
from watchbill.plan.simulate import follow, horizon, suppose

TRM = bundled_text("trm")
OLD = load(TRM, name="old.yaml")


def changed(*changes: tuple[str, str]) -> Loaded:
    text = TRM
    for before, after in changes:
        assert before in text, f"the plan has no {before!r}"
        text = text.replace(before, after, 1)
    loaded = load(text, name="new.yaml")
    assert loaded.plan is not None, loaded.render()
    return loaded


def said(*changes: tuple[str, str]) -> dict[str, Effect]:
    return {one.text: one.effect for one in diff(OLD, changed(*changes)).changes}


@pytest.mark.req("S0-05", "SE-01", "S3.2-07")
def test_a_step_that_moves_is_said_in_minutes() -> None:
    found = said(
        ("after: 1h, do: notify, who: cto", "after: 30m, do: notify, who: cto")
    )

    assert found == {
        "the CTO is told 30 min earlier on P1 (30 min instead of 1 h)": Effect.LOUDER
    }


@pytest.mark.req("SE-01", "S3.2-09")
def test_who_is_no_longer_told_is_flagged_as_quieter() -> None:
    step = re.search(r"    - \{after: 2h, do: notify, who: ceo,.*?\}\n", TRM, re.S)
    assert step is not None

    found = diff(OLD, changed((step[0], "")))

    assert [one.text for one in found.quieter] == [
        "the CEO is no longer told on P1 (was at 2 h)"
    ]
    assert "  ! the CEO is no longer told on P1 (was at 2 h)\n" in render_diff(found)


@pytest.mark.req("SE-01", "A2")
def test_a_stop_rule_that_changes_is_said() -> None:
    found = said(
        ("do: notify, who: ceo,", "do: notify, who: ceo, until: acknowledged,")
    )

    assert found == {
        "the CEO is told on P1 at 2 h until it is acknowledged instead of until it is"
        " resolved": Effect.QUIETER
    }


def test_a_severity_that_pages_nobody_any_more_is_said_in_one_sentence() -> None:
    text = TRM
    ladder = text[text.index("  P2:\n    - {after") : text.index("  P3:\n    - {after")]
    quiet = re.sub(r"do: page", "do: notify", ladder)
    routes = re.findall(r"(?<=\n) +P2: \{primary: 0m.*\n", TRM)
    assert routes

    found = said((ladder, quiet), *((row, "") for row in routes))

    assert found["nobody is paged on P2 any more"] is Effect.QUIETER


@pytest.mark.req("SE-01", "S4.4-01")
def test_weeks_that_change_hands_are_said_each_once() -> None:
    found = said(
        (
            "members: [devops_engineer, backend_engineer,",
            "members: [backend_engineer, devops_engineer,",
        )
    )

    first = (
        "DevOps on-call from Fri 2026-02-06 00:00 to Fri 2026-02-13 10:00: primary"
        " Backend Engineer (was DevOps Engineer), shadow DevOps Engineer (was Backend"
        " Engineer)"
    )
    assert found[first] is Effect.NEUTRAL
    assert len(found) == 8


def test_a_longer_promise_is_quieter() -> None:
    assert said(("resolution: 4h", "resolution: 5h")) == {
        "the resolution of P2 is due 1 h later (5 h instead of 4 h)": Effect.QUIETER
    }


@pytest.mark.req("S2.1-16")
def test_methods_are_masked() -> None:
    found = said(("cto@trm.rocks", "chief@trm.rocks"))

    assert found == {
        "the CTO is reached by another e-mail (ch…@trm.rocks, was ct…@trm.rocks)": (
            Effect.NEUTRAL
        )
    }


def test_alerts_that_become_something_else_are_named() -> None:
    found = said(("warning: P3, info", "warning: P2, info"))

    (text,) = found
    assert text.startswith("alerts become P2 instead of P3: severity=warning; ")
    assert found[text] is Effect.LOUDER


_INHIBITION = TRM[TRM.index("  inhibit:\n") : TRM.index("  # An alert that begins or")]


@pytest.mark.req("S4.2-23", "SE-01")
def test_an_inhibition_that_goes_is_louder() -> None:
    assert said((_INHIBITION, "")) == {
        "alerts with severity = warning page nobody while one with alertname != (none)"
        " and severity = critical fires and has the same alertname, instance, service:"
        " no longer": Effect.LOUDER
    }
    assert said(("it (S4.2-23)", "so")) == {
        "alerts.inhibit.1.because is the critical alert of the same metric says so"
        " instead of the critical alert of the same metric says it (S4.2-23)": (
            Effect.NEUTRAL
        )
    }


@pytest.mark.req("S4.2-26", "SE-01")
@pytest.mark.parametrize(
    ("before", "after", "text", "effect"),
    [
        (
            "{flips: 4, within: 30m, hold_down: 10m}",
            "null",
            "every end of an alert is believed at once, however often it comes",
            Effect.LOUDER,
        ),
        (
            "{flips: 4, within: 30m, hold_down: 10m}",
            "{flips: 3, within: 1h, hold_down: 10m}",
            "an alert flaps by 3 flips within 1 h until 10 min of quiet instead of"
            " 4 flips within 30 min until 10 min of quiet",
            Effect.QUIETER,
        ),
        (
            "{incidents: 20, within: 5m}",
            "null",
            "every group of alerts has an incident of its own, however many come",
            Effect.LOUDER,
        ),
        (
            "{incidents: 20, within: 5m}",
            "{incidents: 30, within: 10m}",
            "alerts beyond 30 incidents of one severity within 10 min instead of"
            " 20 incidents of one severity within 5 min share an incident",
            Effect.NEUTRAL,
        ),
        (
            "resolve_timeout: 5m",
            "resolve_timeout: 10m",
            "an alert that is not repeated is over after 10 min instead of 5 min",
            Effect.NEUTRAL,
        ),
        (
            "watchdog: {match: {alertname: Watchdog}}",
            "watchdog: null",
            "monitoring.watchdog is gone",
            Effect.NEUTRAL,
        ),
    ],
)
def test_what_keeps_alerts_quiet_is_compared(
    before: str, after: str, text: str, effect: Effect
) -> None:
    assert said((before, after)) == {text: effect}


@pytest.mark.req("S4.2-26", "SE-01")
@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "  flapping: {flips: 4, within: 30m, hold_down: 10m}",
            "ends of alerts that flap are not believed at once: 4 flips within 30 min"
            " until 10 min of quiet",
        ),
        (
            "  storm: {incidents: 20, within: 5m}",
            "alerts beyond 20 incidents of one severity within 5 min share an incident",
        ),
    ],
)
def test_a_rule_that_is_switched_on_is_quieter(key: str, text: str) -> None:
    off = changed((key, f"{key.partition(':')[0]}: null"))

    assert [(one.text, one.effect) for one in diff(off, OLD).changes] == [
        (text, Effect.QUIETER)
    ]


@pytest.mark.req("A9")
def test_an_approval_that_is_no_longer_needed_is_quieter() -> None:
    found = said(
        ("approvals: [product_manager, technical_lead]", "approvals: technical_lead")
    )

    assert found == {
        "the Product Manager no longer approves changes of type feature": Effect.QUIETER
    }


def test_comments_and_format_have_no_effect_on_people() -> None:
    found = diff(
        OLD, changed(("# Worst first", "# The worst"), ("after: 1h", "after: 60m"))
    )

    assert found.changes == ()
    assert render_diff(found) == (
        "old.yaml -> new.yaml: only comments or format differ; no effect on people\n"
    )
    assert render_diff(diff(OLD, OLD)).endswith("the plans are the same\n")


def test_a_key_without_consequences_for_the_engine_is_said_as_written() -> None:
    assert said(("title: Help Desk, cover", "title: Helpdesk, cover")) == {
        "levels.L1.title is Helpdesk instead of Help Desk": Effect.NEUTRAL
    }


def test_fields_for_json_keep_their_names() -> None:
    found = as_fields(diff(OLD, changed(("resolution: 4h", "resolution: 5h"))))

    assert found["has_effect"] is True
    assert found["changes"] == [
        {
            "area": "targets",
            "effect": "quieter",
            "text": "the resolution of P2 is due 1 h later (5 h instead of 4 h)",
            "key": "severities.P2.resolution",
            "before": "4 h",
            "after": "5 h",
            "is_quieter": True,
        }
    ]


# ── Laws, on plans of which one value is another ────────────────────────────────

_DURATION = re.compile(r"(?<=[: ])([1-9][0-9]?)([mh])(?=[,}\n])")
_ROLE = re.compile(
    r"(?<=who: )[a-z_]+(?=,)|(?<=primary: )[a-z_]+|(?<=secondary: )[a-z_]+(?=\n)"
)
_ROLES = ["ceo", "cto", "technical_lead", "backend_engineer", "product_manager"]
_PLACES = [
    *_DURATION.finditer(TRM, TRM.index("\nescalation:"), TRM.index("\nchannels:")),
    *_ROLE.finditer(TRM, 0, TRM.index("\nchannels:")),
]


Mutation = tuple[int, str]
"""Which value of the plan is another, and what it is."""


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    number = draw(st.integers(0, len(_PLACES) - 1))
    place = _PLACES[number]
    if place[0][0].isdigit():
        return number, f"{draw(st.integers(1, 90))}{place[2]}"
    return number, draw(st.sampled_from(_ROLES))


def mutated(mutation: Mutation) -> Loaded | None:
    """The plan with that value; None when it is not valid then."""
    number, value = mutation
    place = _PLACES[number]
    text = TRM[: place.start()] + value + TRM[place.end() :]
    loaded = load(text, name="new.yaml")
    return loaded if loaded.plan is not None else None


def mirror(one: Change) -> tuple[object, ...]:
    return (one.area, one.key, one.after, one.before, one.effect.mirrored)


def plain(one: Change) -> tuple[object, ...]:
    return (one.area, one.key, one.before, one.after, one.effect)


@given(mutation=mutations())
@settings(deadline=None, max_examples=15)
def test_a_plan_differs_from_itself_in_nothing(mutation: Mutation) -> None:
    new = mutated(mutation) or OLD

    found = diff(new, new)

    assert (found.changes, found.is_same_text) == ((), True)


@given(mutation=mutations(), other=mutations())
@settings(deadline=None, max_examples=15)
def test_the_way_back_is_the_mirror(mutation: Mutation, other: Mutation) -> None:
    first, second = mutated(mutation) or OLD, mutated(other) or OLD

    there, back = diff(first, second), diff(second, first)

    assert sorted(map(str, map(mirror, there.changes))) == sorted(
        map(str, map(plain, back.changes))
    )
    texts = " ".join(one.text for one in there.changes)
    returned = " ".join(one.text for one in back.changes)
    assert texts.count("earlier") == returned.count("later")


def behavior(loaded: Loaded) -> list[object]:
    """What is done for an incident of every severity and route, day and night."""
    plan = loaded.plan
    assert plan is not None
    done: list[object] = []
    for severity in plan.severities:
        for route in plan.routing.routes:
            # Friday 00:00 and 12:00 in Yangon.
            for hours in (0, 12):
                start = plan.meta.effective_at + timedelta(hours=hours)
                incident = suppose(
                    plan, declared_at=start, severity=severity.key, route=route.key
                )
                resolved = replace(incident, resolved_at=start + timedelta(hours=9))
                lines = follow(plan, resolved, until=horizon(plan, resolved))
                done += [
                    (one.elapsed, one.verb, one.whom, one.is_copy) for one in lines
                ]
    return done


def test_every_single_value_that_changes_behavior_is_in_the_diff() -> None:
    """Not a sample: each duration and role of the plan, once."""
    base, changing, silent = behavior(OLD), 0, []
    for number, place in enumerate(_PLACES):
        other = f"{int(place[1]) + 1}{place[2]}" if place[0][0].isdigit() else "ceo"
        new = mutated((number, other))
        if new is not None and behavior(new) != base:
            changing += 1
            if not diff(OLD, new).changes:
                silent.append((TRM.count("\n", 0, place.start()) + 1, place[0]))

    assert silent == []
    assert changing > 30
