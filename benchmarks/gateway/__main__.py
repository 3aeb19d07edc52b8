"""[DB=sqlite|postgresql] [PARTS=latency,streams,growth] [SECONDS=20] [ROUNDS=3] python -m benchmarks.gateway

More: CALLS=100000 for the last part, LITELLM=no. What a call takes through the gateway, at 150 calls a second on a
clock, beside the model's server itself, a bare reverse proxy, and LiteLLM's proxy (which is installed into var/peers/);
what 500 open streams take of memory; and whether memory grows over many calls. Prints the table to stdout and progress
to stderr; writes both into var/bench/.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from benchmarks import machine, report
from benchmarks.cells import note
from benchmarks.gateway import calls, targets
from benchmarks.gateway.calls import RATE
from benchmarks.gateway.calls import Target as Place
from benchmarks.peers import environments
from benchmarks.report import Measure, Target, percentile
from benchmarks.server import memory, watching
from tests.postgres import private_cluster

RESULTS = machine.ROOT / "var" / "bench"
REQUIREMENTS = Path(__file__).parent / "requirements"
PARTS = ("latency", "streams", "growth")
STREAMS, TOKENS, PAUSE = 500, 30, 0.5
WARM_UP_SECONDS = 4.0
# After so many calls all that is made once has been made.
SETTLED = 0.2
BETWEEN = 10

MEDIAN, WORST = Target(3, "ms", which="added p50"), Target(15, "ms", which="added p99")
PER_STREAM = Target(150, "kB")
GROWTH = Target(5, "MB")


class Settings(NamedTuple):
    databases: Sequence[str]
    parts: Sequence[str]
    seconds: float
    rounds: int
    calls: int
    has_litellm: bool


def main() -> int:
    settings = _settings()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="interactions-gateway-") as place:
            return _run(settings, Path(place))
    except KeyboardInterrupt:
        note("Stopped.")
        return 128 + signal.SIGINT


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: the stack unwinds, and servers and directories go.
    sys.exit(128 + number)


def _run(settings: Settings, place: Path) -> int:
    facts = machine.facts(place) | {"calls": f"{RATE} a second, {settings.rounds} rounds of {settings.seconds:g} s"}
    if settings.has_litellm:
        environments.install("litellm", REQUIREMENTS)
        facts["LiteLLM"] = environments.version("litellm", "litellm")
    results: dict[str, list[Measure]] = {}
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(targets.upstream(place))
        ours = [stack.enter_context(one) for one in _ours(settings, place, model)]
        others = [stack.enter_context(targets.proxy(place, model))]
        if settings.has_litellm:
            others.append(stack.enter_context(targets.litellm(place, model)))
        if "latency" in settings.parts:
            _latency(settings, [model, *others, *ours], results)
        for target in (*others, *ours):
            if "streams" in settings.parts and target.name != "bare proxy":
                _streams(target, results)
        for target in ours:
            if "growth" in settings.parts:
                _growth(settings, target, results)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-gateway"
    files = report.write(RESULTS, name, facts, results)
    print(report.markdown(facts, results))
    note(f"Written to {' and '.join(str(file.relative_to(machine.ROOT)) for file in files)}")
    return 0


def _ours(settings: Settings, place: Path, model: Place) -> Iterator[contextlib.AbstractContextManager[Place]]:
    for database in settings.databases:
        yield _one_of_ours(database, place / database, model)


@contextlib.contextmanager
def _one_of_ours(database: str, place: Path, model: Place) -> Iterator[Place]:
    place.mkdir()
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{place}/interactions.sqlite3"
        if database == "postgresql":
            url = stack.enter_context(private_cluster(durable=True))
        yield stack.enter_context(targets.gateway(place, model, url, f"this gateway, {database}"))


# Parts


def _latency(settings: Settings, places: Sequence[Place], results: dict[str, list[Measure]]) -> None:
    """In turn, so that what else the machine does meets all of them."""
    seconds: dict[str, list[float]] = {one.name: [] for one in places}
    for one in places:
        asyncio.run(calls.on_a_clock(one, WARM_UP_SECONDS))
    for number in range(settings.rounds):
        for one in places:
            note(f"Round {number + 1}: {one.name}")
            seconds[one.name] += asyncio.run(calls.on_a_clock(one, settings.seconds))
    direct = sorted(seconds[places[0].name])
    for one in places:
        ordered = sorted(seconds[one.name])
        measures = results.setdefault(one.name, [])
        measures.append(report.milliseconds("a call, ms (p50 / p95 / p99)", ordered, 50, 95, 99))
        if one is places[0]:
            continue
        added = [(percentile(ordered, share) - percentile(direct, share)) * 1000 for share in (0.5, 0.95, 0.99)]
        limits = (MEDIAN, WORST) if one.name.startswith("this") else ()
        numbers = dict(zip(("added p50", "added p95", "added p99"), added, strict=True))
        shown = " / ".join(f"{value:.1f}" for value in added)
        measures.append(Measure("… of which added, ms", shown, targets=limits, numbers=numbers))
        note(f"  {one.name}: {shown} ms added")


def _streams(target: Place, results: dict[str, list[Measure]]) -> None:
    note(f"{STREAMS} streams: {target.name}")
    asyncio.run(calls.streams(target, 20, TOKENS, 0.01))
    with watching(target.pid) as peak:
        done = asyncio.run(calls.streams(target, STREAMS, TOKENS, PAUSE))
    if done.whole < STREAMS:
        raise RuntimeError(f"Of {STREAMS} streams of {target.name} only {done.whole} came to their end.")
    if peak.before is None or peak.memory is None:
        return
    each = (peak.memory.pss - peak.before.pss) / 1000 / STREAMS
    limits = (PER_STREAM,) if target.name.startswith("this") else ()
    measures = results.setdefault(target.name, [])
    measures.append(Measure(f"{STREAMS} open streams, kB each", f"{each:.0f}", each, limits, {"kB": each}))
    late = done.seconds - TOKENS * PAUSE
    measures.append(Measure("… later than they should, s", f"{late:.1f}", late, (), {"seconds": late}))
    note(f"  {each:.0f} kB each; {late:.1f} s late")


def _growth(settings: Settings, target: Place, results: dict[str, list[Measure]]) -> None:
    """Memory after a fifth of the calls, when all is made that is made once, and at their end."""
    first = int(settings.calls * SETTLED)
    note(f"{settings.calls:,} calls: {target.name}")
    seconds = asyncio.run(calls.in_a_row(target, first))
    settled = memory(target.pid)
    for _ in range(BETWEEN):
        seconds += asyncio.run(calls.in_a_row(target, (settings.calls - first) // BETWEEN))
        now = memory(target.pid)
        note(f"  {now.pss / 1e6 if now else 0:.1f} MB")
    measures = results.setdefault(target.name, [])
    rate = settings.calls / seconds
    measures.append(Measure("calls one after another, 8 at a time, /s", f"{rate:,.0f}", rate, (), {"rate": rate}))
    if settled and now:
        grown = (now.pss - settled.pss) / 1e6
        shown = f"{grown:+.1f} (from {settled.pss / 1e6:.0f})"
        name = f"memory grown from call {first:,} to {settings.calls:,}, MB"
        measures.append(Measure(name, shown, grown, (GROWTH,), {"MB": grown}))
        note(f"  {shown}")


# Settings


def _settings() -> Settings:
    databases = os.environ.get("DB", "sqlite postgresql").replace(",", " ").split()
    parts = os.environ.get("PARTS", " ".join(PARTS)).replace(",", " ").split()
    if unknown := {*databases} - {"sqlite", "postgresql"} or {*parts} - {*PARTS}:
        sys.exit(f"There is no {', '.join(sorted(unknown))}. DB: sqlite, postgresql. PARTS: {', '.join(PARTS)}.")
    return Settings(
        databases,
        parts,
        float(os.environ.get("SECONDS", "20")),
        int(os.environ.get("ROUNDS", "3")),
        int(os.environ.get("CALLS", "100000")),
        os.environ.get("LITELLM", "yes") != "no",
    )


if __name__ == "__main__":
    sys.exit(main())
