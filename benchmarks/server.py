"""The server under test: `manage.py serve` in a process of its own, and what it takes from the machine."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SECONDS_TO_START = 120
SECONDS_TO_STOP = 30
SECONDS_BETWEEN_LOOKS = 0.1


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int
    # From the start of the process to the first 200 of /health.
    seconds_to_start: float


class Memory(NamedTuple):
    """Bytes of a process and its descendants; `pss` counts a page that several share once."""

    pss: int
    rss: int


@contextlib.contextmanager
def serving(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    port = _free_port()
    start = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "serve"],
            cwd=ROOT,
            env={**environment, "PORT": str(port), "HOST": HOST},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
    try:
        _wait(process, port, log)
        yield Server(process, port, time.monotonic() - start)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        if _is_healthy(port):
            return
        time.sleep(0.01)
    raise RuntimeError(f"The server did not answer within {SECONDS_TO_START} s:\n{log.read_text()[-4000:]}")


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        # It leads a session of its own, so this reaches its workers and nobody else.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


# What it takes


def cpu_seconds(pid: int) -> float:
    """CPU time of the tree under `pid` so far; nan where the system does not tell."""
    if not Path("/proc/self/stat").exists():
        return float("nan")
    return sum(map(_cpu_seconds_of, _tree(pid)))


def _cpu_seconds_of(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name (which may hold anything, also brackets), from the state on."""
    with contextlib.suppress(OSError):  # it ended meanwhile
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def memory(pid: int) -> Memory | None:
    """Of the whole tree under `pid`; None where the system does not tell (only Linux does)."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    each = [_memory_of(member) for member in _tree(pid)]
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


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(place.name)):
            children.setdefault(int(fields[1]), []).append(int(place.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found
