"""Users, teams, roles and permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

import strawberry
from django.db import transaction
from django.db.models import Q

from interactions import ids, people
from interactions.access import Caller, Permission
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import UserType
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, InputDatetime, Timestamp, milliseconds
from interactions.models import Member
from interactions.models import Role as StoredRole
from interactions.models import Team as StoredTeam
from interactions.models import User as StoredUser


@strawberry.type
class Team:
    id: UUID
    key: str
    name: str
    created_at: Timestamp

    @classmethod
    def of(cls, team: StoredTeam) -> Team:
        return cls(id=team.uid, key=team.key, name=team.name, created_at=milliseconds(team.created_at))


@strawberry.type
class Role:
    id: UUID
    key: str
    name: str
    created_at: Timestamp
    permissions: list[str]

    @classmethod
    def of(cls, role: StoredRole) -> Role:
        created_at = milliseconds(role.created_at)
        return cls(id=role.uid, key=role.key, name=role.name, created_at=created_at, permissions=role.permissions)


@strawberry.type
class UserTeam:
    team: Team
    role: Role


@strawberry.type
class User:
    id: UUID
    email: str
    name: str
    created_at: Timestamp
    user_type: UserType
    teams: list[UserTeam]

    @classmethod
    def of(cls, caller: Caller, user: StoredUser) -> User:
        return cls.several(caller, [user])[0]

    @classmethod
    def several(cls, caller: Caller, users: Iterable[StoredUser]) -> list[User]:
        """With their teams, as far as the caller sees these."""
        users = list(users)
        places: defaultdict[int, list[UserTeam]] = defaultdict(list)
        seen = Q(team__in=people.visible_teams(caller)) | Q(user__uid=caller.user_uid)
        members = Member.objects.filter(seen, user__in=users).select_related("team", "role")
        for member in members.order_by("team__key"):
            places[member.user_id].append(UserTeam(team=Team.of(member.team), role=Role.of(member.role)))
        return [
            cls(
                id=user.uid,
                email=user.email,
                name=user.name or user.email,
                created_at=milliseconds(user.created_at),
                user_type=UserType.SYSTEM if user.is_program else UserType.HUMAN,
                teams=places[user.pk],
            )
            for user in users
        ]


@strawberry.type
class TeamMember:
    user: User
    team: Team
    role: Role


@strawberry.type
class UserCreateResult:
    user: User
    generated_api_key: str | None


@strawberry.type
class ApiKeyCreated:
    key: str
    created_at: Timestamp


@strawberry.input
class UserCreateTeamWithRole:
    team: IdOrKey
    role: IdOrKey


@strawberry.input
class UserCreate:
    name: str
    teams: list[UserCreateTeamWithRole]
    email: str | None = None
    user_type: UserType = UserType.HUMAN
    generate_api_key: bool | None = None


@strawberry.input
class TeamMemberSet:
    user: IdOrKey
    team: IdOrKey
    role: IdOrKey


@strawberry.input
class TeamMemberRemove:
    user: IdOrKey
    team: IdOrKey


@strawberry.input
class TeamCreate:
    name: str
    key: str | None = None


@strawberry.input
class RoleCreate:
    name: str
    permissions: list[str]
    key: str | None = None


@strawberry.input
class ApiKeyCreate:
    user: IdOrKey
    expiration_for_previous_keys: InputDatetime | None = None


@strawberry.type
class PeopleQuery:
    @needs("signed-in")
    def me(self, info: Info) -> User | None:
        return User.of(info.context.caller, info.context.user) if info.context.user else None

    @needs("signed-in")
    def users(self, info: Info) -> list[User]:
        """All of them for who manages users; for others, those they share a team with."""
        found = StoredUser.objects.order_by("email")
        if Permission.MANAGE_USERS not in info.context.caller.everywhere:
            near = Member.objects.filter(team__in=list(info.context.caller.teams)).values("user")
            own = info.context.user.pk if info.context.user else None
            found = found.filter(Q(pk__in=near) | Q(pk=own))
        return User.several(info.context.caller, found)

    @needs("signed-in")
    def teams(self, info: Info) -> list[Team]:
        return [Team.of(team) for team in people.visible_teams(info.context.caller).order_by("key")]

    @needs("signed-in")
    def roles(self, info: Info) -> list[Role]:
        return [Role.of(role) for role in StoredRole.objects.order_by("key")]

    @needs("signed-in")
    def permissions(self, info: Info) -> list[str]:
        return sorted(Permission)


@strawberry.type
class PeopleMutation:
    @needs(Permission.MANAGE_USERS)
    def create_user(self, info: Info, input: UserCreate) -> UserCreateResult:
        caller = info.context.caller
        caller.demand(Permission.MANAGE_USERS)
        places = [people.Place(people.find_team(one.team), people.find_role(one.role)) for one in input.teams]
        is_program = input.user_type is UserType.SYSTEM
        user = people.create_user(caller, input.email or "", input.name, places, is_program=is_program)
        secret = people.create_key(caller, user).secret if input.generate_api_key and is_program else None
        return UserCreateResult(user=User.of(caller, user), generated_api_key=secret)

    @needs(Permission.MANAGE_USERS)
    def delete_user(self, info: Info, user: IdOrKey) -> User:
        info.context.caller.demand(Permission.MANAGE_USERS)
        found = people.find_user(user)
        told = User.of(info.context.caller, found)
        people.delete_user(info.context.caller, found)
        return told

    @needs(Permission.MANAGE_USERS)
    def set_team_member(self, info: Info, input: TeamMemberSet) -> TeamMember:
        info.context.caller.demand(Permission.MANAGE_USERS)
        user = people.find_user(input.user)
        place = people.Place(people.find_team(input.team), people.find_role(input.role))
        people.set_member(info.context.caller, user, place)
        return TeamMember(user=User.of(info.context.caller, user), team=Team.of(place.team), role=Role.of(place.role))

    @needs(Permission.MANAGE_USERS)
    def remove_team_member(self, info: Info, input: TeamMemberRemove) -> User:
        info.context.caller.demand(Permission.MANAGE_USERS)
        user = people.find_user(input.user)
        people.remove_member(info.context.caller, user, people.find_team(input.team))
        return User.of(info.context.caller, user)

    @needs(Permission.MANAGE_TEAMS)
    def create_team(self, info: Info, input: TeamCreate) -> Team:
        return Team.of(people.create_team(info.context.caller, input.key or "", input.name))

    @needs(Permission.MANAGE_ROLES)
    def create_role(self, info: Info, input: RoleCreate) -> Role:
        return Role.of(people.create_role(info.context.caller, input.key or "", input.name, input.permissions))

    @needs("unlimited-key")
    def create_api_key(self, info: Info, input: ApiKeyCreate) -> ApiKeyCreated:
        """Without an expiration, previous keys end at once."""
        caller = info.context.caller
        user = info.context.user
        if user is None or input.user not in (user.email, str(user.uid)):
            caller.demand(Permission.MANAGE_USERS)
            user = people.find_user(input.user)
        with transaction.atomic():  # so that who is refused a new key keeps the previous ones
            people.expire_keys(caller, user, input.expiration_for_previous_keys)
            issued = people.create_key(caller, user)
        return ApiKeyCreated(key=issued.secret, created_at=milliseconds(ids.now()))
