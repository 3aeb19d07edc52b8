"""The peers side by side: a row for each measure, a column for each peer and database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import Measure

Results = Mapping[str, Sequence[Measure]]


def markdown(facts: Mapping[str, str], results: Results) -> str:
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", _line("", *results), _line("---", *("---:" for _ in results))]
    shown = {column: {measure.name: measure.shown for measure in measures} for column, measures in results.items()}
    for name in dict.fromkeys(name for cells in shown.values() for name in cells):
        lines.append(_line(name, *(cells.get(name, "") for cells in shown.values())))
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def write(directory: Path, name: str, facts: Mapping[str, str], results: Results) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    plain = {column: [_plain(measure) for measure in measures] for column, measures in results.items()}
    files = [directory / f"{name}.md", directory / f"{name}.json"]
    files[0].write_text(markdown(facts, results))
    files[1].write_text(json.dumps({"facts": facts, "results": plain}, indent=1, ensure_ascii=False) + "\n")
    return files


def _plain(measure: Measure) -> dict[str, object]:
    whole = asdict(measure)
    return {name: whole[name] for name in ("name", "shown", "numbers")}
