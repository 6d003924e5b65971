"""Gathering: what every parser does around its own reading of an object.

A parser says how one object is read; here it is looked up in the files, what it refuses
is noted as dropped with its place, and what it never asked for as unread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from watchbill.migrate.model import (
    Cover,
    Export,
    Kind,
    Person,
    Policy,
    Rendered,
    Schedule,
    Team,
)
from watchbill.migrate.reading import (
    LABELS,
    FieldError,
    Fields,
    Notes,
    Signs,
    sorted_out,
)


class Gathering:
    """Everything that was found so far."""

    def __init__(self, files: Mapping[str, bytes], signs: Signs) -> None:
        self.notes = Notes()
        self._rows = sorted_out(files, signs, self.notes)
        self.people: list[Person] = []
        self.teams: list[Team] = []
        self.schedules: list[Schedule] = []
        self.covers: list[Cover] = []
        self.rendered: list[Rendered] = []
        self.policies: list[Policy] = []

    def rows(self, kind: str) -> list[Fields]:
        """Return the objects of a kind as they were written."""
        return self._rows[kind]

    def each(
        self,
        kind: str,
        called: str,
        read: Callable[[Fields], Any],
        into: list[Any] | None = None,
    ) -> None:
        """Read every object of a kind, and note what became of it."""
        for row in self.rows(kind):
            with self.noting(called, row):
                value = read(row)
                if into is not None:
                    into.append(value)

    @contextmanager
    def noting(self, kind: str, row: Fields, *, quiet: bool = False) -> Iterator[None]:
        """Note that an object was taken, or why it is dropped."""
        try:
            yield
        except FieldError as error:
            row.is_noted = True
            self.notes.dropped(kind, name_of(row), str(error), row.place)
        else:
            if not quiet:
                self.notes.taken(kind, name_of(row), row.place)
            self.notes.unread(kind, row)

    def cover(self, row: Fields, read: Callable[[Fields], Cover]) -> None:
        """Read an override; one that does not last is dropped."""
        with self.noting("override", row):
            found = read(row)
            if found.ends_at <= found.starts_at:
                message = "it ends before it begins"
                raise FieldError(message)
            self.covers.append(found)

    def targets(
        self,
        rows: Iterable[Fields],
        called: str,
        read: Callable[[Fields], tuple[Kind, str]],
    ) -> tuple[tuple[Kind, str], ...]:
        """Return the targets of a rung that can be read, and note the others."""
        found = []
        for row in rows:
            with self.noting(called, row, quiet=True):
                row.ignore(*LABELS)
                found.append(read(row))
        return tuple(found)

    def render(self, read: Callable[[], Rendered]) -> None:
        """Keep a shift that the product computed, if it can be read."""
        try:
            found = read()
        except FieldError:
            return
        if found.person and found.schedule and found.starts_at < found.ends_at:
            self.rendered.append(found)

    def only_schedule(self) -> str:
        """Return the id of the schedule if there is one only, else nothing."""
        return self.schedules[0].id if len(self.schedules) == 1 else ""

    def id_of(self, address: str) -> str:
        """Return the id of the person with this e-mail address or name, or nothing."""
        return next(
            (
                one.id
                for one in self.people
                if address and address in {one.email, one.name}
            ),
            "",
        )

    @property
    def beginning(self) -> datetime:
        """A Monday in the past, for what has always held."""
        return datetime(2024, 1, 1, tzinfo=UTC)

    def export(self) -> Export:
        """Return everything."""
        return Export(
            people=tuple(self.people),
            teams=tuple(self.teams),
            schedules=tuple(self.schedules),
            covers=tuple(self.covers),
            rendered=tuple(self.rendered),
            policies=tuple(self.policies),
            entries=self.notes.entries,
        )


def name_of(row: Fields) -> str:
    """Return how a person would call an object."""
    names = ("name", "fullName", "username", "summary", "alias", "id")
    return row.text(*names) or "without a name"
