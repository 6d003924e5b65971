"""What every part of an engine does around its work: outlive errors, hear hints.

A part that meets an error reports it, waits a little and goes on; a lost database
connection is opened anew. While it has nothing to do it waits for a NOTIFY, which is a
hint only, and looks again after a second at the latest.
"""

import logging
import random
import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, connections
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from watchbill.server import faults

POLL = timedelta(seconds=1)
_AFTER_ERROR = timedelta(seconds=2)

logger = logging.getLogger(__name__)


def keep_going(body: Callable[[], None], *, until: threading.Event) -> None:
    """Run a part again and again, whatever it meets, until the stop."""
    while not until.is_set():
        try:
            body()
        except Exception as error:  # the engine outlives every error (I10)
            _say(error)
            connections.close_all()
            # Not all at once, or they fail each other again.
            spread = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
            until.wait(_AFTER_ERROR.total_seconds() * spread)
    connections.close_all()


def _say(error: Exception) -> None:
    """Report an error: in a line when it passes by itself, else in full."""
    name = threading.current_thread().name
    if faults.is_lost(error) or faults.is_passing(error):
        logger.warning("%s goes on in a moment: %s", name, error)
    else:
        logger.error("%s failed", name, exc_info=error)


def listener(channel: str) -> Connection:
    """Return a connection of its own that hears the hints of a channel."""
    values = connection.get_connection_params()
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    own = {name: value for name, value in values.items() if name in known}
    listening = Connection.connect(make_conninfo(**own), autocommit=True)
    try:
        listening.execute(f"LISTEN {channel}")
    except BaseException:  # a database that stops may take us and not listen to us
        listening.close()
        raise
    return listening


def hear(listening: Connection, pause: timedelta) -> None:
    """Wait for a hint, at most for a pause."""
    for _ in listening.notifies(timeout=pause.total_seconds(), stop_after=1):
        return
