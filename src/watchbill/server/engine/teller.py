"""Telling one person something about the watch, by the outbox like everything else."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from watchbill.core import paging
from watchbill.core.ladder import Step, StopOn, Verb
from watchbill.core.messages import Link, Notice
from watchbill.core.paging import sends
from watchbill.core.people import Contact
from watchbill.core.severity import Urgency
from watchbill.plan import Plan
from watchbill.server.engine.kinds import Moment
from watchbill.server.notifications import actions as notifications
from watchbill.server.notifications.actions import Telling
from watchbill.server.people.queries import Book


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said."""

    subject: str
    paragraphs: tuple[str, ...]
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Whoever tells people, as they want to be told."""

    plan: Plan
    moment: Moment
    book: Book

    def can_reach(self, contact: Contact) -> bool:
        """Return whether any channel leads to a contact."""
        methods = self.book.methods_of(contact)
        return paging.can_reach(methods, self.moment.reach.provided)

    def tell(
        self,
        contact: Contact,
        words: Words,
        *,
        key: str,
        urgency: Urgency = Urgency.LOW,
        before: datetime | None = None,
        swap_id: int | None = None,
    ) -> None:
        """Put a message into the outbox; one that could only come too late is not."""
        notifications.enqueue_about_watch(
            (
                self._telling(contact, words, send, key=key, urgency=urgency)
                for send in self._sends(contact, urgency)
                if before is None or send.at < before
            ),
            swap_id=swap_id,
            now=self.moment.now,
            wall=self.moment.wall,
        )

    def _sends(self, contact: Contact, urgency: Urgency) -> tuple[paging.Send, ...]:
        return sends(
            self.book.methods_of(contact),
            self.moment.reach.provided,
            self.book.wishes_of(contact.key),
            urgency=urgency,
            asks=False,
            failover=self.plan.communication.failover,
            now=self.moment.now,
        )

    def _telling(
        self,
        contact: Contact,
        words: Words,
        send: paging.Send,
        *,
        key: str,
        urgency: Urgency,
    ) -> Telling:
        return Telling(
            contact_key=contact.key,
            recipient=contact.label,
            methods=send.methods,
            notice=Notice(
                idempotency_key=f"watch/{key}/{contact.key}",
                thread_key=f"watch-{key}",
                subject=" ".join(words.subject.split()),
                paragraphs=words.paragraphs,
                links=words.links,
                urgency=urgency,
            ),
            step=Step(
                key=key,
                title="About the watch",
                after=timedelta(0),
                verb=Verb.NOTIFY,
                stop_on=StopOn.NEVER,
                urgency=urgency,
            ),
            stop_on=StopOn.NEVER,
            at=send.at,
        )
