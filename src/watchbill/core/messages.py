"""Messages: what is said to a person or a channel, before a channel gives it form.

A *notice* says in this order what is wrong, how bad, since when, why it comes to
you, and what to do: the first line must be enough on a locked phone. It carries
the links by which the incident is acknowledged and seen. Every channel renders
the same notice, so that mail, chat and, later, a voice call cannot disagree.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from watchbill.core.ladder import Step, Verb
from watchbill.core.severity import Severity, Urgency
from watchbill.core.temporal import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of a notice; the primary one is what the reader should press."""

    label: str
    url: str
    is_primary: bool = False


class Reply(StrEnum):
    """What a reader can answer from within a two-way channel."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """An answer that can be given in the channel itself.

    The token names the notification and is short enough for every channel: at most
    24 characters of ``A-Z a-z 0-9 . _ -``.
    """

    reply: Reply
    label: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message, free of any channel's form."""

    #: The same on every attempt, so that a provider can drop a repetition (I5).
    idempotency_key: str
    #: Messages with one thread key belong together, such as those of an incident.
    thread_key: str
    subject: str
    #: Paragraphs of plain text, without markup.
    paragraphs: tuple[str, ...] = ()
    #: Label and value, such as ``("Severity", "P1 Critical")``.
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    #: Offered by channels that carry an answer back; the first is the one to press.
    buttons: tuple[Button, ...] = ()
    #: Four digits by which an answer by text message names this notice.
    reply_code: str = ""
    #: What the provider calls the message that this one follows in a thread (A53).
    follows: str = ""
    severity: str = ""
    urgency: Urgency = Urgency.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The incident that a notice is about."""

    number: int
    title: str
    summary: str
    severity: Severity
    alert_type: str
    status: str
    declared_at: datetime
    is_drill: bool = False
    is_confidential: bool = False
    links: tuple[Link, ...] = ()


_ASKS = {
    Verb.PAGE: "You are asked to take this incident: acknowledge it and start work.",
    Verb.ESCALATE: "You are asked to join this incident and help to restore service.",
    Verb.NOTIFY: "For your information: nobody waits for an answer from you.",
    Verb.POST: "",
    Verb.POSTMORTEM: "The post-mortem of this incident is due now.",
    Verb.CREATE_TICKET: "",
}

_OPENINGS = {
    Verb.PAGE: "Page",
    Verb.ESCALATE: "Escalation",
    Verb.NOTIFY: "Notice",
    Verb.POST: "",
    Verb.POSTMORTEM: "Post-mortem due",
    Verb.CREATE_TICKET: "",
}


def headline(subject: Subject, verb: Verb) -> str:
    """Return the one line that must be enough on a locked phone."""
    drill = "DRILL " if subject.is_drill else ""
    opening = f"{_OPENINGS[verb]}: " if _OPENINGS[verb] else ""
    # A confidential incident is not named where a screen may be seen (A15).
    title = "confidential incident" if subject.is_confidential else subject.title
    # A title comes from outside; a line break in it would end a mail header.
    title = " ".join(title.split())
    return f"{drill}[{subject.severity.key}] {opening}{title} (#{subject.number})"


def reasons(because: tuple[Step, ...], *, is_copy: bool, is_late: bool) -> str:
    """Return why the message comes to its reader, naming the steps it stands for."""
    steps = "; ".join(f"{step.title} at {describe(step.after)}" for step in because)
    late = " This message is late: watchbill was not running." if is_late else ""
    copy = " You get a copy because you shadow the primary." if is_copy else ""
    return f"Sent because of: {steps}.{late}{copy}"


def write(  # noqa: PLR0913 - one argument a fact
    subject: Subject,
    step: Step,
    *,
    because: tuple[Step, ...],
    key: str,
    links: tuple[Link, ...],
    zone: ZoneInfo,
    now: datetime,
    is_copy: bool = False,
    is_late: bool = False,
) -> Notice:
    """Return the notice by which a step, or several merged ones, is said."""
    ask = "" if is_copy else _ASKS[step.verb]
    summary = "" if subject.is_confidential else subject.summary
    why = reasons(because, is_copy=is_copy, is_late=is_late)
    return Notice(
        idempotency_key=key,
        thread_key=f"incident-{subject.number}",
        subject=headline(subject, step.verb),
        paragraphs=tuple(text for text in (ask, summary, why) if text),
        facts=_facts(subject, zone=zone, now=now),
        links=(*links, *(() if subject.is_confidential else subject.links)),
        severity=subject.severity.key,
        urgency=Urgency.LOW if is_copy else step.urgency,
    )


def update(
    subject: Subject,
    text: str,
    *,
    key: str,
    zone: ZoneInfo,
    now: datetime,
    urgency: Urgency = Urgency.LOW,
) -> Notice:
    """Return the notice by which news of an incident is told (S7.1-01).

    ``text`` says in one sentence what changed; it is kept back where the incident is
    confidential.
    """
    drill = "DRILL " if subject.is_drill else ""
    is_secret = subject.is_confidential
    title = "confidential incident" if is_secret else " ".join(subject.title.split())
    news = subject.status if is_secret else " ".join(text.split())
    return Notice(
        idempotency_key=key,
        thread_key=f"incident-{subject.number}",
        subject=f"{drill}[{subject.severity.key}] Update: {title} (#{subject.number})",
        paragraphs=(news,),
        facts=_facts(subject, zone=zone, now=now),
        links=() if is_secret else subject.links,
        severity=subject.severity.key,
        urgency=urgency,
    )


def code(digits: str, *, key: str, minutes: int) -> Notice:
    """Return the notice that carries a code by which an address is verified."""
    return Notice(
        idempotency_key=key,
        thread_key=key,
        subject=f"{digits} is your watchbill code",
        paragraphs=(
            f"Enter it on the page where you added this address, within {minutes}"
            " minutes. If you did not ask for it, you need do nothing.",
        ),
    )


def paging_test(*, key: str, label: str, is_weekly: bool) -> Notice:
    """Return the notice of a test page: what a real one would look like, and no more.

    It asks for a confirmation, because only that shows that a human saw it.
    """
    opening = "Weekly test page" if is_weekly else "Test page"
    return Notice(
        idempotency_key=key,
        thread_key=key,
        subject=f"{opening} for {' '.join(label.split())}",
        paragraphs=(
            "This is a test: nothing is wrong. A real page would come this way."
            " Please confirm that you have seen it.",
        ),
        urgency=Urgency.HIGH,
    )


_NAMED = 10


def digest(subjects: tuple[str, ...], *, key: str, urgent: bool) -> Notice:
    """Return one notice for several that waited for the same reader (F20).

    The first ten are named, which are the most urgent; of the rest the number.
    """
    named = subjects[:_NAMED]
    more = len(subjects) - len(named)
    rest = (f"... and {more} more.",) if more else ()
    return Notice(
        idempotency_key=key,
        thread_key=key,
        subject=f"{len(subjects)} more messages: {subjects[0]}",
        paragraphs=(
            "There were too many messages for you to send each by itself.",
            "\n".join((*named, *rest)),
        ),
        urgency=Urgency.HIGH if urgent else Urgency.LOW,
    )


def _facts(
    subject: Subject, *, zone: ZoneInfo, now: datetime
) -> tuple[tuple[str, str], ...]:
    local = subject.declared_at.astimezone(zone)
    # The type says as much as the title: "Data breach" names no less (A15).
    kind = () if subject.is_confidential else (("Type", subject.alert_type),)
    return (
        ("Severity", f"{subject.severity.key} {subject.severity.title}"),
        ("Status", subject.status),
        *kind,
        (
            "Declared",
            f"{local:%Y-%m-%d %H:%M} {zone.key}"
            f" ({describe(now - subject.declared_at)} ago)",
        ),
    )
