"""With which teams a project is shared, how far, and which of them own it."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from interactions import access, people, projects
from interactions.access import Permission
from interactions.errors import Invalid, RequestError
from interactions.models import Project, Role, Share, Team
from interactions.projects import Sharing
from interactions.web import answers
from interactions.web.permissions import ProjectRequest, requires


@requires(Permission.SHARE)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: ProjectRequest) -> HttpResponseBase:
    """Fields: `team`, `role`, `owner`; and `act`, which is `remove` for no longer."""
    if request.method != "POST":
        return _page(request)
    try:
        told = _changed(request)
    except RequestError as error:
        return _page(request, error)
    key = request.project.key
    if not access.caller_of(request.user).may(request.project.pk, Permission.SHARE):  # type: ignore[arg-type]
        return answers.see_other(request, reverse("home"), told)
    return answers.see_other(request, reverse("project-sharing", args=[key]), told)


def _changed(request: ProjectRequest) -> str:
    """One team's share is changed, and those of the others stay as they are now."""
    team = people.find_team(request.POST.get("team", ""))
    shared = {share.team_id: Sharing(share.team, share.role, share.is_owner) for share in _shares(request.project)}
    if request.POST.get("act") == "remove":
        shared.pop(team.pk, None)
        told = f"No longer shared with the team {team.key}."
    else:
        role = people.find_role(request.POST.get("role", ""))
        shared[team.pk] = Sharing(team, role, "owner" in request.POST)
        told = f"Shared with the team {team.key}, " + (
            "which owns it." if shared[team.pk].is_owner else f"as {role.key}."
        )
    if not any(sharing.is_owner for sharing in shared.values()):
        raise Invalid("A project needs a team that owns it. Make another team its owner first.", "owner")
    projects.set_shares(request.caller, request.project, shared.values())
    return told


def _shares(project: Project) -> list[Share]:
    shares = Share.objects.filter(project=project).select_related("team", "role").order_by("-is_owner", "team__key")
    return list(shares.annotate(members=Count("team__memberships")))


def _page(request: ProjectRequest, error: RequestError | None = None) -> HttpResponse:
    context = {
        "shares": _shares(request.project),
        "teams": Team.objects.exclude(shares__project=request.project).order_by("key"),
        "roles": Role.objects.order_by("key"),
        "error": error,
    }
    return render(request, "interactions/sharing.html", context, status=error.status if error else 200)
