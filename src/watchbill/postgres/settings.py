"""How the embedded server is configured, and why.

Settings are given on the command line, which outranks ``postgresql.conf`` and ``ALTER
SYSTEM``: durability cannot be switched off by an edit that nobody remembers. Access
rules are rewritten at every start for the same reason.
"""

from collections.abc import Iterable

SUPERUSER = "postgres"
#: Owns the database and may create others (drills, restores), but is no superuser:
#: a hole in the product must not become a way to read the server's files.
ROLE = "watchbill"
DATABASE = "watchbill"
PORT = 5432

SETTINGS: dict[str, str] = {
    # What was acknowledged is on disk. Nothing here may be traded for speed.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Unix socket only: the wheel's programs have no TLS and nobody else is a client.
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # One process with a few pools, plus operators and pg_dump. Each connection costs
    # memory and a slot in every snapshot.
    "max_connections": "60",
    # PostgreSQL's own default, written down: the data of a small team fits, and a
    # 1 GB machine keeps its memory.
    "shared_buffers": "128MB",
    # Small rows under full-page writes compress well; costs little CPU, saves fsynced
    # bytes. "on" is the built-in method, present in every build.
    "wal_compression": "on",
    # The queue tables live by it: without it they bloat within days.
    "autovacuum": "on",
    # A transaction forgotten by a bug would hold row locks that stop the engine and
    # keep autovacuum from working. Longer than any honest pause in ours.
    "idle_in_transaction_session_timeout": "5min",
    # Queries are small. Parallel workers and JIT would add latency spikes to them.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    # Files in the data directory, because containers limit /dev/shm to 64 MB and
    # systemd's RemoveIPC empties it when the user logs out.
    "dynamic_shared_memory_type": "mmap",
    # The log goes to our file (see ``process``), in UTC as every stored instant is.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Shown in ps, where the data directory may be a number (see ``cluster``).
    "cluster_name": "watchbill",
}

#: Peer authentication: the kernel says who is at the other end of the socket. Being
#: the server's own account is not enough, since ``nobody`` is shared by many daemons.
ACCESS_RULES = "local all all peer map=watchbill\n"


def server_options(*, socket_dir: str) -> list[str]:
    """Return the command-line options of ``postgres``."""
    settings = {**SETTINGS, "unix_socket_directories": socket_dir}
    return [word for item in settings.items() for word in ("-c", "=".join(item))]


def initdb_options(*, major: int) -> list[str]:
    """Return the options of ``initdb``.

    From version 17 on, sorting is built into PostgreSQL and so cannot change under an
    index when the operating system's C library is upgraded.
    """
    if major >= 17:
        locale = [
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
    else:
        locale = ["--locale=C.UTF-8"]
    return [
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--data-checksums",
        "--auth-local=peer",
        "--auth-host=reject",
        "--no-instructions",
        *locale,
    ]


def user_map(accounts: Iterable[str]) -> str:
    """Return ``pg_ident.conf``: these accounts may be the role or the superuser."""
    return "".join(
        f'watchbill "{account}" {role}\n'
        for account in sorted(set(accounts))
        for role in (ROLE, SUPERUSER)
    )
