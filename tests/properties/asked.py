"""The core, asked as the laws want it to answer."""

from dataclasses import replace
from datetime import datetime

from watchbill.core.escalation import Advance, Progress, advance
from watchbill.core.ladder import Ladder, Situation
from watchbill.core.roster import Roster


def ask(
    ladder: Ladder,
    progress: Progress,
    situation: Situation,
    roster: Roster,
    *,
    now: datetime,
) -> Advance:
    """Ask the core, and again when its fallback has just reached somebody.

    In that one case it plans the next repetition only when it is asked again;
    test_after_the_fallback_has_reached_somebody_pages_are_repeated holds it to that.
    """
    answer = advance(ladder, progress, situation, roster, now=now)
    fell_back = any(
        firing.acts and firing.step.key.startswith("fallback/")
        for firing in answer.firings
    )
    if not fell_back:
        return answer
    again = advance(ladder, answer.progress, situation, roster, now=now)
    assert again.firings == ()
    return replace(again, firings=answer.firings)
