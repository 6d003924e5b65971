"""PostgreSQL's processes: started so that they cannot outlive their owner.

Linux sends the *parent-death signal* when the thread that forked the child ends, not
the process. A server started from a short-lived worker thread would be shut down for no
visible reason. Each server therefore has a keeper, a thread of its own that forks it,
waits for it, and keeps its log bounded. The keeper is a daemon thread: it ends with the
owner, and never before.

The children form a session of their own, so that Ctrl-C in a terminal reaches only the
owner, which can then finish its work before it stops the database.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from watchbill.postgres.account import Account
from watchbill.postgres.errors import StartFailed

LAUNCH = Path(__file__).with_name("launch.py")
#: Each of the two log files may grow to this, give or take one interval's lines.
LOG_LIMIT_BYTES = 4 * 1024 * 1024
LOG_CHECK_INTERVAL = timedelta(seconds=30)
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A PostgreSQL program to be run by an account."""

    command: Sequence[str]
    account: Account
    #: What the child inherits: the lock that says it lives, perhaps a directory.
    inherit: tuple[int, ...]
    #: Sent to the child when its parent dies.
    death_signal: signal.Signals


def run(launch: Launch, *, timeout: timedelta) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed."""
    return subprocess.run(
        _arguments(launch),
        pass_fds=launch.inherit,
        cwd="/",
        env=_environment(),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout.total_seconds(),
        check=False,
    )


class Postmaster:
    """A server process and its keeper."""

    def __init__(self, launch: Launch, *, log_file: Path) -> None:
        self._launch = launch
        self._log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        self._forked = threading.Event()
        self.closed = threading.Event()
        keeper = threading.Thread(
            target=self._keep, name="watchbill-postgres-keeper", daemon=True
        )
        keeper.start()
        self._forked.wait()
        if self._failure is not None:
            raise StartFailed(f"Cannot start PostgreSQL: {self._failure}")

    def is_running(self) -> bool:
        """Return whether the server process lives."""
        return not self.closed.is_set()

    def stop(self, *, wait: timedelta) -> None:
        """End the server: fast, then immediate, then by force; ``wait`` for each.

        The fast shutdown writes a checkpoint. The other two lose nothing either, but
        make the next start replay the log.
        """
        process = self._process
        if process is None:
            return
        for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(ending)
            if self.closed.wait(wait.total_seconds()):
                return

    def _keep(self) -> None:
        try:
            self._process = self._fork()
        except OSError as error:
            self._failure = error
            self.closed.set()
            return
        finally:
            self._forked.set()
        try:
            self._watch(self._process)
        finally:
            self.closed.set()

    def _fork(self) -> subprocess.Popen[bytes]:
        bound_log(self._log_file)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        log = os.open(self._log_file, flags, 0o600)
        try:
            return subprocess.Popen(
                _arguments(self._launch),
                pass_fds=self._launch.inherit,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        finally:
            os.close(log)

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        if hasattr(os, "pidfd_open"):
            pidfd = os.pidfd_open(process.pid)
            try:
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                interval = int(LOG_CHECK_INTERVAL.total_seconds() * 1000)
                while not poll.poll(interval):
                    bound_log(self._log_file)
            finally:
                os.close(pidfd)
        process.wait()


def bound_log(log_file: Path, *, limit: int = LOG_LIMIT_BYTES) -> None:
    """Move a log that has grown beyond ``limit`` aside, keeping one old copy.

    The server holds the file open for appending, so it is copied and emptied in place.
    A full disk must not end the keeper, which has more important work than the log.
    """
    try:
        if log_file.stat().st_size > limit:
            old = log_file.with_suffix(".log.old")
            old.unlink(missing_ok=True)
            shutil.copyfile(log_file, old)
            os.truncate(log_file, 0)
    except OSError:
        return


def log_tail(log_file: Path) -> str:
    """Return the last lines of the server's log, indented."""
    try:
        lines = log_file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "    (the log is empty)"
    return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])


def _arguments(launch: Launch) -> list[str]:
    numbers = (
        os.getpid(),
        launch.death_signal,
        launch.account.uid,
        launch.account.gid,
    )
    python = [sys.executable, "-I", "-S", str(LAUNCH)]
    return [*python, *(str(int(number)) for number in numbers), *launch.command]


def _environment() -> dict[str, str]:
    """Only what the programs need: PG* variables meant for clients must not leak in."""
    kept = ("PATH", "LD_LIBRARY_PATH")
    inherited = {name: os.environ[name] for name in kept if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **inherited}
