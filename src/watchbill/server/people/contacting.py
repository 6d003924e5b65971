"""Changing how a contact is told: addresses, their verification, and rules.

An address that somebody adds is used once a code that was sent to it came back:
a wrong digit would page a stranger, and nobody on call. Codes are short, so they
live for minutes and bear few tries; this room stores their digest only.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare, salted_hmac

from watchbill.core import paging
from watchbill.core.paging import AddressKind, Rule
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.integrations.contract import SettingsError
from watchbill.integrations.push import outbound as push
from watchbill.plan import values
from watchbill.server.people.models import ContactMethod, NotificationRule, QuietTime

CODE_LIFETIME = timedelta(minutes=15)
CODE_TRIES = 5
METHODS_A_CONTACT = 20
LONGEST_DELAY = timedelta(hours=24)

_CODE_SALT = "watchbill.contact-method"


class ContactingRefusedError(Exception):
    """What somebody asked for cannot be; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A code to send; it is shown to nobody else and not stored."""

    method: ContactMethod
    code: str = field(repr=False)


@transaction.atomic
def add_method(
    contact: Contact, kind: AddressKind, address: str, *, label: str, wall: datetime
) -> ContactMethod:
    """Add an address that is used once it is verified; refuse what is none."""
    address = normal_address(kind, address)
    rows = ContactMethod.objects.filter(contact_key=contact.key)
    if rows.count() >= METHODS_A_CONTACT:
        message = f"{METHODS_A_CONTACT} addresses are enough; remove one first"
        raise ContactingRefusedError(message)
    planned = {(one.kind, one.address) for one in paging.plan_methods(contact)}
    is_of_plan = (kind, address) in planned
    row, is_new = rows.get_or_create(
        contact_key=contact.key,
        kind=kind,
        address=address,
        defaults={"label": label[:60], "created_at": wall, "is_of_plan": is_of_plan},
    )
    if is_new:
        return row
    if not row.is_of_plan or is_of_plan:
        message = "this address is there already"
        raise ContactingRefusedError(message)
    # The plan has dropped it since; now it is the contact's own, and unproven.
    row.is_of_plan, row.verified_at, row.label = False, None, label[:60]
    row.save(update_fields=["is_of_plan", "verified_at", "label"])
    return row


def remove_method(contact_key: str, method_id: int) -> bool:
    """Forget an address that was added; one of the plan is removed in the plan."""
    rows = ContactMethod.objects.filter(
        pk=method_id, contact_key=contact_key, is_of_plan=False
    )
    return bool(rows.delete()[0])


@transaction.atomic
def issue_code(contact_key: str, method_id: int, *, wall: datetime) -> Issued:
    """Return a new six-digit code for an address; an earlier one stops working."""
    row = (
        ContactMethod.objects.select_for_update()
        .filter(pk=method_id, contact_key=contact_key)
        .first()
    )
    if row is None:
        message = "there is no such address"
        raise ContactingRefusedError(message)
    code = f"{secrets.randbelow(1_000_000):06}"
    row.code_hash = _digest(row.pk, code)
    row.code_expires_at = wall + CODE_LIFETIME
    row.code_tries = 0
    row.save(update_fields=["code_hash", "code_expires_at", "code_tries"])
    return Issued(method=row, code=code)


def verify(contact_key: str, method_id: int, code: str, *, wall: datetime) -> bool:
    """Return whether a code is the one that was sent, and then trust the address.

    A try is counted before it is judged and in a transaction of its own, so that
    many at once are not free.
    """
    open_rows = ContactMethod.objects.filter(
        pk=method_id,
        contact_key=contact_key,
        code_expires_at__gt=wall,
        code_tries__lt=CODE_TRIES,
    ).exclude(code_hash="")
    if not open_rows.update(code_tries=F("code_tries") + 1):
        return False
    row = ContactMethod.objects.get(pk=method_id)
    # People type codes in the digits of their keyboard, Burmese ones included.
    digits = "".join(str(int(char)) for char in code if char.isdecimal())
    if not constant_time_compare(_digest(row.pk, digits), row.code_hash):
        return False
    ContactMethod.objects.filter(pk=row.pk).update(
        verified_at=wall, code_hash="", failed_at=None, opted_out_at=None
    )
    return True


def mark_verified(
    contact_key: str, kind: AddressKind, address: str, *, wall: datetime
) -> None:
    """Trust an address because its owner answered from it."""
    ContactMethod.objects.update_or_create(
        contact_key=contact_key,
        kind=kind,
        address=address,
        defaults={"verified_at": wall, "failed_at": None},
        create_defaults={"verified_at": wall, "created_at": wall, "is_of_plan": True},
    )


@transaction.atomic
def set_rules(contact_key: str, urgency: Urgency, rules: Iterable[Rule]) -> None:
    """Replace the rules of an urgency; none at all restores the product's."""
    wanted = list(dict.fromkeys(rules))
    if any(rule.after > LONGEST_DELAY or rule.after < timedelta(0) for rule in wanted):
        message = "a rule waits for a day at most"
        raise ContactingRefusedError(message)
    NotificationRule.objects.filter(contact_key=contact_key, urgency=urgency).delete()
    NotificationRule.objects.bulk_create(
        NotificationRule(
            contact_key=contact_key,
            urgency=urgency,
            kind=rule.kind,
            after_seconds=int(rule.after.total_seconds()),
        )
        for rule in wanted
    )


def set_quiet_time(
    contact_key: str, *, starts: time | None, ends: time | None, zone: str
) -> None:
    """Set the time of day at which low urgency waits; without both there is none."""
    if starts is None and ends is None:
        QuietTime.objects.filter(contact_key=contact_key).delete()
        return
    if starts is None or ends is None:
        message = "quiet hours need both times; leave both empty for none"
        raise ContactingRefusedError(message)
    if starts == ends:
        message = "quiet hours that end when they begin would never end"
        raise ContactingRefusedError(message)
    try:
        values.parse_zone(zone)
    except values.UnreadableError as error:
        message = f"{error.message}; {error.hint}"
        raise ContactingRefusedError(message) from None
    QuietTime.objects.update_or_create(
        contact_key=contact_key,
        defaults={"starts": starts, "ends": ends, "zone": zone},
    )


def normal_address(kind: AddressKind, text: str) -> str:
    """Return an address in its one written form; refuse what is none."""
    text = text.strip()
    try:
        match kind:
            case AddressKind.PHONE:
                number = values.parse_phone(text)
                if number is None:
                    message = f'"{text[:40]}" is not a phone number'
                    raise ContactingRefusedError(message)
                return number
            case AddressKind.EMAIL:
                validate_email(text)
                return text.lower()
            case AddressKind.SLACK:
                return _matching(text, r"[UW][A-Z0-9]{2,30}", "a member id of Slack")
            case AddressKind.TELEGRAM:
                return _matching(text, r"-?[0-9]{1,20}", "the number of a chat")
            case AddressKind.PUSH:
                return push.normal(text)
    except values.UnreadableError as error:
        message = f"{error.message[:200]}. {error.hint}".rstrip(". ")
        raise ContactingRefusedError(message) from None
    except SettingsError:
        message = "this browser gave no usable address; try another one"
        raise ContactingRefusedError(message) from None
    except (ValidationError, UnicodeError):
        message = f"this is not an address of the kind {kind}"
        raise ContactingRefusedError(message) from None


def _matching(text: str, pattern: str, what: str) -> str:
    if not re.fullmatch(pattern, text):
        message = f'"{text[:40]}" is not {what}'
        raise ContactingRefusedError(message)
    return text


def _digest(method_id: int, code: str) -> str:
    text = f"{method_id}/{code}"
    return salted_hmac(_CODE_SALT, text, algorithm="sha256").hexdigest()
