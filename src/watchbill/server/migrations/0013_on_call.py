"""What people change of the watch: overrides, swaps, absences, hand-overs, feeds."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watchbill", "0012_wished_posts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("incident", "Incident"),
                    ("digest", "Digest"),
                    ("test", "Test"),
                    ("verification", "Verification"),
                    ("on_call", "On Call"),
                ],
                default="incident",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="planevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("loaded", "Loaded"),
                    ("proposed", "Proposed"),
                    ("signed", "Signed"),
                    ("approved", "Approved"),
                    ("rejected", "Rejected"),
                    ("withdrawn", "Withdrawn"),
                    ("amended", "Amended"),
                    ("overtaken", "Overtaken"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Absence",
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
                ("contact_key", models.TextField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("leave", "Leave"),
                            ("sick", "Sick"),
                            ("other", "Other"),
                        ],
                        default="leave",
                        max_length=10,
                    ),
                ),
                ("note", models.TextField(blank=True, default="")),
                ("made_by", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                (
                    "cancelled_by",
                    models.CharField(blank=True, default="", max_length=200),
                ),
                ("cancelled_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("cancelled_at", None)),
                        fields=["ends_at"],
                        name="absence_in_force",
                    ),
                    models.Index(
                        fields=["contact_key", "ends_at"], name="absence_listed"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="absence_forward",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FeedToken",
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
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("contact_key", models.TextField(blank=True, default="")),
                ("schedule_key", models.TextField(blank=True, default="")),
                ("made_for", models.TextField(blank=True, default="")),
                ("made_by", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "revoked_by",
                    models.CharField(blank=True, default="", max_length=200),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["made_for", "-id"], name="feedtoken_listed")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("contact_key", ""), _negated=True),
                                ("schedule_key", ""),
                            ),
                            models.Q(
                                ("contact_key", ""),
                                models.Q(("schedule_key", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="feedtoken_of_one",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Handover",
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
                ("schedule_key", models.TextField()),
                (
                    "duty",
                    models.CharField(
                        choices=[
                            ("primary", "primary"),
                            ("secondary", "secondary"),
                            ("shadow", "shadow"),
                        ],
                        max_length=10,
                    ),
                ),
                ("from_contact", models.TextField()),
                ("to_contact", models.TextField()),
                ("at", models.DateTimeField()),
                ("summary", models.TextField(blank=True, default="")),
                ("written_at", models.DateTimeField(null=True)),
                ("accepted_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["from_contact", "-at"], name="handover_from"),
                    models.Index(fields=["to_contact", "-at"], name="handover_to"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "schedule_key",
                            "duty",
                            "at",
                            "from_contact",
                            "to_contact",
                        ),
                        name="handover_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ShiftNotice",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("24h", "a day before it begins"),
                            ("1h", "an hour before it begins"),
                            ("start", "that whoever begins it cannot be reached"),
                            ("handover", "that whoever leaves is asked for a summary"),
                            ("gaps", "what is wrong with the coming two weeks"),
                        ],
                        max_length=10,
                    ),
                ),
                ("schedule_key", models.TextField(blank=True, default="")),
                (
                    "duty",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("primary", "primary"),
                            ("secondary", "secondary"),
                            ("shadow", "shadow"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("contact_key", models.TextField()),
                ("starts_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["starts_at"], name="shiftnotice_at")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "kind",
                            "schedule_key",
                            "duty",
                            "contact_key",
                            "starts_at",
                        ),
                        name="shiftnotice_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Swap",
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
                ("schedule_key", models.TextField()),
                (
                    "duty",
                    models.CharField(
                        choices=[
                            ("primary", "primary"),
                            ("secondary", "secondary"),
                            ("shadow", "shadow"),
                        ],
                        max_length=10,
                    ),
                ),
                ("asked_by", models.TextField()),
                ("asked_of", models.TextField(blank=True, default="")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("return_starts_at", models.DateTimeField(null=True)),
                ("return_ends_at", models.DateTimeField(null=True)),
                ("message", models.TextField(blank=True, default="")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Asked"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("made_by", models.CharField(max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.TextField(blank=True, default="")),
                ("told_at", models.DateTimeField(null=True)),
                ("answer_told_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "asked")),
                        fields=["starts_at"],
                        name="swap_open",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("told_at", None), ("answer_told_at", None), _connector="OR"
                        ),
                        fields=["id"],
                        name="swap_to_tell",
                    ),
                    models.Index(fields=["asked_by", "-id"], name="swap_of_asker"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="swap_forward",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("return_ends_at", None), ("return_starts_at", None)
                            ),
                            ("return_ends_at__gt", models.F("return_starts_at")),
                            _connector="OR",
                        ),
                        name="swap_return_forward",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="notification",
            name="swap",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="watchbill.swap",
            ),
        ),
        migrations.CreateModel(
            name="IncidentOffer",
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
                ("from_contact", models.TextField()),
                ("to_contact", models.TextField()),
                ("offered_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("is_accepted", models.BooleanField(default=False)),
                (
                    "handover",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="watchbill.handover",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="offers",
                        to="watchbill.incident",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("incident", "handover"), name="incidentoffer_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Override",
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
                ("schedule_key", models.TextField()),
                (
                    "duty",
                    models.CharField(
                        choices=[
                            ("primary", "primary"),
                            ("secondary", "secondary"),
                            ("shadow", "shadow"),
                        ],
                        max_length=10,
                    ),
                ),
                ("contact_key", models.TextField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True, default="")),
                ("made_by", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField()),
                (
                    "cancelled_by",
                    models.CharField(blank=True, default="", max_length=200),
                ),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                (
                    "swap",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to="watchbill.swap",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("cancelled_at", None)),
                        fields=["ends_at"],
                        name="override_in_force",
                    ),
                    models.Index(
                        fields=["schedule_key", "ends_at"], name="override_listed"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="override_forward",
                    )
                ],
            },
        ),
    ]
