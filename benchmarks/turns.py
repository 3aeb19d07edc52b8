"""Several processes that prepare at the same time, and write one after the other, always in the same order."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import django

SECONDS_TO_END = 10
TURNS_PER_COLLECTION = 20

# What a process does in its turn, and gives back. Whatever comes before it is done while the others have theirs.
Turn = Callable[[], int]


class _Process(NamedTuple):
    process: BaseProcess
    line: Connection


def in_turn(work: str, processes: int, *arguments: Any) -> Iterator[int]:
    """What the turns give, in their order. `work` is a function “module:name” that makes the turns of one process.

    It is called as `work(place, processes, *arguments)` in each of them, inside Django: a name, because its module can
    be imported only then. Turn `n` is that of the process at place `n % processes`.
    """
    with _started(work, processes, arguments) as running:
        while running:
            first = running[0]
            try:
                first.line.send(None)
                given = first.line.recv()
            except (EOFError, OSError):
                raise RuntimeError("A process ended before its work was done; its own words are above.") from None
            if given is None:  # it has no more; neither has any after it
                return
            yield given
            running.append(running.pop(0))


@contextlib.contextmanager
def _started(work: str, count: int, arguments: tuple[Any, ...]) -> Iterator[list[_Process]]:
    running = [_start(work, place, count, arguments) for place in range(count)]
    try:
        yield list(running)
    finally:
        for one in running:
            one.line.close()  # whoever waits for a turn sees that there will be none
        for one in running:
            one.process.join(SECONDS_TO_END)
            one.process.terminate()


def _start(work: str, place: int, count: int, arguments: tuple[Any, ...]) -> _Process:
    # Not forked: connections to the database must not be shared.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, work, place, count, *arguments), daemon=True)
    process.start()
    theirs.close()
    return _Process(process, ours)


def _run(line: Connection, work: str, *arguments: Any) -> None:
    django.setup()
    module, _, name = work.partition(":")
    make: Callable[..., Iterator[Turn]] = getattr(import_module(module), name)
    # Thousands of rows at a time, none of them in a cycle: Python's looking for cycles among them would take as long as
    # making them. The few that queries leave behind go now and then.
    gc.disable()
    for number, turn in enumerate(make(*arguments)):
        if not _may_begin(line):
            return
        line.send(turn())
        if number % TURNS_PER_COLLECTION == 0:
            gc.collect()
    if _may_begin(line):
        line.send(None)


def _may_begin(line: Connection) -> bool:
    """Wait for the turn; False when there will be none."""
    try:
        line.recv()
    except (EOFError, OSError):
        return False
    return True
