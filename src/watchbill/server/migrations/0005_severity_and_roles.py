"""Severity changes, response roles and the memory of an acknowledgement."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0004_contact_methods")]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="ack_lapsed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="active_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="clock_started_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="grade",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="incident",
            name="promises",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="incident",
            name="resolution_missed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="response_missed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="taken_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="responder",
            name="joined_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="ticket",
            name="level",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="timelineentry",
            name="news",
            field=models.CharField(blank=True, max_length=14),
        ),
        migrations.AlterField(
            model_name="stepfiring",
            name="reason",
            field=models.CharField(
                choices=[
                    ("due", "due"),
                    ("brought_forward", "brought_forward"),
                    ("stopped", "stopped"),
                    ("not_at_this_hour", "not_at_this_hour"),
                    ("confidential", "confidential"),
                    ("reached_nobody", "reached_nobody"),
                    ("done_before", "done_before"),
                    ("downgraded", "downgraded"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="RoleAssignment",
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
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("commander", "commander"),
                            ("operations", "operations"),
                            ("communications", "communications"),
                            ("scribe", "scribe"),
                            ("sme", "sme"),
                        ],
                        max_length=20,
                    ),
                ),
                ("contact_key", models.TextField(blank=True)),
                ("label", models.TextField()),
                ("is_acting", models.BooleanField(default=False)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="roles",
                        to="watchbill.incident",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("until", None), models.Q(("role", "sme"), _negated=True)
                        ),
                        fields=("incident", "role"),
                        name="roleassignment_one_holder",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SeverityChange",
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
                ("number", models.PositiveSmallIntegerField()),
                ("from_severity", models.TextField()),
                ("to_severity", models.TextField()),
                ("reason", models.TextField()),
                ("by", models.TextField()),
                ("at", models.DateTimeField()),
                ("group_key", models.TextField(blank=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="severity_changes",
                        to="watchbill.incident",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("group_key", ""), _negated=True),
                        fields=["group_key"],
                        name="severitychange_group",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("incident", "number"), name="severitychange_number_once"
                    )
                ],
            },
        ),
    ]
