"""Calls seen already, where polling stands, and the chat rooms of incidents."""

from django.db import models
from django.db.models import Q


class SeenCall(models.Model):
    """A call that was acted on; the same one again does nothing.

    The row is inserted in the transaction that acts, so that a call whose work was
    rolled back may come again, and two at once are told apart by the index.
    """

    provider = models.CharField(max_length=40)
    #: Of everything that a signature covers; the call itself is not stored.
    digest = models.CharField(max_length=64, unique=True)
    seen_at = models.DateTimeField()

    class Meta:
        """Pruned by age."""

        indexes = [models.Index(fields=["seen_at"])]

    def __str__(self) -> str:
        return f"{self.provider} at {self.seen_at:%Y-%m-%d %H:%M:%S}"


class PollCursor(models.Model):
    """Up to where a provider was asked for what came in."""

    provider = models.CharField(max_length=40, unique=True)
    cursor = models.TextField(blank=True)
    #: When it was asked last; while a node asks, until when no other one may.
    polled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.provider} polled at {self.polled_at:%Y-%m-%d %H:%M:%S}"


class ChatRoom(models.Model):
    """The room of an incident in a chat: what it should have, and has (S3.1-06).

    The row is inserted before anything is asked of the provider, and each thing done
    is recorded when the provider has confirmed it; so whoever finds the row after a
    crash goes on with what is missing. It is worked on under a lease, like a
    notification: ``attempts`` is the token, and only its latest holder may record.
    """

    incident = models.ForeignKey(
        "watchbill.Incident", on_delete=models.CASCADE, related_name="chat_rooms"
    )
    provider = models.CharField(max_length=40)
    #: Empty until the provider has made it.
    channel_id = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=80, blank=True)
    url = models.URLField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    topic = models.TextField(blank=True)
    #: The provider's name of the first message.
    first_message = models.CharField(max_length=80, blank=True)
    #: Contacts who were invited, or cannot be; neither is tried again.
    invited = models.JSONField(default=list)

    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    #: In a row; those of a day ago tell nothing about now.
    failures = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    #: Nothing is to be done any more: the incident is over, or it cannot be done.
    settled_at = models.DateTimeField(null=True)
    detail = models.TextField(blank=True)

    class Meta:
        """One room for an incident in each chat."""

        constraints = [
            models.UniqueConstraint(
                fields=["incident", "provider"], name="chatroom_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="chatroom_open",
                condition=Q(settled_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.name or '(not made yet)'} of incident {self.incident_id}"


class ChatPost(models.Model):
    """The first post about an incident in a channel, kept true to its status."""

    notification = models.OneToOneField(
        "watchbill.Notification", on_delete=models.CASCADE, related_name="chat_post"
    )
    #: The status that it shows.
    status = models.CharField(max_length=14)
    next_attempt_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        """Taken in the order of time."""

        indexes = [models.Index(fields=["next_attempt_at"])]

    def __str__(self) -> str:
        return f"post {self.notification_id} shows {self.status}"
