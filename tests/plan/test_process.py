"""The plan says how incidents are handled, bugs fixed, and hotfixes made."""

from datetime import datetime, timedelta

import pytest

from tests.plan.samples import TRM, codes, minimal
from watchbill.core.bugs import (
    Bound,
    Disposition,
    Reckoning,
    fix_due_at,
    hotfix_total,
    latest_safe_end,
)
from watchbill.core.ladder import DutyTarget, ExpertTarget, RoleTarget, Since, Verb
from watchbill.core.oncall import Duty
from watchbill.core.reviews import Within
from watchbill.plan import Code, bundled, load
from watchbill.plan.process import Bugs, Handling, warnings_before
from watchbill.plan.sections.process import Clock, Fulfilment, OnUpgrade, Pause

PLAN = bundled("trm")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def bugs() -> Bugs:
    assert PLAN.bugs is not None
    return PLAN.bugs


@pytest.mark.parametrize(
    ("severity", "actions"),
    [
        (
            "P1",
            (
                "Page on-call DevOps engineer immediately",
                "Activate incident response team",
                "Notify stakeholders via Slack #incidents",
                "Begin status page update",
                "Post-mortem within 24 hours",
            ),
        ),
        (
            "P2",
            (
                "Create high-priority ticket",
                "Notify relevant engineering team",
                "Update status page if user-impacting",
                "Post-mortem within 48 hours",
            ),
        ),
        (
            "P3",
            (
                "Create standard ticket",
                "Assign to appropriate team",
                "Track in weekly review",
            ),
        ),
        (
            "P4",
            (
                "Create low-priority ticket",
                "Add to backlog",
                "Review in sprint planning",
            ),
        ),
    ],
)
def test_each_severity_has_its_actions_in_order(
    severity: str, actions: tuple[str, ...]
) -> None:
    assert PLAN.handling[severity].actions == actions


@pytest.mark.req("A19")
def test_clocks_run_at_all_hours_and_only_small_matters_pause() -> None:
    assert {one.clock for one in PLAN.handling.values()} == {Clock.ALL_HOURS}
    assert PLAN.handling["P1"].pause == PLAN.handling["P2"].pause == ()
    assert (
        set(PLAN.handling["P3"].pause) == set(PLAN.handling["P4"].pause) == set(Pause)
    )


@pytest.mark.req("S3.1-36")
@pytest.mark.parametrize(
    ("target", "warnings"),
    [
        (HOUR, (45 * MINUTE, 54 * MINUTE)),
        (15 * MINUTE, (10 * MINUTE,)),
        (20 * MINUTE, (15 * MINUTE,)),
        (5 * MINUTE, (3.75 * MINUTE, 4.5 * MINUTE)),
        (4 * HOUR, (3 * HOUR, 3.6 * HOUR)),
    ],
)
def test_a_breach_is_announced_at_three_quarters_and_at_nine_tenths(
    target: timedelta, warnings: tuple[timedelta, ...]
) -> None:
    handling = PLAN.handling["P1"]

    assert handling.warn_at == (0.75, 0.9)
    assert warnings_before(handling, target) == warnings


def test_a_breach_is_never_announced_after_it() -> None:
    handling = Handling(warn_at=(1.0, 0.5))

    assert warnings_before(handling, HOUR) == (30 * MINUTE, 55 * MINUTE)


@pytest.mark.req("A18", "S3.1-09", "S3.1-17", "S3.2-13", "S3.2-14")
def test_the_post_mortem_is_due_after_the_resolution_and_people_meet_about_it() -> None:
    due = {
        severity: [
            step.after
            for step in PLAN.steps[severity]
            if step.verb is Verb.POSTMORTEM and step.since is Since.RESOLVED
        ]
        for severity in ("P1", "P2")
    }

    assert due == {"P1": [24 * HOUR], "P2": [24 * HOUR, 48 * HOUR]}
    assert PLAN.handling["P1"].postmortem_review == Within(days=3)
    assert PLAN.handling["P2"].postmortem_review == Within(days=5, working=True)
    assert PLAN.handling["P3"].postmortem_review is None


@pytest.mark.req("A36")
def test_a_wish_is_fulfilled_by_an_answer() -> None:
    fulfilled = {key: one.fulfilled_by for key, one in PLAN.handling.items()}

    assert fulfilled["P4"] is Fulfilment.DISPOSED
    assert fulfilled["P1"] is fulfilled["P3"] is Fulfilment.RESOLVED


@pytest.mark.req("A2", "A3", "A4", "A48")
def test_incidents_have_numbers_where_the_plan_has_words() -> None:
    rules = PLAN.incidents

    assert rules.first_page_within == timedelta(seconds=30)
    assert rules.first_update_within == 10 * MINUTE
    assert rules.ack_timeout == 30 * MINUTE
    assert rules.on_upgrade is OnUpgrade.RESTART
    assert rules.reopen_within == 72 * HOUR


@pytest.mark.req("A30", "A35")
def test_the_response_team_has_its_roles() -> None:
    team = PLAN.incidents.team
    on_call = DutyTarget(schedule="primary-oncall", duty=Duty.PRIMARY)

    assert team is not None
    assert team.commander == RoleTarget(role="technical_lead")
    assert team.acting_commander == team.operations == on_call
    assert team.communications == RoleTarget(role="help_desk_lead")
    assert team.communications_after_hours == RoleTarget(role="L1")
    assert team.texts == RoleTarget(role="product_manager")
    assert team.experts == ExpertTarget(level="L3")
    assert PLAN.incidents.severity_proposed_by == ("L1",)


@pytest.mark.req("A31", "A34")
def test_management_hears_of_a_p1_and_of_missed_targets() -> None:
    rules = PLAN.incidents

    assert rules.digests["P1"].who == ("management",)
    assert rules.digests["P1"].every == HOUR
    assert rules.executive_updates["P1"].after == 2 * HOUR
    assert rules.executive_updates["P1"].every == HOUR
    assert rules.suggest_raise == {"P2": 4 * HOUR}
    assert rules.repeat_breach_every == 24 * HOUR


@pytest.mark.req("A49")
@pytest.mark.parametrize(
    ("severity", "lasted", "major"),
    [
        ("P1", MINUTE, True),
        ("P2", 4 * HOUR, False),
        ("P2", 4 * HOUR + MINUTE, True),
        ("P3", 99 * HOUR, False),
    ],
)
def test_major_incidents_are_bad_or_long(
    severity: str,
    lasted: timedelta,
    major: bool,  # noqa: FBT001
) -> None:
    assert PLAN.incidents.is_major(severity, lasted=lasted) is major
    assert PLAN.incidents.is_major(severity, lasted=lasted, is_flagged=True)


@pytest.mark.req("S6.1-01", "A37")
def test_the_help_desk_triages_within_half_an_hour() -> None:
    triage = bugs().triage

    assert triage.who == "L1"
    assert triage.within == 30 * MINUTE
    assert triage.suspected_p1_within == 5 * MINUTE
    assert (triage.spike, triage.spike_within) == (5, 10 * MINUTE)
    assert {"outage", "ဝင်မရ"} <= triage.keywords


@pytest.mark.req(
    "S6.1-02", "S6.1-03", "S6.1-04", "S6.1-05", "S6.1-06", "S6.1-07",
    "S6.3-01", "S6.3-02", "S6.3-03", "S6.3-04", "S6.3-05", "S6.3-06",
    "S6.3-07", "S6.3-08", "S6.3-09", "S6.3-10", "S6.3-11", "S6.3-12",
)  # fmt: skip
@pytest.mark.parametrize(
    ("severity", "title", "act", "disposition", "response", "fix", "communicate"),
    [
        ("P1", "Critical", 0 * HOUR, Disposition.HOTFIX,
         15 * MINUTE, 4 * HOUR, 2 * HOUR),
        ("P2", "High", 4 * HOUR, Disposition.SPRINT, HOUR, 24 * HOUR, 24 * HOUR),
        ("P3", "Medium", 24 * HOUR, Disposition.BACKLOG,
         4 * HOUR, 72 * HOUR, timedelta(days=7)),
        ("P4", "Low", 72 * HOUR, Disposition.BACKLOG, 24 * HOUR, None, None),
    ],
)  # fmt: skip
def test_each_severity_has_its_level_of_bugs(
    severity: str,
    title: str,
    act: timedelta,
    disposition: Disposition,
    response: timedelta,
    fix: timedelta | None,
    communicate: timedelta | None,
) -> None:
    level = bugs().level_of(severity)

    assert level is not None
    assert (level.title, level.act_within) == (title, act)
    assert level.disposition is disposition
    assert (level.response, level.fix) == (response, fix)
    assert level.communicate == communicate


@pytest.mark.req("A5")
def test_an_incident_and_its_bug_have_a_clock_each() -> None:
    level = bugs().level_of("P1")

    assert level is not None
    assert PLAN.severity("P1").resolution_target == HOUR
    assert level.fix == 4 * HOUR
    # The times of the triage are those of the incident, but for the worst.
    for severity in ("P2", "P3", "P4"):
        one = bugs().level_of(severity)
        assert one is not None
        assert one.act_within == PLAN.severity(severity).resolution_target


@pytest.mark.req("S6.3-11", "S6.3-15", "A36")
def test_next_sprint_is_a_date_in_the_plan() -> None:
    low = bugs().levels["low"]
    zone = PLAN.meta.zone

    due = fix_due_at(
        low, bugs().sprints, reported_at=datetime(2026, 2, 10, 9, tzinfo=zone)
    )

    assert due == datetime(2026, 3, 9, tzinfo=zone)


@pytest.mark.req("S6.2-01", "S6.2-02", "S6.2-03", "S6.2-04", "S6.2-05", "S6.2-06")
def test_the_hotfix_has_its_six_phases() -> None:
    assert PLAN.hotfix is not None

    rows = [
        (one.title, one.bound, one.at_least, one.at_most, one.steps[0], len(one.steps))
        for one in PLAN.hotfix.phases
    ]

    assert rows == [
        ("Detection", Bound.ELAPSED, 0 * HOUR, 15 * MINUTE,
         "Alert triggered or user report", 3),
        ("Response", Bound.ELAPSED, 15 * MINUTE, 30 * MINUTE,
         "Create hotfix branch from production", 3),
        ("Development", Bound.ELAPSED, 30 * MINUTE, 4 * HOUR, "Develop fix", 3),
        ("Testing", Bound.DURATION, 30 * MINUTE, HOUR, "Run automated tests", 3),
        ("Deployment", Bound.DURATION, 15 * MINUTE, 30 * MINUTE,
         "Deploy to production", 3),
        ("Post-Deployment", Bound.WATCH, HOUR, 24 * HOUR, "Monitor for 24 hours", 3),
    ]  # fmt: skip


@pytest.mark.req("A7")
def test_the_plan_warns_that_a_hotfix_may_be_late_and_says_what_is_safe() -> None:
    assert PLAN.hotfix is not None
    found = [
        one for one in load(TRM, name="trm").findings
        if one.code is Code.HOTFIX_MAY_BE_LATE
    ]  # fmt: skip

    assert latest_safe_end(PLAN.hotfix) == Reckoning(worst=2.5 * HOUR, best=3.25 * HOUR)
    assert hotfix_total(PLAN.hotfix).worst == 5.5 * HOUR
    assert [one.message for one in found] == [
        "a hotfix may take 5 h 30 min, and its target is 4 h"
    ]
    assert "by 2 h 30 min to be safe, and by 3 h 15 min" in found[0].hint


@pytest.mark.req("A7")
def test_a_hotfix_that_can_never_be_in_time_is_refused() -> None:
    short = TRM.replace("  target: 4h\n  phases", "  target: 1h\n  phases")

    loaded = load(short, name="trm")

    assert {one.code for one in loaded.errors} == {Code.HOTFIX_TOO_LONG}


def test_a_plan_without_these_sections_has_their_defaults() -> None:
    plan = minimal().plan

    assert plan is not None
    assert (plan.bugs, plan.hotfix, plan.status_page) == (None, None, None)
    assert plan.handling == {"P1": Handling()}
    assert plan.incidents.ack_timeout == 30 * MINUTE
    assert plan.incidents.team is None
    assert codes(minimal()) == set()
