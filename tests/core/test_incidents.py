"""The states of an incident and the actions open in each."""

import pytest

from watchbill.core.incidents import (
    OPEN_STATUSES,
    IncidentAction,
    IncidentStatus,
    Transition,
    act,
    possible_actions,
)

TRIGGERED, ACKNOWLEDGED, MITIGATED, RESOLVED, CLOSED = IncidentStatus
ACKNOWLEDGE, MITIGATE, RESOLVE, CLOSE = IncidentAction

#: The state after each action; None where it changes nothing.
TABLE = {
    TRIGGERED: (ACKNOWLEDGED, MITIGATED, RESOLVED, None),
    ACKNOWLEDGED: (None, MITIGATED, RESOLVED, None),
    MITIGATED: (None, None, RESOLVED, None),
    RESOLVED: (None, None, None, CLOSED),
    CLOSED: (None, None, None, None),
}


@pytest.mark.req("S3.1-34")
@pytest.mark.parametrize("status", list(IncidentStatus))
def test_every_action_in_every_state_leads_where_the_table_says(
    status: IncidentStatus,
) -> None:
    for action, goal in zip(IncidentAction, TABLE[status], strict=True):
        answer = act(status, action)

        assert (answer.status, answer.is_change) == (goal or status, goal is not None)
        assert answer.reason


@pytest.mark.parametrize("status", list(IncidentStatus))
@pytest.mark.parametrize("action", list(IncidentAction))
def test_doing_it_again_changes_nothing(
    status: IncidentStatus, action: IncidentAction
) -> None:
    once = act(status, action)
    twice = act(once.status, action)

    assert twice.status is once.status
    assert not twice.is_change


def test_the_second_to_acknowledge_is_told_that_it_is_done() -> None:
    assert act(ACKNOWLEDGED, ACKNOWLEDGE) == Transition(
        status=ACKNOWLEDGED, is_change=False, reason="it is already acknowledged"
    )


def test_closing_what_is_not_resolved_says_what_to_do_first() -> None:
    assert act(MITIGATED, CLOSE).reason == "resolve it before closing it"


def test_the_possible_actions_are_those_that_change_something() -> None:
    assert possible_actions(TRIGGERED) == {ACKNOWLEDGE, MITIGATE, RESOLVE}
    assert possible_actions(RESOLVED) == {CLOSE}
    assert possible_actions(CLOSED) == frozenset()
    assert frozenset({TRIGGERED, ACKNOWLEDGED, MITIGATED}) == OPEN_STATUSES
