"""The on-call section becomes schedules; the short form means what it meant."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from tests.plan.samples import MINIMAL
from watchbill.core.oncall import Duty, Follow, Schedule, holder
from watchbill.core.recurrence import Rhythm, Unit
from watchbill.core.temporal import WeeklyHours
from watchbill.plan import Code, bundled, load, render_tree
from watchbill.plan.document import import_document, render_markdown

YANGON = ZoneInfo("Asia/Yangon")
LONG = """\
on_call:
  primary:
    title: Platform
    first_day: 2026-02-06
    handover: "10:00"
    every: {weeks: 2}
    weekdays: [mon, fri]
    specialty: database
    layers:
      week: {members: [ben, chi]}
      night:
        members: [chi]
        hours: [night, {days: sat, from: "10:00", to: "18:00"}]
        every: day
        handover: "20:00"
        first_day: 2026-02-08
        until: 2026-12-31
        zone: Europe/London
    secondary: {members: [manager], every: month}
    shadow: none
"""


def with_on_call(section: str) -> str:
    """The smallest plan with another on-call section."""
    head, _, rest = MINIMAL.partition("on_call:\n")
    after = rest[rest.index("severities:") :]
    shifts = 'shifts:\n  night: {days: mon-sun, from: "20:00", to: "08:00"}\n'
    text = f"{head}{section}{after}".replace("contacts:\n", f"{shifts}contacts:\n", 1)
    return text.replace("name: Ben", "name: Ben, expertise: [database]", 1)


def schedule_of(section: str) -> Schedule:
    loaded = load(with_on_call(section), name="sample")
    assert loaded.plan is not None, loaded.render()
    return loaded.plan.schedules["primary"]


@pytest.mark.req("S4.4-01", "S4.4-02", "A23")
def test_the_short_form_is_a_week_of_one_layer() -> None:
    schedule = bundled("trm").schedules["primary-oncall"]

    (layer,) = schedule.layers
    assert layer.key == "main"
    assert layer.rhythm == Rhythm(
        first_day=date(2026, 2, 6), handover=time(10), zone=YANGON
    )
    assert (layer.hours, layer.first_day, layer.last_day) == ((), None, None)
    assert schedule.secondary == Follow(offset=-1)
    assert schedule.shadow == Follow(offset=1)
    assert schedule.members == (
        "devops_engineer",
        "backend_engineer",
        "frontend_engineer",
        "mobile_engineer",
    )


@pytest.mark.req("S4.4-01", "S4.4-06")
def test_layers_say_what_differs_and_have_the_rest_from_their_schedule() -> None:
    schedule = schedule_of(LONG)

    week, night = schedule.layers
    assert week.rhythm == Rhythm(
        first_day=date(2026, 2, 6),
        handover=time(10),
        zone=YANGON,
        unit=Unit.WEEK,
        every=2,
        weekdays=frozenset({0, 4}),
    )
    london = ZoneInfo("Europe/London")
    assert night.rhythm == Rhythm(
        first_day=date(2026, 2, 8), handover=time(20), zone=london, unit=Unit.DAY
    )
    assert night.hours == (
        WeeklyHours(
            days=frozenset(range(7)), starts=time(20), ends=time(8), zone=london
        ),
        WeeklyHours(days=frozenset({5}), starts=time(10), ends=time(18), zone=london),
    )
    assert (night.first_day, night.last_day) == (date(2026, 2, 8), date(2026, 12, 31))
    assert schedule.specialty == "database"
    (second,) = schedule.layers_of(Duty.SECONDARY)
    assert second.members == ("manager",)
    assert (second.rhythm.unit, second.rhythm.handover) == (Unit.MONTH, time(10))
    assert schedule.shadow is None


@pytest.mark.req("S4.4-01")
def test_a_later_layer_covers_an_earlier_one_within_its_hours() -> None:
    schedule = schedule_of(LONG)

    # 21:00 and 12:00 of a Tuesday in London.
    night = datetime(2026, 2, 10, 21, tzinfo=UTC)
    noon = datetime(2026, 2, 10, 12, tzinfo=UTC)

    assert holder(schedule, Duty.PRIMARY, at=night) == "chi"
    assert holder(schedule, Duty.PRIMARY, at=noon) != holder(
        schedule, Duty.SECONDARY, at=noon
    )


@pytest.mark.req("S0-05", "S4.4-01")
def test_a_plan_with_layers_is_read_back_from_its_document() -> None:
    loaded = load(with_on_call(LONG), name="sample")

    document = render_markdown(loaded)
    again = load(import_document(document).text, name="again")

    assert "| primary, night | chi | day 20:00 Europe/London |" in document
    assert again.plan is not None, again.render()
    assert loaded.plan is not None
    assert again.plan.schedules == loaded.plan.schedules


@pytest.mark.req("S2.1-09")
def test_languages_are_kept_in_their_order_and_stand_on_the_card() -> None:
    text = MINIMAL.replace("name: Ben", "name: Ben, languages: [my, en]", 1)
    plan = load(text, name="sample").plan
    assert plan is not None

    ben = plan.directory.contact("ben")

    assert ben is not None
    assert ben.languages == ("my", "en")
    assert "; speaks my, en" in render_tree(plan, at=plan.meta.effective_at)


@pytest.mark.req("S2.1-14", "S4.4-07")
def test_a_shadow_who_cannot_be_reached_does_not_stand_in_the_primarys_way() -> None:
    unfilled = '  - {id: new, level: L2, title: Trainee, phone: "+95-xxx-xxx-xxxx"}\n'
    section = LONG.replace("shadow: none", "shadow: {members: [new]}")
    text = with_on_call(section).replace("contacts:\n", f"contacts:\n{unfilled}", 1)

    loaded = load(text, name="sample")

    codes = {one.code for one in loaded.findings}
    assert Code.UNFILLED_CONTACT in codes
    assert Code.ONLY_UNFILLED not in codes
