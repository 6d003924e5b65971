"""Many rows in one statement, for the hot paths of the engine.

Django's ``bulk_create`` and ``bulk_update`` adapt every value of every row by itself.
Here the rows travel as one JSON document, which PostgreSQL takes apart
(``jsonb_to_recordset``): one parameter whatever the number of rows, so that the
statement stays the same and is planned once. `benchmarks.engine` shows the difference.

They are asked for in the same way: ``filter(pk__any=numbers)`` says what ``pk__in``
does, with one parameter. Django makes one of each value, and a thousand of them cost
more to write into the statement than their rows to find.

Only for models whose columns JSON can carry: numbers, text, booleans, instants and
JSON itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, LiteralString

import msgspec
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Field, Lookup, Model
from psycopg import sql


class AnyOf(Lookup):
    """One of many values, which travel as one array."""

    lookup_name = "any"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition; with no values at all, nothing need be asked."""
        values: Collection[Any] = self.rhs
        if not values:
            raise EmptyResultSet
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", (*parameters, list(values))


def reserve(model: type[Model], count: int) -> list[int]:
    """Return primary keys for rows that are about to be inserted with them.

    Rows that name each other can so be inserted without asking what they were given.
    """
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id'))"
            " FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [number for (number,) in cursor.fetchall()]


def insert(
    rows: Sequence[Model], *, ignore_conflicts: bool = False, with_keys: bool = False
) -> None:
    """Insert rows of one model.

    Their primary keys stay unknown, or are those that :func:`reserve` gave.
    """
    if not rows:
        return
    model = type(rows[0])
    fields = tuple(model._meta.concrete_fields) if with_keys else _inserted(model)
    values = [
        {field.column: getattr(row, field.attname) for field in fields} for row in rows
    ]
    conflicts = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    _insert(model, fields, values, conflicts=conflicts)


def _insert(
    model: type[Model],
    fields: Sequence[Any],
    values: list[Any],
    *,
    conflicts: LiteralString,
) -> None:
    columns = sql.SQL(", ").join(sql.Identifier(field.column) for field in fields)
    query = sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {columns}"
        " FROM jsonb_to_recordset(%s::jsonb) AS new ({types}){conflicts}"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        columns=columns,
        types=_types(fields),
        conflicts=sql.SQL(conflicts),
    )
    _execute(query, values)


def insert_values(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows given as columns and values; every row names the same columns.

    A model object costs more to make than its row to insert. Columns that are not
    named get nothing: PostgreSQL refuses the row if they need something.
    """
    if not rows:
        return
    by_column = {field.column: field for field in model._meta.concrete_fields}
    fields = [by_column[name] for name in rows[0]]
    _insert(model, fields, list(rows), conflicts="")


def update(
    model: type[Model],
    changes: Iterable[Mapping[str, Any]],
    *,
    key: tuple[str, ...] = ("id",),
) -> None:
    """Write columns of rows named by ``key``; every change names the same columns."""
    values = list(changes)
    if not values:
        return
    by_column = {field.column: field for field in model._meta.concrete_fields}
    names = [name for name in values[0] if name not in key]
    fields = [by_column[name] for name in (*key, *names)]
    query = sql.SQL(
        "UPDATE {table} AS old SET {assignments}"
        " FROM jsonb_to_recordset(%s::jsonb) AS new ({types}) WHERE {match}"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        assignments=sql.SQL(", ").join(
            sql.SQL("{0} = new.{0}").format(sql.Identifier(name)) for name in names
        ),
        types=_types(fields),
        match=sql.SQL(" AND ").join(
            sql.SQL("old.{0} = new.{0}").format(sql.Identifier(name)) for name in key
        ),
    )
    _execute(query, values)


@lru_cache(maxsize=32)
def _inserted(model: type[Model]) -> "tuple[Field[Any, Any], ...]":
    return tuple(
        field for field in model._meta.concrete_fields if not field.primary_key
    )


def _types(fields: Iterable[Any]) -> sql.Composable:
    """Name each column with its type, as the record set needs it."""
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(field.column), sql.SQL(_type_of(field)))
        for field in fields
    )


def _type_of(field: Any) -> Any:
    return (
        field.rel_db_type(connection)
        if field.is_relation
        else field.cast_db_type(connection)
    )


def _execute(query: sql.Composed, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, [msgspec.json.encode(values).decode()])
