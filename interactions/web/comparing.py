"""Two interactions side by side: what each says that the other does not, and what each took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from interactions import documents, ids
from interactions.access import Permission
from interactions.models import Interaction
from interactions.web import answer, detail, facts, live, rows, transcript, word_diff, wording
from interactions.web.answer import Answer
from interactions.web.facts import Fact
from interactions.web.parts import Part, Text
from interactions.web.permissions import ProjectRequest, requires
from interactions.web.word_diff import Difference, Piece

_TIME = "Time"
_UNITS = {"word": ("word", "words"), "line": ("line", "lines")}


@dataclass(slots=True)
class Side:
    """`removed` is a sentence in place of the rest, where its texts are not kept; `parts` are all but the text."""

    interaction: Interaction
    name: str
    ago: str
    stored: Mapping[str, Any]
    removed: str = ""
    answer: Answer | None = None
    parts: list[Part] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    left_out: int = 0

    @property
    def text(self) -> str:
        return self.answer.text if self.answer else ""


@dataclass(frozen=True, slots=True)
class Line:
    """Of the table: the same fact of both; `differs` if it is not the same."""

    name: str
    left: Fact
    right: Fact

    @property
    def both(self) -> tuple[Fact, Fact]:
        return self.left, self.right

    @property
    def differs(self) -> bool:
        """Times always do."""
        return self.left.value != self.right.value and self.name != _TIME


@requires(Permission.READ)
@require_safe
def show(request: ProjectRequest, id: UUID, other: UUID) -> HttpResponseBase:
    if live.nothing_new(request, request.project):
        return live.unchanged()
    found = Interaction.objects.for_project(request.project).with_everything().in_bulk([id, other])
    if not {id, other} <= found.keys():
        raise Http404("The project has no such interaction.")
    left, right = _side(found[id], "A"), _side(found[other], "B")
    sentences = _compare(left, right)
    is_live = left.interaction.is_live or right.interaction.is_live
    context = {
        "sides": (left, right),
        "sentences": sentences,
        "lines": list(_lines(left, right)),
        "same_prompt": left.interaction.prompt_hash == right.interaction.prompt_hash,
        "live": live.version([left.interaction, right.interaction]) if is_live else "",
    }
    return render(request, "interactions/compare.html", context)


def _side(interaction: Interaction, name: str) -> Side:
    side = Side(interaction, name, rows.ago(ids.now() - interaction.created_at), detail.stored_of(interaction))
    if (texts := documents.transcript_of(interaction)) is None:
        side.removed = detail.removed(interaction)
        return side
    reader = transcript.Reader(texts.prompt_text, interaction.kept_images, {})
    side.answer = answer.read(interaction, side.stored, reader)
    completion = side.answer.completion
    side.parts = [part for part in (*completion.parts, *completion.folded) if not isinstance(part, Text)]
    return side


# The texts


def _compare(left: Side, right: Side) -> list[str]:
    """Put the pieces of their texts into both, and say what came of it."""
    if left.interaction.is_live or right.interaction.is_live or left.removed or right.removed:
        for side in (left, right):
            side.pieces = [Piece(_shown(side), True)]
        return []
    found = word_diff.difference(_shown(left), _shown(right))
    left.pieces, right.pieces = found.left, found.right
    return list(_told(found, left, right))


def _shown(side: Side) -> str:
    side.left_out = max(0, len(side.text) - word_diff.LONGEST)
    return side.text[: word_diff.LONGEST]


def _told(found: Difference, left: Side, right: Side) -> Iterator[str]:
    if not left.text and not right.text:
        yield "Neither has a text."
    elif left.text == right.text:
        yield "The texts are the same."
    elif not found.unit:
        most = f"{word_diff.MOST_EDITS:,}"
        yield f"The texts differ in more than {most} words and more than {most} lines, so nothing is marked."
    else:
        one, many = _UNITS[found.unit]
        if found.unit == "line":
            yield f"The texts differ in more than {word_diff.MOST_EDITS:,} words, so whole lines are marked."
        yield (
            f"{wording.counted(found.only_left, one, many)} only in A, {found.only_right:,} only in B, "
            f"{found.same:,} in both."
        )
    if left.left_out or right.left_out:
        yield f"Of each text the first {word_diff.LONGEST:,} characters are compared."


# The facts


def _lines(left: Side, right: Side) -> Iterator[Line]:
    both = [{fact.name: fact for fact in _facts(side)} for side in (left, right)]
    for name in dict.fromkeys((*both[0], *both[1])):
        line = Line(name, *(facts_of.get(name, Fact(name, "")) for facts_of in both))
        if line.left.value or line.right.value:
            yield line


def _facts(side: Side) -> Iterator[Fact]:
    interaction = side.interaction
    yield Fact("Model", interaction.model.key if interaction.model else "")
    yield Fact("State", interaction.state)
    yield Fact("Error", interaction.error_kind)
    yield Fact(_TIME, wording.exact(interaction.created_at))
    yield from facts.course(interaction, side.answer)
    yield from facts.parameters(side.stored)
