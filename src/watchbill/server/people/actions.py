"""Saying who a user is in the plan, and what is known of the addresses of contacts."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from watchbill.core.access import ConsoleRole
from watchbill.core.paging import AddressKind
from watchbill.server import clock
from watchbill.server.accounts.models import User
from watchbill.server.people import queries
from watchbill.server.people.models import ContactMethod, NotificationRule, QuietTime


class MembershipRefusedError(Exception):
    """A user cannot become that; the message says why."""


@transaction.atomic
def change(user_id: int, *, role: ConsoleRole, contact_key: str) -> User:
    """Give a user a role and a contact; MembershipRefusedError when that cannot be.

    A contact is one person, so that one signature is one person's (SD-04). The last
    owner stays one: nobody else could make another. Addresses and wishes are the
    person's and not the contact's: who takes a contact over begins with the plan's, and
    no page goes to the phone of a predecessor.
    """
    # The owners are held together, so that two cannot both cease to be the last.
    rows = {one.pk: one for one in User.objects.select_for_update().order_by("pk")}
    user = rows.get(user_id)
    if user is None:
        message = "there is no such user"
        raise MembershipRefusedError(message)
    others = [one for one in rows.values() if one.pk != user_id and one.is_active]
    is_last = user.role == ConsoleRole.OWNER and not any(
        one.role == ConsoleRole.OWNER for one in others
    )
    if is_last and role is not ConsoleRole.OWNER:
        message = "the last owner cannot be anything else"
        raise MembershipRefusedError(message)
    same = next((one for one in others if contact_key == one.contact_key), None)
    if contact_key and same is not None:
        message = f"{same} is this contact already"
        raise MembershipRefusedError(message)
    User.objects.filter(pk=user_id).update(role=role, contact_key=contact_key)
    if contact_key != user.contact_key:
        _forget({user.contact_key, contact_key} - {""})
    user.role, user.contact_key = role, contact_key
    return user


def _forget(contact_keys: Collection[str]) -> None:
    own = ContactMethod.objects.filter(is_of_plan=False)
    own.filter(contact_key__in=contact_keys).delete()
    NotificationRule.objects.filter(contact_key__in=contact_keys).delete()
    QuietTime.objects.filter(contact_key__in=contact_keys).delete()


def note_refusal(
    contact_key: str, kind: AddressKind, address: str, because: str, *, wall: datetime
) -> None:
    """Remember that a provider refused an address for good (F8)."""
    _known(contact_key, kind, address, wall=wall).update(
        failed_at=wall, failed_because=because[:300]
    )


def opt_out(kind: AddressKind, address: str, *, wall: datetime) -> int:
    """Remember that the owner of an address wants no more messages (F17).

    Returns how many contacts it concerns. It is used for nothing from now on; whoever
    has no other address cannot be reached, and the ladder moves on.
    """
    # The plan's addresses have no row until something is known of them.
    owners = queries.owners_in_plan(kind, address, now=clock.now())
    for key, written in owners.items():
        _known(key, kind, written, wall=wall)
    return _of(kind, address).update(opted_out_at=wall)


def opt_in(kind: AddressKind, address: str) -> int:
    """Forget an opt-out, because the owner has asked for messages again."""
    return _of(kind, address).update(opted_out_at=None)


def _of(kind: AddressKind, address: str) -> QuerySet[ContactMethod]:
    """Return the rows of an address; the plan may write mail with capitals."""
    if kind is AddressKind.EMAIL:
        return ContactMethod.objects.filter(kind=kind, address__iexact=address)
    return ContactMethod.objects.filter(kind=kind, address=address)


def _known(
    contact_key: str, kind: AddressKind, address: str, *, wall: datetime
) -> QuerySet[ContactMethod]:
    """Return the row of an address; one that has none is the plan's."""
    row, _ = ContactMethod.objects.get_or_create(
        contact_key=contact_key,
        kind=kind,
        address=address,
        defaults={"is_of_plan": True, "created_at": wall},
    )
    return ContactMethod.objects.filter(pk=row.pk)
