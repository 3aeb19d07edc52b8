"""All measures of one peer on one database, in their order: start, fill, read, log."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, NamedTuple, TypeVar

from benchmarks.client import Response
from benchmarks.load import AT_ONCE, BATCH_SIZE, BATCHES_AT_ONCE
from benchmarks.peers import logs, reads
from benchmarks.peers.database import Database
from benchmarks.peers.line import NoAnswer
from benchmarks.peers.peer import Peer, answer
from benchmarks.peers.questions import PAGE, QUESTIONS, Filter, Question
from benchmarks.peers.reads import WARM_UP, Asked
from benchmarks.peers.records import Known, Record, Sample
from benchmarks.processes import Server, descendants
from benchmarks.report import Measure, milliseconds
from benchmarks.run import SECONDS_TO_REST, STARTS, note
from benchmarks.server import cpu_seconds, memory

# What a request may take that is not measured, but has to come to its end.
SECONDS_TO_FILL = SECONDS_TO_WAKE = 600.0
# A server rests when it takes less of a core than this.
RESTING, MOST_SECONDS_TO_REST = 0.1, 120.0
# Enough that a rate does not depend on the first second.
MOST_SINGLES, MOST_IN_BATCHES = 3_000, 6_000

_Result = TypeVar("_Result")


class Plan(NamedTuple):
    """`times`: requests of a question. `limit`: seconds for a measure, and for sending what is logged."""

    rows: int
    times: int
    limit: float
    pictures: bool


def measure(peer: Peer, database: Database, plan: Plan, measures: list[Measure]) -> None:
    """Adds to `measures` as it goes: what was measured stays, whatever happens later."""
    with contextlib.ExitStack() as stack:
        _Run(peer, database, plan, measures, stack).all()


class _Run:
    def __init__(
        self, peer: Peer, database: Database, plan: Plan, measures: list[Measure], stack: contextlib.ExitStack
    ) -> None:
        self._peer, self._database, self._plan, self._measures = peer, database, plan, measures
        self._stack = stack
        self._sample = Sample(plan.pictures)
        self._until = datetime.now(UTC)
        self._known: list[Known] = []

    def all(self) -> None:
        empty = self._open()
        self._fill()
        self._disk(empty)
        self._starts()
        self._start()
        self._rest()
        self._memory("memory at rest, MB")
        self._add(Measure("… in how many processes", str(len(descendants(self._server.process.pid)))))
        self._wake()
        self._read()
        self._memory("memory after reading, MB")
        limit = self._plan.limit
        self._log("one by one", MOST_SINGLES, 2, logs.Load(1, AT_ONCE, limit, limit, warm_up=4 * AT_ONCE))
        self._log(
            *("in batches", MOST_IN_BATCHES, 3),
            logs.Load(BATCH_SIZE, BATCHES_AT_ONCE, limit, limit, warm_up=BATCHES_AT_ONCE),
        )
        self._memory("memory at the end, MB")
        self._stop()

    # The server

    def _start(self) -> None:
        self._server: Server = self._stack.enter_context(self._peer.serving())

    def _stop(self) -> None:
        self._stack.close()
        self._database.end_sessions()

    def _ask(self, work: Coroutine[Any, Any, _Result]) -> _Result | None:
        """None when there was no answer in time; the server is started anew then, as it may still be at work on it."""
        try:
            return asyncio.run(work)
        except NoAnswer:
            self._stop()
            self._start()
            self._wake()
            return None

    def _rest(self) -> None:
        """Until the server has nothing more to do, of what it loads after its start or makes behind the writes."""
        time.sleep(SECONDS_TO_REST)
        deadline = time.monotonic() + MOST_SECONDS_TO_REST
        while time.monotonic() < deadline:
            before = cpu_seconds(self._server.process.pid)
            time.sleep(1)
            # Also where the system does not tell: then the difference is not a number.
            if not cpu_seconds(self._server.process.pid) - before >= RESTING:
                return

    def _wake(self) -> None:
        """A server with several processes has each of them load what it needs before anything is measured."""
        asyncio.run(self._ask_at_once())

    async def _ask_at_once(self) -> None:
        await asyncio.gather(*(self._ask_twice() for _ in range(AT_ONCE)))

    async def _ask_twice(self) -> None:
        async with self._peer.line(self._server, SECONDS_TO_WAKE) as line:
            for _ in range(2):
                self._peer.ids(await line.exchange(self._peer.newest(Filter())))

    # Before anything is asked

    def _open(self) -> int:
        """Bytes of the empty store."""
        self._start()
        self._add_seconds("first start, of an empty store, s", self._server.seconds_to_start)
        asyncio.run(self._prepare())
        self._stop()
        self._database.settle()
        return self._database.size(self._peer.data)

    async def _prepare(self) -> None:
        async with self._peer.line(self._server, self._plan.limit) as line:
            await self._peer.open(line)

    def _fill(self) -> None:
        note(f"Filling with {self._plan.rows:,} rows")
        self._start()
        self._wake()
        self._until = datetime.now(UTC)
        records = self._noted(self._sample.past(self._plan.rows, self._until))
        load = logs.Load(
            BATCH_SIZE, BATCHES_AT_ONCE, float("inf"), SECONDS_TO_FILL, ahead=False, warm_up=BATCHES_AT_ONCE
        )
        filled = asyncio.run(logs.log(self._peer, self._server, records, load))
        self._rates("filling, in batches", filled)
        self._rest()  # what is made behind the writes, as our index of words, is part of the store
        self._stop()
        self._database.settle()

    def _noted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self._known.append(Known.of(record))
            yield record

    def _disk(self, empty: int) -> None:
        size = self._database.size(self._peer.data)
        each = (size - empty) / self._plan.rows
        numbers = {"bytes": each, "all": size, "empty": empty}
        self._add(Measure("disk, bytes per interaction", f"{each:,.0f}", numbers=numbers))

    def _starts(self) -> None:
        taken = []
        for _ in range(STARTS):
            self._start()
            taken.append(self._server.seconds_to_start)
            self._stop()
        self._add_seconds(f"start, s (median of {STARTS})", statistics.median(taken))

    # Reading

    def _read(self) -> None:
        for question in QUESTIONS:
            self._time(f"list of {PAGE}: {question.name}, ms", partial(self._newest, question), self._rows)
        for question in filter(lambda one: one.counted, QUESTIONS):
            self._time(f"count: {question.name}, ms", partial(self._count, question), self._peer.counted)
        if ids := self._ask(self._some_ids()):
            self._time("detail, ms", lambda rng: Asked(self._peer.detail(rng.choice(ids))), _parsed)
        else:
            self._add_no_answer("detail, ms")
        for measure in asyncio.run(self._peer.more(self._server, self._until)):
            self._add(measure)

    def _newest(self, question: Question, rng: Random) -> Asked:
        wanted = question.filter(rng, self._until)
        return Asked(self._peer.newest(wanted), min(PAGE, wanted.count(self._known)))

    def _rows(self, response: Response) -> int:
        return len(self._peer.ids(response))

    def _count(self, question: Question, rng: Random) -> Asked:
        wanted = question.filter(rng, self._until)
        return Asked(self._peer.count(wanted), wanted.count(self._known))

    async def _some_ids(self) -> list[str]:
        """Of interactions from all over the time."""
        rng, step = Random(0), (self._until - self._oldest) / (self._plan.times + WARM_UP)
        ids = []
        async with self._peer.line(self._server, self._plan.limit) as line:
            for number in range(self._plan.times + WARM_UP):
                wanted = Filter(before=self._oldest + step * (number + 1))
                ids.append(rng.choice(self._peer.ids(await line.exchange(self._peer.newest(wanted)))))
        return ids

    @property
    def _oldest(self) -> datetime:
        return datetime.fromtimestamp(self._known[0].moment / 1000, UTC)

    def _time(self, name: str, ask: Callable[[Random], Asked], held: Callable[[Response], int]) -> None:
        plan = self._plan
        timing = self._ask(reads.read(self._peer, self._server, ask, held, plan.times, plan.limit))
        if timing is None:
            self._add_no_answer(name)
            return
        first, cpu = timing.first * 1000, timing.cpu * 1000
        made = milliseconds(name, timing.seconds, 50, 95, first=first, cpu=cpu, bytes=timing.bytes)
        if timing.wrong:
            made = Measure(name, f"{made.shown} (WRONG: {timing.wrong})", numbers=made.numbers)
        self._add(made)

    # Logging

    def _log(self, way: str, most: int, seed: int, load: logs.Load) -> None:
        count = min(self._plan.rows, most) // load.size * load.size
        note(f"Logging {count:,} {way}")
        records = self._sample.present(seed, count + load.warm_up * load.size)
        made = self._ask(logs.log(self._peer, self._server, records, load))
        name = f"{way}, {load.at_once} requests at a time" + (f", {load.size} in each" if load.size > 1 else "")
        if made is None:
            self._add_no_answer(name)
        else:
            self._rates(name, made)

    def _rates(self, name: str, made: logs.Logged) -> None:
        rates = {"rate": made.rows / made.seconds, "judged": made.rows / (made.seconds + made.judged)}
        numbers = {"rows": made.rows, "refusals": made.refusals, "own_share": made.own}
        again = f" ({made.refusals:,} requests sent again)" if made.refusals else ""
        self._add(Measure(f"{name}: until queryable, /s", f"{rates['rate']:,.0f}{again}", numbers=rates | numbers))
        self._add(Measure(f"{name}: until its feedback is too, /s", f"{rates['judged']:,.0f}"))
        self._add(milliseconds(f"{name}: until acknowledged, p50 / p99, ms", made.latencies, 50, 99))
        cpu = made.cpu * 1000
        self._add(Measure(f"{name}: CPU of the server per interaction, ms", f"{cpu:.2f}", numbers={"cpu": cpu}))

    # Cells

    def _memory(self, name: str) -> None:
        used = memory(self._server.process.pid)
        if used is not None:
            pss, rss = used.pss / 1e6, used.rss / 1e6
            self._add(Measure(name, f"{pss:,.0f} (RSS {rss:,.0f})", numbers={"pss": pss, "rss": rss}))

    def _add_seconds(self, name: str, seconds: float) -> None:
        self._add(Measure(name, f"{seconds:.2f}", numbers={"seconds": seconds}))

    def _add_no_answer(self, name: str) -> None:
        self._add(Measure(name, f"no answer in {self._plan.limit:g} s", numbers={"limit": self._plan.limit}))

    def _add(self, measure: Measure) -> None:
        self._measures.append(measure)
        note(f"  {measure.name}: {measure.shown}")


def _parsed(response: Response) -> int:
    """Nothing to compare, but no refusal either."""
    return len(answer(response))
