"""Folding: what sources posted becomes alerts and incidents.

Posts of one integration are folded by one engine at a time, in the order of arrival,
so that a resolve never overtakes its firing; integrations do not wait for each other.
Many posts are folded in one transaction, for speed (``fold_posts.py``). When anything
in it fails, they are folded again one by one, each in a transaction of its own, so that
only the post that fails by itself is held back. Afterwards a post either has a
disposition for each of its reports or, after repeated failures, is quarantined with the
reason (I2, I10). The raw body is kept in both cases. A quarantine is itself an
incident, because nobody knows what the post was about.

A post is folded as of the instant of its receipt: when it lay in the inbox while no
engine ran, the incident began then, and what is due since then is marked late
(I11). A batch never reaches from one version of the plan into the next.

Locks are taken in one order: the integration (nobody waits for it), alerts, due steps,
incidents, and last the rows that are inserted, by their group.
"""

import logging
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import IntegrityError, transaction

from watchbill.integrations.contract import PayloadError
from watchbill.server import faults
from watchbill.server.engine import measures
from watchbill.server.engine.fold_posts import fold_posts
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents import queries as incident_queries
from watchbill.server.incidents.actions import Declaration
from watchbill.server.intake import actions as intake
from watchbill.server.intake import queries as intake_queries
from watchbill.server.intake.models import InboxEntry
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError, PlanUnreadableError
from watchbill.server.web.live import announce

BATCH = 250
"""Posts of one integration that are folded together: the first pages of a storm leave
while the rest is folded."""

MAX_BYTES = 250_000
"""Of the bodies of one batch, so that its memory is bounded; one post may have more."""

MAX_FAILURES = 5

logger = logging.getLogger(__name__)


def fold_waiting(*, now: datetime, limit: int = BATCH) -> int:
    """Fold waiting posts of every integration; return how many were looked at."""
    return sum(
        _fold_integration(integration_id, now=now, limit=limit)
        for integration_id in intake_queries.integrations_waiting(now=now)
    )


def _fold_integration(integration_id: int, *, now: datetime, limit: int) -> int:
    """Fold up to ``limit`` posts of an integration, together as far as possible."""
    done = singly = 0
    while done < limit:
        with transaction.atomic():
            if not intake_queries.hold_integration(integration_id):
                return done
            most = 1 if singly else limit - done
            entries = _next(integration_id, now=now, limit=most)
            if not entries:
                return done
            if len(entries) > 1:
                if _fold_together(entries, now=now):
                    done += len(entries)
                else:
                    singly = len(entries)
                continue
            if not _fold_guarded(entries[0], now=now):
                return done
        done += 1
        singly = max(0, singly - 1)
    return done


def _next(integration_id: int, *, now: datetime, limit: int) -> list[InboxEntry]:
    """The next posts to fold together: under one plan, tests or none of them.

    One that failed before comes alone.
    """
    entries = intake_queries.next_waiting(
        integration_id, now=now, limit=limit, max_bytes=MAX_BYTES
    )
    entries = list(takewhile(lambda one: one.is_test == entries[0].is_test, entries))
    if len(entries) < 2:
        return entries
    times = [one.received_at for one in entries]
    first, last = (plans.in_force(now=at).pk for at in (min(times), max(times)))
    return entries if first == last else entries[:1]


def _fold_together(entries: list[InboxEntry], *, now: datetime) -> bool:
    """Fold posts in one transaction; False when they must be folded one by one."""
    try:
        _fold_once_more(entries, now=now)
    except (NoPlanInForceError, PlanUnreadableError):
        raise
    except Exception as error:  # the culprit is found and reported one by one
        if faults.is_lost(error):
            raise
        logger.warning("%d posts are folded one by one: %s", len(entries), error)
        return False
    for entry in entries:
        measures.folded(entry.received_at, now=now)
    return True


def _fold_guarded(entry: InboxEntry, *, now: datetime) -> bool:
    """Fold one post; return False when it must be tried again before the next."""
    try:
        _fold_once_more([entry], now=now)
        measures.folded(entry.received_at, now=now)
        return True
    except (NoPlanInForceError, PlanUnreadableError):
        raise  # it says nothing about the post
    except Exception as error:  # whatever it is, it must stall no other post
        if faults.is_lost(error):
            raise
        return _failed(entry, error, now=now)


def _fold_once_more(entries: list[InboxEntry], *, now: datetime) -> None:
    """Fold posts, again once if another engine opened an incident meanwhile."""
    try:
        with transaction.atomic():
            fold_posts(entries, now=now)
    except IntegrityError:
        with transaction.atomic():
            fold_posts(entries, now=now)


def _failed(entry: InboxEntry, error: Exception, *, now: datetime) -> bool:
    logger.warning("post %s cannot be folded: %s", entry.pk, error)
    text = f"{type(error).__name__}: {error}"
    if faults.is_passing(error):
        intake.postpone(entry, text, failures=0, retry_at=now)
        return False  # in the next round, and not at once again and again
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
    critical = table.severity_labels.get("critical", table.default_severity)
    # While somebody is setting it up, nobody is woken for the first sample.
    is_new = entry.integration.accepted == 0
    declaration = Declaration(
        title=f"{entry.integration.name} posts what cannot be read",
        summary=f"Post {entry.pk} is kept as it came, on the integrations page."
        f" Nobody was told what it says. {reason}",
        severity=table.default_severity if is_new else critical,
        alert_type=table.catch_all,
        group_key=f"quarantine/{entry.integration_id}",
        is_drill=entry.is_test or entry.integration.is_drill,
    )
    if incident_queries.open_group(declaration.group_key) is None:
        incidents.declare(declaration, actor=incidents.SYSTEM, now=now)
