"""Who may do what, below every door."""

from __future__ import annotations

import pytest

from interactions import access, ids
from interactions.access import Permission
from interactions.errors import Forbidden, NotFound, Unauthorized
from interactions.models import ApiKey, Membership, Project, User


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {Permission.READ}),
        ("annotator", {Permission.READ, Permission.JUDGE}),
        ("member", set(Permission)),
    ],
)
def test_a_role_grants_its_permissions_and_no_others(
    vic: User, project: Project, role: str, allowed: set[Permission]
) -> None:
    Membership.objects.filter(user=vic).update(role=role)
    vic.refresh_from_db()
    issued = access.issue_key(vic, [project])
    for caller in (access.caller_of(vic), access.authenticate(access.digest(issued.secret))):
        for permission in Permission:
            assert caller.may(project.pk, permission) == (permission in allowed)
            if permission in allowed:
                assert caller.project_id("support", permission) == project.pk
            else:
                with pytest.raises(Forbidden, match=str(permission)):
                    caller.project_id("support", permission)


def test_every_role_is_known() -> None:
    assert set(access.ROLES) == set(Membership.Role)


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
    assert set(access.caller_of(root).grants) == {"support", "secret"}
    assert access.projects_of(root) == [foreign, project]
    key = access.issue_key(root, [project])
    assert set(access.authenticate(access.digest(key.secret)).grants) == {"support"}


def test_a_role_that_is_unknown_grants_nothing(vic: User, project: Project) -> None:
    Membership.objects.filter(user=vic).update(role="wizard")
    assert access.caller_of(vic).grants == {}


def test_only_a_key_that_is_valid_now_authenticates(ann: User, project: Project) -> None:
    secret = access.issue_key(ann, [project]).secret
    assert access.authenticate(access.digest(secret)).user_uid == ann.uid
    ApiKey.objects.update(revoked_at=ids.now())
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
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert set(access.callers(digests)) == set(digests)
