"""What is searched for, as far as that goes without a store: which words the index is asked for, and what a text must
hold in the end.

The index knows which words a text has, not where. That answers a single word, and a part of a word, exactly; of a
phrase, or a substring that goes beyond one word, it gives candidates, whose texts are then read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol

from interactions.texts import words

Field = Literal["prompt", "completion"]
BOTH: tuple[Field, ...] = ("prompt", "completion")


class Lookup(NamedTuple):
    """Words of the index: those that hold one of `needles`, where a line break stands for the end of a word."""

    needles: tuple[bytes, ...]
    # The whole word, if it is a single one.
    word: bytes | None = None


class Texts(NamedTuple):
    """What was said in an interaction, folded."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Term:
    """Something that the text of one of `fields` must hold. If `exact`, it does wherever all `lookups` hit."""

    fields: tuple[Field, ...]
    lookups: tuple[Lookup, ...]
    exact: bool
    # What to look for in a folded text: the needle itself, or the words in their order.
    needle: str | tuple[str, ...]
    _pattern: re.Pattern[str] = field(compare=False, repr=False)
    _alone: bool = field(compare=False, repr=False)

    def is_in(self, texts: Texts) -> bool:
        return any(next(self.spans(getattr(texts, name)), None) for name in self.fields)

    def spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """Where it stands, from left to right; they may overlap."""
        if not isinstance(self.needle, str) and any(word not in folded for word in self.needle):
            return  # a quick look before the slow one
        position = 0
        while position <= len(folded) and (match := self._pattern.search(folded, position)):
            start, end = match.span()
            # Looked at here: an expression that began with it could not look for the first letters quickly.
            if self._alone or not start or not words.is_joined(folded[start - 1]):
                yield start, end
            position = start + 1


Query = tuple[Term, ...]


class Searched(Protocol):
    """A condition on texts."""

    @property
    def searched(self) -> Query: ...


# Substrings


@lru_cache(256)
def substring(text: str, name: Field) -> Query:
    """The text lies in this field, wherever words begin or end. Case does not count."""
    needle = words.fold(text)
    lookups = tuple(_part_of_word(needle, start, end) for start, end in words.runs(needle))
    is_one_run = [(0, len(needle))] == list(words.runs(needle)) and len(needle) <= words.STRIDE
    return (Term((name,), lookups, is_one_run, needle, re.compile(re.escape(needle)), True),)


@lru_cache(256)
def whole(text: str, name: Field) -> Query:
    """The field's text is this one, from its beginning to its end. Case does not count."""
    needle = words.fold(text)
    lookups = tuple(_whole(needle[start:end]) for start, end in words.runs(needle))
    # A prompt ends with the separator that follows each of its messages.
    pattern = re.compile(rf"\A{re.escape(needle)}\n?\Z" if name == "prompt" else rf"\A{re.escape(needle)}\Z")
    return (Term((name,), lookups, False, needle, pattern, True),)


def _part_of_word(needle: str, start: int, end: int) -> Lookup:
    run = needle[start:end]
    if not words.is_joined(run):  # a letter that is a word wherever it stands
        return _whole(run)
    is_start, is_end = start == 0, end == len(needle)
    if is_start and is_end:
        return Lookup((run[: words.STRIDE].encode(),))
    if is_start:
        return Lookup((run[-words.STRIDE :].encode() + b"\n",))
    if is_end:
        run = run[: words.STRIDE]
        return Lookup((f"\n{run}".encode(), f"\n{words.PIECE}{run}".encode()))
    return _whole(run)


def _whole(word: str) -> Lookup:
    """A whole word. Of one that is cut into pieces, the first has to do."""
    entry = word if len(word) <= words.LONGEST else words.pieces(word)[0]
    return Lookup((f"\n{entry}\n".encode(),), entry.encode())


# Words and phrases

_QUOTES = '"“”„«»'
_ITEM = re.compile(rf"[{_QUOTES}]([^{_QUOTES}]*)(?:[{_QUOTES}]|$)|([^\s{_QUOTES}]+)")


@lru_cache(256)
def mentions(text: str) -> Query:
    """Words and "quoted phrases", each of which must occur in the prompt or in the completion, in any order.

    What is written without spaces (`out-of-memory`) is a phrase too. In a phrase the words follow one another, whatever
    stands between them that is not a word. A quote that is not closed goes to the end. Raises `ValueError` if there is
    no word.
    """
    items = (quoted or bare for quoted, bare in _ITEM.findall(words.fold(text)))
    phrases = dict.fromkeys(tuple(found) for item in items if (found := words.in_order(item)))
    if not phrases:
        raise ValueError("no word")
    return tuple(_phrase(phrase) for phrase in phrases)


def _phrase(phrase: tuple[str, ...]) -> Term:
    is_exact = len(phrase) == 1 and len(phrase[0]) <= words.LONGEST
    lookups = tuple(dict.fromkeys(map(_whole, phrase)))
    pattern = _ends(phrase[0]) + "".join(rf"\W*{_begins(word)}{_ends(word)}" for word in phrase[1:])
    return Term(BOTH, lookups, is_exact, phrase, re.compile(pattern), not words.is_joined(phrase[0]))


def _begins(word: str) -> str:
    return f"(?<!{words.JOINED})" if words.is_joined(word) else ""


def _ends(word: str) -> str:
    return re.escape(word) + (f"(?!{words.JOINED})" if words.is_joined(word) else "")
