"""The events of a project: what is recorded gets a number, what is changed is noted, in the same transaction.

The index (`interactions.index`) reads from here what it has not seen yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap

from interactions import database, ids
from interactions.models import Change, Revision


def write(project_id: int, recorded: int, changed: Iterable[int] = ()) -> int:
    """The first of `recorded` numbers for new interactions; notes that those with the numbers `changed` were altered
    or deleted. Within a transaction of the caller's, as late in it as can be: other writers of the project wait."""
    numbers = BitMap(changed)
    latest = database.advance(Revision, project_id, recorded + bool(numbers))
    if numbers:
        Change.objects.create(project_id=project_id, revision=latest, numbers=numbers.serialize(), created_at=ids.now())
    return latest - recorded - bool(numbers) + 1


def note(project_id: int, *changed: int) -> None:
    write(project_id, 0, changed)
