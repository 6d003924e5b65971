"""A source that floods us starves nobody: not at the door, and not on the way out."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbill.server.intake.budget import Budget
from watchbill.server.intake.desk import UnroutedError, Visit
from watchbill.server.intake.rooms import OverloadedError, WaitingRooms

FLOOD, SINGLE = 1, 2


@dataclass(frozen=True, slots=True)
class One:
    integration_id: int
    size: int = 10
    name: str = ""


def rooms(*, most: int = 100, most_bytes: int = 1_000_000) -> WaitingRooms[One]:
    return WaitingRooms(most=most, most_bytes=most_bytes)


def fill(waiting: WaitingRooms[One], integration_id: int, size: int = 10) -> int:
    count = 0
    while True:
        try:
            waiting.enter(One(integration_id, size))
        except OverloadedError:
            return count
        count += 1


def test_a_single_post_leaves_with_the_next_batch_however_many_stand_before_it() -> (
    None
):
    waiting = rooms(most=10_000)
    for _ in range(4_000):
        waiting.enter(One(FLOOD))
    waiting.enter(One(SINGLE))
    batch = waiting.take(most=500, most_bytes=1_000_000)
    assert len(batch) == 500
    assert One(SINGLE) in batch


def test_a_flood_that_has_filled_its_room_is_refused_while_another_is_let_in() -> None:
    waiting = rooms()
    assert fill(waiting, FLOOD) == 50
    waiting.enter(One(SINGLE))
    with pytest.raises(OverloadedError):
        waiting.enter(One(FLOOD))


def test_a_flood_of_bytes_is_refused_while_another_is_let_in() -> None:
    waiting = rooms(most_bytes=1_000)
    assert fill(waiting, FLOOD, size=100) == 5
    waiting.enter(One(SINGLE, 100))
    with pytest.raises(OverloadedError):
        waiting.enter(One(FLOOD, 100))


def test_posts_of_one_source_stay_in_their_order() -> None:
    waiting = rooms()
    for name in "abcd":
        waiting.enter(One(FLOOD, name=name))
        waiting.enter(One(SINGLE, name=name))
    batch = waiting.take(most=6, most_bytes=1_000) + waiting.take(
        most=6, most_bytes=1_000
    )
    for source in (FLOOD, SINGLE):
        names = [one.name for one in batch if one.integration_id == source]
        assert names == list("abcd")


def test_a_batch_is_bounded_in_bytes_but_never_empty() -> None:
    waiting = rooms()
    for _ in range(3):
        waiting.enter(One(FLOOD, size=600))
    sizes = [len(waiting.take(most=9, most_bytes=500)) for _ in range(4)]
    assert sizes == [1, 1, 1, 0]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["enter", "take", "leave"]), st.integers(1, 5)),
        max_size=200,
    )
)
def test_nothing_is_lost_and_no_bound_is_passed(steps: list[tuple[str, int]]) -> None:
    waiting = rooms(most=20, most_bytes=150)
    entered, taken, gone = 0, [], 0
    for step, number in steps:
        if step == "enter":
            try:
                waiting.enter(One(number, size=number * 3))
            except OverloadedError:
                pass
            else:
                entered += 1
        elif step == "take":
            taken.append(waiting.take(most=number, most_bytes=40))
        elif taken:
            batch = taken.pop(0)
            waiting.leave(batch)
            gone += len(batch)
        assert len(waiting) == entered - gone <= 20
        assert waiting.bytes <= 150
    while batch := waiting.take(most=7, most_bytes=50):
        taken.append(batch)
    for batch in taken:
        waiting.leave(batch)
    assert (len(waiting), waiting.bytes, waiting.has_next) == (0, 0, False)


def test_a_budget_lets_a_burst_of_a_minute_pass_and_then_an_even_stream() -> None:
    budget = Budget()
    assert [budget.spend(1, 3, at=0.0) for _ in range(4)] == [0, 0, 0, 20]
    assert budget.spend(1, 3, at=10.0) == 10
    assert budget.spend(1, 3, at=20.0) == 0
    assert budget.spend(2, 3, at=20.0) == 0


def test_a_request_without_a_route_is_said_to_be_our_mistake() -> None:
    visit = Visit("POST", b"", [], "", began_at=0.0)

    assert visit.source is None
    with pytest.raises(UnroutedError, match="before its route was found"):
        _ = visit.route
