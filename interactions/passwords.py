"""How a person first comes in: by a password that somebody else made, and that works once.

Two people know it. So coming in with it uses it up, and the person chooses one of their own. Until then it stands in
the user's row with a mark before its hash, which no other way of signing in accepts.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import check_password, make_password
from django.http import HttpRequest

from interactions import people
from interactions.access import Caller, Permission
from interactions.errors import Invalid
from interactions.models import User

_MARK = "once$"


def give(caller: Caller, user: User) -> str:
    """A new one, in place of what they had. Whoever gives it could use it: so to nobody with more power than they."""
    caller.demand(Permission.MANAGE_USERS)
    if user.is_program:
        raise Invalid("A service account has keys and no password.", "user")
    people.allow_touching(caller, user)
    password = secrets.token_urlsafe(12)
    user.password = _MARK + make_password(password)
    user.save(update_fields=["password"])
    return password


def use_up(user: User) -> bool:
    """Whether there was one to use up."""
    if not user.password.startswith(_MARK):
        return False
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return True


class OneTimePasswords(ModelBackend):
    """Lets in with a password that works once. Whoever signs somebody in calls `use_up`."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        user = User.objects.filter(email=(username or "").lower(), password__startswith=_MARK).first()
        if user is None or not self.user_can_authenticate(user):
            return None
        return user if check_password(password, user.password.removeprefix(_MARK)) else None
