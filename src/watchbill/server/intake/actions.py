"""Making and revoking integration keys, and marking what became of posts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from watchbill.integrations.contract import PayloadError
from watchbill.server import bulk, tokens
from watchbill.server.accounts.models import User
from watchbill.server.intake.models import (
    InboxEntry,
    Integration,
    IntegrationKey,
    Scope,
)
from watchbill.server.intake.posts import config_of, envelope_of
from watchbill.server.intake.sources import samples, sources
from watchbill.server.sealing import seal
from watchbill.server.web.live import announce, wake_folding

ROTATION = timedelta(days=1)
"""For this long an old key goes on working, so that senders can be told the new one."""


@transaction.atomic
def create_integration(
    *,
    kind: str,
    name: str,
    now: datetime,
    is_drill: bool = False,
    scopes: Collection[Scope] = (),
) -> tuple[Integration, str]:
    """Create an integration; return it and its key, which is shown only now.

    The key may do what its kind says unless ``scopes`` says otherwise.
    """
    integration = Integration.objects.create(
        kind=kind, name=name, is_drill=is_drill, created_at=now
    )
    usual = [Scope(one) for one in sources()[kind].SOURCE.scopes]
    return integration, add_key(integration, scopes=sorted(scopes or usual), now=now)


def add_key(integration: Integration, *, scopes: Sequence[Scope], now: datetime) -> str:
    """Make one more key of an integration, and return it."""
    is_short = sources()[integration.kind].SOURCE.has_short_key
    key = tokens.make_short() if is_short else tokens.make("wbi")
    IntegrationKey.objects.create(
        integration=integration,
        key_hash=tokens.digest(key),
        hint=key[-6:],
        scopes=list(scopes),
        created_at=now,
    )
    announce("integrations")
    return key


@transaction.atomic
def rotate_key(
    integration_id: int, *, now: datetime, overlap: timedelta = ROTATION
) -> str:
    """Make a new key; the ones before it stop working after ``overlap``.

    That is also for keys to which an earlier rotation left more time than that.
    """
    integration = Integration.objects.select_for_update().get(
        pk=integration_id, revoked_at=None
    )
    until = now + overlap
    keys = integration.keys.filter(revoked_at=None)
    live = keys.filter(Q(expires_at=None) | Q(expires_at__gt=now))
    scopes = {Scope(one) for key in live for one in key.scopes}
    keys.filter(Q(expires_at=None) | Q(expires_at__gt=until)).update(expires_at=until)
    return add_key(integration, scopes=sorted(scopes) or [Scope.POST], now=now)


@transaction.atomic
def revoke(integration_id: int, *, now: datetime) -> None:
    """Refuse all further posts of an integration; its alerts inhibit no other's."""
    Integration.objects.filter(pk=integration_id, revoked_at=None).update(
        revoked_at=now
    )
    announce("integrations")


@transaction.atomic
def revoke_key(integration_id: int, key_id: int, *, now: datetime) -> bool:
    """Refuse one key from now on; False when it was refused already."""
    rows = IntegrationKey.objects.filter(
        pk=key_id, integration=integration_id, revoked_at=None
    )
    changed = rows.update(revoked_at=now)
    announce("integrations")
    return bool(changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What people set for an integration."""

    name: str
    options: Mapping[str, str]
    per_minute: int | None
    is_drill: bool
    #: A new signing secret, empty for none at all; None leaves it as it is.
    secret: str | None = None


@transaction.atomic
def change_settings(integration_id: int, wanted: Settings) -> None:
    """Write what people set for an integration that is in use."""
    values: dict[str, Any] = {
        "name": wanted.name,
        "options": dict(wanted.options),
        "per_minute": wanted.per_minute,
        "is_drill": wanted.is_drill,
    }
    if wanted.secret is not None:
        values["sealed_secret"] = seal(wanted.secret) if wanted.secret else ""
    Integration.objects.filter(pk=integration_id, revoked_at=None).update(**values)
    announce("integrations")


@transaction.atomic
def change_mapping(integration_id: int, mapping: Mapping[str, object] | None) -> None:
    """Say where the fields of an integration's posts are; None is the kind's own."""
    Integration.objects.filter(pk=integration_id, revoked_at=None).update(
        mapping=None if mapping is None else dict(mapping)
    )
    announce("integrations")


class NoSampleError(ValueError):
    """An integration cannot be tested; the message says why."""


@transaction.atomic
def send_test(
    integration_id: int, *, wish: UUID, by: User, now: datetime
) -> InboxEntry:
    """Post what the kind's own folder gives as a sample; it opens nothing but drills.

    It is stored as a post of the source would be, and folded like one, with the
    settings of the integration. The same ``wish`` is granted once. `NoSampleError`
    when the kind has no sample, or none that its settings leave readable.
    """
    integration = Integration.objects.select_for_update(no_key=True).get(
        pk=integration_id, revoked_at=None
    )
    granted = InboxEntry.objects.filter(
        integration=integration, is_test=True, request_id=wish
    ).first()
    if granted is not None:
        return granted
    post = samples().get(integration.kind)
    if post is None:
        raise NoSampleError(f"there is no sample of what {integration.kind} posts")
    try:
        sources()[integration.kind].parse(post, config_of(integration))
    except PayloadError as error:
        raise NoSampleError(f"with these settings, {error}") from None
    return _let_in(
        InboxEntry(
            integration=integration,
            body=post.body,
            envelope=envelope_of(post),
            is_test=True,
        ),
        wish=wish,
        by=by,
        now=now,
    )


@transaction.atomic
def replay(entry_id: int, *, wish: UUID, by: User, now: datetime) -> InboxEntry:
    """Let a post be folded once more, as if it had come now.

    The same ``wish`` is granted once, however often a button is pressed. What was a
    test stays one.
    """
    original = InboxEntry.objects.select_for_update(no_key=True).get(pk=entry_id)
    granted = InboxEntry.objects.filter(replay_of=original, request_id=wish).first()
    if granted is not None:
        return granted
    again = InboxEntry(
        integration_id=original.integration_id,
        body=original.body,
        envelope=original.envelope,
        is_test=original.is_test,
        replay_of=original,
    )
    return _let_in(again, wish=wish, by=by, now=now)


def _let_in(entry: InboxEntry, *, wish: UUID, by: User, now: datetime) -> InboxEntry:
    """Store a post that somebody wishes for, with whose wish it was."""
    entry.received_at, entry.request_id, entry.made_by = now, wish, by
    entry.save(force_insert=True)
    announce("intake")
    wake_folding()
    return entry


def mark_all_folded(
    dispositions: Sequence[tuple[InboxEntry, list[dict[str, object]]]],
    *,
    now: datetime,
) -> None:
    """Record what became of each report of posts of one integration (I2).

    They are all tests, or none is.
    """
    bulk.update(
        InboxEntry,
        (
            {"id": entry.pk, "folded_at": now, "disposition": said, "error": ""}
            for entry, said in dispositions
        ),
    )
    last, _ = dispositions[-1]
    if last.is_test:  # it says nothing of whether the source can reach us
        return
    Integration.objects.filter(pk=last.integration_id).update(
        accepted=F("accepted") + len(dispositions), last_event_at=last.received_at
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
    wake_folding()
    return count


def quarantine(entry: InboxEntry, error: str, *, now: datetime) -> None:
    """Set a post aside, visibly; its body is kept."""
    InboxEntry.objects.filter(pk=entry.pk).update(
        failures=entry.failures + 1, quarantined_at=now, error=error[:2000]
    )
