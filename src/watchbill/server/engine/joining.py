"""Joining: which incident an alert belongs to, decided for many alerts at once.

An alert joins the open incident of its group (S4.1-09). Without one it opens one,
unless there is a storm: then it joins the storm's incident of its severity and route
(S4.2-26), and so do the later alerts of its group for as long as that is open.
Confidential alerts and those of drills never join a storm, for what it is about is told
to all.

The incidents are held from when they are loaded, so that nobody resolves one while an
alert joins it. Where alerts do nothing but join they are held against change only, so
that pages about them leave while the rest of a storm is folded. New ones are declared
together, by `Joining.declare`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from watchbill.core.routing import Classification
from watchbill.core.storms import is_storm, storm_key
from watchbill.plan import Plan
from watchbill.server import bulk
from watchbill.server.alerts import queries as alerts
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.declaring import Declaration, Opening, declare_all
from watchbill.server.incidents.models import Incident
from watchbill.server.incidents.timeline import Actor

_MOST_RECENT = 1_000


@dataclass(slots=True, kw_only=True, eq=False)
class Place:
    """An incident of this batch: one that is open, or one still to be declared."""

    incident: Incident | None = None
    opening: Opening | None = None

    @property
    def is_open(self) -> bool:
        """Whether an alert may join it."""
        return self.incident is None or incident_queries.is_open(self.incident)

    @property
    def resolved_at(self) -> datetime | None:
        """When it was resolved, if it was."""
        return None if self.incident is None else self.incident.resolved_at

    @property
    def declared(self) -> Incident:
        """The incident; LookupError before it is declared."""
        if self.incident is None:
            message = "the incident is not declared yet"
            raise LookupError(message)
        return self.incident

    @property
    def number(self) -> int:
        """The incident's number; LookupError before it is declared."""
        return self.declared.pk


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What an alert says about the incident that it needs."""

    sorting: Classification
    title: str
    summary: str
    actor: Actor


@dataclass(slots=True, kw_only=True)
class Joining:
    """The incidents that a batch of alerts joins and opens, under one plan."""

    plan: Plan
    version_id: int
    _by_number: dict[int, Place] = field(default_factory=dict)
    #: None for groups that are known to have no open incident.
    _by_group: dict[str, Place | None] = field(default_factory=dict)
    _new: list[Place] = field(default_factory=list)
    _storms: set[Place] = field(default_factory=set)
    #: When new groups of each severity came lately.
    _begun: dict[str, list[datetime]] | None = None

    def load(
        self,
        group_keys: Collection[str],
        numbers: Collection[int],
        *,
        only_join: bool = False,
    ) -> None:
        """Load and hold the open incidents of groups, and others by number.

        ``only_join`` says that none of those of the groups is going to be changed.
        """
        keys = {key for key in group_keys if key not in self._by_group}
        if not keys and not numbers:
            return
        storms = alerts.joined_storms(keys) if keys else {}
        found = storms | incident_queries.open_groups(keys) if keys else {}
        wanted = {*found.values(), *numbers} - self._by_number.keys()
        # A storm is given a title that says how many joined it.
        is_light = only_join and not numbers and not storms
        hold = incident_queries.hold_to_join if is_light else incident_queries.hold_all
        for number, incident in hold(wanted).items():
            self._by_number[number] = Place(incident=incident)
        for key in keys:
            self._by_group[key] = self._by_number.get(found.get(key, 0))

    def known(self, number: int | None) -> Place | None:
        """Return an incident that was loaded or declared here."""
        return None if number is None else self._by_number.get(number)

    def of_incident(self, number: int) -> Place:
        """Return an incident by its number, held."""
        self.load((), [number])
        return self._by_number[number]

    def open_of(self, group_key: str) -> Place | None:
        """Return the open incident of a group."""
        self.load([group_key], ())
        place = self._by_group[group_key]
        return place if place is not None and place.is_open else None

    def place(self, group: Group, *, at: datetime) -> Place:
        """Return the incident that an alert joins, perhaps a new one."""
        key = group.sorting.group_key
        place = self.open_of(key) or self._storm(group, at=at)
        if place is None:
            place = self._open(_declaration(group), group.actor, at=at)
        self._by_group[key] = place
        return place

    def declare(self) -> list[Place]:
        """Declare the new incidents; return them.

        IntegrityError when another engine has opened one of the groups meanwhile.
        """
        new, self._new = self._new, []
        openings = [one.opening for one in new if one.opening is not None]
        made = declare_all(openings, version_id=self.version_id)
        for place, incident in zip(new, made, strict=True):
            place.incident = incident
            self._by_number[incident.pk] = place
        return new

    def rename_storms(self) -> None:
        """Have the titles of storms say how many groups of alerts they have."""
        touched, self._storms = self._storms, set()
        counts = alerts.groups_of([one.number for one in touched])
        bulk.update(
            Incident,
            (
                {
                    "id": one.number,
                    "title": self._storm_title(one, counts.get(one.number, 1)),
                }
                for one in touched
            ),
        )

    # ── Storms ─────────────────────────────────────────────────────────────────

    def _storm(self, group: Group, *, at: datetime) -> Place | None:
        rule = self.plan.alerting.storm
        sorting = group.sorting
        if rule is None or sorting.is_apart:
            return None
        begun = self._lately(sorting.severity, before=at - rule.within)
        is_one = is_storm(begun, at=at, rule=rule)
        begun.append(at)
        if not is_one:
            return None
        key = storm_key(sorting.severity, sorting.route.key)
        # Held only now: those who join no storm never wait for it.
        place = self.open_of(key) or self._open_storm(group, at=at)
        self._storms.add(place)
        return place

    def _lately(self, severity: str, *, before: datetime) -> list[datetime]:
        if self._begun is None:
            self._begun = {}
            rows = alerts.groups_begun(since=before, limit=_MOST_RECENT)
            for name, at in reversed(rows):
                self._begun.setdefault(name, []).append(at)
        return self._begun.setdefault(severity, [])

    def _open_storm(self, group: Group, *, at: datetime) -> Place:
        severity, route = group.sorting.severity, group.sorting.route
        declaration = Declaration(
            title=f"Alert storm of severity {severity}, {route.title}",
            summary=f"So many groups of {severity} alerts began within minutes that"
            " further ones of this route share this incident. The alerts are listed"
            " with it.",
            severity=severity,
            alert_type=route.key,
            # Of the route: whoever came first need not be like the others.
            category=None,
            group_key=storm_key(severity, route.key),
        )
        place = self._open(declaration, group.actor, at=at)
        self._by_group[declaration.group_key] = place
        return place

    def _storm_title(self, place: Place, groups: int) -> str:
        titles = {one.key: one.title for one in self.plan.routing.routes}
        incident = place.declared
        route = titles.get(incident.alert_type, incident.alert_type)
        # Of its alerts, whatever people have made of the incident since.
        severity = incident.group_key.split("/")[1]
        return f"Alert storm of severity {severity}, {route}: {groups} groups of alerts"

    def _open(self, declaration: Declaration, actor: Actor, *, at: datetime) -> Place:
        opening = Opening(declaration=declaration, actor=actor, at=at)
        place = Place(opening=opening)
        self._new.append(place)
        return place


def _declaration(group: Group) -> Declaration:
    sorting = group.sorting
    return Declaration(
        title=group.title,
        summary=group.summary,
        severity=sorting.severity,
        alert_type=sorting.route.key,
        category=sorting.category,
        group_key=sorting.group_key,
        is_drill=sorting.is_drill,
    )
