"""People, teams, roles and shares in the browser: who may, what is done, and what is refused with a sentence."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from interactions import access, people
from interactions.access import Permission
from interactions.models import ApiKey, Member, Project, Role, Share, Team, User
from interactions.web.roles import MEANINGS
from tests.web.test_keys import HOSTILE, secret_in


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", "correct horse", name="Root")


@pytest.fixture
def admin(root: User) -> Client:
    return signed_in(root)


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(key="research", name="Research")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def manager(*permissions: Permission) -> User:
    """Somebody who may do just this on the server."""
    role = Role.objects.create(key="manager", name="Manager", permissions=sorted(permissions))
    user = User.objects.create_user("manager@example.org", "correct horse")
    Member.objects.create(user=user, team=people.find_team("admin"), role=role)
    return user


def text(response: Any) -> str:
    """What a page says, without its marks."""
    main = response.content.decode().partition("</header>")[2]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", main)))


def add(admin: Client, **fields: str) -> Any:
    new = {"kind": "", "name": "Bea", "email": "bea@example.org", "team": "", "role": "", "uid": str(uuid4())}
    return admin.post("/people/new", new | fields)


def sign_in(email: str, password: str) -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/login/", {"username": email, "password": password})


# Who sees what


def test_only_who_may_manage_them_is_shown_the_way(ann: User, root: User) -> None:
    for user, seen in ((ann, False), (root, True)):
        page = signed_in(user).get("/keys").content.decode()
        assert [f'href="{path}"' in page for path in ("/people", "/teams", "/roles")] == [seen] * 3
        assert 'href="/keys"' in page


def test_each_permission_opens_its_pages_and_no_others(db: None) -> None:
    client = signed_in(manager(Permission.MANAGE_TEAMS))
    assert [client.get(path).status_code for path in ("/people", "/teams", "/roles")] == [403, 200, 403]
    page = client.get("/teams/admin").content.decode()
    assert "manager@example.org" in page
    assert "/people/" not in page
    assert 'name="user"' not in page
    added = client.post("/teams/admin", {"user": "manager@example.org", "role": "admin"})
    assert added.status_code == 403


# People


def test_people_are_listed_with_their_roles(admin: Client, ann: User, vic: User) -> None:
    access.issue_key(ann, None)
    told = text(admin.get("/people"))
    assert "Ann ann@example.org supportpower_user 1" in told
    assert "Vic vic@example.org supportread-only 0" in told


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=ANN", ["ann"]), ("q=example", ["ann", "bot", "root"]), ("kind=programs", ["bot"]), ("q=zz%00", [])],
)
def test_people_are_found_by_a_part_of_their_name_or_address(
    admin: Client, ann: User, query: str, found: list[str]
) -> None:
    User.objects.create_user("bot@example.org", name="Robot", is_program=True)
    told = text(admin.get(f"/people?{query}"))
    assert [name for name in ("ann", "bot", "root") if f"{name}@" in told] == found
    assert ("Nobody matches" in told) == (not found)


def test_five_hundred_people_take_as_many_queries_as_one(
    admin: Client, team: Team, django_assert_max_num_queries: Any
) -> None:
    users = User.objects.bulk_create(User(email=f"user{n:03}@example.org") for n in range(500))
    role = people.find_role("annotator")
    Member.objects.bulk_create(Member(user=user, team=team, role=role) for user in users)
    for path in ("/people", "/people?page=11", "/teams/research", "/roles/annotator"):
        with django_assert_max_num_queries(10):
            assert len(admin.get(path).content) < 60_000
    assert "451 to 500 of 501" in text(admin.get("/people?page=10"))


def test_a_person_is_added_and_comes_in_once_with_the_password_shown(admin: Client, team: Team) -> None:
    shown = add(admin, team="research", role="annotator")
    user = User.objects.get(email="bea@example.org")
    assert Member.objects.get(user=user).role.key == "annotator"
    assert "one time" in text(shown)
    client, response = sign_in("bea@example.org", secret_in(shown))
    assert response["Location"] == "/password"
    _, again = sign_in("bea@example.org", secret_in(shown))
    assert again.status_code == 200, "it is used up"
    new = {"new_password1": "battery staple", "new_password2": "battery staple"}
    assert client.post("/password", new).status_code == 303
    assert client.get("/keys").status_code == 200, "they stay signed in"
    _, back = sign_in("bea@example.org", "battery staple")
    assert back["Location"] == "/"


def test_adding_somebody_twice_by_the_same_form_shows_nothing_again(admin: Client) -> None:
    uid = str(uuid4())
    first, second = add(admin, uid=uid), add(admin, uid=uid)
    assert secret_in(first)
    assert (second.status_code, second["Location"]) == (303, f"/people/{uid}")
    sign_in_works = sign_in("bea@example.org", secret_in(first))[1]
    assert sign_in_works.status_code == 302


def test_a_service_account_comes_with_its_key(admin: Client, project: Project, ann: User) -> None:
    shown = add(admin, kind="program", name="Nightly import", email="", team="support", role="inference")
    program = User.objects.get(is_program=True)
    assert program.email == "nightly-import@system.adaptive.local"
    caller = access.authenticate(access.digest(secret_in(shown)))
    assert caller.permissions(project.pk) == access.ROLES["inference"]
    assert sign_in(program.email, "")[1].status_code == 200


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"email": "no address"}, "is not an email address"),
        ({"email": "ROOT@example.org"}, "already"),
        (
            {"email": "x" * 64 + "@" + "y" * 60 + "." + "z" * 60 + "." + "w" * 60 + "." + "v" * 60 + ".org"},
            "email address",
        ),
        ({"name": ""}, "1 to 200 characters"),
        ({"name": "a\x00"}, "1 to 200 characters"),
        ({"team": "nowhere", "role": "admin"}, "no team"),
        ({"team": "re\x00search", "role": "admin"}, "no team"),
        ({"team": "admin", "role": "nothing"}, "no role"),
    ],
)
def test_what_cannot_be_added_is_said_and_what_was_typed_stays(
    admin: Client, wrong: dict[str, str], sentence: str
) -> None:
    response = add(admin, **wrong)
    assert response.status_code in (404, 409, 422)
    assert sentence in text(response)
    assert 'value="Bea"' in response.content.decode() or "name" in wrong
    assert User.objects.count() == 1
    assert not ApiKey.objects.exists()


def test_a_place_in_a_team_is_given_changed_and_taken(admin: Client, ann: User, team: Team) -> None:
    page = f"/people/{ann.uid}"
    assert admin.post(page, {"act": "place", "team": "research", "role": "annotator"})["Location"] == page
    admin.post(page, {"act": "place", "team": "research", "role": "inference"})
    assert Member.objects.get(user=ann, team=team).role.key == "inference"
    admin.post(page, {"act": "leave", "team": "research"})
    assert not Member.objects.filter(user=ann, team=team).exists()
    response = admin.post(page, {"act": "leave", "team": "research"})
    assert (response.status_code, "is not in the team" in text(response)) == (404, True)


def test_a_person_is_deleted_after_a_page_that_counts_their_keys(admin: Client, ann: User) -> None:
    for _ in range(2):
        access.issue_key(ann, None)
    told = text(admin.get(f"/people/{ann.uid}/delete"))
    assert "2 keys end at once" in told
    assert "What they logged and said stays" in told
    assert User.objects.filter(pk=ann.pk).exists()
    assert admin.post(f"/people/{ann.uid}/delete")["Location"] == "/people"
    assert not User.objects.filter(pk=ann.pk).exists()


def test_the_last_administrator_cannot_go(db: None) -> None:
    user = manager(Permission.MANAGE_USERS)
    client = signed_in(user)
    for path, fields in (("/delete", {}), ("", {"team": "admin", "act": "leave"})):
        response = client.post(f"/people/{user.uid}{path}", fields)
        assert response.status_code == 409
        assert "Nobody would be left" in text(response)
    assert Member.objects.filter(user=user).exists()


def test_who_leaves_the_administrators_is_led_away(admin: Client, db: None) -> None:
    user = manager(Permission.MANAGE_USERS)
    response = signed_in(user).post(f"/people/{user.uid}", {"team": "admin", "act": "leave"})
    assert response["Location"] == "/"


def test_a_forgotten_password_is_replaced_once_for_one_form(admin: Client, ann: User) -> None:
    state = re.search(r'name="state" value="(\w+)"', admin.get(f"/people/{ann.uid}").content.decode())
    assert state is not None
    shown = admin.post(f"/people/{ann.uid}", {"act": "password", "state": state[1]})
    again = admin.post(f"/people/{ann.uid}", {"act": "password", "state": state[1]})
    assert (secret_in(again), again.status_code) == ("", 303)
    assert sign_in("ann@example.org", secret_in(shown))[1]["Location"] == "/password"


def test_nobody_becomes_somebody_who_may_do_more(vic: User, root: User) -> None:
    client = signed_in(manager(Permission.MANAGE_USERS))
    program = User.objects.create_user("bot@example.org", is_program=True)
    Member.objects.create(user=program, team=people.find_team("admin"), role=people.find_role("admin"))
    key = {"act": "key", "name": "x", "reach": "all", "uid": str(uuid4())}
    assert client.post(f"/people/{program.uid}", key).status_code == 403
    Member.objects.create(user=vic, team=people.find_team("admin"), role=people.find_role("admin"))
    for person in (vic, root):
        page = client.get(f"/people/{person.uid}").content.decode()
        state = re.search(r'name="state" value="(\w+)"', page)
        response = client.post(f"/people/{person.uid}", {"act": "password", "state": state[1] if state else ""})
        assert not secret_in(response)
    assert sign_in("vic@example.org", "correct horse")[1].status_code == 302
    response = client.post(f"/people/{vic.uid}", {"act": "place", "team": "admin", "role": "admin"})
    assert response.status_code == 403
    assert add(client, team="admin", role="admin").status_code == 403
    assert not User.objects.filter(email="bea@example.org").exists()


def test_who_may_do_less_does_not_revoke_the_keys_of_who_may_do_more(root: User) -> None:
    key = access.issue_key(root, None).api_key
    refused = signed_in(manager(Permission.MANAGE_USERS)).post(f"/keys/{key.uid}/revoke")
    assert (refused.status_code, "may do more on this server" in text(refused)) == (403, True)
    assert ApiKey.objects.get(pk=key.pk).revoked_at is None


def test_an_administrator_makes_keys_for_programs_and_ends_anybodys(admin: Client, ann: User) -> None:
    program = User.objects.create_user("bot@example.org", is_program=True)
    made = admin.post(f"/people/{program.uid}", {"act": "key", "name": "x", "reach": "all", "uid": str(uuid4())})
    assert access.authenticate(access.digest(secret_in(made))).user_uid == program.uid
    refused = admin.post(f"/people/{ann.uid}", {"act": "key", "name": "x", "reach": "all", "uid": str(uuid4())})
    assert (refused.status_code, secret_in(refused)) == (403, "")
    theirs = access.issue_key(ann, None).api_key
    assert "ann@example.org" in text(admin.get(f"/keys/{theirs.uid}/revoke"))
    assert admin.post(f"/keys/{theirs.uid}/revoke")["Location"] == f"/people/{ann.uid}"
    assert ApiKey.objects.get(pk=theirs.pk).revoked_at is not None


def test_a_password_is_changed_by_who_knows_the_present_one(ann: User) -> None:
    client = signed_in(ann)
    new = {"new_password1": "battery staple", "new_password2": "battery staple"}
    assert client.post("/password", new | {"old_password": "wrong"}).status_code == 422
    assert client.post("/password", new | {"old_password": "correct horse"}).status_code == 303
    ann.refresh_from_db()
    assert ann.check_password("battery staple")


def test_what_is_no_act_is_refused(admin: Client, ann: User) -> None:
    assert admin.post(f"/people/{ann.uid}", {"act": "promote"}).status_code == 422


def test_names_cannot_do_harm(admin: Client) -> None:
    user = User.objects.create_user("h@example.org", name=HOSTILE, is_program=True)
    team = Team.objects.create(key="hostile", name=HOSTILE)
    role = Role.objects.create(key="hostile", name=HOSTILE, permissions=[HOSTILE])
    Member.objects.create(user=user, team=team, role=role)
    for path in (
        "/people",
        f"/people/{user.uid}",
        f"/people/{user.uid}/delete",
        "/teams",
        "/teams/hostile",
        "/roles/hostile",
    ):
        page = admin.get(path).content.decode()
        assert "<script>alert" not in page
        assert HOSTILE in unescape(page)


# Teams


def test_a_team_is_made_filled_and_deleted(admin: Client, ann: User) -> None:
    assert admin.post("/teams", {"name": "Label Crew"})["Location"] == "/teams/label-crew"
    response = admin.post("/teams/label-crew", {"user": " Ann@example.org ", "role": "annotator"})
    assert response["Location"] == "/teams/label-crew"
    assert "Ann ann@example.org annotator" in text(admin.get("/teams/label-crew"))
    assert "1 member, and 0 projects" in text(admin.get("/teams/label-crew/delete"))
    assert admin.post("/teams/label-crew/delete")["Location"] == "/teams"
    assert not Team.objects.filter(key="label-crew").exists()
    assert User.objects.filter(pk=ann.pk).exists()


@pytest.mark.parametrize("key", ["admin", "not a key", "a/b", "x" * 101])
def test_a_team_needs_a_key_of_its_own(admin: Client, key: str) -> None:
    response = admin.post("/teams", {"name": "Mine", "key": key})
    assert response.status_code in (409, 422)
    assert 'value="Mine"' in response.content.decode()


def test_a_team_that_alone_has_a_project_stays(admin: Client, ann: User) -> None:
    response = admin.post("/teams/support/delete")
    assert response.status_code == 409
    assert re.search(r"support\. .* first\.", text(response))
    assert admin.post("/teams/admin/delete").status_code == 422


def test_only_who_has_an_account_is_added_to_a_team(admin: Client, team: Team) -> None:
    for user in ("", "nobody@example.org", "a\x00b"):
        response = admin.post("/teams/research", {"user": user, "role": "annotator"})
        assert response.status_code == 404
    assert not team.memberships.exists()


# Roles


def test_every_permission_is_said_in_a_sentence() -> None:
    said = [permission for meanings in MEANINGS.values() for permission in meanings]
    assert sorted(said) == sorted(Permission)


def test_a_role_is_made_changed_and_deleted(admin: Client, ann: User, team: Team) -> None:
    made = admin.post("/roles", {"name": "Auditor", "permission": ["interaction:read", "feedback:create"]})
    assert made["Location"] == "/roles/auditor"
    assert admin.get("/roles/auditor").content.decode().count(" checked") == 2
    admin.post("/roles/auditor", {"permission": ["interaction:read"]})
    role = people.find_role("auditor")
    assert role.permissions == ["interaction:read"]
    place = Member.objects.create(user=ann, team=team, role=role)
    assert "ann@example.org in research" in text(admin.get("/roles/auditor"))
    refused = admin.post("/roles/auditor/delete")
    assert (refused.status_code, "is in use" in text(refused)) == (409, True)
    place.delete()
    assert admin.post("/roles/auditor/delete")["Location"] == "/roles"
    assert not Role.objects.filter(key="auditor").exists()


def test_default_roles_stay_as_they_are(admin: Client) -> None:
    page = admin.get("/roles/annotator").content.decode()
    assert 'type="checkbox"' not in page
    assert admin.post("/roles/annotator", {"permission": list(Permission)}).status_code == 422
    assert admin.post("/roles/annotator/delete").status_code == 422
    assert set(people.find_role("annotator").permissions) == access.ROLES["annotator"]


def test_an_unknown_permission_is_refused(admin: Client) -> None:
    assert admin.post("/roles", {"name": "Wizard", "permission": ["magic:use"]}).status_code == 422
    assert not Role.objects.filter(key="wizard").exists()


def test_nobody_makes_their_own_role_allow_more(db: None) -> None:
    client = signed_in(manager(Permission.MANAGE_ROLES))
    response = client.post("/roles/manager", {"permission": ["admin:manage_roles", "admin:manage_users"]})
    assert response.status_code == 403
    assert people.find_role("manager").permissions == ["admin:manage_roles"]


# Shares

SHARING = "/projects/support/settings/sharing"


def test_a_project_is_shared_with_a_team_and_no_longer(ann: User, vic: User, team: Team, project: Project) -> None:
    client = signed_in(ann)
    Member.objects.filter(user=vic).update(team=team, role=people.find_role("power_user"))
    assert not access.caller_of(vic).may(project.pk, Permission.READ)
    assert client.post(SHARING, {"team": "research", "role": "annotator"})["Location"] == SHARING
    assert access.caller_of(vic).permissions(project.pk) == access.ROLES["annotator"]
    client.post(SHARING, {"team": "research", "role": "read-only", "owner": "on"})
    assert access.caller_of(vic).permissions(project.pk) == access.ROLES["power_user"]
    client.post(SHARING, {"team": "research", "act": "remove"})
    assert not access.caller_of(vic).may(project.pk, Permission.READ)
    assert Share.objects.get(project=project).team.key == "support"


def test_a_project_keeps_an_owner(ann: User, project: Project) -> None:
    client = signed_in(ann)
    for fields in ({"team": "support", "act": "remove"}, {"team": "support", "role": "read-only"}):
        response = client.post(SHARING, fields)
        assert response.status_code == 422
        assert "A project needs a team that owns it" in text(response)
    assert Share.objects.get(project=project).is_owner


def test_who_gives_a_project_away_is_led_away(ann: User, team: Team) -> None:
    client = signed_in(ann)
    client.post(SHARING, {"team": "research", "role": "read-only", "owner": "on"})
    assert client.post(SHARING, {"team": "support", "act": "remove"})["Location"] == "/"


def test_only_who_may_share_sees_with_whom(vic: User, ann: User) -> None:
    assert signed_in(vic).get(SHARING).status_code == 403
    assert SHARING in signed_in(ann).get("/projects/support/settings").content.decode()
    Member.objects.filter(user=vic).update(
        role=Role.objects.create(key="sharer", name="Sharer", permissions=["project:share", "interaction:read"])
    )
    page = signed_in(vic).get("/projects/support/interactions").content.decode()
    assert f'href="{SHARING}"' in page
    assert signed_in(vic).get("/projects/support/settings").status_code == 403
    assert signed_in(vic).get(SHARING).status_code == 200


def test_a_name_with_nul_in_an_address_is_nobodys(admin: Client) -> None:
    for path in ("/teams/a%00b", "/roles/a%00b", "/projects/a%00b/settings/sharing"):
        assert admin.get(path).status_code == 404
