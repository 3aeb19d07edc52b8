"""All measures of one database, in their order: start, read, log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import load
from benchmarks.client import Connection, close
from benchmarks.load import Door, Throughput
from benchmarks.pages import CASES, Case, Reader, Store, Timing
from benchmarks.report import Measure, Target, milliseconds
from benchmarks.server import HOST, ROOT, Server, memory, serving
from tests.run import FOREIGN_VARIABLES

PARTS = ("start", "disk", "pages", "rest", "counts", "detail", "creates", "batches", "commits")
STARTS = 3
SECONDS_TO_REST = 3.0
MOST_CREATES, MOST_IN_BATCHES = 10_000, 20_000

SIZES = {
    "database": "disk, bytes per interaction",
    "indexes": "… of which indexes",
    "texts": "… its texts themselves",
    "images": "disk, images' bytes per interaction",
}

START = Target(2, "s")
AT_REST = Target(150, "MB")
PAGE = Target(60, "ms", which="p95")
DETAIL = Target(25, "ms", which="p50")
CREATES = Target(1_000, "/s", least=True)
IN_BATCHES = Target(4_000, "/s", least=True)


class Plan(NamedTuple):
    rows: int
    parts: frozenset[str]
    texts: str


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(database_url: str, directory: Path, plan: Plan) -> tuple[str, list[Measure]]:
    """The database's version, and its measures. Everything that is written goes into `directory` and the database."""
    return _Run(database_url, directory, plan).all()


class _Run:
    def __init__(self, database_url: str, directory: Path, plan: Plan) -> None:
        self._log = directory / "server.log"
        self._plan = plan
        self._measures: list[Measure] = []
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        self._environment = kept | {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(directory),
            "SECRET_KEY": secrets.token_hex(32),
            "HTTPS": "0",
        }

    def all(self) -> tuple[str, list[Measure]]:
        opened = self._open()
        store = self._fill()
        if "disk" in self._plan.parts:
            self._disk()
        self._starts()
        with serving(self._environment, self._log) as server:
            # Only this is asynchronous: asyncio holds Ctrl-C back until the next await.
            asyncio.run(self._serve(server, store, opened))
        if "commits" in self._plan.parts:
            self._commits()
        return opened["version"], self._measures

    # Without HTTP

    def _open(self) -> dict[str, Any]:
        if "start" in self._plan.parts:
            with serving(self._environment, self._log) as server:
                self._add_seconds("first start, of an empty store, s", server.seconds_to_start)
        return self._in_store("open")

    def _fill(self) -> Store:
        note(f"Filling with {self._plan.rows:,} rows")
        short = ["--short"] if self._plan.texts == "short" else []
        filled = self._in_store("fill", str(self._plan.rows), *short)
        self._add_rate("filling the store, /s", filled["rows"] / filled["seconds"])
        self._in_store("settle")
        return Store(filled["rows"], datetime.fromisoformat(filled["until"]))

    def _disk(self) -> None:
        sizes = self._in_store("sizes")
        for name, what in SIZES.items():
            if sizes[name] is None:
                self._add(Measure(what, "not known"))
            else:
                each = sizes[name] / sizes["rows"]
                self._add(Measure(what, f"{each:,.0f}", numbers={"bytes": each}))

    def _starts(self) -> None:
        if "start" not in self._plan.parts:
            return
        taken = []
        for _ in range(STARTS):
            with serving(self._environment, self._log) as server:
                taken.append(server.seconds_to_start)
        self._add_seconds(f"start, s (median of {STARTS})", statistics.median(taken), START)

    def _commits(self) -> None:
        for group, rate in self._in_store("commits").items():
            self._add_rate(f"commits in process, {group} per transaction, /s", rate)

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
        door = Door(server.port, opened["secret"], server.process.pid)
        if "start" in self._plan.parts:
            await asyncio.sleep(SECONDS_TO_REST)
            self._memory("memory at rest, MB", server, AT_REST)
        await self._read(door, store, opened)
        if "start" in self._plan.parts:
            self._memory("memory after reading, MB", server)
        if "creates" in self._plan.parts:
            count = min(self._plan.rows, MOST_CREATES)
            note(f"Logging {count:,} one by one, {load.AT_ONCE} at a time")
            self._creates(await load.singles(door, count))
        if "batches" in self._plan.parts:
            count = min(self._plan.rows, MOST_IN_BATCHES)
            note(f"Logging {count:,} in batches of {load.BATCH_SIZE}")
            self._batches(await load.batches(door, count))
        if "start" in self._plan.parts:
            self._memory("memory at the end, MB", server)

    async def _read(self, door: Door, store: Store, opened: dict[str, Any]) -> None:
        connection = await Connection.open(HOST, door.port)
        try:
            reader = await Reader.sign_in(connection, door, store, opened["email"], opened["password"])
            everywhere = [case for case in CASES if case.everywhere]
            await self._each("pages", "list page: {}, ms", CASES, reader.page, PAGE)
            await self._each("rest", "REST list of 50: {}, ms", everywhere, reader.rest)
            await self._each("counts", "count: {}, ms", everywhere, reader.count)
            if "detail" in self._plan.parts:
                self._timing("detail page, ms", await reader.detail(), DETAIL)
                self._timing("detail page with an image, ms", await reader.detail(("image", "yes")), DETAIL)
        finally:
            close([connection])

    async def _each(
        self,
        part: str,
        name: str,
        cases: tuple[Case, ...] | list[Case],
        ask: Callable[[Case], Awaitable[Timing]],
        target: Target | None = None,
    ) -> None:
        if part not in self._plan.parts:
            return
        sizes = {}
        for case in cases:
            timing = await ask(case)
            sizes[case.name] = timing.bytes
            self._timing(name.format(case.name), timing, target)
        if part == "pages":
            kilobytes = [f"{sizes[case] / 1000:.0f}" for case in ("no filter", "has image, 2 %")]
            self._add(Measure("list page, kB of HTML: no filter / an image in each row", " / ".join(kilobytes)))

    # Cells

    def _timing(self, name: str, timing: Timing, target: Target | None = None) -> None:
        self._add(milliseconds(name, timing.seconds, 50, 95, target=target, cpu=timing.cpu * 1000, bytes=timing.bytes))

    def _creates(self, made: Throughput) -> None:
        self._add_rate(f"single creates, {load.AT_ONCE} at a time, until queryable, /s", made.rate, CREATES)
        self._add(milliseconds("… latency, p50 / p99, ms", made.latencies, 50, 99))
        self._add_cost("… CPU of the server per create, ms", made)

    def _batches(self, made: Throughput) -> None:
        name = f"batches of {load.BATCH_SIZE}, {load.BATCHES_AT_ONCE} at a time, until queryable, /s"
        self._add_rate(name, made.rate, IN_BATCHES)
        self._add(milliseconds("… latency of a batch, p50 / p99, ms", made.latencies, 50, 99))
        self._add_cost("… CPU of the server per interaction, ms", made)

    def _add_cost(self, name: str, made: Throughput) -> None:
        numbers = {"cpu": made.cpu * 1000, "own_share": made.own_share}
        shown = f"{made.cpu * 1000:.2f} (the load: {made.own_share:.0%} of a core)"
        self._add(Measure(name, shown, numbers=numbers))

    def _memory(self, name: str, server: Server, target: Target | None = None) -> None:
        used = memory(server.process.pid)
        if used is not None:
            pss, rss = used.pss / 1e6, used.rss / 1e6
            self._add(Measure(name, f"{pss:.0f} (RSS {rss:.0f})", pss, target, {"pss": pss, "rss": rss}))

    def _add_seconds(self, name: str, seconds: float, target: Target | None = None) -> None:
        self._add(Measure(name, f"{seconds:.2f}", seconds, target, {"seconds": seconds}))

    def _add_rate(self, name: str, rate: float, target: Target | None = None) -> None:
        self._add(Measure(name, f"{rate:,.0f}", rate, target, {"rate": rate}))

    def _add(self, measure: Measure) -> None:
        self._measures.append(measure)
        missed = measure.target and not measure.target.is_met(measure.judged)
        note(f"  {measure.name}: {measure.shown}{'   MISSED' if missed else ''}")


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
