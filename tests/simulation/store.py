"""A database in memory: rows, locks and transactions, as far as the engine uses them.

It is PostgreSQL at READ COMMITTED in miniature. A statement sees what was committed
before it and what its own transaction wrote; a lock is held until the transaction
ends; unique keys are enforced; nothing is visible before COMMIT, and COMMIT is one
instant. Every statement is a *port*: the code yields its name first, so that the
scheduler may let somebody else go on, or kill the process, right there.

A transaction of a process that dies is rolled back, and so is one that its holder
leaves idle for longer than the server allows. The server's clock is the only truth
about time.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self, TypeVar

Port = Generator[str, None, None]
"""The name of each port before it is used."""

_T = TypeVar("_T")
Ports = Generator[str, None, _T]

BLOCKED = "waits for a lock"

IDLE_IN_TRANSACTION = timedelta(seconds=30)
"""After this the server ends a transaction whose client does nothing."""


class Row(Protocol):
    """A row knows its primary or unique key."""

    @property
    def key(self) -> str:
        """The key within its table."""


_R = TypeVar("_R", bound=Row)
_Address = tuple[type[Row], str]


class Lost(Exception):
    """The connection, or the transaction, is gone; what it did is rolled back."""


class Conflict(Exception):
    """A row with this key is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one COMMIT did to one row; ``before`` is None for a new one."""

    before: Row | None
    after: Row


class Observer(Protocol):
    """Whoever must hear of every commit."""

    def committed(self, changes: tuple[Change, ...]) -> None:
        """Look at the database right after a commit."""


class Client(Protocol):
    """The process at the other end of a connection."""

    @property
    def is_cut_off(self) -> bool:
        """Whether the network between it and the database is broken."""

    @property
    def is_stopped(self) -> bool:
        """Whether it is suspended, so that its transactions idle."""


@dataclass
class Store:
    now: datetime
    observers: list[Observer] = field(default_factory=list)
    commits: int = 0

    def __post_init__(self) -> None:
        #: The latest instant that the clock ever showed; it may be set back.
        self.latest = self.now
        self._rows: dict[type[Row], dict[str, Row]] = {}
        self._locks: dict[_Address, dict[Transaction, bool]] = {}
        self._open: list[Transaction] = []
        self._numbers = 0

    def all(self, kind: type[_R]) -> list[_R]:
        """Return the committed rows of a table in the order of insertion."""
        return list(self._rows.get(kind, {}).values())  # type: ignore[arg-type]

    def find(self, kind: type[_R], key: str) -> _R | None:
        """Return a committed row."""
        return self._rows.get(kind, {}).get(key)  # type: ignore[return-value]

    def number(self) -> int:
        """Return the next value of a sequence, which no rollback gives back."""
        self._numbers += 1
        return self._numbers

    def set_clock(self, at: datetime) -> None:
        """Move the server's clock; what idled for too long is rolled back."""
        for one in list(self._open):
            if one.client.is_stopped and at - one.begun_at > IDLE_IN_TRANSACTION:
                one.abort()
        self.now = at
        self.latest = max(self.latest, at)

    def cut(self, client: Client) -> None:
        """Roll back what a client has open: its connection broke."""
        for one in list(self._open):
            if one.client is client:
                one.abort()

    def begin(self, client: Client) -> "Transaction":
        """Open a transaction."""
        one = Transaction(self, client)
        self._open.append(one)
        return one

    def end(self, one: "Transaction") -> None:
        """Forget a transaction and its locks."""
        if one in self._open:
            self._open.remove(one)
        for address in list(self._locks):
            self._locks[address].pop(one, None)
            if not self._locks[address]:
                del self._locks[address]

    def may_lock(self, address: _Address, one: "Transaction", *, shared: bool) -> bool:
        """Return whether nobody else holds a row in a way that bars this one."""
        others = self._locks.get(address, {})
        return all(
            holder is one or (shared and is_shared)
            for holder, is_shared in others.items()
        )

    def take_lock(self, address: _Address, one: "Transaction", *, shared: bool) -> None:
        """Note who holds a row."""
        mine = self._locks.setdefault(address, {})
        mine[one] = shared and mine.get(one, True)

    def write(self, rows: Iterable[Row]) -> None:
        """Make rows visible to everybody at one instant."""
        changes = []
        for row in rows:
            table = self._rows.setdefault(type(row), {})
            changes.append(Change(before=table.get(row.key), after=row))
            table[row.key] = row
        if changes:
            self.commits += 1
            for observer in self.observers:
                observer.committed(tuple(changes))


class Transaction:
    """One transaction; a rolled back one refuses every further statement."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self.client = client
        self.begun_at = store.now
        self._written: dict[_Address, Row] = {}
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def abort(self) -> None:
        """Roll back."""
        self._is_open = False
        self._store.end(self)

    def get(self, kind: type[_R], key: str) -> _R | None:
        """Return a row as this transaction sees it."""
        mine = self._written.get((kind, key))
        return mine or self._store.find(kind, key)  # type: ignore[return-value]

    def select(self, kind: type[_R], where: Callable[[_R], bool]) -> list[_R]:
        """Return the rows of a table that this transaction sees."""
        keys = {row.key: row for row in self._store.all(kind)}
        keys |= {
            key: row  # type: ignore[misc]
            for (table, key), row in self._written.items()
            if table is kind
        }
        return [row for row in keys.values() if where(row)]

    def put(self, row: Row) -> None:
        """Write a row; others see it after the commit."""
        self._written[type(row), row.key] = row

    def insert(self, row: Row, *, ignore_conflicts: bool = False) -> None:
        """Insert a row whose key must be new."""
        if self.get(type(row), row.key) is None:
            self.put(row)
        elif not ignore_conflicts:
            raise Conflict(row.key)

    def take(
        self,
        kind: type[_R],
        where: Callable[[_R], bool],
        order: Callable[[_R], tuple[object, ...]],
        *,
        limit: int,
    ) -> Ports[list[_R]]:
        """SELECT ... FOR UPDATE SKIP LOCKED."""
        yield from self.port(f"take {kind.__name__}")
        free = [
            row
            for row in self.select(kind, where)
            if self._store.may_lock((kind, row.key), self, shared=False)
        ]
        rows = sorted(free, key=order)[:limit]
        for row in rows:
            self._store.take_lock((kind, row.key), self, shared=False)
        return rows

    def hold(self, kind: type[_R], key: str, *, shared: bool = False) -> Ports[_R]:
        """SELECT ... FOR UPDATE, or FOR SHARE: wait, then see the latest row."""
        yield from self.port(f"hold {kind.__name__}")
        while not self._store.may_lock((kind, key), self, shared=shared):
            yield BLOCKED
            self._check()
        self._store.take_lock((kind, key), self, shared=shared)
        row = self.get(kind, key)
        assert row is not None
        return row

    def commit(self) -> Port:
        """COMMIT: everything becomes visible at once, and the locks are free."""
        yield from self.port("commit")
        self._is_open = False
        self._store.end(self)
        self._store.write(self._written.values())

    def port(self, name: str) -> Port:
        """Let others go on before a statement; it fails if the connection is gone."""
        yield name
        self._check()

    def _check(self) -> None:
        if not self._is_open or self.client.is_cut_off:
            self.abort()
            raise Lost
