"""[N=20000] [PEERS=interactions,phoenix,mlflow] [DB=sqlite|postgresql] python -m benchmarks.peers

More: TIMES=40 requests of a question, LIMIT=60 seconds for a measure, PICTURES=no for texts alone. Without DB both
databases are measured. Installs the peers into var/peers/ when they are not there. Prints the table to stdout and
progress to stderr; writes the table and all numbers into var/bench/.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from benchmarks import machine
from benchmarks.corpus import BLOCK
from benchmarks.peers import table
from benchmarks.peers.database import database
from benchmarks.peers.mlflow import MLflow
from benchmarks.peers.ours import Interactions
from benchmarks.peers.peer import Peer
from benchmarks.peers.phoenix import Phoenix
from benchmarks.peers.records import Sample, picture_bytes, text_bytes
from benchmarks.peers.run import Plan, measure
from benchmarks.report import Measure
from benchmarks.run import note

RESULTS = machine.ROOT / "var" / "bench"
PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Interactions, Phoenix, MLflow)}
DATABASES = ("sqlite", "postgresql")


class Settings(NamedTuple):
    peers: Sequence[str]
    databases: Sequence[str]
    plan: Plan


def main() -> int:
    settings = _settings()
    signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="interactions-peers-") as place:
            return _run(settings, Path(place))
    except KeyboardInterrupt:
        note("Stopped.")
        return 128 + signal.SIGINT


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # As Ctrl-C: the stack unwinds, and servers and directories go.
    sys.exit(128 + number)


def _run(settings: Settings, place: Path) -> int:
    facts = machine.facts(place) | _facts(settings.plan)
    # Installed before anything is measured, so that no measure runs beside an installation.
    facts |= {name: PEERS[name].prepare() for name in settings.peers}
    results: dict[str, list[Measure]] = {}
    failures = 0
    for kind in settings.databases:
        for name in settings.peers:
            column = f"{name}, {kind}"
            note(column)
            failures += not _measure(PEERS[name], kind, place, settings.plan, facts, results.setdefault(column, []))
    stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-peers-{settings.plan.rows}"
    files = table.write(RESULTS, stamp, facts, results)
    print(table.markdown(facts, results))
    note(f"Written to {' and '.join(str(file.relative_to(machine.ROOT)) for file in files)}")
    return 1 if failures else 0


def _measure(
    kind_of: type[Peer], kind: str, place: Path, plan: Plan, facts: dict[str, str], measures: list[Measure]
) -> bool:
    """False when it could not be measured to the end; the others are measured all the same."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True)))
        store = stack.enter_context(database(kind, directory / "data"))
        peer = kind_of(directory, store.url)
        if kind == "postgresql":
            facts.setdefault(kind, store.version())
        try:
            measure(peer, store, plan, measures)
        except Exception as error:  # whatever it is, the others are measured all the same
            log = peer.log_file.read_text(errors="replace")[-2000:] if peer.log_file.exists() else ""
            note(f"{log}\n{kind_of.name} on {kind} was not measured to the end: {str(error)[:300] or error!r}")
            measures.append(Measure("not measured to the end", type(error).__name__))
            return False
    return True


def _facts(plan: Plan) -> dict[str, str]:
    sample = list(islice(Sample(plan.pictures).past(plan.rows, datetime.now(UTC)), BLOCK))
    texts = sum(text_bytes(record.body) for record in sample) / len(sample)
    pictures = sum(picture_bytes(record.body) for record in sample) / len(sample)
    sent = f"{texts:,.0f} of text, {pictures:,.0f} of pictures"
    return {
        "rows": f"{plan.rows:,}, over 90 days",
        "bytes per interaction as sent": f"{sent} (in the first {len(sample):,})",
        "requests of a question": f"{plan.times}, within {plan.limit:g} s",
    }


# Settings


def _settings() -> Settings:
    # Both or none would say: with pictures.
    pictures = "yes" in _choices("PICTURES", ("yes", "no"))
    plan = Plan(_number("N", 20_000, 1_000), _number("TIMES", 40, 1), _number("LIMIT", 60, 1), pictures)
    return Settings(_choices("PEERS", tuple(PEERS)), _choices("DB", DATABASES), plan)


def _number(name: str, default: int, least: int) -> int:
    value = os.environ.get(name, "").replace("_", "").replace(",", "") or str(default)
    if not value.isdecimal() or int(value) < least:
        sys.exit(f"{name}={value} is not a number of at least {least}.")
    return int(value)


def _choices(name: str, known: Sequence[str]) -> list[str]:
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
