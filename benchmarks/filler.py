"""Many interactions into a store, quickly, through the same models as every other door."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Any, NamedTuple

import django
from django.core.management import call_command
from django.db import connection

from benchmarks.corpus import PROJECT, Corpus, Length, blocks
from interactions import access, ids, ingest, payloads
from interactions.ingest import vocabulary
from interactions.models import FeedbackKey, Project, User

EMAIL = "bench@example.org"
# One core is left to the database and to writing.
WORKERS = max(1, (os.cpu_count() or 1) - 1)


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
    return {"email": EMAIL, "password": password, "secret": secret, "version": _version()}


def _version() -> str:
    query = "SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return str(cursor.fetchone()[0])


def fill(rows: int, length: Length) -> dict[str, Any]:
    """`rows` interactions of the last 90 days. Returns what that took."""
    project = Project.objects.get(key=PROJECT)
    caller = access.operator(project)
    task, progress = _Task(rows, length, ids.now(), project.pk), _Progress(rows)
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), django.setup) as workers:
        for prepared in _in_order(workers, task):
            _write(prepared, project, caller)
            progress.add(len(prepared))
    return {"rows": rows, "seconds": progress.seconds, "until": task.until.isoformat()}


def _write(prepared: list[ingest.Prepared], project: Project, caller: access.Caller) -> None:
    # All names of the block at once, instead of one after the other as they come.
    vocabulary.label_ids(project.pk, (pair for one in prepared for pair in one.labels.items()))
    ingest.store_images(prepared)
    ingest.perform(caller, *map(ingest.Record, prepared))


class _Task(NamedTuple):
    rows: int
    length: Length
    until: datetime
    project_id: int


def _prepared(block: int, task: _Task) -> list[ingest.Prepared]:
    """Pure work, so other processes do it."""
    bodies = Corpus(length=task.length).past_block(block, task.rows, task.until)
    return [
        ingest.prepare(payloads.read(payloads.Interaction, body), task.project_id, None, ordinal)
        for ordinal, body in enumerate(bodies)
    ]


def _in_order(workers: ProcessPoolExecutor, task: _Task) -> Iterator[list[ingest.Prepared]]:
    """The blocks, oldest first; a few are made ahead of the one that is written."""
    ahead: deque[Future[list[ingest.Prepared]]] = deque()
    for block in range(blocks(task.rows)):
        ahead.append(workers.submit(_prepared, block, task))
        if len(ahead) > 2 * WORKERS:
            yield ahead.popleft().result()
    for future in ahead:
        yield future.result()


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
