"""Keep one server running for one owner.

A server that ends by itself, because somebody killed it or the kernel ran out of
memory, is noticed by ``wait_closed`` and started again by ``restart_if_dead``, at the
same address. Its backends may outlive it for a moment; ``server.lock`` says when the
last one has gone, and only then is the cluster touched.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from watchbill.postgres import process
from watchbill.postgres.address import Server, ensure_database, write_address
from watchbill.postgres.cluster import Cluster
from watchbill.postgres.errors import StartFailed
from watchbill.postgres.lock import Deadline, FileLock

Log = Callable[[str], None]

#: How long each way of stopping may take; see ``Postmaster.stop``.
STOP_WAIT = timedelta(seconds=20)


class Supervisor:
    """Starts, watches and stops the server of a data directory that we own."""

    def __init__(
        self, cluster: Cluster, *, version: str, wait: timedelta, log: Log
    ) -> None:
        self.server = Server(host="", version=version)
        self._cluster = cluster
        self._wait = wait
        self._log = log
        self._turn = threading.RLock()
        self._postmaster: process.Postmaster | None = None
        self._stopped = False

    def start(self) -> None:
        """Start the server and return when it answers."""
        layout = self._cluster.layout
        layout.address.unlink(missing_ok=True)
        with FileLock.acquire(
            layout.server_lock, wait=self._wait, what=f"The database in {layout.root}"
        ) as lock:
            lock.sign()
            if self._cluster.prepare(lock, timeout=self._wait):
                self._log(f"Made a new database in {self._cluster.pgdata}.")
            socket_dir = self._cluster.socket_dir()
            self._cluster.sweep(socket_dir)
            self.server = Server(host=str(socket_dir), version=self.server.version)
            self._postmaster = self._cluster.start(lock, socket_dir)
        self._await_ready(self._postmaster)
        write_address(layout, self.server)
        self._log(
            f"PostgreSQL {self.server.version} serves {self._cluster.pgdata} "
            f"as {self._cluster.account.name}."
        )

    def stop(self) -> None:
        """Stop the server for good."""
        with self._turn:
            self._stopped = True
            if self._postmaster is not None:
                self._cluster.layout.address.unlink(missing_ok=True)
                self._postmaster.stop(wait=STOP_WAIT)

    def is_running(self) -> bool:
        return self._postmaster is not None and self._postmaster.is_running()

    def wait_closed(self, timeout: timedelta | None) -> bool:
        seconds = None if timeout is None else timeout.total_seconds()
        return self._postmaster is None or self._postmaster.closed.wait(seconds)

    def restart_if_dead(self) -> bool:
        with self._turn:
            if self._stopped or self.is_running():
                return False
            self._log("PostgreSQL ended by itself; starting it again.")
            self.start()
            return True

    def _await_ready(self, postmaster: process.Postmaster) -> None:
        deadline = Deadline(self._wait)
        while postmaster.is_running():
            try:
                ensure_database(self.server)
            except psycopg.OperationalError as error:
                if not deadline.pause():
                    raise self._failure(f"does not answer: {error}") from error
            else:
                return
        raise self._failure("ended while it started.")

    def _failure(self, what: str) -> StartFailed:
        log_file = self._cluster.layout.log_file
        return StartFailed(
            f"PostgreSQL in {self._cluster.pgdata} {what}\n"
            f"The last lines of {log_file}:\n{process.log_tail(log_file)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedServer(Server):
    """A server that this process owns, and can therefore watch and restart."""

    _supervisor: Supervisor = field(repr=False, compare=False)

    def is_running(self) -> bool:
        """Return whether the server process lives."""
        return self._supervisor.is_running()

    def wait_closed(self, timeout: timedelta | None = None) -> bool:
        """Block until the server has ended; return whether it has."""
        return self._supervisor.wait_closed(timeout)

    def restart_if_dead(self) -> bool:
        """Start the server again, at the same address, if it ended by itself.

        Returns whether it was started; raises as ``serve`` does when that fails.
        """
        return self._supervisor.restart_if_dead()
