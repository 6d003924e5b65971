"""Versions of the plan are proposed, signed and recorded, and never changed.

What was proposed, signed and recorded is evidence (SE-01), so the database itself
refuses to change it, whichever program asks.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_STATES = ["loaded", "proposed", "approved", "rejected", "withdrawn"]
_KINDS = [
    ("loaded", "Loaded"),
    ("proposed", "Proposed"),
    ("signed", "Signed"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("withdrawn", "Withdrawn"),
]
_FIXED = (
    "label",
    "title",
    "source_name",
    "text",
    "digest",
    "loaded_at",
    "author",
    "author_user_id",
    "reason",
    "based_on_id",
    "effective_at",
    "signers",
)
_CHANGED = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in _FIXED)

_GUARD = f"""
CREATE FUNCTION watchbill_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER planversion_fixed BEFORE UPDATE ON watchbill_planversion
    FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION watchbill_refuse_change();
CREATE TRIGGER planversion_kept BEFORE DELETE ON watchbill_planversion
    FOR EACH ROW EXECUTE FUNCTION watchbill_refuse_change();
CREATE TRIGGER plansignature_fixed BEFORE UPDATE OR DELETE ON watchbill_plansignature
    FOR EACH ROW EXECUTE FUNCTION watchbill_refuse_change();
CREATE TRIGGER planevent_fixed BEFORE UPDATE OR DELETE ON watchbill_planevent
    FOR EACH ROW EXECUTE FUNCTION watchbill_refuse_change();
"""
_UNGUARD = """
DROP TRIGGER planevent_fixed ON watchbill_planevent;
DROP TRIGGER plansignature_fixed ON watchbill_plansignature;
DROP TRIGGER planversion_kept ON watchbill_planversion;
DROP TRIGGER planversion_fixed ON watchbill_planversion;
DROP FUNCTION watchbill_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0001_first_rooms")]

    operations = [
        migrations.AddField(
            "planversion",
            "state",
            models.CharField(
                choices=[(state, state) for state in _STATES],
                default="loaded",
                max_length=10,
            ),
        ),
        migrations.AddField(
            "planversion", "author", models.CharField(blank=True, max_length=200)
        ),
        migrations.AddField(
            "planversion",
            "author_user",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField("planversion", "reason", models.TextField(blank=True)),
        migrations.AddField(
            "planversion",
            "based_on",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="watchbill.planversion",
            ),
        ),
        migrations.AddField(
            "planversion", "effective_at", models.DateTimeField(null=True)
        ),
        migrations.AddField("planversion", "signers", models.JSONField(default=list)),
        migrations.AddField(
            "planversion", "decided_at", models.DateTimeField(null=True)
        ),
        migrations.CreateModel(
            name="PlanEvent",
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
                ("kind", models.CharField(choices=_KINDS, max_length=10)),
                ("actor", models.CharField(max_length=200)),
                ("text", models.TextField(blank=True)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="watchbill.planversion",
                    ),
                ),
            ],
            options={"ordering": ["at", "pk"]},
        ),
        migrations.CreateModel(
            name="PlanSignature",
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
                ("role", models.CharField(max_length=80)),
                ("contact_key", models.CharField(max_length=80)),
                ("person", models.CharField(max_length=200)),
                ("signed_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="watchbill.planversion",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "plansignature",
            models.UniqueConstraint(
                fields=("version", "role"), name="plansignature_once"
            ),
        ),
        migrations.RunSQL(_GUARD, _UNGUARD),
    ]
