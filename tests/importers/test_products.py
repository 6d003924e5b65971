"""Each product's export becomes a plan that says what the product said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.importers.exports import (
    EXPORTS,
    as_bytes,
    goalert,
    grafana_oncall,
    opsgenie,
    pagerduty,
)
from watchbill.cli import main
from watchbill.core.oncall import Duty, on_call
from watchbill.core.temporal import Interval
from watchbill.migrate.bring import Imported, bring
from watchbill.migrate.calendar import read
from watchbill.migrate.reading import ExportError
from watchbill.migrate.report import Entry, Outcome
from watchbill.plan import bundled_text, load

pytestmark = pytest.mark.req("S4.4-09", "S2.1-13", "A23")

AS_OF = datetime(2026, 11, 29, 17, 30, tzinfo=UTC)

each_product = pytest.mark.parametrize("product", EXPORTS)


def imported(
    product: str, document: Any = None, *, into: str | None = None
) -> Imported:
    body = as_bytes(document if document is not None else EXPORTS[product]())
    return bring(product, {"export.json": body}, as_of=AS_OF, into=into)


def entry(found: Imported, kind: str, name: str) -> Entry:
    (one,) = (one for one in found.entries if (one.kind, one.name) == (kind, name))
    return one


def holders(found: Imported, schedule: str, *instants: str) -> list[str | None]:
    assert found.loaded is not None
    assert found.loaded.plan is not None
    watch = found.loaded.plan.schedules[schedule]
    ats = [datetime.fromisoformat(one) for one in instants]
    return [on_call(watch, Duty.PRIMARY, at=at).holder for at in ats]


# ── All of them ───────────────────────────────────────────────────────────────────


@each_product
def test_the_new_plan_passes_the_check(product: str) -> None:
    found = imported(product)

    assert found.loaded is not None
    assert found.loaded.plan is not None, found.loaded.render()


@each_product
def test_the_imported_watch_is_the_one_that_the_product_rendered(product: str) -> None:
    proofs = [one for one in imported(product).entries if one.kind == "proof"]

    assert [one.outcome for one in proofs] == [Outcome.TAKEN], proofs


@each_product
def test_a_rendered_shift_of_somebody_else_is_said_with_its_hour(product: str) -> None:
    text = as_bytes(EXPORTS[product]()).decode()
    last = {  # the holder of the last rendered shift becomes another one
        "pagerduty": ('"id": "PBEN", "summary": "PBEN"}}]}', '"id": "PANA"}}]}'),
        "opsgenie": (
            '"startDate": "2026-12-02T05:30:00Z", "endDate": "2026-12-02T17:30:00Z",'
            ' "type": "default", "recipient": {"type": "user", "id": "og-chi"',
            '"startDate": "2026-12-02T05:30:00Z", "endDate": "2026-12-02T17:30:00Z",'
            ' "type": "default", "recipient": {"type": "user", "id": "og-ana"',
        ),
        "grafana-oncall": (
            '"user_pk": "UANA", "user_email": "ana@example.com", "user_username":'
            ' "ana", "shift_start": "2026-12-02T14:00:00Z"',
            '"user_pk": "UBEN", "shift_start": "2026-12-02T14:00:00Z"',
        ),
        "goalert": (
            '"userID": "ga-ben", "start": "2026-12-04T02:30:00Z"',
            '"userID": "ga-chi", "start": "2026-12-04T02:30:00Z"',
        ),
    }[product]
    assert last[0] in text

    found = bring(product, {"e.json": text.replace(*last).encode()}, as_of=AS_OF)

    (proof,) = (one for one in found.entries if one.kind == "proof")
    assert proof.outcome is Outcome.GUESSED
    assert "hours differ from the product's own" in proof.because
    assert "first at 2026-12-" in proof.because


@each_product
def test_phone_numbers_and_addresses_come_along(product: str) -> None:
    found = yaml.safe_load(imported(product).fragment)

    assert [one["email"] for one in found["contacts"]] == [
        "ana@example.com",
        "ben@example.com",
        "chi@example.com",
    ]
    if product == "grafana-oncall":
        assert found["contacts"][0]["slack"] == "USLACK1"
    else:
        assert found["contacts"][0]["phone"] == "+959250000001"


@each_product
def test_into_a_plan_that_is_there_only_additions_go(product: str) -> None:
    before = bundled_text("trm")

    found = imported(product, into=before)

    assert found.plan_text is not None
    kept = iter(found.plan_text.splitlines())
    assert all(line in kept for line in before.splitlines())  # in this order
    assert found.loaded is not None
    assert found.loaded.plan is not None, found.loaded.render()
    assert len(found.loaded.plan.schedules) == 2


@each_product
def test_what_was_imported_before_is_not_doubled(product: str) -> None:
    first = imported(product)
    second = imported(product, into=first.plan_text)

    assert "contacts" not in yaml.safe_load(second.fragment)


def test_an_object_that_cannot_be_read_takes_no_other_with_it() -> None:
    document = pagerduty()
    document["users"].append({"id": "PX"})
    document["schedules"].append({"id": "P2", "name": "Broken", "time_zone": "Mars"})

    found = imported("pagerduty", document)

    broken = entry(found, "schedule", "Broken")
    assert broken.outcome is Outcome.DROPPED
    assert broken.because == '"Mars" is not a time zone'
    assert broken.place == "export.json: schedules[1]"
    assert entry(found, "user", "PX").because == "it has no email"
    assert holders(found, "primary", "2026-12-01T12:00:00Z") == ["ana"]


def test_keys_that_nobody_reads_are_named() -> None:
    document = pagerduty()
    document["schedules"][0]["moon_phase"] = "full"

    assert (
        entry(imported("pagerduty", document), "keys", "of schedule").because
        == "nothing is made of moon_phase"
    )


def test_keys_within_an_object_that_nobody_reads_are_named_with_their_way() -> None:
    document = pagerduty()
    layer = document["schedules"][0]["schedule_layers"][0]
    layer["users"][0]["user"]["moon_phase"] = "full"
    layer["restrictions"][0]["tide"] = "low"
    document["users"][0]["contact_methods"] = "none"

    found = imported("pagerduty", document)

    assert (
        entry(found, "keys", "of layer").because
        == "nothing is made of restrictions[].tide, users[].user.moon_phase"
    )
    assert (
        entry(found, "keys", "of user").because == "nothing is made of contact_methods"
    )


@pytest.mark.parametrize(
    "sign", [{"more": True}, {"next": "there"}, {"paging": {"next": "there"}}]
)
def test_a_page_of_several_asks_for_the_others(sign: dict[str, Any]) -> None:
    found = imported("pagerduty", pagerduty() | sign)

    said = entry(found, "file", "export.json")
    assert said.outcome is Outcome.GUESSED
    assert said.because == "it is one page of several; give the others too"


def test_a_user_whom_no_file_holds_is_a_contact_without_address() -> None:
    document = pagerduty()
    document["users"] = document["users"][:2]

    found = imported("pagerduty", document)

    said = entry(found, "user", "PCHI")
    assert said.outcome is Outcome.GUESSED
    assert said.because.startswith("no file holds this user")
    assert said.because.endswith("has no address, so fill one in")
    assert found.plan_text is not None
    assert "members: [pchi, ben]" in found.plan_text


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "export.json:1:1: not JSON"),
        (b"{", "export.json:1:2: not JSON"),
        (b"\xff\xfe", "export.json: byte 0 is not UTF-8"),
        (b"[" * 100_000, "export.json: its values are nested too deep"),
        (b"3", "export.json: it holds neither a list nor an object"),
        (b"{}", "export.json: nothing here is one of"),
        (b'{"data": []}', "export.json: nothing here is one of"),
    ],
)
@each_product
def test_a_file_that_holds_nothing_is_refused_with_its_place(
    product: str, body: bytes, problem: str
) -> None:
    with pytest.raises(ExportError) as refused:
        bring(product, {"export.json": body}, as_of=AS_OF)

    assert str(refused.value).startswith(problem)


# ── One by one ────────────────────────────────────────────────────────────────────


def test_pagerduty_lists_layers_from_the_top() -> None:
    found = yaml.safe_load(imported("pagerduty").fragment)

    assert list(found["on_call"]["primary"]["layers"]) == ["week", "weekend"]


def test_pagerduty_answers_come_one_a_file_too() -> None:
    whole = pagerduty()
    files = {
        "users.json": as_bytes({"users": whole["users"], "more": False}),
        "schedule.json": as_bytes({"schedule": whole["schedules"][0]}),
        "policies.json": as_bytes(
            {"escalation_policies": whole["escalation_policies"]}
        ),
    }

    found = bring("pagerduty", files, as_of=AS_OF)

    assert holders(found, "primary", "2026-12-01T12:00:00Z") == ["ana"]


def test_pagerduty_delays_add_up_to_times_from_the_beginning() -> None:
    steps = yaml.safe_load(imported("pagerduty").fragment)["escalation"]["Default"]

    assert [(one["after"], one["who"]) for one in steps] == [
        ("0m", ["on_call.primary.primary"]),
        ("10m", ["chi"]),
    ]


def test_a_turn_that_is_no_part_of_a_day_is_dropped_with_the_reason() -> None:
    document = pagerduty()
    layer = document["schedules"][0]["schedule_layers"][1]
    layer["rotation_turn_length_seconds"] = 7 * 3600

    found = imported("pagerduty", document)

    said = entry(found, "layer", "Week of Primary")
    assert said.outcome is Outcome.DROPPED
    assert said.because.startswith(
        "its turns last 7 hours, which neither divides a day"
    )


def test_opsgenie_half_days_are_two_layers_that_say_the_same() -> None:
    found = imported("opsgenie")

    assert holders(
        found,
        "platform-schedule",
        "2026-12-10T18:00:00+06:30",
        "2026-12-11T06:00:00+06:30",
        "2026-12-11T18:00:00+06:30",
    ) == ["ana", "ben", "chi"]  # half days 21, 22 and 23


def test_opsgenie_answers_are_told_apart_by_what_they_look_like() -> None:
    whole = opsgenie()
    files = {
        f"{kind}.json": as_bytes({"data": whole[kind], "took": 0.1, "requestId": "x"})
        for kind in ("users", "teams", "schedules", "overrides", "escalations")
    }
    files["timeline.json"] = as_bytes({"data": whole["timelines"][0]})

    found = bring("opsgenie", files, as_of=AS_OF)

    assert entry(found, "proof", "platform-schedule").outcome is Outcome.TAKEN


def test_opsgenie_restrictions_over_days_are_hours_of_each_day() -> None:
    document = opsgenie()
    rotation = document["schedules"][0]["rotations"][0]
    rotation |= {"type": "weekly", "length": 1}
    rotation["timeRestriction"] = {
        "type": "weekday-and-time-of-day",
        "restrictions": [
            {
                "startDay": "friday",
                "startHour": 18,
                "startMin": 30,
                "endDay": "monday",
                "endHour": 8,
                "endMin": 0,
            }
        ],
    }

    found = yaml.safe_load(imported("opsgenie", document).fragment)

    assert found["on_call"]["platform-schedule"]["hours"] == [
        {"days": "fri", "from": "18:30", "to": "00:00"},
        {"days": "sat, sun", "from": "00:00", "to": "00:00"},
        {"days": "mon", "from": "00:00", "to": "08:00"},
    ]


def test_opsgenie_turns_of_teams_are_dropped() -> None:
    document = opsgenie()
    people = document["schedules"][0]["rotations"][0]["participants"]
    people.append({"type": "team", "id": "og-team"})

    found = imported("opsgenie", document)

    assert "a team participant" in entry(found, "rotation", "Half days").because


def test_grafana_levels_cover_and_equal_levels_are_said() -> None:
    document = grafana_oncall()
    assert not [
        one for one in imported("grafana-oncall").entries if "pages both" in one.because
    ]

    document["on_call_shifts"][1]["level"] = 1
    found = imported("grafana-oncall", document)

    said = entry(found, "schedule", "Night and day")
    assert said.outcome is Outcome.GUESSED
    assert "the product pages both" in said.because


def test_grafana_calendars_elsewhere_name_the_command_that_reads_them() -> None:
    said = entry(imported("grafana-oncall"), "schedule", "From a calendar")

    assert said.outcome is Outcome.DROPPED
    assert "watchbill oncall import-ical" in said.because


def test_grafana_daily_shifts_on_some_days_change_hands_on_each() -> None:
    document = grafana_oncall()
    shift = document["on_call_shifts"][1]
    shift |= {"frequency": "daily", "rolling_users": [["UCHI"], ["UANA"], ["UBEN"]]}

    found = imported("grafana-oncall", document)

    assert holders(
        found,
        "night-and-day",
        *(f"2026-11-{day}T12:00:00-05:00" for day in (23, 24, 25, 26, 27, 30)),
    ) == ["chi", "ana", "ben", "chi", "ana", "ben"]


def test_goalert_overrides_replace_only_whom_they_name() -> None:
    found = imported("goalert")

    (start,) = (
        one.during.starts_at
        for one in read(
            found.calendars["shop"],
            during=Interval(starts_at=AS_OF, ends_at=AS_OF + timedelta(days=30)),
            zone=ZoneInfo("UTC"),
            name="shop.ics",
        ).occurrences
    )
    assert start == datetime(2026, 12, 1, 4, tzinfo=UTC)


def test_goalert_counts_turns_from_the_last_hand_over() -> None:
    found = imported("goalert")

    assert holders(
        found,
        "shop",
        "2026-11-30T02:29:00Z",  # before the coming hand-over: whoever is active
        "2026-11-30T02:30:00Z",
    ) == ["ana", "ben"]


def test_a_name_in_burmese_script_gets_a_key_of_the_address() -> None:
    document = goalert()
    document["data"]["users"]["nodes"][0]["name"] = "မောင်မောင်"

    found = imported("goalert", document)

    contact = yaml.safe_load(found.fragment)["contacts"][0]
    assert (contact["id"], contact["name"]) == ("ana", "မောင်မောင်")
    assert found.loaded is not None
    assert found.loaded.plan is not None


# ── The command ───────────────────────────────────────────────────────────────────


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["import", *(str(one) for one in arguments)])


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.json"
    path.write_bytes(as_bytes(pagerduty()))
    return path


def test_without_apply_nothing_is_written(export: Path) -> None:
    plan = export.parent / "plan.yaml"

    result = run("pagerduty", export, "--into", plan, "--as-of", "2026-11-29")

    assert result.exit_code == 0
    assert "dropped repeat of Default" in result.output
    assert "on_call:" in result.output
    assert not plan.exists()


def test_with_apply_the_plan_and_the_overrides_are_written(export: Path) -> None:
    plan, calendars = export.parent / "plan.yaml", export.parent / "overrides"

    result = run(
        "pagerduty",
        export,
        *("--into", plan, "--overrides", calendars),
        *("--as-of", "2026-11-29", "--apply"),
    )

    assert result.exit_code == 0, result.output
    assert load(plan.read_bytes(), name="plan.yaml").plan is not None
    assert [one.name for one in calendars.iterdir()] == ["primary.ics"]


def test_a_plan_that_cannot_be_added_to_stays_as_it_is(export: Path) -> None:
    plan = export.parent / "plan.yaml"
    text = bundled_text("trm").replace("groups:", "groups: {}\nwas:", 1)
    plan.write_text(text)

    result = run("pagerduty", export, "--into", plan, "--apply")

    assert result.exit_code == 1
    assert "nothing is written" in result.output
    assert plan.read_text() == text


def test_apply_asks_where_to_write(export: Path) -> None:
    result = run("pagerduty", export, "--apply")

    assert result.exit_code == 2
    assert "--into or --overrides" in result.output


def test_the_report_can_be_json(export: Path) -> None:
    result = run("pagerduty", export, "--json")

    rows = yaml.safe_load(result.output)
    assert {"outcome", "kind", "name", "because", "place"} == set(rows[0])


def test_two_layers_of_one_name_are_two_layers() -> None:
    document = pagerduty()
    for layer in document["schedules"][0]["schedule_layers"]:
        layer["name"] = "Layer"

    found = yaml.safe_load(imported("pagerduty", document).fragment)

    assert list(found["on_call"]["primary"]["layers"]) == ["layer", "layer-2"]


def test_what_was_over_is_dropped() -> None:
    document = pagerduty()
    document["schedules"][0]["schedule_layers"][0]["end"] = "2026-11-20T00:00:00Z"

    said = entry(imported("pagerduty", document), "layer", "Weekend of Primary")
    assert (said.outcome, said.because) == (Outcome.DROPPED, "it ended on 2026-11-20")
