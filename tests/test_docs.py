"""The README says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from interactions.filtersets import InteractionFilterSet

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def _table(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_the_readme_lists_exactly_the_settings_that_the_code_reads() -> None:
    sources = [*(ROOT / "adaptive_site").glob("*.py"), *(ROOT / "interactions").rglob("*.py")]
    reader = re.compile(r'(?:env\.)?\b(?:text|flag|integer|words)\("([A-Z_]+)"')
    read = {name for source in sources for name in reader.findall(source.read_text())}
    assert sorted(_table("Settings")) == sorted(read)


def test_the_readme_lists_exactly_the_filters_that_the_query_string_knows() -> None:
    assert sorted(_table("Filters")) == sorted(InteractionFilterSet.base_filters)


def test_every_file_that_the_readme_points_to_exists() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
