"""Who is asking, for the resolvers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from strawberry.types import Info as _Info

from interactions import access
from interactions.access import Caller, Permission
from interactions.models import Project, User

if TYPE_CHECKING:
    from interactions.api_graphql.people import User as People
    from interactions.api_graphql.projects import Project as Projects


@dataclass
class Context:
    caller: Caller

    def project(self, key_or_id: str, permission: Permission) -> Project:
        return access.project(self.caller, key_or_id, permission)

    # People are looked up together: those that a page names are expected, and found when the first is asked for.

    _expected: set[UUID] = field(default_factory=set)
    _people: dict[UUID, People] = field(default_factory=dict)

    def expect_people(self, uids: Iterable[UUID | None]) -> None:
        self._expected.update(uid for uid in uids if uid is not None and uid not in self._people)

    def person(self, uid: UUID | None) -> People | None:
        """A user's account, if there is one: interactions may name users that have none here."""
        self.expect_people([uid])
        if self._expected:
            from interactions.api_graphql.people import User as People

            found = People.several(self.caller, User.objects.filter(uid__in=self._expected))
            self._people.update({person.id: person for person in found})
            self._expected.clear()
        return self._people.get(uid) if uid else None

    @cached_property
    def projects(self) -> Mapping[int, Projects]:
        """Those that the caller sees, by their ids in the order of their keys, for the many that name theirs."""
        from interactions.api_graphql.projects import Project as Projects

        told = Projects.several(self.caller, access.projects(self.caller).order_by("key"))
        return {project.stored.pk: project for project in told}

    @cached_property
    def user(self) -> User | None:
        return self.caller.user()


Info = _Info[Context, Any]


def selected(info: Info, *path: str) -> bool:
    """Whether the query asks for this field below the one that is resolved; through fragments, too."""
    return _selects(info.selected_fields[0].selections, path)


def _selects(selections: list[Any], path: tuple[str, ...]) -> bool:
    for selection in selections:
        if type(selection).__name__ != "SelectedField":  # a fragment
            if _selects(selection.selections, path):
                return True
        elif selection.name == path[0] and (len(path) == 1 or _selects(selection.selections, path[1:])):
            return True
    return False
