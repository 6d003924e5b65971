"""The mark: how a start notices that its database was restored from a backup.

The database carries a number that grows every few seconds, and each node writes the
latest one it has seen to a file in its data directory. A database whose number is below
the file's is older than what this node has lived through. The database also remembers
in which server it lies: a dump that was loaded elsewhere notices that itself, even on a
machine that has no such file.

A data directory copied back as a whole, database and file together, cannot be told from
one that stood still; ``up --hold`` is for that.
"""

import json
import logging
import os
import secrets
from pathlib import Path

from django.db import connection, transaction

from watchbill.server.engine.models import THE_ROW, EngineMark

_NAME = "engine_mark.json"

logger = logging.getLogger(__name__)


@transaction.atomic
def why_older(data_dir: Path) -> str | None:
    """Return why the database seems restored, in words; None when it does not.

    Asked once, at the start: the database is taken for what it is from then on.
    """
    place = _place()
    found = EngineMark.objects.select_for_update().filter(pk=THE_ROW).first()
    if found is None:
        EngineMark.objects.create(
            id=THE_ROW, installation=secrets.token_hex(16), place=place
        )
        return None
    if found.place != place:
        EngineMark.objects.filter(pk=THE_ROW).update(place=place)
        return "this database was loaded from a copy, or moved to another server"
    installation, number = _read(data_dir)
    if installation == found.installation and number > found.number:
        # From here on it is newer than what was seen, so that it is said once.
        EngineMark.objects.filter(pk=THE_ROW).update(number=number + 1)
        return "this database is older than what this node has seen"
    return None


def advance(data_dir: Path) -> None:
    """Let the number grow, and remember it outside the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE watchbill_enginemark SET number = number + 1 WHERE id = %s"
            " RETURNING installation, number",
            [THE_ROW],
        )
        row = cursor.fetchone()
    if row is None:
        return
    try:
        _write(data_dir, installation=row[0], number=row[1])
    except OSError as error:
        logger.debug("the mark cannot be kept in %s: %s", data_dir, error)


def _place() -> str:
    """Name the server and the database in it, as PostgreSQL identifies them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT system_identifier FROM pg_control_system()),"
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        server, database = cursor.fetchone()
    return f"{server}/{database}"


def _read(data_dir: Path) -> tuple[str, int]:
    try:
        content = json.loads((data_dir / _NAME).read_text(encoding="utf-8"))
        return str(content["installation"]), int(content["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", 0  # the first start, or a file that nobody of us wrote


def _write(data_dir: Path, *, installation: str, number: int) -> None:
    fresh = data_dir / f"{_NAME}.{os.getpid()}"
    content = {"installation": installation, "number": number}
    fresh.write_text(json.dumps(content), encoding="utf-8")
    fresh.replace(data_dir / _NAME)
