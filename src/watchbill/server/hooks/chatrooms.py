"""The chat room of an incident, and its first post: kept true to what is recorded.

Nobody orders a room. What should be there follows from the incident, and this worker
compares it with what the row says there is: a channel, a topic, members, a first
message. What is missing is done, one request at a time, and recorded when Slack has
confirmed it. So a process may die anywhere, somebody may join the incident at any
time, and a Slack that was down is caught up with; and a room that cannot be opened
holds up no page, because nothing waits for it (S3.1-06).

A room is the response team's, so an incident has one when the plan activates the team
for its severity, and none under a plan without a team. The room of a confidential
incident is private and has no telling name, and every room has only those as members
who work on the incident or were asked to (A15).

What Slack refuses for good, and what has failed too often, is said on the timeline.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from watchbill.core.incidents import OPEN_STATUSES, IncidentStatus
from watchbill.core.messages import Link, Notice
from watchbill.core.notification import NotificationState, Outcome
from watchbill.core.paging import AddressKind
from watchbill.integrations.contract import Outgoing, TransportFailure
from watchbill.integrations.slack import outbound, rooms
from watchbill.integrations.slack.rooms import Said
from watchbill.plan import Plan
from watchbill.server import clock
from watchbill.server.hooks import queries, ways
from watchbill.server.hooks.models import ChatPost, ChatRoom
from watchbill.server.hooks.ways import Sender, Way
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.models import Incident, TimelineKind
from watchbill.server.notifications import queries as notifications
from watchbill.server.notifications.models import Notification
from watchbill.server.plans import queries as plans

SLACK = "slack"
LEASE = timedelta(minutes=2)
LOOK_AGAIN = timedelta(seconds=5)
MOST_FAILURES = 8

_TIMEOUT = 10.0
_BACK_OFF = (5, 10, 30, 60, 120)
_MOST_NAMES = 5
_AT_ONCE = 20
_POSTS_FOR = timedelta(days=30)

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """Slack did not do what the room needs; ``said`` is why."""

    def __init__(self, what: str, said: Said) -> None:
        self.what = what
        self.said = said
        super().__init__(f"{what}: {said.attempt.detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slack:
    """The way to Slack."""

    way: Way
    egress: Sender

    def ask(self, outgoing: Outgoing) -> Said:
        """Make one request."""
        answer = self.egress.send(outgoing, timeout=_TIMEOUT)
        if isinstance(answer, TransportFailure):
            return Said(attempt=answer.attempt())
        return rooms.read_answer(answer)


def work_some(*, limit: int = _AT_ONCE) -> int:
    """Bring rooms and posts up to date; return how many were looked at.

    Call it about once a second. Several processes may: each row is one's at a time.
    """
    found = ways.current()
    way = ways.way(SLACK)
    if found is None or way is None or not way.settings.get("token"):
        return 0
    slack = _Slack(way=way, egress=found.egress)
    now, wall = clock.now(), clock.wall()
    want_rooms(now=now, wall=wall)
    want_posts(now=now, wall=wall)
    done = 0
    while done < limit and _work_one(slack):
        done += 1
    return done


def asks_for_room(plan: Plan, severity: str) -> bool:
    """Return whether the plan wants a room for incidents of a severity."""
    return plan.team(severity) is not None


def want_rooms(*, now: datetime, wall: datetime) -> None:
    """Insert a row for each open incident that should have a room and has none."""
    plan = queries.plan_in_force(now=now)
    if plan is None:
        return
    wanted = [one.key for one in plan.severities if asks_for_room(plan, one.key)]
    without = Incident.objects.filter(
        severity__in=wanted, status__in=OPEN_STATUSES
    ).exclude(chat_rooms__provider=SLACK)
    ChatRoom.objects.bulk_create(
        [
            ChatRoom(
                incident=incident,
                provider=SLACK,
                created_at=now,
                next_attempt_at=wall,
            )
            for incident in without.order_by("severity_rank", "pk")[:_AT_ONCE]
            if asks_for_room(plans.plan_of(incident.plan_version_id), incident.severity)
        ],
        ignore_conflicts=True,
    )


def want_posts(*, now: datetime, wall: datetime) -> None:
    """Insert a row for each new post that began a thread."""
    new = Notification.objects.filter(
        channel=SLACK,
        contact_key="",
        incident__isnull=False,
        state=NotificationState.DELIVERED,
        created_at__gte=now - LOOK_AGAIN * 720,
        chat_post=None,
    ).order_by("created_at", "pk")
    firsts = []
    for row in new[:_AT_ONCE]:
        ref = queries.post_ref(row.pk)
        if ref and ref == queries.thread_ref(SLACK, row.address, row.incident_id or 0):
            firsts.append(
                ChatPost(
                    notification=row,
                    status=IncidentStatus.TRIGGERED,
                    next_attempt_at=wall,
                )
            )
    ChatPost.objects.bulk_create(firsts, ignore_conflicts=True)


def _work_one(slack: _Slack) -> bool:
    now, wall = clock.now(), clock.wall()
    room = claim_room(wall=wall)
    if room is not None:
        _Keeper(slack, room).keep()
        return True
    post = claim_post(now=now, wall=wall)
    if post is not None:
        _show_status(slack, post)
    return post is not None


@transaction.atomic
def claim_room(*, wall: datetime) -> ChatRoom | None:
    """Return a room to look at now, leased to the caller."""
    is_free = Q(lease_until=None) | Q(lease_until__lte=wall)
    room = (
        ChatRoom.objects.select_for_update(skip_locked=True)
        .filter(is_free, settled_at=None, next_attempt_at__lte=wall)
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if room is not None:
        room.attempts += 1
        room.lease_until = wall + LEASE
        room.save(update_fields=["attempts", "lease_until"])
    return room


@transaction.atomic
def claim_post(*, now: datetime, wall: datetime) -> ChatPost | None:
    """Return a post that shows another status than its incident has.

    It is left alone for a lease, and no longer: showing it twice does no harm.
    """
    post = (
        ChatPost.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(
            next_attempt_at__lte=wall,
            failures__lt=MOST_FAILURES,
            notification__created_at__gte=now - _POSTS_FOR,
        )
        .exclude(status=F("notification__incident__status"))
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if post is not None:
        ChatPost.objects.filter(pk=post.pk).update(next_attempt_at=wall + LEASE)
    return post


class _Keeper:
    """One look at one room."""

    def __init__(self, slack: _Slack, room: ChatRoom) -> None:
        self._slack = slack
        self._settings = slack.way.settings
        self._room = room
        self._incident = room.incident
        self._is_open = IncidentStatus(self._incident.status) in OPEN_STATUSES

    def keep(self) -> None:
        """Do what is missing, and say when to look again."""
        try:
            if self._is_open and not self._room.channel_id:
                self._open()
            if self._room.channel_id:
                self._tell_topic()
            if self._room.channel_id and self._is_open:
                self._invite()
                self._greet()
        except _Stopped as stopped:
            self._after_failure(stopped)
        else:
            wall = clock.wall()
            done = None if self._is_open else wall
            self._write(
                lease_until=None,
                failures=0,
                next_attempt_at=wall + LOOK_AGAIN,
                settled_at=done,
            )

    def _open(self) -> None:
        incident = self._incident
        for tries in range(_MOST_NAMES):
            name = rooms.name_of(
                incident.pk,
                incident.title,
                is_confidential=incident.is_confidential,
                is_drill=incident.is_drill,
                tries=tries,
            )
            said = self._slack.ask(
                rooms.create(
                    self._settings, name=name, is_private=incident.is_confidential
                )
            )
            if said.error != rooms.NAME_TAKEN:
                break
        if not (said.is_ok and said.channel_id):
            raise _Stopped("Could not open a Slack channel", said)
        url = rooms.url_of(said.channel_id)
        if self._write(channel_id=said.channel_id, name=name, url=url):
            kind = "private channel" if incident.is_confidential else "channel"
            self._record(TimelineKind.STEP, f"Opened the Slack {kind} #{name}", url)

    def _tell_topic(self) -> None:
        topic = _topic(self._incident)
        if topic == self._room.topic:
            return
        channel_id = self._room.channel_id
        if not self._room.topic:
            purpose = f"Response to incident #{self._incident.pk}, by watchbill"
            self._ask(
                "Could not set the purpose of the Slack channel",
                rooms.set_purpose(
                    self._settings, channel_id=channel_id, purpose=purpose
                ),
            )
        self._ask(
            "Could not set the topic of the Slack channel",
            rooms.set_topic(self._settings, channel_id=channel_id, topic=topic),
        )
        self._write(topic=topic)

    def _invite(self) -> None:
        known = set(self._room.invited)
        missing = [
            one for one in queries.room_members(self._incident) if one not in known
        ]
        found = queries.addresses_of(
            missing, AddressKind.SLACK, now=clock.now(), wall=clock.wall()
        )
        invited = []
        for key, member in found.items():
            if self._invite_one(key, member):
                invited.append(key)
            self._write(invited=[*self._room.invited, key])
        if invited:
            names = ", ".join(_label(self._incident, key) for key in invited)
            text = f"Invited to the Slack channel: {names}"
            self._record(TimelineKind.STEP, text)

    def _invite_one(self, key: str, member: str) -> bool:
        name = _label(self._incident, key)
        if not rooms.is_member(member):
            text = f"Could not invite {name} to the Slack channel"
            why = "the Slack address is not a member's id, such as U0123ABCD"
            self._record(TimelineKind.WARNING, text, why)
            return False
        said = self._ask(
            f"Could not invite {name} to the Slack channel",
            rooms.invite(
                self._settings, channel_id=self._room.channel_id, member=member
            ),
        )
        return said.is_ok

    def _greet(self) -> None:
        if self._room.first_message:
            return
        outgoing = outbound.render(
            _greeting(self._incident),
            {**self._settings, "to": self._room.channel_id},
        )
        said = self._ask("Could not post to the Slack channel", outgoing)
        self._write(first_message=(said.attempt.provider_ref or "refused")[:80])

    def _ask(self, what: str, outgoing: Outgoing) -> Said:
        """Ask; what is refused for good is said and passed over, the rest stops."""
        said = self._slack.ask(outgoing)
        if said.is_ok or said.error in rooms.ALREADY_IN:
            return replace(said, attempt=replace(said.attempt, outcome=_DONE))
        if said.attempt.outcome is not Outcome.PERMANENT:
            raise _Stopped(what, said)
        self._record(TimelineKind.WARNING, what, said.attempt.detail)
        return said

    def _after_failure(self, stopped: _Stopped) -> None:
        wall, attempt = clock.wall(), stopped.said.attempt
        failures = self._room.failures + 1
        wait = timedelta(seconds=_BACK_OFF[min(failures, len(_BACK_OFF)) - 1])
        wait = max(wait, attempt.retry_after or wait)
        is_over = attempt.outcome is Outcome.PERMANENT or failures >= MOST_FAILURES
        written = self._write(
            failures=failures,
            lease_until=None,
            next_attempt_at=wall + wait,
            settled_at=wall if is_over else None,
            detail=str(stopped)[:500],
        )
        if written and is_over:
            self._record(TimelineKind.WARNING, stopped.what, attempt.detail)

    def _write(self, **values: object) -> bool:
        """Record what was done; False when the lease was lost to another process."""
        mine = ChatRoom.objects.filter(pk=self._room.pk, attempts=self._room.attempts)
        if not mine.update(**values):
            logger.warning("the lease of %s was taken over", self._room)
            return False
        for name, value in values.items():
            setattr(self._room, name, value)
        return True

    def _record(self, kind: TimelineKind, text: str, detail: str = "") -> None:
        incidents.record(
            self._incident,
            kind,
            text,
            actor=incidents.SYSTEM,
            now=clock.now(),
            detail=detail,
        )
        incidents.tell(self._incident)


_DONE = Outcome.DELIVERED


def _show_status(slack: _Slack, post: ChatPost) -> None:
    row = post.notification
    incident = incident_queries.get(row.incident_id or 0)
    notice = _as_it_stands(notifications.notice_of(row), incident)
    ref = queries.post_ref(row.pk)
    rows = ChatPost.objects.filter(pk=post.pk)
    if not ref.partition(":")[2]:  # posted by an incoming webhook, which names nothing
        rows.update(status=incident.status)
        return
    said = slack.ask(rooms.update(slack.way.settings, notice, ref=ref))
    wall = clock.wall()
    if said.is_ok:
        rows.update(status=incident.status, failures=0, next_attempt_at=wall)
        return
    logger.warning("a post cannot be brought up to date: %s", said.attempt.detail)
    is_over = said.attempt.outcome is Outcome.PERMANENT
    failures = MOST_FAILURES if is_over else post.failures + 1
    wait = timedelta(seconds=_BACK_OFF[min(failures, len(_BACK_OFF)) - 1])
    rows.update(failures=failures, next_attempt_at=wall + wait)


def _as_it_stands(notice: Notice, incident: Incident) -> Notice:
    """Return a post with the status of now, and with who has taken the incident."""
    facts = [
        (name, incident.status if name == "Status" else value)
        for name, value in notice.facts
    ]
    if incident.acknowledged_by:
        facts.append(("Taken by", incident.acknowledged_by))
    return replace(
        notice,
        facts=tuple(facts),
        links=(*notice.links, _console(incident)),
        buttons=(),
    )


def _topic(incident: Incident) -> str:
    title = "" if incident.is_confidential else f": {incident.title}"
    taken = f", taken by {incident.acknowledged_by}" if incident.acknowledged_by else ""
    drill = "DRILL " if incident.is_drill else ""
    return f"{drill}{incident.severity} {incident.status}{taken}{title}"


def _greeting(incident: Incident) -> Notice:
    title = "confidential incident" if incident.is_confidential else incident.title
    drill = "DRILL " if incident.is_drill else ""
    return Notice(
        idempotency_key=f"room/{incident.pk}",
        thread_key=f"incident-{incident.pk}",
        subject=f"{drill}[{incident.severity}] {title} (#{incident.pk})",
        paragraphs=tuple(_said_at_first(incident)),
        facts=(("Severity", incident.severity), ("Declared by", incident.declared_by)),
        links=(_console(incident),),
        severity=incident.severity,
    )


def _said_at_first(incident: Incident) -> Iterator[str]:
    yield "This channel is for everybody who works on the incident."
    if incident.is_confidential:
        yield "It is confidential: add nobody who need not know."
    elif incident.summary:
        yield incident.summary
    yield f"/watchbill ack {incident.pk}, resolve, escalate, note and help work here."


def _console(incident: Incident) -> Link:
    page = settings.BASE_URL + reverse("incidents:detail", args=[incident.pk])
    return Link(label="Open in the console", url=page)


def _label(incident: Incident, key: str) -> str:
    plan = plans.plan_of(incident.plan_version_id)
    contact = plan.directory.contact(key)
    return contact.label if contact is not None else key
