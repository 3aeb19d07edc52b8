"""Pages of a connection: cursors that are opaque to clients, and which rows a page has."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import strawberry

from interactions.api_graphql.enums import SortDirection
from interactions.errors import Invalid
from interactions.finding import Matches
from interactions.pagination import LARGEST_PAGE, PAGE_SIZE

_T = TypeVar("_T")

# What is skipped by number has to be found first.
LARGEST_OFFSET = 10_000

ORDERS = ("created_at", "createdAt", "id")


@strawberry.input
class CursorPageInput:
    first: int | None = None
    after: str | None = None
    before: str | None = None
    last: int | None = None
    offset: int | None = None


@strawberry.input
class OrderPair:
    field: str
    order: SortDirection


@strawberry.type
class PageInfo:
    has_previous_page: bool
    has_next_page: bool
    start_cursor: str | None
    end_cursor: str | None

    @classmethod
    def of(cls, cursors: Sequence[str], has_previous: bool, has_next: bool) -> PageInfo:
        """Of the rows with these cursors."""
        return cls(
            has_previous_page=has_previous,
            has_next_page=has_next,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        )


# Cursors: a letter for what is listed, what it stands at, and a checksum, so that a mistyped one is told from a place.


def cursor(kind: str, place: str) -> str:
    told = f"{kind}{place}".encode()
    return base64.urlsafe_b64encode(zlib.crc32(told).to_bytes(4, "big") + told).decode().rstrip("=")


def place_of(kind: str, text: str, read: Callable[[str], _T], field: str) -> _T:
    """What `read` makes of the place; it raises ValueError where there can be none. Raises `Invalid` for what is no
    cursor of this kind of list."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if zlib.crc32(raw[4:]).to_bytes(4, "big") == raw[:4] and raw[4:5] == kind.encode():
            return read(raw[5:].decode())
    except ValueError:
        pass
    raise Invalid("This is not a cursor of this list. Copy endCursor or startCursor of a page's pageInfo.", field)


def completion_cursor(id: UUID) -> str:
    return cursor("c", id.hex)


def completion_of(text: str | None, field: str) -> UUID | None:
    return place_of("c", text, UUID, field) if text else None


# Which rows


@dataclass(frozen=True, slots=True)
class Window:
    """So many rows after one place, or before another, or both; counted from the end if `backwards`."""

    size: int
    after: str | None
    before: str | None
    offset: int
    backwards: bool


def window(page: CursorPageInput) -> Window:
    if page.first is not None and page.last is not None:
        raise Invalid("Give first or last, not both.", "page.last")
    backwards = page.last is not None
    size = page.last if page.last is not None else PAGE_SIZE if page.first is None else page.first
    if not 0 <= size <= LARGEST_PAGE:
        name = "last" if backwards else "first"
        raise Invalid(f"A page has 0 to {LARGEST_PAGE:,} rows.", f"page.{name}")
    offset = page.offset or 0
    if not 0 <= offset <= LARGEST_OFFSET:
        raise Invalid(f"Skip at most {LARGEST_OFFSET:,} by offset; go on with after: endCursor.", "page.offset")
    return Window(size, page.after or None, page.before or None, offset, backwards)


def is_descending(order: Sequence[OrderPair]) -> bool:
    """The direction of a list by time. Raises `Invalid` for any other order."""
    for n, pair in enumerate(order):
        if pair.field not in ORDERS:
            raise Invalid(f"Order by {', '.join(ORDERS)}; not by “{pair.field[:100]}”.", f"order[{n}].field")
    return not order or order[0].order is SortDirection.DESC


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of a page in their order, and whether there are more on either side."""

    ids: list[UUID]
    has_previous: bool
    has_next: bool


def find(matches: Matches, wanted: Window, *, descending: bool) -> Found:
    after, before = completion_of(wanted.after, "page.after"), completion_of(wanted.before, "page.before")
    # The list read forwards; a page from its end is the same read the other way round.
    onwards, back = (matches.newest, matches.oldest) if descending else (matches.oldest, matches.newest)
    if wanted.backwards:
        onwards, back, after, before = back, onwards, before, after
    most = wanted.offset + wanted.size
    found = onwards(most + 1, after)
    if before is not None:
        falls = descending != wanted.backwards
        kept = [id for id in found if (id > before if falls else id < before)]
        more = len(kept) > most or len(kept) < len(found)
        found = kept[wanted.offset : most]
    else:
        more, found = len(found) > most, found[wanted.offset : most]
    less = bool(after or wanted.offset)
    if wanted.backwards:
        return Found(found[::-1], more, less)
    return Found(found, less, more)
