"""What every filter means. One condition answers `numbers()` for the index, `q()` for the database, and `describe()`
for people.

The query string and every other spelling only build these; nothing else writes a `Q` about an interaction. Conditions
on labels and feedback are `EXISTS`, never a join: a join repeats rows, and `DISTINCT` would undo the keyset order.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from pyroaring import BitMap

from interactions import ids, texts
from interactions.index import COMPARED, ERROR, IMAGE, LABEL, LABELLED, MODEL, SCORED, SOURCE, STATE, USER, Index
from interactions.models import Comparison, Feedback, FeedbackKey, Label, LabelKey, Labelling, Model, Project, User

NOTHING = Q(pk__in=())
# Not Q(): Django drops an empty one wherever it stands, also below a negation or beside an alternative.
EVERYTHING = ~NOTHING


class Condition(ABC):
    # Whether the store finds all that match, and only these, by an index of its own.
    is_looked_up: ClassVar[bool] = False

    @abstractmethod
    def q(self, project: Project) -> Q:
        """The condition on `Interaction`. Names are resolved within `project`; unknown ones match nothing."""

    @abstractmethod
    def numbers(self, project: Project, index: Index) -> BitMap:
        """The same, as the set of their numbers. It may be the index's own: not to be altered."""

    @abstractmethod
    def describe(self) -> str:
        """A phrase that reads on after "interactions where"."""

    def facets(self) -> frozenset[tuple[str, str]]:
        """What it is about, as a kind and a key. A facet's counts leave out what is about that facet alone."""
        return frozenset({(type(self).__name__, "")})

    def leaves(self) -> tuple[Condition, ...]:
        """Those it is combined of; itself if it is no combination."""
        return (self,)


# Combinations


@dataclass(frozen=True, slots=True)
class All(Condition):
    """All of the parts; every interaction if there are none."""

    parts: tuple[Condition, ...] = ()

    def q(self, project: Project) -> Q:
        return reduce(operator.and_, (part.q(project) for part in self.parts)) if self.parts else EVERYTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        if not self.parts:
            return index.everything()
        return reduce(operator.and_, sorted((part.numbers(project, index) for part in self.parts), key=len))

    def describe(self) -> str:
        return _joined(" and ", self.parts) if self.parts else "everything"

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset().union(*(part.facets() for part in self.parts))

    def leaves(self) -> tuple[Condition, ...]:
        return tuple(leaf for part in self.parts for leaf in part.leaves())

    def flat(self) -> tuple[Condition, ...]:
        """The parts, and in the place of parts that are an `All` themselves, theirs."""
        return tuple(leaf for part in self.parts for leaf in (part.flat() if isinstance(part, All) else (part,)))


@dataclass(frozen=True, slots=True)
class AnyOf(Condition):
    """At least one of the parts; nothing if there are none."""

    parts: tuple[Condition, ...] = ()

    def q(self, project: Project) -> Q:
        return reduce(operator.or_, (part.q(project) for part in self.parts)) if self.parts else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return BitMap.union(*(part.numbers(project, index) for part in self.parts)) if self.parts else BitMap()

    def describe(self) -> str:
        return _joined(" or ", self.parts) if self.parts else "nothing"

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset().union(*(part.facets() for part in self.parts))

    def leaves(self) -> tuple[Condition, ...]:
        return tuple(leaf for part in self.parts for leaf in part.leaves())


@dataclass(frozen=True, slots=True)
class Not(Condition):
    part: Condition

    def q(self, project: Project) -> Q:
        return ~self.part.q(project)

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.everything() - self.part.numbers(project, index)

    def describe(self) -> str:
        return f"not {_within(self.part)}"

    def facets(self) -> frozenset[tuple[str, str]]:
        return self.part.facets()

    def leaves(self) -> tuple[Condition, ...]:
        return self.part.leaves()


def _joined(word: str, parts: tuple[Condition, ...]) -> str:
    return word.join(_within(part) if len(parts) > 1 else part.describe() for part in parts)


def _within(part: Condition) -> str:
    return f"({part.describe()})" if isinstance(part, All | AnyOf) and len(part.parts) > 1 else part.describe()


# The row


@dataclass(frozen=True, slots=True)
class ModelIn(Condition):
    keys: tuple[str, ...]

    def q(self, project: Project) -> Q:
        found = self._ids(project)
        return Q(model_id__in=found) if found else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.having(MODEL, self._ids(project))

    def _ids(self, project: Project) -> tuple[int, ...]:
        return tuple(Model.objects.filter(project=project, key__in=self.keys).values_list("id", flat=True))

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("model", "")})

    def describe(self) -> str:
        return f"model is {_either(self.keys)}"


@dataclass(frozen=True, slots=True)
class SourceIn(Condition):
    sources: tuple[str, ...]

    def q(self, project: Project) -> Q:
        return Q(source__in=self.sources) if self.sources else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.having(SOURCE, self.sources)

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("source", "")})

    def describe(self) -> str:
        return f"source is {_either(self.sources)}"


@dataclass(frozen=True, slots=True)
class StateIn(Condition):
    states: tuple[str, ...]

    def q(self, project: Project) -> Q:
        return Q(state__in=self.states) if self.states else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.having(STATE, self.states)

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("state", "")})

    def describe(self) -> str:
        return f"state is {_either(self.states)}"


@dataclass(frozen=True, slots=True)
class ErrorIn(Condition):
    """Ended with an error of one of these kinds, such as `http_429` or `timeout`."""

    kinds: tuple[str, ...]

    def q(self, project: Project) -> Q:
        kinds = [kind for kind in self.kinds if kind]  # what has no error has one of no kind
        return Q(error_kind__in=kinds) if kinds else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.having(ERROR, self.kinds)

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("error_kind", "")})

    def describe(self) -> str:
        return f"error is {_either(self.kinds)}"


@dataclass(frozen=True, slots=True)
class CreatedWithin(Condition):
    """From `since`, inclusive, to `until`, exclusive. Ids carry the time, so this is a range of the primary key."""

    since: datetime | None = None
    until: datetime | None = None

    def q(self, project: Project) -> Q:
        q = EVERYTHING
        if self.since is not None:
            q &= Q(id__gte=ids.floor(self.since))
        if self.until is not None:
            q &= Q(id__lt=ids.floor(self.until))
        return q

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.created_within(self.since, self.until)

    def describe(self) -> str:
        bounds = (("from", self.since), ("before", self.until))
        return " ".join(f"{word} {_minute(moment)}" for word, moment in bounds if moment) or "at any time"


@dataclass(frozen=True, slots=True)
class InSession(Condition):
    session_id: UUID
    is_looked_up: ClassVar[bool] = True

    def q(self, project: Project) -> Q:
        return Q(session_id=self.session_id)

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.stored(session_id=self.session_id)

    def describe(self) -> str:
        return f"session is {self.session_id}"


@dataclass(frozen=True, slots=True)
class CreatedBy(Condition):
    """A user's UUID, or the email address of an account; or one of `others` alike."""

    user: UUID | str
    others: tuple[UUID | str, ...] = ()

    def q(self, project: Project) -> Q:
        uids = self._uids()
        return Q(user_uid__in=uids) if uids else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.having(USER, [uid.hex for uid in self._uids()])

    def _uids(self) -> list[UUID]:
        users = (self.user, *self.others)
        emails = [user.lower() for user in users if isinstance(user, str)]
        named = User.objects.filter(email__in=emails).values_list("uid", flat=True) if emails else ()
        return [*(user for user in users if isinstance(user, UUID)), *named]

    def describe(self) -> str:
        return f"user is {_either(tuple(map(str, (self.user, *self.others))))}"


@dataclass(frozen=True, slots=True)
class IdIs(Condition):
    id: UUID
    is_looked_up: ClassVar[bool] = True

    def q(self, project: Project) -> Q:
        return Q(id=self.id)

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.stored(id=self.id)

    def describe(self) -> str:
        return f"id is {self.id}"


@dataclass(frozen=True, slots=True)
class PromptHashIs(Condition):
    """`sha256` is 64 hexadecimal digits; or one of `others` alike."""

    sha256: str
    others: tuple[str, ...] = ()
    is_looked_up: ClassVar[bool] = True

    def q(self, project: Project) -> Q:
        return Q(prompt_hash__in=(self.sha256, *self.others))

    def numbers(self, project: Project, index: Index) -> BitMap:
        return index.stored(prompt_hash__in=(self.sha256, *self.others))

    def describe(self) -> str:
        return f"prompt hash is {_either(tuple(f'{digest[:12]}…' for digest in (self.sha256, *self.others)))}"


@dataclass(frozen=True, slots=True)
class HasImage(Condition):
    wanted: bool = True

    def q(self, project: Project) -> Q:
        return Q(image_count__gt=0) if self.wanted else Q(image_count=0)

    def numbers(self, project: Project, index: Index) -> BitMap:
        having = index.having(IMAGE, [1])
        return having if self.wanted else index.everything() - having

    def describe(self) -> str:
        return "has an image" if self.wanted else "has no image"


# The transcript


class OnTexts(ABC):
    """Answered by the index of words; see `texts`."""

    @property
    @abstractmethod
    def searched(self) -> texts.Query: ...

    def q(self, project: Project) -> Q:
        """As of now: what is recorded between this and the query that it stands in is not among them."""
        return Q(number__among=(project.pk, texts.numbers(project.pk, self)))

    def numbers(self, project: Project, index: Index) -> BitMap:
        return texts.numbers(project.pk, self)


@dataclass(frozen=True, slots=True)
class Mentions(OnTexts, Condition):
    """All words and "quoted phrases" of `text` occur in the prompt or the completion. Raises `ValueError` where there
    is no word in it."""

    text: str

    def __post_init__(self) -> None:
        texts.mentions(self.text)

    @property
    def searched(self) -> texts.Query:
        return texts.mentions(self.text)

    def describe(self) -> str:
        return f"the text mentions {self.text}"


@dataclass(frozen=True, slots=True)
class PromptContains(OnTexts, Condition):
    """A substring of the prompt's texts, wherever words begin and end; or if `is_whole`, all of them. Case is folded,
    as Unicode says."""

    text: str
    is_whole: bool = False

    @property
    def searched(self) -> texts.Query:
        return texts.whole(self.text, "prompt") if self.is_whole else texts.substring(self.text, "prompt")

    def describe(self) -> str:
        return f"prompt {'is' if self.is_whole else 'contains'} “{self.text}”"


@dataclass(frozen=True, slots=True)
class CompletionContains(OnTexts, Condition):
    text: str
    is_whole: bool = False

    @property
    def searched(self) -> texts.Query:
        return texts.whole(self.text, "completion") if self.is_whole else texts.substring(self.text, "completion")

    def describe(self) -> str:
        return f"completion {'is' if self.is_whole else 'contains'} “{self.text}”"


# What was said about it

# Up to so many rows are fetched and looked up; of more, the newest interactions are tried one by one.
FEW = 10_000


def _having(rows: QuerySet[Any]) -> Q:
    """Interactions that one of `rows` belongs to.

    What is rare would be looked for in vain in thousands of interactions; what is common is found in the first few.
    No database tells the two apart well enough by itself, and counting up to `FEW` in an index costs next to nothing.
    """
    if rows[: FEW + 1].count() <= FEW:
        return Q(pk__in=rows.values("interaction_id"))
    return Q(Exists(rows.filter(interaction=OuterRef("pk"))))


@dataclass(frozen=True, slots=True)
class Labelled(Condition):
    """Has the label `key`, with one of `values`, or with any value if there are none."""

    key: str
    values: tuple[str, ...] = ()

    def q(self, project: Project) -> Q:
        found = [label for label, _ in self._labels(project)]
        return _having(Labelling.objects.filter(label_id__in=found)) if found else NOTHING

    def numbers(self, project: Project, index: Index) -> BitMap:
        if not self.values:
            keys = LabelKey.objects.filter(project=project, key=self.key).values_list("id", flat=True)
            return index.having(LABELLED, keys)
        found = self._labels(project)
        return index.having(LABEL(found[0][1]), [label for label, _ in found]) if found else BitMap()

    def _labels(self, project: Project) -> list[tuple[int, int]]:
        """The ids of the labels and of their key."""
        named = Label.objects.filter(key__project=project, key__key=self.key)
        return list((named.filter(value__in=self.values) if self.values else named).values_list("id", "key_id"))

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("label", self.key)})

    def describe(self) -> str:
        return f"{self.key} is {_either(self.values)}" if self.values else f"has the label {self.key}"


COMPARISONS = {"eq": "=", "ne": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}
_LOOKUPS = {"eq": "exact", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}


@dataclass(frozen=True, slots=True)
class Scored(Condition):
    """Has feedback under `metric` whose value compares so; with any value if `comparison` is empty. The same value must
    compare `also` so: (comparison, value) each."""

    metric: str
    comparison: str = ""
    value: float = 0.0
    reasons: tuple[str, ...] = field(default=())
    also: tuple[tuple[str, float], ...] = field(default=())

    def q(self, project: Project) -> Q:
        key = self._key(project)
        return NOTHING if key is None else _having(self._given(key))

    def numbers(self, project: Project, index: Index) -> BitMap:
        key = self._key(project)
        if key is None:
            return BitMap()
        if self.reasons or self.also:
            return index.given(self._given(key))
        return index.scored(key, self.comparison, self.value) if self.comparison else index.having(SCORED, [key])

    @property
    def _compared(self) -> tuple[tuple[str, float], ...]:
        return ((self.comparison, self.value), *self.also) if self.comparison else self.also

    def _key(self, project: Project) -> int | None:
        return FeedbackKey.objects.filter(project=project, key=self.metric).values_list("id", flat=True).first()

    def _given(self, key: int) -> QuerySet[Feedback]:
        given = Feedback.objects.filter(key_id=key)
        for comparison, value in self._compared:
            if comparison == "ne":
                given = given.exclude(value=value)
            else:
                given = given.filter(**{f"value__{_LOOKUPS[comparison]}": value})
        return given.filter(reason__in=self.reasons) if self.reasons else given

    def facets(self) -> frozenset[tuple[str, str]]:
        return frozenset({("score", self.metric)})

    def describe(self) -> str:
        about = f" with reason {_either(self.reasons)}" if self.reasons else ""
        if not self._compared:
            return f"has {self.metric}{about}"
        told = " and ".join(f"{COMPARISONS[comparison]} {number(value)}" for comparison, value in self._compared)
        return f"{self.metric} {told}{about}"


@dataclass(frozen=True, slots=True)
class HasFeedback(Condition):
    """Feedback of any key, or none at all."""

    wanted: bool = True

    def q(self, project: Project) -> Q:
        given = Q(Exists(Feedback.objects.filter(interaction=OuterRef("pk"))))
        return given if self.wanted else ~given

    def numbers(self, project: Project, index: Index) -> BitMap:
        keys = FeedbackKey.objects.filter(project=project).values_list("id", flat=True)
        given = index.having(SCORED, keys)
        return given if self.wanted else index.everything() - given

    def describe(self) -> str:
        return "has feedback" if self.wanted else "has no feedback"


@dataclass(frozen=True, slots=True)
class Compared(Condition):
    """Stands on either side of a comparison under `metric`."""

    metric: str

    def q(self, project: Project) -> Q:
        made = Comparison.objects.filter(project=project, key__key=self.metric)
        return Q(Exists(made.filter(preferred_id=OuterRef("pk")))) | Q(Exists(made.filter(other_id=OuterRef("pk"))))

    def numbers(self, project: Project, index: Index) -> BitMap:
        keys = FeedbackKey.objects.filter(project=project, key=self.metric).values_list("id", flat=True)
        return index.having(COMPARED, keys)

    def describe(self) -> str:
        return f"was compared under {self.metric}"


# Phrases


def number(value: float) -> str:
    """As people write it: exact, and whole where it is whole."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(names) or "nothing"


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
