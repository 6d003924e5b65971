"""The invariants, asked of the real database and the record of what was sent."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from watchbill.core.escalation import FiringReason
from watchbill.core.incidents import OPEN_STATUSES
from watchbill.core.notification import MAX_ATTEMPTS, Outcome
from watchbill.server.incidents.models import Incident, Responder, StepFiring
from watchbill.server.incidents.queries import LADDER
from watchbill.server.notifications.models import Delivery, Notification, ReceiptWait
from watchbill.server.notifications.queries import OPEN
from watchbill.server.timers.models import DueStep, DueStepState

_AGAIN = {Outcome.TRANSIENT, Outcome.THROTTLED, Outcome.UNKNOWN}
_ACTS = {FiringReason.DUE, FiringReason.BROUGHT_FORWARD}


def breaches(sent: Iterable[str], *, now: datetime) -> list[str]:
    """Return which laws do not hold at rest; ``sent`` are the keys that arrived."""
    arrived = Counter(sent)
    return [
        *_stranded(),
        *_unsettled(now),
        *_badly_attempted(),
        *_unsaid(),
        *_doubled(arrived),
        *_untold(),
        *_after_the_answer(),
        *_followed_up(),
        *_invented(arrived),
    ]


def stranded() -> list[str]:
    """Return the breaches of I7, which must hold at every commit."""
    return list(_stranded())


def _stranded() -> Iterable[str]:
    for one in Incident.objects.filter(
        status__in=OPEN_STATUSES, acknowledged_at__isnull=True
    ):
        if not DueStep.objects.filter(
            kind=LADDER, subject_id=one.pk, state=DueStepState.PENDING
        ).exists():
            yield f"I7: nobody looks at incident {one.pk} any more"


def _unsettled(now: datetime) -> Iterable[str]:
    for row in Notification.objects.filter(
        state__in=OPEN, next_attempt_at__lte=now, due_at__lte=now
    ):
        yield f"I2: {row.idempotency_key} is still {row.state}"
    for row in Notification.objects.filter(receipt_due_at__lte=now):
        yield f"I2: nobody has looked for the receipt of {row.idempotency_key}"
    for due in DueStep.objects.filter(state=DueStepState.PENDING, wake_at__lte=now):
        yield f"I3: {due} and was not looked at"


def _badly_attempted() -> Iterable[str]:
    for row in Notification.objects.all():
        attempts = list(row.deliveries.order_by("number"))
        outcomes = [one.outcome for one in attempts]
        if [one.number for one in attempts] != [*range(1, len(attempts) + 1)]:
            yield f"I5: {row.idempotency_key} lacks an attempt"
        if len(attempts) > MAX_ATTEMPTS or not set(outcomes[:-1]) <= _AGAIN:
            yield f"I5: {row.idempotency_key} was attempted with {outcomes}"
        is_spent = len(attempts) >= MAX_ATTEMPTS
        is_refused = outcomes[-1:] == [Outcome.PERMANENT]
        is_known = row.receipt == ReceiptWait.FAILED or row.bundled_into is not None
        if row.state == "failed" and not (is_spent or is_refused or is_known):
            yield f"I2: {row.idempotency_key} failed with {outcomes}"
        if row.state == "delivered" and outcomes[-1:] != [Outcome.DELIVERED]:
            yield f"I6: {row.idempotency_key} is delivered with {outcomes}"


def _unsaid() -> Iterable[str]:
    """What was to be said in a digest, or by another method, and was not (I2)."""
    for row in Notification.objects.exclude(bundled_into=None):
        digest = row.bundled_into
        assert digest is not None
        if digest.state == "failed" and row.state != "failed":
            yield f"I2: {row.idempotency_key} counts as said by a digest that failed"
    lost = (ReceiptWait.FAILED, ReceiptWait.MISSING)
    for row in Notification.objects.filter(receipt__in=lost):
        if row.next_methods:
            yield f"I2: {row.idempotency_key} did not arrive, and that was all"


def _doubled(arrived: Counter[str]) -> Iterable[str]:
    for row in Notification.objects.all():
        unknown = row.deliveries.filter(outcome=Outcome.UNKNOWN).count()
        times = arrived[row.idempotency_key]
        if times > 1 + unknown or (times > 1 and not row.may_be_duplicate):
            yield f"I5: {row.idempotency_key} arrived {times} times"
        if row.state == "delivered" and not times:
            yield f"I2: {row.idempotency_key} is delivered and never arrived"


def _untold() -> Iterable[str]:
    for firing in StepFiring.objects.filter(reason__in=_ACTS):
        recipients = set(
            Notification.objects.filter(
                incident=firing.incident_id, created_at__gte=firing.fired_at
            ).values_list("recipient", flat=True)
        )
        for label in firing.told:
            if not any(label in one or one in label for one in recipients):
                named = [one for one in recipients if label.split(",")[0] in one]
                if not named:
                    yield f"I7: {firing.title} told {label}, who was sent nothing"


def _after_the_answer() -> Iterable[str]:
    late = Delivery.objects.filter(
        notification__stop_on="acknowledged",
        notification__incident__acknowledged_at__isnull=False,
    ).select_related("notification__incident")
    for one in late:
        incident = one.notification.incident
        assert incident is not None
        assert incident.acknowledged_at is not None
        if one.started_at > incident.acknowledged_at:
            yield f"I4: {one.notification.idempotency_key} was claimed after the answer"


def _followed_up() -> Iterable[str]:
    for one in Delivery.objects.filter(notification__is_follow_up=True):
        row = one.notification
        if Responder.objects.filter(
            incident=row.incident_id,
            contact_key=row.contact_key,
            joined_at__gte=row.created_at,
            joined_at__lt=one.started_at,
        ).exists():
            yield f"I4: {row.idempotency_key} was claimed after {row.recipient} came"


def _invented(arrived: Counter[str]) -> Iterable[str]:
    known = set(Notification.objects.values_list("idempotency_key", flat=True))
    for key in set(arrived) - known:
        yield f"I5: {key} was sent and nobody asked for it"
