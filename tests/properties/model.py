"""A slow and simple second opinion on escalation.

It knows whole minutes since the declaration, names and sets; it is asked every
minute, works out everything anew and shares no code with the core. What it says who
is told by which step at which minute, the core must say too.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.properties.strategies import CLOSING_MINUTE, HANDOVER_MINUTE, ROLES
from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    Ladder,
    RoleTarget,
    Step,
    Target,
)

Told = tuple[int, str, str, bool]
"""Minute, step, person, and whether it is only a copy."""

_WATCH = {"primary": "ana", "secondary": "chi", "shadow": "ben"}
_NEXT_WATCH = {"primary": "ben", "secondary": "ana", "shadow": "chi"}

_STOPPED_BY = {
    "acknowledged": {"acknowledged", "mitigated", "resolved"},
    "mitigated": {"mitigated", "resolved"},
    "resolved": {"resolved"},
    "never": set[str](),
}


@dataclass
class Model:
    ladder: Ladder
    confidential: bool
    happened: dict[str, int] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    dealt: set[str] = field(default_factory=set)
    hurried: dict[str, int] = field(default_factory=dict)
    fallback: int | None = None
    tries: int = 0
    repeat: int | None = None
    repeats: int = 0
    told: set[Told] = field(default_factory=set)

    def tick(self, minute: int) -> None:
        while ready := [one for one in self.to_come() if one[0] <= minute]:
            due, _, step = ready[0]
            self.dealt.add(step.key)
            if self.try_step(step, due, minute) == "nobody":
                self.escalate_now(minute, or_fall_back=True)
        if self.happened:
            self.repeat = None
        if self.repeat is not None and self.repeat <= minute:
            self.page_again(minute)
        if self.fallback is not None and self.fallback <= minute:
            self.fall_back(minute)
        if self.repeat is None and self.fallback is None and self.is_unanswered():
            self.repeat = minute + self.pause * [1, 2, 4, 8][min(self.repeats, 3)]

    def to_come(self) -> list[tuple[int, int, Step]]:
        """Due minute, place in the plan and step, of all not yet dealt with."""
        rows = []
        for place, step in enumerate(self.ladder.steps):
            start = 0 if step.since == "declared" else self.happened.get("resolved")
            if step.key in self.dealt or start is None:
                continue
            planned = start + int(step.after.total_seconds()) // 60
            rows.append((min(planned, self.hurried.get(step.key, 9999)), place, step))
        return sorted(rows, key=lambda row: row[:2])

    def escalate_now(self, minute: int, *, or_fall_back: bool = False) -> None:
        for due, _, step in self.to_come():
            is_wanted = not _STOPPED_BY[step.stop_on] & set(self.happened)
            if step.verb in {"page", "escalate", "notify"} and is_wanted:
                self.hurried[step.key] = min(due, minute)
                return
        if or_fall_back:
            self.plan_fallback(minute)

    def plan_fallback(self, minute: int) -> None:
        if self.fallback is None:
            # A fallback that was tried before is not tried again at once.
            self.fallback = minute + (5 if self.tries else 0)

    @property
    def pause(self) -> int:
        """Minutes until the first repetition; 0 when there is none."""
        return int((self.ladder.repeat_after or timedelta(0)).total_seconds()) // 60

    def is_unanswered(self) -> bool:
        """Whether a ladder that pages has nobody left to contact, and no answer."""
        left = {step.verb for _, _, step in self.to_come()}
        verbs = {step.verb for step in self.ladder.steps}
        return (
            self.pause > 0
            and not self.happened
            and "page" in verbs
            and left.isdisjoint({"page", "escalate", "notify"})
        )

    def page_again(self, minute: int) -> None:
        self.repeats += 1
        self.repeat = None
        asked = self.asked_to_work()
        if self.tell(f"repeat/{self.repeats}", "page", asked, minute) == "nobody":
            self.plan_fallback(minute)

    def asked_to_work(self) -> tuple[Target, ...]:
        return tuple(
            target
            for step in self.ladder.steps
            if step.verb in {"page", "escalate"}
            for target in step.targets
        )

    def try_step(self, step: Step, due: int, minute: int) -> str:
        if _STOPPED_BY[step.stop_on] & set(self.happened):
            return "stopped"
        if step.verb == "post" and self.confidential:
            return "confidential"
        hours = "open_hours" if 0 <= due < CLOSING_MINUTE else "closed_hours"
        if step.when not in {"always", hours}:
            return "nobody" if step.key in self.hurried else "other hours"
        return self.tell(step.key, step.verb, step.targets, minute)

    def tell(
        self, key: str, verb: str, targets: tuple[Target, ...], minute: int
    ) -> str:
        watch = _WATCH if minute < HANDOVER_MINUTE else _NEXT_WATCH
        people: set[str] = set()
        shadows: set[str] = set()
        for target in targets:
            match target:
                case RoleTarget(role=role):
                    people |= set(ROLES.get(role, (role,)))
                case DutyTarget(duty=duty):
                    people.add(watch[duty])
                    if duty == "primary":
                        shadows.add(watch["shadow"])
                case ExpertTarget():
                    people.add("dan")
                case ChannelTarget():
                    pass
        people -= self.deaf
        if not people:
            return "nobody" if verb in {"page", "escalate", "notify"} else "done"
        self.told |= {(minute, key, person, False) for person in people}
        copied = shadows - self.deaf - people
        self.told |= {(minute, key, person, True) for person in copied}
        return "done"

    def fall_back(self, minute: int) -> None:
        self.tries += 1
        self.fallback = None
        if self.happened:
            return
        targets = self.ladder.fallback + self.asked_to_work()
        if self.tell(f"fallback/{self.tries}", "page", targets, minute) == "nobody":
            self.fallback = minute + 5
