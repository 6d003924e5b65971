"""Many signals about one condition, kept as one record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.core.cast import after
from watchbill.core.alerts import (
    AlertStatus,
    Episode,
    Fold,
    FoldReason,
    Signal,
    expire,
    fold,
    received,
)


def signal(
    status: AlertStatus,
    *,
    starts: float | None = None,
    ends: float | None = None,
) -> Signal:
    return Signal(
        fingerprint="f",
        status=status,
        title="Disk full",
        labels={"alertname": "DiskFull"},
        starts_at=None if starts is None else after(starts),
        ends_at=None if ends is None else after(ends),
    )


def told(
    *received: tuple[float, Signal], resolved_at: float | None = None
) -> tuple[list[FoldReason], Episode | None]:
    """Fold signals received at the given minutes into one alert."""
    episode: Episode | None = None
    reasons = []
    over = None if resolved_at is None else after(resolved_at)
    for minute, one in received:
        answer: Fold = fold(episode, one, incident_resolved_at=over, now=after(minute))
        episode = answer.episode
        reasons.append(answer.reason)
    return reasons, episode


def fires(starts: float | None = None) -> Signal:
    return signal(AlertStatus.FIRING, starts=starts)


def resolves(ends: float | None = None) -> Signal:
    return signal(AlertStatus.RESOLVED, ends=ends)


@pytest.mark.req("S4.1-09")
def test_repeated_signals_are_one_alert_with_a_count_and_last_seen() -> None:
    reasons, episode = told((1, fires(0)), (2, fires(0)), (5, fires(0)))

    assert reasons == [
        FoldReason.FIRST_SEEN,
        FoldReason.SEEN_AGAIN,
        FoldReason.SEEN_AGAIN,
    ]
    assert episode == Episode(
        status=AlertStatus.FIRING,
        starts_at=after(0),
        is_start_claimed=True,
        last_seen_at=after(5),
        count=3,
    )


@pytest.mark.req("A58")
def test_a_start_in_the_future_is_clamped_to_the_instant_of_receipt() -> None:
    _, episode = told((1, fires(60)))

    assert episode is not None
    assert episode.starts_at == after(1)


@pytest.mark.req("A58")
def test_an_end_in_the_future_is_clamped_to_the_instant_of_receipt() -> None:
    _, episode = told((1, fires(0)), (2, resolves(60)))

    assert episode is not None
    assert episode.ends_at == after(2)


@pytest.mark.req("S4.1-09")
def test_an_alert_that_fires_again_joins_its_open_incident() -> None:
    reasons, episode = told((0, fires()), (5, resolves()), (9, fires()))

    assert reasons[-1] is FoldReason.FIRED_AGAIN
    assert episode is not None
    assert (episode.starts_at, episode.resumed_at) == (after(0), after(9))
    assert (episode.status, episode.ends_at) == (AlertStatus.FIRING, None)
    assert episode.count == 2


def test_once_the_incident_is_over_the_alert_begins_a_new_episode() -> None:
    _, over = told((0, fires()), (5, resolves()))

    answer = fold(over, fires(), incident_resolved_at=after(6), now=after(9))

    assert answer.reason is FoldReason.NEW_EPISODE
    assert answer.starts_episode
    assert answer.episode == Episode(
        status=AlertStatus.FIRING, starts_at=after(9), last_seen_at=after(9)
    )


def test_a_resolve_of_what_never_fired_makes_no_alert() -> None:
    assert told((0, resolves())) == ([FoldReason.NEVER_FIRED], None)


def test_a_second_resolve_changes_nothing() -> None:
    _, once = told((0, fires()), (5, resolves()))

    assert fold(once, resolves(), incident_resolved_at=None, now=after(7)) == Fold(
        reason=FoldReason.ALREADY_RESOLVED, episode=once
    )


def test_a_resolve_that_ended_before_the_alert_began_is_stale() -> None:
    reasons, episode = told((10, fires(10)), (11, resolves(9)))

    assert reasons[-1] is FoldReason.STALE
    assert episode is not None
    assert episode.status is AlertStatus.FIRING


@pytest.mark.req("A58")
def test_a_resolve_by_a_slow_clock_ends_an_alert_whose_start_is_by_ours() -> None:
    reasons, episode = told((10, fires()), (12, resolves(7)))

    assert reasons[-1] is FoldReason.RESOLVED
    assert episode is not None
    assert (episode.status, episode.ends_at) == (AlertStatus.RESOLVED, after(10))


def test_a_repetition_of_the_firing_that_has_just_ended_is_stale() -> None:
    reasons, episode = told((0, fires(0)), (6, resolves(5)), (7, fires(0)))

    assert reasons[-1] is FoldReason.STALE
    assert episode is not None
    assert episode.status is AlertStatus.RESOLVED


def test_an_old_start_is_believed_once_no_repetition_can_be_on_its_way() -> None:
    """A Prometheus that was restarted restores the start it remembers."""
    reasons, episode = told((0, fires(0)), (6, resolves(5)), (11.5, fires(0)))

    assert reasons[-1] is FoldReason.FIRED_AGAIN
    assert episode is not None
    assert episode.resumed_at == after(5)


def test_a_later_start_before_the_known_end_is_a_new_firing_at_once() -> None:
    """The clock of the source may be slow."""
    reasons, _ = told((0, fires(0)), (6, resolves(5)), (7, fires(4)))

    assert reasons[-1] is FoldReason.FIRED_AGAIN


def test_what_people_resolved_and_still_fires_begins_a_new_episode() -> None:
    early, _ = told((0, fires(0)), (10, fires(0)), resolved_at=5)
    late, episode = told((0, fires(0)), (10.5, fires(0)), resolved_at=5)

    assert early[-1] is FoldReason.SEEN_AGAIN
    assert late[-1] is FoldReason.NEW_EPISODE
    assert episode is not None
    assert episode.count == 1


def test_a_late_copy_of_the_first_resolve_does_not_end_the_second_firing() -> None:
    reasons, episode = told(
        (0, fires(0)), (5, resolves(5)), (10, fires(9)), (11, resolves(5))
    )

    assert reasons[-1] is FoldReason.STALE
    assert episode is not None
    assert episode.status is AlertStatus.FIRING


@pytest.mark.parametrize("reason", list(FoldReason))
def test_only_a_first_firing_and_a_new_episode_begin_a_record(
    reason: FoldReason,
) -> None:
    begins = Fold(reason=reason, episode=None).starts_episode

    assert begins is (reason in {FoldReason.FIRST_SEEN, FoldReason.NEW_EPISODE})


@pytest.mark.req("S4.1-10")
def test_an_alert_expires_at_the_instant_named_and_not_before() -> None:
    _, episode = told((0, replace(fires(0), expires_at=after(4))))
    assert episode is not None

    early, late = expire(episode, now=after(3)), expire(episode, now=after(9))

    assert (early.reason, early.episode) == (FoldReason.STALE, episode)
    assert late.reason is FoldReason.EXPIRED
    assert late.episode is not None
    assert (late.episode.ends_at, late.episode.last_seen_at) == (after(4), after(0))
    assert expire(late.episode, now=after(10)).reason is FoldReason.STALE


def test_a_repetition_of_what_has_expired_is_no_straggler() -> None:
    _, episode = told((0, replace(fires(0), expires_at=after(1))))
    assert episode is not None
    over = expire(episode, now=after(1)).episode

    again = fold(over, fires(0), incident_resolved_at=None, now=after(2))

    assert again.reason is FoldReason.FIRED_AGAIN


def test_how_long_a_signal_lasts_counts_from_its_receipt() -> None:
    lasting = replace(fires(0), lasts=timedelta(minutes=5))

    assert received(lasting, now=after(3)).expires_at == after(8)
    assert received(fires(0), now=after(3)) == fires(0)


def test_a_firing_signal_that_names_an_end_that_has_passed_is_a_resolve() -> None:
    over = received(replace(fires(0), expires_at=after(2)), now=after(3))

    assert (over.status, over.ends_at) == (AlertStatus.RESOLVED, after(2))
