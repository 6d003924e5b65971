"""Second factors are audited, and the table of Django's cache.

The cache remembers codes that were used and counts attempts. Its layout is that of
`createcachetable`, written here so that one history makes all.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0003_authenticator_type_uniq"),
        ("watchbill", "0015_audit"),
    ]

    operations = [
        migrations.AddField(
            "user",
            "session_epoch",
            models.PositiveIntegerField(default=0, db_default=0),
        ),
        migrations.RunSQL(
            """
            CREATE TABLE watchbill_cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX watchbill_cache_expires ON watchbill_cache (expires);
            """,
            "DROP TABLE watchbill_cache",
        ),
        migrations.RunSQL(
            "SELECT watchbill_audit_attach("
            "'mfa_authenticator', false, 'data', 'last_used_at')",
            "DROP TRIGGER audit_change ON mfa_authenticator",
        ),
    ]
