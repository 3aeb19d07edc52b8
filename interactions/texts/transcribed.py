"""Reading the texts of many interactions, some at a time: most are short, and a few are megabytes."""

from __future__ import annotations

from collections.abc import Iterator

from pyroaring import BitMap

from interactions import database
from interactions.models import Interaction
from interactions.texts import words
from interactions.texts.queries import BOTH, Field, Texts

_FEWEST, _MOST = 8, 512
# About so many characters are read at once.
_LENGTH = 4_000_000


def texts(
    project_id: int, numbers: BitMap, fields: tuple[Field, ...] = BOTH, *, ended: bool = False
) -> Iterator[tuple[int, Texts]]:
    """The numbers that have texts, in their order, and these, folded; of other fields than `fields`, nothing. With
    `ended`, without those that have only started."""
    size, start = 64, 0
    columns = [f"transcript__{name}_text" for name in fields]
    while some := numbers[start : start + size]:
        start += len(some)
        database.keep_to_time()
        rows = Interaction.objects.filter(number__among=(project_id, some), transcript__isnull=False)
        if ended:
            rows = rows.exclude(state=Interaction.State.STARTED)
        length = 1
        read = sorted(database.raw_rows(rows.values_list("number", *columns)), reverse=True)
        while read:
            number, *stored = read.pop()  # what was folded need not be kept as it was
            found = [database.unpack(value) for value in stored]
            length += sum(map(len, found))
            folded = dict(zip(fields, map(words.fold, found), strict=True))
            del stored, found
            yield number, Texts(folded.get("prompt", ""), folded.get("completion", ""))
        size = max(_FEWEST, min(_MOST, size * 2, size * _LENGTH // length))
