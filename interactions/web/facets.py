"""The filter form: what can be chosen, and what is. Every active value is in the form, so that none gets lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string

from interactions import choices
from interactions.choices import LabelFacet, ScoreFacet
from interactions.conditions import Scored, number
from interactions.filtersets import PAGE_PARAMETERS, PRESETS, InteractionFilterSet
from interactions.models import Interaction

KEYS_SHOWN = 10
VALUES_SHOWN = 8
# Parameters that have one control of their own, which replaces whatever was given.
ONE_CONTROL = {"last", "since", "until", "session", "user", "feedback", "image"}
# Beyond these, boxes to tick would be a longer way than typing.
VALUES_TICKED = 40


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    text: str
    chosen: bool
    ruled_out: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """Values to choose from under one heading, all of them for the parameter `name` and beginning with `prefix`.

    `more` are behind a fold. `typed` are suggestions for an input, for when there are too many to show; what is
    typed there gets the `prefix`. `excludes` says whether a value can be ruled out too. `ranged`: ranges of values come
    with the numbers.
    """

    title: str
    name: str
    options: tuple[Option, ...]
    more: tuple[Option, ...] = ()
    typed: tuple[str, ...] = ()
    prefix: str = ""
    hint: str = ""
    excludes: bool = False
    ranged: bool = False

    @property
    def id(self) -> str:
        """What a page and the numbers that come for it call this facet."""
        return facet_id(self.name, self.prefix)


def facet_id(name: str, prefix: str = "") -> str:
    return f"{name} {prefix}"


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the rail; facets are drawn already."""

    presets: list[Option]
    since: str
    until: str
    labels: list[str]
    more_labels: list[str]
    facets: list[str]
    choices: list[Facet]
    sources: list[str]
    session: str
    user: str
    hidden: list[tuple[str, str]]


@lru_cache(maxsize=256)
def drawn(facet: Facet, part: str, place: int, path: str) -> str:
    """A facet as HTML, the `place`-th of its part of the form. Most are the same from page to page, and a project has
    hundreds of values to draw."""
    context = {"facet": facet, "part": part, "place": place, "path": path}
    return render_to_string("interactions/_facet.html", context)


def form(filters: InteractionFilterSet, path: str) -> Form:
    """`path` is the list's."""

    def all_drawn(facets: Iterable[Facet], part: str) -> list[str]:
        return [drawn(facet, part, place, path) for place, facet in enumerate(facets, 1)]

    words = choices.vocabulary(filters.project)
    given = _Given(filters)
    labels = [_label_facet(label, given) for label in words.labels]
    if len(labels) > KEYS_SHOWN:
        labels.sort(key=lambda facet: not any(option.chosen or option.ruled_out for option in facet.options))
    facets = [
        _ticked("model", "model", [(key, key) for key in words.models], given),
        *(_score_facet(score, given) for score in words.scores),
    ]
    either = [_yes_or_no("feedback", given), _yes_or_no("image", given)]
    sources = [
        _ticked("state", "state", [(v, v) for v in Interaction.State.values], given),
        _ticked("error", "error_kind", [(kind, kind) for kind in words.errors], given),
        _ticked("source", "source", [(v, v.lower()) for v in Interaction.Source.values], given),
    ]
    return Form(
        presets=_presets(given),
        since=given.moment("since"),
        until=given.moment("until"),
        labels=all_drawn(labels[:KEYS_SHOWN], "label"),
        more_labels=all_drawn(labels[KEYS_SHOWN:], "further"),
        facets=all_drawn((facet for facet in facets if facet.options or facet.hint), "facet"),
        choices=either,
        sources=all_drawn((facet for facet in sources if facet.options), "source"),
        session=given.single("session"),
        user=given.single("user"),
        hidden=list(given.rest()),
    )


class _Given:
    """The values of the query string, and which of them some control of the form shows."""

    def __init__(self, filters: InteractionFilterSet) -> None:
        filters.is_valid()
        data = filters.data
        self.values = {
            name: list(dict.fromkeys(value.strip() for value in data.getlist(name) if value.strip()))
            for name in data
            if name not in PAGE_PARAMETERS
        }
        self.read: dict[str, list[Any]] = filters.form.cleaned_data
        self.shown: set[tuple[str, str]] = set()

    def has(self, name: str, value: str) -> bool:
        self.shown.add((name, value))
        return value in self.values.get(name, ())

    def has_score(self, metric: str, value: float) -> bool:
        """However it is spelled: thumbs:up is thumbs:eq:1."""
        score = Scored(metric, "eq", value)
        read = self.read.get("score", [])
        for text, wanted in zip(self.values.get("score", ()), read, strict=False):
            if wanted == score:
                self.shown.add(("score", text))
        return score in read

    def single(self, name: str) -> str:
        """The value of a parameter that has one control of its own."""
        return next(iter(self.values.get(name, ())), "")

    def moment(self, name: str) -> str:
        """As an input for local times wants it; all times here are UTC."""
        moment: datetime | None = next(iter(self.read.get(name, ())), None)
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") if moment else ""

    def rest(self) -> Iterator[tuple[str, str]]:
        for name, values in self.values.items():
            if name not in ONE_CONTROL:
                yield from ((name, value) for value in values if (name, value) not in self.shown)


def _presets(given: _Given) -> list[Option]:
    wanted = given.single("last") if given.read.get("last") else ""
    spans = [*PRESETS, *([wanted] if wanted and wanted not in PRESETS else [])]
    return [Option("", "any", not wanted), *(Option(span, span, span == wanted) for span in spans)]


def _yes_or_no(name: str, given: _Given) -> Facet:
    wanted = given.single(name)
    return Facet(name, name, tuple(Option(value, value or "any", value == wanted) for value in ("", "yes", "no")))


def _label_facet(label: LabelFacet, given: _Given) -> Facet:
    prefix = f"{label.key}:"
    pairs = [(prefix + value, value) for value in label.values]
    return _ticked(label.key, "label", pairs, given, prefix=prefix, excludes=True)


def _ticked(
    title: str,
    name: str,
    pairs: list[tuple[str, str]],
    given: _Given,
    *,
    prefix: str = "",
    excludes: bool = False,
) -> Facet:
    """Boxes to tick, the chosen ones first; where there are too many, the chosen ones, the first few, and an input."""
    ruled_out = set(given.values.get("not_label", ())) if excludes else set()
    options = [Option(value, text, given.has(name, value), value in ruled_out) for value, text in pairs]
    options.sort(key=lambda option: not (option.chosen or option.ruled_out))
    first = max(VALUES_SHOWN, sum(option.chosen or option.ruled_out for option in options))
    if len(pairs) > VALUES_TICKED:
        typed = tuple(value for value, _ in pairs)
        return Facet(title, name, tuple(options[:first]), (), typed, prefix, f"{title} …", excludes)
    # A fold that hides a single value would take as much room as the value.
    first = len(options) if len(options) == first + 1 else first
    shown, more = tuple(options[:first]), tuple(options[first:])
    return Facet(title, name, shown, more, prefix=prefix, excludes=excludes)


def _score_facet(score: ScoreFacet, given: _Given) -> Facet:
    values = [(score_text(value, is_bool=score.is_bool), value) for value in score.values or ()]
    options = tuple(Option(f"{score.key}:{text}", text, given.has_score(score.key, value)) for text, value in values)
    is_ranged = score.values is None
    return Facet(
        score.key, "score", options, prefix=f"{score.key}:", hint="≥ 0.8" if is_ranged else "", ranged=is_ranged
    )


def score_text(value: float, *, is_bool: bool) -> str:
    """A feedback value as the query string spells it after its key."""
    words = {1.0: "up", 0.0: "down"} if is_bool else {}
    return words.get(value) or number(value)
