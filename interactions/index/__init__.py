"""Exact counts, facets and pages at once, whatever the filter and however many interactions.

Each interaction has a number in its project. For each value that can be filtered by (a model, a label, an hour ...) the
index holds the set of numbers that have it, as a roaring bitmap; a filter is then algebra on sets.

postings   the sets of one project, in memory. Knows no database.
reading    what the store says about some numbers
segments   the sets of one block of numbers, kept in the store, so that a start need not read all rows
queries    sets by what interactions have, for `conditions`
following  keeps a project's sets as new as the store: before each answer it reads what happened since

The sets are derived, never a second truth. Every transaction that records or alters interactions counts up the
project's revision (`ingest.history`), under a lock; so whoever has followed all up to a revision has missed nothing,
however many processes write, and however they end.
"""

from interactions.index.following import current, keep_all
from interactions.index.postings import (
    COMPARED,
    ERROR,
    HOUR,
    IMAGE,
    LABEL,
    LABELLED,
    MODEL,
    SCORE,
    SCORED,
    SOURCE,
    STATE,
    USER,
)
from interactions.index.queries import Index

__all__ = [
    "COMPARED",
    "ERROR",
    "HOUR",
    "IMAGE",
    "LABEL",
    "LABELLED",
    "MODEL",
    "SCORE",
    "SCORED",
    "SOURCE",
    "STATE",
    "USER",
    "Index",
    "current",
    "keep_all",
]
