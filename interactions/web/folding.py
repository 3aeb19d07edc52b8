"""How much of a message is shown at once, how much behind a fold, and how much of it is rendered.

A page stays quick whatever was logged, and says how much it leaves to the JSON document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from interactions.web import json_text, markdown
from interactions.web.parts import Code, Folded, Message, Part, Refusal, Text

# In characters. Rendering takes about 1 ms for every 1,000.
MARKDOWN_PER_MESSAGE = 64_000
MARKDOWN_PER_PAGE = 128_000
SHOWN_PER_MESSAGE = 200_000
SHOWN_PER_PAGE = 600_000
FOLDED_FROM = 20_000
BEFORE_FOLD = 4_000
THOUGHTS_SHOWN = 50_000

_FENCE = re.compile(r"^```", re.MULTILINE)


@dataclass(slots=True)
class Budget:
    """How much a page still shows, and renders."""

    shown: int = SHOWN_PER_PAGE
    rendered: int = MARKDOWN_PER_PAGE


def thoughts(part: Folded, budget: Budget) -> Folded:
    """As much as there is room for. What is folded away must not fold what follows it."""
    shown = part.text[: max(0, min(THOUGHTS_SHOWN, budget.shown))]
    budget.shown -= len(shown)
    return Folded(part.title, shown, len(part.text) - len(shown))


def lay_out(message: Message, parts: list[Part], budget: Budget) -> Message:
    """Show what the budget allows; of a long message the beginning, and the rest behind a fold."""
    message.characters = sum(len(part.raw) for part in parts if isinstance(part, Text))
    weight = sum(map(_weight, parts))
    allowed = min(SHOWN_PER_MESSAGE, budget.shown)
    shown, left_out = _split(parts, allowed)
    message.left_out = sum(map(_weight, left_out))
    budget.shown -= min(weight, allowed)
    message.parts, message.folded = _split(shown, BEFORE_FOLD if weight > FOLDED_FROM else allowed)
    left = min(MARKDOWN_PER_MESSAGE, budget.rendered)
    before = left
    message.parts, left = _drawn(message.parts, left)
    message.folded, left = _drawn(message.folded, left)
    budget.rendered -= before - left
    return message


def _drawn(parts: list[Part], budget: int) -> tuple[list[Part], int]:
    """Texts as HTML or indented JSON while the budget lasts, then as they are; and what is left of the budget."""
    within, beyond = _split(parts, budget)
    drawn = []
    for part in within:
        budget -= _weight(part)
        drawn.append(_rendered(part) if isinstance(part, Text) else part)
    return drawn + beyond, 0 if beyond else budget


def _rendered(text: Text) -> Text:
    code = json_text.indented(text.raw)
    if code or markdown.is_plain(text.raw):
        return Text(text.raw, code=code)
    return Text(text.raw, markdown.render(text.raw))


def _weight(part: Part) -> int:
    return len(part.raw) if isinstance(part, Text) else len(part.text) if isinstance(part, Code | Refusal) else 0


def _split(parts: list[Part], limit: int) -> tuple[list[Part], list[Part]]:
    """The parts that fit within `limit` characters, and those that do not; a text is cut at the end of a paragraph."""
    for index, part in enumerate(parts):
        if _weight(part) > limit:
            before, after = _cut(part, limit)
            return parts[:index] + before, after + parts[index + 1 :]
        limit -= _weight(part)
    return parts, []


def _cut(part: Part, limit: int) -> tuple[list[Part], list[Part]]:
    if not isinstance(part, Text) or limit <= 0:
        return [], [part]
    place = next((at for end in ("\n\n", "\n", " ") if (at := part.raw.rfind(end, limit // 2, limit)) > 0), limit)
    if len(_FENCE.findall(part.raw, 0, place)) % 2:
        place = part.raw.rfind("\n```", 0, place) + 1 or place  # rather above a block of code than within it
    return [Text(part.raw[:place])], [Text(part.raw[place:].lstrip("\n"))]
