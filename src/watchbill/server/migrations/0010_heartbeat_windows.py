"""Monitors of the plan's windows, and from when on silence counts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0009_alert_groups")]

    operations = [
        migrations.AddField(
            model_name="heartbeatmonitor",
            name="counts_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="heartbeatmonitor",
            name="window",
            field=models.TextField(blank=True, default=""),
        ),
    ]
