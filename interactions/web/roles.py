"""Roles: what each allows, and who has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from interactions.access import ROLES, Permission
from interactions.errors import NotFound, RequestError
from interactions.models import Member, Role, Share
from interactions.web import answers, wording
from interactions.web.answers import Question
from interactions.web.people import PAGE
from interactions.web.permissions import CallerRequest, administers

MEANINGS: Mapping[str, Mapping[Permission, str]] = {
    "Interactions": {
        Permission.READ: "Read and export interactions, with their images, labels and feedback",
        Permission.LOG: "Log interactions",
        Permission.JUDGE: "Give feedback, compare answers, and set labels",
        Permission.DELETE: "Delete interactions, and say how long they are kept",
    },
    "Projects": {
        Permission.SEE: "See that the project is there, with its feedback keys and A/B tests",
        Permission.CREATE_PROJECT: "Create projects that the team will own",
        Permission.UPDATE_PROJECT: "Change a project's name and description",
        Permission.SHARE: "Share a project with teams, and end that",
        Permission.MANAGE_METRICS: "Register, change and remove feedback keys",
        Permission.MANAGE_TESTS: "Start and end A/B tests",
    },
    "Models": {
        Permission.SEE_MODELS: "See which models the project has",
        Permission.USE_MODELS: "Send prompts to models",
        Permission.MANAGE_MODELS: "Add, change and remove models",
    },
    "Datasets": {
        Permission.SEE_DATASETS: "See and download datasets",
        Permission.MANAGE_DATASETS: "Make, change and delete datasets",
    },
    "This server": {
        Permission.MANAGE_USERS: "Add and delete people and service accounts, and put them into teams",
        Permission.MANAGE_TEAMS: "Make and delete teams",
        Permission.MANAGE_ROLES: "Make, change and delete roles",
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    permission: Permission
    meaning: str
    is_allowed: bool


def _groups(allowed: Iterable[str]) -> dict[str, list[Line]]:
    chosen = set(allowed)
    return {
        title: [Line(permission, meaning, permission in chosen) for permission, meaning in meanings.items()]
        for title, meanings in MEANINGS.items()
    }


@administers(Permission.MANAGE_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: CallerRequest) -> HttpResponseBase:
    """Posted, it makes one: `name`, `key` or a key made of the name, `permission` (several)."""
    if request.method != "POST":
        return _page(request)
    typed = request.POST
    try:
        role = people.create_role(
            request.caller, typed.get("key", "").strip(), typed.get("name", ""), typed.getlist("permission")
        )
    except RequestError as error:
        return _page(request, error)
    return answers.see_other(request, reverse("role", args=[role.key]), f"Made the role {role.key}.")


def _page(request: CallerRequest, error: RequestError | None = None) -> HttpResponse:
    had = dict(Member.objects.values_list("role").annotate(count=Count("pk")))
    listed = [(role, had.get(role.pk, 0), role.key in ROLES) for role in Role.objects.order_by("key")]
    context = {
        "roles": listed,
        "groups": _groups(request.POST.getlist("permission")),
        "typed": request.POST,
        "error": error,
        "count": len(Permission),
    }
    return render(request, "interactions/roles.html", context, status=error.status if error else 200)


@administers(Permission.MANAGE_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: CallerRequest, key: str) -> HttpResponseBase:
    """Posted, it changes what the role allows: `permission` (several)."""
    role = _found(key)
    if request.method != "POST":
        return _role(request, role, role.permissions)
    wanted = request.POST.getlist("permission")
    try:
        people.update_role(request.caller, role, wanted)
    except RequestError as error:
        return _role(request, role, wanted, error)
    return answers.see_other(request, reverse("role", args=[role.key]), "Saved.")


def _found(key: str) -> Role:
    try:
        return people.find_role(key)
    except NotFound as error:
        raise Http404(error.message) from None


def _role(
    request: CallerRequest, role: Role, allowed: Iterable[str], error: RequestError | None = None
) -> HttpResponse:
    members = Member.objects.filter(role=role).select_related("user", "team").order_by("user__email", "team__key")
    context: dict[str, Any] = {
        "role": role,
        "groups": _groups(allowed),
        "is_default": role.key in ROLES,
        "page": Paginator(members, PAGE).get_page(request.GET.get("page")),
        "shares": Share.objects.filter(role=role).count(),
        "may_manage_users": Permission.MANAGE_USERS in request.caller.everywhere,
        "error": error,
    }
    return render(request, "interactions/role.html", context, status=error.status if error else 200)


@administers(Permission.MANAGE_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: CallerRequest, key: str) -> HttpResponseBase:
    role = _found(key)
    act = partial(people.delete_role, request.caller, role)
    return answers.confirm(request, _question(role), act, reverse("roles"), f"Deleted the role {key}.")


def _question(role: Role) -> Question:
    told = f"It allows {wording.counted(len(role.permissions), 'thing')} out of {len(Permission)}."
    sentences = (f"{told} A role that somebody has is not deleted.", "This cannot be undone.")
    return Question(f"Delete the role {role.key}?", sentences, "Delete this role", reverse("role", args=[role.key]))
