"""Opsgenie: teams, users, schedules, overrides, escalations and timelines.

Read as the REST API answers them (``/v2/users?expand=contact``, ``/v2/teams``,
``/v2/schedules?expand=rotation``, ``/v2/schedules/<id>/overrides``,
``/v2/escalations``, ``/v2/schedules/<id>/timeline``), one answer a file or several in
one document under ``users``, ``teams``, and so on.

Rotations of one schedule hold at the same time in Opsgenie and page everybody; a plan
has one primary at every instant, so the later rotation covers the earlier one.
"""

from watchbill.migrate.opsgenie.parse import parse

__all__ = ["parse"]
