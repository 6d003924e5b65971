"""Where a server listens, and how to find out whether it answers.

The owner writes the address to a file and those who join read it there. It is never
worked out a second time: the temporary directory, for one, may differ between the two.
The file names its data directory, because a copied directory carries a copy of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql

from watchbill.postgres import settings
from watchbill.postgres.files import write_private
from watchbill.postgres.layout import Layout

CONNECT_TIMEOUT_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a running server listens. ``host`` is the directory of its socket."""

    host: str
    version: str
    port: int = settings.PORT
    dbname: str = settings.DATABASE
    user: str = settings.ROLE

    @property
    def conninfo(self) -> dict[str, str]:
        """Return libpq's parameters, by name."""
        return {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "user": self.user,
        }

    @property
    def url(self) -> str:
        """Return a URL for libpq, asyncpg and DATABASE_URL."""
        host = quote(self.host, safe="")
        return f"postgresql://{self.user}@/{self.dbname}?host={host}&port={self.port}"

    @property
    def django(self) -> dict[str, str]:
        """Return an entry for Django's ``DATABASES``."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": self.host,
            "PORT": str(self.port),
            "NAME": self.dbname,
            "USER": self.user,
        }

    @property
    def asyncpg(self) -> dict[str, str]:
        """Return the parameters of ``asyncpg.connect`` and ``create_pool``."""
        return {
            "host": self.host,
            "port": str(self.port),
            "database": self.dbname,
            "user": self.user,
        }


def write_address(layout: Layout, server: Server) -> None:
    """Tell those who join where the server is."""
    owner = layout.root.stat()
    known = {
        "data_directory": str(layout.root),
        "host": server.host,
        "version": server.version,
    }
    write_private(layout.address, json.dumps(known), owner.st_uid, owner.st_gid)


def find_answering(layout: Layout) -> Server | None:
    """Return the server whose address is on file, if it answers."""
    try:
        known: Mapping[str, str] = json.loads(layout.address.read_text())
        server = Server(host=known["host"], version=known["version"])
        if known["data_directory"] != str(layout.root):
            return None
        _connect(server).close()
    except (FileNotFoundError, ValueError, KeyError, psycopg.OperationalError):
        return None
    return server


def ensure_database(server: Server) -> None:
    """Make role and database unless they exist; a start may have died in between."""
    with _connect(server, dbname="postgres", user=settings.SUPERUSER) as connection:
        role = sql.Identifier(server.user)
        database = sql.Identifier(server.dbname)
        found = connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s", [server.user]
        ).fetchone()
        if found is None:
            statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role)
            connection.execute(statement)
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [server.dbname]
        ).fetchone()
        if found is None:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role)
            connection.execute(statement)


def _connect(server: Server, **instead: str) -> psycopg.Connection:
    parameters: dict[str, str] = {**server.conninfo, **instead}
    return psycopg.connect(
        psycopg.conninfo.make_conninfo("", **parameters),
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        autocommit=True,
    )
