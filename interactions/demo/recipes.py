"""Conversations written as text with gaps: `texts/*.txt` read into recipes, and recipes filled into exchanges.

A text file is a list of recipes. `=== name key=value ...` opens one; `ask>`, `answer>`, `poor>`, `system>`, `then>`
(the next user turn), `tool>` (function name and arguments, then its JSON result on the next line) open a block that
runs to the next marker; `row> a: x ;; b: y` adds one set of agreeing words. In a block `{gap}` is filled and
`[[one|other]]` picks one.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from interactions.demo.facts import Facts

MARKER = re.compile(r"^(ask|answer|poor|system|then|tool|document|row)>[ ]?", re.MULTILINE)
GAP = re.compile(r"\{([a-z_0-9]+)\}")
CHOICE = re.compile(r"\[\[([^\[\]]*\|[^\[\]]*)\]\]")
TEXTS = Path(__file__).parent / "texts"


@dataclass(slots=True)
class Turn:
    asks: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    poor: list[str] = field(default_factory=list)
    tool: str = ""
    document: str = ""


@dataclass(slots=True)
class Recipe:
    name: str
    theme: str
    traits: dict[str, str]
    turns: list[Turn] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    rows: list[Facts] = field(default_factory=list)

    @property
    def lang(self) -> str:
        return self.traits.get("lang", "en")

    @property
    def weight(self) -> float:
        return float(self.traits.get("weight", "1"))


@cache
def cookbook() -> tuple[Recipe, ...]:
    return tuple(recipe for path in sorted(TEXTS.glob("*.txt")) for recipe in read(path))


def read(path: Path) -> list[Recipe]:
    chapters = re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [read_recipe(chapter, path.stem) for chapter in chapters]


def read_recipe(chapter: str, theme: str) -> Recipe:
    heading, _, body = chapter.partition("\n")
    name, *traits = heading.split()
    recipe = Recipe(name, theme, dict(trait.split("=", 1) for trait in traits), [Turn()])
    pieces = MARKER.split(body)[1:]
    for marker, text in zip(pieces[::2], pieces[1::2], strict=True):
        add_block(recipe, marker, text.strip("\n"))
    return recipe


def add_block(recipe: Recipe, marker: str, text: str) -> None:
    if marker == "row":
        recipe.rows.append(dict(part.split(": ", 1) for part in text.strip().replace("\\n", "\n").split(" ;; ")))
    elif marker == "system":
        recipe.systems.append(text)
    elif marker == "then":
        recipe.turns.append(Turn([text]))
    else:
        turn = recipe.turns[-1]
        if marker in ("tool", "document"):
            setattr(turn, marker, text)
        else:
            {"ask": turn.asks, "answer": turn.answers, "poor": turn.poor}[marker].append(text)


def fill(text: str, facts: Facts, chance: random.Random) -> str:
    """The text with its gaps filled; a gap that no fact answers stays, as code with braces wants it."""
    for _ in range(3):
        text = CHOICE.sub(lambda found: chance.choice(found[1].split("|")), text)
        filled = GAP.sub(lambda found: facts.get(found[1], found[0]), text)
        if filled == text:
            break
        text = filled
    return text
