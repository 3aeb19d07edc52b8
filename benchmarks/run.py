"""All measures of one database, in their order: start, read, log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import images, kept, load, machine, removals, transfers
from benchmarks.cells import Cells
from benchmarks.cells import note as note
from benchmarks.client import Connection, close
from benchmarks.kept import Filled
from benchmarks.load import Door
from benchmarks.machine import ROOT
from benchmarks.pages import CASES, NUMBERED, PICTURED, SUBSTRINGS, WORDS, Case, Reader, Refused, Store, Timing
from benchmarks.processes import HOST, Server
from benchmarks.report import Measure, Target
from benchmarks.server import memory, serving, watching
from tests.run import FOREIGN_VARIABLES

PARTS = (
    "start",
    "index",
    "disk",
    "pages",
    "rest",
    "text",
    "summary",
    "detail",
    "graphql",
    "images",
    "exports",
    "load200",
    "deletion",
    "creates",
    "batches",
    "large",
    "commits",
)
STARTS = 3
SECONDS_TO_REST = 3.0
MOST_CREATES, MOST_IN_BATCHES, MOST_DELETED = 10_000, 20_000, 20_000

SIZES = {
    "database": "disk, bytes per interaction",
    "texts": "… its texts themselves",
    "transcripts": "… of which transcripts",
    "interactions": "… of which the rows of the list",
    "labels": "… of which labels",
    "feedback": "… of which feedback",
    "indexes": "… of which indexes",
    "words": "… of which the index of words",
    "rest": "… of which everything else",
    "images": "disk, images' bytes per interaction",
}

FILLING = Target(10_000, "/s", least=True)
START = Target(2, "s")
AT_REST = Target(150, "MB")
AT_MOST = Target(300, "MB")
# The index of filters and counts, of 10,000,000 interactions.
INDEX, INDEXED = 100, 10_000_000
TRANSCRIPTS = Target(1.3, "times")
PAGE = (Target(25, "ms", which="p50"), Target(60, "ms", which="p95"))
REST = (Target(8, "ms", which="p50"),)
SUMMARY = (Target(100, "ms", which="p95"),)
SEARCH = (Target(150, "ms", which="p95"),)
DETAIL = (Target(25, "ms", which="p50"),)
GRAPHQL = (Target(400, "ms", which="p50"),)
PICTURES = (Target(80, "ms", which="p95"),)
PICTURES_SIZE = Target(300, "kB")
STEADY = Target(50, "ms", which="p99")
WHILE_DELETING = Target(100, "ms", which="p99")
ONCE, GONE = Target(1, "each"), Target(0, "each")


class Plan(NamedTuple):
    rows: int
    parts: frozenset[str]
    texts: str
    # Whether words are indexed.
    text_index: bool


def measure(database_url: str, directory: Path, plan: Plan) -> tuple[dict[str, str], list[Measure]]:
    """Facts about the database, and its measures. Everything that is written goes into `directory` and the database."""
    return _Run(database_url, directory, plan).all()


class _Run:
    def __init__(self, database_url: str, directory: Path, plan: Plan) -> None:
        self._directory = directory
        self._log = directory / "server.log"
        self._plan = plan
        self._cells = Cells()
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        self._environment = kept | {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(directory),
            "SECRET_KEY": secrets.token_hex(32),
            "HTTPS": "0",
            "TEXT_INDEX": "1" if plan.text_index else "0",
        }

    def all(self) -> tuple[dict[str, str], list[Measure]]:
        known = kept.found(self._directory)
        opened = self._open(is_new=known is None)
        filled = known or self._fill()
        self._cells.rate("filling the store, /s", filled.rows / filled.seconds, FILLING)
        if filled.text_seconds:
            self._cells.rate("… indexing its texts afterwards, /s", filled.rows / filled.text_seconds)
        store = Store(filled.rows, filled.until)
        facts = {"": opened["version"]}
        if known:
            self._catch_up()  # what earlier runs added
            facts[" store"] = f"{filled}; {opened['rows'] - filled.rows:+,} rows since then"
        if "disk" in self._plan.parts:
            self._disk()
        self._starts()
        if "index" in self._plan.parts:
            self._index(store, opened)
        with serving(self._environment, self._log) as server:
            # Only this is asynchronous: asyncio holds Ctrl-C back until the next await.
            asyncio.run(self._serve(server, store, opened))
        if "large" in self._plan.parts:
            with serving(self._environment, self._log) as server:
                asyncio.run(self._large(_door(server, opened)))
        if self._plan.text_index and self._plan.parts & {"creates", "batches"}:
            with serving(self._environment | {"TEXT_INDEX": "0"}, self._log) as server:
                asyncio.run(self._log_much(_door(server, opened), " without the index of words"))
        if "commits" in self._plan.parts:
            self._commits()
        return facts, self._cells.measures

    # Without HTTP

    def _open(self, *, is_new: bool) -> dict[str, Any]:
        if is_new and "start" in self._plan.parts:
            with serving(self._environment, self._log) as server:
                self._cells.seconds("first start, of an empty store, s", server.seconds_to_start)
                time.sleep(SECONDS_TO_REST)
                self._cells.memory("memory at rest, of an empty store, MB", memory(server.process.pid), AT_REST)
        return self._in_store("open")

    def _fill(self) -> Filled:
        note(f"Filling with {self._plan.rows:,} rows")
        short = ["--short"] if self._plan.texts == "short" else []
        filled = self._in_store("fill", str(self._plan.rows), *short)
        text_seconds = 0.0
        if self._plan.text_index:
            note("Indexing the texts")
            text_seconds = self._in_store("index")["seconds"]
        self._in_store("settle")
        return kept.finish(self._directory, **filled, text_seconds=text_seconds, commit=machine.commit())

    def _catch_up(self) -> None:
        """With the words of what was logged: a server would go on with them while something else is measured."""
        if self._plan.text_index:
            self._in_store("index")

    def _disk(self) -> None:
        sizes = self._in_store("sizes")
        for name, what in SIZES.items():
            if sizes[name] is None:
                self._cells.add(Measure(what, "not known"))
                continue
            each = sizes[name] / sizes["rows"]
            tables = {f"bytes of {table}": size for table, size in (sizes["tables"] or {}).items()}
            numbers = {"bytes": each} | (tables if name == "database" else {})
            self._cells.add(Measure(what, f"{each:,.0f}", numbers=numbers))
        if sizes["transcripts"] is not None:
            times = sizes["transcripts"] / sizes["texts"]
            self._cells.add(
                Measure("transcripts, by their texts", f"{times:.2f}", times, [TRANSCRIPTS], {"times": times})
            )

    def _starts(self) -> None:
        if "start" not in self._plan.parts:
            return
        taken = []
        for _ in range(STARTS):
            with serving(self._environment, self._log) as server:
                taken.append(server.seconds_to_start)
        self._cells.seconds(f"start, s (median of {STARTS})", statistics.median(taken), START)

    def _index(self, store: Store, opened: dict[str, Any]) -> None:
        """How long until a server knows the numbers, and what these take: from the rows, then from what was saved."""
        with serving(self._environment, self._log) as server:
            person = asyncio.run(self._sign_in(server, store, opened))
        target = Target(INDEX * max(1.0, store.rows / INDEXED), "MB")
        self._in_store("forget-index")
        for source in ("read from the rows", "read from the store"):
            with serving(self._environment, self._log) as server:
                waited = asyncio.run(self._wait_for_numbers(server, person))
                self._cells.seconds(f"start until there are numbers, {source}, s", server.seconds_to_start + waited)
            taken = self._in_store("take-index")["memory"]
            if taken is not None:
                self._cells.megabytes(f"the index in memory, {source}, MB", taken, target)

    async def _sign_in(self, server: Server, store: Store, opened: dict[str, Any]) -> Reader:
        async with _reading(_door(server, opened), store, opened) as reader:
            return reader

    async def _wait_for_numbers(self, server: Server, person: Reader) -> float:
        connection = await Connection.open(HOST, server.port)
        try:
            return await person.on(connection).wait_for_numbers()
        finally:
            close([connection])

    def _commits(self) -> None:
        for group, rate in self._in_store("commits").items():
            self._cells.rate(f"commits in process, {group} per transaction, /s", rate)

    def _in_store(self, *arguments: str) -> dict[str, Any]:
        """Run a part of `benchmarks.store` to its end."""
        command = [sys.executable, "-m", "benchmarks.store", *arguments]
        with _running(command, self._environment) as process:
            output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        result: dict[str, Any] = json.loads(output)
        return result

    # Over HTTP

    async def _serve(self, server: Server, store: Store, opened: dict[str, Any]) -> None:
        door, parts = _door(server, opened), self._plan.parts
        if "start" in parts:
            await asyncio.sleep(SECONDS_TO_REST)
            self._cells.memory("memory at rest, MB", memory(door.pid), AT_REST)
        async with _reading(door, store, opened) as reader:
            await reader.wait_for_numbers()
            await self._read(reader)
        if "start" in parts:
            self._cells.memory("memory after reading, MB", memory(door.pid))
        if "exports" in parts:
            async with _reading(door, store, opened) as reader:
                await self._export(door, reader)
        if "load200" in parts:
            await self._steady(door)
        if "deletion" in parts:
            await self._delete(door, store, opened)
        if "images" in parts:
            async with _reading(door, store, opened) as reader:
                await self._same_picture(door, reader)
        await self._log_much(door)
        if "start" in parts:
            self._cells.memory("memory at the end, MB", memory(door.pid))

    async def _read(self, reader: Reader) -> None:
        sizes = await self._each("pages", "list page: {}, ms", CASES, reader.page, PAGE)
        if CASES[0].name in sizes:
            self._cells.kilobytes("list page, kB of HTML", sizes[CASES[0].name])
        await self._each("rest", "REST list of 50: {}, ms", CASES, reader.rest, REST)
        await self._each("text", "search: {}, ms", WORDS, reader.page, SEARCH)
        await self._each("text", "list page: {}, ms", SUBSTRINGS, reader.page)
        await self._each("summary", "numbers: {}, ms", NUMBERED + WORDS, reader.summary, SUMMARY)
        await self._each(
            "summary", "numbers right after a write: {}, ms", NUMBERED, reader.summary_after_write, SUMMARY
        )
        if "detail" in self._plan.parts:
            self._cells.timing("detail page, ms", await reader.detail(), DETAIL)
            self._cells.timing("detail page with an image, ms", await reader.detail(("image", "yes")), DETAIL)
        if "graphql" in self._plan.parts:
            self._cells.timing("GraphQL list of 50, ms", await reader.graphql(50))
            self._cells.timing("GraphQL list of 1,000, ms", await reader.graphql(1_000), GRAPHQL)
        if "images" in self._plan.parts:
            shown = await reader.page(PICTURED)
            self._cells.timing("list page with an image in each row, ms", shown, PICTURES)
            self._cells.kilobytes("… kB of HTML", shown.bytes, PICTURES_SIZE)

    async def _each(
        self,
        part: str,
        name: str,
        cases: Sequence[Case],
        ask: Callable[[Case], Awaitable[Timing]],
        targets: Sequence[Target] = (),
    ) -> dict[str, int]:
        """Returns the bytes of a typical answer by the case's name."""
        sizes: dict[str, int] = {}
        for case in cases if part in self._plan.parts else ():
            try:
                timing = await ask(case)
            except Refused as refusal:
                self._cells.add(Measure(name.format(case.name), str(refusal), math.nan, targets))
                continue
            sizes[case.name] = timing.bytes
            self._cells.timing(name.format(case.name), timing, targets)
        return sizes

    async def _export(self, door: Door, reader: Reader) -> None:
        note("Exporting")
        with watching(door.pid) as peak:
            made = await transfers.export(door, reader)
        self._cells.rate("export as JSON lines, rows /s", made.rows / made.seconds, remark=f" ({made})")
        self._cells.peak("… peak of memory during an export, MB", peak, AT_MOST)

    async def _steady(self, door: Door) -> None:
        note(f"Logging {load.STEADY_RATE} a second for {load.STEADY_SECONDS} s")
        made, _ = await load.steadily(door, asyncio.sleep(load.STEADY_SECONDS))
        self._cells.steady(f"{load.STEADY_RATE} single creates a second", made, STEADY)

    async def _delete(self, door: Door, store: Store, opened: dict[str, Any]) -> None:
        count = min(self._plan.rows, MOST_DELETED)
        note(f"Deleting {count:,} under load")
        query = await removals.log(door, count, store.until)
        self._catch_up()
        async with _reading(door, store, opened) as reader:
            made, deleted = await removals.delete_under_load(door, reader, query)
        self._cells.rate("deleting by a filter, under load, /s", deleted.rows / deleted.seconds)
        self._cells.steady(f"{load.STEADY_RATE} single creates a second meanwhile", made, WHILE_DELETING)

    async def _same_picture(self, door: Door, reader: Reader) -> None:
        note(f"Logging a picture {images.TIMES:,} times")
        many, none = await images.same_picture(door, reader, lambda digest: self._in_store("picture", digest))
        name = f"a picture logged {images.TIMES:,} times, rows / files"
        self._cells.add(Measure(name, str(many), max(many), [ONCE], many._asdict()))
        name = "… after its last use was deleted, rows / files"
        self._cells.add(Measure(name, str(none), max(none), [GONE], none._asdict()))

    async def _log_much(self, door: Door, how: str = "") -> None:
        if "creates" in self._plan.parts:
            self._catch_up()
            count = min(self._plan.rows, MOST_CREATES)
            note(f"Logging {count:,} one by one, {load.AT_ONCE} at a time{how}")
            self._cells.creates(await load.singles(door, count), how)
        if "batches" in self._plan.parts:
            self._catch_up()
            count = min(self._plan.rows, MOST_IN_BATCHES)
            note(f"Logging {count:,} in batches of {load.BATCH_SIZE}{how}")
            self._cells.batches(await load.batches(door, count), how)

    async def _large(self, door: Door) -> None:
        self._catch_up()
        await asyncio.sleep(SECONDS_TO_REST)
        sent = []
        for what, body in transfers.large():
            with watching(door.pid) as peak:
                sent.append(one := await transfers.send(door, body))
            size = f"{one.bytes / 1e6:.0f} MB, {what}"
            self._cells.add(Measure(f"a request of {size}, s", one.shown, one.seconds, numbers=one.numbers()))
            self._cells.peak(f"… peak of memory, {what}, MB", peak, AT_MOST)
            if what == transfers.TEXT and self._plan.text_index:
                with watching(door.pid) as peak:
                    self._in_store("wait-for-words")
                self._cells.peak("… peak of memory while its words are indexed, MB", peak, AT_MOST)
        await transfers.remove(door, sent)


def _door(server: Server, opened: dict[str, Any]) -> Door:
    return Door(server.port, opened["secret"], server.process.pid)


@contextlib.asynccontextmanager
async def _reading(door: Door, store: Store, opened: dict[str, Any]) -> AsyncIterator[Reader]:
    connection = await Connection.open(HOST, door.port)
    try:
        yield await Reader.sign_in(connection, door, store, opened["email"], opened["password"])
    finally:
        close([connection])


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own: Ctrl-C is ours to handle, and leaving early ends its workers with it."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
