"""The roster: who answers to a target at an instant, and who can be reached.

One resolver answers for the page, the schedule and the report, so that they
cannot differ (S4.4-09). Where a specialty has a schedule of its own, its primary
answers before the experts of a level do: not all of them are woken when one of them
has the night (A22). A primary whom nothing can reach hides nobody: the experts answer.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Target,
    TurnTarget,
)
from watchbill.core.oncall import Absence, Duty, Override, Schedule, holder
from watchbill.core.people import Contact, Directory
from watchbill.core.temporal import WeeklyHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who can be reached, and how: the facts behind every target."""

    directory: Directory
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    #: In the order of entry: a later one wins.
    overrides: tuple[Override, ...] = ()
    absences: tuple[Absence, ...] = ()
    #: Opening hours that a step's ``when`` asks about; None is always open.
    open_hours: WeeklyHours | None = None
    #: Contacts that no configured channel can reach.
    unreachable: Container[str] = frozenset()
    #: Contacts with an address of their own that the plan does not know.
    reachable: Container[str] = frozenset()

    def can_reach(self, contact: Contact) -> bool:
        """Return whether any method of the contact leads to a configured channel."""
        has_address = contact.is_reachable or contact.key in self.reachable
        return has_address and contact.key not in self.unreachable

    def people(
        self, target: Target, *, category: str | None, at: datetime, turn: int = 0
    ) -> tuple[Contact, ...]:
        """Return the contacts that a target means at an instant.

        ``turn`` is the number of the incident, for a role that is asked in turn.
        """
        match target:
            case RoleTarget(role=role):
                return self.directory.holders(role)
            case TurnTarget(role=role):
                return self._in_turn(role, turn, at=at)
            case DutyTarget(schedule=schedule, duty=duty):
                return self._on_duty(schedule, duty, at=at)
            case ExpertTarget(level=level):
                for _, primary in self._specialists(category, at=at):
                    return (primary,)
                return self.directory.experts(level, category)
            case ChannelTarget():
                return ()

    def shadows(
        self, target: Target, *, category: str | None, at: datetime
    ) -> tuple[Contact, ...]:
        """Return who gets a copy because a target means a primary (S4.4-07)."""
        match target:
            case DutyTarget(schedule=schedule, duty=Duty.PRIMARY):
                return self._on_duty(schedule, Duty.SHADOW, at=at)
            case ExpertTarget():
                for schedule, _ in self._specialists(category, at=at):
                    return self._on_duty(schedule, Duty.SHADOW, at=at)
                return ()
            case _:
                return ()

    def _on_duty(
        self, schedule: str, duty: Duty, *, at: datetime
    ) -> tuple[Contact, ...]:
        key = holder(
            self.schedules[schedule],
            duty,
            at=at,
            overrides=self.overrides,
            absences=self.absences,
        )
        contact = self.directory.contact(key) if key is not None else None
        return (contact,) if contact is not None else ()

    def _specialists(
        self, category: str | None, *, at: datetime
    ) -> Iterator[tuple[str, Contact]]:
        """Yield the schedules of a specialty, each with a primary who can be reached.

        The first of them answers for it.
        """
        for key, schedule in self.schedules.items():
            if category is not None and schedule.specialty == category:
                for primary in self._on_duty(key, Duty.PRIMARY, at=at):
                    if self.can_reach(primary):
                        yield key, primary

    def _in_turn(self, role: str, turn: int, *, at: datetime) -> tuple[Contact, ...]:
        """Return whose turn it is among those who are there and can be reached.

        Where that is nobody, it is one of all: the step then says whom it missed.
        """
        everybody = self.directory.holders(role)
        away = {one.contact for one in self.absences if at in one.during}
        there = tuple(
            one for one in everybody if one.key not in away and self.can_reach(one)
        )
        group = there or everybody
        return (group[turn % len(group)],) if group else ()
