"""The numbers of a filter, which the page asks for after its rows: the total, the facets' counts, the time strip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from interactions import database, ids, statistics
from interactions.access import Permission
from interactions.conditions import Scored, number
from interactions.errors import TooSlow, Unavailable
from interactions.filtersets import InteractionFilterSet
from interactions.models import Interaction
from interactions.statistics import Range, ScoreTallies, Tally
from interactions.web import facets
from interactions.web.permissions import ProjectRequest, requires
from interactions.web.strip import strip


@dataclass(frozen=True, slots=True)
class Span:
    """A range of values, and where the list of it is; of the chosen one, the list without it."""

    text: str
    title: str
    query: str
    chosen: bool
    count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """A facet's values, without its prefix, and their counts; `partial` if there are more than these."""

    id: str
    tallies: list[Tally]
    partial: bool = False
    spans: list[Span] = field(default_factory=list)


@requires(Permission.READ)
def show(request: ProjectRequest) -> HttpResponse:
    filters = InteractionFilterSet(request.GET, request.project)
    if filters.problems():
        return HttpResponse(status=422)
    condition = filters.condition()
    try:
        with database.time_limit(settings.QUERY_SECONDS):
            summary = statistics.summary(filters.project, condition)
    except TooSlow:
        return render(request, "interactions/_uncounted.html", {"seconds": settings.QUERY_SECONDS})
    except Unavailable:
        return render(request, "interactions/_preparing.html", {"address": request.get_full_path()}, status=202)
    context = {
        "path": reverse("interactions", args=[filters.project.key]),
        "chips": filters.chips(),
        "number": f"{summary.total:,}",
        **_failed(summary, filters),
        "strip": strip(summary, filters.query(), condition, ids.now()),
        "facets": list(_counts(summary, filters)),
    }
    return render(request, "interactions/_summary.html", context)


def _failed(summary: statistics.Summary, filters: InteractionFilterSet) -> dict[str, str]:
    """How many of the matches failed, and where they are; nothing for who filters by that already."""
    count = next((tally.count for tally in summary.states if tally.value == Interaction.State.FAILED), 0)
    if not count or {"state", "error_kind"} & filters.data.keys():
        return {}
    query = "&".join(part for part in (filters.query(), f"state={Interaction.State.FAILED}") if part)
    return {"failed": f"{count:,}", "failed_query": query}


def _counts(summary: statistics.Summary, filters: InteractionFilterSet) -> Iterator[Counts]:
    yield Counts(facets.facet_id("model"), summary.models)
    yield Counts(facets.facet_id("source"), summary.sources)
    yield Counts(facets.facet_id("state"), summary.states)
    yield Counts(facets.facet_id("error_kind"), summary.errors.values, partial=summary.errors.partial)
    for label in summary.labels:
        yield Counts(facets.facet_id("label", f"{label.key}:"), label.values, partial=label.others > 0)
    for scores in summary.scores:
        tallies = [Tally(facets.score_text(v.value, is_bool=scores.is_bool), v.count) for v in scores.values]
        spans = [] if scores.is_bool else _spans(scores, filters)
        yield Counts(facets.facet_id("score", f"{scores.key}:"), tallies, spans=spans)


def _spans(scores: ScoreTallies, filters: InteractionFilterSet) -> list[Span]:
    """The ranges; of few values, each: the page may list ranges all the same, having seen more values elsewhere."""
    rest = QueryDict(filters.query(), mutable=True)
    texts = list(dict.fromkeys(text.strip() for text in rest.getlist("score")))
    read: list[Scored] = filters.form.cleaned_data.get("score", [])
    rest.setlist("score", [text for text, one in zip(texts, read, strict=True) if one.metric != scores.key])
    chosen = {one for one in read if one.metric == scores.key}
    ranges = scores.ranges or [Range(one.value, one.value, one.count) for one in scores.values]
    return [_span(scores.key, one, chosen, rest) for one in ranges]


def _span(key: str, span: Range, chosen: set[Scored], rest: QueryDict) -> Span:
    bounds = {"eq": span.least} if span.least == span.most else {"gte": span.least, "lte": span.most}
    is_chosen = chosen == {Scored(key, operator, value) for operator, value in bounds.items()}
    query = rest.copy()
    if not is_chosen:
        query.setlist("score", query.getlist("score") + [f"{key}:{op}:{number(value)}" for op, value in bounds.items()])
    values = list(bounds.values())
    text, title = " – ".join(map(_short, values)), " to ".join(map(number, values))
    return Span(text, title, query.urlencode(), is_chosen, span.count)


def _short(value: float) -> str:
    """Enough of a number to tell ranges apart."""
    return number(value) if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"
