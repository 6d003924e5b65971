"""Starts processes of the product in a few milliseconds, so that they can die often.

It imports everything once and opens nothing: no connection, no thread, no port. Each
line on its standard input is an order in JSON; it forks, and answers with the number
of the child. A child is the web server, the engine, or the preparation that
``watchbill up`` does before either. Every child dies with this process, and this
process dies with whoever started it.
"""

import ctypes
import faulthandler
import gc
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import django
import uvicorn

django.setup()

from django.db import connections  # noqa: E402

from tests.crash import points  # noqa: E402
from watchbill.plan import load  # noqa: E402
from watchbill.server.engine import start  # noqa: E402
from watchbill.server.engine.loop import node_name  # noqa: E402
from watchbill.server.project import setup  # noqa: E402
from watchbill.server.project.asgi import application  # noqa: E402
from watchbill.server.project.options import Options  # noqa: E402

Order = dict[str, Any]
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Take orders until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    faulthandler.enable()  # what a library breaks must be told from what we do
    gc.freeze()  # a collection in a child would copy the pages it shares with us
    print(json.dumps({"ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        order: Order = json.loads(line)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _be(order, parent)
        print(json.dumps({"pid": pid}), flush=True)


def _be(order: Order, parent: int) -> None:
    """Carry out an order; does not return."""
    code = 1
    try:
        _become_a_child(parent)
        _change(order)
        ROLES[order["role"]](order)
        code = 0
    except Exception:  # whatever it is, the log must have it and the fork must end
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _become_a_child(parent: int) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # The answers to orders belong to the parent.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)


def _change(order: Order) -> None:
    if "database_port" in order:
        connections.databases["default"]["PORT"] = str(order["database_port"])
    for name in order.get("variants", ()):
        points.VARIANTS[name]()
    if point := order.get("point"):
        points.POINTS[point]()


def _prepare(order: Order) -> None:
    """Make the schema, put a plan in force, and create a source of alerts."""
    options = replace(_options(order), plan=load(order["plan"], name="campaign.yaml"))
    installed = setup.prepare(options, greet=False)
    url = installed.integration_url("alertmanager", "Campaign")
    _answer(order, {"url": url})
    connections.close_all()


def _answer(order: Order, content: dict[str, Any]) -> None:
    result = Path(order["result"])
    part = result.with_suffix(".part")
    part.write_text(json.dumps(content), "utf-8")
    part.rename(result)


def _options(order: Order) -> Options:
    return Options(
        data_dir=Path(order["home"]),
        host="127.0.0.1",
        port=order["port"],
        database_url=os.environ["DATABASE_URL"],
    )


def _web(order: Order) -> None:
    listener = socket.create_server(("127.0.0.1", order["port"]), backlog=512)
    config = uvicorn.Config(
        application, lifespan="on", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


def _engine(order: Order) -> None:
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: ending.set())
    options = _options(order)
    if "result" in order:  # look around first, as ``watchbill up`` does
        lines = start.begin(options.data_dir, node=node_name(), is_held=False)
        _answer(order, {"lines": lines})
    with setup.engine(options):
        ending.wait()


ROLES: dict[str, Callable[[Order], None]] = {
    "prepare": _prepare,
    "web": _web,
    "engine": _engine,
}

if __name__ == "__main__":
    main()
