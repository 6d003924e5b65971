"""Users of the console, one-time links, and failed attempts to sign in."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from watchbill.core.access import ConsoleRole


class UserManager(BaseUserManager["User"]):
    """Looks a user up by e-mail address, whatever its capitals."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this address; User.DoesNotExist otherwise."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """Somebody who may sign in to the console."""

    #: In lower case, so that an address belongs to one user whatever its capitals.
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in ConsoleRole]
    )
    #: The contact of the plan that this user is, if any.
    contact_key = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    #: Raised when a second factor is added or removed, which ends the other sessions.
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)

    objects = UserManager()

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return what a session must hold: it ends with the password and the epoch."""
        own: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]
        return f"{own}{self.session_epoch}" if self.session_epoch else own


class LinkPurpose(models.TextChoices):
    """What a one-time link is good for."""

    CREATE_OWNER = "create_owner"
    SIGN_IN = "sign_in"


class OneTimeLink(models.Model):
    """A link that works once; only the digest of its token is stored."""

    token_hash = models.CharField(max_length=64, unique=True)
    purpose = models.CharField(max_length=20, choices=LinkPurpose.choices)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} until {self.expires_at:%Y-%m-%d %H:%M}"


class SignInFailure(models.Model):
    """A failed attempt to sign in, counted against address and origin."""

    email_hash = models.CharField(max_length=64)
    remote = models.CharField(max_length=64)
    failed_at = models.DateTimeField()

    class Meta:
        """Counted by either key over a short time."""

        indexes = [
            models.Index(fields=["email_hash", "failed_at"]),
            models.Index(fields=["remote", "failed_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.remote} at {self.failed_at:%Y-%m-%d %H:%M}"
