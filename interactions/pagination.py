"""Keyset pages: a page is what lies next to an id, so that its cost does not grow with how deep it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict

from interactions.errors import Invalid
from interactions.finding import Matches
from interactions.models import Interaction

PAGE_SIZE = 50
LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: just older than an id, just newer than one, or at the newest."""

    older_than: UUID | None = None
    newer_than: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Interaction]
    older: Place | None
    newer: Place | None


def page(matches: Matches, place: Place, size: int = PAGE_SIZE) -> Page:
    """Up to `size` rows with what a row shows, newest first."""
    if place.newer_than is not None:
        return _upwards(matches, place.newer_than, size)
    found = matches.newest(size + 1, place.older_than)
    more, found = len(found) > size, found[:size]
    newer = Place(newer_than=found[0] if found else place.older_than) if place.older_than else None
    return Page(_rows(found), Place(older_than=found[-1]) if more else None, newer)


def _upwards(matches: Matches, bound: UUID, size: int) -> Page:
    found = matches.oldest(size + 1, bound)
    more, found = len(found) > size, found[:size][::-1]
    older = Place(older_than=found[-1] if found else bound)
    return Page(_rows(found), older, Place(newer_than=found[0]) if more and found else None)


def _rows(found: list[UUID]) -> list[Interaction]:
    return list(Interaction.objects.filter(id__in=found).with_row_details().newest_first())


def link(path: str, query: QueryDict, place: Place) -> str:
    """The address of another page of the list that `query` asks for."""
    moved = query.copy()
    for name, id in (("older_than", place.older_than), ("newer_than", place.newer_than)):
        moved.pop(name, None)
        if id is not None:
            moved[name] = str(id)
    return f"{path}?{moved.urlencode()}"


def read(query: QueryDict) -> tuple[Place, int]:
    """The place and the size of the page that a query string asks for. Raises `Invalid` with the parameter's name."""
    return read_place(once(query, "older_than"), once(query, "newer_than")), read_size(once(query, "limit"))


def once(query: QueryDict, name: str) -> str:
    given = query.getlist(name)
    if len(given) > 1:
        raise Invalid("Give this parameter once.", name)
    return given[0] if given else ""


def read_place(older_than: str, newer_than: str) -> Place:
    """A place from the two parameters of a URL."""
    if older_than and newer_than:
        raise Invalid("Give either older_than or newer_than, not both.", "newer_than")
    return Place(_id(older_than, "older_than"), _id(newer_than, "newer_than"))


def _id(text: str, name: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(
            "This is not an interaction's id. Follow the links of a page instead of making one.", name
        ) from None


def read_size(text: str) -> int:
    if not text:
        return PAGE_SIZE
    if not text.isdecimal() or not 1 <= int(text[:9]) <= LARGEST_PAGE:
        raise Invalid(f"This must be a whole number from 1 to {LARGEST_PAGE}.", "limit")
    return int(text)
