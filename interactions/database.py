"""Everything that differs between SQLite and PostgreSQL, and nothing else."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    models,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.expressions import Col

from interactions.errors import TooSlow

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


# Reading


class Among(_Lookup):
    """`number__among=(project_id, numbers)`: has one of these numbers in this project, however many they are.

    For SQLite both are one value: knowing that of a project it would rather read along an index of all its rows.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        project, number = self._columns(compiler)
        project_id, numbers = self.rhs
        values = "(SELECT %s, value FROM json_each(%s))"
        return f"({project}, {number}) IN {values}", [project_id, str(list(numbers))]

    def as_postgresql(self, compiler: Any, wrapper: Any) -> tuple[str, Sequence[Any]]:
        project, number = self._columns(compiler)
        project_id, numbers = self.rhs
        return f"({project} = %s AND {number} = ANY(%s))", [project_id, list(numbers)]

    def _columns(self, compiler: Any) -> tuple[str, str]:
        field = self.lhs.target.model._meta.get_field("project")
        return compiler.compile(Col(self.lhs.alias, field))[0], compiler.compile(self.lhs)[0]


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
    connection.ensure_connection()
    if connection.in_atomic_block or (_is_sqlite(connection) and connection.connection.in_transaction):
        yield  # a caller's transaction has its own view
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


# Time


class _Deadline(threading.local):
    """Of what this thread is doing, in the seconds of `time.monotonic`."""

    moment = math.inf
    seconds = 0.0


_deadline = _Deadline()
# So many steps of SQLite's machine take about a millisecond.
_STEPS = 20_000


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """What is read within may take so long in all; the statement that exceeds it is ended, and `TooSlow` raised."""
    if _deadline.moment < math.inf:  # the limit around this one holds
        yield
        return
    _deadline.moment, _deadline.seconds = time.monotonic() + seconds, seconds
    try:
        connection.ensure_connection()
        with _statements_limited(seconds), connection.execute_wrapper(_in_time):
            yield
    except OperationalError:
        keep_to_time()
        raise
    finally:
        _deadline.moment = math.inf


def keep_to_time() -> None:
    """For work that is not the store's: raises `TooSlow` once the limit around it is exceeded."""
    if time.monotonic() >= _deadline.moment:
        raise TooSlow(
            f"This filter could not be answered in {_deadline.seconds:g} seconds. Add a time range or a label, so that "
            "there is less to look through."
        )


def _in_time(execute: Callable[..., Any], *arguments: Any) -> Any:
    keep_to_time()
    return execute(*arguments)


@contextmanager
def _statements_limited(seconds: float) -> Iterator[None]:
    """Asked of the driver, so that no page's queries are more for it."""
    driver: Any = connection.connection
    if _is_sqlite(connection):
        driver.set_progress_handler(lambda: time.monotonic() >= _deadline.moment, _STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)
    else:
        driver.execute(f"SET statement_timeout = {max(1, round(seconds * 1000))}")
        try:
            yield
        finally:
            # A transaction that failed takes the setting back with it; a connection that broke is gone.
            with suppress(DatabaseError), connection.wrap_database_errors:
                driver.execute("RESET statement_timeout")


# Writing many rows


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows` (values in the order of `columns`, which are field names) without building model instances."""
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in columns]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)  # type: ignore[union-attr]
    target = f"{connection.ops.quote_name(model._meta.db_table)} ({names})"
    prepared = list(_prepared(fields, rows))
    if not _is_sqlite(connection):
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


# SQLite's log

# In pages of 4 kB. What is in the log is copied into the database once it is so much ...
_WORTH_COPYING = 1_000
# ... and the log begun anew once it is so long ...
_LONG = 8_000
# ... which a writer does itself only if nobody else came to it.
_TOO_LONG = 65_536
_TRIES = 20


def keep_log_short() -> None:
    """Copy what was committed into the database; else, every so often, a commit does that, and takes 100 ms and more.

    Several processes may do so at once. PostgreSQL does it by itself.
    """
    if not _is_sqlite(connection):
        return
    connection.ensure_connection()
    driver: Any = connection.connection

    def copy(mode: str) -> tuple[bool, int, int]:
        is_incomplete, pages, copied = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return bool(is_incomplete), pages, pages - copied

    (timeout,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute("PRAGMA busy_timeout = 0")  # a writer is waited for below, while others can write
    try:
        _, pages, waiting = copy("NOOP")
        if waiting > _WORTH_COPYING:
            copy("PASSIVE")
        for _ in range(_TRIES if pages > _LONG else 0):
            is_incomplete, *_ = copy("RESTART")
            if not is_incomplete:
                break
            time.sleep(0.003)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout:d}")


def leave_log_alone(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For `connection_created`, where somebody keeps the log short."""
    if _is_sqlite(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {_TOO_LONG}")


# Giving way


def writers_wait() -> bool:
    """Whether whoever writes waits for any transaction that has written, as with SQLite's single lock."""
    return _is_sqlite(connection)


def wait_at_most(milliseconds: int) -> None:
    """For the rest of this transaction: who holds a lock that it needs for longer makes it fail (`Unreachable`).

    SQLite has one lock, which the transaction holds already.
    """
    if not _is_sqlite(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {milliseconds:d}")


# Storing texts


def compress_quickly(editor: BaseDatabaseSchemaEditor, table: str, *columns: str) -> None:
    """On PostgreSQL, with lz4 where it was built with it: pglz, its default, took 25 of the 140 µs that it spends on a
    row with 2.5 kB of text. What is stored already stays as it is. SQLite compresses nothing."""
    if _is_sqlite(editor.connection):
        return
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
        if "lz4" not in cursor.fetchone()[0]:
            return
        for column in columns:
            cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET COMPRESSION lz4')


# References


def drop_references(editor: BaseDatabaseSchemaEditor, table: str, *columns: str) -> None:
    """On PostgreSQL, no longer check what these columns refer to: each check is a query of its own for each row, and a
    lock on what is referred to. SQLite checks within the insert, and would have to copy the table."""
    if _is_sqlite(editor.connection):
        return
    with editor.connection.cursor() as cursor:
        constraints = editor.connection.introspection.get_constraints(cursor, table)
    for name, constraint in constraints.items():
        if constraint["foreign_key"] and constraint["columns"][0] in columns:
            editor.execute(f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {editor.quote_name(name)}")


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

    def set_aside(self, name: str) -> str | None:
        """Take the file from its name, in a way that `put_back` undoes. Returns its new name, which no other has."""
        aside = f"{name}.{uuid4().hex}{_ASIDE}"
        try:
            Path(self.path(name)).rename(self.path(aside))
        except FileNotFoundError:
            return None
        return aside

    def put_back(self, aside: str) -> None:
        with suppress(FileNotFoundError):
            Path(self.path(aside)).rename(self.path(original_name(aside)))

    def set_aside_from(self, name: str) -> list[str]:
        """What was set aside from `name` and is still there."""
        path = Path(self.path(name))
        return [f"{name}{file.name.removeprefix(path.name)}" for file in path.parent.glob(f"{path.name}.*{_ASIDE}")]

    def all_set_aside(self) -> Iterator[str]:
        root = Path(self.location)
        for directory, _, files in os.walk(root):
            within = Path(directory).relative_to(root)
            yield from (str(within / file) for file in files if file.endswith(_ASIDE))

    def discard(self, names: Iterable[str]) -> None:
        """Remove files for good: not even a power cut brings them back once this has returned."""
        paths = [Path(self.path(name)) for name in names]
        for path in paths:
            path.unlink(missing_ok=True)
        for directory in {path.parent for path in paths}:
            _sync_directory(directory)


_ASIDE = ".deleted"


def original_name(aside: str) -> str:
    return aside.removesuffix(_ASIDE).rpartition(".")[0]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
