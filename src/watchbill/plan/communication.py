"""Communication: what the public is told, where, how often, in which languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from watchbill.core.paging import MethodKind
from watchbill.core.reviews import Cycle, MeetingTime
from watchbill.plan.rows import row, table
from watchbill.plan.sections.communication import (
    CommunicationEntry,
    PageState,
    Publish,
    StatusPageEntry,
    Threads,
    Update,
)
from watchbill.plan.sections.process import Clock
from watchbill.plan.values import ChannelKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalChannel:
    """Where the public is told (S7.2)."""

    key: str
    title: str
    purpose: str
    #: In the words of the plan, such as ``As needed``.
    frequency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Communication:
    """How messages leave, and where the public is told."""

    #: The mailbox whose mail becomes tickets; None when the plan names none.
    intake: str | None
    #: The order in which channels are tried when one fails (A51).
    fallback: tuple[ChannelKind, ...]
    threads: Threads
    external: Mapping[str, ExternalChannel]

    @property
    def failover(self) -> tuple[MethodKind, ...]:
        """The same order in terms of how a message comes to a person."""
        kinds = (_METHODS.get(kind) for kind in self.fallback)
        return tuple(dict.fromkeys(kind for kind in kinds if kind is not None))


_METHODS = {
    ChannelKind.SLACK: MethodKind.CHAT,
    ChannelKind.TELEGRAM: MethodKind.CHAT,
    ChannelKind.EMAIL: MethodKind.EMAIL,
    ChannelKind.SMS: MethodKind.SMS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meets:
    """When the people of a meeting come together (A54)."""

    frequency: Cycle
    at: MeetingTime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLevel:
    """What the status page says of a severity, and how often (S7.3)."""

    #: The severity.
    key: str
    #: By language; empty when the plan leaves the words to watchbill.
    title: Mapping[str, str]
    state: PageState
    #: Counted from the last published update; None when there is no interval.
    update_every: timedelta | None
    update: Update | None
    clock: Clock
    publish: Publish
    #: For what is published automatically.
    publish_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """The public status page."""

    #: By severity.
    levels: Mapping[str, StatusLevel]
    #: Before an update is due.
    reminder_before: timedelta
    #: After an update was due.
    commander_after: timedelta
    feed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgePlace:
    """A place where knowledge is kept (S8.2)."""

    key: str
    #: By language.
    title: Mapping[str, str]
    url: str
    public: bool
    audience: tuple[str, ...]


def build_communication(entry: CommunicationEntry) -> Communication:
    """Return how messages leave."""
    external = table(ExternalChannel, entry.external)
    return row(Communication, entry, external=external)


def build_status_page(entry: StatusPageEntry) -> StatusPage:
    """Return what the public status page does."""
    levels = {
        key: row(StatusLevel, one, key=key, title=one.title or {})
        for key, one in entry.levels.items()
    }
    return row(StatusPage, entry, levels=levels)
