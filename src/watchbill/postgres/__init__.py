"""The embedded database: PostgreSQL as a part of one command, not a chore before it.

``watchbill up`` on an empty machine must have a durable database a second later, and
must leave nothing running when it goes, however it goes. This package finds the
programs, makes a cluster, runs a server for exactly as long as its owner lives, and
refuses any server that may forget what it acknowledged::

    with postgres.unwind_on_sigterm(), postgres.serve(data_dir) as server:
        psycopg.connect(server.url)

Two locks carry the design. ``owner.lock`` says who may run the server; ``server.lock``
is inherited by every process of the server and so says, without any pid, whether one of
them still lives.

Every error is a ``PostgresError``, whose text is meant for the operator::

    PostgresError
    ├── BinariesNotFound      no PostgreSQL programs on this machine
    ├── BinariesUnusable      programs too old, or not runnable
    ├── AccountUnusable       nobody to run the server as
    ├── DirectoryUnusable     the data directory cannot be made, read or written
    ├── DirectoryUnsafe       a directory that must be private is not
    ├── ClusterUnusable       the data directory holds something else
    │   └── OtherMajorVersion     ... a cluster of another PostgreSQL version
    ├── LockHeld              another process kept the data directory
    ├── InitFailed            initdb did not make a cluster
    ├── StartFailed           the server did not become ready
    └── UnsafeServer          a server may lose what it acknowledged
"""

from watchbill.postgres.address import Server
from watchbill.postgres.binaries import find_binaries
from watchbill.postgres.durability import check_durability, require_durability
from watchbill.postgres.errors import (
    AccountUnusable,
    BinariesNotFound,
    BinariesUnusable,
    ClusterUnusable,
    DirectoryUnsafe,
    DirectoryUnusable,
    InitFailed,
    LockHeld,
    OtherMajorVersion,
    PostgresError,
    StartFailed,
    UnsafeServer,
)
from watchbill.postgres.server import (
    join,
    join_or_serve,
    serve,
    unwind_on_sigterm,
)
from watchbill.postgres.supervisor import OwnedServer

__all__ = [
    "AccountUnusable",
    "BinariesNotFound",
    "BinariesUnusable",
    "ClusterUnusable",
    "DirectoryUnsafe",
    "DirectoryUnusable",
    "InitFailed",
    "LockHeld",
    "OtherMajorVersion",
    "OwnedServer",
    "PostgresError",
    "Server",
    "StartFailed",
    "UnsafeServer",
    "check_durability",
    "find_binaries",
    "join",
    "join_or_serve",
    "require_durability",
    "serve",
    "unwind_on_sigterm",
]
