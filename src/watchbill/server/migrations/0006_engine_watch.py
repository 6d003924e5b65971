"""What the engine knows of itself: audits, gate, hold and downtime.

The trigger is invariant I7 where nobody can forget it: at each COMMIT, an open incident
has a pending look at its ladder, unless its ladder has said that nothing is left
(``next_due_at`` is null). It is deferred, because firing a step moves
the look and writes the incident in one transaction, in whatever order.
"""

from datetime import timedelta

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

_OPEN = "status IN ('triggered', 'acknowledged', 'mitigated')"

_INDEXES = {
    "incident_climbing": f"ON watchbill_incident (id) WHERE {_OPEN} AND next_due_at IS NOT NULL",
    "incident_at_end": "ON watchbill_incident (id) WHERE status = 'triggered' AND next_due_at IS NULL",
    "incident_group": "ON watchbill_incident (group_key) WHERE group_key <> ''",
    "incident_acknowledged": "ON watchbill_incident (acknowledged_at) WHERE acknowledged_at IS NOT NULL",
    "notification_overdue": "ON watchbill_notification (next_attempt_at) WHERE state = 'waiting'",
    "notification_lease": "ON watchbill_notification (lease_until) WHERE state = 'sending'",
}

_TRIGGER = """
CREATE FUNCTION watchbill_require_next_look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    incident bigint;
BEGIN
    IF TG_TABLE_NAME = 'watchbill_incident' THEN
        incident := NEW.id;
    ELSE
        incident := OLD.subject_id;
    END IF;
    PERFORM 1 FROM watchbill_incident i
    WHERE i.id = incident
      AND i.status IN ('triggered', 'acknowledged', 'mitigated')
      AND i.next_due_at IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM watchbill_duestep d
          WHERE d.kind = 'ladder' AND d.subject_id = i.id AND d.state = 'pending'
      );
    IF FOUND THEN
        RAISE EXCEPTION 'incident % is open, and nobody will look at its ladder again', incident
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'incident_has_next_look';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER incident_has_next_look
    AFTER INSERT OR UPDATE OF status, next_due_at ON watchbill_incident
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.next_due_at IS NOT NULL)
    EXECUTE FUNCTION watchbill_require_next_look();

CREATE CONSTRAINT TRIGGER duestep_is_not_the_last_look
    AFTER UPDATE OF state, kind, subject_id ON watchbill_duestep
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.kind = 'ladder' AND OLD.state = 'pending'
          AND (NEW.state <> 'pending' OR NEW.kind <> 'ladder' OR NEW.subject_id <> OLD.subject_id))
    EXECUTE FUNCTION watchbill_require_next_look();

CREATE CONSTRAINT TRIGGER duestep_deleted_was_not_the_last_look
    AFTER DELETE ON watchbill_duestep
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.kind = 'ladder' AND OLD.state = 'pending')
    EXECUTE FUNCTION watchbill_require_next_look();
"""

_NO_TRIGGER = """
DROP TRIGGER duestep_deleted_was_not_the_last_look ON watchbill_duestep;
DROP TRIGGER duestep_is_not_the_last_look ON watchbill_duestep;
DROP TRIGGER incident_has_next_look ON watchbill_incident;
DROP FUNCTION watchbill_require_next_look();
"""


def _id() -> "models.BigAutoField[int, int]":
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0005_severity_and_roles")]

    operations = [
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                ("id", _id()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("is_clean", models.BooleanField()),
                ("findings", models.JSONField(default=list)),
                ("repaired", models.PositiveIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["-finished_at"], name="auditrun_latest"),
                    models.Index(
                        fields=["-finished_at"],
                        name="auditrun_clean",
                        condition=Q(is_clean=True),
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EngineClock",
            fields=[
                ("id", _id()),
                ("offset", models.DurationField(default=timedelta(0))),
                ("moved_by", models.DurationField(null=True)),
                ("moved_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="EngineGate",
            fields=[
                ("id", _id()),
                ("version", models.PositiveIntegerField()),
                ("raised_at", models.DateTimeField()),
                ("raised_by", models.CharField(max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name="EngineHold",
            fields=[
                ("id", _id()),
                ("began_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("reason", models.TextField()),
                ("released_at", models.DateTimeField(null=True)),
                ("released_by", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="EngineMark",
            fields=[
                ("id", _id()),
                ("installation", models.CharField(max_length=32)),
                ("place", models.TextField()),
                ("number", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", _id()),
                ("tried_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("trouble", models.TextField(blank=True)),
                ("dismissed_at", models.DateTimeField(null=True)),
                ("dismissed_by", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Outage",
            fields=[
                ("id", _id()),
                ("began_at", models.DateTimeField(unique=True)),
                ("ended_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="enginenode",
            name="lagging",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="duestep",
            name="plan_version",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="watchbill.planversion",
            ),
        ),
        migrations.AddField(
            model_name="duestep",
            name="quarantined_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="duestep",
            index=models.Index(
                condition=Q(("state", "pending")),
                fields=["kind", "wake_at", "id"],
                name="duestep_by_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="duestep",
            index=models.Index(
                condition=Q(("quarantined_at__isnull", False), ("state", "pending")),
                fields=["id"],
                name="duestep_quarantined",
            ),
        ),
        *(
            migrations.RunSQL(f"CREATE INDEX {name} {rest}", f"DROP INDEX {name}")
            for name, rest in _INDEXES.items()
        ),
        migrations.RunSQL(_TRIGGER, _NO_TRIGGER),
    ]
