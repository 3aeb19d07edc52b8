"""API keys: one's own, and those of service accounts.

A secret is shown in the answer to the form that made it and nowhere else: no address, session or log holds it. The
form brings the new key's id along, so sending it again, as a reload of that answer does, finds the key made already.
"""

from __future__ import annotations

import json
import shlex
from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from interactions import access, ids, people
from interactions.access import Caller, IssuedKey, Permission
from interactions.errors import Conflict, Invalid, RequestError
from interactions.models import ApiKey, Project, User
from interactions.web import answers
from interactions.web.answers import Question
from interactions.web.permissions import CallerRequest, signed_in

_ENDED_SHOWN = 20


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: CallerRequest) -> HttpResponseBase:
    """One's own. Posted, it makes one: `name`, `reach` (`all` or `some`), `project` (keys), `uid` (the page's)."""
    owner = cast(User, request.user)
    if request.method != "POST":
        return _page(request, owner)
    try:
        issued = make(request, owner)
    except Conflict as error:
        return answers.done_before(request, reverse("keys"), error.message)
    except RequestError as error:
        return _page(request, owner, problem=error.message, status=error.status)
    return _page(request, owner, issued)


def _page(
    request: CallerRequest, owner: User, issued: IssuedKey | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    context = listed(owner) | maker(request.caller) | shown_once(request, issued)
    return render(request, "interactions/keys.html", context | {"problem": problem}, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: CallerRequest, id: UUID) -> HttpResponseBase:
    """Asks, and posted, does it. Whoever manages users may revoke anybody's key."""
    key = ApiKey.objects.select_related("user").filter(uid=id).first()
    is_own = key is not None and key.user == request.user
    if key is None or not (is_own or Permission.MANAGE_USERS in request.caller.everywhere):
        raise Http404("There is no such key.")
    back = reverse("keys") if is_own else reverse("person", args=[key.user.uid])
    whose = "" if is_own else f" It is a key of {key.user.email}."
    used = f"It was last used on {key.last_used_at:%d %b %Y, %H:%M} UTC." if key.last_used_at else "It was never used."
    sentences = (
        f"Whatever uses it is refused within seconds.{whose} {used}",
        "What was logged with it stays. A revoked key cannot be brought back.",
    )
    question = Question(f"Revoke the key {told(key)}?", sentences, "Revoke this key", back)
    act = partial(people.revoke_key, request.caller, key)
    return answers.confirm(request, question, act, back, f"Revoked the key {told(key)}.")


def told(key: ApiKey) -> str:
    return f"“{key.name}” ({key.prefix}…)" if key.name else f"{key.prefix}…"


# What `_keys.html` and `_secret.html` need


def make(request: CallerRequest, owner: User) -> IssuedKey:
    """The key that a form asks for. Raises `Conflict` where the same form was sent before."""
    name, reach = request.POST.get("name", "").strip(), request.POST.get("reach")
    if not name:
        raise Invalid("Give the key a name that says what uses it.", "name")
    projects: list[Project] | None = None
    if reach != "all":
        wanted = Q(key__in=[key for key in request.POST.getlist("project") if "\x00" not in key])
        projects = list(access.projects(access.caller_of(owner)).filter(wanted))
        if not projects:
            raise Invalid("Choose at least one project, or let the key reach all.", "project")
    return people.create_key(request.caller, owner, name, projects, uid=ids.uuid(request.POST.get("uid", "")))


def listed(owner: User) -> dict[str, Any]:
    """All keys that are valid, and the last ones that ended."""
    keys = ApiKey.objects.filter(user=owner).order_by("-created_at", "-id")
    keys = keys.prefetch_related(Prefetch("projects", Project.objects.order_by("key").only("key")))
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=ids.now())
    return {"keys": keys.exclude(ended), "ended": keys.filter(ended)[:_ENDED_SHOWN]}


def maker(owner: Caller) -> dict[str, Any]:
    """For the form that makes a key."""
    return {"projects": access.projects(owner).order_by("key"), "uid": uuid4()}


def shown_once(request: HttpRequest, issued: IssuedKey | None) -> dict[str, Any]:
    if issued is None:
        return {}
    return {"issued": issued, "made": told(issued.api_key), "curl": _curl(request, issued)}


def _curl(request: HttpRequest, issued: IssuedKey) -> str:
    """A line that logs an interaction, or if the key may not, reads some."""
    caller = access.callers([issued.api_key.digest])[issued.api_key.digest]
    address = f"{request.scheme}://{request.get_host()}/api/v1/interactions"
    bearer = shlex.quote(f"Authorization: Bearer {issued.secret}")
    project = access.projects(caller, Permission.LOG).order_by("key").first()
    if project is None:
        readable = access.projects(caller, Permission.READ).order_by("key").first()
        query = urlencode({"project": readable.key if readable else "my-project"})
        return f"curl {shlex.quote(f'{address}?{query}')} -H {bearer}"
    document = {
        "project": project.key,
        "messages": [{"role": "user", "content": "Hello?"}],
        "completion": "Hello! How can I help?",
    }
    body = shlex.quote(json.dumps(document, ensure_ascii=False))
    return f"curl {shlex.quote(address)} -H {bearer} -H 'Content-Type: application/json' -d {body}"
