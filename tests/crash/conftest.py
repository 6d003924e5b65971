"""Real installations, and doubles of what they talk to."""

import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash import cluster as clusters
from tests.crash import system as systems
from tests.crash.campaign import HASTY
from tests.crash.system import System
from tests.doubles.recording_provider import RecordingProvider, no_fault
from tests.doubles.slack_server import SlackDouble
from tests.doubles.smtp_server import SmtpDouble


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory outside pytest's own, whose path is long and private to us."""
    path = Path(tempfile.mkdtemp(prefix="wb-e2e-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpDouble]:
    with SmtpDouble() as double:
        yield double


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackDouble]:
    with SlackDouble() as double:
        yield double


@pytest.fixture(scope="session")
def shared_system() -> Iterator[System]:
    """One prepared installation for all scenarios: making one takes seconds."""
    with ExitStack() as stack:
        place = stack.enter_context(clusters.short_directory())
        cluster = stack.enter_context(clusters.running("embedded", home=place))
        provider = stack.enter_context(RecordingProvider())
        yield stack.enter_context(
            systems.running(cluster, provider, place / "system", variants=HASTY)
        )


@pytest.fixture
def system(shared_system: System) -> Iterator[System]:
    """The installation, empty, with no process running and no fault."""
    systems.clean(shared_system)
    shared_system.provider.faults = no_fault
    yield shared_system
    shared_system.end_nodes()
    shared_system.proxy.heal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the processes said and did: their logs are deleted."""
    report = yield
    if report.failed:
        systems_used = [
            one for one in item.funcargs.values() if isinstance(one, System)
        ]
        for one in systems_used:
            report.sections.append(("what the processes said", one.said()))
            report.sections.append(("what they left in the database", one.left()))
    return report
