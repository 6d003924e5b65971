"""One incident lived through in any order of events, against a second opinion.

The engine asks the core when the core said to ask, and after each thing that people
do; the model is asked every minute. Both must have told the same people by the same
steps at the same minutes.
"""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.properties.model import Model, Told
from tests.properties.stored import restarted
from tests.properties.strategies import (
    DECLARED,
    KEYS,
    deaf,
    instant,
    ladders,
    roster_without,
)
from watchbill.core.escalation import Advance, Progress, advance
from watchbill.core.escalation import bring_forward as hurry
from watchbill.core.ladder import Ladder, Situation

pytestmark = pytest.mark.req(
    "A1", "A2", "S2.2-08", "S2.2-09", "S3.2-18", "S3.2-19", "S3.2-21"
)


class OneIncident(RuleBasedStateMachine):
    ladder: Ladder
    model: Model
    minute = 0
    progress = Progress()
    answer: Advance

    def __init__(self) -> None:
        super().__init__()
        self.told: set[Told] = set()
        self.dealt: list[str] = []

    @initialize(ladder=ladders(), confidential=st.booleans())
    def declare(self, ladder: Ladder, *, confidential: bool) -> None:
        self.ladder = ladder
        self.model = Model(ladder=ladder, confidential=confidential)
        self.both_decide()

    @rule(minutes=st.integers(min_value=1, max_value=12))
    def minutes_pass(self, minutes: int) -> None:
        for _ in range(minutes):
            self.minute += 1
            self.model.tick(self.minute)
            asked = self.answer.ask_at
            if asked is not None and asked <= instant(self.minute):
                assert asked == instant(self.minute), "it asked to be asked too late"
                self.core_decides()

    @rule(minutes=st.integers(min_value=1, max_value=40))
    def the_engine_is_down(self, minutes: int) -> None:
        self.minute += minutes
        self.both_decide()

    @precondition(lambda self: not self.model.happened)
    @rule()
    def acknowledge(self) -> None:
        self.model.happened["acknowledged"] = self.minute
        self.both_decide()

    @precondition(lambda self: not {"mitigated", "resolved"} & set(self.model.happened))
    @rule()
    def mitigate(self) -> None:
        self.model.happened["mitigated"] = self.minute
        self.both_decide()

    @precondition(lambda self: "resolved" not in self.model.happened)
    @rule()
    def resolve(self) -> None:
        self.model.happened["resolved"] = self.minute
        self.both_decide()

    @rule(who=st.sampled_from(KEYS))
    def a_contact_is_lost(self, who: str) -> None:
        self.model.deaf.add(who)

    @rule()
    def all_contacts_are_lost(self) -> None:
        self.model.deaf.update(KEYS)

    @rule(who=st.sampled_from(KEYS))
    def a_contact_is_gained(self, who: str) -> None:
        self.model.deaf.discard(who)

    @rule()
    def escalate_now(self) -> None:
        self.model.escalate_now(self.minute)
        forward = hurry(
            self.ladder, self.progress, self.situation, now=instant(self.minute)
        )
        self.progress = self.progress if forward is None else forward
        self.both_decide()

    @rule()
    def restart(self) -> None:
        self.progress = restarted(self.progress)
        self.both_decide()

    @invariant()
    def both_have_told_the_same(self) -> None:
        assert self.told == self.model.told

    @invariant()
    def no_step_was_dealt_with_twice(self) -> None:
        assert len(self.dealt) == len(set(self.dealt))

    @invariant()
    def the_search_for_somebody_goes_on(self) -> None:
        retry_at = self.progress.fallback_at
        if retry_at is not None and not self.model.happened:
            assert self.answer.ask_at is not None
            assert self.answer.ask_at <= retry_at <= instant(self.minute + 5)

    @invariant()
    def no_unanswered_incident_is_stranded(self) -> None:
        repeats = self.ladder.pages and self.ladder.repeat_after is not None
        if repeats and not self.model.happened:
            assert self.answer.ask_at is not None

    @invariant()
    def nobody_is_paged_again_after_the_answer(self) -> None:
        if self.model.happened:
            assert self.progress.repeat_at is None

    @property
    def situation(self) -> Situation:
        happened = self.model.happened

        def moment(event: str) -> datetime | None:
            return instant(happened[event]) if event in happened else None

        return Situation(
            declared_at=DECLARED,
            acknowledged_at=moment("acknowledged"),
            mitigated_at=moment("mitigated"),
            resolved_at=moment("resolved"),
            confidential=self.model.confidential,
        )

    def both_decide(self) -> None:
        self.model.tick(self.minute)
        self.core_decides()

    def core_decides(self) -> None:
        now = instant(self.minute)
        roster = roster_without(frozenset(self.model.deaf))
        self.answer = advance(
            self.ladder, self.progress, self.situation, roster, now=now
        )
        self.progress = self.answer.progress
        assert self.answer.ask_at is None or self.answer.ask_at > now
        called = [call.contact.key for call in self.answer.calls()]
        assert len(called) == len(set(called))
        for firing in self.answer.firings:
            self.dealt.append(firing.step.key)
            for people, is_copy in ((firing.recipients, False), (firing.copies, True)):
                self.told |= {
                    (self.minute, firing.step.key, one.key, is_copy) for one in people
                }


@given(
    ladders(), deaf, st.lists(st.none() | st.integers(0, 60), min_size=3, max_size=3)
)
def test_an_incident_left_to_itself_tells_whom_the_model_says(
    ladder: Ladder, unreachable: frozenset[str], happens: list[int | None]
) -> None:
    incident = OneIncident()
    incident.declare(ladder, confidential=False)
    incident.model.deaf.update(unreachable)
    for _ in range(90):
        incident.minutes_pass(1)
        for event, minute in zip(
            ("acknowledged", "mitigated", "resolved"), happens, strict=True
        ):
            if minute == incident.minute:
                incident.model.happened[event] = minute
                incident.both_decide()

    incident.both_have_told_the_same()
    incident.no_step_was_dealt_with_twice()


TestOneIncident = OneIncident.TestCase
TestOneIncident.settings = settings(stateful_step_count=25)
