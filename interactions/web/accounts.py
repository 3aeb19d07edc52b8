"""Who is looking: signing in and out, and the projects that one may look at."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from interactions import access
from interactions.models import User
from interactions.web.permissions import public, signed_in


class _Login(LoginView):
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A session that ended while its page was open: a part of that page must not be replaced by a login form.
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            page = getattr(request, "htmx").current_url_abs_path or ""  # noqa: B009 - set by a middleware mypy cannot see
            return HttpResponseClientRedirect(f"{resolve_url('login')}?{urlencode({'next': page})}")
        return super().dispatch(request, *args, **kwargs)


login = public(_Login.as_view())
logout = public(LogoutView.as_view())


@signed_in
def home(request: HttpRequest) -> HttpResponseBase:
    """The first project's interactions: most people have one project, and came to look at it."""
    found = access.projects_of(cast(User, request.user))
    return redirect("interactions", found[0].key) if found else projects(request)


@signed_in
def projects(request: HttpRequest) -> HttpResponse:
    return render(request, "interactions/projects.html", {"projects": access.projects_of(cast(User, request.user))})
