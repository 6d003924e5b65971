"""GoAlert: users, rotations, schedules, overrides and escalation policies.

Read as its GraphQL API answers them: ``users``, ``rotations``, ``schedules`` with
``targets`` and their ``rules``, ``temporarySchedules`` and ``shifts``,
``userOverrides`` and ``escalationPolicies``. A rotation is a place in a list that moves
on at each hand-over; so the answer must hold ``activeUserIndex`` and, for one that is
not at its first place, ``nextHandoffTimes``.

All targets whose rules hold are on call together in GoAlert; in a plan the later one
covers the earlier one.
"""

from watchbill.migrate.goalert.parse import parse

__all__ = ["parse"]
