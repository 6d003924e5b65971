"""Folding some posts of one integration in one transaction.

Each report of each post goes, in its order, to where it belongs: signals to the batch
of alerts, acts to the incidents, signs of life to the monitors, changes to their list.
An alert that is the sign of life of a monitoring system is a beat while it fires and
says nothing when it ends (S4.1-12). What became of each report is the post's
disposition (I2).
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watchbill.core.alerts import (
    Act,
    AlertStatus,
    Beat,
    ChangeReport,
    Report,
    Signal,
    received,
)
from watchbill.core.heartbeats import is_watchdog
from watchbill.server.alerts.models import Alert
from watchbill.server.changes import actions as changes
from watchbill.server.engine.fold_acts import act
from watchbill.server.engine.fold_batch import Batch, Setting
from watchbill.server.heartbeats import actions as heartbeats
from watchbill.server.intake import actions as intake
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.intake.posts import config_of, read_entry
from watchbill.server.intake.sources import sources
from watchbill.server.plans import queries as plans

TEST_LASTS = timedelta(minutes=30)
"""For so long the alert of a test event fires."""

Said = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A post, and what it says."""

    entry: InboxEntry
    reports: tuple[Report, ...]
    problems: tuple[str, ...]


def fold_posts(entries: Sequence[InboxEntry], *, now: datetime) -> None:
    """Fold posts of one held integration, all or none.

    All were received under the same version of the plan, and all are tests or none is.
    """
    read = [_read(entry) for entry in entries]
    since, until = _span(entries)
    version_id = plans.in_force(now=since).pk
    batch = Batch(
        Setting(
            integration=_sender(entries[0]),
            plan=plans.plan_of(version_id),
            version_id=version_id,
        )
    )
    reports = [report for one in read for report in one.reports]
    acts = [one for one in reports if isinstance(one, Act)]
    signals = [
        one for one in reports if isinstance(one, Signal) and _is_alert(batch, one)
    ]
    batch.load([*acts, *signals], since=since, until=until)
    said = [_fold(batch, one) for one in read]
    batch.write()
    intake.mark_all_folded(
        [
            (one.entry, [*map(_written, told), *_left_out(one.problems)])
            for one, told in zip(read, said, strict=True)
        ],
        now=now,
    )


def _sender(entry: InboxEntry) -> Integration:
    """Whose post it is; a test makes a drill of whatever it opens."""
    sender = copy(entry.integration)
    sender.is_drill = sender.is_drill or entry.is_test
    return sender


def _span(entries: Sequence[InboxEntry]) -> tuple[datetime, datetime]:
    """From when until when the posts came; clocks of several nodes may differ."""
    times = [one.received_at for one in entries]
    return min(times), max(times)


def _read(entry: InboxEntry) -> Read:
    source = sources()[entry.integration.kind]
    reading = source.parse(read_entry(entry), config_of(entry.integration))
    return Read(
        entry=entry,
        reports=tuple(
            _received(one, entry) if isinstance(one, Signal) else one
            for one in reading.reports
        ),
        problems=reading.problems,
    )


def _received(signal: Signal, entry: InboxEntry) -> Signal:
    """A signal as of its receipt; nobody would tell that a test is over."""
    at = entry.received_at
    if entry.is_test:
        signal = replace(signal, expires_at=at + TEST_LASTS, lasts=None)
    return received(signal, now=at)


def _is_alert(batch: Batch, signal: Signal) -> bool:
    condition = batch.setting.plan.alerting.watchdog
    return not is_watchdog(condition, signal.labels)


def _fold(batch: Batch, one: Read) -> list[tuple[Said, Alert | None]]:
    """Fold the reports of one post, each with the alert that it is about."""
    return [_fold_report(batch, report, one.entry) for report in one.reports]


def _fold_report(
    batch: Batch, report: Report, entry: InboxEntry
) -> tuple[Said, Alert | None]:
    at = entry.received_at
    match report:
        case Signal() if _is_alert(batch, report):
            fold = batch.fold(report, entry_id=entry.pk, at=at)
            said: Said = {"fingerprint": report.fingerprint, "reason": fold.reason}
            alert = batch.line_of(report.fingerprint).alert
            return said, alert if fold.episode is not None else None
        case Signal():
            return _watchdog(batch, report, at=at), None
        case Act():
            return act(batch, report, at=at), None
        case Beat():
            heartbeats.beat(entry.integration, report, now=at)
            return {"reason": "beat", "name": report.name}, None
        case ChangeReport():
            change = changes.record(entry.integration_id, report, now=at)
            return {"reason": "change", "change": change.pk}, None


def _watchdog(batch: Batch, signal: Signal, *, at: datetime) -> Said:
    if signal.status is AlertStatus.FIRING:
        heartbeats.beat(
            batch.setting.integration, Beat(), now=at, watchdog_labels=signal.labels
        )
    return {"fingerprint": signal.fingerprint, "reason": "watchdog"}


def _written(told: tuple[Said, Alert | None]) -> Said:
    """What became of a report, with the numbers that are known once all is written."""
    said, alert = told
    if "alert" in said or "fingerprint" not in said:
        return said
    return said | {
        "alert": None if alert is None else alert.pk,
        "incident": None if alert is None else alert.incident_id,
    }


def _left_out(problems: tuple[str, ...]) -> list[Said]:
    return [{"reason": "left_out", "text": one} for one in problems]
