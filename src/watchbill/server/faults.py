"""Faults of the database: which of them say something about the row in hand.

A connection that is lost, or a lock that could not be had, says nothing about the
row that was being worked on: it must not be set aside for it. PostgreSQL names its
faults by SQLSTATE (Appendix A of its documentation).
"""

import asyncpg
from django.db import connection
from django.db.utils import Error

UNANSWERED = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What asyncpg raises when the database does not answer; a timeout is an OSError.

The last is of neither family: the driver calls a connection so whose last words it has
heard, but not yet its end.
"""

_AGAIN = frozenset({"40001", "40P01", "55P03", "57014"})
"""Serialization failure, deadlock, lock not available, statement cancelled."""


def is_lost(error: BaseException) -> bool:
    """Return whether the connection is gone, so that nothing can be recorded."""
    if not isinstance(error, Error):
        return False
    return connection.connection is None or connection.connection.closed


def is_passing(error: BaseException) -> bool:
    """Return whether the same work may well succeed in a moment."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, Error) and state in _AGAIN
