"""The system under test: one PostgreSQL, one web process, some engines, and doubles.

Everything that judges stands outside: the providers that record what reached people
and the sender that remembers what it was promised run in this process, which no fault
touches.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from tests.crash.cluster import Cluster
from tests.doubles.proxy import Proxy
from tests.doubles.recording_provider import Received, RecordingProvider
from tests.e2e.product import environment, eventually, free_port, secret_in
from tests.plugins.plan_index import ROOT
from tests.postgres.processes import is_alive
from watchbill.plan import bundled_text

#: Even when we are killed, and no fixture is left to end anything.
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()

#: The example plan with a faster ladder, so that steps fall due while things crash.
_FASTER = (
    ("{after: 2m, do: page", "{after: 10s, do: page"),
    ("{after: 5m, do: page", "{after: 20s, do: page"),
    ("{after: 10m, do: page, who: devops", "{after: 40s, do: page, who: devops"),
)


def campaign_plan() -> str:
    """Return the text of the plan that the campaign runs."""
    text = bundled_text("trm")
    for old, new in _FASTER:
        assert old in text, f"the example plan has no line with {old!r} any more"
        text = text.replace(old, new)
    return text


@dataclass(kw_only=True)
class Node:
    """A forked process of the product."""

    role: str
    pid: int
    #: By the machine's clock, which is the database's too.
    started_at: float
    order: dict[str, Any]

    def is_alive(self) -> bool:
        """Return whether it runs, or is stopped."""
        return is_alive(self.pid)

    def kill(self) -> None:
        """End it by SIGKILL, and return when it has gone."""
        self.signal(signal.SIGKILL)
        self.await_death()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def await_death(self, *, seconds: float = 30) -> None:
        """Return when it has ended."""
        eventually(
            lambda: not self.is_alive(), f"the {self.role} ends", seconds=seconds
        )

    def is_stopped(self) -> bool:
        """Return whether SIGSTOP holds it."""
        with suppress(FileNotFoundError, ProcessLookupError):
            stat = Path(f"/proc/{self.pid}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] == "T"
        return False


_LEFT = {
    "now": "SELECT clock_timestamp()",
    "posts": "SELECT id, received_at, folded_at, failures, quarantined_at"
    " FROM watchbill_inboxentry ORDER BY id LIMIT 20",
    "incidents": "SELECT * FROM watchbill_incident ORDER BY id LIMIT 20",
    "due steps": "SELECT kind, subject_id, due_at, state, failures"
    " FROM watchbill_duestep ORDER BY due_at LIMIT 40",
    "notifications": "SELECT id, idempotency_key, channel, state, attempts,"
    " next_attempt_at, lease_until, detail"
    " FROM watchbill_notification ORDER BY id LIMIT 40",
    "deliveries": "SELECT * FROM watchbill_delivery ORDER BY id LIMIT 40",
    "nodes": "SELECT * FROM watchbill_enginenode",
    "sessions": "SELECT pid, application_name, state, wait_event, xact_start,"
    " left(query, 100) FROM pg_stat_activity WHERE datname = current_database()",
}


@dataclass(kw_only=True)
class System:
    """What is crashed."""

    home: Path
    cluster: Cluster
    provider: RecordingProvider
    proxy: Proxy
    variants: tuple[str, ...] = ()
    web_port: int = field(default_factory=free_port)
    hook: str = ""
    nodes: list[Node] = field(default_factory=list)
    _server: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where the web process answers."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def log(self) -> Path:
        """What the processes say."""
        return self.home / "nodes.log"

    def start(self, *, env: Mapping[str, str] | None = None) -> "System":
        """Start the fork server and prepare the installation."""
        variables = environment(
            **self.provider.environment,
            DJANGO_SETTINGS_MODULE="watchbill.server.project.settings",
            DATABASE_URL=self.cluster.url_by(self.proxy.port),
            WATCHBILL_SECRET_KEY="the same on every node",
            WATCHBILL_BASE_URL=self.url,
            WATCHBILL_LOG_LEVEL="WARNING",
            PYTHONWARNINGS="ignore",
        )
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [*WITH_US, sys.executable, "-m", "tests.crash.forkserver"],
                cwd=ROOT,
                env=variables | dict(env or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._answer()["ready"], self.said()
        self._prepare()
        return self

    def said(self) -> str:
        """Return the end of what the processes said."""
        return self._log()[-4000:]

    def has_said(self, words: str) -> bool:
        """Return whether these words are anywhere in what the processes said."""
        return words in self._log()

    def left(self) -> str:
        """Return what the engine's tables hold, for whoever reads of a failure."""
        lines = []
        for title, query in _LEFT.items():
            with suppress(psycopg.Error):
                found = "\n  ".join(str(one) for one in self.rows(query))
                lines.append(f"{title}:\n  {found}")
        return "\n".join(lines)

    def _log(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def fork(self, role: str, **order: Any) -> Node:
        """Start a process of this role."""
        full = {
            "role": role,
            "home": str(self.home),
            "port": self.web_port,
            "variants": self.variants,
            **order,
        }
        assert self._server is not None
        assert self._server.stdin is not None
        began = time.time()
        self._server.stdin.write(json.dumps(full) + "\n")
        self._server.stdin.flush()
        pid = self._answer()["pid"]
        node = Node(role=role, pid=pid, started_at=began, order=order)
        self.nodes.append(node)
        return node

    def again(self, node: Node) -> Node:
        """Start a process in the place of one that has ended, without its flaws."""
        once = {"point", "result"}
        order = {name: value for name, value in node.order.items() if name not in once}
        self.nodes.remove(node)
        return self.fork(node.role, **order)

    def engines(self, count: int = 1, **order: Any) -> list[Node]:
        """Start engines."""
        return [self.fork("engine", **order) for _ in range(count)]

    def engine_after_a_look(self, **order: Any) -> tuple[Node, str]:
        """Start an engine as ``watchbill up`` does; return also what it has to say."""
        result = self.home / f"looked-{time.monotonic_ns()}.json"
        node = self.fork("engine", result=str(result), **order)
        eventually(result.exists, "the engine has looked around")
        return node, "\n".join(json.loads(result.read_text("utf-8"))["lines"])

    def health(self) -> httpx2.Response:
        """Ask as a watchdog outside does."""
        return httpx2.get(f"{self.url}/health/engine", timeout=8)

    def await_healthy(self) -> None:
        """Return when those who watch it hear that the engine is whole."""
        eventually(lambda: self.health().status_code == 200, "the engine is whole")

    def await_web(self) -> None:
        """Return when alerts are answered, one way or the other."""

        def answers() -> bool:
            with suppress(httpx2.TransportError):
                return httpx2.get(f"{self.url}/intake/none", timeout=2).status_code > 0
            return False

        eventually(answers, "the web process answers")

    def fire(self, *alerts: Mapping[str, Any]) -> httpx2.Response:
        """Post alerts once."""
        body = {"version": "4", "status": alerts[0]["status"], "alerts": list(alerts)}
        return httpx2.post(self.hook, json=body, timeout=15)

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """Post alerts as senders do: again, where that is asked for, until taken."""
        eventually(lambda: self._is_taken(*alerts), "a post is taken")

    def _is_taken(self, *alerts: Mapping[str, Any]) -> bool:
        answer = self.fire(*alerts)
        if answer.status_code == 503:  # a machine that is busy with other tests, too
            assert answer.headers["retry-after"]
            return False
        assert answer.status_code == 202, answer.text
        return True

    def acknowledge(self, page: Received) -> bool:
        """Press the link of a page, as its reader would; False if it has none."""
        body = page.mail.get_body(("plain",))
        assert body is not None
        link = re.search(r"http://\S+/n/\S+", body.get_content())
        if link is None:
            return False
        with httpx2.Client(timeout=10) as client:
            shown = client.get(link[0])
            form = {"csrfmiddlewaretoken": secret_in(shown.text)}
            answer = client.post(link[0], data=form | {"action": "acknowledge"})
        return answer.status_code == 200 and "It is yours" in answer.text

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, past the proxy."""
        return self.cluster.rows(query, *values)

    def one(self, query: str, *values: object) -> Any:
        """Return the first value that a query finds."""
        return self.rows(query, *values)[0][0]

    def end_nodes(self) -> None:
        """Kill every process of the product and forget it."""
        for node in self.nodes:
            node.signal(signal.SIGKILL)
        for node in self.nodes:
            node.await_death()
        self.nodes.clear()

    def finish(self) -> None:
        """Leave no process behind."""
        self.end_nodes()
        if self._server is not None:
            for stream in (self._server.stdin, self._server.stdout):
                assert stream is not None
                stream.close()
            self._server.wait(10)

    def _prepare(self) -> None:
        result = self.home / f"prepared-{time.monotonic_ns()}.json"
        node = self.fork(
            "prepare",
            plan=campaign_plan(),
            result=str(result),
        )
        eventually(lambda: result.exists() or not node.is_alive(), "it is prepared")
        assert result.exists(), self.said()
        self.hook = json.loads(result.read_text("utf-8"))["url"]
        self.nodes.remove(node)

    def _answer(self) -> dict[str, Any]:
        assert self._server is not None
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, f"the fork server ended: {self.said()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running(
    cluster: Cluster,
    provider: RecordingProvider,
    home: Path,
    *,
    variants: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[System]:
    """Run a system without processes on a cluster, for as long as the block lasts."""
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(cluster.port))
        one = System(
            home=home,
            cluster=cluster,
            provider=provider,
            proxy=proxy,
            variants=tuple(variants),
        )
        stack.callback(one.finish)
        yield one.start(env=env)


def clean(system: System) -> None:
    """Empty the tables that a scenario fills, keeping plan, users and sources."""
    system.end_nodes()
    system.proxy.heal()
    tables = (
        "inboxentry",
        "incident",
        "alert",
        "duestep",
        "notification",
        "enginenode",
        "enginegate",
        "engineclock",
        "auditrun",
        "outage",
    )
    names = ", ".join(f"watchbill_{one}" for one in tables)
    with system.cluster.connect() as connection:
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE".encode())
    system.provider.received.clear()
    system.provider.heartbeats.clear()
