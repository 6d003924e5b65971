"""Folding: what sources posted becomes alerts and incidents.

Posts of one integration are folded by one engine at a time, in the order of
arrival, so that a resolve never overtakes its firing; integrations do not wait
for each other. A post is folded in one transaction: afterwards it either has a
disposition for each of its signals or, after repeated failures, is quarantined
with the reason (I2, I10). The raw body is kept in both cases. A quarantine is
itself an incident, because nobody knows what the post was about.

A post is folded as of the instant of its receipt: when it lay in the inbox while no
engine ran, the incident began then, and what is due since then is marked late
(I11).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from watchbill.core import alerts as core
from watchbill.core.alerts import Episode, Fold, FoldReason, Signal
from watchbill.core.routing import Classification, classify
from watchbill.integrations.contract import PayloadError
from watchbill.plan import Plan
from watchbill.server import faults
from watchbill.server.alerts import actions as alert_actions
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine import measures
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Declaration
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.intake import actions as intake
from watchbill.server.intake import queries as intake_queries
from watchbill.server.intake.models import InboxEntry
from watchbill.server.intake.sources import sources
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError, PlanUnreadableError
from watchbill.server.web.live import announce

BATCH = 100
MAX_FAILURES = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """A signal together with what the plan makes of it."""

    entry: InboxEntry
    signal: Signal
    plan: Plan
    classification: Classification


def fold_waiting(*, now: datetime, limit: int = BATCH) -> int:
    """Fold waiting posts of every integration; return how many were looked at."""
    return sum(
        _fold_integration(integration_id, now=now, limit=limit)
        for integration_id in intake_queries.integrations_waiting(now=now)
    )


def _fold_integration(integration_id: int, *, now: datetime, limit: int) -> int:
    for number in range(limit):
        with transaction.atomic():
            if not intake_queries.hold_integration(integration_id):
                return number
            entry = intake_queries.next_waiting(integration_id, now=now)
            if entry is None or not _fold_guarded(entry, now=now):
                return number
    return limit


def _fold_guarded(entry: InboxEntry, *, now: datetime) -> bool:
    """Fold one post; return False when it must be tried again before the next."""
    try:
        with transaction.atomic():
            disposition = _fold_entry(entry)
            intake.mark_folded(entry, disposition, now=now)
        measures.folded(entry.received_at, now=now)
        return True
    except (NoPlanInForceError, PlanUnreadableError):
        raise  # it says nothing about the post
    except Exception as error:  # whatever it is, it must stall no other post
        if faults.is_lost(error):
            raise
        return _failed(entry, error, now=now)


def _failed(entry: InboxEntry, error: Exception, *, now: datetime) -> bool:
    logger.warning("post %s cannot be folded: %s", entry.pk, error)
    text = f"{type(error).__name__}: {error}"
    if faults.is_passing(error):
        intake.postpone(entry, text, failures=0, retry_at=now)
        return True
    final = isinstance(error, PayloadError) or entry.failures + 1 >= MAX_FAILURES
    if final:
        intake.quarantine(entry, text, now=now)
        _declare_quarantine(entry, text, now=now)
        announce("intake")
        return True
    wait = timedelta(seconds=2**entry.failures)
    intake.postpone(entry, text, failures=1, retry_at=now + wait)
    return False


def _declare_quarantine(entry: InboxEntry, reason: str, *, now: datetime) -> None:
    """Have somebody look at what could not be read; one incident a source."""
    table = plans.plan_of(plans.in_force(now=now).pk).routing
    declaration = Declaration(
        title=f"{entry.integration.name} posts what cannot be read",
        summary=f"Post {entry.pk} is kept as it came, on the integrations page."
        f" Nobody was told what it says. {reason}",
        severity=table.severity_labels.get("critical", table.default_severity),
        alert_type=table.catch_all,
        group_key=f"quarantine/{entry.integration_id}",
        is_drill=entry.integration.is_drill,
    )
    if incident_queries.open_group(declaration.group_key) is None:
        incidents.declare(declaration, actor=incidents.SYSTEM, now=now)


def _fold_entry(entry: InboxEntry) -> list[dict[str, object]]:
    signals = sources()[entry.integration.kind].parse(bytes(entry.body))
    plan = plans.plan_of(plans.in_force(now=entry.received_at).pk)
    return [
        _fold_signal(
            _Sorted(
                entry=entry,
                signal=signal,
                plan=plan,
                classification=classify(plan.routing, signal.labels),
            ),
            now=entry.received_at,
        )
        for signal in signals
    ]


def _fold_signal(item: _Sorted, *, now: datetime) -> dict[str, object]:
    """Fold one signal, again once if another engine began the alert meanwhile."""
    try:
        with transaction.atomic():
            return _fold_once(item, now=now)
    except IntegrityError:
        return _fold_once(item, now=now)


def _fold_once(item: _Sorted, *, now: datetime) -> dict[str, object]:
    current = alerts.hold_current(item.entry.integration_id, item.signal.fingerprint)
    # The incident is held too, so that nobody resolves it while we decide.
    held = incident_queries.hold(current.incident_id) if current is not None else None
    fold = core.fold(
        alerts.episode_of(current) if current is not None else None,
        item.signal,
        incident_resolved_at=held.incident.resolved_at if held is not None else None,
        now=now,
    )
    alert = _store(item, current, fold, now=now)
    if alert is not None:
        _follow(item, alert, fold, now=now)
    return {
        "fingerprint": item.signal.fingerprint,
        "reason": fold.reason,
        "alert": alert.pk if alert is not None else None,
        "incident": alert.incident_id if alert is not None else None,
    }


def _store(
    item: _Sorted, current: Alert | None, fold: Fold, *, now: datetime
) -> Alert | None:
    if fold.episode is None:
        return None
    if fold.starts_episode or current is None:
        return _begin(item, current, fold.episode, now=now)
    alert_actions.write_episode(current, fold.episode, item.signal)
    return current


def _begin(
    item: _Sorted, current: Alert | None, episode: Episode, *, now: datetime
) -> Alert:
    if current is not None:
        alert_actions.retire(current)
    incident = _incident_for(item, now=now)
    return alert_actions.begin(
        item.entry.integration_id,
        item.signal,
        episode,
        item.classification,
        incident_id=incident.pk,
        now=now,
    )


def _incident_for(item: _Sorted, *, now: datetime) -> Incident:
    sorting = item.classification
    existing = incident_queries.open_group(sorting.group_key)
    if existing is not None:
        held = incident_queries.hold(existing.pk).incident
        if incident_queries.is_open(held):
            return held
    declaration = Declaration(
        title=item.signal.title,
        summary=item.signal.annotations.get("description", ""),
        severity=sorting.severity,
        alert_type=sorting.route.key,
        category=_category(item),
        group_key=sorting.group_key,
        is_drill=item.entry.integration.is_drill,
    )
    actor = incidents.Actor(label=item.entry.integration.name)
    return incidents.declare(declaration, actor=actor, now=now)


def _category(item: _Sorted) -> str | None:
    """The category that the alert names, if the plan has an expert for it."""
    named = item.classification.category
    if named in item.plan.directory.specialties:
        return named
    return item.classification.route.category


def _follow(item: _Sorted, alert: Alert, fold: Fold, *, now: datetime) -> None:
    """What a signal means for the incident: its timeline, and perhaps its end."""
    text = _TOLD.get(fold.reason)
    if text is None:
        return
    incident = incident_queries.get(alert.incident_id)
    actor = incidents.Actor(label=item.entry.integration.name)
    incidents.record(
        incident,
        TimelineKind.ALERT,
        text.format(title=alert.title),
        actor=actor,
        now=now,
        detail=item.classification.reason if fold.starts_episode else "",
    )
    incidents.tell(incident)
    if fold.reason is FoldReason.FIRED_AGAIN:
        incidents.withdraw_proposal(incident.pk)
    ended = fold.reason is FoldReason.RESOLVED and not alerts.any_firing(incident.pk)
    if ended and incident_queries.is_open(incident):
        auto = incident.severity in item.plan.auto_resolve
        incidents.propose_resolution(incident, auto=auto, now=now)


_TOLD = {
    FoldReason.FIRST_SEEN: "Alert firing: {title}",
    FoldReason.NEW_EPISODE: "Alert firing: {title}",
    FoldReason.FIRED_AGAIN: "Alert firing again: {title}",
    FoldReason.RESOLVED: "Alert ended: {title}",
}
