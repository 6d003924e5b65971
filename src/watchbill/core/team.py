"""Team: who is what in the incident response team, from the first minute.

A severity that activates the team fills its roles at the declaration, by the plan's
defaults (S3.1-06, A30), so that nobody has to ask who commands. A default is not a
page: the ladder tells people. Whoever takes or is given a role holds it from then on.

- The commander of the plan commands in business hours. Outside of them the *acting*
  commander does, until the commander has come or somebody takes the role.
- Communications are the help desk's; outside business hours whoever of it is on shift.
- A role whose target leads to nobody is open, and shown so. Without a scribe the
  timeline keeps the record.
- Experts are those of the incident's category; there may be several, while every
  other role is held by one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from watchbill.core.ladder import Target
from watchbill.core.people import Contact
from watchbill.core.roster import Roster
from watchbill.core.temporal import WeeklyHours


class TeamRole(StrEnum):
    """What somebody is in the response team."""

    COMMANDER = "commander"
    OPERATIONS = "operations"
    COMMUNICATIONS = "communications"
    SCRIBE = "scribe"
    EXPERT = "sme"

    @property
    def is_shared(self) -> bool:
        """Whether several people may have it at once."""
        return self is TeamRole.EXPERT


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Who is what by default, as the plan says (A30)."""

    commander: Target
    acting_commander: Target | None = None
    operations: Target
    communications: Target
    communications_after_hours: Target | None = None
    #: Approves what is said to customers.
    texts: Target
    #: None: the system's own timeline is the record.
    scribe: Target | None = None
    experts: Target | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role and who has it by default."""

    role: TeamRole
    contact: Contact
    #: Holds the role only until the one for whom it is meant has come.
    is_acting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """When and about what the team is called together."""

    at: datetime
    category: str | None = None
    #: The incident's number: whose turn it is where a role is asked in turn.
    turn: int = 0
    #: The hours of contacts who work in shifts, by the shift's name.
    shifts: Mapping[str, WeeklyHours] = field(default_factory=dict)


def assign(team: Team, roster: Roster, setting: Setting) -> tuple[Assignment, ...]:
    """Return who has which role at the declaration; open roles are left out."""
    found = (
        _commander(team, roster, setting),
        _one(TeamRole.OPERATIONS, team.operations, roster, setting),
        _communications(team, roster, setting),
        _one(TeamRole.SCRIBE, team.scribe, roster, setting),
    )
    experts = (
        Assignment(role=TeamRole.EXPERT, contact=contact)
        for contact in _people(team.experts, roster, setting)
    )
    return (*(one for one in found if one is not None), *experts)


def relieves(contact_key: str, team: Team, roster: Roster, setting: Setting) -> bool:
    """Return whether somebody is the commander for whom another one acts."""
    meant = _people(team.commander, roster, setting)
    return any(contact.key == contact_key for contact in meant)


def _commander(team: Team, roster: Roster, setting: Setting) -> Assignment | None:
    meant = _one(TeamRole.COMMANDER, team.commander, roster, setting)
    if meant is not None and _is_open(roster, setting.at):
        return meant
    for contact in _people(team.acting_commander, roster, setting)[:1]:
        is_acting = meant is None or meant.contact.key != contact.key
        return Assignment(role=TeamRole.COMMANDER, contact=contact, is_acting=is_acting)
    return meant


def _communications(team: Team, roster: Roster, setting: Setting) -> Assignment | None:
    role = TeamRole.COMMUNICATIONS
    by_day = _one(role, team.communications, roster, setting)
    if _is_open(roster, setting.at):
        return by_day
    return _one(role, team.communications_after_hours, roster, setting) or by_day


def _one(
    role: TeamRole, target: Target | None, roster: Roster, setting: Setting
) -> Assignment | None:
    for contact in _people(target, roster, setting)[:1]:
        return Assignment(role=role, contact=contact)
    return None


def _people(
    target: Target | None, roster: Roster, setting: Setting
) -> tuple[Contact, ...]:
    """Who answers to a target, those on shift first."""
    if target is None:
        return ()
    people = roster.people(
        target, category=setting.category, at=setting.at, turn=setting.turn
    )
    return tuple(sorted(people, key=lambda one: not _is_on_shift(one, setting)))


def _is_on_shift(contact: Contact, setting: Setting) -> bool:
    hours = setting.shifts.get(contact.shift or "")
    return hours is None or hours.contains(setting.at)


def _is_open(roster: Roster, at: datetime) -> bool:
    return roster.open_hours is None or roster.open_hours.contains(at)
