"""The plan says who signs, what is reviewed when, what is kept, and whom to call."""

from datetime import date, datetime

import pytest
from click.testing import CliRunner

from tests.plan.samples import TRM, codes, minimal
from watchbill.commands.plan import command
from watchbill.core.reviews import Cycle, next_meeting_at
from watchbill.core.temporal import Period
from watchbill.plan import Code, bundled, load
from watchbill.plan.sections.governance import Start, Unsigned, VendorCategory

PLAN = bundled("trm")
TODAY = date(2026, 11, 23)
SIGNED = """\
  signatures:
    operations_manager: {name: Aung, date: 2026-02-04, signature: Aung}
    engineering_manager: {name: Bo, date: 2026-02-05, signature: Bo}
    cto: {name: Cho, date: 2026-02-05, signature: Cho}
  approval:"""


@pytest.mark.req("A43")
def test_an_unsigned_plan_runs_and_says_so() -> None:
    loaded = load(TRM, name="trm")
    signing = PLAN.meta.signing

    (found,) = (one for one in loaded.findings if one.code is Code.UNSIGNED)
    assert loaded.plan is not None
    assert found.message == (
        "the plan is unsigned by operations_manager, engineering_manager, cto"
    )
    assert signing.state_when_unsigned is Unsigned.RUN_WITH_MARK
    assert not signing.is_signed


@pytest.mark.req("SD-01", "SD-02", "SD-03")
def test_three_roles_sign_with_name_signature_and_date() -> None:
    loaded = load(TRM.replace("  approval:", SIGNED, 1), name="trm")

    assert loaded.plan is not None
    signing = loaded.plan.meta.signing
    assert signing.signers == ("operations_manager", "engineering_manager", "cto")
    assert [
        (one.role, one.name, one.signature, one.date)
        for one in signing.signatures.values()
    ] == [
        ("operations_manager", "Aung", "Aung", date(2026, 2, 4)),
        ("engineering_manager", "Bo", "Bo", date(2026, 2, 5)),
        ("cto", "Cho", "Cho", date(2026, 2, 5)),
    ]
    assert signing.is_signed
    assert Code.UNSIGNED not in codes(loaded)


@pytest.mark.req("SD-01", "A43")
def test_the_operations_manager_is_a_contact() -> None:
    (one,) = PLAN.directory.holders("operations_manager")

    assert (one.title, one.level) == ("Operations Manager", "L4")


@pytest.mark.req("S0-03", "A42")
def test_the_reviews_of_a_year_without_one_are_all_overdue() -> None:
    found = load(TRM, name="trm", as_of=TODAY).findings

    (overdue,) = (one for one in found if one.code is Code.OVERDUE_REVIEW)
    assert overdue.message == (
        "version 1.0 of the plan missed its review: 2026-05-06, 2026-08-06, 2026-11-06"
    )


@pytest.mark.req("S0-03", "A42")
def test_a_review_that_was_held_is_not_overdue() -> None:
    held = TRM.replace(
        "  review: quarterly",
        "  review: quarterly\n  reviewed: [2026-05-05, 2026-08-10, 2026-11-06]",
        1,
    )

    loaded = load(held, name="trm", as_of=TODAY)

    assert loaded.plan is not None
    assert Code.OVERDUE_REVIEW not in codes(loaded)


@pytest.mark.req("S8.1-10", "A42")
@pytest.mark.parametrize(("as_of", "stale"), [(date(2026, 3, 6), 0), (TODAY, 6)])
def test_runbooks_without_a_review_for_a_month_are_flagged(
    as_of: date, stale: int
) -> None:
    found = load(TRM, name="trm", as_of=as_of).findings

    assert sum(one.code is Code.STALE_RUNBOOK for one in found) == stale


@pytest.mark.req("S0-03", "A42")
def test_the_command_says_what_is_overdue_on_a_day() -> None:
    said = CliRunner().invoke(command, ["check", "trm", "--as-of", "2026-11-23"])
    silent = CliRunner().invoke(command, ["check", "trm"])

    assert said.exit_code == silent.exit_code == 0
    assert "warning[WB803]: version 1.0 of the plan missed its review" in said.output
    assert "WB803" not in silent.output


def test_without_a_day_nothing_is_overdue() -> None:
    assert not codes(load(TRM, name="trm")) & {Code.OVERDUE_REVIEW, Code.STALE_RUNBOOK}


@pytest.mark.parametrize(
    ("title", "location"),
    [
        ("Incident Response", "/docs/runbooks/incident-response.md"),
        ("Deployment Procedures", "/docs/runbooks/deployment.md"),
        ("Database Recovery", "/docs/runbooks/db-recovery.md"),
        ("Payment Troubleshooting", "/docs/runbooks/payments.md"),
        ("Security Incident", "/docs/runbooks/security.md"),
        ("Performance Tuning", "/docs/runbooks/performance.md"),
    ],
)
def test_the_runbooks_are_those_of_the_table(title: str, location: str) -> None:
    (one,) = (one for one in PLAN.runbooks.values() if one.title == title)

    assert one.location == location
    assert one.updated == one.reviewed_on == date(2026, 2, 6)
    assert one.review_every == Period(months=1)
    assert one.owner is not None
    assert PLAN.directory.knows(one.owner)
    assert len(PLAN.runbooks) == 6


@pytest.mark.req("S9.1-02", "S9.1-03", "S9.1-04", "A54")
@pytest.mark.parametrize(
    ("key", "title", "cycle", "participants", "output", "first"),
    [
        ("weekly", "Weekly Metrics", Cycle.WEEKLY, ("support", "engineering"),
         "Trend report", (2026, 2, 9, 9)),
        ("monthly", "Monthly Review", Cycle.MONTHLY, ("all_staff",),
         "Improvement plan", (2026, 3, 3, 10)),
        ("quarterly", "Quarterly Planning", Cycle.QUARTERLY, ("management",),
         "Roadmap updates", (2026, 4, 6, 10)),
    ],
)  # fmt: skip
def test_the_regular_reviews_have_people_an_output_and_a_date(
    key: str,
    title: str,
    cycle: Cycle,
    participants: tuple[str, ...],
    output: str,
    first: tuple[int, int, int, int],
) -> None:
    review = PLAN.reviews[key]

    assert (review.title, review.frequency) == (title, cycle)
    assert (review.participants, review.output) == (participants, output)
    assert review.at is not None
    at = next_meeting_at(
        cycle, review.at, after=PLAN.meta.effective_at, hours=PLAN.business_hours
    )
    assert at == datetime(*first, tzinfo=PLAN.meta.zone)


def test_each_p1_and_p2_is_followed_by_a_review() -> None:
    review = PLAN.reviews["incident"]

    assert review.frequency == ("P1", "P2")
    assert (review.participants, review.output) == (("engineering",), "Post-mortem")


@pytest.mark.req("A39", "A40", "A41")
def test_the_measures_have_a_scale_a_start_and_no_promise_of_uptime() -> None:
    measures = PLAN.measures

    assert (measures.csat.scale, measures.csat.good_from) == (5, 4)
    assert measures.csat.target == 0.8
    assert measures.mttr_from is Start.IMPACT_STARTED
    assert measures.mttr_warn_below == 20
    assert measures.slo == {}
    assert PLAN.improvement[0] == "Track MTTR (Mean Time To Resolution)"
    assert len(PLAN.improvement) == 5


def test_the_emergency_procedures_are_those_of_appendix_a() -> None:
    titles = [one.title for one in PLAN.emergency_procedures.values()]

    assert titles == [
        "Database failover procedure",
        "Payment provider switch procedure",
        "DDoS response procedure",
        "Data breach response procedure",
    ]
    places = {one.runbook for one in PLAN.emergency_procedures.values()}
    assert len(places) == 4


@pytest.mark.req("SB-01", "SB-02", "SB-03", "A47")
def test_the_vendors_are_typed_records_and_the_empty_ones_are_reported() -> None:
    found = load(TRM, name="trm").findings

    assert {one.category for one in PLAN.vendors.values()} == set(VendorCategory)
    assert all(one.name is None for one in PLAN.vendors.values())
    assert sum(one.code is Code.UNFILLED_VENDOR for one in found) == 4


@pytest.mark.req("SB-04", "A47")
def test_a_vendor_that_is_filled_in_is_not_reported() -> None:
    loaded = minimal()
    filled = (
        *loaded.lines,
        "vendors:",
        "  hosting: {title: Hosting, category: hosting, name: Example Cloud,",
        "    support: https://example.com/help, account: '4711', hours: 24x7,",
        "    contract: Gold, contract_until: 2027-01-31, escalation: [Duty desk]}",
    )

    found = load("\n".join(filled), name="minimal")

    assert codes(found) == set()
    assert found.plan is not None
    vendor = found.plan.vendors["hosting"]
    assert vendor.support == "https://example.com/help"
    assert (vendor.account, vendor.contract, vendor.hours) == ("4711", "Gold", "24x7")
    assert vendor.contract_until == date(2027, 1, 31)
    assert vendor.escalation == ("Duty desk",)


@pytest.mark.req("A45")
def test_each_kind_of_data_has_its_retention() -> None:
    retention = PLAN.compliance.retention

    assert retention.audit_log == retention.tickets == Period(months=36)
    assert retention.raw_alerts == Period(months=13)
    assert retention.messages == retention.attachments == Period(months=12)
    assert retention.csat == Period(months=24)


@pytest.mark.req("A45")
@pytest.mark.parametrize(
    ("kept", "short"), [("11 months", True), ("12 months", False), ("1 year", False)]
)
def test_an_audit_log_of_less_than_a_year_is_reported(
    kept: str,
    short: bool,  # noqa: FBT001
) -> None:
    changed = TRM.replace("audit_log: 36 months", f"audit_log: {kept}")

    assert (Code.SHORT_RETENTION in codes(load(changed, name="trm"))) is short


@pytest.mark.req("A46")
def test_obligations_wait_for_somebody_who_confirms_them() -> None:
    obligations = PLAN.compliance.obligations

    assert [one.title for one in obligations.values()] == [
        "Myanmar Cybersecurity Law No. 1/2025",
        "GDPR Art. 33 and 34",
        "PCI DSS 12.10",
        "Duties to payment partners",
    ]
    assert all(one.confirmed_by is None for one in obligations.values())
    found = load(TRM, name="trm").findings
    assert sum(one.code is Code.UNCONFIRMED for one in found) == 4
