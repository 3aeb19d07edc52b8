"""Many interactions into a store, quickly, through the same preparation and the same rows as every other door.

One process for each core makes bodies, reads and prepares them, and plans their rows; they insert in turn, some
thousand interactions in a transaction. While it fills, the database need not have each transaction on the disk; at the
end all of it is, and that is part of the time. Every constraint and index is there from the start.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.corpus import PROJECT, Corpus, Length, blocks
from benchmarks.turns import Turn, in_turn
from interactions import access, ids, ingest, payloads
from interactions.ingest import vocabulary
from interactions.ingest.batch import Batch
from interactions.models import FeedbackKey, Interaction, Project, User

EMAIL = "bench@example.org"
# While one inserts, the others prepare; one alone would do these by turns.
PROCESSES = max(2, os.cpu_count() or 1)
BLOCKS_AT_ONCE = 5


def open_store() -> dict[str, Any]:
    """A migrated store with the project and one who may use it. What a person or a program needs to come in."""
    call_command("migrate", interactive=False, verbosity=0)
    project, _ = Project.objects.get_or_create(key=PROJECT, defaults={"name": "Benchmark"})
    for key, kind in (("thumbs", FeedbackKey.Kind.BOOL), ("quality", FeedbackKey.Kind.SCALAR)):
        FeedbackKey.objects.get_or_create(project=project, key=key, defaults={"name": key.title(), "kind": kind})
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email=EMAIL).first() or User.objects.create_superuser(EMAIL)
    user.set_password(password)
    user.save()
    secret = access.issue_key(user, [project], "benchmark").secret
    rows = Interaction.objects.for_project(project).count()
    return {"email": EMAIL, "password": password, "secret": secret, "version": _version(), "rows": rows}


def _version() -> str:
    query = "SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])


def fill(rows: int, length: Length) -> dict[str, Any]:
    """`rows` interactions of the last 90 days. Returns what that took, until all of them were on the disk for good."""
    project = Project.objects.get(key=PROJECT)
    task, progress = _Task(rows, length, ids.now(), project.pk), _Progress(rows)
    with _hurry():
        for written in in_turn("benchmarks.filler:turns", PROCESSES, *task):
            progress.add(written)
    return {"rows": rows, "seconds": progress.seconds, "until": task.until.isoformat()}


def index_texts() -> dict[str, Any]:
    """What a server does behind the writes, now and at once: else it would go on while something else is measured."""
    start = time.monotonic()
    call_command("index_texts", verbosity=0, stdout=sys.stderr)
    return {"seconds": time.monotonic() - start}


class _Task(NamedTuple):
    rows: int
    length: Length
    until: datetime
    project_id: int


def turns(place: int, processes: int, *task_: Any) -> Iterator[Turn]:
    """The work of one process: every so-many-th group of blocks, from the bodies to the rows, then the writing."""
    task = _Task(*task_)
    caller = access.operator(Project.objects.get(pk=task.project_id))
    _hurry_connection()
    groups = -(-blocks(task.rows) // BLOCKS_AT_ONCE)
    for group in range(place, groups, processes):
        prepared = _prepared(range(group * BLOCKS_AT_ONCE, (group + 1) * BLOCKS_AT_ONCE), task)
        yield partial(_insert, _planned(prepared, caller), len(prepared))


def _prepared(numbers: range, task: _Task) -> list[ingest.Prepared]:
    corpus = Corpus(length=task.length)
    prepared = [
        ingest.prepare(payloads.read(payloads.Interaction, body), task.project_id, None, ordinal)
        for block in numbers
        for ordinal, body in enumerate(corpus.past_block(block, task.rows, task.until))
    ]
    ingest.store_images(prepared)
    return prepared


def _planned(prepared: list[ingest.Prepared], caller: access.Caller) -> Batch:
    # All names at once, instead of one after the other as they come.
    for project_id in {one.project_id for one in prepared}:
        vocabulary.label_ids(project_id, (pair for one in prepared for pair in one.labels.items()))
    batch = Batch()
    for one in prepared:
        ingest.Record(one).plan(caller, batch)
    return batch


def _insert(batch: Batch, rows: int) -> int:
    with transaction.atomic():
        batch.insert()
    return rows


# Hurry


@contextlib.contextmanager
def _hurry() -> Iterator[None]:
    """Fewer flushes on the way; everything on the disk at the end. A store whose filling broke off is filled anew."""
    if connection.vendor == "sqlite":
        yield
        _checkpoint_sqlite()
        return
    names = {"max_wal_size": "'4GB'", "checkpoint_timeout": "'1h'", "full_page_writes": "off"}
    _execute(*(f"ALTER SYSTEM SET {name} = {value}" for name, value in names.items()), "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        _execute(*(f"ALTER SYSTEM RESET {name}" for name in names), "SELECT pg_reload_conf()")
    _execute("CHECKPOINT")


def _hurry_connection() -> None:
    if connection.vendor == "sqlite":
        # What a transaction changes fits the cache, so each page is written once.
        _execute("PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000", "PRAGMA wal_autocheckpoint = 30000")
    else:
        _execute("SET synchronous_commit = off")


def _checkpoint_sqlite() -> None:
    """A checkpoint flushes only what it copies itself, so the rest is flushed here."""
    _execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(settings.DATABASES["default"]["NAME"]).open("rb+") as file:
        os.fsync(file.fileno())


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# Progress


class _Progress:
    """A line on stderr that says how far it is, and how fast."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._next = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def add(self, count: int) -> None:
        self._done += count
        if self.seconds >= self._next or self._done == self._total:
            self._next = self.seconds + (0.5 if sys.stderr.isatty() else 30)
            self._show()

    def _show(self) -> None:
        rate = self._done / max(self.seconds, 0.001)
        remaining = (self._total - self._done) / rate
        line = f"  {self._done:,} of {self._total:,} rows, {rate:,.0f} a second, {remaining:,.0f} s to go"
        start, end = ("\r", "\n" if self._done == self._total else " ") if sys.stderr.isatty() else ("", "\n")
        print(start + line, end=end, file=sys.stderr, flush=True)
