"""The one Django app of watchbill."""

from django.apps import AppConfig


class WatchbillConfig(AppConfig):
    """All rooms belong to this app, so that there is one migration history."""

    name = "watchbill.server"
    label = "watchbill"
    verbose_name = "watchbill"
    default_auto_field = "django.db.models.BigAutoField"
