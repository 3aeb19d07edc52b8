"""Who may do what. Every door asks here, and here only."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Q

from interactions import ids
from interactions.errors import Forbidden, NotFound, Unauthorized
from interactions.models import ApiKey, ApiKeyProject, Membership, Project, User

KEY_FORM = re.compile(r"ik_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}")
USE_NOTED_EVERY = timedelta(minutes=1)


class Permission(StrEnum):
    READ = "interaction:read"
    LOG = "interaction:create"
    JUDGE = "feedback:create"  # feedback, comparisons, labels


_EVERYTHING = frozenset(Permission)
ROLES: Mapping[str, frozenset[Permission]] = {
    Membership.Role.VIEWER: frozenset({Permission.READ}),
    Membership.Role.ANNOTATOR: frozenset({Permission.READ, Permission.JUDGE}),
    Membership.Role.MEMBER: _EVERYTHING,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A project as one caller may use it."""

    project_id: int
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what they may reach: `grants` by project key."""

    user_uid: UUID | None
    grants: Mapping[str, Grant]
    api_key_id: int | None = None
    key_used_at: datetime | None = None

    def project_id(self, key: str, permission: Permission) -> int:
        """The project `key`. `NotFound` where the caller cannot see it: a foreign project and none look the same."""
        grant = self.grants.get(key)
        if grant is None:
            raise NotFound(f"There is no project “{key[:200]}” that this caller can see. Check its key.", "project")
        if permission not in grant.permissions:
            raise Forbidden(f"This needs the permission {permission} in the project “{key}”.")
        return grant.project_id

    def may(self, project_id: int, permission: Permission) -> bool:
        return any(g.project_id == project_id and permission in g.permissions for g in self.grants.values())


# API keys


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `secret` is shown once and kept nowhere."""

    api_key: ApiKey
    secret: str


def issue_key(user: User, projects: Iterable[Project], name: str = "") -> IssuedKey:
    prefix = "ik_" + "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    api_key = ApiKey.objects.create(user=user, name=name, prefix=prefix, digest=digest(secret))
    ApiKeyProject.objects.bulk_create(ApiKeyProject(api_key=api_key, project=project) for project in projects)
    return IssuedKey(api_key, secret)


def digest(secret: str) -> str:
    """A key has 256 random bits, so a plain hash is as good as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_digest(header: str) -> str:
    """The digest of the key in an `Authorization` header, whether or not such a key exists."""
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized("Send an API key in the header “Authorization: Bearer …”.")
    if not KEY_FORM.fullmatch(secret.strip()):
        raise Unauthorized("This API key is not valid. Check that it was copied whole.")
    return digest(secret.strip())


# Callers


def authenticate(key_digest: str) -> Caller:
    caller = callers([key_digest]).get(key_digest)
    if caller is None:
        raise Unauthorized("This API key is not valid: it does not exist, or it was revoked.")
    note_use([caller])
    return caller


def callers(digests: Iterable[str]) -> dict[str, Caller]:
    """The callers behind the valid ones of `digests`, in three queries however many there are."""
    keys = list(ApiKey.objects.filter(digest__in=digests, revoked_at=None, user__is_active=True).select_related("user"))
    scopes: dict[int, list[Project]] = {key.pk: [] for key in keys}
    for link in ApiKeyProject.objects.filter(api_key__in=keys).select_related("project"):
        scopes[link.api_key_id].append(link.project)
    roles = {
        (membership.user_id, membership.project_id): membership.role
        for membership in Membership.objects.filter(user__in=[key.user_id for key in keys])
    }
    return {
        key.digest: Caller(key.user.uid, _grants(key.user, scopes[key.pk], roles), key.pk, key.last_used_at)
        for key in keys
    }


def caller_of(user: User) -> Caller:
    """The caller that a signed-in person is."""
    roles = {(user.pk, membership.project_id): membership.role for membership in user.memberships.all()}
    return Caller(user.uid, _grants(user, Project.objects.filter(_visible(user)), roles))


def operator(project: Project) -> Caller:
    """The caller that a command on the server is: whoever can run it can read the store anyway."""
    return Caller(None, {project.key: Grant(project.pk, _EVERYTHING)})


def projects_of(user: User) -> list[Project]:
    return list(Project.objects.filter(_visible(user)).order_by("key"))


def _visible(user: User) -> Q:
    return Q() if user.is_superuser else Q(memberships__user=user)


def _grants(user: User, projects: Iterable[Project], roles: Mapping[tuple[int, int], str]) -> dict[str, Grant]:
    granted = {}
    for project in projects:
        role = roles.get((user.pk, project.pk))
        permissions = _EVERYTHING if user.is_superuser else ROLES.get(role or "", frozenset())
        if permissions:
            granted[project.key] = Grant(project.pk, permissions)
    return granted


def note_use(used: Iterable[Caller]) -> None:
    """Keep the time a key was last used, to the minute: not every request needs a write."""
    now = ids.now()
    stale = [
        caller.api_key_id
        for caller in used
        if caller.api_key_id and (caller.key_used_at is None or now - caller.key_used_at > USE_NOTED_EVERY)
    ]
    if stale:
        ApiKey.objects.filter(pk__in=stale).update(last_used_at=now)
