"""Doing what was asked for in a channel, once.

`handle` is the one way in, for calls of providers and for what was polled. It finds
out who asks, which message is answered, and whether this person may do this to that
incident; then it is done by the room of incidents as for anybody else, and the answer
says in one sentence what happened. Who may not know of an incident is told the same
as for one that does not exist.

A message can be answered as long as the link in it works. Its answer counts only from
its recipient; a post in a channel may be answered by whoever may act anyway.

The sender of a text message can be forged, and each answer to it costs money. So a
number that nobody has given is answered by silence, which also ends a talk between
two machines; and a text message names what it answers by the code of a message to
that number, never by the number of an incident, which anybody can guess.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from watchbill.core.access import Permission
from watchbill.core.incidents import IncidentAction
from watchbill.core.messages import Reply
from watchbill.core.paging import AddressKind, MethodKind
from watchbill.integrations.contract import Asked, Event, Receipt, ReceiptState, Result
from watchbill.integrations.registry import providers
from watchbill.integrations.text import one_line, printable, shorten
from watchbill.server import signed
from watchbill.server.audit.acting import Acting, acting, current
from watchbill.server.audit.models import ActorKind
from watchbill.server.hooks import queries, ways
from watchbill.server.hooks.commands import (
    HELP,
    HELP_BY_PHONE,
    REPLIES,
    Command,
    Word,
    parse,
)
from watchbill.server.hooks.models import SeenCall
from watchbill.server.hooks.queries import Person
from watchbill.server.incidents import actions as incidents
from watchbill.server.incidents.actions import Actor, Declaration
from watchbill.server.incidents.models import Incident
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications import readiness
from watchbill.server.notifications.models import Notification, Purpose, ReceiptWait
from watchbill.server.notifications.telling import address_kind
from watchbill.server.oncall import pages as oncall
from watchbill.server.people import actions as people
from watchbill.server.providers import known_channels

SEEN_FOR = timedelta(days=366)
"""How long a call is remembered; most providers sign no time, so theirs never age."""

_NOTHING_ASKED = (
    "No message to you waits for this answer. Name an incident: ack 12, or see: list"
)

_USE_THE_CODE = (
    "Nothing was changed. Answer with the four-digit code of a message to you, such as:"
    " ACK 1234"
)

_SHARED = (
    "Several people have this address, so nobody knows who you are. Press the button of"
    " a message, or use the console."
)

_HAS_LEFT = "Nothing was changed: you may not answer messages any more."

_CHATS = frozenset((AddressKind.SLACK, AddressKind.TELEGRAM))
"""Where a stranger is told how to become known."""

_TITLE, _NOTE = 300, 4_000

_STATUS = {
    Reply.ACKNOWLEDGE: IncidentAction.ACKNOWLEDGE,
    Reply.RESOLVE: IncidentAction.RESOLVE,
}


def remember(
    provider: str, digest: str, *, same_for: timedelta = SEEN_FOR, wall: datetime
) -> bool:
    """Return whether a call is new, or older than ``same_for``, and remember it.

    Call it in the transaction that acts on the call: another one with the same call
    waits here for its end.
    """
    old = SeenCall.objects.filter(digest=digest, seen_at__lte=wall - same_for)
    if old.update(seen_at=wall):
        return True
    try:
        with transaction.atomic():
            SeenCall.objects.create(provider=provider, digest=digest, seen_at=wall)
    except IntegrityError:
        return False
    return True


def handle(
    provider: str, event: Event, *, now: datetime, wall: datetime
) -> Result | None:
    """Do what an event of a provider asks for; None when nobody waits for words."""
    match event:
        case Receipt():
            _receive(provider, event, wall=wall)
            return None
        case Asked():
            result = _Conversation(provider, event, now=now).result()
            return result if _may_answer(provider, event, wall=wall) else None


def _may_answer(provider: str, asked: Asked, *, wall: datetime) -> bool:
    """Whether words about it may go back; by text message only so many an hour."""
    channel = known_channels().get(provider)
    if channel is None or channel[1].kind is not MethodKind.SMS:
        return True
    return ways.words().allows(one_line(asked.address), wall=wall)


def _receive(provider: str, receipt: Receipt, *, wall: datetime) -> None:
    kind = address_kind(provider)
    address = one_line(receipt.address)
    match receipt.state:
        case ReceiptState.OPTED_OUT if kind is not None:
            people.opt_out(kind, address, wall=wall)
        case ReceiptState.OPTED_IN if kind is not None:
            people.opt_in(kind, address)
        case ReceiptState.DELIVERED | ReceiptState.FAILED:
            with acting(None):  # a machine reports; nobody decides anything
                notifications.receive_receipt(
                    provider,
                    one_line(receipt.provider_ref),
                    ReceiptWait(receipt.state.value),
                    detail=one_line(receipt.detail),
                    wall=wall,
                )


class _Conversation:
    """One question and its answer."""

    def __init__(self, provider: str, asked: Asked, *, now: datetime) -> None:
        self._provider = provider
        self._asked = asked
        self._now = now
        self._way = f"by {_titles().get(provider, provider)}"
        self._address = one_line(asked.address)
        self._kind = address_kind(provider)

    def result(self) -> Result | None:
        person = self._person()
        if person is None:
            return self._to_nobody()
        with acting(self._by(person)):
            if self._asked.reply is not None:
                return self._reply(person, self._asked.reply)
            return self._command(person)

    def _by(self, person: Person) -> Acting:
        outer = current()
        return Acting(
            act=f"hooks.{self._provider}",
            kind=ActorKind.CONTACT,
            id=person.contact_key,
            name=person.label,
            remote=outer.remote if outer is not None else "",
        )

    def _person(self) -> Person | None:
        """Who asks: the reader of the message that is named, else the address's owner.

        Several people may share an address, such as a phone that is handed on; the
        message says which of them is meant.
        """
        row = self._named()
        if row is not None and row.contact_key and self._went_here(row):
            return queries.person(row.contact_key, now=self._now)
        return queries.person_of(self._provider, self._address, now=self._now)

    def _went_here(self, row: Notification) -> bool:
        kind = address_kind(row.channel)
        return kind is self._kind and row.address == self._address

    def _to_nobody(self) -> Result | None:
        """Answer where it is free, and who is known; a stranger's texts cost money."""
        row, kind = self._named(), self._kind
        if row is not None and self._went_here(row):
            return self._said(_HAS_LEFT)
        is_known = kind is not None and queries.is_shared(
            kind, self._address, now=self._now
        )
        if is_known:
            return self._said(self._by_phone(_USE_THE_CODE, else_=_SHARED))
        if self._kind in _CHATS or self._asked.token:
            return self._said(self._stranger())
        return None

    def _said(self, text: str, *, is_change: bool = False) -> Result:
        return Result(asked=self._asked, text=text, is_change=is_change)

    def _stranger(self) -> str:
        return (
            f"watchbill does not know {self._address}. Add it to your contact methods"
            " on your account page, or have it entered in the support plan."
        )

    # ── Answers to a message ──────────────────────────────────────────────────────

    def _reply(self, person: Person, reply: Reply) -> Result:
        row = self._answered(person)
        if row is None:
            return self._said(self._by_phone(_USE_THE_CODE, else_=_NOTHING_ASKED))
        if row.purpose == Purpose.DIGEST and row.contact_key == person.contact_key:
            numbers = ", ".join(f"#{one}" for one in queries.numbers_in(row))
            how = self._by_phone("Use its link.", else_="Answer with a number: ack 12")
            return self._said(f"That message tells of {numbers}. {how}")
        if row.purpose == Purpose.TEST:
            return self._confirm(person, row)
        if row.incident is None:
            return self._said("That message needs no answer.")
        refusal = self._why_not(person, row, row.incident)
        if refusal:
            return self._said(refusal)
        return self._act(person, row.incident, reply)

    def _named(self) -> Notification | None:
        if self._asked.token:
            return queries.by_token(self._asked.token)
        if code := self._asked.code.strip():
            return queries.by_code(self._address, code, now=self._now)
        return None

    def _answered(self, person: Person) -> Notification | None:
        if self._asked.token or self._asked.code.strip():
            return self._named()
        return queries.latest_question(person, now=self._now)

    def _why_not(self, person: Person, row: Notification, incident: Incident) -> str:
        """Why this person may not answer this message; empty when it is right."""
        if row.contact_key and row.contact_key != person.contact_key:
            return "That message was sent to somebody else; only they can answer it."
        if self._now - row.created_at > signed.LIFETIME:
            return "That message is more than a day old. Please use the console."
        if not row.contact_key:
            return "" if queries.may_act(person, incident) else _no(incident.pk)
        if row.is_copy:
            return "You got a copy because you shadow the primary; you cannot take it."
        if row.verb in queries.ASKING or queries.may_act(person, incident):
            return ""
        return "That message only informed you; nothing was changed."

    def _confirm(self, person: Person, row: Notification) -> Result:
        if row.contact_key != person.contact_key:
            return self._said("That test was sent to somebody else.")
        test = row.paging_test
        if test is None or test.confirmed_at is not None:
            return self._said("That test was confirmed before.")
        is_from_there = self._named() is not None and self._went_here(row)
        confirmed = readiness.confirm_test(
            row,
            reaches=self._kind if is_from_there else None,
            by=self._provider,
            now=self._now,
        )
        if not confirmed:
            return self._said("That test is over.")
        return self._said("Thank you: the test page has reached you.", is_change=True)

    def _act(self, person: Person, incident: Incident, reply: Reply) -> Result:
        if reply is Reply.ESCALATE:
            return self._escalate(person, incident)
        done = incidents.perform(
            incident.pk,
            _STATUS[reply],
            actor=Actor(label=person.label, contact_key=person.contact_key),
            now=self._now,
            note=self._way,
        )
        after = done.incident
        number, taken = after.pk, reply is Reply.ACKNOWLEDGE
        if done.is_change:
            text = f"{person.label} {'took' if taken else 'resolved'} #{number}"
            return self._said(f"{text} at {self._time(self._now)}.", is_change=True)
        if taken and after.acknowledged_at is not None:
            return self._said(
                f"#{number} was already taken by {after.acknowledged_by}"
                f" at {self._time(after.acknowledged_at)}."
            )
        return self._said(f"#{number}: nothing was changed, {done.reason}.")

    def _escalate(self, person: Person, incident: Incident) -> Result:
        label = f"{person.label} ({self._way})"
        done = incidents.escalate_now(
            incident.pk,
            actor=Actor(label=label, contact_key=person.contact_key),
            now=self._now,
        )
        if not done.is_change:
            return self._said(f"#{incident.pk}: nothing was changed, {done.reason}.")
        text = f"{person.label} escalated #{incident.pk} at {self._time(self._now)}."
        return self._said(text, is_change=True)

    # ── Commands ──────────────────────────────────────────────────────────────────

    def _command(self, person: Person) -> Result:
        text = printable(self._asked.text).strip()
        if not text and self._asked.code:
            return self._reply(person, Reply.ACKNOWLEDGE)
        command = parse(text, by_phone=self._kind is AddressKind.PHONE)
        if command is None:
            return self._said(f"That is no command.\n{self._help()}")
        if command.word in REPLIES:
            return self._reply_by_number(person, command)
        match command.word:
            case Word.ON_CALL:
                return self._said(self._on_call(person))
            case Word.LIST:
                return self._said(self._list(person))
            case Word.NOTE:
                return self._note(person, command)
            case Word.PAGE:
                return self._declare(person, command)
        return self._said(self._help())

    def _help(self) -> str:
        return self._by_phone(HELP_BY_PHONE, else_=HELP)

    def _by_phone(self, text: str, *, else_: str) -> str:
        return text if self._kind is AddressKind.PHONE else else_

    def _reply_by_number(self, person: Person, command: Command) -> Result:
        reply = REPLIES[command.word]
        if command.number is None:
            return self._reply(person, reply)
        if self._kind is AddressKind.PHONE:
            return self._said(_USE_THE_CODE)
        incident = queries.incident_seen_by(person, command.number)
        if incident is None:
            return self._said(_no(command.number))
        if not queries.may_act(person, incident):
            return self._said(f"You may not act on #{incident.pk}.")
        return self._act(person, incident, reply)

    def _list(self, person: Person) -> str:
        chat = self._asked.reply_to.get("chat", self._address)
        found = queries.open_incidents(person, in_private=chat == self._address)
        lines = [
            f"#{one.pk} {one.severity} {one.status}: {_title(one)}" for one in found
        ]
        return "\n".join(lines) or "There is no open incident."

    def _on_call(self, person: Person) -> str:
        if not queries.may_see_who_is_on_call(person, now=self._now):
            return "You may not see from here who is on call."
        if queries.plan_in_force(now=self._now) is None:
            return "No plan is in force."
        lines = [
            f"{one['duty']}: {one['name']} until"
            f" {one['until'].astimezone(self._zone()):%a %d %b %H:%M}"
            for one in oncall.strip(now=self._now)
        ]
        return "\n".join(lines) or "Nobody is on call."

    def _note(self, person: Person, command: Command) -> Result:
        if command.number is None or not command.rest:
            return self._said("Write: note number text")
        incident = queries.incident_seen_by(person, command.number)
        if incident is None:
            return self._said(_no(command.number))
        if not queries.may_act(person, incident):
            return self._said(f"You may not act on #{incident.pk}.")
        actor = Actor(label=f"{person.label} ({self._way})")
        text = shorten(command.rest, _NOTE)
        incidents.add_note(incident.pk, text, actor=actor, now=self._now)
        return self._said(f"Noted on #{incident.pk}.", is_change=True)

    def _declare(self, person: Person, command: Command) -> Result:
        plan = queries.plan_in_force(now=self._now)
        if plan is None or not person.may(Permission.DECLARE):
            return self._said("You may not declare incidents from here.")
        severity, _, rest = command.rest.partition(" ")
        known = {one.key.upper(): one.key for one in plan.severities}
        route, title = plan.routing.catch_all, rest.strip()
        head, _, tail = title.partition(" ")
        if head in {one.key for one in plan.routing.routes} and tail.strip():
            route, title = head, tail.strip()
        if severity.upper() not in known or not title:
            names = ", ".join(known.values())
            return self._said(f"Write: page severity text; severities are {names}.")
        incident = incidents.declare(
            Declaration(
                title=shorten(one_line(title), _TITLE),
                severity=known[severity.upper()],
                alert_type=route,
            ),
            actor=Actor(
                label=f"{person.label} ({self._way})", contact_key=person.contact_key
            ),
            now=self._now,
        )
        text = f"Declared {incident.severity} #{incident.pk}: {incident.title}"
        return self._said(text, is_change=True)

    def _zone(self) -> ZoneInfo:
        plan = queries.plan_in_force(now=self._now)
        return plan.meta.zone if plan is not None else ZoneInfo("UTC")

    def _time(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone()):%H:%M}"


def _titles() -> dict[str, str]:
    return {name: one.title for name, one in providers().items()}


def _no(number: int) -> str:
    """The same for what is not there and for what may not be known (A15)."""
    return f"There is no incident #{number} that you may act on."


def _title(incident: Incident) -> str:
    if incident.is_confidential:
        return "confidential incident"
    return shorten(one_line(incident.title), 100)
