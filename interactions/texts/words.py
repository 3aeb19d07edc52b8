"""How a text is taken apart into words, the same for what is stored and for what is searched.

A word is a run of letters, digits and underscores, after case folding. Scripts that are written without spaces between
words give one word for each letter. Folding changes each letter by itself, whatever stands around it: so a folded
needle lies in a folded text wherever the needle lies in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Longer words (base64, say) are cut into pieces that overlap, so that up to STRIDE + 1 letters always lie in one piece.
LONGEST = 128
STRIDE = 64
# Stands before a piece, and in no word.
PIECE = "\x02"

# Kana, Han; Thai and Lao, Burmese, Khmer.
_ALONE = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
JOINED = rf"[^\W{_ALONE}]"
_WORD = re.compile(rf"{JOINED}+|(?:(?=\w)[{_ALONE}])")
_JOINED = re.compile(JOINED)
_SPACE = re.compile(r"\s")
# So long is a part of a text of which the words are found at once.
_PART = 1_000_000
_SPACES = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}


def fold(text: str) -> str:
    return text.casefold()


def in_order(folded: str) -> list[str]:
    return _WORD.findall(folded)


def runs(folded: str) -> Iterable[tuple[int, int]]:
    """Where its words begin and end."""
    return (match.span() for match in _WORD.finditer(folded))


def is_joined(letter: str) -> bool:
    """Whether it makes one word with such letters beside it."""
    return _JOINED.match(letter) is not None


def distinct(folded: str) -> set[str]:
    """What the index holds of a text: its words, and of long ones their pieces."""
    return set[str]().union(*map(_distinct, _parts(folded)))


def _parts(folded: str) -> Iterator[str]:
    """A long text in parts: all of its words at once take ten times its own memory. No word has white space in it."""
    start = 0
    while len(folded) - start > _PART and (space := _SPACE.search(folded, start + _PART)):
        yield folded[start : space.start()]
        start = space.end()
    yield folded[start:]


def _distinct(folded: str) -> set[str]:
    # A fifth of the time that the expression takes; most texts are ASCII.
    found = set(folded.translate(_SPACES).split() if folded.isascii() else in_order(folded))
    if found and len(max(found, key=len)) > LONGEST:
        long = {word for word in found if len(word) > LONGEST}
        return (found - long).union(*map(pieces, long))
    return found


def pieces(word: str) -> list[str]:
    """What stands in the index for a word longer than LONGEST."""
    starts = range(0, max(1, len(word) - STRIDE), STRIDE)
    return [PIECE + word[start : start + LONGEST] for start in starts]
