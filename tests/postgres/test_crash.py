"""Whatever is killed, nothing stays behind and nothing acknowledged is lost."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.postgres.processes import (
    LONGEST_WAIT_SECONDS,
    StartOwner,
    Writer,
    children_of,
    is_alive,
    kill_all,
    ordinary_uid,
    postmaster_pid,
    rows_at,
    wait_until,
)
from watchbill import postgres
from watchbill.postgres.process import LAUNCH

pytestmark = pytest.mark.crash

WAIT = timedelta(seconds=LONGEST_WAIT_SECONDS)


def test_a_killed_owner_takes_the_server_with_it_and_no_row(
    made_dir: Path, uid: int, start_owner: StartOwner
) -> None:
    owner = start_owner(uid=uid)
    with Writer(owner.answer()) as writer:
        postmaster = owner.postmaster_pid()
        writing = threading.Thread(target=writer.write_until_cut_off)
        writer.write(50)
        writing.start()

        owner.kill()

        writing.join(LONGEST_WAIT_SECONDS)
    wait_until(lambda: not is_alive(postmaster), "postgres went away by itself")
    again = start_owner(uid=uid).answer()
    assert set(writer.acknowledged) <= rows_at(again)
    assert "database system is shut down" in (made_dir / "postgres.log").read_text()


def test_when_everything_is_killed_in_mid_write_no_row_is_lost(
    made_dir: Path, uid: int, start_owner: StartOwner
) -> None:
    owner = start_owner(uid=uid)
    with Writer(owner.answer()) as writer:
        postmaster = owner.postmaster_pid()
        writing = threading.Thread(target=writer.write_until_cut_off)
        writing.start()
        wait_until(lambda: len(writer.acknowledged) > 100, "rows are being written")

        kill_all([owner.process.pid, postmaster, *children_of(postmaster)])

        owner.process.wait()
        writing.join(LONGEST_WAIT_SECONDS)
    again = start_owner(uid=uid).answer()
    assert set(writer.acknowledged) <= rows_at(again)
    assert "automatic recovery" in (made_dir / "postgres.log").read_text()


def test_sigterm_unwinds_the_owner_and_stops_the_server_cleanly(
    made_dir: Path, start_owner: StartOwner
) -> None:
    owner = start_owner()
    owner.answer()
    postmaster = owner.postmaster_pid()

    assert owner.kill(signal.SIGTERM) == 128 + signal.SIGTERM

    assert not is_alive(postmaster)
    assert not (made_dir / "address.json").exists()
    assert "database system is shut down" in (made_dir / "postgres.log").read_text()


def test_a_server_that_dies_alone_is_noticed_and_can_be_started_again(
    made_dir: Path,
) -> None:
    with postgres.serve(made_dir) as server:
        with Writer(server.url) as writer:
            writer.write(10)
        assert server.is_running()
        assert not server.restart_if_dead()
        assert not server.wait_closed(timedelta())

        kill_all([postmaster_pid(Path(server.host))])

        assert server.wait_closed(WAIT)
        assert not server.is_running()
        assert server.restart_if_dead()
        assert server.is_running()
        assert rows_at(server.url) == set(writer.acknowledged)


def test_a_server_is_not_bound_to_the_life_of_the_thread_that_started_it(
    made_dir: Path,
) -> None:
    entered: list[postgres.OwnedServer] = []
    context = postgres.serve(made_dir)
    thread = threading.Thread(target=lambda: entered.append(context.__enter__()))
    thread.start()
    thread.join()

    (server,) = entered
    assert not server.wait_closed(timedelta(milliseconds=200))
    assert server.is_running()
    context.__exit__(None, None, None)
    assert not server.is_running()


def test_leaving_by_an_exception_stops_the_server(made_dir: Path) -> None:
    def fail() -> None:
        with postgres.serve(made_dir):
            raise RuntimeError("the application failed")

    with pytest.raises(RuntimeError, match="the application failed"):
        fail()
    assert postgres.join(made_dir) is None


def test_a_program_whose_parent_died_before_it_ran_does_not_run() -> None:
    nobodys_parent = "1" if os.getpid() != 1 else "2"

    answer = subprocess.run(
        [
            sys.executable,
            str(LAUNCH),
            nobodys_parent,
            str(int(signal.SIGINT)),
            str(ordinary_uid()),
            str(os.getegid()),
            "/bin/echo",
            "ran",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout == ""
    assert "died before it ran" in answer.stderr
    assert answer.returncode == 1


def test_a_watcher_restarts_until_the_owner_leaves(made_dir: Path) -> None:
    restarts: list[bool] = []

    def keep_alive() -> None:
        while server.wait_closed() and server.restart_if_dead():
            restarts.append(True)

    with postgres.serve(made_dir) as server:
        watcher = threading.Thread(target=keep_alive)
        watcher.start()
        kill_all([postmaster_pid(Path(server.host))])
        wait_until(lambda: bool(restarts), "the watcher has restarted it")
        assert postgres.join(made_dir) is not None

    watcher.join(LONGEST_WAIT_SECONDS)
    assert not watcher.is_alive()
    assert restarts == [True]
