"""The Interactions tab: rows, newest first, as the query string filters them. The numbers follow, see `summary`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode

from interactions import database, ids, pagination, statistics, texts
from interactions.access import Permission
from interactions.errors import Invalid, TooSlow
from interactions.filtersets import InteractionFilterSet, Problem
from interactions.pagination import Page, Place
from interactions.web import facets, live, narrower, rows
from interactions.web.permissions import ProjectRequest, requires


@dataclass(frozen=True, slots=True)
class Refusal:
    """A parameter that cannot be honoured, and the query string without it."""

    problem: Problem
    without: str


@requires(Permission.READ)
def interactions(request: ProjectRequest) -> HttpResponse:
    if live.nothing_new(request, request.project):
        return live.unchanged()
    filters = InteractionFilterSet(request.GET, request.project)
    revision = live.revision(request.project)
    try:
        with database.time_limit(settings.QUERY_SECONDS):
            page, refusals = _read(filters, request)
            context = _results(request, filters, page, refusals)
    except TooSlow as error:
        context = _results(request, filters, Page([], None, None), []) | narrower.offer(filters, error)
    context["revision"] = revision
    if not _wants_results_only(request):
        context["form"] = facets.form(filters, context["path"])
    template = "interactions/_swap.html" if _wants_results_only(request) else "interactions/list.html"
    response = render(request, template, context, status=422 if context["refusals"] or "too_slow" in context else 200)
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


def _number(filters: InteractionFilterSet, page: Page, place: str, *, wanted: bool) -> str:
    """The exact number of matches, if it is wanted, or known because the first page holds them all; else nothing."""
    if not place and not page.older:
        return f"{len(page.rows):,}"
    return f"{statistics.count(filters.project, filters.condition()):,}" if wanted else ""


def _wants_results_only(request: HttpRequest) -> bool:
    """A form's part was changed: the form stays as it is on the page, and only what follows from it is replaced."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target") == "results"


def _read(filters: InteractionFilterSet, request: HttpRequest) -> tuple[Page, list[Refusal]]:
    """The page, or why there is none."""
    refusals = [Refusal(problem, filters.without(problem.name)) for problem in filters.problems()]
    if refusals:
        return Page([], None, None), refusals
    try:
        place, size = pagination.read(request.GET)
    except Invalid as error:
        name = error.field or ""
        problem = Problem(name, request.GET.get(name, ""), error.message)
        return Page([], None, None), [Refusal(problem, filters.query())]
    return pagination.page(filters.matches, place, size), []


def _results(
    request: ProjectRequest, filters: InteractionFilterSet, page: Page, refusals: list[Refusal]
) -> dict[str, Any]:
    key, query = request.project.key, filters.query()
    limit = request.GET.get("limit", "")
    place = urlencode([(name, request.GET[name]) for name in ("older_than", "newer_than") if request.GET.get(name)])
    addresses = rows.Addresses.of(request.project, query, place)
    return {
        "path": addresses.rows,
        "query": query,
        "refusals": refusals,
        "chips": filters.chips(),
        "rows": rows.drawn(
            rows.rows(page.rows, addresses, ids.now(), _excerpts(filters, page)), may_delete=request.may_delete
        ),
        "shown": len(page.rows),
        "newer": _query(query, page.newer, limit),
        "older": _query(query, page.older, limit),
        "is_first": not place,
        "number": "" if refusals else _number(filters, page, place, wanted=bool(request.GET.get("count"))),
        "summary_url": "" if refusals else f"{reverse('interactions-summary', args=[key])}?{query}",
        "json_url": f"{reverse('interactions-json', args=[key])}?{'&'.join(filter(None, (query, place)))}",
        "jsonl_url": f"{reverse('interactions-jsonl', args=[key])}?{query}",
        "csv_url": f"{reverse('interactions-csv', args=[key])}?{query}",
        "server": f"{request.scheme}://{request.get_host()}",
    }


def _excerpts(filters: InteractionFilterSet, page: Page) -> dict[int, list[texts.Excerpt]]:
    return texts.excerpts(filters.project.pk, filters.searched(), [row.number for row in page.rows])


def _query(query: str, place: Place | None, limit: str) -> str:
    """The query string of a neighbouring page, or nothing where there is none."""
    if place is None:
        return ""
    name = "older_than" if place.older_than else "newer_than"
    parts = [query, urlencode({"limit": limit}) if limit else "", f"{name}={place.older_than or place.newer_than}"]
    return "&".join(part for part in parts if part)
