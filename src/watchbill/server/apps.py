"""The one Django app of watchbill."""

from django.apps import AppConfig
from django.db.models import Field

from watchbill.server.bulk import AnyOf


class WatchbillConfig(AppConfig):
    """All rooms belong to this app, so that there is one migration history."""

    name = "watchbill.server"
    label = "watchbill"
    verbose_name = "watchbill"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Teach every column to be asked for many values at once."""
        Field.register_lookup(AnyOf)
