"""Processes to start, watch and kill. Every wait is bounded."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import psycopg
import pytest

from watchbill import postgres

OWNER = Path(__file__).with_name("owner.py")
#: A bound, not an expectation: everything here takes well under a second.
LONGEST_WAIT_SECONDS = 30
NO_SUCH_UID = 54_321

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become others")


class Owner:
    """A process that runs ``owner.py``."""

    def __init__(self, verb: str, data_dir: Path, *, uid: int) -> None:
        self.data_dir = data_dir
        other = uid != os.geteuid()
        self.process = subprocess.Popen(
            [python_for(uid), str(OWNER), verb, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=uid if other else None,
            group=65_534 if other else None,
            extra_groups=[] if other else None,
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )

    def answer(self) -> str:
        """Return its URL or its error; blocks until there is one."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> int:
        """Let it leave its block and return its exit code."""
        self.let_go()
        return self.process.wait(LONGEST_WAIT_SECONDS)

    def let_go(self) -> None:
        """Let it leave its block, without waiting for it."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        return self.process.wait(LONGEST_WAIT_SECONDS)

    def finish(self) -> None:
        """End it, if it still runs, and wait until its server has gone too."""
        if self.process.poll() is None:
            self.kill(signal.SIGTERM)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        wait_until(lambda: postgres.join(self.data_dir) is None, "the server is gone")

    def postmaster_pid(self) -> int:
        return postmaster_pid(self.data_dir / "pg18")


def python_for(uid: int) -> str:
    """Return a Python that the user can run; a tool's own may be root's alone."""
    if uid == os.geteuid():
        return sys.executable
    found = shutil.which("python3", path="/usr/bin:/bin")
    probe = "import sys, psycopg, asyncpg; sys.exit(sys.version_info < (3, 11))"
    if found:
        answer = subprocess.run(
            [found, "-c", probe],
            user=uid,
            extra_groups=[],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=False,
        )
        if answer.returncode == 0:
            return found
    pytest.skip(f"user id {uid} can run no Python that has our dependencies")


def postmaster_pid(pgdata: Path) -> int:
    return int((pgdata / "postmaster.pid").read_text().split()[0])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids)), "the killed processes are gone")


class Writer:
    """Commits rows one by one and remembers which were acknowledged."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("DROP TABLE IF EXISTS row")
        self._connection.execute("CREATE TABLE row (n int PRIMARY KEY)")
        self.acknowledged: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, count: int) -> None:
        for _ in range(count):
            n = len(self.acknowledged)
            self._connection.execute("INSERT INTO row VALUES (%s)", [n])
            self.acknowledged.append(n)

    def write_until_cut_off(self) -> None:
        with suppress(psycopg.OperationalError):
            while True:
                self.write(1)


def rows_at(url: str) -> set[int]:
    with psycopg.connect(url) as connection:
        return {n for (n,) in connection.execute("SELECT n FROM row").fetchall()}


def ordinary_uid() -> int:
    """Return the id of a user other than root and ``nobody``."""
    return pwd.getpwnam("games").pw_uid if os.geteuid() == 0 else os.geteuid()


def give(tree: Path, uid: int, gid: int) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


class StartOwner(Protocol):
    """The fixture ``start_owner``: starts an owner that is ended after the test."""

    def __call__(self, verb: str = "serve", *, uid: int = ...) -> Owner: ...
