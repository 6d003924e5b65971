"""What follows from one attempt to deliver one message."""

from datetime import datetime, timedelta

import pytest

from tests.core.cast import T0
from watchbill.core.notification import (
    MAX_ATTEMPTS,
    Attempt,
    NotificationState,
    Outcome,
    after_attempt,
    next_room,
)

DELIVERED, TRANSIENT, THROTTLED, PERMANENT, UNKNOWN = Outcome


def test_a_delivered_message_is_settled() -> None:
    verdict = after_attempt(Attempt(outcome=DELIVERED), number=1, now=T0)

    assert verdict.state is NotificationState.DELIVERED
    assert verdict.retry_at is None
    assert not verdict.start_next_method


def test_a_permanent_refusal_is_never_tried_again() -> None:
    verdict = after_attempt(Attempt(outcome=PERMANENT), number=1, now=T0)

    assert verdict.state is NotificationState.FAILED
    assert verdict.retry_at is None
    assert verdict.start_next_method


@pytest.mark.parametrize("outcome", [TRANSIENT, THROTTLED, UNKNOWN])
def test_six_attempts_are_made_in_under_four_minutes_and_then_it_has_failed(
    outcome: Outcome,
) -> None:
    now, waits = T0, []
    for number in range(1, MAX_ATTEMPTS):
        verdict = after_attempt(Attempt(outcome=outcome), number=number, now=now)
        assert verdict.state is NotificationState.WAITING
        assert verdict.retry_at is not None
        waits.append((verdict.retry_at - now).total_seconds())
        now = verdict.retry_at
    last = after_attempt(Attempt(outcome=outcome), number=MAX_ATTEMPTS, now=now)

    assert waits == [5, 10, 30, 60, 120]
    assert last.state is NotificationState.FAILED
    assert last.reason == "6 attempts did not succeed"


def test_every_failed_attempt_asks_for_the_next_method() -> None:
    started = [
        after_attempt(
            Attempt(outcome=TRANSIENT), number=number, now=T0
        ).start_next_method
        for number in range(1, MAX_ATTEMPTS + 1)
    ]

    assert started == [True] * MAX_ATTEMPTS


@pytest.mark.parametrize(("asked", "waited"), [(0, 5), (3, 5), (30, 30), (3600, 3600)])
def test_a_throttled_message_waits_as_long_as_the_provider_asks(
    asked: int, waited: int
) -> None:
    attempt = Attempt(outcome=THROTTLED, retry_after=timedelta(seconds=asked))

    verdict = after_attempt(attempt, number=1, now=T0)

    assert verdict.retry_at == T0 + timedelta(seconds=waited)


def test_a_provider_that_asks_for_more_than_a_day_has_refused() -> None:
    attempt = Attempt(outcome=THROTTLED, retry_after=timedelta.max)

    verdict = after_attempt(attempt, number=1, now=T0)

    assert verdict.state is NotificationState.FAILED
    assert verdict.start_next_method
    assert verdict.reason == "the provider asks to wait for more than a day"


def test_the_reason_names_the_outcome_and_the_attempt_that_follows() -> None:
    verdict = after_attempt(Attempt(outcome=UNKNOWN), number=2, now=T0)

    assert verdict.reason == "unknown; attempt 3 of 6 follows"


@pytest.mark.req("S2.1-14")
def minutes_of(*seconds: float) -> list[datetime]:
    return [T0 - timedelta(seconds=one) for one in seconds]


def test_the_first_messages_of_a_minute_go_at_once() -> None:
    assert next_room([], now=T0) is None
    assert next_room(minutes_of(1, 2, 3, 4), now=T0) is None
    assert next_room(minutes_of(60, 61, 62, 63, 64, 65), now=T0) is None


@pytest.mark.req("S7.1-10")
def test_beyond_five_a_minute_a_recipient_is_left_alone_until_there_is_room() -> None:
    assert next_room(minutes_of(10, 20, 30, 40, 50), now=T0) == T0 + timedelta(
        seconds=10
    )
    assert next_room(minutes_of(1, 2, 3, 4, 5, 50), now=T0) == T0 + timedelta(
        seconds=55
    )
