"""The audit log: its table, the triggers that write it, and those that guard it.

``watchbill_audit_attach(table, only_acts, hidden, passed)`` has a table audited; the
migration of a new table calls it, and ``server/audit/scope.py`` names the table.
``hidden`` columns are said to have changed, but not to what: secrets, addresses of
people, long texts. ``passed`` columns are bookkeeping: a change of nothing else writes
no line. With ``only_acts`` only what is done on somebody's behalf is written.

An actor is known by the setting ``watchbill.acting`` of the connection. Without one it
is the engine, or whoever came to the database past watchbill. The instant is the
database's own, which no node and no client can choose.
"""

from django.db import migrations, models

_WRITE = """
CREATE FUNCTION watchbill_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    acting jsonb := nullif(current_setting('watchbill.acting', true), '')::jsonb;
    hidden text[] := string_to_array(TG_ARGV[0], ' ');
    passed text[] := string_to_array(TG_ARGV[1], ' ');
    kind text := replace(TG_TABLE_NAME, 'watchbill_', '');
    is_ours boolean := current_setting('application_name') LIKE 'watchbill%';
    before jsonb := '{}';
    after jsonb := '{}';
    said jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN before := to_jsonb(OLD) - passed; END IF;
    IF TG_OP <> 'DELETE' THEN after := to_jsonb(NEW) - passed; END IF;
    IF before = after THEN RETURN NULL; END IF;
    SELECT jsonb_object_agg(key, CASE
        WHEN TG_OP = 'UPDATE' THEN jsonb_build_array(
            CASE WHEN key = ANY (hidden) AND was <> '' THEN '(hidden)' ELSE left(was, 2000) END,
            CASE WHEN key = ANY (hidden) AND becomes <> '' THEN '(hidden)' ELSE left(becomes, 2000) END)
        WHEN key = ANY (hidden) THEN to_jsonb(text '(hidden)')
        ELSE to_jsonb(left(coalesce(becomes, was), 2000)) END)
    INTO said
    FROM (
        SELECT key, b.value AS was, a.value AS becomes
        FROM jsonb_each_text(before) b FULL JOIN jsonb_each_text(after) a USING (key)
    ) columns
    WHERE was IS DISTINCT FROM becomes AND key <> 'id';
    INSERT INTO watchbill_auditentry (
        at, act, actor_kind, actor_id, actor_name, remote,
        change, subject_kind, subject_id, details)
    VALUES (
        clock_timestamp(),
        coalesce(acting ->> 'act', CASE WHEN is_ours THEN 'engine.' ELSE 'database.' END || kind),
        coalesce(acting ->> 'kind', CASE WHEN is_ours THEN 'engine' ELSE 'database' END),
        coalesce(acting ->> 'id', ''),
        coalesce(acting ->> 'name', CASE WHEN is_ours THEN 'watchbill' ELSE session_user END),
        coalesce(acting ->> 'remote', CASE WHEN is_ours THEN '' ELSE coalesce(host(inet_client_addr()), '') END),
        CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END,
        kind,
        CASE WHEN TG_OP = 'DELETE' THEN before ->> 'id' ELSE after ->> 'id' END,
        coalesce(said, '{}')::text);
    RETURN NULL;
END
$$;

CREATE FUNCTION watchbill_audit_attach(
    watched regclass, only_acts boolean, hidden text, passed text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER audit_change AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW %s'
        ' EXECUTE FUNCTION watchbill_audit_change(%L, %L)',
        watched,
        CASE WHEN only_acts THEN
            'WHEN (current_setting(''watchbill.acting'', true) <> '''')' ELSE '' END,
        hidden, passed);
END
$$;
"""

_NO_WRITE = """
DROP FUNCTION watchbill_audit_attach(regclass, boolean, text, text);
DROP FUNCTION watchbill_audit_change() CASCADE;
"""

_GUARD = """
CREATE FUNCTION watchbill_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.position IS NULL AND OLD.hash IS NULL
            AND NEW.position IS NOT NULL AND length(NEW.hash) = 32
            AND to_jsonb(NEW) - ARRAY['position', 'hash']
                = to_jsonb(OLD) - ARRAY['position', 'hash']
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit log is only ever added to'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'auditentry_kept';
END
$$;

CREATE FUNCTION watchbill_audit_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position IS NOT NULL OR NEW.hash IS NOT NULL OR NOT isfinite(NEW.at) THEN
        RAISE EXCEPTION 'a line of the audit log begins unsealed, at an instant'
            USING ERRCODE = 'integrity_constraint_violation',
                CONSTRAINT = 'auditentry_begun';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER auditentry_begun BEFORE INSERT ON watchbill_auditentry
    FOR EACH ROW EXECUTE FUNCTION watchbill_audit_begin();
CREATE TRIGGER auditentry_kept BEFORE UPDATE OR DELETE ON watchbill_auditentry
    FOR EACH ROW EXECUTE FUNCTION watchbill_audit_refuse();
CREATE TRIGGER auditentry_not_emptied BEFORE TRUNCATE ON watchbill_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION watchbill_audit_refuse();
"""

_NO_GUARD = """
DROP TRIGGER auditentry_not_emptied ON watchbill_auditentry;
DROP TRIGGER auditentry_kept ON watchbill_auditentry;
DROP TRIGGER auditentry_begun ON watchbill_auditentry;
DROP FUNCTION watchbill_audit_begin();
DROP FUNCTION watchbill_audit_refuse();
"""

#: Table, whether only acts, hidden columns, bookkeeping.
_WATCHED = (
    ("absence", False, "", ""),
    (
        "contactmethod",
        False,
        "address code_hash failed_because",
        "code_tries code_expires_at",
    ),
    ("enginehold", False, "", ""),
    ("feedtoken", False, "token_hash", "last_used_at"),
    ("handover", False, "", ""),
    (
        "heartbeatmonitor",
        False,
        "",
        "last_kind last_success_at last_beat_at started_at counts_from missed_at incident_id",
    ),
    ("incidentoffer", False, "", ""),
    ("integration", False, "sealed_secret", "last_event_at accepted"),
    ("integrationkey", False, "key_hash", "last_used_at"),
    ("notificationrule", False, "", ""),
    ("onetimelink", False, "token_hash", ""),
    ("override", False, "", "told_at"),
    ("pagingtest", False, "", ""),
    ("planevent", False, "", ""),
    ("plansignature", False, "", ""),
    ("planversion", False, "text", ""),
    ("quiettime", False, "", ""),
    ("silence", False, "", ""),
    ("swap", False, "", "told_at answer_told_at"),
    ("ticket", False, "", ""),
    ("user", False, "password email", ""),
    (
        "alert",
        True,
        "labels annotations links",
        "last_seen_at received_at count last_entry_id",
    ),
    ("heartbeat", True, "", "tried_at sent_at trouble"),
    ("incident", True, "progress promises", "active_at"),
    ("inboxentry", True, "body envelope disposition", ""),
    (
        "notification",
        True,
        "address notice notice_once_answered next_methods",
        "attempts lease_until last_attempt_at",
    ),
    ("responder", True, "", ""),
    ("roleassignment", True, "", ""),
    ("severitychange", True, "", ""),
    ("timelineentry", True, "", ""),
)

_ATTACH = "\n".join(
    f"SELECT watchbill_audit_attach('watchbill_{table}', {str(only).lower()}, '{hidden}', '{passed}');"
    for table, only, hidden, passed in _WATCHED
)


def _id() -> "models.BigAutoField[int, int]":
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0014_holders")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", _id()),
                ("at", models.DateTimeField()),
                ("act", models.TextField()),
                (
                    "actor_kind",
                    models.TextField(
                        choices=[
                            ("user", "User"),
                            ("contact", "Contact"),
                            ("key", "Key"),
                            ("command", "Command"),
                            ("engine", "Engine"),
                            ("database", "Database"),
                            ("nobody", "Nobody"),
                        ]
                    ),
                ),
                ("actor_id", models.TextField(blank=True)),
                ("actor_name", models.TextField(blank=True)),
                ("remote", models.TextField(blank=True)),
                (
                    "change",
                    models.TextField(
                        choices=[
                            ("created", "Created"),
                            ("changed", "Changed"),
                            ("deleted", "Deleted"),
                            ("shown", "Shown"),
                            ("done", "Done"),
                        ]
                    ),
                ),
                ("subject_kind", models.TextField()),
                ("subject_id", models.TextField(blank=True)),
                ("details", models.TextField(default="{}")),
                ("position", models.BigIntegerField(null=True, unique=True)),
                ("hash", models.BinaryField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["act", "-id"], name="auditentry_act"),
                    models.Index(
                        fields=["actor_kind", "actor_id", "-id"],
                        name="auditentry_actor",
                    ),
                    models.Index(
                        fields=["subject_kind", "subject_id", "-id"],
                        name="auditentry_subject",
                    ),
                    models.Index(fields=["at"], name="auditentry_at"),
                    models.Index(
                        fields=["id"],
                        condition=models.Q(position=None),
                        name="auditentry_unsealed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("id", _id()),
                ("position", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("again_position", models.BigIntegerField()),
                ("again_hash", models.BinaryField()),
                ("checked_at", models.DateTimeField()),
                ("finding", models.TextField(blank=True)),
            ],
        ),
        migrations.RunSQL(_WRITE, _NO_WRITE),
        migrations.RunSQL(_GUARD, _NO_GUARD),
        migrations.RunSQL(_ATTACH, migrations.RunSQL.noop),
    ]
