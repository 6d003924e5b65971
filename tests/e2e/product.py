"""The product as its users run it: the real command, a real port, a real directory.

A `Product` is one installation. It can be started, killed with everything it has
started, and started again on the same data. Whatever happens to the test, `finish`
leaves no process behind.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import psycopg

from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble
from tests.postgres.processes import children_of, is_alive
from watchbill import postgres

#: A bound, not an expectation: a cold start takes about 3 s.
START_SECONDS = 60
PASSWORD = "a watch is stood, not sat"
OWNER = "owner@trm.rocks"
#: Names that a careless program splits, quotes wrongly or cannot encode.
AWKWARD_NAME = "watch bill ကင်းစောင့်"

#: Even when we are killed, and no fixture is left to end anything.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()

_T = TypeVar("_T")


def eventually(
    probe: Callable[[], _T], what: str, *, seconds: float = START_SECONDS
) -> _T:
    """Return the first true answer of a probe, or fail when the time is up."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child: ours, without settings of watchbill."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WATCHBILL_", "DATABASE_URL", "DJANGO_"))
    }
    ours = {
        "PYTHONWARNINGS": "default",
        # The weekly test would send mail of its own to whoever runs this on a Friday.
        "WATCHBILL_PAGING_TEST": "off",
        # Tests page the same few people within a minute and read each mail.
        "WATCHBILL_MESSAGES_A_MINUTE": "1000",
    }
    return kept | ours | more


def channels(smtp: SmtpDouble, slack: SlackDouble) -> dict[str, str]:
    """Return the environment that leads mail and chat to the doubles."""
    return {
        "WATCHBILL_SMTP_URL": smtp.url,
        "WATCHBILL_MAIL_FROM": "watchbill@trm.rocks",
        "WATCHBILL_SLACK_TOKEN": slack.token,
        "WATCHBILL_SLACK_API_URL": slack.api_url,
        "WATCHBILL_EGRESS_ALLOW": "127.0.0.0/8",
    }


class Product:
    """One installation, run by ``python -m watchbill``."""

    def __init__(
        self,
        home: Path,
        *,
        env: Mapping[str, str] | None = None,
        command: str = "up",
        arguments: Sequence[str] = (),
        port: int | None = None,
        name: str = "product",
    ) -> None:
        self.home = home
        self.data_dir = home / "data"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(**(env or {}))
        self.arguments = [command, "--port", str(self.port), *arguments]
        if command == "up":
            self.arguments += ["--data-dir", str(self.data_dir)]
        self.process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        self._out, self._err = home / f"{name}.out", home / f"{name}.err"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.finish()

    # ── Its life ──────────────────────────────────────────────────────────────

    def spawn(self) -> Self:
        """Start it without waiting."""
        assert self.process is None or self.process.poll() is not None
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                [*_WITH_US, sys.executable, "-m", "watchbill", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.env,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Start it and return when it serves."""
        try:
            self.spawn().await_ready()
        except BaseException:
            self.finish()
            raise
        return self

    def await_ready(self) -> None:
        eventually(self.is_ready, "the product is ready")

    def kill9(self) -> None:
        """End every process of it at once, as a power cut would."""
        _kill(self._tree())
        self._reap()

    def sigterm(self) -> int:
        """Ask it to stop and return its exit code."""
        return self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> int:
        process = self._running()
        process.send_signal(number)
        return process.wait(START_SECONDS)

    def restart(self) -> None:
        """Start it again on the same data."""
        self.start()

    def ensure_started(self) -> Self:
        """Start it again if the test before has ended it."""
        if self.process is None or self.process.poll() is not None:
            self.restart()
        return self

    def wait(self) -> int:
        """Return the exit code when it has ended by itself."""
        return self._running().wait(START_SECONDS)

    def finish(self) -> None:
        """Leave no process behind, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            tree = self._tree()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            _kill(tree)
            self._reap()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "it was never started"
        return self.process

    def _reap(self) -> None:
        self._running().wait(START_SECONDS)

    def _tree(self) -> list[int]:
        found = [self._running().pid]
        for pid in found:
            found += children_of(pid)
        return found

    def is_ready(self) -> bool:
        assert self._running().poll() is None, f"it ended: {self.stderr}"
        try:
            return httpx2.get(f"{self.url}/health/ready", timeout=2).is_success
        except httpx2.TransportError:
            return False

    # ── What it says ──────────────────────────────────────────────────────────

    @property
    def stdout(self) -> str:
        return self._out.read_text("utf-8")

    @property
    def stderr(self) -> str:
        """What it complains of: all but the head of the audit log, told each hour."""
        lines = self._err.read_text("utf-8").splitlines(keepends=True)
        return "".join(one for one in lines if "the head of the audit log" not in one)

    @property
    def owner_link(self) -> str:
        links = [line for line in self.stdout.splitlines() if "/setup/" in line]
        return links[-1].strip()

    # ── What is done with it ──────────────────────────────────────────────────

    def command(self, *words: str) -> str:
        """Run another command of the product on its data; return what it prints."""
        finished = subprocess.run(
            [sys.executable, "-m", "watchbill", *words, *self._place()],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip()

    def create_integration(self) -> str:
        """Return the URL of a new Alertmanager integration, with its key."""
        return self.command("integration", "create", "alertmanager")

    def create_owner(self) -> httpx2.Client:
        """Create the owner by the link it printed; return a client signed in as them.

        It stays signed in when the product is started again.
        """
        client = httpx2.Client(base_url=self.url, timeout=10)
        page = client.get(self.owner_link)
        form = {
            "csrfmiddlewaretoken": secret_in(page.text),
            "name": "Ma Thida",
            "email": OWNER,
            "password": PASSWORD,
            "password_again": PASSWORD,
        }
        answer = client.post(self.owner_link, data=form)
        assert answer.headers.get("location") == "/incidents/", answer.text
        return client

    def _place(self) -> list[str]:
        return ["--data-dir", str(self.data_dir), "--base-url", self.url]

    # ── What it has stored ────────────────────────────────────────────────────

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        server = postgres.join(self.data_dir / "postgres")
        assert server is not None, "its database does not run"
        with psycopg.connect(server.url, autocommit=True) as connection:
            yield connection

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.database() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def postmaster_pid(self) -> int:
        (pid,) = (
            one
            for one in children_of(self._running().pid)
            if b"postgres" in Path(f"/proc/{one}/cmdline").read_bytes()
        )
        return pid

    def children(self, module: str) -> list[int]:
        """Return the processes that it has started to run a module."""
        started = children_of(self._running().pid)
        return [pid for pid in started if module.encode() in _words_of(pid)]

    def process_ids(self) -> list[int]:
        return self._tree()


def alert(
    alertname: str, *, status: str = "firing", summary: str = "", **labels: str
) -> dict[str, Any]:
    """Return one alert as Alertmanager's webhook writes it."""
    return {
        "status": status,
        "labels": {"alertname": alertname, **labels},
        "annotations": {"summary": summary or f"{alertname} {labels.get('service')}"},
        "startsAt": "2026-02-08T02:30:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }


def p1(service: str, *, status: str = "firing", summary: str = "") -> dict[str, Any]:
    """Return an alert that the example plan makes a P1 of its own per service."""
    return alert(
        "PlatformDown",
        status=status,
        summary=summary,
        severity="critical",
        service=service,
    )


def p3(service: str) -> dict[str, Any]:
    """Return an alert that opens a ticket and pages nobody."""
    return alert("HostDiskHigh", severity="warning", service=service)


def body_of(*alerts: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": "4", "status": alerts[0]["status"], "alerts": list(alerts)}


def post(url: str, *alerts: Mapping[str, Any]) -> httpx2.Response:
    return httpx2.post(url, json=body_of(*alerts), timeout=15)


def fire(url: str, *alerts: Mapping[str, Any]) -> None:
    """Post alerts that must be accepted."""
    answer = post(url, *alerts)
    assert answer.status_code == 202, answer.text


def secret_in(page: str) -> str:
    """Return the CSRF token of a page's first form."""
    return page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]


def _words_of(pid: int) -> list[bytes]:
    """Return the command line of a process; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # Our own child stays a zombie until it is reaped; is_alive knows zombies.
    eventually(lambda: not any(map(is_alive, pids)), "the killed processes are gone")
