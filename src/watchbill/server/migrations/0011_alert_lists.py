"""What fires and the other times of a condition are found by an index each."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0010_heartbeat_windows")]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                fields=["integration", "fingerprint", "-id"], name="alert_condition"
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="integration",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="watchbill.integration",
            ),
        ),
        migrations.RemoveIndex(model_name="alert", name="alert_firing"),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("is_current", True), ("status", "firing")),
                fields=["-id"],
                name="alert_firing",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("is_catch_all", True), ("is_current", True), ("status", "firing")
                ),
                fields=["-id"],
                name="alert_catch_all",
            ),
        ),
    ]
