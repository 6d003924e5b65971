"""Any sequence of signals, in and out of order, folded into one alert."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cast import after
from watchbill.core.alerts import AlertStatus, Episode, FoldReason, Signal, fold

STALE = {FoldReason.STALE, FoldReason.NEVER_FIRED}


@dataclass(frozen=True)
class Received:
    minute: int
    signal: Signal
    #: Minutes since the incident was resolved; None while it is open.
    resolved_for: int | None


@st.composite
def sequences(draw: st.DrawFn) -> list[Received]:
    minute, received = 0, []
    claimed = st.none() | st.integers(-20, 20)
    for _ in range(draw(st.integers(1, 12))):
        minute += draw(st.integers(0, 5))
        starts, ends = draw(claimed), draw(claimed)
        signal = Signal(
            fingerprint="f",
            status=draw(st.sampled_from(AlertStatus)),
            title="Disk full",
            labels={},
            starts_at=None if starts is None else after(minute + starts),
            ends_at=None if ends is None else after(minute + ends),
        )
        received.append(
            Received(
                minute=minute,
                signal=signal,
                resolved_for=draw(st.none() | st.integers(0, 10)),
            )
        )
    return received


def resolved_at(one: Received) -> datetime | None:
    return None if one.resolved_for is None else after(one.minute - one.resolved_for)


def told(
    sequence: list[Received],
) -> list[tuple[Received, Episode | None, FoldReason, Episode | None]]:
    """Each signal with the alert before it, what it did, and the alert after it."""
    current: Episode | None = None
    story = []
    for one in sequence:
        answer = fold(
            current,
            one.signal,
            incident_resolved_at=resolved_at(one),
            now=after(one.minute),
        )
        story.append((one, current, answer.reason, answer.episode))
        assert answer.starts_episode is (
            answer.reason in {FoldReason.FIRST_SEEN, FoldReason.NEW_EPISODE}
        )
        current = answer.episode
    return story


@pytest.mark.req("S4.1-09")
@given(sequences())
def test_the_count_is_that_of_the_firing_signals_of_the_episode(
    sequence: list[Received],
) -> None:
    count = 0
    for one, _, reason, episode in told(sequence):
        if reason in {FoldReason.FIRST_SEEN, FoldReason.NEW_EPISODE}:
            count = 0
        fired = one.signal.status is AlertStatus.FIRING and reason not in STALE
        count += fired
        assert (episode.count if episode is not None else 0) == count


@given(sequences())
def test_the_status_is_that_of_the_last_signal_that_was_not_stale(
    sequence: list[Received],
) -> None:
    for one, before, reason, episode in told(sequence):
        if reason in STALE:
            assert episode == before
        else:
            assert episode is not None
            assert episode.status is one.signal.status


@pytest.mark.req("S4.1-09")
@given(sequences())
def test_no_second_episode_begins_while_the_incident_is_open(
    sequence: list[Received],
) -> None:
    for one, before, reason, episode in told(sequence):
        if one.resolved_for is None and before is not None:
            assert reason is not FoldReason.NEW_EPISODE
            assert episode is not None
            assert episode.starts_at == before.starts_at


@pytest.mark.req("A58")
@given(sequences())
def test_nothing_lies_in_the_future_and_nothing_ends_before_it_began(
    sequence: list[Received],
) -> None:
    for one, _, _, episode in told(sequence):
        if episode is not None:
            assert episode.starts_at <= episode.last_seen_at <= after(one.minute)
            assert (episode.ends_at is None) is (episode.status is AlertStatus.FIRING)
            began = episode.resumed_at or episode.starts_at
            assert episode.starts_at <= began
            assert episode.ends_at is None or began <= episode.ends_at
            assert episode.ends_at is None or episode.ends_at <= after(one.minute)


@given(sequences(), st.integers(0, 60))
def test_a_repeated_resolve_changes_nothing(
    sequence: list[Received], later: int
) -> None:
    *_, (last, _, _, episode) = told(sequence)
    resolve = Signal(
        fingerprint="f", status=AlertStatus.RESOLVED, title="Disk full", labels={}
    )

    once = fold(episode, resolve, incident_resolved_at=None, now=after(last.minute))
    twice = fold(
        once.episode, resolve, incident_resolved_at=None, now=after(last.minute + later)
    )

    assert twice.episode == once.episode
    assert twice.reason in {FoldReason.ALREADY_RESOLVED, FoldReason.NEVER_FIRED}
