"""Every import contract is seen to fail when it is broken.

A contract that names a module wrongly keeps for ever. So each one has, below, a change
that must break it; the change is made in a copy of the sources and judged there.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.plan_index import ROOT

#: Contract → the lines to add, by file below src/watchbill. New files are created,
#: with the packages they lie in.
MUTATIONS: dict[str, dict[str, str]] = {
    "Front doors look inward": {
        "core/mutant.py": "import watchbill.plan.mutant",
        "plan/mutant.py": "",
    },
    "The core is pure": {"core/temporal.py": "import time"},
    "The core reads bottom-up": {
        "core/temporal.py": "import watchbill.core.incidents",
    },
    "The plan does no networking and knows no framework": {
        "plan/mutant.py": "from django.conf import settings",
    },
    "Integrations are pure": {"integrations/alertmanager/mutant.py": "import socket"},
    "Integrations do not know each other": {
        "integrations/alertmanager/mutant.py": "import watchbill.integrations.mutant",
        "integrations/mutant/__init__.py": "",
    },
    "The PostgreSQL supervisor stands alone": {
        "postgres/mutant.py": "import watchbill.core.temporal",
    },
    "Moving in is pure": {"migrate/mutant.py": "import socket"},
    "A room is built bottom-up": {
        "server/accounts/models.py": "import watchbill.server.accounts.actions",
    },
    "Rooms depend downwards": {
        "server/accounts/mutant.py": "import watchbill.server.incidents.models",
    },
    "Rooms have no cycles": {
        "server/accounts/mutant.py": "import watchbill.server.tickets.mutant",
        "server/tickets/mutant.py": "import watchbill.server.accounts.models",
    },
}


def contracts() -> list[str]:
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [c["name"] for c in settings["tool"]["importlinter"]["contracts"]]


def verdicts(copy: Path) -> dict[str, str]:
    finished = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import importlinter.cli as c; c.lint_imports_command()",
            *("--config", str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo"),
        ],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = re.findall(r"^(.+) (KEPT|BROKEN)\b", finished.stdout, re.MULTILINE)
    assert found, finished.stdout + finished.stderr
    return dict(found)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    only_python = shutil.ignore_patterns("__pycache__", "static", "templates")
    shutil.copytree(ROOT / "src/watchbill", tmp_path / "watchbill", ignore=only_python)
    return tmp_path


def add(package: Path, name: str, lines: str) -> None:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in path.relative_to(package).parents:
        (package / folder / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as module:
        module.write(f"\n{lines}\n")


def test_every_contract_has_a_change_that_breaks_it() -> None:
    assert set(contracts()) - set(MUTATIONS) == set()


def test_the_sources_keep_every_contract(copy: Path) -> None:
    assert verdicts(copy) == dict.fromkeys(contracts(), "KEPT")


@pytest.mark.parametrize("contract", contracts())
def test_breaking_a_contract_is_noticed(copy: Path, contract: str) -> None:
    for name, lines in MUTATIONS[contract].items():
        add(copy / "watchbill", name, lines)

    assert verdicts(copy)[contract] == "BROKEN"
