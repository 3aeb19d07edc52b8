"""The cells of one database's column, each shown as soon as it is measured."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.load import AT_ONCE, BATCH_SIZE, BATCHES_AT_ONCE, Throughput
from benchmarks.pages import Timing
from benchmarks.report import Measure, Target, milliseconds
from benchmarks.server import Memory, Peak

CREATES = Target(1_500, "/s", least=True)
IN_BATCHES = Target(6_000, "/s", least=True)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Cells:
    def __init__(self) -> None:
        self.measures: list[Measure] = []

    def add(self, measure: Measure) -> None:
        self.measures.append(measure)
        note(f"  {measure.name}: {measure.shown}{'   MISSED' if measure.missed() else ''}")

    def seconds(self, name: str, seconds: float, *targets: Target) -> None:
        self.add(Measure(name, f"{seconds:.2f}", seconds, targets, {"seconds": seconds}))

    def rate(self, name: str, rate: float, *targets: Target, remark: str = "") -> None:
        self.add(Measure(name, f"{rate:,.0f}{remark}", rate, targets, {"rate": rate}))

    def memory(self, name: str, used: Memory | None, *targets: Target) -> None:
        """`used` is None where the system does not tell."""
        if used is not None:
            pss, rss = used.pss / 1e6, used.rss / 1e6
            self.add(Measure(name, f"{pss:.0f} (RSS {rss:.0f})", pss, targets, {"pss": pss, "rss": rss}))

    def peak(self, name: str, peak: Peak, *targets: Target) -> None:
        if peak.before and peak.memory:
            before, most = peak.before.pss / 1e6, peak.memory.pss / 1e6
            self.add(Measure(name, f"{most:.0f} ({before:.0f} before)", most, targets, {"pss": most, "before": before}))

    def megabytes(self, name: str, size: int, *targets: Target) -> None:
        self.add(Measure(name, f"{size / 1e6:.1f}", size / 1e6, targets, {"MB": size / 1e6}))

    def kilobytes(self, name: str, size: int, *targets: Target) -> None:
        self.add(Measure(name, f"{size / 1000:.0f}", size / 1000, targets, {"kB": size / 1000}))

    def timing(self, name: str, timing: Timing, targets: Sequence[Target] = ()) -> None:
        more = {"cpu": timing.cpu * 1000, "bytes": timing.bytes}
        self.add(milliseconds(name, timing.seconds, 50, 95, targets=targets, **more))

    # Logging

    def creates(self, made: Throughput, how: str = "") -> None:
        """`how`: what is different about this server, if anything."""
        self.rate(f"single creates{how}, {AT_ONCE} at a time, until queryable, /s", made.rate, CREATES)
        self.add(milliseconds(f"… latency{how}, p50 / p99, ms", made.latencies, 50, 99))
        self._cost(f"… CPU of the server per create{how}, ms", made)

    def batches(self, made: Throughput, how: str = "") -> None:
        name = f"batches of {BATCH_SIZE}{how}, {BATCHES_AT_ONCE} at a time, until queryable, /s"
        self.rate(name, made.rate, IN_BATCHES)
        self.add(milliseconds(f"… latency of a batch{how}, p50 / p99, ms", made.latencies, 50, 99))
        self._cost(f"… CPU of the server per interaction{how}, ms", made)

    def steady(self, name: str, made: Throughput, *targets: Target) -> None:
        more = {"count": len(made.latencies), "cpu": made.cpu * 1000, "own_share": made.own_share}
        self.add(milliseconds(f"{name}, p50 / p99 / longest, ms", made.latencies, 50, 99, 100, targets=targets, **more))

    def _cost(self, name: str, made: Throughput) -> None:
        numbers = {"cpu": made.cpu * 1000, "own_share": made.own_share}
        shown = f"{made.cpu * 1000:.2f} (the load: {made.own_share:.0%} of a core)"
        self.add(Measure(name, shown, numbers=numbers))
