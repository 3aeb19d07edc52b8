"""How a page declares who may see it. A route without a declaration fails a test, and is refused here anyway."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from interactions import access
from interactions.access import Caller, Permission
from interactions.errors import Forbidden, NotFound
from interactions.models import Project, User

View = Callable[..., HttpResponseBase]


class CallerRequest(HttpRequest):
    """A request of somebody who is signed in."""

    caller: Caller


class ProjectRequest(CallerRequest):
    """A request that passed `requires`."""

    project: Project
    may_delete: bool
    may_share: bool
    may_see_models: bool
    may_use_models: bool


def requires(permission: Permission, *others: Permission) -> Callable[[View], View]:
    """For views of `/projects/<key>/…`: signed in, and holding all of these in that project. Else 404, or 403."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def checked(request: HttpRequest, key: str, **kwargs: Any) -> HttpResponseBase:
            asking = cast(ProjectRequest, request)
            asking.caller = access.caller_of(cast(User, request.user))
            try:
                for one in (permission, *others):
                    project_id = asking.caller.project_id(key, one)
                asking.project = Project.objects.get(pk=project_id)
            except NotFound as error:
                raise Http404(error.message) from None
            except Forbidden as error:
                raise PermissionDenied(error.message) from None
            asking.may_delete = asking.caller.may(asking.project.pk, Permission.DELETE)
            asking.may_share = asking.caller.may(asking.project.pk, Permission.SHARE)
            asking.may_see_models = asking.caller.may(asking.project.pk, Permission.SEE_MODELS)
            asking.may_use_models = asking.caller.may(asking.project.pk, Permission.USE_MODELS)
            return view(asking, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        checked.also_needed = others  # type: ignore[attr-defined]
        return checked

    return decorate


def administers(permission: Permission) -> Callable[[View], View]:
    """For views that concern the server as a whole: signed in, and holding `permission` everywhere. Else 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: CallerRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                request.caller.demand(permission)
            except Forbidden as error:
                raise PermissionDenied(error.message) from None
            return view(request, **kwargs)

        shown = signed_in(checked)
        shown.permission = permission  # type: ignore[attr-defined]
        return shown

    return decorate


def signed_in(view: View) -> View:
    """For views of the person's own: any account may see them."""

    @login_required
    @wraps(view)
    def checked(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        asking = cast(CallerRequest, request)
        asking.caller = access.caller_of(cast(User, request.user))
        return view(asking, **kwargs)

    checked.permission = "signed-in"  # type: ignore[attr-defined]
    return checked


def public(view: View) -> View:
    """For what anyone may see: the login page, the health check, the API's description."""
    view.permission = "public"  # type: ignore[attr-defined]
    return view
