"""The roster: who answers to a target at an instant, and who can be reached.

One resolver answers for the page, the schedule and the report, so that they
cannot differ (S4.4-09).
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.core.ladder import (
    ChannelTarget,
    DutyTarget,
    ExpertTarget,
    RoleTarget,
    Target,
)
from watchbill.core.oncall import Duty, Override, Rotation, on_call
from watchbill.core.people import Contact, Directory
from watchbill.core.temporal import WeeklyHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who can be reached, and how: the facts behind every target."""

    directory: Directory
    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
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
        self, target: Target, *, category: str | None, at: datetime
    ) -> tuple[Contact, ...]:
        """Return the contacts that a target means at an instant."""
        match target:
            case RoleTarget(role=role):
                return self.directory.holders(role)
            case DutyTarget(rotation=rotation, duty=duty):
                return self._on_duty(rotation, duty, at=at)
            case ExpertTarget(level=level):
                return self.directory.experts(level, category)
            case ChannelTarget():
                return ()

    def shadows(self, target: Target, *, at: datetime) -> tuple[Contact, ...]:
        """Return who gets a copy because a target is the primary's duty (S4.4-07)."""
        match target:
            case DutyTarget(rotation=rotation, duty=Duty.PRIMARY):
                return self._on_duty(rotation, Duty.SHADOW, at=at)
            case _:
                return ()

    def _on_duty(
        self, rotation: str, duty: Duty, *, at: datetime
    ) -> tuple[Contact, ...]:
        key = on_call(self.rotations[rotation], duty, at=at, overrides=self.overrides)
        contact = self.directory.contact(key) if key is not None else None
        return (contact,) if contact is not None else ()
