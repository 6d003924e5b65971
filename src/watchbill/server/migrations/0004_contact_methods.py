"""Contact methods and rules of people, receipts and times of notifications."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watchbill", "0003_once_answered"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactMethod",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("phone", "phone"),
                            ("email", "email"),
                            ("slack", "slack"),
                            ("telegram", "telegram"),
                            ("push", "push"),
                        ],
                        max_length=12,
                    ),
                ),
                ("address", models.TextField()),
                ("label", models.TextField(blank=True)),
                ("is_of_plan", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("verified_at", models.DateTimeField(null=True)),
                ("code_hash", models.CharField(blank=True, max_length=64)),
                ("code_expires_at", models.DateTimeField(null=True)),
                ("code_tries", models.PositiveSmallIntegerField(default=0)),
                ("failed_at", models.DateTimeField(null=True)),
                ("failed_because", models.TextField(blank=True)),
                ("opted_out_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="NotificationRule",
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
                (
                    "urgency",
                    models.CharField(
                        choices=[("high", "high"), ("low", "low")], max_length=8
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("voice", "voice"),
                            ("sms", "sms"),
                            ("push", "push"),
                            ("chat", "chat"),
                            ("email", "email"),
                        ],
                        max_length=12,
                    ),
                ),
                ("after_seconds", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="PagingTest",
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
                ("label", models.TextField()),
                ("sent_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("asked_by", models.TextField()),
                ("is_weekly", models.BooleanField(default=False)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("confirmed_by", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="QuietTime",
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
                ("contact_key", models.TextField(unique=True)),
                ("starts", models.TimeField()),
                ("ends", models.TimeField()),
                ("zone", models.CharField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name="notification",
            name="bundled_into",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="members",
                to="watchbill.notification",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            "UPDATE watchbill_notification SET due_at = created_at",
            migrations.RunSQL.noop,
        ),
        # What was waiting on a foreign key's check would forbid the next line.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="notification",
            name="due_at",
            field=models.DateTimeField(),
        ),
        migrations.AddField(
            model_name="notification",
            name="is_follow_up",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="notification",
            name="last_attempt_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("incident", "Incident"),
                    ("digest", "Digest"),
                    ("test", "Test"),
                    ("verification", "Verification"),
                ],
                default="incident",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="receipt",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "none expected"),
                    ("pending", "Pending"),
                    ("delivered", "Delivered"),
                    ("failed", "Failed"),
                    ("missing", "Missing"),
                ],
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="receipt_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="receipt_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=["provider_ref"],
                name="delivery_reference",
            ),
        ),
        migrations.AddIndex(
            model_name="contactmethod",
            index=models.Index(
                fields=["kind", "address"], name="watchbill_c_kind_37b5eb_idx"
            ),
        ),
        migrations.AddConstraint(
            model_name="contactmethod",
            constraint=models.UniqueConstraint(
                fields=("contact_key", "kind", "address"), name="contactmethod_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationrule",
            constraint=models.UniqueConstraint(
                fields=("contact_key", "urgency", "kind", "after_seconds"),
                name="notificationrule_once",
            ),
        ),
        migrations.AddIndex(
            model_name="pagingtest",
            index=models.Index(
                fields=["contact_key", "-sent_at"],
                name="watchbill_p_contact_612b11_idx",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="paging_test",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="watchbill.pagingtest",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                fields=["channel", "address", "-last_attempt_at"],
                name="notification_pace",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("receipt_due_at__isnull", False)),
                fields=["channel", "receipt_due_at"],
                name="notification_receipt",
            ),
        ),
    ]
