"""Reading many rows, and reading them as they are at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models.expressions import Col

from interactions.database.vendor import is_sqlite

if TYPE_CHECKING:
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup


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
    if connection.in_atomic_block or (is_sqlite(connection) and connection.connection.in_transaction):
        yield  # a caller's transaction has its own view
    elif is_sqlite(connection):
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
