"""The two products that are compared, each run as it comes on a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from watchbill import postgres

_READY_WITHIN = 120.0


@dataclass(slots=True, kw_only=True)
class Product:
    """One of the two, running."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    accepted: int = 0

    def memory(self) -> float:
        """MiB of all its processes, what they share counted once."""
        return sum(_pss(one) for one in _family(self.process.pid)) / 1024

    def worked(self) -> float:
        """Seconds of processors that its processes have taken."""
        return sum(_worked(one) for one in _family(self.process.pid))

    def pause(self) -> None:
        for one in _family(self.process.pid):
            _signal(one, signal.SIGSTOP)

    def go_on(self) -> None:
        for one in reversed(_family(self.process.pid)):
            _signal(one, signal.SIGCONT)


def _family(number: int) -> list[int]:
    """A process and all that come of it, itself first."""
    found = [number]
    for tasks in Path(f"/proc/{number}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has just ended
            for child in tasks.read_text().split():
                found += _family(int(child))
    return found


def _pss(number: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{number}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def _worked(number: int) -> float:
    """Of a process itself; those that it started and that ended count too."""
    with suppress(OSError):
        words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _signal(number: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(number, what)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


@contextmanager
def _running(
    command: list[str], log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | environment
        ) as started,
    ):
        try:
            yield started
        finally:
            started.terminate()
            started.wait(60)


@contextmanager
def alertmanager(
    directory: Path, config: str, *, program: str = "prometheus-alertmanager"
) -> Iterator[Product]:
    """Run Alertmanager."""
    (directory / "alertmanager.yml").write_text(config)
    origin = f"127.0.0.1:{_free_port()}"
    command = [
        program,
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={origin}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with _running(command, directory / "alertmanager.log") as process:
        _until_ready(f"http://{origin}/-/ready", process)
        url = f"http://{origin}/api/v2/alerts"
        yield Product(name="Alertmanager", url=url, process=process)


@contextmanager
def watchbill(directory: Path, *options: str, **environment: str) -> Iterator[Product]:
    """Run watchbill with an integration that speaks Prometheus."""
    port = _free_port()
    ours = [sys.executable, "-m", "watchbill"]
    data = ["--data-dir", str(directory / "watchbill")]
    command = [*ours, "up", *data, "--port", str(port), *options]
    environment = {"WATCHBILL_LOG_LEVEL": "WARNING"} | environment
    with _running(command, directory / "watchbill.log", **environment) as process:
        origin = f"http://127.0.0.1:{port}"
        _until_ready(f"{origin}/health/live", process)
        made = subprocess.run(
            [*ours, "integration", "create", "prometheus", *data, "--base-url", origin],
            check=True,
            capture_output=True,
            text=True,
        )
        url = f"{made.stdout.split()[-1]}/api/v2/alerts"
        try:
            yield Product(name="watchbill", url=url, process=process)
        finally:
            process.send_signal(signal.SIGCONT)


@contextmanager
def database(directory: Path) -> Iterator["psycopg.Connection[Any]"]:
    """Connect to what the watchbill of this directory has stored, running or not."""
    with (
        postgres.join_or_serve(directory / "watchbill" / "postgres") as server,
        psycopg.connect(server.url, autocommit=True) as connection,
    ):
        yield connection
