"""Saying which contact of the plan a user is, and what the user may do."""

from django.db import transaction

from watchbill.core.access import ConsoleRole
from watchbill.server.accounts.models import User


class MembershipRefusedError(Exception):
    """A user cannot become that; the message says why."""


@transaction.atomic
def change(user_id: int, *, role: ConsoleRole, contact_key: str) -> User:
    """Give a user a role and a contact; MembershipRefusedError when that cannot be.

    A contact is one person, so that one signature is one person's (SD-04). The last
    owner stays one: nobody else could make another.
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
    user.role, user.contact_key = role, contact_key
    return user
