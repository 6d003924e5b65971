"""A taste of the crash campaign, and the proof that it would see a loss.

In full it is ``python run.py campaign``, which writes docs/crash-report.md.
"""

import pytest

from tests.crash import campaign, report
from tests.crash.campaign import Lane
from tests.crash.nemesis import Doses
from tests.crash.report import Figures

pytestmark = pytest.mark.crash

_DOSES = Doses(kills=10, crashes=2, zombies=1, cuts=2, sleep=5.0)


@pytest.mark.req("S3.2-18", "S4.1-09", "S2.2-07")
def test_nothing_is_lost_in_a_taste_of_the_campaign(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lane = Lane(name="taste", seed=1, doses=_DOSES, variants=campaign.HASTY)

    figures = campaign.run(lane)

    with capsys.disabled():
        print("\n" + report.table([figures]))
    assert figures.violations == {}
    assert figures.lost == 0
    assert figures.kills() == 10
    assert figures.crashes() == 2
    assert figures.accepted > 0
    assert figures.received > 0


@pytest.mark.parametrize(
    "lane", campaign.controls(1, kills=8, crashes=2), ids=lambda lane: lane.name
)
def test_a_planted_mistake_is_seen_as_a_loss(lane: Lane) -> None:
    figures = campaign.run(lane)

    assert figures.lost > 0
    assert report.failures([figures], expected=1) == []


def test_the_full_campaign_is_as_large_as_a_release_asks_for() -> None:
    lanes = [lane for lane in campaign.full(1) if not lane.is_control]

    assert sum(lane.doses.kills for lane in lanes) >= report.KILLS_WANTED
    assert sum(lane.doses.crashes for lane in lanes) >= report.CRASHES_WANTED


def test_the_report_names_what_was_lost_and_what_did_not_end() -> None:
    good = figures_of("good", lost=0)
    bad = figures_of("bad", lost=1, violations={"forgotten": ["s1"]})
    blind = figures_of("control", lost=0, is_control=True)

    assert report.failures([good], expected=1) == []
    assert report.failures([bad, blind], expected=3) == [
        "1 lanes have not ended",
        "bad: forgotten: ['s1']",
        "control: the planted mistake was not seen",
    ]
    text = report.document([bad, blind])
    assert "| **Lost** | **1** |" in text
    assert "smaller than a release asks for" in text


def figures_of(
    lane: str,
    *,
    lost: int,
    is_control: bool = False,
    violations: dict[str, list[str]] | None = None,
) -> Figures:
    return Figures(
        lane=lane,
        is_control=is_control,
        postgres="18.6",
        seed=1,
        seconds=60.0,
        fault_seconds=40.0,
        done={"SIGKILL of the web": 3, "PostgreSQL: immediate stop": 1},
        provider_faults={"email: 5xx": 2},
        lost_replies=0,
        resets=1,
        accepted=10,
        cut_off=1,
        refused=1,
        longest_wait=0.5,
        messages=20,
        received=21,
        acknowledged=2,
        exhausted=0,
        lost=lost,
        violations=violations or {},
        duplicates=1,
        unexplained=0,
        unknown=1,
        max_sends=2,
    )
