"""Several processes and one data directory."""

import os
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.postgres.processes import (
    NO_SUCH_UID,
    StartOwner,
    as_root,
    ordinary_uid,
    wait_until,
)
from watchbill import postgres
from watchbill.postgres.lock import FileLock, is_free

MOMENT = timedelta(milliseconds=50)


def test_there_is_nothing_to_join_where_nothing_runs(data_dir: Path) -> None:
    assert postgres.join(data_dir) is None
    assert not data_dir.exists()


def test_a_command_joins_the_server_that_runs(made_dir: Path) -> None:
    with postgres.serve(made_dir) as server:
        with postgres.join_or_serve(made_dir) as joined:
            assert joined.url == server.url
            assert not isinstance(joined, postgres.OwnedServer)
        assert server.is_running()


def test_a_command_starts_a_server_of_its_own_where_none_runs(made_dir: Path) -> None:
    with postgres.join_or_serve(made_dir) as server:
        assert isinstance(server, postgres.OwnedServer)
        assert server.is_running()
    assert postgres.join(made_dir) is None


def test_four_simultaneous_cold_starts_make_one_database(
    data_dir: Path, start_owner: StartOwner
) -> None:
    owners = [start_owner("join_or_serve") for _ in range(4)]

    answers = {owner.answer() for owner in owners}

    (url,) = answers
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (data_dir / "postgres.log").read_text().count("starting PostgreSQL") == 1
    for owner in owners:
        owner.let_go()
    assert [owner.process.wait(30) for owner in owners] == [0, 0, 0, 0]


def test_four_simultaneous_owners_take_turns(
    made_dir: Path, start_owner: StartOwner
) -> None:
    owners = [start_owner("serve") for _ in range(4)]
    for owner in owners:
        owner.let_go()

    answers = [owner.answer() for owner in owners]

    assert len(set(answers)) == 1
    assert answers[0].startswith("postgresql://")
    assert [owner.process.wait(30) for owner in owners] == [0, 0, 0, 0]
    assert (made_dir / "postgres.log").read_text().count("starting PostgreSQL") == 4


def test_an_owner_waits_for_the_one_before_it(
    made_dir: Path, start_owner: StartOwner
) -> None:
    with postgres.serve(made_dir):
        successor = start_owner("serve")
        wait_until(lambda: successor.process.poll() is None, "it has started")

    assert successor.answer().startswith("postgresql://")


def test_a_temporary_server_stays_for_those_who_joined_it(
    made_dir: Path, start_owner: StartOwner
) -> None:
    first = start_owner("join_or_serve")
    url = first.answer()
    second = start_owner("join_or_serve")
    assert second.answer() == url

    first.let_go()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert first.process.poll() is None
    assert second.end() == 0
    assert first.process.wait(30) == 0


def test_a_copied_directory_does_not_lead_to_the_original(made_dir: Path) -> None:
    copy = made_dir.with_name("copy")
    copy.mkdir()
    with postgres.serve(made_dir):
        address = (made_dir / "address.json").read_text()
        (copy / "address.json").write_text(address)
        with (
            FileLock.acquire(copy / "owner.lock", wait=MOMENT, what="It"),
            pytest.raises(postgres.LockHeld, match="did not answer"),
        ):
            postgres.join(copy, wait=MOMENT)


def test_an_address_file_cut_short_is_waited_out_and_not_believed(
    data_dir: Path,
) -> None:
    data_dir.mkdir()
    (data_dir / "address.json").write_text("{")
    with (
        FileLock.acquire(data_dir / "owner.lock", wait=MOMENT, what="It"),
        pytest.raises(postgres.LockHeld, match="did not answer"),
    ):
        postgres.join(data_dir, wait=MOMENT)


def test_a_child_that_inherited_a_lock_keeps_it(data_dir: Path) -> None:
    data_dir.mkdir()
    path = data_dir / "lock"
    lock = FileLock.acquire(path, wait=MOMENT, what="It")
    inherited = os.dup(lock.fd)

    lock.release()

    assert not is_free(path)
    os.close(inherited)
    assert is_free(path)


@as_root
def test_root_keeps_a_users_database_in_that_users_hands(
    data_dir: Path, start_owner: StartOwner
) -> None:
    user = ordinary_uid()
    os.chown(data_dir.parent, user, 65_534)
    assert start_owner(uid=user).end() == 0

    with postgres.serve(data_dir) as server:
        assert Path(server.host).stat().st_uid == user
        joiner = start_owner("join_or_serve", uid=user)
        assert joiner.answer() == server.url
        assert joiner.end() == 0

    again = start_owner(uid=user)
    assert again.answer() == server.url


@as_root
def test_a_user_without_a_name_is_told_what_to_do(
    data_dir: Path, start_owner: StartOwner
) -> None:
    os.chown(data_dir.parent, NO_SUCH_UID, 65_534)

    answer = start_owner(uid=NO_SUCH_UID).answer()

    assert answer.startswith(f"AccountUnusable: User id {NO_SUCH_UID} has no entry")
    assert "DATABASE_URL" in answer


@as_root
def test_a_user_cannot_take_the_database_of_another(
    made_dir: Path, start_owner: StartOwner
) -> None:
    with postgres.serve(made_dir):
        pass
    made_dir.parent.chmod(0o755)
    made_dir.chmod(0o777)
    for lock in made_dir.glob("*.lock"):
        lock.chmod(0o666)
    answer = start_owner(uid=ordinary_uid()).answer()

    assert answer.startswith("AccountUnusable: The database in")
    made_dir.chmod(0o700)
