"""Who has an incident, by their key: until now the last to join was taken for them."""

from django.db import migrations, models

# The taker came at the very instant at which the incident was taken. Where they have
# come again since, it is whoever of those who joined came first.
_FILL = """
    UPDATE watchbill_incident i SET holder = COALESCE((
        SELECT r.contact_key FROM watchbill_responder r
        WHERE r.incident_id = i.id AND r.joined_at >= i.taken_at
        ORDER BY r.joined_at, r.id LIMIT 1), '')
    WHERE i.status IN ('acknowledged', 'mitigated') AND i.taken_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("watchbill", "0013_on_call")]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="holder",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
