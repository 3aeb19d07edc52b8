"""The table: a row for each measure, a column for each database, beside the target."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Target(NamedTuple):
    limit: float
    unit: str
    least: bool = False
    # Which of a cell's numbers it is about, where there are several, as “p95”.
    which: str = ""

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return " ".join(filter(None, (self.which, sign, f"{self.limit:,g}", self.unit)))

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Measure:
    """`shown` is the cell; `numbers` go to the JSON file; a target that names none of them is about `judged`."""

    name: str
    shown: str
    judged: float = math.nan
    targets: Sequence[Target] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    def missed(self) -> list[Target]:
        return [target for target in self.targets if not target.is_met(self.numbers.get(target.which, self.judged))]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank: a value that was measured."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def milliseconds(
    name: str, seconds: Sequence[float], *shares: int, targets: Sequence[Target] = (), **more: float
) -> Measure:
    """Percentiles of durations that are in order. A target is about the one it names, as `p95`."""
    numbers = {f"p{share}": percentile(seconds, share / 100) * 1000 for share in shares}
    shown = " / ".join(_short(number) for number in numbers.values())
    if len(seconds) < 20:
        shown += f" ({len(seconds)} requests)"
    return Measure(name, shown, math.nan, targets, numbers | more)


def _short(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"


Results = Mapping[str, Sequence[Measure]]


def markdown(facts: Mapping[str, str], results: Results) -> str:
    """`results`: measures by database."""
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", _line("", *results, "target", "met"), _line("---", *("---:" for _ in results), "---", "---")]
    return "\n".join([*lines, *_rows(results)]) + "\n"


def _rows(results: Results) -> list[str]:
    by_name: dict[str, dict[str, Measure]] = {}
    for database, measures in results.items():
        for measure in measures:
            by_name.setdefault(measure.name, {})[database] = measure
    return [_row(name, found, list(results)) for name, found in by_name.items()]


def _row(name: str, found: Mapping[str, Measure], databases: Sequence[str]) -> str:
    cells = [found[database].shown if database in found else "" for database in databases]
    targets = next((measure.targets for measure in found.values() if measure.targets), ())
    return _line(name, *cells, ", ".join(map(str, targets)), _met(found) if targets else "")


def _met(found: Mapping[str, Measure]) -> str:
    missed = [database for database, measure in found.items() if measure.missed()]
    if not missed:
        return "yes"
    return "**no**" if len(missed) == len(found) else f"**no**: {', '.join(missed)}"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write(directory: Path, name: str, facts: Mapping[str, str], results: Results) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"facts": facts, "results": {}}
    for database, measures in results.items():
        document["results"][database] = [_plain(measure) for measure in measures]
    files = [directory / f"{name}.md", directory / f"{name}.json"]
    files[0].write_text(markdown(facts, results))
    files[1].write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return files


def _plain(measure: Measure) -> dict[str, Any]:
    plain = asdict(measure) | {"targets": list(map(str, measure.targets)), "missed": list(map(str, measure.missed()))}
    return {name: None if value != value else value for name, value in plain.items()}  # JSON has no NaN
