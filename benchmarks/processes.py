"""Servers under test: started, awaited, and ended together with all that they start."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

HOST = "127.0.0.1"
SECONDS_TO_START = 120
SECONDS_TO_STOP = 30
SECONDS_TO_DIE = 5


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    port: int
    # From the start of the process to the first 200 of its health.
    seconds_to_start: float


@contextlib.contextmanager
def serving(
    command: Sequence[str], variables: Mapping[str, str], place: Path, log: Path, port: int, health: str
) -> Iterator[Server]:
    """`place`: the server's working directory. `health`: the path that answers 200 when the server is ready."""
    start = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            cwd=place,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
    try:
        _wait(process, port, health, log)
        yield Server(process, port, time.monotonic() - start)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, health: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode}:\n{_end(log)}")
        if _is_healthy(port, health):
            return
        time.sleep(0.01)
    raise RuntimeError(f"The server did not answer within {SECONDS_TO_START} s:\n{_end(log)}")


def _is_healthy(port: int, health: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", health)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server, and then those of its processes that outlive it: MLflow's lead process groups of their own."""
    family = [member for pid in descendants(process.pid) if (member := _Member.of(pid))]
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_STOP)
    for number in (signal.SIGTERM, signal.SIGKILL):
        _wait_for(family)
        for member in family:
            if member.is_running():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(member.pid, number)
    process.wait()


def _wait_for(family: list[_Member]) -> None:
    deadline = time.monotonic() + SECONDS_TO_DIE
    while time.monotonic() < deadline and any(member.is_running() for member in family):
        time.sleep(0.05)


class _Member(NamedTuple):
    """A process; its number alone may meanwhile be another's."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> _Member | None:
        fields = stat(pid)
        return cls(pid, fields[19]) if fields else None

    def is_running(self) -> bool:
        fields = stat(self.pid)
        return bool(fields) and fields[19] == self.started and fields[0] != "Z"


def descendants(pid: int) -> list[int]:
    """`pid` and all that it started, as far as the system tells (only Linux does)."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        if fields := stat(int(place.name)):
            children.setdefault(int(fields[1]), []).append(int(place.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name (which may hold anything, also brackets), from the state on."""
    with contextlib.suppress(OSError):  # it ended meanwhile
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
