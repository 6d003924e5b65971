"""Reading users, and how the contacts of the plan want to be told."""

from collections import defaultdict
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watchbill.core import paging
from watchbill.core.paging import (
    AddressKind,
    MethodKind,
    Provided,
    QuietHours,
    Rule,
    Wishes,
)
from watchbill.core.people import Contact, Directory
from watchbill.core.severity import Urgency
from watchbill.server.accounts.models import User
from watchbill.server.people.models import (
    ContactMethod,
    NotificationRule,
    PagingTest,
    QuietTime,
)
from watchbill.server.plans import queries as plans
from watchbill.server.plans.queries import NoPlanInForceError

BAD_FOR = timedelta(hours=1)
"""A refused address is left alone for this long while there is another one."""

_WAKING = frozenset({MethodKind.VOICE, MethodKind.SMS})

ANSWER_WITHIN = timedelta(hours=4)
"""A test page that nobody has confirmed by then is shown to the owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """How everybody wants to be told, as it stands at one instant."""

    known: Mapping[str, tuple[ContactMethod, ...]] = field(default_factory=dict)
    wishes: Mapping[str, Wishes] = field(default_factory=dict)
    at: datetime

    def methods_of(self, contact: Contact) -> tuple[paging.ContactMethod, ...]:
        """Return the addresses of a contact: the plan's, then the contact's own."""
        known = {
            (one.kind, one.address): one for one in self.known.get(contact.key, ())
        }
        of_plan = paging.plan_methods(contact)
        planned = {(one.kind, one.address) for one in of_plan}
        own = [
            paging.ContactMethod(kind=AddressKind(one.kind), address=one.address)
            for place, one in known.items()
            if not one.is_of_plan and place not in planned
        ]
        return tuple(
            self._judged(
                one,
                known.get((one.kind, one.address)),
                is_planned=(one.kind, one.address) in planned,
            )
            for one in (*of_plan, *own)
        )

    def wishes_of(self, contact_key: str) -> Wishes:
        """Return the rules of a contact, or the product's."""
        return self.wishes.get(contact_key) or Wishes()

    def unreachable(
        self, directory: Directory, provided: tuple[Provided, ...]
    ) -> Container[str]:
        """Return who has no address that a channel serves, found out when asked."""
        return _Unreachable(book=self, directory=directory, provided=provided)

    def with_own_address(self) -> frozenset[str]:
        """Return who has an address that is not the plan's."""
        return frozenset(
            key
            for key, rows in self.known.items()
            if any(not one.is_of_plan for one in rows)
        )

    def _judged(
        self,
        method: paging.ContactMethod,
        row: ContactMethod | None,
        *,
        is_planned: bool,
    ) -> paging.ContactMethod:
        if row is None:
            return method
        barred = why_barred(row, is_planned=is_planned)
        return replace(
            method,
            unusable_because=barred or why_refused(row, at=self.at),
            is_barred=bool(barred),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unreachable:
    """A plan has thousands of contacts, and an incident asks for a few."""

    book: Book
    directory: Directory
    provided: tuple[Provided, ...]

    def __contains__(self, key: object) -> bool:
        contact = self.directory.contact(str(key))
        if contact is None:
            return True
        return not paging.can_reach(self.book.methods_of(contact), self.provided)


def why_unusable(
    row: ContactMethod, *, at: datetime, is_planned: bool | None = None
) -> str:
    """Return why an address is not used, or only as the last resort; empty if it works.

    ``is_planned`` is whether the plan names it now; the row remembers whether it did.
    """
    return why_barred(row, is_planned=is_planned) or why_refused(row, at=at)


def why_barred(row: ContactMethod, *, is_planned: bool | None = None) -> str:
    """Return why an address is never used, ; empty when it may be."""
    if row.opted_out_at is not None:
        return "its owner asked the provider for no more messages"
    is_of_plan = row.is_of_plan if is_planned is None else is_planned
    if not is_of_plan and row.verified_at is None:
        return "it is not verified yet"
    return ""


def why_refused(row: ContactMethod, *, at: datetime) -> str:
    """Return why an address is left alone while there is another one."""
    if row.failed_at is not None and at - row.failed_at < BAD_FOR:
        return f"it was refused: {row.failed_because}"
    return ""


def doubts(
    contact: Contact, book: Book, provided: tuple[Provided, ...]
) -> tuple[str, ...]:
    """Return why a page might not reach a contact, in sentences; none if it should.

    Whoever is on call should have proven a phone, where phones can be reached at all
    (S2.1-15).
    """
    methods = book.methods_of(contact)
    if not paging.can_reach(methods, provided):
        return ("no address of theirs leads to a channel that is set up",)
    wanted = {one.reaches for one in provided if one.kind in _WAKING}
    wanted = wanted or {one.reaches for one in provided}
    proven = {
        (one.kind, one.address)
        for one in book.known.get(contact.key, ())
        if one.verified_at is not None
    }
    usable = [one for one in methods if one.kind in wanted and not one.is_barred]
    found = [
        f"{one.kind} is left alone: {one.unusable_because}"
        for one in methods
        if one.unusable_because
    ]
    if not any((one.kind.value, one.address) in proven for one in usable):
        what = "phone" if wanted == {AddressKind.PHONE} else "address"
        found.insert(0, f"no {what} of theirs is verified")
    return tuple(found)


def book(*, wall: datetime) -> Book:
    """Return how everybody wants to be told."""
    known = defaultdict[str, list[ContactMethod]](list)
    for row in ContactMethod.objects.order_by("pk"):
        known[row.contact_key].append(row)
    return Book(
        known={key: tuple(rows) for key, rows in known.items()},
        wishes=_wishes(),
        at=wall,
    )


def _wishes() -> dict[str, Wishes]:
    rules = defaultdict[tuple[str, str], list[Rule]](list)
    for row in NotificationRule.objects.order_by("after_seconds", "pk"):
        rules[row.contact_key, row.urgency].append(
            Rule(kind=MethodKind(row.kind), after=timedelta(seconds=row.after_seconds))
        )
    quiet = {
        row.contact_key: hours
        for row in QuietTime.objects.all()
        if (hours := quiet_hours(row)) is not None
    }
    return {
        key: Wishes(
            high=tuple(rules.get((key, Urgency.HIGH), ())) or paging.DEFAULT_HIGH,
            low=tuple(rules.get((key, Urgency.LOW), ())) or paging.DEFAULT_LOW,
            quiet=quiet.get(key),
        )
        for key in {key for key, _ in rules} | set(quiet)
    }


def quiet_hours(row: QuietTime) -> QuietHours | None:
    """Return a row as the value that decides.

    None where this machine does not know its zone: quiet hours that cannot be read
    hold nothing back, and above all they stop nobody else's messages.
    """
    try:
        zone = ZoneInfo(row.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return QuietHours(starts=row.starts, ends=row.ends, zone=zone)


def contact_of(kind: AddressKind, address: str, *, now: datetime) -> str | None:
    """Return the contact whose address this is; None when it is nobody's.

    An address that several share, such as a team's mailbox, names nobody. One that
    was added and never verified does not count: anybody can type in a number.
    """
    found = owners(kind, address, now=now)
    return next(iter(found)) if len(found) == 1 else None


def owners(kind: AddressKind, address: str, *, now: datetime) -> frozenset[str]:
    """Return every contact who has this address, by the plan or by proof."""
    # The plan may write a mail address with capitals; what is added never has any.
    address = address.lower() if kind is AddressKind.EMAIL else address
    own = ContactMethod.objects.filter(kind=kind, address=address, is_of_plan=False)
    verified = own.exclude(verified_at=None).values_list("contact_key", flat=True)
    return frozenset((*verified, *owners_in_plan(kind, address, now=now)))


def has_left(contact_key: str) -> bool:
    """Return whether a contact was a user and is none any more.

    A message gives its reader a link and buttons; they end with the account. A contact
    who never was a user may answer all the same.
    """
    users = User.objects.filter(contact_key=contact_key) if contact_key else ()
    states = [one.is_active for one in users]
    return bool(states) and not any(states)


def owners_in_plan(kind: AddressKind, address: str, *, now: datetime) -> dict[str, str]:
    """Return which contacts of the plan have an address, and how each writes it."""
    try:
        plan = plans.plan_of(plans.in_force(now=now).pk)
    except NoPlanInForceError:
        return {}
    return {
        contact.key: method.address
        for contact in plan.directory.contacts
        for method in paging.plan_methods(contact)
        if method.kind is kind and address in {method.address, method.address.lower()}
    }


def methods_listed(contact_key: str) -> list[ContactMethod]:
    """Return the known addresses of a contact, oldest first."""
    return list(ContactMethod.objects.filter(contact_key=contact_key).order_by("pk"))


def rules_listed(contact_key: str) -> list[NotificationRule]:
    """Return the rules that a contact has made, soonest first."""
    rows = NotificationRule.objects.filter(contact_key=contact_key)
    return list(rows.order_by("urgency", "after_seconds", "pk"))


def quiet_time_of(contact_key: str) -> QuietTime | None:
    """Return the quiet time that a contact has set."""
    return QuietTime.objects.filter(contact_key=contact_key).first()


def tests_listed(contact_key: str) -> list[PagingTest]:
    """Return the latest tests of a contact, newest first."""
    rows = PagingTest.objects.filter(contact_key=contact_key)
    return list(rows.order_by("-sent_at", "-pk")[:10])


def latest_tests(contact_keys: Collection[str]) -> dict[str, PagingTest]:
    """Return the newest test of each of these contacts that had any, by key."""
    rows = PagingTest.objects.filter(contact_key__in=contact_keys)
    return {one.contact_key: one for one in rows.order_by("sent_at", "pk")}


def weekly_tests(*, since: datetime) -> list[PagingTest]:
    """Return the weekly tests that were sent since an instant, by contact."""
    rows = PagingTest.objects.filter(is_weekly=True, sent_at__gte=since)
    return list(rows.order_by("label", "pk"))


def unanswered_tests(*, now: datetime) -> int:
    """Return of how many people the last weekly test was never answered.

    It counts for a week, which is when the next one comes.
    """
    rows = PagingTest.objects.filter(
        is_weekly=True,
        sent_at__gt=now - timedelta(days=7),
        sent_at__lte=now - ANSWER_WITHIN,
    )
    latest = {row.contact_key: row for row in rows.order_by("sent_at", "pk")}
    answered = {
        one.contact_key
        for one in PagingTest.objects.filter(contact_key__in=latest)
        if one.confirmed_at and one.confirmed_at >= latest[one.contact_key].sent_at
    }
    return len(latest) - len(answered)


def users() -> list[User]:
    """Return everybody who may sign in, or might once, by name."""
    return list(User.objects.order_by("-is_active", "name", "pk"))
