"""Teams: who is in them, and what is shared with them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from interactions import people
from interactions.access import ADMIN_TEAM, Permission
from interactions.errors import NotFound, RequestError
from interactions.models import ExternalModel, Member, Role, Share, Team
from interactions.people import Place
from interactions.web import answers, wording
from interactions.web.answers import Question
from interactions.web.people import PAGE, find
from interactions.web.permissions import CallerRequest, administers


@administers(Permission.MANAGE_TEAMS)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: CallerRequest) -> HttpResponseBase:
    """Posted, it makes one: `name`, and `key` or a key made of the name."""
    if request.method != "POST":
        return _page(request)
    try:
        team = people.create_team(request.caller, request.POST.get("key", "").strip(), request.POST.get("name", ""))
    except RequestError as error:
        return _page(request, error)
    return answers.see_other(request, reverse("team", args=[team.key]), f"Made the team {team.key}.")


def _page(request: CallerRequest, error: RequestError | None = None) -> HttpResponse:
    counted = Team.objects.annotate(
        members=Count("memberships", distinct=True), projects=Count("shares", distinct=True)
    )
    context = {
        "page": Paginator(counted.order_by("key"), PAGE).get_page(request.GET.get("page")),
        "error": error,
        "typed": request.POST,
    }
    return render(request, "interactions/teams.html", context, status=error.status if error else 200)


@administers(Permission.MANAGE_TEAMS)
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: CallerRequest, key: str) -> HttpResponse:
    """Posted, it puts somebody into the team: `user` (an email address), `role`. That takes managing users, too."""
    team = _found(key)
    if request.method != "POST":
        return _team(request, team)
    try:
        user = find(request.POST.get("user", ""))
        place = Place(team, people.find_role(request.POST.get("role", "")))
        people.set_member(request.caller, user, place)
    except RequestError as error:
        return _team(request, team, error.message, error.status)
    told = f"{user.email} has the role {place.role.key} in the team {team.key}."
    return answers.see_other(request, reverse("team", args=[team.key]), told)


def _found(key: str) -> Team:
    try:
        return people.find_team(key)
    except NotFound as error:
        raise Http404(error.message) from None


def _team(request: CallerRequest, team: Team, problem: str = "", status: int = 200) -> HttpResponse:
    members = Member.objects.filter(team=team).select_related("user", "role").order_by("user__email")
    context: dict[str, Any] = {
        "team": team,
        "is_reserved": team.key == ADMIN_TEAM,
        "page": Paginator(members, PAGE).get_page(request.GET.get("page")),
        "shares": Share.objects.filter(team=team).select_related("project", "role").order_by("project__key"),
        "roles": Role.objects.order_by("key"),
        "may_manage_users": Permission.MANAGE_USERS in request.caller.everywhere,
        "problem": problem,
        "typed": request.POST,
    }
    return render(request, "interactions/team.html", context, status=status)


@administers(Permission.MANAGE_TEAMS)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: CallerRequest, key: str) -> HttpResponseBase:
    team = _found(key)
    act = partial(people.delete_team, request.caller, team)
    return answers.confirm(request, _question(team), act, reverse("teams"), f"Deleted the team {key}.")


def _question(team: Team) -> Question:
    members, shares = team.memberships.count(), team.shares.count()
    models = ExternalModel.objects.filter(team=team).count()
    gone = f" Its {wording.counted(models, 'external model')} will be gone." if models else ""
    sentences = (
        f"It has {wording.counted(members, 'member')}, and {wording.counted(shares, 'project')} shared with it. "
        f"Its members keep their accounts, and lose what only this team lets them do.{gone}",
        "No project and nothing that was logged is deleted. This cannot be undone.",
    )
    return Question(f"Delete the team {team.key}?", sentences, "Delete this team", reverse("team", args=[team.key]))
