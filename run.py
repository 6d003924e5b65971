#!/usr/bin/env python3
"""Set up watchbill in this directory and run it; needs Python 3.11 and nothing else.

    python3 run.py demo [...]      start the demonstration (`watchbill demo [...]`)
    python3 run.py test            every check and every test, as on the build server
    python3 run.py test ARGS...    only pytest, with these arguments
    python3 run.py lint            only the checks: format, style, types, imports, ...
    python3 run.py campaign        crash it a thousand times; write docs/crash-report.md
    python3 run.py coverage        rewrite docs/coverage-of-the-plan.md from the tests
    python3 run.py setup           only prepare .venv

The first run creates .venv and installs the versions and hashes of uv.lock, with uv
where it is installed and with pip otherwise; later runs notice that nothing changed.
`test` also installs the Debian packages that the browser, Prometheus and PostgreSQL
tests use, if it may (root or passwordless sudo); WATCHBILL_NO_APT=1 forbids it. What is
missing is announced, and the tests that need it are skipped.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "watchbill needs Python 3.11 or newer; this is %d.%d (%s).\n"
        "Run it as python3.11 run.py, python3.12 run.py or python3.13 run.py."
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

Table = dict[str, Any]
Way = tuple[str, ...]
IDENTITY = ("name", "version")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "watchbill-setup.json"
SETTINGS = "watchbill.server.project.settings"
#: Run twice: on the embedded PostgreSQL, and on the oldest that is supported.
DATABASE_TESTS = ("tests/engine", "tests/migrations")
#: Each runs products, databases and browsers; at the end, because they take longest.
WHOLE_PRODUCTS = ("tests/e2e", "tests/crash")
#: A file stays together, because its tests share a database or a product.
SIDE_BY_SIDE = ("-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile")


def main(argv: list[str]) -> None:
    command, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    if command in ("-h", "--help", "help"):
        print(__doc__.strip())
    elif command == "demo":
        set_up(development=False)
        execute("-m", "watchbill", "demo", *rest)
    elif command == "test":
        test(rest)
    elif command == "lint":
        set_up(development=True)
        lint()
    elif command == "campaign":
        campaign(rest)
    elif command == "coverage":
        set_up(development=True)
        execute("-m", "tests.plugins.coverage_of_plan", *rest)
    elif command == "setup":
        set_up(development=True)
        say(f"Ready: {PYTHON}")
    else:
        sys.exit(f"run.py: unknown command {command!r}; see python3 run.py --help")


# ── The commands ──────────────────────────────────────────────────────────────────


def test(arguments: list[str]) -> None:
    set_up(development=True)
    if arguments:
        execute("-m", "pytest", *arguments)
    provide_debian_packages()
    lint()
    if (programs := distribution_postgres()) is not None:
        older = environment() | {"WATCHBILL_TEST_PG_BIN": str(programs)}
        title = f"Tests of what touches the database, on {programs}"
        require(title, ["-m", "pytest", "-q", *SIDE_BY_SIDE, *DATABASE_TESTS], older)
    others = [f"--ignore={path}" for path in WHOLE_PRODUCTS]
    require("Tests", ["-m", "pytest", *SIDE_BY_SIDE, *others], environment())
    require(
        "Tests of the whole product",
        ["-m", "pytest", *SIDE_BY_SIDE, *WHOLE_PRODUCTS],
        environment(),
    )


def campaign(arguments: list[str]) -> None:
    set_up(development=True)
    provide_debian_packages()
    execute("-m", "tests.crash.campaign", *arguments)


def lint() -> None:
    for title, command in checks():
        require(title, command, environment())


def require(title: str, command: list[str], surroundings: dict[str, str]) -> None:
    """Run the virtual environment's Python; a failure ends everything, loudly."""
    heading(title)
    finished = subprocess.run([PYTHON, *command], cwd=ROOT, env=surroundings)
    if finished.returncode != 0:
        box(f"{title}: failed", "python " + " ".join(command))
        sys.exit(finished.returncode)


def distribution_postgres() -> Path | None:
    """Return the programs of the oldest PostgreSQL that Debian has put here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[0].parent if found else None


def checks() -> Iterator[tuple[str, list[str]]]:
    yield "Format", ["-m", "ruff", "format", "--check"]
    yield "Style", ["-m", "ruff", "check"]
    yield "Types", ["-m", "mypy"]
    yield "Imports", ["-c", "import importlinter.cli as c; c.lint_imports_command()"]
    if (ROOT / "src/watchbill/server/project/settings.py").exists():
        check = ["makemigrations", "--check", "--dry-run", "--settings", SETTINGS]
        # It warns when it finds no database to ask; the answer does not need one.
        yield "Schema", ["-W", "ignore::RuntimeWarning", "-m", "django", *check]


def execute(*arguments: str) -> NoReturn:
    """Become the virtual environment's Python, in the directory of this file."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), *arguments], environment())


def environment() -> dict[str, str]:
    # An activated environment or a PYTHONPATH of the caller must not leak in.
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in foreign}


# ── The virtual environment ───────────────────────────────────────────────────────


def set_up(*, development: bool) -> None:
    if os.name != "posix":
        sys.exit("watchbill runs on Linux and macOS; on Windows, use it inside WSL.")
    if is_current(development=development):
        return
    heading("Preparing .venv (the first time takes about a minute)")
    try:
        moved = json.loads(STAMP.read_text("utf-8"))["root"] != str(ROOT)
    except (OSError, ValueError, KeyError):
        moved = False
    STAMP.unlink(missing_ok=True)
    if moved or not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
    if not install_with_uv(development=development):
        install_with_pip(development=development)
    stamp = {"root": str(ROOT), "inputs": inputs(), "development": development}
    STAMP.write_text(json.dumps(stamp), "utf-8")


def is_current(*, development: bool) -> bool:
    try:
        stamp = json.loads(STAMP.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return (
        PYTHON.exists()
        and stamp.get("root") == str(ROOT)
        and stamp.get("inputs") == inputs()
        and (stamp.get("development") or not development)
    )


def inputs() -> str:
    """Return a digest of everything the content of .venv follows from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    relevant = [project["build-system"], project["project"]]
    relevant += [project.get("dependency-groups"), os.path.realpath(PYTHON)]
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode())
    digest.update((ROOT / "uv.lock").read_bytes())
    return digest.hexdigest()


def install_with_uv(*, development: bool) -> bool:
    uv = shutil.which("uv")
    if uv is None or not succeeds(uv, "--version"):
        return False
    python = PYTHON if PYTHON.exists() else sys.executable
    command = [uv, "sync", "--locked", "--inexact", "--quiet", "--python", python]
    command += ["--group", "dev"] if development else ["--no-default-groups"]
    variables = {**environment(), "UV_PROJECT_ENVIRONMENT": str(VENV)}
    if subprocess.run(command, cwd=ROOT, env=variables).returncode == 0:
        return True
    say("uv did not succeed; trying again with pip.")
    return False


def install_with_pip(*, development: bool) -> None:
    ensure_pip()
    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    pip += ["--quiet", "--no-deps"]
    wanted = VENV / "requirements-from-lock.txt"
    wanted.write_text(requirements_from_lock(development=development), "utf-8")
    for what in (["--require-hashes", "-r", str(wanted)], ["--editable", str(ROOT)]):
        command = [str(PYTHON), *pip, *what]
        if subprocess.run(command, env=environment()).returncode != 0:
            sys.exit(
                "run.py: pip could not install the packages of uv.lock; its reason is "
                "above.\nA proxy or a mirror is configured with PIP_INDEX_URL, "
                "PIP_PROXY or pip.conf."
            )


def ensure_pip() -> None:
    if PYTHON.exists():
        if succeeds(PYTHON, "-m", "pip", "--version"):
            return
        if succeeds(PYTHON, "-m", "ensurepip"):
            return
    if importlib.util.find_spec("ensurepip") is None:
        provide_ensurepip()
    if not succeeds(sys.executable, "-m", "venv", "--clear", VENV):
        sys.exit(f"run.py: {sys.executable} -m venv {VENV} failed; run it to see why.")


def provide_ensurepip() -> None:
    # Debian and Ubuntu ship Python without the part that creates environments.
    package = f"python3.{sys.version_info[1]}-venv"
    if not install_debian_packages([package]):
        sys.exit(
            f"run.py: this Python cannot create virtual environments.\n"
            f"Install the missing part, e.g. sudo apt install {package}, and try again."
        )


def succeeds(*command: str | Path) -> bool:
    try:
        finished = subprocess.run(command, env=environment(), capture_output=True)
    except OSError:
        return False
    return finished.returncode == 0


def requirements_from_lock(*, development: bool) -> str:
    """Return what uv.lock pins, with hashes, as a requirements file for pip."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    lines = []
    for package, markers in reachable(packages, development=development):
        line = f"{package['name']}=={package['version']}"
        if () not in markers:  # every way to this package has a condition
            ways = (" and ".join(f"({m})" for m in way) for way in sorted(markers))
            line += " ; " + " or ".join(f"({way})" for way in ways)
        files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        hashes = sorted({file["hash"] for file in files})
        lines.append(" \\\n  ".join([line, *(f"--hash={hash}" for hash in hashes)]))
    return "\n".join(lines) + "\n"


def reachable(
    packages: list[Table], *, development: bool
) -> list[tuple[Table, set[Way]]]:
    """Return each locked package with the conditions under which it is needed."""
    (root,) = (p for p in packages if p["source"].get("editable") == ".")
    start = [*root["dependencies"]]
    if development:
        start += root["dev-dependencies"]["dev"]
    ways: dict[int, set[Way]] = defaultdict(set)
    seen: set[tuple[int, str, Way]] = set()
    queue: list[tuple[Table, Way]] = [(dependency, ()) for dependency in start]
    while queue:
        dependency, way = queue.pop()
        if "marker" in dependency:
            way = tuple(sorted({*way, dependency["marker"]}))
        position, package = find(packages, dependency)
        ways[position].add(way)
        for key, needs in dependencies_of(package, dependency.get("extra", ())):
            if (position, key, way) not in seen:
                seen.add((position, key, way))
                queue += [(need, way) for need in needs]
    return [(packages[position], ways[position]) for position in sorted(ways)]


def find(packages: list[Table], dependency: Table) -> tuple[int, Table]:
    for position, package in enumerate(packages):
        asked = {key: dependency.get(key, package.get(key)) for key in IDENTITY}
        if all(package.get(key) == asked[key] for key in IDENTITY):
            return position, package
    raise LookupError(f"uv.lock does not hold {dependency['name']}")


def dependencies_of(
    package: Table, extras: Iterable[str]
) -> Iterator[tuple[str, Iterable[Table]]]:
    yield "", package.get("dependencies", ())
    for extra in extras:
        yield extra, package["optional-dependencies"][extra]


# ── Programs the tests use ────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Program:
    package: str
    files: str
    """Glob below / that finds the program where Debian puts it."""
    commands: tuple[str, ...]
    """Names to look for on PATH, for installations of another kind."""
    tests: str

    def is_installed(self) -> bool:
        return any(Path("/").glob(self.files)) or any(map(shutil.which, self.commands))


PROGRAMS = (
    Program("chromium", "usr/bin/chromium", ("chromium",), "browser tests"),
    Program(
        "fonts-noto-core",
        "usr/share/fonts/truetype/noto/NotoSansMyanmar-Regular.*",
        (),
        "Burmese text in browser tests",
    ),
    Program("prometheus", "usr/bin/prometheus", ("prometheus",), "Prometheus tests"),
    Program(
        "prometheus-alertmanager",
        "usr/bin/prometheus-alertmanager",
        ("prometheus-alertmanager", "alertmanager"),
        "Alertmanager tests",
    ),
    Program(
        "postgresql",
        "usr/lib/postgresql/*/bin/initdb",
        ("initdb",),
        "tests against the distribution's PostgreSQL",
    ),
    Program(
        "faketime",
        "usr/lib/*/faketime/libfaketimeMT.so.1",
        (),
        "tests of clocks that jump (F12, F13)",
    ),
    Program(
        "pgbouncer",
        "usr/sbin/pgbouncer",
        ("pgbouncer",),
        "tests with a pooler before the database (F30)",
    ),
)

# The packages are wanted for their programs: while they are installed, nothing may
# start a service (policy-rc.d) and PostgreSQL makes no cluster; both are taken back.
APT_SCRIPT = """
set -e
export DEBIAN_FRONTEND=noninteractive
made=''
trap 'for file in $made; do rm -f "$file"; done' EXIT
if [ ! -e /usr/sbin/policy-rc.d ]; then
  made=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
made="$made /etc/postgresql-common/createcluster.d/90-watchbill.conf"
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' \\
  >/etc/postgresql-common/createcluster.d/90-watchbill.conf
apt-get -q update
apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
"""


def provide_debian_packages() -> None:
    missing = [program for program in PROGRAMS if not program.is_installed()]
    if missing:
        install_debian_packages([program.package for program in missing])
    missing = [program for program in missing if not program.is_installed()]
    if missing:
        packages = " ".join(program.package for program in missing)
        box(
            "Some tests will be SKIPPED: programs are missing",
            *(f"{program.package}: {program.tests}" for program in missing),
            "On Debian: apt install --no-install-recommends " + packages,
        )


def install_debian_packages(packages: list[str]) -> bool:
    root = root_prefix()
    if root is None or not shutil.which("apt-get"):
        return False
    heading("Installing Debian packages: " + " ".join(packages))
    command = [*root, "sh", "-c", APT_SCRIPT, "watchbill-setup", *packages]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


def root_prefix() -> list[str] | None:
    """Return what to write before a command to run it as root, if that is possible."""
    if os.environ.get("WATCHBILL_NO_APT"):
        return None
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if succeeds("sudo", "-n", "true") else None


# ── Words on the terminal ─────────────────────────────────────────────────────────


def say(text: str) -> None:
    print(text, flush=True)


def heading(text: str) -> None:
    say(f"\n── {text} " + "─" * max(3, 76 - len(text)))


def box(title: str, *lines: str) -> None:
    wrapped = [part for line in lines for part in textwrap.wrap(line, 74) or [""]]
    rule = "━" * 76
    say("\n".join(["", f"┏{rule}┓", f"┃ {title:<74} ┃", f"┠{'─' * 76}┨"]))
    say("\n".join([f"┃ {line:<74} ┃" for line in wrapped] + [f"┗{rule}┛"]))


if __name__ == "__main__":
    main(sys.argv[1:])
