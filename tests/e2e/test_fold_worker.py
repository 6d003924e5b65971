"""The process that folds: it may be killed at any moment, and outlives nobody."""

import os
import re
import signal
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.e2e.product import Product, alert, eventually, fire
from tests.postgres.processes import is_alive

SOON = 20
"""Seconds; a bound for what takes about two."""

STOPPED = 128 + signal.SIGTERM


@pytest.fixture
def product(installation: Product) -> Product:
    return installation.ensure_started()


def folders(product: Product) -> list[int]:
    """Return the processes that fold."""
    return product.children("watchbill.server.project.folder")


def the_folder(product: Product) -> int:
    """Return the one that is running, once it is."""
    (found,) = eventually(lambda: folders(product), "a process folds", seconds=SOON)
    return found


def _others(product: Product, folder: int) -> set[int]:
    return set(folders(product)) - {folder}


def post_and_await(product: Product, url: str, *names: str) -> None:
    """Post an alert for each name, and wait until every one is folded."""
    for name in names:
        fire(url, alert("HostDiskHigh", severity="warning", service=name))
    eventually(lambda: folded(product, *names) == {*names}, "all is folded")


def folded(product: Product, *names: str) -> set[str]:
    rows = product.rows(
        "SELECT labels->>'service' FROM watchbill_alert"
        " WHERE labels->>'service' = ANY(%s) AND incident_id IS NOT NULL",
        list(names),
    )
    assert len(rows) == len(set(rows)), "an alert was folded twice"
    return {name for (name,) in rows}


@pytest.mark.crash
@pytest.mark.req("S4.1-01")
def test_one_that_is_killed_is_started_again_and_nothing_is_folded_twice(
    product: Product, url: str
) -> None:
    names = []
    for turn in range(2):  # after a third early death the main process folds
        killed = the_folder(product)
        coming = [f"turn-{turn}-{number}" for number in range(20)]
        for name in coming:
            fire(url, alert("HostDiskHigh", severity="warning", service=name))
        os.kill(killed, signal.SIGKILL)
        eventually(partial(_others, product, killed), "it is replaced")
        names += coming

    eventually(lambda: folded(product, *names) == {*names}, "all is folded")

    incidents = product.rows(
        "SELECT count(*), count(DISTINCT group_key) FROM watchbill_incident"
        " WHERE resolved_at IS NULL"
    )
    assert incidents[0][0] == incidents[0][1]
    assert "the process that folds ended with -9; starting it again" in product.stderr


@pytest.mark.crash
def test_it_does_not_outlive_the_main_process(product: Product, url: str) -> None:
    folder = the_folder(product)
    assert product.signal(signal.SIGKILL) == -signal.SIGKILL
    eventually(lambda: not is_alive(folder), "none is left", seconds=SOON)

    product.restart()
    post_and_await(product, url, "after-the-crash")


def test_sigterm_ends_all_of_them(product: Product) -> None:
    folder = the_folder(product)
    assert product.sigterm() == STOPPED
    assert not is_alive(folder)
    assert "killed" not in product.stderr


def test_what_it_measures_is_told_by_the_main_process(
    product: Product, url: str
) -> None:
    post_and_await(product, url, "measured")

    def is_counted() -> bool:
        told = httpx2.get(f"{product.url}/metrics").text
        found = re.search(r"^watchbill_fold_lag_seconds_count (\S+)$", told, re.M)
        return found is not None and float(found[1]) >= 1

    eventually(is_counted, "Prometheus can read it", seconds=SOON)


def test_with_none_the_main_process_folds(home: Path) -> None:
    arguments = ["--fold-workers", "0"]
    with Product(home / "alone", arguments=arguments) as product:
        post_and_await(product, product.create_integration(), "alone")
        assert folders(product) == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_one_core_is_enough(home: Path) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        product = Product(home / "one-core").start()
    finally:
        os.sched_setaffinity(0, cores)
    try:
        assert os.sched_getaffinity(the_folder(product)) == {min(cores)}
        post_and_await(product, product.create_integration(), "on-one-core")
    finally:
        product.finish()
