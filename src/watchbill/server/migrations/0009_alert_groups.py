"""The group of each alert, since when it is muted, and how both are found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watchbill", "0008_intake_rooms"),
    ]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="group_key",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="alert",
            name="is_confidential",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="alert",
            name="muted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("is_flapping", True)),
                fields=["id"],
                name="alert_flapping",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("is_current", True)),
                fields=["group_key"],
                name="alert_group",
            ),
        ),
    ]
