"""Everything that differs between SQLite and PostgreSQL, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Contains

if TYPE_CHECKING:
    _UUIDField = models.UUIDField[Any, Any]
    _BinaryField = models.BinaryField[Any, Any]
    _Lookup = models.Lookup[Any]
else:
    # Subscriptable for the type checker only.
    _UUIDField, _BinaryField, _Lookup = models.UUIDField, models.BinaryField, models.Lookup

# What says "the store is away or busy", as opposed to "this row is wrong".
Unreachable = (OperationalError, InterfaceError)
# What says "not these rows": a race that another process won, or a value that no column takes.
Refused = (IntegrityError, DataError)


def _is_sqlite(wrapper: Any) -> bool:
    return bool(wrapper.vendor == "sqlite")


# Fields


class CompactUUIDField(_UUIDField):
    """A UUID in 16 bytes on both databases; Django's own takes 32 characters on SQLite, in the row and every index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "blob" if _is_sqlite(connection) else "uuid"

    def rel_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.db_type(connection)

    def get_internal_type(self) -> str:
        return "CompactUUIDField"  # keeps Django's converters for its own text form away

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = self.to_python(value)
        return value.bytes if value is not None and _is_sqlite(connection) else value

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> UUID | None:
        return UUID(bytes=bytes(value)) if isinstance(value, bytes | memoryview) else value


class DigestField(_BinaryField):
    """A SHA-256, 32 bytes in the store and 64 hexadecimal digits in Python."""

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return super().get_db_prep_value(
            bytes.fromhex(value) if isinstance(value, str) else value, connection, prepared
        )

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        return None if value is None else bytes(value).hex()

    def to_python(self, value: Any) -> Any:
        return value


# Text


class TextContains(Contains):
    """Substring, no wildcards; case folds for ASCII letters at least (PostgreSQL folds more)."""

    lookup_name = "has_text"

    def as_sqlite(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        left, parameters = self.process_lhs(compiler, wrapper)
        return f"{left} LIKE %s ESCAPE '\\'", [*parameters, f"%{_literal(self.rhs)}%"]

    def as_postgresql(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        left, parameters = self.process_lhs(compiler, wrapper)
        return f"{left} ILIKE %s", [*parameters, f"%{_literal(self.rhs)}%"]


models.TextField.register_lookup(TextContains)


def _literal(needle: Any) -> str:
    return str(needle).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# Reading


class Among(_Lookup):
    """Is one of many whole numbers, passed as a single parameter however many they are."""

    lookup_name = "among"
    prepare_rhs = False

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:
        return "%s", [str(list(value)) if _is_sqlite(connection) else list(value)]

    def as_sqlite(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        left, parameters = self.process_lhs(compiler, wrapper)
        right, values = self.process_rhs(compiler, wrapper)
        return f"{left} IN (SELECT value FROM json_each({right}))", [*parameters, *values]  # noqa: S608

    def as_postgresql(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        left, parameters = self.process_lhs(compiler, wrapper)
        right, values = self.process_rhs(compiler, wrapper)
        return f"{left} = ANY({right})", [*parameters, *values]


models.BigIntegerField.register_lookup(Among)


def raw_rows(rows: models.QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """What `values_list` would give, as the driver gives it: UUIDs are bytes on SQLite. A third of the time."""
    sql, parameters = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read within is the store as it is at one moment; writers are not held up."""
    if connection.in_atomic_block:  # a caller's transaction has its own view
        yield
    elif _is_sqlite(connection):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")  # deferred; `atomic` would keep writers out
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


# Writing many rows


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows` (values in the order of `columns`, which are field names) without building model instances."""
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in columns]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)  # type: ignore[union-attr]
    target = f"{connection.ops.quote_name(model._meta.db_table)} ({names})"
    (_insert if _is_sqlite(connection) else _copy)(target, list(_prepared(fields, rows)))


# With each statement SQLite's driver lets other Python threads run, and may get its turn back only some milliseconds
# later. So rows go in by the dozen: one statement for so many, and the rest one by one.
_ROWS_AT_ONCE = 32


def _insert(target: str, rows: Sequence[Sequence[Any]]) -> None:
    places = f"({', '.join(['%s'] * len(rows[0]))})"
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    several = f"INSERT INTO {target} VALUES {', '.join([places] * _ROWS_AT_ONCE)}"  # noqa: S608
    with connection.cursor() as cursor:
        for start in range(0, whole, _ROWS_AT_ONCE):
            cursor.execute(several, [cell for row in rows[start : start + _ROWS_AT_ONCE] for cell in row])
        if whole < len(rows):
            cursor.executemany(f"INSERT INTO {target} VALUES {places}", rows[whole:])  # noqa: S608


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
    return (_FOR_SQLITE if _is_sqlite(connection) else _FOR_POSTGRESQL).get(target.get_internal_type())


def _digest(value: str | bytes) -> bytes:
    return bytes.fromhex(value) if isinstance(value, str) else bytes(value)


def _utc_text(value: datetime) -> str:
    """As Django writes it."""
    return str((value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None))


_FOR_SQLITE: dict[str, Callable[[Any], Any]] = {
    "BinaryField": _digest,
    "CompactUUIDField": attrgetter("bytes"),
    "DateTimeField": _utc_text,
}
_FOR_POSTGRESQL: dict[str, Callable[[Any], Any]] = {"BinaryField": _digest}


# Counting up


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


# Files


class DurableFiles(FileSystemStorage):
    """Files named by their content. When `save` returns, the file is on the disk under its name, whole, for good."""

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        made = [parent for parent in path.parents if not parent.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.writelines(content.chunks())
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        for directory in {path.parent, *(parent.parent for parent in made)}:
            _sync_directory(directory)
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # the same name means the same content, so writing it again does no harm


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
