"""Writing: many rows at once, beside others who write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.db import connection, models

from interactions.database import packing
from interactions.database.vendor import is_sqlite


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows` (values in the order of `columns`, which are field names) without building model instances."""
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in columns]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)  # type: ignore[union-attr]
    target = f"{connection.ops.quote_name(model._meta.db_table)} ({names})"
    prepared = list(_prepared(fields, rows))
    if not is_sqlite(connection):
        _copy(target, prepared)
        return
    texts = [place for place, field in enumerate(fields) if isinstance(field, models.TextField)]
    usual: list[Sequence[Any]] = []
    large: list[Sequence[Any]] = []
    for row in prepared:
        (large if any(len(row[place]) > _LARGE for place in texts) else usual).append(row)
    with _driver_cursor() as cursor:
        _insert(cursor, target, usual)
        _insert_large(cursor, target, large)


def update_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Give the rows whose primary keys stand first in `rows` these values (in the order of `columns`)."""
    if not rows:
        return
    fields = [model._meta.pk, *(model._meta.get_field(name) for name in columns)]
    quote, place = connection.ops.quote_name, "?" if is_sqlite(connection) else "%s"
    key, *names = (quote(str(field.column)) for field in fields)  # type: ignore[union-attr]
    values = ", ".join(f"{name} = {place}" for name in names)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {values} WHERE {key} = {place}"  # noqa: S608
    with _driver_cursor() as cursor:
        cursor.executemany(statement, [(*cells, id) for id, *cells in _prepared(fields, rows)])


def count_up(
    model: type[models.Model],
    place: Mapping[str, Any],
    amounts: Mapping[str, int],
    most: tuple[str, int] | None = None,
) -> bool:
    """Add `amounts` to the counters of the row that is unique by `place` (both by field name); it is made if need be.

    With `most`, a counter's name and a number, only if that counter is below it: else False, and nothing is counted.
    """
    quote = connection.ops.quote_name
    fields = {name: model._meta.get_field(name) for name in (*place, *amounts)}
    columns = {name: quote(str(field.column)) for name, field in fields.items()}  # type: ignore[union-attr]
    table = quote(model._meta.db_table)
    added = ", ".join(f"{columns[name]} = {table}.{columns[name]} + excluded.{columns[name]}" for name in amounts)
    limit = f" WHERE {table}.{columns[most[0]]} < %s" if most else ""
    places = ", ".join(["%s"] * len(columns))
    statement = (
        f"INSERT INTO {table} ({', '.join(columns.values())}) VALUES ({places}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(columns[name] for name in place)}) DO UPDATE SET {added}{limit} RETURNING 1"
    )
    values = [_for_driver(fields[name], value) for name, value in (*place.items(), *amounts.items())]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, *(most[1:] if most else ())])
        return cursor.fetchone() is not None


def _for_driver(field: Any, value: Any) -> Any:
    convert = _converter(field)
    return convert(value) if convert else value


# With each statement SQLite's driver lets other Python threads run, and may get its turn back only some milliseconds
# later. So rows go in by statements as few as can be; of sizes few enough to be kept compiled (see `cached_statements`
# in the settings).
_SIZES = (256, 128, 64, *range(32, 0, -1))


@contextmanager
def _driver_cursor() -> Iterator[Any]:
    """Past Django's cursor, which looks through each statement for placeholders."""
    with connection.cursor() as django_cursor, connection.wrap_database_errors:
        yield django_cursor.connection.cursor()


def _insert(cursor: Any, target: str, rows: Sequence[Sequence[Any]]) -> None:
    done = 0
    while done < len(rows):
        size = next(size for size in _SIZES if size <= len(rows) - done)
        several = rows[done : done + size]
        cursor.execute(_insertion(target, len(rows[0]), size), [cell for row in several for cell in row])
        done += size


# In characters.
_LARGE = 1_000_000


def _insert_large(cursor: Any, target: str, rows: Sequence[Sequence[Any]]) -> None:
    """One by one, and nothing in the end: a statement that is kept compiled keeps what was last given to it."""
    if not rows:
        return
    statement = f"INSERT INTO {target} SELECT {', '.join('?' * len(rows[0]))} WHERE ?"
    for row in rows:
        cursor.execute(statement, (*row, True))
    cursor.execute(statement, (*(None for _ in rows[0]), False))


@lru_cache(maxsize=400)
def _insertion(target: str, columns: int, rows: int) -> str:
    places = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {target} VALUES {', '.join([places] * rows)}"  # noqa: S608


def _copy(target: str, rows: Sequence[Sequence[Any]]) -> None:
    # Django translates the driver's errors for calls, but the end of a COPY is not one.
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {target} FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _prepared(fields: Sequence[Any], rows: Iterable[tuple[Any, ...]]) -> Iterable[Sequence[Any]]:
    converters = [(place, convert) for place, field in enumerate(fields) if (convert := _converter(field))]
    for row in rows:
        cells = list(row)
        for place, convert in converters:
            if cells[place] is not None:
                cells[place] = convert(cells[place])
        yield cells


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """What turns a Python value into the driver's, or None where the driver takes it as it is.

    The fields' own conversion does the same, but asks for the connection with each value.
    """
    target = field.target_field if field.is_relation else field
    return (_FOR_SQLITE if is_sqlite(connection) else _FOR_POSTGRESQL).get(target.get_internal_type())


def _digest(value: str | bytes) -> bytes:
    return bytes.fromhex(value) if isinstance(value, str) else bytes(value)


def _utc_text(value: datetime) -> str:
    """As Django writes it."""
    return str((value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None))


def _packed(value: packing.Packed) -> packing.Packed:
    """Whoever prepared the row may have done it."""
    return packing.pack(value) if isinstance(value, str) else value


_FOR_SQLITE: dict[str, Callable[[Any], Any]] = {
    "BinaryField": _digest,
    "CompactUUIDField": attrgetter("bytes"),
    "DateTimeField": _utc_text,
    "LongTextField": _packed,
}
_FOR_POSTGRESQL: dict[str, Callable[[Any], Any]] = {"BinaryField": _digest}


# Beside others


def writers_wait() -> bool:
    """Whether whoever writes waits for any transaction that has written, as with SQLite's single lock."""
    return is_sqlite(connection)


def wait_at_most(milliseconds: int) -> None:
    """For the rest of this transaction: who holds a lock that it needs for longer makes it fail (`Unreachable`).

    SQLite has one lock, which the transaction holds already.
    """
    if not is_sqlite(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {milliseconds:d}")


def advance(revisions: type[models.Model], project_id: int, events: int) -> int:
    """Add to a project's counter (made if need be), and lock it until the transaction ends. Returns its new value."""
    table = connection.ops.quote_name(revisions._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (project_id, latest, forgotten) VALUES (%s, %s, 0) "  # noqa: S608
            f"ON CONFLICT (project_id) DO UPDATE SET latest = {table}.latest + excluded.latest RETURNING latest",
            [project_id, events],
        )
        return int(cursor.fetchone()[0])
