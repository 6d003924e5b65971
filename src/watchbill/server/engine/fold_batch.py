"""A batch of signals of one integration, decided in memory and written at once.

1. Load and hold the alerts that are spoken of, and the incidents that may be joined or
   end, in the order of locks: alerts, due steps, incidents, each by number.
2. Fold signal after signal, in their order, each as of the instant of its receipt. The
   core decides; several signals about one condition follow each other in memory.
3. Write: incidents declared, alerts changed and inserted, timelines, ends. Each table
   gets one statement, whatever the number of signals.

That an incident ends is known only when all is written, because alerts of other
sources may still fire. So when an alert begins to fire whose incident may have just
ended, what was decided so far is written first (step 3), and then decided further.

Most signals say what is known already. They cost a comparison in memory and a share of
one statement, and hold no incident: a flood of repetitions delays no page (F27).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from watchbill.core import alerts as core
from watchbill.core.alerts import Act, AlertStatus, Fold, FoldReason, Signal
from watchbill.core.flapping import after_flip, is_flapping
from watchbill.core.labels import Labels
from watchbill.core.routing import Classification
from watchbill.core.suppression import Firing
from watchbill.core.temporal import describe
from watchbill.plan import Plan
from watchbill.plan.sorting import sort
from watchbill.server.alerts import actions as alert_actions
from watchbill.server.alerts import queries as alerts
from watchbill.server.alerts.models import Alert
from watchbill.server.engine.joining import Group, Joining, Place
from watchbill.server.engine.lines import Line, fires, firing_of, line_of, may_move
from watchbill.server.engine.muting import Judge, judge, told
from watchbill.server.engine.revising import as_revised
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Actor
from watchbill.server.incidents.models import TimelineKind
from watchbill.server.incidents.timeline import entry, record_all, tell_all
from watchbill.server.intake.models import Integration
from watchbill.server.web.live import announce

_BEGINS = frozenset(
    {FoldReason.FIRST_SEEN, FoldReason.NEW_EPISODE, FoldReason.FIRED_AGAIN}
)
_ENDS = frozenset({FoldReason.RESOLVED, FoldReason.EXPIRED})

_TOLD = {
    FoldReason.FIRST_SEEN: "Alert firing: {title}",
    FoldReason.NEW_EPISODE: "Alert firing: {title}",
    FoldReason.FIRED_AGAIN: "Alert firing again: {title}",
    FoldReason.RESOLVED: "Alert ended: {title}",
    FoldReason.EXPIRED: "Alert ended, because its source repeats it no more: {title}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Whose signals are folded, and under which version of the plan."""

    integration: Integration
    plan: Plan
    version_id: int

    @property
    def actor(self) -> Actor:
        """Who is named in the record."""
        return Actor(label=self.integration.name)


@dataclass(slots=True, kw_only=True)
class Work:
    """What is decided and not written yet."""

    seen: dict[int, Alert] = field(default_factory=dict)
    changed: dict[int, Alert] = field(default_factory=dict)
    #: Those of them that are sorted anew.
    sorted: dict[int, Alert] = field(default_factory=dict)
    new: list[Alert] = field(default_factory=list)
    #: The incident of each alert, by its identity in memory.
    places: list[tuple[Alert, Place]] = field(default_factory=list)
    entries: list[tuple[Place, str, datetime, str]] = field(default_factory=list)
    #: Incidents whose proposal to be resolved is withdrawn.
    resumed: set[Place] = field(default_factory=set)
    ended: dict[Place, datetime] = field(default_factory=dict)


class Batch:
    """Signals of one integration that are folded in one transaction."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.joining = Joining(plan=setting.plan, version_id=setting.version_id)
        self._lines: dict[str, Line] = {}
        self._sortings: dict[str, tuple[Labels, Classification]] = {}
        self._judge = Judge(rules=(), silences=(), windows=(), firing=Firing(()))
        self._work = Work()

    # ── Loading ────────────────────────────────────────────────────────────────

    def load(
        self, reports: Iterable[Signal | Act], *, since: datetime, until: datetime
    ) -> None:
        """Load and hold what the reports are about; they came in between."""
        spoken: dict[str, list[Signal | Act]] = {}
        for one in reports:
            spoken.setdefault(one.fingerprint, []).append(one)
        current = alerts.hold_current(self.setting.integration.pk, list(spoken))
        for fingerprint in spoken:
            self._lines[fingerprint] = line_of(fingerprint, current.get(fingerprint))
        begin: list[Signal] = []
        numbers: set[int] = set()
        only_fires = all(map(fires, chain.from_iterable(spoken.values())))
        for fingerprint, said in spoken.items():
            alert = current.get(fingerprint)
            if alert is not None and alert.incident_id and may_move(alert, said):
                numbers.add(alert.incident_id)
            if alert is None or may_move(alert, said):
                begin += firing_of(said)
        self._judge = judge(
            self.setting.plan, [one.labels for one in begin], since=since, until=until
        )
        keys = {self._sort(one).group_key for one in begin}
        self.joining.load(keys, numbers, only_join=only_fires)
        for line in self._lines.values():
            if line.alert is not None:
                line.place = self.joining.known(line.alert.incident_id)

    def load_ends(self, fingerprints: Collection[str]) -> list[Line]:
        """Load and hold conditions whose alerts may end, and their incidents."""
        current = alerts.hold_current(self.setting.integration.pk, fingerprints)
        numbers = {one.incident_id for one in current.values() if one.incident_id}
        self.joining.load((), numbers)
        for fingerprint, alert in current.items():
            self._lines[fingerprint] = line_of(fingerprint, alert)
        return [self._lines[fingerprint] for fingerprint in current]

    def line_of(self, fingerprint: str) -> Line:
        """Return a condition that was loaded."""
        return self._lines[fingerprint]

    def place_of(self, line: Line) -> Place | None:
        """Return the incident of a condition's current alert, held."""
        number = None if line.alert is None else line.alert.incident_id
        if line.place is None and number is not None:
            line.place = self.joining.of_incident(number)
        return line.place

    # ── Deciding ───────────────────────────────────────────────────────────────

    def fold(self, signal: Signal, *, entry_id: int, at: datetime) -> Fold:
        """Fold a signal received at ``at``."""
        line = self._lines[signal.fingerprint]
        fold = self._ask(line, signal, at=at)
        if self._must_write_first(line, signal, fold):
            self.write()
            fold = self._ask(line, signal, at=at)
        if fold.episode is None:
            return fold
        if fold.starts_episode:
            self._begin_row(line, signal, at=at)
        elif line.alert is not None:
            signal = as_revised(line.alert, signal)
        alert = line.alert
        if alert is None or fold.episode is line.episode:
            return fold
        line.episode = fold.episode
        alert_actions.set_episode(alert, fold.episode)
        alert.last_entry_id = entry_id
        self._note(alert, signal, fold)
        if fold.reason in _BEGINS:
            self._begins(line, alert, signal, fold, at=at)
        elif fold.reason is FoldReason.SEEN_AGAIN:
            self._seen_again(line, alert, signal, at=at)
        elif fold.reason in _ENDS:
            self._ends(line, alert, fold, at=at)
        return fold

    def expire(self, line: Line, *, now: datetime) -> None:
        """End the alert of a condition if nothing more was heard of it."""
        if line.alert is None or line.episode is None:
            return
        fold = core.expire(line.episode, now=now)
        if fold.reason is not FoldReason.EXPIRED or fold.episode is None:
            return
        line.episode = fold.episode
        alert_actions.set_episode(line.alert, fold.episode)
        self._work.changed[line.alert.pk] = line.alert
        self._ends(line, line.alert, fold, at=now)

    def calm(self, line: Line, *, now: datetime) -> None:
        """Believe what a flapping alert says, if it has been quiet long enough."""
        rule, alert = self.setting.plan.alerting.flapping, line.alert
        if alert is None or not alert.is_flapping:
            return
        if rule is not None and is_flapping(_flips(alert), at=now, rule=rule):
            return
        alert.is_flapping = False
        self._work.changed[alert.pk] = alert
        place = self.place_of(line)
        if place is None:
            return
        self._say(place, f"Alert is quiet again: {alert.title}", at=now)
        if alert.status == AlertStatus.RESOLVED:
            self._work.ended[place] = now

    def _ask(self, line: Line, signal: Signal, *, at: datetime) -> Fold:
        place = line.place
        if place is None and line.alert is not None:
            place = self.joining.known(line.alert.incident_id)
        resolved_at = line.resolved_at if place is None else place.resolved_at
        return core.fold(line.episode, signal, incident_resolved_at=resolved_at, now=at)

    def _must_write_first(self, line: Line, signal: Signal, fold: Fold) -> bool:
        """Whether the signal is about an incident that may have just ended."""
        ended = self._work.ended
        if not ended or fold.reason not in _BEGINS:
            return False
        if line.place in ended:
            return True
        return self.joining.open_of(self._sort(signal).group_key) in ended

    def _note(self, alert: Alert, signal: Signal, fold: Fold) -> None:
        """Remember how much of an alert is to be written."""
        annotations, links = dict(signal.annotations), dict(signal.links)
        if signal.status is AlertStatus.RESOLVED:  # most ends repeat nothing
            annotations = alert.annotations | annotations
            links = alert.links | links
        is_same = (alert.annotations, alert.links) == (annotations, links)
        alert.annotations, alert.links = annotations, links
        if not alert.pk:
            return
        if is_same and fold.reason is FoldReason.SEEN_AGAIN:
            self._work.seen[alert.pk] = alert
        else:
            self._work.changed[alert.pk] = alert

    def _begin_row(self, line: Line, signal: Signal, *, at: datetime) -> None:
        """Retire the alert of the last episode, and begin the next one's."""
        flips: list[str] = []
        if line.alert is not None:
            flips = line.alert.flips
            line.alert.is_current = line.alert.is_flapping = False
            if line.alert.pk:
                self._work.changed[line.alert.pk] = line.alert
        line.alert = Alert(
            integration_id=self.setting.integration.pk,
            fingerprint=signal.fingerprint,
            annotations={},
            links={},
            claimed_starts_at=signal.starts_at,
            received_at=at,
            flips=flips,
        )
        self._take_over(line.alert, signal)
        line.place, line.episode, line.resolved_at = None, None, None
        self._work.new.append(line.alert)

    def _take_over(self, alert: Alert, signal: Signal) -> None:
        """Give an alert its title and labels, and sort it by them."""
        sorting = self._sort(signal)
        alert.title, alert.labels = signal.title[:400], dict(signal.labels)
        alert.alert_type, alert.severity = sorting.route.key, sorting.severity
        alert.classified_because = sorting.reason
        alert.is_catch_all = sorting.is_catch_all
        alert.is_confidential = sorting.is_confidential
        alert.group_key = sorting.group_key

    def _begins(
        self, line: Line, alert: Alert, signal: Signal, fold: Fold, *, at: datetime
    ) -> None:
        """Give an alert that begins to fire an incident, unless it is muted."""
        is_new_flap = self._flip(alert, at=at)
        alert.muted_at = None
        place = self.place_of(line) or self._unless_muted(line, alert, signal, at=at)
        self._fires(alert)
        if place is None:
            return
        if place.incident is not None and place.incident.resolve_proposed_at:
            self._work.resumed.add(place)
        detail = alert.classified_because if fold.starts_episode else ""
        text = _TOLD[fold.reason].format(title=alert.title)
        self._say(place, text, at=at, detail=detail)
        self._say_flapping(place, alert, at=at, is_new=is_new_flap)

    def _seen_again(
        self, line: Line, alert: Alert, signal: Signal, *, at: datetime
    ) -> None:
        """Judge anew a muted alert that its source describes otherwise now."""
        is_placed = line.place is not None or alert.incident_id is not None
        if is_placed or alert.labels == signal.labels:
            return
        since = alert.muted_at or alert.received_at
        place = self._unless_muted(line, alert, signal, at=at)
        self._fires(alert)
        if place is not None:
            text = _TOLD[FoldReason.FIRST_SEEN].format(title=alert.title)
            muted = f"Muted for {describe(at - since)}, until its labels changed."
            detail = f"{muted}\n{alert.classified_because}"
            self._say(place, text, at=at, detail=detail)

    def _unless_muted(
        self, line: Line, alert: Alert, signal: Signal, *, at: datetime
    ) -> Place | None:
        """Have an alert join its incident; None when it is muted.

        It is what its source says of it now: it may have got worse while it was muted.
        """
        if alert.labels != signal.labels:
            self._take_over(alert, signal)
            if alert.pk:
                self._work.changed[alert.pk] = self._work.sorted[alert.pk] = alert
        found = self._judge.mutes(alert, at=at)
        alert.muted_by = told(found)
        alert.muted_at = (alert.muted_at or at) if found else None
        return None if found else self._join(line, alert, signal, at=at)

    def _fires(self, alert: Alert) -> None:
        """Let an alert inhibit others, unless it is a drill: that quiets nothing."""
        self._judge.firing.discard(alerts.key_of(alert))
        if not self.setting.integration.is_drill:
            self._judge.firing.add(alerts.key_of(alert), alert.labels)

    def _join(self, line: Line, alert: Alert, signal: Signal, *, at: datetime) -> Place:
        group = Group(
            sorting=self._sort(signal),
            title=signal.title,
            summary=signal.annotations.get("description", ""),
            actor=self.setting.actor,
        )
        line.place = self.joining.place(group, at=at)
        self._work.places.append((alert, line.place))
        return line.place

    def _ends(self, line: Line, alert: Alert, fold: Fold, *, at: datetime) -> None:
        """Tell that an alert has ended; its incident may have ended with it."""
        self._judge.firing.discard(alerts.key_of(alert))
        is_new_flap = self._flip(alert, at=at)
        place = self.place_of(line)
        if place is None:
            return
        self._say(place, _TOLD[fold.reason].format(title=alert.title), at=at)
        self._say_flapping(place, alert, at=at, is_new=is_new_flap)
        if not alert.is_flapping:
            self._work.ended[place] = at

    def _flip(self, alert: Alert, *, at: datetime) -> bool:
        """Remember that an alert began or ceased; whether it flaps from now on."""
        rule = self.setting.plan.alerting.flapping
        if rule is None:
            return False
        was = alert.is_flapping
        flips = after_flip(_flips(alert), at=at, rule=rule)
        alert.flips = [one.isoformat() for one in flips]
        alert.is_flapping = is_flapping(flips, at=at, rule=rule)
        return alert.is_flapping and not was

    def _say_flapping(
        self, place: Place, alert: Alert, *, at: datetime, is_new: bool
    ) -> None:
        rule = self.setting.plan.alerting.flapping
        if is_new and rule is not None:
            detail = (
                f"It began or ended {rule.flips} times within {describe(rule.within)}."
                f" Its end is believed once it has been quiet for"
                f" {describe(rule.hold_down)}."
            )
            self._say(place, f"Alert flapping: {alert.title}", at=at, detail=detail)

    def _say(self, place: Place, text: str, *, at: datetime, detail: str = "") -> None:
        self._work.entries.append((place, text, at, detail))

    def _sort(self, signal: Signal) -> Classification:
        labels, sorting = self._sortings.get(signal.fingerprint, ({}, None))
        if sorting is None or labels != signal.labels:
            setting = self.setting
            is_drill = setting.integration.is_drill
            sorting = sort(setting.plan, signal.labels, is_drill=is_drill)
            self._sortings[signal.fingerprint] = (signal.labels, sorting)
        return sorting

    # ── Writing ────────────────────────────────────────────────────────────────

    def write(self) -> None:
        """Write what was decided so far."""
        work, self._work = self._work, Work()
        self.joining.declare()
        for alert, place in work.places:
            alert.incident_id = place.number
        self._write_alerts(work)
        record_all(
            [
                entry(
                    place.number,
                    TimelineKind.ALERT,
                    text,
                    actor=self.setting.actor,
                    at=at,
                    detail=detail,
                )
                for place, text, at, detail in work.entries
            ]
        )
        self._withdraw(work.resumed)
        self.joining.rename_storms()
        self._end(work.ended)
        tell_all({place.number for place, *_ in work.entries})

    def _write_alerts(self, work: Work) -> None:
        alert_actions.write_seen(
            alert for number, alert in work.seen.items() if number not in work.changed
        )
        # First those that are retired: one row of a condition is current.
        alert_actions.write(work.changed.values())
        alert_actions.write_sorting(work.sorted.values())
        alert_actions.insert(work.new)
        if work.changed or work.new:
            announce("alerts")

    def _withdraw(self, resumed: set[Place]) -> None:
        incidents.withdraw_proposals([place.declared for place in resumed])

    def _end(self, ended: Mapping[Place, datetime]) -> None:
        """Resolve the incidents whose last alert ended, or have people asked."""
        going_on = alerts.going_on([place.number for place in ended]) if ended else ()
        over = [
            # It may have come while the alert was muted and nothing was declared yet.
            (place, place.incident, max(at, place.incident.declared_at))
            for place, at in ended.items()
            if place.incident is not None
            and place.is_open
            and place.incident.pk not in going_on
        ]
        asked = []
        for place, incident, at in over:
            if incident.severity in self.setting.plan.auto_resolve:
                incidents.propose_resolution(incident, auto=True, now=at)
                place.incident = incident_queries.get(incident.pk)
            else:
                incident.resolve_proposed_at = at
                asked.append((incident, at))
        incidents.propose_resolutions(asked)


def _flips(alert: Alert) -> list[datetime]:
    return [datetime.fromisoformat(one) for one in alert.flips]
