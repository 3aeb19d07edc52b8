"""A conversation before it is dated and judged: what is asked, step by step, and the replies that models give."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from interactions.demo import facts as particulars
from interactions.demo.facts import Facts
from interactions.demo.recipes import Recipe, Turn, fill

Message = dict[str, Any]
Decks = dict[str, list[Facts]]  # by recipe: the rows that have not been used in this round
LANGUAGES = {"German": "de", "French": "fr", "Spanish": "es"}
SPECIALISTS = {
    "support": ("support-v7", "support-v7", "support-v7", "gpt-x"),
    "abroad": ("support-v7", "support-v7", "gpt-x"),
    "code": ("coder-32b", "coder-32b", "gpt-x"),
    "writing": ("gpt-x", "gpt-x", "support-v7"),
    "long": ("gpt-x", "gpt-x", "support-v7"),
    "vision": ("llama-vision-11b", "llama-vision-11b", "llama-vision-11b", "gpt-x"),
}
SYSTEMS = {
    "support": "You are the support assistant of {company}. Answer in plain words and name the next step.",
    "abroad": "Answer in the customer's language. You work for {company}.",
    "code": "You are a careful senior engineer. Show code first, then explain briefly.",
    "writing": "You are a helpful writing assistant.",
    "long": "Write clearly and in full sentences. Use Markdown.",
    "vision": "Describe only what can be seen. Say so if something is unreadable.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    good: bool
    finish: str = "stop"


@dataclass(slots=True)
class Step:
    question: str | list[Message]
    replies: list[Reply]
    between: list[Message] = field(default_factory=list)  # tool calls and their results, before the reply


@dataclass(slots=True)
class Conversation:
    name: str
    theme: str
    lang: str
    system: str
    steps: list[Step]
    models: Sequence[str]
    dataset: str = ""


def cook(recipe: Recipe, turns: int, when: datetime, decks: Decks, chance: random.Random) -> Conversation:
    facts = particulars.gather(chance, when, recipe.lang)
    if recipe.rows:
        facts |= next_row(recipe, decks, chance)
    if "de" in facts:
        facts["language"] = chance.choice(list(LANGUAGES))
        facts["target"] = facts[LANGUAGES[facts["language"]]]
    system = fill(chance.choice(recipe.systems or [SYSTEMS[recipe.theme]]), facts, chance)
    steps = [step_of(turn, facts, chance) for turn in recipe.turns[:turns]]
    only = recipe.traits.get("model")
    models = (only, only, "gpt-x" if only != "gpt-x" else "support-v7") if only else SPECIALISTS[recipe.theme]
    spoken = system if recipe.systems or chance.random() < 0.35 else ""
    return Conversation(recipe.name, recipe.theme, recipe.lang, spoken, steps, models, recipe.traits.get("dataset", ""))


def next_row(recipe: Recipe, decks: Decks, chance: random.Random) -> Facts:
    """The recipe's rows in random order, all of them before one returns."""
    deck = decks.setdefault(recipe.name, [])
    if not deck:
        deck.extend(chance.sample(recipe.rows, len(recipe.rows)))
    return deck.pop()


def step_of(turn: Turn, facts: Facts, chance: random.Random) -> Step:
    question: str | list[Message] = fill(chance.choice(turn.asks), facts, chance).strip()
    if turn.document:
        paper = {"name": f"{turn.document}-{facts['case']}.pdf", "pages": int(facts["k"]) + 3}
        question = [{"type": "document", "document": paper}, {"type": "text", "text": question}]
    good = [Reply(fill(answer, facts, chance), True) for answer in turn.answers]
    chance.shuffle(good)
    poor = [Reply(fill(answer, facts, chance), False) for answer in turn.poor]
    return Step(question, [*good, *poor], consulting(turn, facts, chance))


def consulting(turn: Turn, facts: Facts, chance: random.Random) -> list[Message]:
    if not turn.tool:
        return []
    call, result = fill(turn.tool, facts, chance).split("\n", 1)
    name, arguments = call.split(" ", 1)
    number = f"call_{facts['commit']}{facts['card']}"
    function = {"name": name, "arguments": arguments}
    request = {"id": number, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": "", "tool_calls": [request]},
        {"role": "tool", "tool_call_id": number, "name": name, "content": json.dumps(json.loads(result))},
    ]
