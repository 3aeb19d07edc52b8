"""People in teams, and what they then are as callers."""

from __future__ import annotations

from collections.abc import Iterable

from interactions import access, people
from interactions.access import Caller, Permission
from interactions.models import Member, Project, Role, Share, Team, User

Allowed = str | Iterable[Permission]


def team(key: str) -> Team:
    return Team.objects.get_or_create(key=key, defaults={"name": key.title()})[0]


def role(allowed: Allowed) -> Role:
    """The role of this key, or one that allows just this."""
    if isinstance(allowed, str):
        return people.find_role(allowed)
    listed = sorted(allowed)
    key = f"custom-{Role.objects.count()}"
    return Role.objects.filter(permissions=listed).first() or Role.objects.create(key=key, name=key, permissions=listed)


def person(name: str, **places: Allowed) -> User:
    """Somebody with these roles in these teams."""
    user, _ = User.objects.get_or_create(email=f"{name}@example.org", defaults={"name": name.title()})
    for key, allowed in places.items():
        Member.objects.update_or_create(user=user, team=team(key), defaults={"role": role(allowed)})
    return user


def caller(name: str, **places: Allowed) -> Caller:
    return access.caller_of(person(name, **places))


def limited(name: str, project: Project, **places: Allowed) -> Caller:
    """By a key for one project."""
    return access.authenticate(access.digest(access.issue_key(person(name, **places), [project]).secret))


def share(project: Project, key: str, allowed: Allowed = "power_user", *, is_owner: bool = False) -> Share:
    given = {"role": role(allowed), "is_owner": is_owner}
    return Share.objects.update_or_create(project=project, team=team(key), defaults=given)[0]
