"""Real clusters, real processes and real kills."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgres.processes import Owner, StartOwner, give, ordinary_uid
from watchbill import postgres


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path, so that the socket fits; private, as a home directory is."""
    path = Path(tempfile.mkdtemp(prefix="wb-", dir="/tmp"))
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def spare_cluster() -> Iterator[Path]:
    """A cluster whose server has been stopped."""
    path = Path(tempfile.mkdtemp(prefix="wb-", dir="/tmp"))
    with postgres.serve(path / "data") as server:
        pgdata = Path(server.host)
    yield pgdata
    shutil.rmtree(path)


@pytest.fixture
def made_dir(data_dir: Path, spare_cluster: Path) -> Iterator[Path]:
    """A data directory that holds a cluster, lent: making one takes a second."""
    owner = spare_cluster.stat()
    data_dir.mkdir(0o700)
    borrowed = spare_cluster.rename(data_dir / spare_cluster.name)
    yield data_dir
    give(borrowed, owner.st_uid, owner.st_gid)
    borrowed.rename(spare_cluster)


@pytest.fixture(params=["us", "ordinary"])
def uid(request: pytest.FixtureRequest, made_dir: Path) -> int:
    """Ourselves, which may be root, and then a user who is neither."""
    if request.param == "us":
        return os.geteuid()
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user already")
    give(made_dir.parent, ordinary_uid(), 65_534)
    return ordinary_uid()


@pytest.fixture
def start_owner(data_dir: Path) -> Iterator[StartOwner]:
    with ExitStack() as stack:

        def start(verb: str = "serve", *, uid: int = os.geteuid()) -> Owner:
            owner = Owner(verb, data_dir, uid=uid)
            stack.callback(owner.finish)
            return owner

        yield start


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.OwnedServer]:
    """One server for the tests that only look at it."""
    path = Path(tempfile.mkdtemp(prefix="wb-", dir="/tmp"))
    with postgres.serve(path / "data") as server:
        yield server
    shutil.rmtree(path)
