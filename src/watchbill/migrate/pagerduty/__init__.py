"""PagerDuty: users, teams, schedules, overrides and escalation policies.

Read as the REST API v2 answers them (``/users?include[]=contact_methods``, ``/teams``,
``/schedules/<id>?since=…&until=…``, ``/schedules/<id>/overrides``,
``/escalation_policies``), one answer a file or several in one document under ``users``,
``schedules`` and so on. The API lists the layers of a schedule from the top: the first
one covers the others.
"""

from watchbill.migrate.pagerduty.parse import parse

__all__ = ["parse"]
