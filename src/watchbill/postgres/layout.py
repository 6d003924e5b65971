"""What lies in a data directory, and under which name.

::

    <data directory>/
      owner.lock     held by the one process that runs the server
      server.lock    held by every process of the server, through inheritance
      users.lock     shared by commands that joined a temporary server
      address.json   where the server listens, for those who join
      postgres.log   what the server says, and postgres.log.old
      pg18/          the cluster; the name carries PostgreSQL's major version
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from watchbill.postgres.errors import DirectoryUnusable


@dataclass(frozen=True, slots=True)
class Layout:
    """The names inside one data directory."""

    root: Path

    @property
    def owner_lock(self) -> Path:
        return self.root / "owner.lock"

    @property
    def server_lock(self) -> Path:
        return self.root / "server.lock"

    @property
    def users_lock(self) -> Path:
        return self.root / "users.lock"

    @property
    def address(self) -> Path:
        return self.root / "address.json"

    @property
    def log_file(self) -> Path:
        return self.root / "postgres.log"

    def pgdata(self, major: int) -> Path:
        """Return the cluster directory of a PostgreSQL version."""
        return self.root / f"pg{major}"

    def other_majors(self, major: int) -> list[int]:
        """Return the versions of the clusters other than ``major``, ascending."""
        clusters = (path.parent.name for path in self.root.glob("pg*/PG_VERSION"))
        names = (re.fullmatch(r"pg(\d+)", name) for name in clusters)
        return sorted({int(name[1]) for name in names if name} - {major})


def open_layout(data_dir: Path) -> Layout:
    """Return the layout of a data directory, which is made unless it exists."""
    root = data_dir.resolve()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(root, error.strerror) from error
    return check_layout(root)


def check_layout(root: Path) -> Layout:
    """Return the layout of an existing directory that we may work in."""
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(root, "permission denied")
    return Layout(root)


def _unusable(root: Path, reason: str | None) -> DirectoryUnusable:
    return DirectoryUnusable(
        f"Cannot use the data directory {root}: {reason}. Name one that you may read "
        "and write."
    )
