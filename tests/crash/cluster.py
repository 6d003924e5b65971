"""A PostgreSQL server that tests may treat badly: crash it, fill its disk, promote it.

The product's own supervisor is built to prevent all of that, so this one stands apart
from it. It runs the programs of any version, on a loopback port, for a proxy can stand
only before a port. As root it runs them as an ordinary user, as PostgreSQL demands. If
our process dies, the kernel ends the server with us.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.product import eventually, free_port
from tests.postgres.processes import children_of, is_alive
from watchbill.postgres import binaries

DEBIAN = Path("/usr/lib/postgresql/15/bin")
DATABASE = "watchbill"

#: Durable, as the product demands; quick to recover, because it recovers often.
_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "max_wal_size": "96MB",
    "autovacuum_naptime": "20s",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_checkpoints": "off",
}


def programs(name: str) -> Path:
    """Return the directory of the programs ``embedded`` or ``debian``."""
    if name == "debian":
        return DEBIAN
    found = binaries.find_binaries()
    if os.geteuid() == 0 and not binaries.readable_by_all(found):
        return binaries.copy_for_all(found, into=binaries.COPIES)
    return found


def available() -> list[str]:
    """Return the kinds of PostgreSQL that this machine has, best known first."""
    return ["embedded", *(["debian"] if DEBIAN.exists() else [])]


@dataclass(kw_only=True)
class Cluster:
    """One data directory and the server that runs on it."""

    data: Path
    bin_dir: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    #: The shared object that shifts the server's clock, and by how much.
    clock: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to connect to it directly."""
        return self.url_by(self.port)

    def url_by(self, port: int) -> str:
        """Where to connect to it through something that listens on ``port``."""
        return f"postgresql://watchbill@127.0.0.1:{port}/{DATABASE}"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data.with_suffix(".log")

    def create(self) -> "Cluster":
        """Make the data directory, start the server, and create the database."""
        self._run(
            "initdb",
            "--username=watchbill",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
            f"--pgdata={self.data}",
        )
        self.start()
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        return self

    def start(self) -> "Cluster":
        """Start the server and return when it takes connections."""
        self.spawn()
        self.await_ready()
        return self

    def spawn(self) -> None:
        """Start the server without waiting for it."""
        given = _SETTINGS | self.settings | {"port": str(self.port)}
        words = [word for one in given.items() for word in ("-c", "=".join(one))]
        # Not in the environment of whoever becomes the ordinary user: what a library
        # makes there for the process would belong to root.
        clock = [f"{name}={value}" for name, value in self.clock.items()]
        command = [str(self.bin_dir / "postgres"), "-D", str(self.data), *words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                as_ordinary_user(["env", *clock, *command], dies_by="QUIT"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Return when connections are taken; fail when the server has ended."""

        def answers() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text("utf-8")[-2000:]
            with suppress(psycopg.OperationalError):
                self.connect("postgres").close()
                return True
            return False

        eventually(answers, "PostgreSQL takes connections")

    def crash(self, *, at_once: bool = False) -> None:
        """End it without a checkpoint, as ``pg_ctl stop -m immediate`` does.

        ``at_once`` kills every process of it instead, as a power cut would.
        """
        process = self._running()
        if at_once:
            process.send_signal(signal.SIGSTOP)  # or it would start new children
            family = [process.pid, *children_of(process.pid)]
            for pid in reversed(family):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait(30)
            eventually(lambda: not any(map(is_alive, family)), "the server is gone")
        else:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)

    def stop(self) -> None:
        """End it in an orderly way, whatever state it is in."""
        if self.process is None or self.process.poll() is not None:
            return
        for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(ending)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                return

    def connect(self, database: str = DATABASE) -> psycopg.Connection:
        """Return a connection that does not pass through any proxy."""
        url = f"postgresql://watchbill@127.0.0.1:{self.port}/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.connect() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def checkpoint(self) -> None:
        """Have everything on disk, whatever the settings say."""
        with self.connect() as connection:
            connection.execute("CHECKPOINT")

    def standby(self, data: Path, *, name: str) -> "Cluster":
        """Return a second server that follows this one, running."""
        other = Cluster(
            data=data,
            bin_dir=self.bin_dir,
            settings=self.settings
            | {
                "primary_conninfo": f"host=127.0.0.1 port={self.port} user=watchbill"
                f" application_name={name}"
            },
        )
        other._run(
            "pg_basebackup",
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--username=watchbill",
            f"--pgdata={data}",
            "--checkpoint=fast",
            "--wal-method=stream",
            "--no-sync",
        )
        (data / "standby.signal").touch()
        return other.start()

    def promote(self) -> None:
        """Make a standby the primary."""
        with self.connect("postgres") as connection:
            connection.execute("SELECT pg_promote(true, 30)")

    def version(self) -> str:
        """Return the version, such as 15.18."""
        text: str = self.rows("SHOW server_version")[0][0]
        return text.split()[0]

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin_dir / program), *arguments]
        finished = subprocess.run(
            as_ordinary_user(command),
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stderr

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it was never started"
        return self.process


@contextmanager
def running(
    kind: str, *, home: Path | None = None, **settings: str
) -> Iterator[Cluster]:
    """Run a new cluster for as long as the block lasts."""
    with ExitStack() as stack:
        place = home or stack.enter_context(short_directory())
        one = Cluster(data=place / "pg", bin_dir=programs(kind), settings=settings)
        stack.callback(one.stop)
        yield one.create()


@contextmanager
def short_directory() -> Iterator[Path]:
    """Lend a directory that the ordinary user may write."""
    path = Path(tempfile.mkdtemp(prefix="wb-crash-", dir="/tmp"))
    give_to_ordinary_user(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def give_to_ordinary_user(path: Path) -> None:
    """Let whoever runs the server own a directory."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        os.chown(path, entry.pw_uid, entry.pw_gid)


def ready_after(cluster: Cluster) -> float:
    """Start a crashed server; return the seconds until it takes connections."""
    began = time.monotonic()
    cluster.start()
    return time.monotonic() - began


def as_ordinary_user(command: list[str], *, dies_by: str = "KILL") -> list[str]:
    """Return a command that runs as PostgreSQL demands, and dies with us."""
    if not shutil.which("setpriv"):
        assert os.geteuid() != 0, "as root, PostgreSQL needs the program setpriv"
        return command
    words = ["setpriv", "--pdeathsig", dies_by]
    if os.geteuid() == 0:
        entry = pwd.getpwnam("nobody")
        ids = (f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
        words += ids
    return [*words, "--", *command]


def _environment() -> dict[str, str]:
    kept = ("PATH", "LD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **found}
