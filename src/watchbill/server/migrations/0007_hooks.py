"""Calls of providers seen already, and the chat rooms of incidents."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watchbill", "0006_engine_watch"),
    ]

    operations = [
        migrations.CreateModel(
            name="PollCursor",
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
                ("provider", models.CharField(max_length=40, unique=True)),
                ("cursor", models.TextField(blank=True)),
                ("polled_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SeenCall",
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
                ("provider", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["seen_at"], name="watchbill_s_seen_at_99631b_idx"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChatPost",
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
                ("status", models.CharField(max_length=14)),
                ("next_attempt_at", models.DateTimeField()),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                (
                    "notification",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chat_post",
                        to="watchbill.notification",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["next_attempt_at"],
                        name="watchbill_c_next_at_62ea1e_idx",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChatRoom",
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
                ("provider", models.CharField(max_length=40)),
                ("channel_id", models.CharField(blank=True, max_length=80)),
                ("name", models.CharField(blank=True, max_length=80)),
                ("url", models.URLField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField()),
                ("topic", models.TextField(blank=True)),
                ("first_message", models.CharField(blank=True, max_length=80)),
                ("invited", models.JSONField(default=list)),
                ("next_attempt_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("detail", models.TextField(blank=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chat_rooms",
                        to="watchbill.incident",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled_at", None)),
                        fields=["next_attempt_at"],
                        name="chatroom_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("incident", "provider"), name="chatroom_once"
                    )
                ],
            },
        ),
    ]
