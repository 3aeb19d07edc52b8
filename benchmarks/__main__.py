"""N=100000 [DB=sqlite|postgresql] [PARTS=start,pages,...] [TEXTS=full|short] [TEXT_INDEX=0|1] [STORE=directory]
python -m benchmarks

Without DB both databases are measured, without PARTS all parts; texts are short from five million rows on. With STORE
the stores stay in that directory, and the next run with the same N goes on with them. Prints the table to stdout and
progress to stderr; writes the table and all numbers into var/bench/.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from benchmarks import kept, machine, report
from benchmarks.run import PARTS, Plan, measure, note
from tests.postgres import private_cluster

RESULTS = machine.ROOT / "var" / "bench"
# What a row takes, with its indexes and the log of what was written.
BYTES_PER_ROW = {"full": 9_000, "short": 4_000}
SHORT_FROM = 5_000_000


class Settings(NamedTuple):
    rows: int
    databases: list[str]
    plan: Plan
    # Where the stores stay; None: nowhere.
    store: Path | None


def main() -> int:
    settings = _settings()
    signal.signal(signal.SIGTERM, _leave)
    try:
        return _run(settings)
    except KeyboardInterrupt:
        note("Stopped.")
        return 128 + signal.SIGINT


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: the stack unwinds, and servers and directories go.
    sys.exit(128 + number)


def _run(settings: Settings) -> int:
    facts: dict[str, str] = {}
    results: dict[str, list[report.Measure]] = {}
    for database in settings.databases:
        with kept.place(settings.store, f"{database}-{settings.rows}-{settings.plan.texts}") as directory:
            _make_sure_of_space(settings, directory)
            facts = facts or _facts(settings, directory)
            with _database_url(database, directory, stays=settings.store is not None) as url:
                more, results[database] = measure(url, directory, settings.plan)
        facts |= {f"{database}{name}": value for name, value in more.items()}
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{settings.rows}"
    files = report.write(RESULTS, name, facts, results)
    print(report.markdown(facts, results))
    note(f"Written to {' and '.join(str(file.relative_to(machine.ROOT)) for file in files)}")
    return 0


def _facts(settings: Settings, directory: Path) -> dict[str, str]:
    return machine.facts(directory) | {"rows": f"{settings.rows:,}, {settings.plan.texts} texts, over 90 days"}


@contextlib.contextmanager
def _database_url(database: str, directory: Path, *, stays: bool) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{directory}/interactions.sqlite3"
    else:
        with private_cluster(durable=True, kept=directory / "postgresql" if stays else None) as url:
            yield url


def _make_sure_of_space(settings: Settings, directory: Path) -> None:
    if kept.found(directory):
        return
    needed = settings.rows * BYTES_PER_ROW[settings.plan.texts] + 2**30
    free = shutil.disk_usage(directory).free
    if free < needed:
        sys.exit(f"{directory} has {free / 2**30:.0f} GB free; about {needed / 2**30:.0f} GB are needed.")


# Settings


def _settings() -> Settings:
    rows = _number("N", 100_000)
    databases = _choices("DB", ("sqlite", "postgresql"))
    texts = os.environ.get("TEXTS") or ("short" if rows >= SHORT_FROM else "full")
    if texts not in BYTES_PER_ROW:
        sys.exit(f"TEXTS={texts} is not known. Choose from {', '.join(BYTES_PER_ROW)}.")
    store = os.environ.get("STORE")
    plan = Plan(rows, frozenset(_choices("PARTS", PARTS)), texts, _text_index(rows))
    return Settings(rows, databases, plan, Path(store) if store else None)


def _text_index(rows: int) -> bool:
    """Where texts are short they are not what is measured, and indexing them would take as long as all else."""
    value = os.environ.get("TEXT_INDEX") or ("0" if rows >= SHORT_FROM else "1")
    if value not in ("0", "1"):
        sys.exit(f"TEXT_INDEX={value} is not known. Choose 0 or 1.")
    return value == "1"


def _number(name: str, default: int) -> int:
    value = os.environ.get(name, "").replace("_", "").replace(",", "") or str(default)
    if not value.isdecimal() or int(value) < 1_000:
        sys.exit(f"{name}={value} is not a number of at least 1000.")
    return int(value)


def _choices(name: str, known: tuple[str, ...]) -> list[str]:
    """Those of `known` that the variable names, with commas or spaces between them; all of them if it names none."""
    given = os.environ.get(name, "").replace(",", " ").split()
    if not given or given in (["both"], ["all"]):
        return list(known)
    for word in given:
        if word not in known:
            sys.exit(f"{name}={word} is not known. Choose from {', '.join(known)}.")
    return [word for word in known if word in given]


if __name__ == "__main__":
    sys.exit(main())
