"""Options that several commands share, and how each of them refuses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from watchbill.integrations.contract import SettingsError
from watchbill.plan import Loaded, bundled_text, load
from watchbill.postgres import PostgresError
from watchbill.server.project import env
from watchbill.server.project.env import SettingError
from watchbill.server.project.listening import AddressUnusableError

HELP = {"help_option_names": ["-h", "--help"]}
"""How help is asked for; click remembers it from the first time a command is asked."""

_F = TypeVar("_F", bound=Callable[..., Any])


@contextmanager
def refusals() -> Iterator[None]:
    """Say in a sentence, and exit with 1, why a command cannot run here."""
    try:
        yield
    except (
        AddressUnusableError,
        PostgresError,
        SettingError,
        SettingsError,
    ) as error:
        raise click.ClickException(str(error)) from error


def data_dir_option(default: str) -> Callable[[_F], _F]:
    """Add ``--data-dir``."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(default),
        envvar="WATCHBILL_DATA_DIR",
        show_default=True,
        help="Where the embedded database and the secret key are kept.",
    )


def database_option(function: _F) -> _F:
    """Add ``--database-url``."""
    return click.option(
        "--database-url",
        default=lambda: env.secret("DATABASE_URL"),
        metavar="URL",
        help="A PostgreSQL server (15 or newer) instead of the embedded database;"
        " also read from DATABASE_URL or, as a file, DATABASE_URL_FILE.",
    )(function)


def web_options(function: _F) -> _F:
    """Add ``--host``, ``--port`` and ``--base-url``."""
    for option in (
        click.option(
            "--base-url",
            envvar="WATCHBILL_BASE_URL",
            default="",
            metavar="URL",
            help="Where people reach it, for the links in messages;"
            " http://HOST:PORT by default.",
        ),
        click.option(
            "--port", default=8000, show_default=True, help="Port to listen on."
        ),
        click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help="Address to listen on; 0.0.0.0 for every interface.",
        ),
    ):
        function = option(function)
    return function


def read_plan(name: str, *, as_of: date | None = None) -> Loaded:
    """Return the plan of a file, or the bundled one for ``trm``.

    A file of that name wins. What is overdue is found for the day ``as_of`` only.
    Raises click.ClickException when there is neither.
    """
    path = Path(name)
    if not path.exists() and name == "trm":
        return load(bundled_text("trm"), name="trm.yaml", as_of=as_of)
    try:
        return load(path.read_bytes(), name=name, as_of=as_of)
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}"
        raise click.ClickException(message) from error


def valid_plan(name: str) -> Loaded:
    """Return a plan without errors, or print what is wrong with it and exit with 1."""
    loaded = read_plan(name)
    if loaded.plan is None:
        click.echo(loaded.render(), err=True, nl=False)
        message = f"{name} has errors and is not put in force"
        raise click.ClickException(message)
    return loaded
