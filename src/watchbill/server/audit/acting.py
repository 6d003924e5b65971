"""On whose behalf this thread works, as the triggers of the database will read it.

Whoever lets somebody in says so with :func:`acting`: the middleware for each request
that may change something, the command line, and whatever hands the engine the wish of
a person. What is written inside the block is audited under that name, without the
code that writes knowing of it.

It is a setting of the connection and not of the transaction, because one act may be
several transactions. A transaction that is rolled back takes the setting with it to
what it was when it began, and so does the end of the block.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace

from django.db import connection
from psycopg.pq import TransactionStatus

from watchbill.server.audit.models import ActorKind

_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who does what, and from where."""

    act: str
    kind: ActorKind
    id: str = ""
    name: str = ""
    remote: str = ""


_current: ContextVar[Acting | None] = ContextVar("watchbill_acting", default=None)


def current() -> Acting | None:
    """Return on whose behalf this thread works, None for the engine's own."""
    return _current.get()


@contextmanager
def acting(one: Acting | None) -> Iterator[None]:
    """Audit what is written in the block under a name; None is the engine's own."""
    before = _current.get()
    _tell(one)
    _current.set(one)
    try:
        yield
    finally:
        _current.set(before)
        if _may_tell():
            _tell(before)


def known_as(kind: ActorKind, *, id: str, name: str) -> None:
    """Say who it is, once a view has found out by a key, a link or a signature."""
    one = _current.get()
    if one is not None:
        found = replace(one, kind=kind, id=id, name=name)
        _tell(found)
        _current.set(found)


def _tell(one: Acting | None) -> None:
    text = "" if one is None else json.dumps(_cut(one), ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('watchbill.acting', %s, false)", [text])


def _cut(one: Acting) -> dict[str, str]:
    # Names are chosen by people and addresses by strangers.
    return {
        key: str(value).replace("\0", "")[:_LONGEST]
        for key, value in asdict(one).items()
    }


def _may_tell() -> bool:
    """Whether the connection can still be told that the act is over.

    A closed one has forgotten it, and a transaction that failed forgets it itself.
    """
    inner = connection.connection
    if inner is None or inner.closed:
        return False
    if inner.info.transaction_status == TransactionStatus.INERROR:
        return False
    return not (connection.in_atomic_block and connection.needs_rollback)
