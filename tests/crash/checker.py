"""What is asked of a system after everything that was done to it.

Three records are compared: what the sender was promised, what the providers outside
have received, and what the database says. Each question is named for the invariant it
checks; an answer is a list of offenders, so that a failure says which they are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.evidence import message_id
from tests.crash.system import System
from tests.e2e.product import eventually

#: What was there when the faults ended and is not settled. Hundreds of open incidents
#: go on climbing their ladders, so that at no instant there is nothing at all to do.
_OPEN = """
SELECT (SELECT count(*) FROM watchbill_inboxentry
        WHERE folded_at IS NULL AND quarantined_at IS NULL),
       (SELECT count(*) FROM watchbill_notification
        WHERE state IN ('waiting', 'sending')
          AND greatest(due_at, created_at) <= '{since}'),
       (SELECT count(*) FROM watchbill_duestep
        WHERE state = 'pending' AND wake_at < clock_timestamp() - interval '10 s')
"""
#: As above, in words; but what a ladder has only just begun is not stuck.
_STUCK = """
SELECT 'post ' || id FROM watchbill_inboxentry
WHERE folded_at IS NULL AND quarantined_at IS NULL
  AND received_at < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT concat_ws(', ', idempotency_key, state, attempts || ' attempts', due_at,
                 next_attempt_at, detail)
FROM watchbill_notification
WHERE state IN ('waiting', 'sending')
  AND greatest(due_at, next_attempt_at) < clock_timestamp() - interval '1 minute'
UNION ALL
SELECT kind || ' of ' || subject_id || ', due at ' || wake_at FROM watchbill_duestep
WHERE state = 'pending' AND wake_at < clock_timestamp() - interval '1 minute'
"""
_INCIDENTS = """
SELECT labels->>'service', array_agg(DISTINCT incident_id)
FROM watchbill_alert GROUP BY 1
"""
_NOTIFICATIONS = """
SELECT n.id, n.bundled_into_id,
       coalesce(n.incident_id, 0), n.idempotency_key, n.channel, n.verb, n.state,
       n.contact_key <> '' AND NOT n.is_copy,
       count(d.id), count(d.id) FILTER (WHERE d.outcome = 'unknown'),
       count(d.id) FILTER (WHERE d.outcome = 'delivered')
FROM watchbill_notification n
LEFT JOIN watchbill_delivery d ON d.notification_id = n.id GROUP BY n.id
"""
#: A second is what separates reading the clock from committing.
_CLAIMED_AFTER_ACK = """
SELECT n.idempotency_key, d.number FROM watchbill_delivery d
JOIN watchbill_notification n ON n.id = d.notification_id
JOIN watchbill_incident i ON i.id = n.incident_id
WHERE n.stop_on = 'acknowledged'
  AND d.started_at > i.acknowledged_at + interval '1 second'
"""
_STRANDED = """
SELECT i.id FROM watchbill_incident i
WHERE i.acknowledged_at IS NULL AND i.resolved_at IS NULL AND NOT i.reached_nobody
  AND NOT EXISTS (SELECT FROM watchbill_duestep s WHERE s.subject_id = i.id
                  AND s.kind = 'ladder' AND s.state = 'pending')
"""
_FIRST_STEP_MISSING = """
SELECT i.id FROM watchbill_incident i
WHERE NOT EXISTS (SELECT FROM watchbill_stepfiring f WHERE f.incident_id = i.id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One notification, and how often it came to its provider."""

    number: int
    #: The digest that said it instead, when there were many for one recipient.
    digest: int | None
    #: 0 for a digest.
    incident: int
    key: str
    channel: str
    verb: str
    state: str
    #: To a person who is meant to act, and not a copy or a post.
    is_to_person: bool
    attempts: int
    unknown: int
    delivered: int
    received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answers. Every list but the last three must be empty."""

    #: I1: answered 2xx, and no row of it is left.
    forgotten: list[str]
    #: I2: answered 2xx, to be paged, and nobody was nor is it recorded why not.
    unpaged: list[str]
    #: Delivered as the database has it, and never received.
    phantoms: list[str]
    #: I2: what waits for ever at the end, in words.
    stuck: list[str]
    #: I4: claimed after the acknowledgement had been committed.
    after_ack: list[str]
    #: I5: received more often than its recorded unknowns allow.
    silent_duplicates: list[str]
    #: I5, I6: recorded as delivered twice.
    delivered_twice: list[str]
    #: I7: open, unanswered, and nobody will look again.
    stranded: list[int]
    #: S4.1-09: not one incident for one alert.
    split: list[str]
    accepted: int = 0
    told: list[Told] = field(default_factory=list)
    #: Pages that every attempt failed for; the record says so, the ladder went on.
    exhausted: int = 0

    def lost(self) -> int:
        """How many promises were broken."""
        return len(self.forgotten) + len(self.unpaged) + len(self.phantoms)

    def violations(self) -> dict[str, list[Any]]:
        """Return what is not as it must be."""
        names = (
            "forgotten", "unpaged", "phantoms", "stuck", "after_ack",
            "silent_duplicates", "delivered_twice", "stranded", "split",
        )  # fmt: skip
        found = {name: getattr(self, name) for name in names}
        return {name: rows[:10] for name, rows in found.items() if rows}

    def duplicates(self) -> int:
        """How many messages came more than once."""
        return sum(one.received > 1 for one in self.told)

    def max_sends(self) -> int:
        """How often the most repeated message came."""
        return max((one.received for one in self.told), default=0)


def drain(system: System, *, seconds: float) -> None:
    """Wait until what there is now is settled; fail when the time is up."""
    since = system.rows("SELECT clock_timestamp()")[0][0]
    first = _OPEN.format(since=since.isoformat())
    at_all = _OPEN.format(since="infinity").replace("interval '10 s'", "interval '0 s'")
    eventually(
        lambda: (
            sum(system.rows(at_all)[0]) == 0
            or (
                system.one(
                    f"SELECT clock_timestamp() > '{since}'::timestamptz + '45 s'"
                )
                and sum(system.rows(first)[0]) == 0
            )
        ),
        "nothing waits",
        seconds=seconds,
    )


def judge(system: System, accepted: Mapping[str, str]) -> Verdict:
    """Compare what was promised, with severities, to what came of it."""
    incidents: dict[str, list[int]] = dict(system.rows(_INCIDENTS))
    told = _told(system)
    by_number = {one.number: one for one in told}
    by_incident = defaultdict(list)
    for one in told:
        by_incident[one.incident].append(one)
    pages = [service for service, severity in accepted.items() if severity == "P1"]
    return Verdict(
        forgotten=[service for service in accepted if service not in incidents],
        unpaged=[
            service
            for service in pages
            if service in incidents
            and _is_unpaged(by_incident[incidents[service][0]], by_number)
        ],
        phantoms=[
            one.key for one in told if one.state == "delivered" and not one.received
        ],
        stuck=_ids(system.rows(_STUCK))
        + [
            f"incident {number} has no step"
            for number in _ids(system.rows(_FIRST_STEP_MISSING))
        ],
        after_ack=[f"{key} ({n})" for key, n in system.rows(_CLAIMED_AFTER_ACK)],
        silent_duplicates=[one.key for one in told if one.received > 1 + one.unknown],
        delivered_twice=[one.key for one in told if one.delivered > 1],
        stranded=_ids(system.rows(_STRANDED)),
        split=[name for name, numbers in incidents.items() if len(numbers) != 1],
        accepted=len(accepted),
        told=told,
        exhausted=sum(one.state == "failed" for one in told if one.is_to_person),
    )


def _told(system: System) -> list[Told]:
    received: Counter[str] = system.provider.counts()
    return [
        Told(
            number=number,
            digest=digest,
            incident=incident,
            key=key,
            channel=channel,
            verb=verb,
            state=state,
            is_to_person=is_to_person,
            attempts=attempts,
            unknown=unknown,
            delivered=delivered,
            received=received[message_id(key) if channel == "email" else key],
        )
        for (
            number, digest, incident, key, channel, verb, state, is_to_person,
            attempts, unknown, delivered,
        ) in system.rows(_NOTIFICATIONS)
    ]  # fmt: skip


def _is_unpaged(told: Iterable[Told], by_number: Mapping[int, Told]) -> bool:
    """Return whether nobody was paged, nor is it recorded why not."""
    pages = [one for one in told if one.is_to_person and one.verb == "page"]
    said = [by_number.get(one.digest or one.number, one) for one in pages]
    explained = {"superseded", "failed"}
    return not (
        any(one.received for one in said)
        or (said and all(one.state in explained for one in said))
    )


def _ids(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [number for (number,) in rows]
