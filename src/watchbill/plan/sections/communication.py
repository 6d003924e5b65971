"""Communication: what the public is told, where, how often, in which languages."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from watchbill.core.reviews import Cycle
from watchbill.plan.quantities import MeetingWhen, PublicText
from watchbill.plan.sections.entry import Entry, Keys
from watchbill.plan.sections.process import Clock
from watchbill.plan.values import ChannelKind, Duration, Email, Key, Text, Truth


class ExternalChannelEntry(Entry):
    """One row of the external channels (S7.2)."""

    title: Text
    purpose: Text
    frequency: Text


class Threads(StrEnum):
    """How messages about one alert hang together (A53)."""

    ONE_PER_ALERT = "one_per_alert"
    NONE = "none"


class CommunicationEntry(Entry):
    """How messages leave, and where the public is told (S7.2)."""

    #: The mailbox of the help desk: mail to it becomes a ticket (A38).
    intake: Email = None
    #: Tried in this order when a channel fails (A51).
    fallback: tuple[ChannelKind, ...] = (
        ChannelKind.SLACK,
        ChannelKind.EMAIL,
        ChannelKind.SMS,
    )
    threads: Threads = Threads.ONE_PER_ALERT
    external: dict[Key, ExternalChannelEntry] = Field(default_factory=dict)


class MeetsEntry(Entry):
    """When the people of a meeting come together (A54)."""

    frequency: Cycle
    at: MeetingWhen


class PageState(StrEnum):
    """What the status page says of a component."""

    MAJOR_OUTAGE = "major_outage"
    PARTIAL_OUTAGE = "partial_outage"
    DEGRADED_PERFORMANCE = "degraded_performance"
    MAINTENANCE = "maintenance"


class Publish(StrEnum):
    """When a suggested state is published (A16)."""

    #: After a while, unless somebody holds it.
    AUTOMATIC = "automatic"
    #: When somebody marks the incident as felt by users.
    WHEN_USER_IMPACTING = "when_user_impacting"
    NEVER = "never"


class Update(StrEnum):
    """When news is due that has no interval."""

    BEFORE_AND_AFTER = "before and after"


class StatusLevelEntry(Entry):
    """What the status page says of a severity, and how often it is updated (S7.3)."""

    title: PublicText | None = None
    state: PageState
    #: Counted from the last published update (A17).
    update_every: Duration | None = None
    update: Update | None = None
    #: The hours at which updates are due (A17).
    clock: Clock = Clock.ALL_HOURS
    publish: Publish = Publish.WHEN_USER_IMPACTING
    publish_after: Duration = timedelta(minutes=5)


class StatusPageEntry(Entry):
    """The public status page (S7.3)."""

    levels: Annotated[dict[Key, StatusLevelEntry], Field(min_length=1)]
    #: Before an update is due (S7.3-09).
    reminder_before: Duration = timedelta(minutes=5)
    #: After an update was due, the commander is told too (S7.3-09).
    commander_after: Duration = timedelta(minutes=5)
    #: A public JSON feed, for a banner in the app (A56).
    feed: Truth = True


class Missing(StrEnum):
    """What a missing translation does; it never holds a message back (A50)."""

    WARN = "warn"
    IGNORE = "ignore"


class LanguageEntry(Entry):
    """How public texts are translated (A50)."""

    missing_translation: Missing = Missing.WARN


class KnowledgeEntry(Entry):
    """A place where knowledge is kept (S8.2)."""

    title: PublicText
    url: Text
    #: Shown to customers as well.
    public: Truth = False
    audience: Keys = ()
