"""Who there is: people and service accounts, how they get in, and their places in teams."""

from __future__ import annotations

from functools import partial
from typing import Any, cast
from uuid import UUID, uuid4

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Max, Prefetch, Q, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from interactions import access, ids, passwords, people
from interactions.access import Permission
from interactions.errors import Conflict, Invalid, NotFound, RequestError
from interactions.models import Member, Role, Team, User
from interactions.people import Place
from interactions.web import answers, keys, wording
from interactions.web.answers import Question
from interactions.web.permissions import CallerRequest, administers

PAGE = 50
KINDS = {"": "all", "people": "people", "programs": "service accounts"}


# The list


@administers(Permission.MANAGE_USERS)
@require_safe
def show(request: CallerRequest) -> HttpResponse:
    """Query string: `q` (a part of a name or address), `kind`, `page`."""
    text, kind = request.GET.get("q", "").replace("\x00", "").strip()[:200], request.GET.get("kind", "")
    found = User.objects.filter(Q(email__icontains=text) | Q(name__icontains=text)).order_by("email")
    if kind in ("people", "programs"):
        found = found.filter(is_program=kind == "programs")
    chosen = {name: value for name, value in (("q", text), ("kind", kind)) if value}
    context = {
        "page": Paginator(_with_facts(found), PAGE).get_page(request.GET.get("page")),
        "q": text,
        "kind": kind,
        "kinds": KINDS,
        "query": urlencode(chosen),
    }
    return render(request, "interactions/people.html", context)


def _with_facts(users: QuerySet[User]) -> QuerySet[User]:
    """With the number of their valid keys, when one was last used, and their places in teams."""
    unexpired = Q(api_keys__expires_at=None) | Q(api_keys__expires_at__gt=ids.now())
    valid = Q(api_keys__revoked_at=None) & unexpired
    counted = users.annotate(keys=Count("api_keys", filter=valid), last_used=Max("api_keys__last_used_at"))
    return counted.prefetch_related(Prefetch("memberships", _memberships()))


def _memberships() -> QuerySet[Member]:
    return Member.objects.select_related("team", "role").order_by("team__key")


# Adding one


@administers(Permission.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: CallerRequest) -> HttpResponseBase:
    """Fields: `kind`, `name`, `email`, `team` and `role` (keys, or nothing), `uid` as the page wrote it.

    What lets them in stands in the answer, once: a key, or a password that works once.
    """
    if request.method != "POST":
        return _adding(request, {"kind": request.GET.get("kind", "")})
    uid = ids.uuid(request.POST.get("uid", ""))
    if uid is not None and User.objects.filter(uid=uid).exists():
        return answers.done_before(
            request, reverse("person", args=[uid]), "This account was made already. What lets it in was shown then."
        )
    try:
        with transaction.atomic():
            return _added(request, uid)
    except RequestError as error:
        return _adding(request, request.POST, error)


def _added(request: CallerRequest, uid: UUID | None) -> HttpResponse:
    typed, is_program = request.POST, request.POST.get("kind") == "program"
    places = [_place(request)] if typed.get("team") else []
    email = typed.get("email", "").strip()
    user = people.create_user(request.caller, email, typed.get("name", ""), places, is_program=is_program, uid=uid)
    if not is_program:
        return _person(request, user, password=passwords.give(request.caller, user))
    issued = people.create_key(request.caller, user, "first key")
    return _person(request, user, **keys.shown_once(request, issued))


def _adding(request: CallerRequest, typed: Any, error: RequestError | None = None) -> HttpResponse:
    context = _choices() | {"typed": typed, "uid": typed.get("uid") or uuid4(), "error": error}
    return render(request, "interactions/person_new.html", context, status=error.status if error else 200)


def _choices() -> dict[str, Any]:
    return {"teams": Team.objects.order_by("key"), "roles": Role.objects.order_by("key")}


def _place(request: CallerRequest) -> Place:
    return Place(people.find_team(request.POST.get("team", "")), people.find_role(request.POST.get("role", "")))


# One of them


@administers(Permission.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: CallerRequest, uid: UUID) -> HttpResponse:
    """Posted, `act` says what to do; the forms of one user all lead here, so that their answers can be reloaded."""
    user = _found(uid)
    if request.method != "POST":
        return _person(request, user)
    act = _ACTS.get(request.POST.get("act", ""))
    try:
        if act is None:
            raise Invalid("There is no such act.", "act")
        return act(request, user)
    except RequestError as error:
        return _person(request, user, error)


def _found(uid: UUID) -> User:
    user = User.objects.filter(uid=uid).first()
    if user is None:
        raise Http404("There is no such user.")
    return user


def _person(request: CallerRequest, user: User, error: RequestError | None = None, **shown: Any) -> HttpResponse:
    """`shown`: what lets them in, where it was made this moment."""
    context = _choices() | keys.listed(user) | {"person": user, "state": _state(user)}
    context["problem"] = error.message if error else ""
    context["memberships"] = _memberships().filter(user=user)
    context["teams"] = context["teams"].exclude(memberships__user=user)
    if user.is_program:
        context |= keys.maker(request, access.caller_of(user), error)
    return render(request, "interactions/person.html", context | shown, status=error.status if error else 200)


def _give_place(request: CallerRequest, user: User) -> HttpResponse:
    """Fields: `team`, `role`."""
    place = _place(request)
    people.set_member(request.caller, user, place)
    return _placed(request, user, f"{user.email} has the role {place.role.key} in the team {place.team.key}.")


def _take_place(request: CallerRequest, user: User) -> HttpResponse:
    """Fields: `team`."""
    team = people.find_team(request.POST.get("team", ""))
    people.remove_member(request.caller, user, team)
    return _placed(request, user, f"{user.email} is no longer in the team {team.key}.")


def _placed(request: CallerRequest, user: User, told: str) -> HttpResponse:
    """Back to the page, unless they have just taken it from themselves."""
    stays = user != request.user or Permission.MANAGE_USERS in access.caller_of(user).everywhere
    return answers.see_other(request, reverse("person", args=[user.uid]) if stays else reverse("home"), told)


def _give_password(request: CallerRequest, user: User) -> HttpResponse:
    """For one sign-in. `state` is as the page wrote it, so that the same form does nothing twice."""
    if constant_time_compare(request.POST.get("state", ""), _state(user)):
        return _person(request, user, password=passwords.give(request.caller, user))
    told = "A password was made already since that page was shown. It was shown then; make another if it is lost."
    return answers.done_before(request, reverse("person", args=[user.uid]), told)


def _make_key(request: CallerRequest, user: User) -> HttpResponse:
    """For a service account; fields as for one's own."""
    try:
        issued = keys.make(request, user)
    except Conflict as error:
        return answers.done_before(request, reverse("person", args=[user.uid]), error.message)
    return _person(request, user, **keys.shown_once(request, issued))


_ACTS = {"place": _give_place, "leave": _take_place, "password": _give_password, "key": _make_key}


def _state(user: User) -> str:
    """Changes with the password, and tells nothing of it."""
    return salted_hmac("interactions.web.people", user.password).hexdigest()[:20]


@administers(Permission.MANAGE_USERS)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: CallerRequest, uid: UUID) -> HttpResponseBase:
    user = _found(uid)
    act = partial(people.delete_user, request.caller, user)
    then = reverse("login" if user == cast(User, request.user) else "people")
    return answers.confirm(request, _question(user), act, then, f"Deleted {user.email}.")


def _question(user: User) -> Question:
    valid = len(keys.listed(user)["keys"])
    ending = f"{wording.counted(valid, 'key')} {'ends' if valid == 1 else 'end'} at once." if valid else ""
    what = "service account" if user.is_program else "person"
    sentences = (
        f"This deletes the {what} {user.name or user.email} with their places in teams. {ending}",
        "What they logged and said stays. This cannot be undone.",
    )
    return Question(f"Delete {user.email}?", sentences, "Delete for good", reverse("person", args=[user.uid]))


def find(text: str) -> User:
    """A user by what somebody typed. Raises `NotFound`."""
    if not text.strip():
        raise NotFound("Type the email address of someone who has an account here.", "user")
    return people.find_user(text.strip())
