"""Who is looking: signing in and out, and the projects that one may look at."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from interactions import access, passwords
from interactions.models import User
from interactions.web import answers
from interactions.web.permissions import CallerRequest, public, signed_in


class _Login(LoginView):
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A session that ended while its page was open: a part of that page must not be replaced by a login form.
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            page = getattr(request, "htmx").current_url_abs_path or ""  # noqa: B009 - set by a middleware mypy cannot see
            return HttpResponseClientRedirect(f"{resolve_url('login')}?{urlencode({'next': page})}")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        if not passwords.use_up(form.get_user()):
            return response
        update_session_auth_hash(self.request, form.get_user())
        return redirect("password")


login = public(_Login.as_view())
logout = public(LogoutView.as_view())


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: CallerRequest) -> HttpResponseBase:
    """Choose a password. Who came in with one that was given to them has no other to name first."""
    user = cast(User, request.user)
    if user.is_program:
        raise PermissionDenied("A service account has keys and no password.")
    kind = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    form = kind(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        form.save()
        update_session_auth_hash(request, user)
        told = "Your password is changed. Other devices are signed out."
        return answers.see_other(request, resolve_url("home"), told)
    status = 422 if form.is_bound else 200
    return render(request, "interactions/password.html", {"form": form}, status=status)


@signed_in
def home(request: HttpRequest) -> HttpResponseBase:
    """The first project's interactions: most people have one project, and came to look at it."""
    found = access.projects_of(cast(User, request.user))
    return redirect("interactions", found[0].key) if found else projects(request)


@signed_in
def projects(request: HttpRequest) -> HttpResponse:
    return render(request, "interactions/projects.html", {"projects": access.projects_of(cast(User, request.user))})
