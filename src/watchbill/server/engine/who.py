"""Who would get an alert now: the plan's answer, given what holds at this instant.

The facts are those that folding and firing would load: the silences in force, what
fires, the open incidents, whom a channel reaches. They are read and nothing is written,
so that asking can have no effect (S4.3-09).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watchbill.core.labels import Labels
from watchbill.core.storms import storm_key
from watchbill.plan import Plan
from watchbill.plan.sorting import sort
from watchbill.plan.who import Circumstances, WhoGets, who_gets
from watchbill.server import clock
from watchbill.server.alerts import queries as alerts
from watchbill.server.engine import muting
from watchbill.server.incidents import queries as incidents
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications.telling import provided_now
from watchbill.server.oncall import queries as oncall
from watchbill.server.people import queries as people
from watchbill.server.plans import simulation

_MOST_GROUPS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """What whoever asks may be told."""

    confidential: bool
    contacts: bool


def ask(
    plan: Plan,
    several: Sequence[Labels],
    *,
    source: int | None,
    asker: Asker,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return what would become of alerts with these labels, each by itself.

    ``source`` is the integration that they come from, if it is known.
    """
    given = _circumstances(plan, several, asker=asker, now=now)
    of = "" if source is None else str(source)
    answers = (who_gets(plan, one, now=now, given=given, source=of) for one in several)
    return [_shown(one, asker) for one in answers]


def _circumstances(
    plan: Plan, several: Sequence[Labels], *, asker: Asker, now: datetime
) -> Circumstances:
    judge = muting.judge(plan, several, since=now, until=now)
    book = people.book(wall=clock.wall())
    return Circumstances(
        roster=oncall.roster(
            plan,
            now=now,
            unreachable=lambda directory: book.unreachable(directory, provided_now()),
            reachable=book.with_own_address(),
        ),
        silences=judge.silences,
        firing=judge.firing,
        windows=judge.windows,
        open_groups=_open_groups(plan, several, asker),
        declared=_declared(plan, now=now),
    )


def _open_groups(plan: Plan, several: Sequence[Labels], asker: Asker) -> dict[str, str]:
    """The open incidents that the alerts could join, as a person would call them.

    One that is confidential is not mentioned to those who may not know of it (A15).
    """
    found = [sort(plan, one) for one in several]
    own = {one.group_key for one in found}
    storms = {storm_key(one.severity, one.route.key) for one in found}
    numbers = incidents.open_groups(own | storms) | alerts.joined_storms(own)
    rows = Incident.objects.in_bulk(set(numbers.values()))
    return {
        group_key: f"#{number} {rows[number].title}"
        for group_key, number in numbers.items()
        if asker.confidential or not rows[number].is_confidential
    }


def _declared(plan: Plan, *, now: datetime) -> dict[str, list[datetime]]:
    rule = plan.alerting.storm
    if rule is None:
        return {}
    declared: dict[str, list[datetime]] = {}
    begun = alerts.groups_begun(since=now - rule.within, limit=_MOST_GROUPS)
    for severity, at in begun:
        declared.setdefault(severity, []).append(at)
    return declared


def _shown(answer: WhoGets, asker: Asker) -> dict[str, Any]:
    found = answer.classification
    return {
        "becomes": answer.becomes.value,
        "reason": answer.reason,
        "severity": found.severity,
        "severity_reason": found.severity_reason,
        "route": found.route.title,
        "route_reason": found.route_reason,
        "is_catch_all": found.is_catch_all,
        "group_key": found.group_key,
        "joins": answer.joins,
        "mutes": [{"text": one.text, "until": one.until} for one in answer.mutes],
        "lines": simulation.table(answer.lines, shows_contacts=asker.contacts),
    }
