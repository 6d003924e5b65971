"""Advisory locks that live exactly as long as the processes holding them.

An ``flock`` belongs to the open file, not to the process: a child that inherits the
descriptor holds the lock too, and the kernel drops it when the last holder is gone,
however it died. A lock therefore answers a question that a pid file cannot: *is any of
them still alive?* A pid may by now belong to somebody else, which is the usual case
after a container restarts.

A lock is released by closing the descriptor and never by ``LOCK_UN``, which would
unlock the children's copy as well.
"""

import fcntl
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Self

from watchbill.postgres.errors import LockHeld

#: ``flock`` has no bounded wait, so we ask again this often.
RETRY_INTERVAL = timedelta(milliseconds=25)


class Deadline:
    """A bound on waiting, measured on the monotonic clock."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        self._ends = time.monotonic() + wait.total_seconds()

    def pause(self) -> bool:
        """Sleep for one retry interval; return False when the time is up."""
        if time.monotonic() >= self._ends:
            return False
        # Nothing announces a free lock; a signal handler that raises ends the pause.
        time.sleep(RETRY_INTERVAL.total_seconds())  # noqa: TID251
        return True


class FileLock:
    """One held lock. ``fd`` may be handed to a child, which then holds it too."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def attempt(cls, path: Path, *, shared: bool = False) -> Self | None:
        """Take the lock if it is free, else return None."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(fd, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return cls(fd)

    @classmethod
    def acquire(cls, path: Path, *, wait: timedelta, what: str) -> Self:
        """Take the lock, waiting for at most ``wait``.

        Raises LockHeld, naming ``what`` is locked and the holder.
        """
        deadline = Deadline(wait)
        while True:
            if lock := cls.attempt(path):
                return lock
            if not deadline.pause():
                raise LockHeld(
                    f"{what} is in use by {holder_of(path)}, and still was after "
                    f"{wait.total_seconds():g} s. Stop that process, or wait for it."
                )

    def sign(self) -> None:
        """Write our process id into the file, for messages only."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give up our copy of the lock; children keep theirs."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_free(path: Path) -> bool:
    """Return whether nobody holds the lock at this instant."""
    if not path.exists():
        return True
    if lock := FileLock.attempt(path, shared=True):
        lock.release()
        return True
    return False


def holder_of(path: Path) -> str:
    """Describe who signed the lock file last, as far as it can be known."""
    pid = path.read_text(errors="replace").strip()
    if not pid.isdigit():
        return "another process"
    try:
        command = Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return f"what process {pid} left running"
    words = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return f"process {pid} ({words[:100]})" if words else f"process {pid}"
