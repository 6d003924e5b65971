"""Keys of their own, silences, heartbeats, reported changes, and muted alerts."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watchbill", "0007_hooks"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangeEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("summary", models.TextField()),
                ("source", models.TextField(blank=True, default="")),
                ("service", models.TextField(blank=True, default="")),
                ("details", models.JSONField(default=dict)),
                ("links", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="HeartbeatEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("start", "start"),
                            ("success", "success"),
                            ("fail", "fail"),
                            ("log", "log"),
                        ],
                        max_length=10,
                    ),
                ),
                ("exit_code", models.SmallIntegerField(null=True)),
                ("run", models.CharField(blank=True, default="", max_length=64)),
                ("log", models.TextField(blank=True, default="")),
                ("took", models.DurationField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="HeartbeatMonitor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("slug", models.CharField(blank=True, max_length=100)),
                ("name", models.CharField(max_length=200)),
                ("period", models.DurationField()),
                ("grace", models.DurationField()),
                ("severity", models.TextField(blank=True, default="")),
                ("is_watchdog", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("paused_at", models.DateTimeField(null=True)),
                (
                    "last_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("start", "start"),
                            ("success", "success"),
                            ("fail", "fail"),
                            ("log", "log"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("last_success_at", models.DateTimeField(null=True)),
                ("last_beat_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("missed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="IntegrationKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("key_hash", models.CharField(max_length=64, unique=True)),
                ("hint", models.CharField(max_length=12)),
                ("scopes", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("matchers", models.JSONField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=200)),
                ("comment", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("ended_by", models.CharField(blank=True, default="", max_length=200)),
            ],
        ),
        migrations.AddField(
            model_name="integrationkey",
            name="integration",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="keys",
                to="watchbill.integration",
            ),
        ),
        migrations.RunSQL(
            """
            INSERT INTO watchbill_integrationkey
                (integration_id, key_hash, hint, scopes, created_at, revoked_at)
            SELECT id, key_hash, key_hint, '["post"]', created_at, revoked_at
            FROM watchbill_integration
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(
            model_name="integration",
            name="key_hash",
        ),
        migrations.RemoveField(
            model_name="integration",
            name="key_hint",
        ),
        migrations.AddField(
            model_name="alert",
            name="expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="flips",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="alert",
            name="is_flapping",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="alert",
            name="last_entry",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="watchbill.inboxentry",
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="muted_by",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="inboxentry",
            name="envelope",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="inboxentry",
            name="replay_of",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="watchbill.inboxentry",
            ),
        ),
        migrations.AddField(
            model_name="inboxentry",
            name="request_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="integration",
            name="mapping",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="integration",
            name="options",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="integration",
            name="per_minute",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="integration",
            name="sealed_secret",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AlterField(
            model_name="alert",
            name="incident",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="alerts",
                to="watchbill.incident",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("status", "firing")),
                fields=["-id"],
                name="alert_firing",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("expires_at__isnull", False), ("status", "firing")),
                fields=["expires_at"],
                name="alert_expiring",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("incident", None), ("status", "firing")),
                fields=["id"],
                name="alert_muted",
            ),
        ),
        migrations.AddIndex(
            model_name="inboxentry",
            index=models.Index(fields=["integration", "-id"], name="inbox_latest"),
        ),
        migrations.AddIndex(
            model_name="inboxentry",
            index=models.Index(
                condition=models.Q(("request_id__isnull", False)),
                fields=["request_id"],
                name="inbox_request",
            ),
        ),
        migrations.AddField(
            model_name="changeevent",
            name="integration",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="watchbill.integration"
            ),
        ),
        migrations.AddField(
            model_name="heartbeatmonitor",
            name="incident",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                to="watchbill.incident",
            ),
        ),
        migrations.AddField(
            model_name="heartbeatmonitor",
            name="integration",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="watchbill.integration"
            ),
        ),
        migrations.AddField(
            model_name="heartbeatevent",
            name="monitor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="watchbill.heartbeatmonitor",
            ),
        ),
        migrations.AddField(
            model_name="silence",
            name="integration",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="watchbill.integration",
            ),
        ),
        migrations.AddIndex(
            model_name="changeevent",
            index=models.Index(fields=["-at"], name="change_event_at"),
        ),
        migrations.AddConstraint(
            model_name="heartbeatmonitor",
            constraint=models.UniqueConstraint(
                fields=("integration", "slug"), name="heartbeat_once"
            ),
        ),
        migrations.AddIndex(
            model_name="heartbeatevent",
            index=models.Index(fields=["monitor", "-id"], name="heartbeat_latest"),
        ),
        migrations.AddIndex(
            model_name="silence",
            index=models.Index(fields=["ends_at"], name="silence_ends"),
        ),
    ]
