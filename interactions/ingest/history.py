"""The events of a project: what is recorded gets a number, what is changed is noted, in the same transaction.

The index (`interactions.index`) reads from here what it has not seen yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from pyroaring import BitMap

from interactions import database, ids
from interactions.models import Change, Interaction, Revision


def write(project_id: int, recorded: int, gone: Iterable[int] = (), altered: Collection[UUID] = ()) -> int:
    """The first of `recorded` numbers to give; notes that the numbers `gone` are no longer what they were, and that
    something about the interactions `altered` is another. Within a transaction of the caller's, as late in it as can
    be: other writers of the project wait.
    """
    numbers = BitMap(gone)
    is_changed = bool(numbers or altered)
    latest = database.advance(Revision, project_id, recorded + is_changed)
    if altered:
        # Looked up now, when nobody else can give them others.
        rows = Interaction.objects.filter(pk__in=altered).values_list("number")
        numbers.update(number for (number,) in database.raw_rows(rows))
    if is_changed:
        change = (project_id, latest, numbers.serialize(), ids.now())
        database.insert_rows(Change, ("project", "revision", "numbers", "created_at"), [change])
    return latest - recorded - is_changed + 1


def note(project_id: int, *altered: UUID) -> None:
    write(project_id, 0, altered=altered)
