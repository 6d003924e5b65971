"""How to run: what the command line was told."""

from dataclasses import dataclass
from pathlib import Path

from watchbill.plan import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run."""

    data_dir: Path
    host: str
    port: int
    #: Where people and links reach it; empty means ``http://host:port``.
    base_url: str = ""
    #: Empty means the embedded database below ``data_dir``.
    database_url: str = ""
    #: The plan to put in force; None keeps the one that is.
    plan: Loaded | None = None
    #: Page nobody until an owner says so, or for a quarter of an hour.
    is_held: bool = False
    #: Processes that take posts of sources; with none, the main one does.
    intake_workers: int = 0
    #: Processes that fold what was posted; with none, the main one does.
    fold_workers: int = 0

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")
