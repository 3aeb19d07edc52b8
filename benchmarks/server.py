"""The server under test: `manage.py serve` in a process of its own, and what it takes from the machine."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks import processes
from benchmarks.machine import ROOT
from benchmarks.processes import HOST, Server
from tests.postgres import free_port

SECONDS_BETWEEN_LOOKS = 0.1


@contextlib.contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    variables = {**environment, "PORT": str(port), "HOST": HOST}
    with processes.serving(command, variables, ROOT, log, port, "/health") as server:
        yield server


# What it takes from the machine


class Memory(NamedTuple):
    """Bytes of a process and its descendants; `pss` counts a page that several share once."""

    pss: int
    rss: int


def cpu_seconds(pid: int) -> float:
    """CPU time of the tree under `pid` so far; nan where the system does not tell."""
    if not Path("/proc/self/stat").exists():
        return float("nan")
    return sum(map(_cpu_seconds_of, processes.descendants(pid)))


def _cpu_seconds_of(pid: int) -> float:
    fields = processes.stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def memory(pid: int) -> Memory | None:
    """Of the whole tree under `pid`; None where the system does not tell (only Linux does)."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    each = [_memory_of(member) for member in processes.descendants(pid)]
    return Memory(sum(one.pss for one in each), sum(one.rss for one in each))


class Peak:
    """Memory of a tree when watching it began, and the most of it since; None where the system does not tell."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.before = self.memory = memory(pid)

    def look(self) -> None:
        now = memory(self._pid)
        if now and self.memory:
            self.memory = Memory(max(self.memory.pss, now.pss), max(self.memory.rss, now.rss))


@contextlib.contextmanager
def watching(pid: int) -> Iterator[Peak]:
    """Looks at the memory of the tree under `pid` ten times a second."""
    peak, ended = Peak(pid), threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            peak.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _memory_of(pid: int) -> Memory:
    sizes = {"Pss:": 0, "Rss:": 0}
    with contextlib.suppress(OSError):  # it ended meanwhile
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in sizes:
                sizes[name] = int(rest[0]) * 1024
    return Memory(sizes["Pss:"], sizes["Rss:"])
