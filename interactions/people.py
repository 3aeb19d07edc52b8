"""Users, teams, roles and keys: who there is, and what they are made able to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Model, ProtectedError, Q, QuerySet
from django.utils.text import slugify

from interactions import access, ids
from interactions.access import ADMIN_TEAM, ROLES, Caller, IssuedKey, Permission
from interactions.errors import Conflict, Forbidden, Invalid, NotFound
from interactions.models import ApiKey, Member, Project, Role, Share, Team, User
from interactions.payloads import PROJECT_KEY

_M = TypeVar("_M", bound=Model)

_LONGEST = 200
_LONGEST_EMAIL = 254
_KEY_RULE = "has 1 to 100 letters, digits, “-”, “_” and “.”, and begins with no “.”"
# Service accounts have no mailbox; this is what their address ends with (as in the vendor's field docs).
SERVICE_DOMAIN = "system.adaptive.local"


# What there always is


def keep_defaults() -> None:
    """The reserved team, and the default roles as this version means them."""
    Team.objects.get_or_create(key=ADMIN_TEAM, defaults={"name": "Administrators"})
    for key, permissions in ROLES.items():
        listed = sorted(permissions)
        role, made = Role.objects.get_or_create(
            key=key, defaults={"name": key.replace("_", " ").capitalize(), "permissions": listed}
        )
        if not made and role.permissions != listed:
            Role.objects.filter(pk=role.pk).update(permissions=listed)


# Finding


def find_user(email_or_id: str) -> User:
    found = _find(User.objects.all(), email=email_or_id.lower())
    return _found(found, f"There is no user “{email_or_id[:200]}”.", "user")


def find_team(key_or_id: str) -> Team:
    return _found(_find(Team.objects.all(), key=key_or_id), f"There is no team “{key_or_id[:200]}”.", "team")


def find_role(key_or_id: str) -> Role:
    return _found(_find(Role.objects.all(), key=key_or_id), f"There is no role “{key_or_id[:200]}”.", "role")


def _find(rows: QuerySet[_M], **named: str) -> _M | None:
    (name,) = named.values()
    if "\x00" in name:  # PostgreSQL does not even look for it
        return None
    uid = ids.uuid(name)
    return rows.filter(Q(**named) | Q(uid=uid) if uid else Q(**named)).first()


def _found(one: _M | None, sentence: str, field: str) -> _M:
    if one is None:
        raise NotFound(sentence, field)
    return one


def belong(user: User, project: Project, role_key: str = "power_user") -> None:
    """Let a user into a project by the team that owns it, which is made if there is none. For commands."""
    owner = Team.objects.filter(shares__project=project, shares__is_owner=True).exclude(key=ADMIN_TEAM).first()
    if owner is None:
        owner, _ = Team.objects.get_or_create(key=project.key, defaults={"name": project.name})
        Share.objects.update_or_create(
            project=project, team=owner, defaults={"role": find_role("power_user"), "is_owner": True}
        )
    Member.objects.get_or_create(user=user, team=owner, defaults={"role": find_role(role_key)})


# Users


class Place(NamedTuple):
    """A team, and the role that somebody is to have there."""

    team: Team
    role: Role


def create_user(
    caller: Caller,
    email: str,
    name: str,
    places: Iterable[Place],
    *,
    is_program: bool = False,
    uid: UUID | None = None,
) -> User:
    """A person who can be let in, or a service account. A program without an address gets one made of its name.

    With a `uid`, asking twice makes one user: the second time is a `Conflict`.
    """
    caller.demand(Permission.MANAGE_USERS)
    name = _text(name, "name")
    if is_program and not email:
        email = f"{slugify(name) or 'program'}@{SERVICE_DOMAIN}"
    _email(email)
    if User.objects.filter(Q(email=email.lower()) | Q(uid=uid) if uid else Q(email=email.lower())).exists():
        raise Conflict(f"There is a user “{email.lower()}” already.", "email")
    with transaction.atomic():
        user = User.objects.create_user(email, name=name, is_program=is_program, uid=uid or uuid4())
        for place in places:
            _allow_role(caller, place)
            Member.objects.create(user=user, team=place.team, role=place.role)
    return user


def delete_user(caller: Caller, user: User) -> None:
    """With their keys and memberships. What they logged and said stays."""
    caller.demand(Permission.MANAGE_USERS)
    with _an_administrator_left():
        user.delete()


def _allow_becoming(caller: Caller, user: User) -> None:
    """Who hands out a key could use it: so for nobody who has more power over the server."""
    if user.uid != caller.user_uid and not access.caller_of(user).everywhere <= caller.everywhere:
        raise Forbidden(f"{user.email} may do more on this server than you may do yourself.")


# Teams


def create_team(caller: Caller, key: str, name: str) -> Team:
    caller.demand(Permission.MANAGE_TEAMS)
    key = _key(key or slugify(name), "key")
    if Team.objects.filter(key=key).exists():
        raise Conflict(f"There is a team “{key}” already.", "key")
    return Team.objects.create(key=key, name=_text(name or key, "name"))


def delete_team(caller: Caller, team: Team) -> None:
    caller.demand(Permission.MANAGE_TEAMS)
    if team.key == ADMIN_TEAM:
        raise Invalid(f"The team “{ADMIN_TEAM}” is reserved: the server is administered by it.", "team")
    orphaned = Project.objects.filter(shares__team=team).exclude(shares__in=Share.objects.exclude(team=team))
    if keys := list(orphaned.values_list("key", flat=True)[:5]):
        raise Conflict(f"Only this team has {', '.join(keys)}. Share these projects with another team first.", "team")
    team.delete()


def set_member(caller: Caller, user: User, place: Place) -> Member:
    """Put a user into a team, or give them another role there."""
    caller.demand(Permission.MANAGE_USERS)
    _allow_role(caller, place)
    with _an_administrator_left():
        member, _ = Member.objects.update_or_create(user=user, team=place.team, defaults={"role": place.role})
    return member


def remove_member(caller: Caller, user: User, team: Team) -> None:
    caller.demand(Permission.MANAGE_USERS)
    with _an_administrator_left():
        removed, _ = Member.objects.filter(user=user, team=team).delete()
        if not removed:
            raise NotFound(f"{user.email} is not in the team “{team.key}”.", "user")


def _allow_role(caller: Caller, place: Place) -> None:
    """Nobody gives more power over the server than they have."""
    if place.team.key == ADMIN_TEAM and not set(place.role.permissions) <= caller.everywhere:
        raise Forbidden(f"The role “{place.role.key}” allows more in the team “{ADMIN_TEAM}” than you may do yourself.")


@contextmanager
def _an_administrator_left() -> Iterator[None]:
    """Refuses what would leave nobody who can manage users."""
    with transaction.atomic():
        yield
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return
        held = Member.objects.filter(team__key=ADMIN_TEAM, user__is_active=True)
        if not any(Permission.MANAGE_USERS in names for names in held.values_list("role__permissions", flat=True)):
            raise Conflict("Nobody would be left who can manage users. Make someone else an administrator first.")


# Roles


def create_role(caller: Caller, key: str, name: str, permissions: Iterable[str]) -> Role:
    caller.demand(Permission.MANAGE_ROLES)
    key = _key(key or slugify(name), "key")
    if Role.objects.filter(key=key).exists():
        raise Conflict(f"There is a role “{key}” already.", "key")
    return Role.objects.create(key=key, name=_text(name or key, "name"), permissions=_permissions(permissions))


def update_role(caller: Caller, role: Role, permissions: Iterable[str]) -> None:
    caller.demand(Permission.MANAGE_ROLES)
    _is_own(role)
    wanted = _permissions(permissions)
    if not set(wanted) - set(role.permissions) <= caller.everywhere and _administers(role):
        raise Forbidden(f"Somebody in the team “{ADMIN_TEAM}” has this role: it cannot allow more than you may do.")
    with _an_administrator_left():
        role.permissions = wanted
        role.save(update_fields=["permissions"])


def delete_role(caller: Caller, role: Role) -> None:
    caller.demand(Permission.MANAGE_ROLES)
    _is_own(role)
    try:
        role.delete()
    except ProtectedError:
        raise Conflict(
            f"The role “{role.key}” is in use. Give who has it, and its shares, another one first.", "role"
        ) from None


def _administers(role: Role) -> bool:
    return Member.objects.filter(team__key=ADMIN_TEAM, role=role).exists()


def _is_own(role: Role) -> None:
    if role.key in ROLES:
        raise Invalid(f"The role “{role.key}” is one of the default roles, which stay as they are.", "role")


def _permissions(names: Iterable[str]) -> list[str]:
    wanted = set(names)
    if unknown := sorted(wanted - set(Permission)):
        raise Invalid(
            f"There is no permission “{unknown[0][:100]}”. There are: {', '.join(Permission)}.", "permissions"
        )
    return sorted(wanted)


# Keys


def create_key(
    caller: Caller, user: User, name: str = "", projects: Iterable[Project] | None = None, *, uid: UUID | None = None
) -> IssuedKey:
    """A key of one's own, or of a service account. For some projects, or for all that its user may do.

    With a `uid`, asking twice makes one key: the second time is a `Conflict`.
    """
    _allow_keys(caller, user)
    if user.uid != caller.user_uid and not user.is_program:
        raise Forbidden("People make their own keys; only those of service accounts are made for them.")
    _allow_becoming(caller, user)
    name = _text(name, "name") if name else ""
    try:
        with transaction.atomic():
            return access.issue_key(user, projects, name, uid)
    except IntegrityError:
        raise Conflict("This key was made already. Its secret was shown then, and cannot be shown again.") from None


def revoke_key(caller: Caller, key: ApiKey) -> None:
    _allow_keys(caller, key.user)
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=ids.now())


def expire_keys(caller: Caller, user: User, moment: datetime | None) -> None:
    """Let all keys that the user has end then; for None, now."""
    _allow_keys(caller, user)
    valid = ApiKey.objects.filter(user=user, revoked_at=None)
    if moment is None or moment <= ids.now():
        valid.update(revoked_at=ids.now())
    else:
        valid.filter(Q(expires_at=None) | Q(expires_at__gt=moment)).update(expires_at=moment)


def _allow_keys(caller: Caller, user: User) -> None:
    if caller.is_limited:
        raise Forbidden("A key that is for some projects only cannot manage keys.")
    if user.uid != caller.user_uid:
        caller.demand(Permission.MANAGE_USERS)


# What a person may type


def _text(text: str, field: str) -> str:
    text = text.strip()
    if not text or len(text) > _LONGEST or "\x00" in text:
        raise Invalid(f"This must have 1 to {_LONGEST} characters.", field)
    return text


def _email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid(f"“{email[:200]}” is not an email address.", "email") from None
    if len(email) > _LONGEST_EMAIL:
        raise Invalid(f"An email address has at most {_LONGEST_EMAIL} characters.", "email")


def _key(key: str, field: str) -> str:
    if not PROJECT_KEY.fullmatch(key):
        raise Invalid(f"A key {_KEY_RULE}.", field)
    return key
