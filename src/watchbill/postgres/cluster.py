"""A cluster: how it is made, swept after a crash, and started.

``initdb`` works in ``pg18.new``, which is renamed when complete: a half-made cluster is
never seen. Whoever holds ``server.lock`` knows that no process of the server lives, so
every pid file and socket lock found is stale and is deleted, whatever process has that
pid now.

The cluster belongs to the server's account, but what lies above it may be closed to
that account, as root's home directory is. The server is then given the directory as an
open descriptor and told to work in ``/proc/self/fd/N``, which the kernel resolves
without walking the path. No directory needs to be opened to others.

The socket lies in the cluster itself, a directory of mode 0700. A path too long for a
socket address, or one that a connection string cannot carry, moves it to a private
directory under the system's temporary one.
"""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from watchbill.postgres import process, settings
from watchbill.postgres.account import (
    ADMINISTRATOR,
    UNPRIVILEGED,
    Account,
    our_account,
)
from watchbill.postgres.errors import (
    ClusterUnusable,
    DirectoryUnsafe,
    InitFailed,
    OtherMajorVersion,
)
from watchbill.postgres.files import fsync_directory, write_private
from watchbill.postgres.layout import Layout
from watchbill.postgres.lock import FileLock

#: A socket address holds 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_LIMIT_BYTES = 100
SOCKET_NAME = f".s.PGSQL.{settings.PORT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster, the programs that serve it and the account they run as."""

    layout: Layout
    bin_dir: Path
    major: int
    account: Account

    @property
    def pgdata(self) -> Path:
        return self.layout.pgdata(self.major)

    def prepare(self, lock: FileLock, *, timeout: timedelta) -> bool:
        """Make the cluster unless it exists; return whether it was made.

        ``lock`` must be the held server lock.
        """
        unfinished = self.pgdata.with_suffix(".new")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        if (self.pgdata / "PG_VERSION").exists():
            return False
        self._refuse_surprises()
        unfinished.mkdir(mode=0o700)
        os.chown(unfinished, self.account.uid, self.account.gid)
        self._initdb(unfinished, lock, timeout=timeout)
        unfinished.rename(self.pgdata)
        fsync_directory(self.layout.root)
        fsync_directory(self.layout.root.parent)
        return True

    def sweep(self, socket_dir: Path) -> None:
        """Delete what dead servers left and rewrite the access rules."""
        (self.pgdata / "postmaster.pid").unlink(missing_ok=True)
        (socket_dir / SOCKET_NAME).unlink(missing_ok=True)
        (socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        accounts = {our_account().name, self.account.name, ADMINISTRATOR} - {
            UNPRIVILEGED
        }
        for name, text in (
            ("pg_hba.conf", settings.ACCESS_RULES),
            ("pg_ident.conf", settings.user_map(accounts)),
        ):
            uid, gid = self.account.uid, self.account.gid
            write_private(self.pgdata / name, text, uid, gid)

    def start(self, lock: FileLock, socket_dir: Path) -> process.Postmaster:
        """Start the server, which inherits the server lock."""
        where = "." if socket_dir == self.pgdata else str(socket_dir)
        options = settings.server_options(socket_dir=where)
        with self._visible(self.pgdata) as (path, descriptors):
            launch = process.Launch(
                command=[str(self.bin_dir / "postgres"), "-D", path, *options],
                account=self.account,
                inherit=(lock.fd, *descriptors),
                death_signal=signal.SIGINT,
            )
            return process.Postmaster(launch, log_file=self.layout.log_file)

    def socket_dir(self) -> Path:
        """Return the private directory that holds the socket."""
        if _fits(self.pgdata):
            return self.pgdata
        digest = hashlib.sha256(os.fsencode(self.pgdata)).hexdigest()[:16]
        name = f"watchbill-{self.account.uid}-{digest}"
        choices = (Path(tempfile.gettempdir(), name), Path("/tmp", name))  # noqa: S108
        return make_private(next(filter(_fits, choices)), self.account)

    def _initdb(self, target: Path, lock: FileLock, *, timeout: timedelta) -> None:
        with self._visible(target) as (path, descriptors):
            options = settings.initdb_options(major=self.major)
            launch = process.Launch(
                command=[str(self.bin_dir / "initdb"), "-D", path, *options],
                account=self.account,
                inherit=(lock.fd, *descriptors),
                death_signal=signal.SIGKILL,
            )
            try:
                done = process.run(launch, timeout=timeout)
            except subprocess.TimeoutExpired as error:
                raise InitFailed(
                    f"initdb took longer than {timeout.total_seconds():g} s for "
                    f"{self.pgdata}. Is the disk full or very slow?"
                ) from error
        if done.returncode != 0:
            raise InitFailed(
                f"initdb could not make the database in {self.pgdata} "
                f"(exit code {done.returncode}). It said:\n{done.stdout.strip()}"
            )

    @contextmanager
    def _visible(self, path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield a name for ``path`` that the account can open, and what to inherit."""
        if sys.platform != "linux" or self.account.uid == os.geteuid():
            yield str(path), ()
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield f"/proc/self/fd/{descriptor}", (descriptor,)
        finally:
            os.close(descriptor)

    def _refuse_surprises(self) -> None:
        if self.pgdata.exists() and any(self.pgdata.iterdir()):
            raise ClusterUnusable(
                f"{self.pgdata} is not empty and holds no database (PG_VERSION is "
                "missing). Move it away, or name another data directory."
            )
        others = self.layout.other_majors(self.major)
        if others:
            newest = others[-1]
            raise OtherMajorVersion(
                f"{self.layout.root} holds a database of PostgreSQL {newest}, but the "
                f"programs in {self.bin_dir} are version {self.major} and cannot read "
                "it. An empty database was not made beside it. Name the directory of "
                f"PostgreSQL {newest}'s programs to go on as before; to upgrade, dump "
                "with those, move the data directory away, start, and restore."
            )


def make_private(path: Path, account: Account) -> Path:
    """Make a directory that only ``account`` may enter, or check an existing one.

    The name can be guessed and its parent is open to all, so whoever came first may
    have left a directory of theirs or a link: judged by ``lstat``, never followed.
    """
    try:
        path.mkdir(mode=0o700)
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        pass
    found = path.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != account.uid
        or stat.S_IMODE(found.st_mode) != 0o700
    ):
        raise DirectoryUnsafe(
            f"{path} should be a directory of mode 0700 that belongs to "
            f"{account.name} ({account.uid}), for the database's socket; it is "
            f"{stat.filemode(found.st_mode)} of user id {found.st_uid}. Someone else "
            "may have put it there. Remove it, or choose a shorter data directory."
        )
    return path


def _fits(directory: Path) -> bool:
    """Return whether ``directory`` can be a host in a connection string."""
    address = os.fsencode(directory / SOCKET_NAME)
    try:
        address.decode()
    except UnicodeDecodeError:
        return False
    # libpq and asyncpg read a comma in a host as a list of hosts.
    return len(address) <= SOCKET_PATH_LIMIT_BYTES and b"," not in address
