"""Grafana OnCall: users, schedules, shifts, escalation chains.

Read as the HTTP API answers them (``/api/v1/users``, ``/api/v1/schedules``,
``/api/v1/on_call_shifts``, ``/api/v1/escalation_chains``,
``/api/v1/escalation_policies``, ``/api/v1/schedules/<id>/final_shifts``), one answer a
file or several in one document. Schedules of type *web* and *calendar* are made of
shifts; one of type *ical* is a calendar elsewhere, which is imported by itself.

A shift of a higher level covers those below it; shifts of one level page everybody,
where a plan has one primary at every instant.
"""

from watchbill.migrate.grafana_oncall.parse import parse

__all__ = ["parse"]
