"""Paging: by which contact methods, and when, one person is told.

A step of a ladder says *who* is told. How is the person's own affair: each has
contact methods and, for either urgency, rules such as "text me at once, call me
after two minutes". Whoever has made none gets the product's.

- What is set up is all that counts. A rule whose kind no channel serves, or for
  which the person has no usable address, is passed over; when none is left, the
  loudest method there is is used at once. A rule can make a message later or
  quieter; it can never make somebody unreachable.
- Later rules are for messages that ask for an answer. Whoever is merely informed is
  told once.
- A method that fails is followed at once by the next: first the other providers of
  its kind, then the kinds that no rule uses. That is failover, and it waits for no
  rule.
- Quiet hours hold back low urgency only, until they end. A high urgency knows none.
- Once a week whoever is on call gets a test page. One that comes half a day late says
  nothing about a working day and is left out.
- A method that was refused for good is left alone while there is another one; when it
  is all there is, it is tried all the same, because a refusal is better than silence.
- A method that is barred is never used: an address that nobody has proven may be a
  stranger's, and who asked for no more messages gets none. Whoever has no other one
  cannot be reached, and the ladder moves on at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.notification import Method
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.core.temporal import WeeklyTime


class MethodKind(StrEnum):
    """How a message comes to somebody; the order is from loud to quiet."""

    VOICE = "voice"
    SMS = "sms"
    PUSH = "push"
    CHAT = "chat"
    EMAIL = "email"


class AddressKind(StrEnum):
    """What an address is of."""

    PHONE = "phone"
    EMAIL = "email"
    SLACK = "slack"
    TELEGRAM = "telegram"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """A channel that is set up and leads to people."""

    #: The provider, such as ``twilio_sms``.
    channel: str
    kind: MethodKind
    reaches: AddressKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMethod:
    """One address of a person."""

    kind: AddressKind
    address: str
    #: Why it is left alone while there is another one; empty when it works.
    unusable_because: str = ""
    #: It is not used even when there is no other one.
    is_barred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a person wants to be told, counted from the moment of the step."""

    kind: MethodKind
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A time of day at which low urgency waits; it may run over midnight."""

    starts: time
    ends: time
    zone: ZoneInfo

    def end_after(self, at: datetime) -> datetime | None:
        """Return when the quiet time around an instant ends, None outside of it."""
        local = at.astimezone(self.zone)
        clock = local.time().replace(tzinfo=None)
        over_midnight = self.ends <= self.starts
        if over_midnight:
            inside = clock >= self.starts or clock < self.ends
        else:
            inside = self.starts <= clock < self.ends
        if not inside:
            return None
        day = local.date()
        if over_midnight and clock >= self.starts:
            day += timedelta(days=1)
        end = datetime.combine(day, self.ends, tzinfo=self.zone)
        return end.astimezone(at.tzinfo)


DEFAULT_HIGH = (
    Rule(kind=MethodKind.CHAT),
    Rule(kind=MethodKind.PUSH),
    Rule(kind=MethodKind.SMS),
    Rule(kind=MethodKind.VOICE, after=timedelta(minutes=1)),
)
"""Everything that shows on a phone at once, and then the phone rings."""

DEFAULT_LOW = (Rule(kind=MethodKind.CHAT), Rule(kind=MethodKind.EMAIL))
"""What can be read later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How one person wants to be told."""

    high: tuple[Rule, ...] = DEFAULT_HIGH
    low: tuple[Rule, ...] = DEFAULT_LOW
    quiet: QuietHours | None = None

    def rules(self, urgency: Urgency) -> tuple[Rule, ...]:
        """Return the rules of an urgency, soonest first."""
        rules = self.high if urgency is Urgency.HIGH else self.low
        return tuple(sorted(rules, key=lambda rule: rule.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One message to one person: where, what instead if it fails, and when."""

    methods: tuple[Method, ...]
    at: datetime
    #: Wanted only while the person has not answered what came before.
    is_follow_up: bool = False


def plan_methods(contact: Contact) -> tuple[ContactMethod, ...]:
    """Return the methods that the plan gives a contact."""
    known = (
        (AddressKind.SLACK, contact.slack_id),
        (AddressKind.PHONE, contact.phone),
        (AddressKind.EMAIL, contact.email),
    )
    return tuple(
        ContactMethod(kind=kind, address=address) for kind, address in known if address
    )


def can_reach(methods: Iterable[ContactMethod], provided: Iterable[Provided]) -> bool:
    """Return whether any method may be used and leads to a channel that is set up."""
    return bool(usable(methods, provided))


def usable(
    methods: Iterable[ContactMethod], provided: Iterable[Provided]
) -> tuple[ContactMethod, ...]:
    """Return the methods that are tried: those that work, else those in doubt."""
    served = {one.reaches for one in provided}
    allowed = [one for one in methods if one.kind in served and not one.is_barred]
    good = [one for one in allowed if not one.unusable_because]
    return tuple(good or allowed)


def sends(
    methods: tuple[ContactMethod, ...],
    provided: tuple[Provided, ...],
    wishes: Wishes,
    *,
    urgency: Urgency,
    asks: bool,
    failover: tuple[MethodKind, ...] = (),
    now: datetime,
) -> tuple[Send, ...]:
    """Return the messages by which a person is told; empty if none can be sent.

    ``asks`` is whether an answer is wanted: only then do later rules apply.
    ``failover`` is the plan's order of kinds when one fails (A51).
    """
    by_kind = _by_kind(methods, provided)
    if not by_kind:
        return ()
    start = _start(wishes, urgency, now=now)
    wanted = [rule for rule in wishes.rules(urgency) if rule.kind in by_kind]
    first = [rule for rule in wanted if not rule.after]
    later = [rule for rule in wanted if rule.after] if asks else []
    if not first:
        first = [Rule(kind=next(kind for kind in _LAST_RESORT if kind in by_kind))]
    # What can wait is said once: the other rules are for when that fails.
    instead = [rule.kind for rule in first[1:]] if urgency is Urgency.LOW else []
    first = first[:1] if urgency is Urgency.LOW else first
    used = {rule.kind for rule in (*first, *later)}
    spare = [
        method
        for kind in dict.fromkeys((*instead, *failover, *_LAST_RESORT))
        if kind in by_kind and kind not in used
        for method in by_kind[kind]
    ]
    return (
        *(Send(methods=(*by_kind[kind], *spare), at=start) for kind in _once(first)),
        *(
            Send(methods=by_kind[rule.kind], at=start + rule.after, is_follow_up=True)
            for rule in later
        ),
    )


_LAST_RESORT = (
    MethodKind.CHAT,
    MethodKind.PUSH,
    MethodKind.SMS,
    MethodKind.EMAIL,
    MethodKind.VOICE,
)


def _once(rules: list[Rule]) -> Iterator[MethodKind]:
    yield from dict.fromkeys(rule.kind for rule in rules)


def _start(wishes: Wishes, urgency: Urgency, *, now: datetime) -> datetime:
    if urgency is Urgency.HIGH or wishes.quiet is None:
        return now
    return wishes.quiet.end_after(now) or now


def _by_kind(
    methods: tuple[ContactMethod, ...], provided: tuple[Provided, ...]
) -> dict[MethodKind, tuple[Method, ...]]:
    """Return what can be used, by kind; providers of one kind in the set-up's order."""
    tried = usable(methods, provided)
    found: dict[MethodKind, list[Method]] = {}
    for one in provided:
        found.setdefault(one.kind, []).extend(
            Method(channel=one.channel, address=method.address)
            for method in tried
            if method.kind is one.reaches
        )
    return {kind: tuple(chain) for kind, chain in found.items() if chain}


TEST_LATE_AT_MOST = timedelta(hours=12)
LOOK_AT_LEAST_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyTest:
    """What becomes of the weekly test now."""

    #: The time for which tests are sent now; None when none are.
    due_at: datetime | None = None
    #: The time whose test is left out, because it is too late for it.
    skipped_at: datetime | None = None
    ask_at: datetime


def weekly_test(
    weekly: WeeklyTime | None, *, planned_at: datetime, now: datetime
) -> WeeklyTest:
    """Decide on the weekly test at a look that was planned for ``planned_at``.

    Whatever fell due since then is answered once, by its latest. None for
    ``weekly`` sends none. The next look comes within the hour, so that another plan
    or setting is seen.
    """
    ask_at = now + LOOK_AT_LEAST_EVERY
    if weekly is None:
        return WeeklyTest(ask_at=ask_at)
    ask_at = min(ask_at, weekly.next_after(now))
    due_at = weekly.latest_until(now)
    if due_at < planned_at:
        return WeeklyTest(ask_at=ask_at)
    if now - due_at >= TEST_LATE_AT_MOST:
        return WeeklyTest(skipped_at=due_at, ask_at=ask_at)
    return WeeklyTest(due_at=due_at, ask_at=ask_at)
