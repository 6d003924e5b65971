"""`run.py` works for a reader who has only Python."""

import ast
import importlib.metadata
import re

import pytest

import run
from tests.plugins.plan_index import ROOT


def test_an_old_python_can_read_the_sentence_that_refuses_it() -> None:
    ast.parse((ROOT / "run.py").read_text("utf-8"), feature_version=(3, 8))


def test_pip_gets_what_the_lock_pins() -> None:
    text = run.requirements_from_lock(development=True)
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE))

    installed = {
        name: importlib.metadata.version(name) for name in ("django", "pytest")
    }
    assert installed.items() <= pinned.items()
    assert "watchbill" not in pinned


def test_every_pinned_package_carries_hashes() -> None:
    text = run.requirements_from_lock(development=True)

    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_demo_does_not_install_the_tests_tools() -> None:
    text = run.requirements_from_lock(development=False)

    assert re.search(r"^django==", text, re.MULTILINE)
    assert not re.search(r"^(pytest|ruff|mypy)==", text, re.MULTILINE)


def test_a_package_needed_on_one_condition_keeps_it() -> None:
    dependency = {"name": "b", "marker": "sys_platform == 'win32'"}
    packages: list[run.Table] = [
        {"source": {"editable": "."}, "dependencies": [{"name": "a"}, {"name": "c"}]},
        {"name": "a", "version": "1", "source": {}, "dependencies": [dependency]},
        {"name": "b", "version": "2", "source": {}, "dependencies": [{"name": "c"}]},
        {"name": "c", "version": "3", "source": {}},
    ]

    found = {
        package["name"]: ways
        for package, ways in run.reachable(packages, development=False)
    }

    assert found == {
        "a": {()},
        "b": {("sys_platform == 'win32'",)},
        "c": {(), ("sys_platform == 'win32'",)},
    }


def test_missing_programs_are_announced_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = run.Program("dragon", "usr/bin/drag[o]n-of-nowhere", (), "fire tests")
    monkeypatch.setattr(run, "PROGRAMS", (absent,))
    monkeypatch.setenv("WATCHBILL_NO_APT", "1")

    run.provide_debian_packages()

    shown = capsys.readouterr().out
    assert "Some tests will be SKIPPED" in shown
    assert "dragon: fire tests" in shown
    assert "apt install --no-install-recommends dragon" in shown
