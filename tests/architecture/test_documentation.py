"""The documentation says what is so: each page is held to the code it speaks of."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

import run
from tests.plugins import channel_tables, cli_reference
from tests.plugins.plan_index import ROOT
from watchbill.cli import main as program
from watchbill.plan import bundled_text

SOURCES = ROOT / "src" / "watchbill"
README = (ROOT / "README.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
DECISIONS = ROOT / "docs" / "adr"

VARIABLE = re.compile(r"\b(?:WATCHBILL_[A-Z_]+[A-Z]|DATABASE_URL)\b")
ENGINE_MAP = "Inside the engine"
PARTS_OF_ANY_ROOM = {"__init__", "actions", "models", "queries", "urls", "views"}
NOT_ROOMS = {"migrations", "static", "templates", "__pycache__"}


def pages() -> list[Path]:
    """Return every page of the project, and none of what is installed beside it."""
    folders = ("docs", "src", "tests", "benchmarks", "examples")
    below = (page for folder in folders for page in (ROOT / folder).rglob("*.md"))
    return sorted({*ROOT.glob("*.md"), *below})


def section(text: str, title: str) -> str:
    """Return what stands below a heading, up to the next one of its rank."""
    rest = text.split(f"\n## {title}\n", 1)[1]
    return rest.split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row but the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {i for i, row in enumerate(cells) if set("".join(row)) <= set("-: ")}
    return [row for i, row in enumerate(cells) if not {i, i + 1} & heads]


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


# ── Settings ──────────────────────────────────────────────────────────────────────


def constants() -> Iterator[str]:
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def read_variables() -> set[str]:
    """Return the variables that the sources name, and those that providers declare."""
    names = {text for text in constants() if VARIABLE.fullmatch(text)}
    names = {name.removesuffix("_FILE") for name in names}
    return names | set(channel_tables.variables())


def settings_read() -> dict[str, tuple[str, str]]:
    """Return how each variable is read, and its default."""
    declared = {
        name: ("secret" if one.is_secret else "text", one.default)
        for name, one in channel_tables.variables().items()
    }
    return declared | dict(read_by_settings())


def read_by_settings() -> Iterator[tuple[str, tuple[str, str]]]:
    path = SOURCES / "server" / "project" / "settings.py"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env"), attr=way),
                args=[ast.Constant(value=str(name)), *default],
            ):
                value = ast.literal_eval(default[0]) if default else ""
                text = value if isinstance(value, str) else " ".join(value)
                yield name, (way, text)


def documented_settings() -> dict[str, list[str]]:
    table = rows(section(OPERATING, "Environment variables"))
    return {row[0].strip("`"): row[1:] for row in table}


def test_every_variable_that_is_read_is_documented_and_every_documented_one_read() -> (
    None
):
    assert set(documented_settings()) == read_variables()


def test_the_pages_name_no_variable_that_does_not_exist() -> None:
    known = read_variables() | {"WATCHBILL_NO_APT"}
    named = {
        (path.name, name.removesuffix("_FILE"))
        for path in pages()
        for name in VARIABLE.findall(path.read_text("utf-8"))
    }

    assert {(page, name) for page, name in named if name not in known} == set()
    assert "WATCHBILL_NO_APT" in (ROOT / "run.py").read_text("utf-8")


def test_the_documented_defaults_are_those_of_the_settings() -> None:
    #: Their defaults stand for a process without requests; the command line sets them.
    ours = {"DATABASE_URL", "WATCHBILL_SECRET_KEY"}
    table = documented_settings()
    wrong = {
        name: (default, table[name][0])
        for name, (_, default) in settings_read().items()
        if name not in ours and not says_default(table[name][0], default)
    }

    assert wrong == {}


def says_default(cell: str, default: str) -> bool:
    if default:
        return f"`{default}`" in cell
    return cell.startswith(("none", "unset"))


def test_only_secrets_are_said_to_be_readable_from_a_file() -> None:
    said = {name for name, cells in documented_settings().items() if cells[2] == "yes"}
    secrets = {name for name, (way, _) in settings_read().items() if way == "secret"}

    assert said == secrets - {"DATABASE_URL"}


# ── Channels ──────────────────────────────────────────────────────────────────────


def test_the_tables_of_channels_are_current() -> None:
    assert channel_tables.render(OPERATING) == OPERATING, (
        "run `python -m tests.plugins.channel_tables` and commit the page"
    )


def test_each_channel_and_each_of_its_variables_has_a_row_and_a_guide() -> None:
    channels = {row[1].strip("`"): row for row in rows(section(OPERATING, "Channels"))}
    settings = documented_settings()
    known = {one.provider.name: one for one in channel_tables.known()}

    assert set(channels) == set(known)
    for name, one in known.items():
        (guide,) = links(channels[name][0])
        text = (ROOT / "docs" / guide).read_text("utf-8")
        assert text.startswith("# "), guide
        assert [v for v in one.variables if v not in text] == [], guide
        assert [v for v in one.variables if v not in settings] == []


def test_the_metrics_the_pages_name_are_collected() -> None:
    known = set(constants())
    named = set(re.findall(r"`(watchbill_[a-z_]+)`", OPERATING))

    assert len(named) >= 10
    assert {n for n in named if not {n, n.removeprefix("watchbill_")} & known} == set()


def test_the_table_of_channels_says_what_their_folders_say() -> None:
    cells = {row[1].strip("`"): row[2:] for row in rows(section(OPERATING, "Channels"))}

    assert cells["slack"] == ["Slack member id", "yes", "it calls us", ""]
    assert cells["telegram"][2] == "it calls us, or we ask it"
    assert cells["gsm"] == ["phone number", "", "it hands them over", "within 5 min"]
    assert cells["webhook"] == ["nobody by name", "yes", "by the link", ""]


# ── Commands ──────────────────────────────────────────────────────────────────────


def test_the_command_line_reference_is_current() -> None:
    assert cli_reference.PAGE.read_text("utf-8") == cli_reference.render(), (
        "run `python -m tests.plugins.cli_reference` and commit the page"
    )


def test_every_command_and_option_is_in_the_reference() -> None:
    page = cli_reference.PAGE.read_text("utf-8")
    missing = [
        f"{path} {name}"
        for path, command in commands(program, "watchbill")
        for name in [f"## `{path}`", *options(command)]
        if name not in page
    ]

    assert missing == []


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, f"{path} lists {name} and does not have it"
            yield from commands(below, f"{path} {name}")


def options(command: click.Command) -> list[str]:
    return [name for one in command.params for name in one.opts if name[0] == "-"]


SHELL = [
    pytest.param(line, id=f"{page.name}: {line}"[:70])
    for page in (ROOT / "README.md", ROOT / "docs" / "operating.md")
    for block in blocks(page.read_text("utf-8"), "sh")
    for line in block.splitlines()
    if re.match(r"python3 run\.py|\.venv/bin/watchbill", line)
]


@pytest.mark.parametrize("line", SHELL)
def test_a_command_in_the_pages_can_be_given(line: str) -> None:
    words = line.split("#")[0].split()
    if words[0] == "python3":
        documented = re.findall(r"python3 run\.py (\w+)", run.__doc__ or "")
        assert words[2] in documented
        return
    found, given = program, words[1:]
    command: click.Command = found
    while isinstance(command, click.Group) and given and given[0][0] != "-":
        below = command.get_command(click.Context(command), given[0])
        assert below is not None, f"there is no command {given[0]!r}"
        command, given = below, given[1:]
    known = {*options(command), "--help", "-h"}
    assert {word.split("=")[0] for word in given if word[0] == "-"} <= known


# ── Pages ─────────────────────────────────────────────────────────────────────────


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in links(page.read_text("utf-8"))
        if not leads_somewhere(page, target)
    ]

    assert broken == []


def links(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`]*`", "code", prose)
    found = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'src="([^"]+)"', prose)
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / unquote(path) if path else page
    if not anchor:
        return file.exists()
    return file.is_file() and anchor in anchors(file.read_text("utf-8"))


def anchors(text: str) -> set[str]:
    """Return the names that a forge gives to the headings of a page."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", head.lower()) for head in heads]
    return {word.strip().replace(" ", "-") for word in words}


def test_the_readme_quotes_the_plan_word_for_word() -> None:
    excerpts = blocks(README, "yaml")

    assert excerpts
    assert [text for text in excerpts if text not in bundled_text("trm")] == []


def test_each_claim_of_the_readme_names_tests_that_exist() -> None:
    evidence = rows(section(README, "Why trust it"))
    files = [links(row[1]) for row in evidence]

    assert len(files) >= 10
    assert all(len(found) == 1 for found in files)
    assert [one for (one,) in files if "def test_" not in text_of(one)] == []


def text_of(name: str) -> str:
    path = ROOT / name
    return path.read_text("utf-8") if path.exists() else ""


def test_the_readme_shows_pictures_that_are_not_heavy() -> None:
    pictures = [ROOT / one for one in links(README) if one.endswith(".png")]

    assert len(pictures) == 2
    assert {one.name for one in pictures if one.stat().st_size > 200_000} == set()


def test_every_room_of_the_server_is_on_the_map() -> None:
    table = {row[0] for row in rows(section(ARCHITECTURE, "The map"))}
    rooms = {
        f"`{path.name}`"
        for path in (SOURCES / "server").iterdir()
        if (path / "__init__.py").exists() and path.name not in NOT_ROOMS
    }

    assert rooms == table


def test_every_module_of_the_engine_is_on_its_map() -> None:
    named = set(re.findall(r"`engine/(\w+)\.py`", section(ARCHITECTURE, ENGINE_MAP)))
    modules = {path.stem for path in (SOURCES / "server" / "engine").glob("*.py")}

    assert modules - named == PARTS_OF_ANY_ROOM


def test_every_function_and_file_the_architecture_names_exists() -> None:
    code = "\n".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    files = {path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py")}
    life = section(ARCHITECTURE, "The life of an alert")
    named = re.findall(r"`([a-z]+/\w+\.py)`", ARCHITECTURE)
    called = [word.split(".")[-1] for word in re.findall(r"`(\w+(?:\.\w+)?)[(`]", life)]

    assert [n for n in named if not any(f.endswith(n) for f in files)] == []
    assert [name for name in called if not defines(code, name)] == []


def defines(code: str, name: str) -> bool:
    pattern = rf"\b(?:def|class) {name}\b|^ *{name}: |/{name}\b|\b{name}\.py\b"
    return bool(re.search(pattern, code, re.MULTILINE)) or name in {
        path.stem for path in SOURCES.rglob("*.py")
    }


def test_decisions_are_numbered_one_after_the_other_and_listed() -> None:
    names = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    index = (DECISIONS / "README.md").read_text("utf-8")

    assert [name[:4] for name in names] == [f"{i + 1:04}" for i in range(len(names))]
    assert [name for name in names if f"]({name})" not in index] == []
    for name in names:
        title = (DECISIONS / name).read_text("utf-8").splitlines()[0]
        assert title.startswith(f"# {name[:4]}. "), name


def test_the_changelog_speaks_of_the_version_that_is_built() -> None:
    init = (SOURCES / "__init__.py").read_text("utf-8")
    (version,) = re.findall(r'__version__ = "([^"]+)"', init)

    assert version in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_no_page_names_a_machine_or_a_package_registry() -> None:
    forbidden = re.compile(r"/root/|/home/\w|py[p]i\.org|python[h]osted|shields\.io")
    found = {page.name for page in pages() if forbidden.search(page.read_text("utf-8"))}

    assert found == set()
