"""Making and revoking integration keys, and marking what became of posts."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from watchbill.server import tokens
from watchbill.server.intake.models import InboxEntry, Integration
from watchbill.server.web.live import announce, wake_engine


@transaction.atomic
def create_integration(
    *, kind: str, name: str, now: datetime, is_drill: bool = False
) -> tuple[Integration, str]:
    """Create an integration; return it and its key, which is shown only now."""
    key = tokens.make("wbi")
    integration = Integration.objects.create(
        kind=kind,
        name=name,
        key_hash=tokens.digest(key),
        key_hint=key[-6:],
        is_drill=is_drill,
        created_at=now,
    )
    announce("integrations")
    return integration, key


@transaction.atomic
def rotate_key(integration_id: int) -> str:
    """Replace an integration's key; the old one stops working at once."""
    key = tokens.make("wbi")
    Integration.objects.filter(pk=integration_id, revoked_at=None).update(
        key_hash=tokens.digest(key), key_hint=key[-6:]
    )
    announce("integrations")
    return key


@transaction.atomic
def revoke(integration_id: int, *, now: datetime) -> None:
    """Refuse all further posts of an integration."""
    Integration.objects.filter(pk=integration_id, revoked_at=None).update(
        revoked_at=now
    )
    announce("integrations")


def mark_folded(
    entry: InboxEntry, disposition: list[dict[str, object]], *, now: datetime
) -> None:
    """Record what became of each signal of a post (I2)."""
    InboxEntry.objects.filter(pk=entry.pk).update(
        folded_at=now, disposition=disposition, error=""
    )
    Integration.objects.filter(pk=entry.integration_id).update(
        accepted=F("accepted") + 1, last_event_at=entry.received_at
    )


def postpone(
    entry: InboxEntry, error: str, *, failures: int, retry_at: datetime
) -> None:
    """Try a post again later, counting so many more failures."""
    InboxEntry.objects.filter(pk=entry.pk).update(
        failures=F("failures") + failures, retry_at=retry_at, error=error[:2000]
    )


@transaction.atomic
def fold_again(*, now: datetime) -> int:
    """Let every post that was set aside be tried once more; return how many."""
    count = InboxEntry.objects.exclude(quarantined_at=None).update(
        quarantined_at=None, failures=0, retry_at=now
    )
    announce("intake")
    wake_engine()
    return count


def quarantine(entry: InboxEntry, error: str, *, now: datetime) -> None:
    """Set a post aside, visibly; its body is kept."""
    InboxEntry.objects.filter(pk=entry.pk).update(
        failures=entry.failures + 1, quarantined_at=now, error=error[:2000]
    )
