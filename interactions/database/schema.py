"""What migrations do to one of the databases only."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from interactions.database.vendor import is_sqlite


def compress_quickly(editor: BaseDatabaseSchemaEditor, table: str, *columns: str) -> None:
    """On PostgreSQL, with lz4 where it was built with it: pglz, its default, took 25 of the 140 µs that it spends on a
    row with 2.5 kB of text. What is stored already stays as it is. SQLite compresses nothing."""
    if is_sqlite(editor.connection):
        return
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
        if "lz4" not in cursor.fetchone()[0]:
            return
        for column in columns:
            cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET COMPRESSION lz4')


def drop_references(editor: BaseDatabaseSchemaEditor, table: str, *columns: str) -> None:
    """On PostgreSQL, no longer check what these columns refer to: each check is a query of its own for each row, and a
    lock on what is referred to. SQLite checks within the insert, and would have to copy the table."""
    if is_sqlite(editor.connection):
        return
    with editor.connection.cursor() as cursor:
        constraints = editor.connection.introspection.get_constraints(cursor, table)
    for name, constraint in constraints.items():
        if constraint["foreign_key"] and constraint["columns"][0] in columns:
            editor.execute(f"ALTER TABLE {editor.quote_name(table)} DROP CONSTRAINT {editor.quote_name(name)}")
