"""What can go wrong with the database server; the tree is in the package docstring."""


class PostgresError(Exception):
    """A problem with the database server, in words fit to print as they are."""


class BinariesNotFound(PostgresError):
    """No PostgreSQL programs were found on this machine."""


class BinariesUnusable(PostgresError):
    """PostgreSQL programs were found but cannot serve: too old or not runnable."""


class AccountUnusable(PostgresError):
    """No operating-system account can run the server for this data directory."""


class DirectoryUnusable(PostgresError):
    """The data directory cannot be made, read or written."""


class DirectoryUnsafe(PostgresError):
    """A directory that must be private is not."""


class ClusterUnusable(PostgresError):
    """The data directory holds something other than a cluster of this version."""


class OtherMajorVersion(ClusterUnusable):
    """The data directory holds only a cluster of another PostgreSQL version."""


class LockHeld(PostgresError):
    """Another process kept the data directory for longer than we may wait."""


class InitFailed(PostgresError):
    """``initdb`` did not make a cluster."""


class StartFailed(PostgresError):
    """The server did not become ready; the message ends with its last words."""


class UnsafeServer(PostgresError):
    """A server may lose what it acknowledged, or is too old to be used."""
