"""Messages: what is said to a person or a channel, before a channel gives it form.

A *notice* says in this order what is wrong, how bad, since when, why it comes to
you, and what to do: the first line must be enough on a locked phone. It carries
the links by which the incident is acknowledged and seen. Every channel renders
the same notice, so that mail, chat and, later, a voice call cannot disagree.
"""

from dataclasses import dataclass
from datetime import datetime
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


def _facts(
    subject: Subject, *, zone: ZoneInfo, now: datetime
) -> tuple[tuple[str, str], ...]:
    local = subject.declared_at.astimezone(zone)
    return (
        ("Severity", f"{subject.severity.key} {subject.severity.title}"),
        ("Status", subject.status),
        ("Type", subject.alert_type),
        (
            "Declared",
            f"{local:%Y-%m-%d %H:%M} {zone.key}"
            f" ({describe(now - subject.declared_at)} ago)",
        ),
    )
