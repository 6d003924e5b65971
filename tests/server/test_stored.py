"""Values in columns: read by many threads at once from the first moment on."""

import subprocess
import sys
from dataclasses import dataclass, field

import msgspec
import pytest

from watchbill.server.stored import Stored

RACE = """
import sys, threading
from dataclasses import make_dataclass
from watchbill.server.stored import Stored

sys.setswitchinterval(1e-6)
for number in range(400):
    inner = [make_dataclass(f"I{n}", [("a", int), ("b", str)]) for n in range(3)]
    outer = make_dataclass("O", [(f"x{n}", one) for n, one in enumerate(inner)])
    value = {f"x{n}": {"a": 1, "b": "s"} for n in range(3)}
    stored = Stored(outer)
    together = threading.Barrier(4)

    def read():
        together.wait()
        assert stored.read(value).x2.b == "s"

    threads = [threading.Thread(target=read) for _ in range(4)]
    [one.start() for one in threads]
    [one.join() for one in threads]
"""


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    tags: tuple[str, ...] = field(default=())


def test_a_value_is_read_back_as_what_it_was() -> None:
    assert Stored(Place).read({"name": "Yangon", "tags": ["a"]}) == Place(
        name="Yangon", tags=("a",)
    )


def test_what_is_no_such_value_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="name"):
        Stored(Place).read({"tags": []})


def test_threads_that_read_their_first_value_together_do_not_end_the_process() -> None:
    """Without the look at import, one in a few hundred tries ends by SIGSEGV."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
