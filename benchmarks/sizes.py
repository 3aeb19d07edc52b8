"""What a store takes on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection

from interactions.models import Interaction, Transcript


def settle() -> dict[str, Any]:
    """Bring the store to where it would be after a quiet hour: on PostgreSQL autovacuum comes by itself, later."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
    return {}


def sizes() -> dict[str, Any]:
    """Bytes: of the database, of its indexes, of images, and of the texts themselves."""
    database, indexes = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    return {
        "rows": Interaction.objects.count(),
        "database": database,
        "indexes": indexes,
        "texts": _texts(),
        "images": sum(path.stat().st_size for path in (settings.DATA_DIR / "images").rglob("*") if path.is_file()),
    }


def _sqlite() -> tuple[int, int | None]:
    file = str(settings.DATABASES["default"]["NAME"])
    bytes_ = sum(path.stat().st_size for path in (Path(file), Path(f"{file}-wal")) if path.exists())
    indexes = (
        "SELECT sum(pgsize) FROM dbstat('main', 1) WHERE name IN (SELECT name FROM sqlite_master WHERE type='index')"
    )
    try:
        return bytes_, _number(indexes)
    except OperationalError:
        return bytes_, None  # this SQLite was built without the table that tells


def _postgresql() -> tuple[int, int]:
    tables = (
        "SELECT sum(pg_indexes_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return _number("SELECT pg_database_size(current_database())"), _number(tables)


def _texts() -> int:
    """Bytes of prompts and completions as people wrote them."""
    table = connection.ops.quote_name(Transcript._meta.db_table)
    length = "octet_length(prompt_text) + octet_length(completion_text)"
    return _number(f"SELECT sum({length}) FROM {table}")  # noqa: S608 - a table of our own


def _number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (number,) = cursor.fetchone() or (0,)
        return int(number or 0)
