"""API keys: one's own, and those of service accounts.

A secret is shown in the answer to the form that made it and nowhere else: no address, session or log holds it. The
form brings the new key's id along, so sending it again, as a reload of that answer does, finds the key made already.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import timedelta
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

from interactions import access, amounts, ids, people
from interactions.access import Caller, IssuedKey, Limits, Permission
from interactions.errors import Conflict, Invalid, RequestError
from interactions.models import ApiKey, Project, User
from interactions.web import answers, forms, wording
from interactions.web.answers import Question
from interactions.web.permissions import CallerRequest, signed_in

_ENDED_SHOWN = 20
_PERIODS = {"month": "month", "day": "day"}
_PRESENT = {"month": "this month", "day": "today"}
_ENDS = {"": "never", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}


class LimitsForm(forms.ActForm):
    requests_per_minute = forms.line("Requests a minute", inputmode="numeric", placeholder="any number")
    budget = forms.line("Budget in dollars", inputmode="decimal", placeholder="any amount")
    budget_period = forms.choice("Period of the budget", _PERIODS)


class KeyForm(LimitsForm):
    name = forms.line("Name", required=True, maxlength=200, placeholder="what uses it, such as “nightly import”")
    expires = forms.choice("Expires", _ENDS)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: CallerRequest) -> HttpResponseBase:
    """One's own. Posted, it makes one: the fields of `KeyForm`, `reach` (`all` or `some`), `project` (keys), `uid` (the
    page's)."""
    owner = cast(User, request.user)
    if request.method != "POST":
        return _page(request, owner)
    try:
        issued = make(request, owner)
    except Conflict as error:
        return answers.done_before(request, reverse("keys"), error.message)
    except RequestError as error:
        return _page(request, owner, error=error)
    return _page(request, owner, issued)


def _page(
    request: CallerRequest, owner: User, issued: IssuedKey | None = None, error: RequestError | None = None
) -> HttpResponse:
    context = listed(owner) | maker(request, request.caller, error) | shown_once(request, issued)
    return render(request, "interactions/keys.html", context, status=error.status if error else 200)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def limit(request: CallerRequest, id: UUID) -> HttpResponse:
    """What a key may use of models. Fields: those of `LimitsForm`."""
    key, back = _found(request, id)
    if request.method != "POST":
        return _limits(request, key, LimitsForm(initial=_initial(key)), back)
    form = LimitsForm(request.POST)
    try:
        people.limit_key(request.caller, key, Limits.typed(form.given()))
    except RequestError as error:
        problem = "" if form.refuse(error) else error.message
        return _limits(request, key, form, back, problem, error.status)
    return answers.see_other(request, back, f"Changed the limits of the key {told(key)}.")


def _limits(
    request: CallerRequest, key: ApiKey, form: LimitsForm, back: str, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"key": key, "told": told(key), "form": form, "back": back, "problem": problem}
    return render(request, "interactions/key_limits.html", context, status=status)


def _initial(key: ApiKey) -> dict[str, Any]:
    budget = "" if key.budget is None else f"{amounts.dollars(key.budget):.2f}"
    return {
        "requests_per_minute": key.requests_per_minute,
        "budget": budget.removesuffix(".00"),
        "budget_period": key.budget_period,
    }


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: CallerRequest, id: UUID) -> HttpResponseBase:
    """Asks, and posted, does it. Whoever manages users may revoke anybody's key."""
    key, back = _found(request, id)
    whose = "" if key.user == request.user else f" It is a key of {key.user.email}."
    used = f"It was last used on {key.last_used_at:%d %b %Y, %H:%M} UTC." if key.last_used_at else "It was never used."
    sentences = (
        f"Whatever uses it is refused within seconds.{whose} {used}",
        "What was logged with it stays. A revoked key cannot be brought back.",
    )
    question = Question(f"Revoke the key {told(key)}?", sentences, "Revoke this key", back)
    act = partial(people.revoke_key, request.caller, key)
    return answers.confirm(request, question, act, back, f"Revoked the key {told(key)}.")


def _found(request: CallerRequest, id: UUID) -> tuple[ApiKey, str]:
    """One's own key, or to who manages users anybody's; and the page that lists it."""
    key = ApiKey.objects.select_related("user").filter(uid=id).first()
    is_own = key is not None and key.user == request.user
    if key is None or not (is_own or Permission.MANAGE_USERS in request.caller.everywhere):
        raise Http404("There is no such key.")
    return key, reverse("keys") if is_own else reverse("person", args=[key.user.uid])


def told(key: ApiKey) -> str:
    return f"“{key.name}” ({key.prefix}…)" if key.name else f"{key.prefix}…"


# What `_keys.html` and `_secret.html` need


def make(request: CallerRequest, owner: User) -> IssuedKey:
    """The key that a form asks for. Raises `Conflict` where the same form was sent before."""
    given = KeyForm(request.POST).given()
    if not given["name"]:
        raise Invalid("Give the key a name that says what uses it.", "name")
    projects: list[Project] | None = None
    if request.POST.get("reach") != "all":
        wanted = Q(key__in=[key for key in request.POST.getlist("project") if "\x00" not in key])
        projects = list(access.projects(access.caller_of(owner)).filter(wanted))
        if not projects:
            raise Invalid("Choose at least one project, or let the key reach all.", "project")
    return people.create_key(
        request.caller,
        owner,
        given["name"],
        projects,
        uid=ids.uuid(request.POST.get("uid", "")),
        limits=Limits.typed(given),
        expires_at=ids.now() + timedelta(days=int(given["expires"])) if given["expires"] else None,
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A valid key, and what it may use of models: a sentence for each limit."""

    key: ApiKey
    limits: list[str]


def listed(owner: User) -> dict[str, Any]:
    """All keys that are valid, and the last ones that ended."""
    keys = ApiKey.objects.filter(user=owner).order_by("-created_at", "-id")
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=ids.now())
    valid = access.with_used(keys.exclude(ended))
    valid = valid.prefetch_related(Prefetch("projects", Project.objects.order_by("key").only("key")))
    return {"keys": [Listed(key, _told_limits(key)) for key in valid], "ended": keys.filter(ended)[:_ENDED_SHOWN]}


def _told_limits(key: ApiKey) -> list[str]:
    """`key` is one of `access.with_used`."""
    limits = []
    if key.requests_per_minute is not None:
        limits.append(f"{wording.counted(key.requests_per_minute, 'request')} a minute")
    if key.budget is not None:
        used = wording.budget(getattr(key, "used") or 0)  # noqa: B009 - an annotation
        limits.append(f"{used} of {wording.budget(key.budget)} {_PRESENT[key.budget_period]}")
    return limits


def maker(request: CallerRequest, owner: Caller, error: RequestError | None = None) -> dict[str, Any]:
    """For the form that makes a key, with what was typed into it if that was refused; and what is wrong besides."""
    form, typed, problem = KeyForm(), None, error.message if error else ""
    if error and request.POST.get("reach"):
        form, typed = KeyForm(request.POST), request.POST
        problem = "" if form.refuse(error) else problem
    return {
        "projects": access.projects(owner).order_by("key"),
        "uid": uuid4(),
        "form": form,
        "reach": typed.get("reach") if typed else "all",
        "chosen": typed.getlist("project") if typed else [],
        "is_refused": typed is not None,
        "problem": problem,
    }


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
