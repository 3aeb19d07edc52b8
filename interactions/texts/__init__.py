"""Full-text search: which interactions hold a word, a phrase, or any piece of text, exactly and at once.

For each word a project's index has the set of interactions whose prompt holds it, and of those whose completion does.
It is made behind the writes, so that recording costs nothing more; what it has not reached yet is read. What it cannot
decide on, because it does not know where in a text a word stands, is read too. So nothing is ever approximate.

words       how a text is taken apart
queries     what is searched for
pages       the form of the index, as bytes. These three know no database.
segments    its parts in the store: made, united, forgotten
indexing    keeps it close behind what is recorded
search      answers by it
snippets    where in a text it was found
"""

from interactions.texts.indexing import Indexer, behind
from interactions.texts.queries import Query, Searched, mentions, substring, whole
from interactions.texts.search import among, few, narrowed, numbers
from interactions.texts.segments import forget
from interactions.texts.snippets import Excerpt, excerpts

__all__ = [
    "Excerpt",
    "Indexer",
    "Query",
    "Searched",
    "among",
    "behind",
    "excerpts",
    "few",
    "forget",
    "mentions",
    "narrowed",
    "numbers",
    "substring",
    "whole",
]
