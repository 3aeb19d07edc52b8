"""Who may do what, below every door."""

from __future__ import annotations

from datetime import timedelta

import pytest

from interactions import access, ids, people
from interactions.access import Permission
from interactions.errors import Forbidden, NotFound, Unauthorized
from interactions.models import ApiKey, Member, Project, Role, Share, Team, User

IN_PROJECTS = {permission for permission in Permission if not permission.startswith("admin:")}


@pytest.mark.parametrize("role", access.ROLES)
def test_a_role_grants_its_permissions_and_no_others(vic: User, project: Project, role: str) -> None:
    Member.objects.filter(user=vic).update(role=people.find_role(role))
    allowed = access.ROLES[role] & IN_PROJECTS
    limited, unlimited = access.issue_key(vic, [project]), access.issue_key(vic, None)
    by_key = [access.authenticate(access.digest(issued.secret)) for issued in (limited, unlimited)]
    for caller in (access.caller_of(vic), *by_key):
        assert caller.permissions(project.pk) == allowed
        for permission in Permission:
            assert caller.may(project.pk, permission) == (permission in allowed)
            if permission in allowed:
                assert caller.project_id("support", permission) == project.pk
            else:
                with pytest.raises(Forbidden, match=str(permission)):
                    caller.project_id("support", permission)
            with pytest.raises(Forbidden):  # not even an administrator's role, in a team that is not theirs
                caller.demand(permission)


def test_a_share_allows_no_more_than_its_role_unless_the_team_owns_the_project(vic: User, project: Project) -> None:
    Member.objects.filter(user=vic).update(role=people.find_role("power_user"))
    Share.objects.update(role=people.find_role("annotator"), is_owner=False)
    assert access.caller_of(vic).permissions(project.pk) == access.ROLES["annotator"]
    Share.objects.update(is_owner=True)
    assert access.caller_of(vic).permissions(project.pk) == access.ROLES["power_user"]


def test_who_is_in_two_teams_may_do_what_either_allows(vic: User, project: Project) -> None:
    other = Team.objects.create(key="other", name="Other")
    Share.objects.create(project=project, team=other, role=people.find_role("inference"))
    Member.objects.create(user=vic, team=other, role=people.find_role("admin"))
    assert access.caller_of(vic).permissions(project.pk) == access.ROLES["read-only"] | access.ROLES["inference"]


def test_what_a_role_in_the_reserved_team_allows_holds_everywhere(vic: User, foreign: Project) -> None:
    admin = people.find_team("admin")
    Member.objects.create(user=vic, team=admin, role=people.find_role("read-only"))
    auditor = access.caller_of(vic)
    assert auditor.permissions(foreign.pk) == access.ROLES["read-only"]
    assert {project.key for project in access.projects(auditor)} == {"secret", "support"}
    with pytest.raises(Forbidden):
        auditor.demand(Permission.MANAGE_USERS)
    Member.objects.filter(user=vic, team=admin).update(role=people.find_role("admin"))
    access.caller_of(vic).demand(Permission.MANAGE_USERS)
    limited = access.authenticate(access.digest(access.issue_key(vic, [foreign]).secret))
    assert limited.permissions(foreign.pk) == IN_PROJECTS
    assert {project.key for project in access.projects(limited)} == {"secret"}
    with pytest.raises(Forbidden):
        limited.demand(Permission.MANAGE_USERS)


def test_a_foreign_project_and_none_are_told_alike(ann: User, foreign: Project) -> None:
    caller = access.caller_of(ann)
    told = []
    for key in ("secret", "nowhere"):
        with pytest.raises(NotFound) as raised:
            caller.project_id(key, Permission.READ)
        told.append(raised.value.message.replace(key, "…"))
    assert told[0] == told[1]
    assert not caller.may(foreign.pk, Permission.READ)


def test_a_superuser_reaches_everything_and_their_key_what_it_is_for(project: Project, foreign: Project) -> None:
    root = User.objects.create_superuser("root@example.org")
    assert access.projects_of(root) == [foreign, project]
    assert access.caller_of(root).project_id("secret", Permission.DELETE) == foreign.pk
    with pytest.raises(NotFound):
        access.caller_of(root).project_id("nowhere", Permission.READ)
    caller = access.authenticate(access.digest(access.issue_key(root, [project]).secret))
    assert set(caller.grants) == {"support"}
    with pytest.raises(NotFound):
        caller.project_id("secret", Permission.READ)


def test_a_permission_that_is_unknown_grants_nothing(vic: User, project: Project) -> None:
    wizard = Role.objects.create(key="wizard", name="Wizard", permissions=["magic:use"])
    Member.objects.filter(user=vic).update(role=wizard)
    assert access.caller_of(vic).grants == {}


def test_only_a_key_that_is_valid_now_authenticates(ann: User, project: Project) -> None:
    secret = access.issue_key(ann, [project]).secret
    assert access.authenticate(access.digest(secret)).user_uid == ann.uid
    ApiKey.objects.update(expires_at=ids.now() + timedelta(minutes=1))
    access.authenticate(access.digest(secret))
    ApiKey.objects.update(expires_at=ids.now())
    with pytest.raises(Unauthorized, match="expired"):
        access.authenticate(access.digest(secret))
    ApiKey.objects.update(expires_at=None, revoked_at=ids.now())
    with pytest.raises(Unauthorized, match="revoked"):
        access.authenticate(access.digest(secret))
    with pytest.raises(Unauthorized):
        access.authenticate("0" * 64)


def test_keys_differ_and_have_their_form(ann: User, project: Project) -> None:
    issued = [access.issue_key(ann, [project]) for _ in range(50)]
    assert len({key.secret for key in issued}) == 50
    for key in issued:
        assert access.KEY_FORM.fullmatch(key.secret)
        assert (
            access.bearer_digest(f"Bearer {key.secret}")
            == access.bearer_digest(f"bearer  {key.secret} ")
            == key.api_key.digest
        )


def test_many_keys_are_looked_up_in_as_many_queries_as_one(
    ann: User, project: Project, django_assert_num_queries: object
) -> None:
    digests = [access.digest(access.issue_key(ann, [project]).secret) for _ in range(20)]
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert set(access.callers(digests)) == set(digests)
