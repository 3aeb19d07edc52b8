"""What a store takes on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from interactions.models import Feedback, Image, Interaction, Labelling, TextIndex, TextPage, TextSegment, Transcript

_ROOT = Path(__file__).resolve().parent.parent

# Bytes by name of a table or index: (its table, bytes).
_Parts = dict[str, tuple[str, int]]


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
    """Bytes of the database, of images, of the texts themselves, and of what the database consists of.

    `tables` are without their indexes, `indexes` without those that belong to the index of words. What it consists of
    is None if this machine cannot tell.
    """
    rows, texts = Interaction.objects.count(), _texts()
    database = (
        _sqlite_bytes() if connection.vendor == "sqlite" else _number("SELECT pg_database_size(current_database())")
    )
    parts = _sqlite() if connection.vendor == "sqlite" else _postgresql()
    images = sum(path.stat().st_size for path in (settings.DATA_DIR / "images").rglob("*") if path.is_file())
    known = {"rows": rows, "database": database, "texts": texts, "images": images}
    return known | (_consists_of(parts, database) if parts else dict.fromkeys(_CONSISTS_OF))


_CONSISTS_OF = ("transcripts", "interactions", "labels", "feedback", "indexes", "words", "rest", "tables")


def _consists_of(parts: _Parts, database: int) -> dict[str, Any]:
    words = {model._meta.db_table for model in (TextIndex, TextSegment, TextPage)}
    tables = {name: size for name, (table, size) in parts.items() if name == table}
    shown = {
        "transcripts": tables[Transcript._meta.db_table],
        "interactions": tables[Interaction._meta.db_table],
        "labels": tables[Labelling._meta.db_table],
        "feedback": tables[Feedback._meta.db_table],
        "indexes": sum(size for name, (table, size) in parts.items() if name != table and table not in words),
        "words": sum(size for table, size in parts.values() if table in words),
    }
    return shown | {"rest": database - sum(shown.values()), "tables": tables}


def _sqlite_bytes() -> int:
    file = str(settings.DATABASES["default"]["NAME"])
    return sum(path.stat().st_size for path in (Path(file), Path(f"{file}-wal")) if path.exists())


def _sqlite() -> _Parts | None:
    settle()
    connection.close()
    command = [sys.executable, "-m", "benchmarks.dbstat", str(settings.DATABASES["default"]["NAME"])]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=False)
    return None if done.returncode else json.loads(done.stdout)


def _postgresql() -> _Parts:
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS)
        return {name: (table, size) for name, table, size in cursor.fetchall()}


def picture(digest: str) -> dict[str, Any]:
    """How often an image is kept."""
    files = [path for path in (settings.DATA_DIR / "images").rglob(f"*{digest}*") if path.is_file()]
    return {"rows": Image.objects.filter(sha256=digest).count(), "files": len(files)}


# A table with its large values apart (TOAST), which have an index that is none of ours.
_RELATIONS = """
SELECT relname, relname, pg_table_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
UNION ALL
SELECT made.relname, of.relname, pg_relation_size(made.oid) FROM pg_index
JOIN pg_class made ON made.oid = indexrelid JOIN pg_class of ON of.oid = indrelid
WHERE of.relnamespace = 'public'::regnamespace
"""


def _texts() -> int:
    """Bytes of prompts and completions as people wrote them."""
    if connection.vendor == "sqlite":  # which has some of them compressed
        said = Transcript.objects.values_list("prompt_text", "completion_text").iterator(chunk_size=10_000)
        return sum(len(prompt.encode()) + len(completion.encode()) for prompt, completion in said)
    table = connection.ops.quote_name(Transcript._meta.db_table)
    length = "octet_length(prompt_text) + octet_length(completion_text)"
    return _number(f"SELECT sum({length}) FROM {table}")  # noqa: S608 - a table of our own


def _number(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        (number,) = cursor.fetchone() or (0,)
        return int(number or 0)
