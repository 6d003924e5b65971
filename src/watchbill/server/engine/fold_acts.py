"""What people did about an alert in the tool that reports it, done here too (S4.1-08).

Who acknowledges there is not asked again here. They are named as the tool names them,
with the tool: it vouches for them, we do not know them. Taking an acknowledgement back
is noted only: whether to page anew is for those who were paged. A severity that is
revised upwards raises the incident's, and downwards only the alert's, because
somebody may be relying on it.
"""

from datetime import datetime

from watchbill.core.alerts import Act, ActKind
from watchbill.core.incidents import IncidentAction
from watchbill.core.routing import classify
from watchbill.server.alerts import actions as alert_actions
from watchbill.server.alerts.models import Alert
from watchbill.server.audit.acting import Acting, acting
from watchbill.server.audit.models import ActorKind
from watchbill.server.engine.fold_batch import Batch
from watchbill.server.engine.revising import revise
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import grading
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Actor
from watchbill.server.incidents.models import Incident, TimelineKind


def act(batch: Batch, report: Act, *, at: datetime) -> dict[str, object]:
    """Do what a report says, after all that was reported before it."""
    batch.write()
    with acting(_acting(batch, report)):
        return _act(batch, report, at=at)


def _acting(batch: Batch, report: Act) -> Acting:
    """Who is audited: the tool by whose key it came, and whom it names."""
    return Acting(
        act=f"intake.{report.kind}",
        kind=ActorKind.KEY,
        id=str(batch.setting.integration.pk),
        name=_actor(batch, report).label,
    )


def _act(batch: Batch, report: Act, *, at: datetime) -> dict[str, object]:
    line = batch.line_of(report.fingerprint)
    said: dict[str, object] = {
        "fingerprint": report.fingerprint,
        "act": report.kind.value,
        "alert": None if line.alert is None else line.alert.pk,
    }
    if line.alert is None:
        return said | {"reason": "unknown_alert"}
    place = batch.place_of(line)
    said["incident"] = line.alert.incident_id
    if report.kind is ActKind.REVISE:
        _revise(batch, line.alert, report)
    if place is None or place.incident is None or not place.is_open:
        return said | {"reason": "not_open" if place is not None else "muted"}
    # It may have come while the alert was muted and nobody had declared anything.
    at = max(at, place.incident.declared_at)
    reason = _do(batch, place.incident, line.alert, report, at=at)
    place.incident = incident_queries.get(place.incident.pk)
    return said | {"reason": reason}


def _do(
    batch: Batch, incident: Incident, alert: Alert, report: Act, *, at: datetime
) -> str:
    actor = _actor(batch, report)
    match report.kind:
        case ActKind.ACKNOWLEDGE:
            acknowledge = IncidentAction.ACKNOWLEDGE
            return incidents.perform(
                incident.pk, acknowledge, actor=actor, now=at, note=report.text
            ).reason
        case ActKind.ESCALATE:
            return incidents.escalate_now(incident.pk, actor=actor, now=at).reason
        case ActKind.UNACKNOWLEDGE:
            text = f"{actor.label} took back that somebody works on it. {report.text}"
            incidents.add_note(incident.pk, text.strip(), actor=actor, now=at)
            return "noted"
        case ActKind.NOTE:
            incidents.add_note(incident.pk, report.text, actor=actor, now=at)
            return "noted"
        case ActKind.REVISE:
            return _tell_revision(batch, incident, alert, report, at=at)


def _revise(batch: Batch, alert: Alert, report: Act) -> None:
    """Give the alert its other words and severity."""
    revise(alert, report.values)
    if report.values.get("severity"):
        table = batch.setting.plan.routing
        alert.severity = classify(table, alert.labels).severity
    alert_actions.write([alert])


def _tell_revision(
    batch: Batch, incident: Incident, alert: Alert, report: Act, *, at: datetime
) -> str:
    actor = _actor(batch, report)
    what = ", ".join(f"{name}: {value}" for name, value in report.values.items())
    incidents.record(
        incident,
        TimelineKind.ALERT,
        f"Alert revised by {actor.label}: {what}",
        actor=actor,
        now=at,
        detail=report.text,
    )
    incidents.tell(incident)
    plan = batch.setting.plan
    known = {one.key for one in incident_queries.facts_of(incident).plan.severities}
    is_worse = plan.severity(alert.severity).rank < incident.severity_rank
    if not is_worse or alert.severity not in known:
        return "revised"
    because = f"The alert is {alert.severity} in {batch.setting.integration.name} now."
    grading.change_severity(
        incident.pk, alert.severity, reason=because, actor=actor, now=at
    )
    return "raised"


def _actor(batch: Batch, report: Act) -> Actor:
    tool = batch.setting.integration.name
    return Actor(label=f"{report.actor} via {tool}" if report.actor else tool)
