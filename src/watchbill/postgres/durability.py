"""Refuse a database that may forget what it acknowledged.

An alert is answered 2xx once its row is committed; from then on no crash may lose it.
That promise is only as good as the server's settings, so they are read at start, from
the very session that will do the work: ``synchronous_commit`` may be switched off for a
single role or database, where looking at the server's configuration would not show it.

Values such as ``local`` or ``remote_apply`` are left to the operator; every one except
``off`` waits for the server's own disk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from watchbill.postgres.binaries import MINIMUM_MAJOR
from watchbill.postgres.errors import UnsafeServer

QUERY = """
    SELECT name, setting, source FROM pg_settings
    WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes',
                   'server_version_num', 'server_version')
"""

CONSEQUENCES = {
    "fsync": "after a power cut the database may be corrupt beyond repair",
    "synchronous_commit": "a crash loses the last alerts and acknowledgements, "
    "although their senders were told that they are safe",
    "full_page_writes": "a power cut in the middle of a page write corrupts that page",
}

#: Where a session-level value may come from, as ``pg_settings.source`` names it.
REMEDIES = {
    "user": "ALTER ROLE CURRENT_USER RESET {name};",
    "database": "ALTER DATABASE <this database> RESET {name};",
    "database user": "ALTER ROLE CURRENT_USER IN DATABASE <this database> "
    "RESET {name};",
    "client": "remove {name} from the options of DATABASE_URL or from PGOPTIONS",
    "session": "remove the SET {name} command that this session ran",
    "command line": "remove {name} from the command line of postgres and restart it",
}
DEFAULT_REMEDY = "ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"


class Connection(Protocol):
    """As much of a DB-API connection as is needed here."""

    def cursor(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The effective value of a setting, and which level it was set at."""

    value: str
    source: str = "configuration file"


def check_durability(connection: Connection) -> list[str]:
    """Return why this server must not be used; an empty list when it may."""
    cursor = connection.cursor()
    try:
        cursor.execute(QUERY)
        rows = cursor.fetchall()
    finally:
        cursor.close()
    return find_dangers(
        {name: Setting(value=value, source=source) for name, value, source in rows}
    )


def require_durability(connection: Connection) -> None:
    """Raise UnsafeServer unless this server keeps what it acknowledges."""
    if dangers := check_durability(connection):
        raise UnsafeServer("\n".join(dangers))


def find_dangers(settings: Mapping[str, Setting]) -> list[str]:
    """Judge the effective settings of a session."""
    dangers = []
    if int(settings["server_version_num"].value) < MINIMUM_MAJOR * 10_000:
        dangers.append(
            f"The server is PostgreSQL {settings['server_version'].value}; watchbill "
            f"needs {MINIMUM_MAJOR} or newer. Upgrade the server, or name another one."
        )
    for name, consequence in CONSEQUENCES.items():
        setting = settings[name]
        if setting.value == "off":
            remedy = REMEDIES.get(setting.source, DEFAULT_REMEDY).format(name=name)
            dangers.append(
                f"{name} is off (set by: {setting.source}): {consequence}. "
                f"Turn it on: {remedy}"
            )
    return dangers
