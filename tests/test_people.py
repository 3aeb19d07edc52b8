"""Who makes whom able to do what, and that nobody gives more than they have."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from interactions import access, ids, people
from interactions.access import EVERYTHING, IN_PROJECTS, Caller, Permission
from interactions.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from interactions.models import ApiKey, ExternalModel, Member, Model, Project, Role, Share, Team, User
from interactions.people import Place
from tests.teams import caller, limited, person, role, share, team
from tests.test_removal import held, overlapping, wait_until, waits_for_a_lock_elsewhere

__all__ = ["overlapping"]


@pytest.fixture
def root(db: None) -> Caller:
    """An administrator."""
    return caller("root", admin="admin")


def own_role(*permissions: Permission, key: str = "own") -> Role:
    return Role.objects.create(key=key, name=key, permissions=sorted(permissions))


def program(**places: Any) -> User:
    user = person("bot", **places)
    user.is_program = True
    user.save()
    return user


# Every act and the permission it needs

ACTS: dict[str, tuple[Permission, Callable[[Caller], object]]] = {
    "create_user": (Permission.MANAGE_USERS, lambda c: people.create_user(c, "new@example.org", "New", [])),
    "delete_user": (Permission.MANAGE_USERS, lambda c: people.delete_user(c, person("old"))),
    "set_member": (Permission.MANAGE_USERS, lambda c: people.set_member(c, person("old"), plain_place())),
    "remove_member": (Permission.MANAGE_USERS, lambda c: people.remove_member(c, person("old"), team("ml"))),
    "create_key": (Permission.MANAGE_USERS, lambda c: people.create_key(c, person("bot"))),
    "revoke_key": (Permission.MANAGE_USERS, lambda c: people.revoke_key(c, ApiKey.objects.get(user=person("old")))),
    "limit_key": (
        Permission.MANAGE_USERS,
        lambda c: people.limit_key(c, ApiKey.objects.get(user=person("old")), access.Limits(60)),
    ),
    "expire_keys": (Permission.MANAGE_USERS, lambda c: people.expire_keys(c, person("old"), None)),
    "create_team": (Permission.MANAGE_TEAMS, lambda c: people.create_team(c, "new", "New")),
    "delete_team": (Permission.MANAGE_TEAMS, lambda c: people.delete_team(c, team("ml"))),
    "create_role": (Permission.MANAGE_ROLES, lambda c: people.create_role(c, "new", "New", ["project:read"])),
    "update_role": (Permission.MANAGE_ROLES, lambda c: people.update_role(c, role_of_ours(), ["project:read"])),
    "delete_role": (Permission.MANAGE_ROLES, lambda c: people.delete_role(c, role_of_ours())),
}


def plain_place() -> Place:
    return Place(team("ml"), people.find_role("read-only"))


def role_of_ours() -> Role:
    return Role.objects.get(key="ours")


@pytest.fixture
def _company(root: Caller) -> None:
    access.issue_key(person("old", ml="annotator"), None)
    program()
    own_role(key="ours")


@pytest.mark.usefixtures("_company")
@pytest.mark.parametrize("act", ACTS)
def test_an_act_needs_its_permission_everywhere_and_no_other(act: str) -> None:
    permission, do = ACTS[act]
    without = {
        "nobody": caller("nobody"),
        "an administrator of another team": caller("captain", ml="admin"),
        "a power user of all": caller("power", admin="power_user"),
        "who has all else": caller("almost", admin=EVERYTHING - {permission}),
    }
    before = held()
    for who, asking in without.items():
        with pytest.raises(Forbidden, match=permission):
            do(asking)
        assert held() == before, who
    do(caller("enough", admin=[permission, *access.ROLES["read-only"]]))


@pytest.mark.usefixtures("_company")
@pytest.mark.parametrize("act", ACTS)
def test_a_limited_key_of_an_administrator_administers_nothing(act: str, project: Project) -> None:
    asking = limited("root", project)
    before = held()
    with pytest.raises(Forbidden):
        ACTS[act][1](asking)
    assert held() == before


# Users


def test_a_user_is_created_with_a_place_in_each_team(root: Caller) -> None:
    places = [Place(team("ml"), role("annotator")), Place(team("ops"), role("power_user"))]
    user = people.create_user(root, "Ann@Example.org", " Ann ", places)
    assert (user.email, user.name, user.is_program, user.has_usable_password()) == (
        "ann@example.org", "Ann", False, False
    )  # fmt: skip
    assert [(m.team.key, m.role.key) for m in user.memberships.order_by("team__key")] == [
        ("ml", "annotator"),
        ("ops", "power_user"),
    ]


def test_a_service_account_without_an_address_gets_one_made_of_its_name(root: Caller) -> None:
    user = people.create_user(root, "", "Night Shift", [], is_program=True)
    assert (user.email, user.is_program) == ("night-shift@system.adaptive.local", True)
    assert people.create_user(root, "", "夜勤", [], is_program=True).email == "program@system.adaptive.local"
    with pytest.raises(Conflict, match="There is a user “night-shift@system"):
        people.create_user(root, "", "night shift", [], is_program=True)


@pytest.mark.parametrize(
    ("email", "name", "field"),
    [
        ("", "Ann", "email"),
        ("ann", "Ann", "email"),
        ("ann@example.org\n", "Ann", "email"),
        ("a\x00nn@example.org", "Ann", "email"),
        (f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org", "Ann", "email"),
        ("ann@example.org", "", "name"),
        ("ann@example.org", " ", "name"),
        ("ann@example.org", "a\x00", "name"),
        ("ann@example.org", "\ud800", "name"),
        ("ann@example.org", "x" * 201, "name"),
    ],
)
def test_a_user_that_no_store_could_keep_is_refused(root: Caller, email: str, name: str, field: str) -> None:
    with pytest.raises(Invalid) as raised:
        people.create_user(root, email, name, [])
    assert raised.value.field == field
    assert User.objects.count() == 1


def test_an_address_is_given_once_whatever_its_case(root: Caller) -> None:
    with pytest.raises(Conflict, match=r"There is a user “root@example\.org” already\."):
        people.create_user(root, "ROOT@example.org", "Root", [])


def test_a_team_named_twice_creates_nobody(root: Caller) -> None:
    with pytest.raises(Invalid, match="“ml” is named twice") as raised:
        people.create_user(root, "a@example.org", "A", [plain_place(), Place(team("ml"), role("annotator"))])
    assert raised.value.field == "teams[1].team"
    assert not User.objects.filter(email="a@example.org").exists()


def test_who_is_deleted_is_gone_with_their_keys(root: Caller) -> None:
    secret = access.issue_key(person("old", ml="annotator"), None).secret
    people.delete_user(root, person("old"))
    assert not User.objects.filter(email="old@example.org").exists()
    assert not Member.objects.filter(team=team("ml")).exists()
    with pytest.raises(Unauthorized):
        access.authenticate(access.digest(secret))


@pytest.mark.parametrize(
    ("find", "field"), [(people.find_user, "user"), (people.find_team, "team"), (people.find_role, "role")]
)
@pytest.mark.parametrize("named", ["nowhere", "", "a\x00b", "\ud800", "x" * 5_000, str(ids.random_id())])
def test_what_is_not_there_is_said_not_to_be(db: None, find: Callable[[str], Any], field: str, named: str) -> None:
    with pytest.raises(NotFound) as raised:
        find(named)
    assert raised.value.field == field


def test_people_teams_and_roles_are_found_by_id_too(root: Caller) -> None:
    user, ml, own = person("ann"), team("ml"), own_role()
    assert people.find_user("ANN@example.org") == people.find_user(str(user.uid)) == user
    assert people.find_team("ml") == people.find_team(str(ml.uid).upper()) == ml
    assert people.find_role("own") == people.find_role(own.uid.hex) == own


# Members


def test_a_member_has_one_role_at_a_time(root: Caller) -> None:
    user = person("ann")
    people.set_member(root, user, plain_place())
    people.set_member(root, user, Place(team("ml"), role("annotator")))
    assert Member.objects.get(user=user).role.key == "annotator"
    people.remove_member(root, user, team("ml"))
    assert not user.memberships.exists()
    with pytest.raises(NotFound, match=r"ann@example\.org is not in the team “ml”"):
        people.remove_member(root, user, team("ml"))


# Nobody gives more than they have


def test_nobody_makes_themselves_or_others_administrator(root: Caller) -> None:
    manager = caller("manager", admin=[Permission.MANAGE_USERS, *access.ROLES["read-only"]])
    for user in (person("manager"), person("friend")):
        for wanted in ("admin", "power_user"):
            with pytest.raises(Forbidden, match="would give somebody the permission"):
                people.set_member(manager, user, Place(team("admin"), role(wanted)))
        people.set_member(manager, user, Place(team("admin"), role("read-only")))
    with pytest.raises(Forbidden):
        people.create_user(manager, "x@example.org", "X", [Place(team("admin"), role("admin"))])
    assert not User.objects.filter(email="x@example.org").exists()


def test_who_manages_users_gives_in_a_team_what_they_have_there_or_everywhere(root: Caller) -> None:
    manager = caller("manager", admin=[Permission.MANAGE_USERS, *access.ROLES["read-only"]], ml="power_user")
    people.set_member(manager, person("friend"), Place(team("ops"), role("read-only")))
    people.set_member(manager, person("friend"), Place(team("ml"), role("power_user")))
    people.set_member(manager, person("friend"), Place(team("ml"), role("admin")))  # of which nothing more counts there
    with pytest.raises(Forbidden):
        people.set_member(manager, person("manager"), Place(team("ops"), role("power_user")))


def test_who_has_more_power_is_neither_demoted_nor_deleted_by_who_has_less(root: Caller) -> None:
    manager = caller("manager", admin=[Permission.MANAGE_USERS, *access.ROLES["read-only"]])
    person("second", admin="admin")
    chief = User.objects.create_superuser("chief@example.org")
    acts: list[Callable[[], object]] = [
        lambda: people.set_member(manager, person("second"), Place(team("admin"), role("read-only"))),
        lambda: people.remove_member(manager, person("second"), team("admin")),
        lambda: people.delete_user(manager, person("second")),
        lambda: people.delete_user(manager, chief),
        lambda: people.expire_keys(manager, person("second"), None),
    ]
    before = held()
    for act in acts:
        with pytest.raises(Forbidden, match="may do more on this server than you"):
            act()
        assert held() == before


def test_no_key_is_made_for_a_program_that_may_do_more_than_its_maker(root: Caller) -> None:
    manager = caller("manager", admin=[Permission.MANAGE_USERS])
    bot = program(admin="admin")
    with pytest.raises(Forbidden, match="may do more"):
        people.create_key(manager, bot)
    bot.is_active = False  # and none that waits for the account to be active again
    bot.save()
    with pytest.raises(Forbidden, match="may do more"):
        people.create_key(manager, bot)
    bot.is_active = True
    bot.save()
    issued = people.create_key(root, bot)
    access.authenticate(access.digest(issued.secret)).demand(Permission.MANAGE_USERS)


def test_nobody_puts_into_a_role_what_they_may_not_do_everywhere(root: Caller) -> None:
    own = own_role(Permission.MANAGE_ROLES, Permission.SEE, Permission.SHARE)
    Member.objects.create(user=person("keeper"), team=team("admin"), role=own)
    keeper = access.caller_of(person("keeper"))
    with pytest.raises(Forbidden, match=Permission.MANAGE_USERS):
        people.update_role(keeper, own, [*own.permissions, Permission.MANAGE_USERS])
    with pytest.raises(Forbidden, match=Permission.READ):
        people.create_role(keeper, "spy", "Spy", [Permission.READ])
    assert Role.objects.get(key="own").permissions == own.permissions
    foreign = own_role(Permission.DELETE, key="foreign")
    people.update_role(keeper, foreign, [Permission.DELETE, Permission.SEE])  # what it had may stay
    people.update_role(keeper, foreign, [])
    assert people.create_role(keeper, None, "On looker", [Permission.SEE]).key == "on-looker"


# An administrator is left


def test_the_last_administrator_stays(root: Caller) -> None:
    user, own = person("root"), own_role(Permission.MANAGE_USERS, Permission.MANAGE_ROLES)
    refused = pytest.raises(Conflict, match="Nobody would be left who can manage users")
    acts: list[Callable[[], object]] = [
        lambda: people.delete_user(root, user),
        lambda: people.remove_member(root, user, team("admin")),
        lambda: people.set_member(root, user, Place(team("admin"), role("power_user"))),
    ]
    person("inactive", admin="admin")
    User.objects.filter(email="inactive@example.org").update(is_active=False)
    person("elsewhere", ml="admin")
    for act in acts:
        with refused:
            act()
        assert Member.objects.get(user=user).role.key == "admin"
    people.set_member(root, user, Place(team("admin"), own))
    with refused:
        people.update_role(root, own, [Permission.MANAGE_ROLES])
    assert Role.objects.get(pk=own.pk).permissions == own.permissions
    User.objects.create_superuser("chief@example.org")
    people.remove_member(root, user, team("admin"))


@pytest.mark.parametrize("second", ["delete", "remove", "demote"])
def test_of_two_last_administrators_who_leave_at_once_one_stays(overlapping: ThreadPoolExecutor, second: str) -> None:
    one, two = person("one", admin="admin"), person("two", admin="admin")
    leaving: dict[str, Callable[[], object]] = {
        "delete": lambda: people.delete_user(access.caller_of(two), two),
        "remove": lambda: people.remove_member(access.caller_of(two), two, team("admin")),
        "demote": lambda: people.set_member(access.caller_of(two), two, Place(team("admin"), role("read-only"))),
    }
    started: list[Future[object]] = []

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """The other begins when the first is gone, and is not yet gone for all."""
        result = execute(sql, *arguments)
        if not started and sql.startswith("DELETE"):
            started.append(overlapping.submit(leaving[second]))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        people.remove_member(access.caller_of(one), one, team("admin"))
    assert isinstance(started[0].exception(), Conflict)
    assert Member.objects.get(team__key="admin").user == two


# Teams


def test_a_team_has_a_key_of_its_own(root: Caller) -> None:
    assert people.create_team(root, None, "Machine Learning 2.0").key == "machine-learning-2.0"
    assert people.create_team(root, "ops", "").name == "ops"
    with pytest.raises(Conflict, match="There is a team “ops” already"):
        people.create_team(root, "ops", "Ops")


@pytest.mark.parametrize("key", ["a b", ".a", "a/b", "ö", "x" * 101, "a\n", "0192f0c1-7a5e-7cc0-8000-0123456789ab"])
@pytest.mark.parametrize("create", [people.create_team, lambda c, key, name: people.create_role(c, key, name, [])])
def test_a_key_that_could_be_no_url_or_is_an_id_is_refused(
    root: Caller, create: Callable[..., object], key: str
) -> None:
    with pytest.raises(Invalid) as raised:
        create(root, key, "Name")
    assert raised.value.field == "key"


def test_a_team_that_alone_owns_a_project_or_whose_model_is_used_stays(root: Caller, project: Project) -> None:
    share(project, "ml", is_owner=True)
    share(project, "guests")
    with pytest.raises(Conflict, match="No other team owns support"):
        people.delete_team(root, team("ml"))
    share(project, "ops", is_owner=True)
    external = ExternalModel.objects.create(team=team("ml"), key="gpt", name="GPT", provider="OPEN_AI")
    model = Model.objects.create(project=project, key="gpt", name="GPT", external=external)
    with pytest.raises(Conflict, match="The project “support” uses the model “gpt”"):
        people.delete_team(root, team("ml"))
    Model.objects.update(is_attached=False)
    people.delete_team(root, team("ml"))
    assert set(Share.objects.values_list("team__key", flat=True)) == {"guests", "ops"}
    assert not ExternalModel.objects.exists()
    model.refresh_from_db()
    assert model.external is None


def test_the_reserved_team_stays(root: Caller) -> None:
    User.objects.create_superuser("chief@example.org")
    with pytest.raises(Invalid, match="reserved"):
        people.delete_team(root, team("admin"))


def test_what_has_the_id_of_a_team_for_its_key_is_not_taken_for_it(root: Caller) -> None:
    ml = team("ml")
    with pytest.raises(Invalid):
        people.create_team(root, str(ml.uid), "Mimic")
    Team.objects.create(key=str(ml.uid), name="Mimic")  # not even one from before there was this rule
    assert people.find_team(str(ml.uid)) == ml


# Roles


def test_a_role_says_which_permission_there_is_not(root: Caller) -> None:
    with pytest.raises(Invalid, match=r"There is no permission “magic:use”\. There are: project:read,") as raised:
        people.create_role(root, "wizard", "Wizard", ["magic:use"])
    assert raised.value.field == "permissions"


@pytest.mark.parametrize("key", access.ROLES)
def test_the_default_roles_stay_as_they_are(root: Caller, key: str) -> None:
    with pytest.raises(Invalid, match="default roles"):
        people.update_role(root, role(key), [])
    with pytest.raises(Invalid, match="default roles"):
        people.delete_role(root, role(key))
    with pytest.raises(Conflict):
        people.create_role(root, key, key, [])


def test_a_role_that_somebody_has_or_that_shares_is_not_deleted(root: Caller, project: Project) -> None:
    own = own_role(Permission.SEE)
    place = Member.objects.create(user=person("ann"), team=team("ml"), role=own)
    with pytest.raises(Conflict, match="in use"):
        people.delete_role(root, own)
    place.delete()
    shared = share(project, "ml", [Permission.SEE])
    with pytest.raises(Conflict, match="in use"):
        people.delete_role(root, own)
    shared.delete()
    people.delete_role(root, own)
    assert not Role.objects.filter(key="own").exists()


def test_a_role_that_allows_less_takes_it_from_all_who_have_it(root: Caller, project: Project) -> None:
    own = own_role(Permission.SEE, Permission.READ)
    share(project, "ml", is_owner=True)
    Member.objects.create(user=person("ann"), team=team("ml"), role=own)
    assert access.caller_of(person("ann")).permissions(project.pk) == {Permission.SEE, Permission.READ}
    people.update_role(root, own, [Permission.SEE])
    assert access.caller_of(person("ann")).permissions(project.pk) == {Permission.SEE}


def test_the_default_roles_are_put_right_and_others_left_alone(root: Caller) -> None:
    Role.objects.filter(key="annotator").update(permissions=["interaction:delete"])
    own = own_role(Permission.SEE)
    Role.objects.filter(key="read-only").delete()
    people.keep_defaults()
    assert {r.key: set(r.permissions) for r in Role.objects.all()} == {**access.ROLES, "own": {Permission.SEE}}
    assert Role.objects.get(key="own") == own


# Keys


def test_people_make_their_own_keys(project: Project) -> None:
    share(project, "ml", is_owner=True)
    ann = caller("ann", ml="annotator")
    issued = people.create_key(ann, person("ann"), " laptop ", [project])
    assert issued.api_key.name == "laptop"
    by_key = access.authenticate(access.digest(issued.secret))
    assert (by_key.is_limited, by_key.permissions(project.pk)) == (True, access.ROLES["annotator"])
    people.revoke_key(ann, issued.api_key)
    with pytest.raises(Unauthorized):
        access.authenticate(access.digest(issued.secret))


def test_a_key_for_a_project_that_its_user_does_not_reach_opens_nothing(project: Project, foreign: Project) -> None:
    share(project, "ml", is_owner=True)
    issued = people.create_key(caller("ann", ml="annotator"), person("ann"), projects=[foreign])
    assert access.authenticate(access.digest(issued.secret)).grants == {}


def test_an_administrator_makes_no_key_with_which_to_be_another_person(root: Caller) -> None:
    with pytest.raises(Forbidden, match="People make their own keys"):
        people.create_key(root, person("ann"))
    assert not ApiKey.objects.exists()
    theirs = access.issue_key(person("ann"), None).api_key  # but may end those that leaked
    people.revoke_key(root, theirs)
    theirs.refresh_from_db()
    assert theirs.revoked_at is not None


def test_a_limited_key_makes_no_key_and_limits_none_even_of_its_own_user(project: Project) -> None:
    share(project, "ml", is_owner=True)
    asking = limited("ann", project, ml="annotator")
    with pytest.raises(Forbidden, match="cannot manage keys"):
        people.create_key(asking, person("ann"))
    with pytest.raises(Forbidden, match="cannot manage keys"):
        people.limit_key(asking, ApiKey.objects.select_related("user").get(), access.NO_LIMITS)


def test_keys_end_when_they_are_told_to_and_never_later_than_before(root: Caller) -> None:
    ann = person("ann")
    soon, late = ids.now() + timedelta(hours=1), ids.now() + timedelta(days=1)
    ends, open_ended, revoked = (access.issue_key(ann, None).api_key for _ in range(3))
    ApiKey.objects.filter(pk=ends.pk).update(expires_at=soon)
    ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=ids.now())
    people.expire_keys(access.caller_of(ann), ann, late)
    assert dict(ApiKey.objects.values_list("pk", "expires_at")) == {
        ends.pk: soon,
        open_ended.pk: late,
        revoked.pk: None,
    }
    people.expire_keys(access.caller_of(ann), ann, None)
    assert not ApiKey.objects.filter(revoked_at=None).exists()


@pytest.mark.parametrize("name", ["x" * 201, "a\x00", " "])
def test_a_key_s_name_can_be_kept(root: Caller, name: str) -> None:
    with pytest.raises(Invalid):
        people.create_key(root, person("root"), name)
    assert not ApiKey.objects.exists()


# The team of what is made


@pytest.mark.parametrize(
    ("places", "chosen"),
    [
        ({"ml": "power_user"}, "ml"),
        ({"ml": "power_user", "all": "annotator"}, "ml"),
        ({"ml": "power_user", "all": "power_user"}, "all"),
        ({"ml": "power_user", "all": "power_user", "admin": "admin"}, "admin"),
        ({"ml": "power_user", "all": "power_user", "admin": "read-only"}, "all"),
        ({"ml": "power_user", "admin": "read-only"}, "ml"),
        ({"admin": "admin"}, "admin"),
        ({"ml": "annotator", "admin": "read-only"}, None),
        ({}, None),
    ],
)
def test_what_is_made_belongs_to_the_team_one_would_expect(
    db: None, places: dict[str, str], chosen: str | None
) -> None:
    asking = caller("ann", **places)
    if chosen is None:
        with pytest.raises(Forbidden, match="project:create in a team"):
            people.team_of_new(asking, Permission.CREATE_PROJECT)
    else:
        assert people.team_of_new(asking, Permission.CREATE_PROJECT).key == chosen


def test_what_a_superuser_makes_belongs_to_the_reserved_team(db: None) -> None:
    root = access.caller_of(User.objects.create_superuser("chief@example.org"))
    assert people.team_of_new(root, Permission.CREATE_PROJECT).key == "admin"
    assert people.team_of_new(root, Permission.CREATE_PROJECT, team("ml")).key == "ml"


def test_nothing_is_made_for_a_team_in_which_one_may_not(db: None) -> None:
    asking = caller("ann", ml="power_user", ops="annotator")
    for key in ("ops", "strangers", "admin"):
        with pytest.raises(Forbidden, match=f"project:create in the team “{key}”"):
            people.team_of_new(asking, Permission.CREATE_PROJECT, team(key))


# Into a project by a command


def test_the_people_of_a_project_called_admin_do_not_administer_the_server(db: None) -> None:
    project = Project.objects.create(key="admin", name="Admin")
    people.belong(person("ann"), project)
    people.belong(person("bob"), project)
    assert {member.team.key for member in Member.objects.all()} == {"admin-2"}
    asking = access.caller_of(person("ann"))
    assert (asking.everywhere, asking.permissions(project.pk)) == (frozenset(), IN_PROJECTS)


def test_a_project_s_people_are_not_those_of_a_team_that_has_its_name_by_chance(project: Project) -> None:
    person("stranger", support="power_user")
    people.belong(person("ann"), project)
    assert not access.caller_of(person("stranger")).grants
    assert access.caller_of(person("ann")).permissions(project.pk) == IN_PROJECTS


# Two at once


def test_who_comes_second_with_the_same_address_is_told_so(overlapping: ThreadPoolExecutor) -> None:
    root = caller("root", admin="admin")
    started: list[Future[object]] = []

    def create() -> User:
        return people.create_user(root, "new@example.org", "New", [])

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not started and sql.startswith('INSERT INTO "interactions_user"'):
            started.append(overlapping.submit(create))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        create()
    assert isinstance(started[0].exception(), Conflict)
    assert User.objects.filter(email="new@example.org").count() == 1
