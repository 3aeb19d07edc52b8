"""What two texts have in common, word by word. Knows no Django.

E. W. Myers, An O(ND) Difference Algorithm and Its Variations, 1986: its time grows with how much the texts differ, so
it can be given up where they do so too much. Python's `difflib` cannot, and takes the square of their lengths.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from interactions.texts.words import JOINED

# At most so many words, or lines, are taken out or put in; that takes some tenths of a second.
MOST_EDITS = 1_000
# In characters.
LONGEST = 200_000

# Letters of scripts without spaces are each by themselves, as they are for the search.
_WORD = re.compile(rf"{JOINED}+|\s+|.", re.DOTALL)
_SAYS_SOMETHING = re.compile(r"\w")


class Piece(NamedTuple):
    """`is_same`: it is in both texts, at this place."""

    text: str
    is_same: bool


@dataclass(slots=True)
class Difference:
    """Both texts in pieces. `unit` is what was compared: words, or of texts that differ in too many of these lines; if
    in too many of those, too, it is empty, and nothing is the same. The counts are of words, or lines."""

    left: list[Piece] = field(default_factory=list)
    right: list[Piece] = field(default_factory=list)
    unit: Literal["word", "line", ""] = ""
    only_left: int = 0
    only_right: int = 0
    same: int = 0


def difference(left: str, right: str) -> Difference:
    for unit, split in _UNITS:
        a, b = split(left), split(right)
        runs = _runs(a, b)
        if runs is not None:
            return _told(unit, a, b, runs)
    return Difference([Piece(left, False)], [Piece(right, False)])


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


_UNITS: tuple[tuple[Literal["word", "line"], Callable[[str], list[str]]], ...] = (
    ("word", _WORD.findall),
    ("line", _lines),
)


class _Run(NamedTuple):
    """`size` parts that are the same from `left` and from `right` on."""

    left: int
    right: int
    size: int


def _told(unit: Literal["word", "line"], a: list[str], b: list[str], runs: list[_Run]) -> Difference:
    told = Difference(unit=unit)
    i = j = 0
    for run in [*_that_say_something(a, runs, unit), _Run(len(a), len(b), 0)]:
        gone, new, same = a[i : run.left], b[j : run.right], a[run.left : run.left + run.size]
        while gone and new and gone[-1] == new[-1]:  # a space that was taken along
            same.insert(0, gone.pop())
            new.pop()
        told.left += _pieces(gone, same)
        told.right += _pieces(new, same)
        told.only_left += _count(gone)
        told.only_right += _count(new)
        told.same += _count(same)
        i, j = run.left + run.size, run.right + run.size
    return told


def _pieces(other: Sequence[str], same: Sequence[str]) -> Iterator[Piece]:
    if other:
        yield Piece("".join(other), False)
    if same:
        yield Piece("".join(same), True)


def _count(parts: Sequence[str]) -> int:
    return sum(bool(_SAYS_SOMETHING.search(part)) for part in parts)


def _that_say_something(a: list[str], runs: list[_Run], unit: str) -> Iterator[_Run]:
    """Not the space between two words that differ: they are read as one place."""
    for run in runs:
        is_between = run.left > 0 and run.right > 0 and run.left + run.size < len(a)
        if not is_between or unit == "line" or any(map(_SAYS_SOMETHING.search, a[run.left : run.left + run.size])):
            yield run


def _runs(a: list[str], b: list[str]) -> list[_Run] | None:
    """What is the same, in its order; None if the rest is too much."""
    shortest = min(len(a), len(b))
    before = next((n for n in range(shortest) if a[n] != b[n]), shortest)
    after = next((n for n in range(shortest - before) if a[-1 - n] != b[-1 - n]), shortest - before)
    within = _runs_within(a[before : len(a) - after], b[before : len(b) - after])
    if within is None:
        return None
    runs = [_Run(0, 0, before)] if before else []
    runs += [_Run(run.left + before, run.right + before, run.size) for run in within]
    return runs + ([_Run(len(a) - after, len(b) - after, after)] if after else [])


def _runs_within(a: list[str], b: list[str]) -> list[_Run] | None:
    trace = _trace(a, b)
    if trace is None:
        return None
    runs: list[_Run] = []
    x, y = len(a), len(b)
    for edits in range(len(trace) - 1, -1, -1):
        # Where the path came from, before its last edit and what was the same after that.
        reached = trace[edits]
        k = x - y
        if edits == 0:
            from_x = from_y = start = 0
        else:
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            from_x = reached[k + 1 if down else k - 1]
            from_y = from_x - (k + 1 if down else k - 1)
            start = from_x if down else from_x + 1
        if x > start:
            runs.append(_Run(start, start - k, x - start))
        x, y = from_x, from_y
    return runs[::-1]


def _trace(a: list[str], b: list[str]) -> list[array[int]] | None:
    """For each number of edits, how far into `a` the furthest paths had come before the last of them, by diagonal;
    negative diagonals lie at the array's end, where negative indexes lead."""
    numbers: dict[str, int] = {}
    left, right = ([numbers.setdefault(part, len(numbers)) for part in parts] for parts in (a, b))
    n, m = len(left), len(right)
    most = min(n + m, MOST_EDITS)
    reached = array("i", [-1]) * (2 * most + 3)
    reached[1] = 0
    trace: list[array[int]] = []
    for edits in range(most + 1):
        # Diagonals from -edits - 1 to edits + 1 are all that is asked of this.
        trace.append(reached[: edits + 2] + reached[-(edits + 1) :])
        for k in range(2 * max(0, edits - m) - edits, edits - 2 * max(0, edits - n) + 1, 2):
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            x = reached[k + 1] if down else reached[k - 1] + 1
            y = x - k
            while x < n and y < m and left[x] == right[y]:
                x += 1
                y += 1
            reached[k] = x
            if x >= n and y >= m:
                return trace
    return None
