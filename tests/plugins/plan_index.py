"""The index of requirements and decisions: which ids exist and what each is about.

`docs/requirements-index.txt` holds one line per id: the id, two spaces, its topic. The
topic of a requirement is its section of the plan; a decision (`A…`) has its own.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "requirements-index.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    id: str
    topic: str

    @property
    def is_decision(self) -> bool:
        return self.id.startswith("A")

    @property
    def section(self) -> str:
        return "Decisions" if self.is_decision else self.topic


def load_index(path: Path = INDEX) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        id, separator, topic = line.partition("  ")
        if not separator or id in entries:
            raise ValueError(f"{path}:{number}: expected a new id, two spaces, a topic")
        entries[id] = Entry(id=id, topic=topic)
    return entries
