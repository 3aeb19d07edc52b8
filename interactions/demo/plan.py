"""What comes after what: recipes and picture questions dealt so that nothing returns before a page has gone by."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from interactions.demo.recipes import Recipe, cookbook
from interactions.demo.vision import Question

PAGE = 50
VISION_SHARE = 0.19
VISION_SHARE_OF_NEWEST = 0.42  # the first page anybody sees shows many pictures
REPLAY_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of the plan: a fresh conversation of some turns, or another model's answer to an earlier one."""

    subject: Recipe | Question | None = None
    turns: int = 1
    replays: int = -1  # index of the entry whose prompt is answered again


def entries(count: int, asked: list[Question], chance: random.Random) -> list[Entry]:
    """As many as it takes to make `count` interactions."""
    planned: list[Entry] = []
    due: deque[tuple[int, int]] = deque()
    recipes, pictures = dealt(chance), shown(asked, chance)
    left = count
    while left > 0:
        if due and due[0][0] <= len(planned):
            planned.append(Entry(replays=due.popleft()[1]))
        else:
            planned.append(fresh(recipes, pictures, left, chance))
            schedule_replays(planned, due, chance)
        left -= planned[-1].turns
    return planned


def fresh(recipes: Iterator[Recipe], pictures: Iterator[Question], left: int, chance: random.Random) -> Entry:
    if chance.random() < (VISION_SHARE_OF_NEWEST if left <= PAGE else VISION_SHARE):
        return Entry(next(pictures))
    recipe = next(recipes)
    longest = min(len(recipe.turns), left)
    if longest == 1 or chance.random() > 0.72:
        return Entry(recipe)
    return Entry(recipe, chance.choice((longest, longest, 2)))


def answers_to(entry: Entry) -> int:
    if isinstance(entry.subject, Question):
        return len(entry.subject.answers) + len(entry.subject.poor)
    return len(entry.subject.turns[0].answers) + len(entry.subject.turns[0].poor) if entry.subject else 0


def schedule_replays(planned: list[Entry], due: deque[tuple[int, int]], chance: random.Random) -> None:
    entry, place = planned[-1], len(planned) - 1
    if entry.turns > 1 or answers_to(entry) < 2 or chance.random() > REPLAY_SHARE:
        return
    for again in range(chance.randint(1, min(3, answers_to(entry) - 1))):
        due.append((place + PAGE + 5 + again * chance.randint(PAGE, 90), place))
    waiting = sorted(due)
    due.clear()
    due.extend(waiting)


def dealt(chance: random.Random) -> Iterator[Recipe]:
    recipes = cookbook()
    weights = [recipe.weight for recipe in recipes]
    recent: deque[str] = deque(maxlen=max(1, min(PAGE - 4, len(recipes) // 2)))
    while True:
        recipe = chance.choices(recipes, weights)[0]
        if recipe.name not in recent or (recipe.weight >= 3 and chance.random() < 0.04 * recipe.weight):
            recent.append(recipe.name)
            yield recipe


def shown(asked: list[Question], chance: random.Random) -> Iterator[Question]:
    """Every question once before any comes again, never two about the same picture in a row of ten."""
    while True:
        deck = asked[:]
        chance.shuffle(deck)
        recent: deque[str] = deque(maxlen=10)
        while deck:
            place = next((n for n, question in enumerate(deck) if question.pictures[0].name not in recent), 0)
            question = deck.pop(place)
            recent.append(question.pictures[0].name)
            yield question
