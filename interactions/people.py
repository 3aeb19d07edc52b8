"""Users, teams, roles and keys: who there is, and what they are made able to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, ProtectedError, Q, QuerySet

from interactions import access, ids, naming
from interactions.access import ADMIN_TEAM, NO_LIMITS, ROLES, Caller, IssuedKey, Limits, Permission
from interactions.errors import Conflict, Forbidden, Invalid, NotFound
from interactions.ingest import told
from interactions.models import ApiKey, ExternalModel, Member, Project, Role, Share, Team, User

_M = TypeVar("_M", bound=Model)

_LONGEST_EMAIL = 254
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
    found = naming.find(User.objects.all(), email_or_id.lower(), "email")
    return _found(found, f"There is no user “{email_or_id[:200]}”.", "user")


def find_team(key_or_id: str, caller: Caller | None = None) -> Team:
    """Among all, or those that the caller sees."""
    among = visible_teams(caller) if caller else Team.objects.all()
    return _found(naming.find(among, key_or_id), f"There is no team “{key_or_id[:200]}”.", "team")


def visible_teams(caller: Caller) -> QuerySet[Team]:
    """All of them for who may do anything everywhere; for others, their own."""
    return Team.objects.all() if caller.everywhere else Team.objects.filter(pk__in=list(caller.teams))


def find_role(key_or_id: str) -> Role:
    return _found(naming.find(Role.objects.all(), key_or_id), f"There is no role “{key_or_id[:200]}”.", "role")


def _found(one: _M | None, sentence: str, field: str) -> _M:
    if one is None:
        raise NotFound(sentence, field)
    return one


def make_administrator(user: User) -> None:
    """For commands: whoever can run them can do everything anyway."""
    Member.objects.update_or_create(user=user, team=find_team(ADMIN_TEAM), defaults={"role": find_role("admin")})


def belong(user: User, project: Project, role_key: str = "power_user") -> None:
    """Let a user into a project by the team that owns it, which is made if there is none. For commands."""
    owner = Team.objects.filter(shares__project=project, shares__is_owner=True).exclude(key=ADMIN_TEAM).first()
    if owner is None:
        # Another key if there is such a team: the project is not its people's, and may even be called “admin”.
        taken = Team.objects.filter(key__startswith=project.key[:80]).values_list("key", flat=True)
        owner = Team.objects.create(key=naming.free(project.key, set(taken)), name=project.name)
        Share.objects.update_or_create(
            project=project, team=owner, defaults={"role": find_role("power_user"), "is_owner": True}
        )
    Member.objects.get_or_create(user=user, team=owner, defaults={"role": find_role(role_key)})


# Power


class Place(NamedTuple):
    """A team, and the role that somebody is to have there."""

    team: Team
    role: Role


def team_of_new(caller: Caller, permission: Permission, team: Team | None = None) -> Team:
    """The team that what the caller makes will belong to: this one, or the only one in which they may make it; where
    there are several, the reserved one if they may do so everywhere, else the first by its key."""
    if team is not None:
        if permission not in caller.everywhere | caller.teams.get(team.pk, frozenset()):
            raise Forbidden(f"This needs the permission {permission} in the team “{team.key}”.", "team")
        return team
    allowing = [pk for pk, allowed in caller.teams.items() if permission in allowed]
    candidates = list(Team.objects.filter(pk__in=allowing).order_by("key")[:2])
    if len(candidates) != 1 and permission in caller.everywhere:
        return find_team(ADMIN_TEAM)
    if not candidates:
        raise Forbidden(
            f"This needs the permission {permission} in a team, and a key that is not for some projects only.", "team"
        )
    return candidates[0]


def _allow_giving(caller: Caller, permissions: Iterable[str], team: Team | None = None) -> None:
    """Nobody gives more than they have: everywhere, or for what holds in a team only, in that team."""
    own, given = caller.everywhere, set(permissions) & set(Permission)
    if team is not None and team.key != ADMIN_TEAM:
        own, given = own | caller.teams.get(team.pk, frozenset()), given & access.IN_PROJECTS
    if missing := sorted(given - own):
        raise Forbidden(f"This would give somebody the permission {missing[0]}, which you do not have there yourself.")


def allow_touching(caller: Caller, user: User) -> None:
    """Who has more power over the server is not demoted, deleted or given keys by who has less."""
    if user.uid != caller.user_uid and not _power(user) <= caller.everywhere:
        raise Forbidden(f"{user.email} may do more on this server than you may yourself.", "user")


def _power(user: User) -> set[str]:
    """What a user may do everywhere, as soon as their account is active."""
    if user.is_superuser:
        return set(Permission)
    held = Member.objects.filter(user=user, team__key=ADMIN_TEAM).values_list("role__permissions", flat=True)
    return {name for names in held for name in names} & set(Permission)


@contextmanager
def _an_administrator_left() -> Iterator[None]:
    """Refuses what would leave nobody who can manage users."""
    with transaction.atomic():
        # One after the other: of the last two administrators, each sees the other while both are leaving.
        Team.objects.select_for_update(no_key=True).get(key=ADMIN_TEAM)
        yield
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return
        held = Member.objects.filter(team__key=ADMIN_TEAM, user__is_active=True)
        if not any(Permission.MANAGE_USERS in names for names in held.values_list("role__permissions", flat=True)):
            raise Conflict("Nobody would be left who can manage users. Make someone else an administrator first.")


# Users


@told()
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
    name, places = naming.name(name), list(places)
    if is_program and not email:
        email = f"{naming.slug(name) or 'program'}@{SERVICE_DOMAIN}"
    email = email_address(email)
    if User.objects.filter(Q(email=email) | Q(uid=uid) if uid else Q(email=email)).exists():
        raise Conflict(f"There is a user “{email}” already.", "email")
    for number, place in enumerate(places):
        _allow_giving(caller, place.role.permissions, place.team)
        if place.team in [earlier.team for earlier in places[:number]]:
            raise Invalid(f"The team “{place.team.key}” is named twice.", f"teams[{number}].team")
    with transaction.atomic():
        user = User.objects.create_user(email, name=name, is_program=is_program, uid=uid or uuid4())
        Member.objects.bulk_create(Member(user=user, team=place.team, role=place.role) for place in places)
    return user


@told()
def delete_user(caller: Caller, user: User) -> None:
    """With their keys and memberships. What they logged and said stays; so does `user`, to be told of."""
    caller.demand(Permission.MANAGE_USERS)
    with _an_administrator_left():
        allow_touching(caller, user)
        User.objects.filter(pk=user.pk).delete()


# Teams


@told()
def create_team(caller: Caller, key: str | None, name: str) -> Team:
    """Without a key it gets one made of its name."""
    caller.demand(Permission.MANAGE_TEAMS)
    key = naming.key(key or naming.slug(name))
    if Team.objects.filter(key=key).exists():
        raise Conflict(f"There is a team “{key}” already.", "key")
    return Team.objects.create(key=key, name=naming.name(name or key))


@told()
def delete_team(caller: Caller, team: Team) -> None:
    """With its external models, where no project uses them. Its people stay."""
    caller.demand(Permission.MANAGE_TEAMS)
    if team.key == ADMIN_TEAM:
        raise Invalid(f"The team “{ADMIN_TEAM}” is reserved: the server is administered by it.", "team")
    with transaction.atomic():
        if not list(Team.objects.select_for_update().filter(pk=team.pk)):
            raise NotFound(f"There is no team “{team.key}” any more.", "team")
        others = Share.objects.filter(project=OuterRef("pk"), is_owner=True).exclude(team=team)
        orphaned = Project.objects.filter(~Exists(others), shares__team=team).order_by("key")
        if keys := list(orphaned.values_list("key", flat=True)[:5]):
            raise Conflict(f"No other team owns {', '.join(keys)}. Make another team the owner first.", "team")
        refuse_if_used(ExternalModel.objects.filter(team=team), "team")
        Team.objects.filter(pk=team.pk).delete()


def refuse_if_used(externals: QuerySet[ExternalModel], field: str) -> None:
    used = externals.filter(uses__is_attached=True).order_by("key", "uses__project__key")
    if pair := used.values_list("key", "uses__project__key").first():
        raise Conflict("The project “{1}” uses the model “{0}”. Detach it there first.".format(*pair), field)


@told()
def set_member(caller: Caller, user: User, place: Place) -> Member:
    """Put a user into a team, or give them another role there. Nobody gives more than they have."""
    caller.demand(Permission.MANAGE_USERS)
    _allow_giving(caller, place.role.permissions, place.team)
    with _an_administrator_left():
        if place.team.key == ADMIN_TEAM:
            allow_touching(caller, user)
        member, _ = Member.objects.update_or_create(user=user, team=place.team, defaults={"role": place.role})
    return member


@told()
def remove_member(caller: Caller, user: User, team: Team) -> None:
    caller.demand(Permission.MANAGE_USERS)
    with _an_administrator_left():
        if team.key == ADMIN_TEAM:
            allow_touching(caller, user)
        removed, _ = Member.objects.filter(user=user, team=team).delete()
        if not removed:
            raise NotFound(f"{user.email} is not in the team “{team.key}”.", "user")


# Roles


@told()
def create_role(caller: Caller, key: str | None, name: str, permissions: Iterable[str]) -> Role:
    """Without a key it gets one made of its name. Nobody gives more than they have."""
    caller.demand(Permission.MANAGE_ROLES)
    key, listed = naming.key(key or naming.slug(name)), _permissions(permissions)
    _allow_giving(caller, listed)
    if Role.objects.filter(key=key).exists():
        raise Conflict(f"There is a role “{key}” already.", "key")
    return Role.objects.create(key=key, name=naming.name(name or key), permissions=listed)


@told()
def update_role(caller: Caller, role: Role, permissions: Iterable[str]) -> Role:
    """What the role allows from now on, for all who have it. Nobody gives more than they have."""
    caller.demand(Permission.MANAGE_ROLES)
    _is_own(role)
    listed = _permissions(permissions)
    with _an_administrator_left():
        locked = _found(
            Role.objects.select_for_update().filter(pk=role.pk).first(), f"There is no role “{role.key}”.", "role"
        )
        _allow_giving(caller, set(listed) - set(locked.permissions))
        locked.permissions = listed
        locked.save(update_fields=["permissions"])
    return locked


@told()
def delete_role(caller: Caller, role: Role) -> None:
    caller.demand(Permission.MANAGE_ROLES)
    _is_own(role)
    try:
        Role.objects.filter(pk=role.pk).delete()
    except ProtectedError:
        raise Conflict(
            f"The role “{role.key}” is in use. Give those who have it, and what is shared by it, another first.", "role"
        ) from None


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


@told()
def create_key(
    caller: Caller,
    user: User,
    name: str = "",
    projects: Iterable[Project] | None = None,
    *,
    uid: UUID | None = None,
    limits: Limits = NO_LIMITS,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A key of one's own, or of a service account. For some projects, or for all that its user may do.

    With a `uid`, asking twice makes one key: the second time is a `Conflict`.
    """
    _allow_keys(caller, user)
    if user.uid != caller.user_uid and not user.is_program:
        raise Forbidden("People make their own keys; only those of service accounts are made for them.")
    name = naming.name(name) if name else ""
    if uid and ApiKey.objects.filter(uid=uid).exists():
        raise Conflict("This key was made already. Its secret was shown then, and cannot be shown again.")
    with transaction.atomic():
        return access.issue_key(user, projects, name, uid, limits, expires_at)


@told()
def limit_key(caller: Caller, key: ApiKey, limits: Limits) -> None:
    """What it may use of models from now on. What it has used already counts."""
    _allow_keys(caller, key.user)
    ApiKey.objects.filter(pk=key.pk).update(**limits.columns())


@told()
def revoke_key(caller: Caller, key: ApiKey) -> None:
    _allow_keys(caller, key.user)
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=ids.now())


@told()
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
        allow_touching(caller, user)


# What a person may type


def email_address(email: str) -> str:
    """In lower case, as it is kept. Raises `Invalid`."""
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid(f"“{email[:200]}” is not an email address.", "email") from None
    if len(email) > _LONGEST_EMAIL:
        raise Invalid(f"An email address has at most {_LONGEST_EMAIL} characters.", "email")
    return email.lower()
