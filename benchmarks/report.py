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
    # Which of a cell's numbers it is about, where there are several.
    which: str = ""

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return " ".join(filter(None, (self.which, sign, f"{self.limit:,g}", self.unit)))

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Measure:
    """`shown` is the cell; `judged` what the target is about; `numbers` everything, for the JSON file."""

    name: str
    shown: str
    judged: float = math.nan
    target: Target | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank: a value that was measured."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def milliseconds(
    name: str, seconds: Sequence[float], *shares: int, target: Target | None = None, **more: float
) -> Measure:
    """Percentiles of durations that are in order. The target is about the one it names, as `p95`."""
    numbers = {f"p{share}": percentile(seconds, share / 100) * 1000 for share in shares}
    shown = " / ".join(_short(number) for number in numbers.values())
    if len(seconds) < 20:
        shown += f" ({len(seconds)} requests)"
    judged = numbers[target.which] if target else math.nan
    return Measure(name, shown, judged, target, numbers | more)


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
    target = next((measure.target for measure in found.values() if measure.target), None)
    return _line(name, *cells, str(target or ""), _met(found, target))


def _met(found: Mapping[str, Measure], target: Target | None) -> str:
    if target is None:
        return ""
    missed = [database for database, measure in found.items() if not target.is_met(measure.judged)]
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
    plain = asdict(measure) | {"target": str(measure.target) if measure.target else None}
    return {name: None if value != value else value for name, value in plain.items()}  # JSON has no NaN
