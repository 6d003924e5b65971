"""The gate: an old engine stops when a newer one takes over (F28).

In a rolling upgrade old and new processes meet on one database. Each release whose rows
an older engine must not process raises :data:`VERSION`; after its migrations a starting
process writes that number to the gate. An engine below the gate, or one that meets a
migration that it does not know, stops processing and goes on answering the web, so that
a load balancer loses nothing while the old process is being replaced.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import connection

from watchbill.server import migrations
from watchbill.server.engine.models import THE_ROW, EngineGate

VERSION = 1
"""Of this engine. Raise it when an older engine must not process what it writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What the database demands, and what this engine is."""

    #: None while nobody has raised the gate yet.
    required: int | None
    ours: int
    #: The newest migration applied, when this code does not know it.
    unknown_migration: str = ""

    @property
    def is_open(self) -> bool:
        """Whether this engine may process rows."""
        is_current = self.required is None or self.required <= self.ours
        return is_current and not self.unknown_migration

    @property
    def text(self) -> str:
        """Why this engine does not process anything; empty when it may."""
        if self.unknown_migration:
            return (
                f"The database has the migration {self.unknown_migration}, which this"
                " process does not know: a newer watchbill has taken over."
            )
        if not self.is_open:
            return (
                f"This process has engine version {self.ours}, and a newer one requires"
                f" {self.required}: it pages nobody. Stop it."
            )
        return ""


def raise_to(version: int, *, by: str, wall: datetime) -> None:
    """Let only engines of this version or newer process rows from now on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO watchbill_enginegate (id, version, raised_at, raised_by)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
            " SET version = excluded.version, raised_at = excluded.raised_at,"
            " raised_by = excluded.raised_by"
            " WHERE watchbill_enginegate.version < excluded.version",
            [THE_ROW, version, wall, by],
        )


def state(*, version: int = VERSION) -> GateState:
    """Return whether an engine of this version may process rows."""
    required = (
        EngineGate.objects.filter(pk=THE_ROW).values_list("version", flat=True).first()
    )
    return judge(required, _newest_applied(), version=version)


def judge(required: int | None, newest: str, *, version: int = VERSION) -> GateState:
    """Return whether an engine may process rows behind this gate and schema."""
    return GateState(
        required=required,
        ours=version,
        unknown_migration=newest if newest > NEWEST_KNOWN else "",
    )


def _newest_known() -> str:
    folder = Path(migrations.__file__).parent
    return max(path.stem for path in folder.glob("[0-9]*.py"))


NEWEST_KNOWN = _newest_known()


def _newest_applied() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(name), '') FROM django_migrations"
            " WHERE app = 'watchbill'"
        )
        return str(cursor.fetchone()[0])
