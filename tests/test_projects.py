"""Projects, with whom they are shared, and what feedback is given on in them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection

from interactions import access, conditions, finding, ids, ingest, payloads, projects
from interactions.access import IN_PROJECTS, Caller, Permission
from interactions.conditions import Compared, HasFeedback, Scored
from interactions.errors import Conflict, Forbidden, Invalid, NotFound
from interactions.index import COMPARED, SCORE, SCORED, current
from interactions.ingest import vocabulary
from interactions.models import (
    AbArm,
    AbEntry,
    AbTest,
    Comparison,
    Feedback,
    FeedbackKey,
    Interaction,
    Model,
    Outcome,
    Project,
    Share,
    User,
)
from interactions.projects import Sharing
from tests.conftest import Api
from tests.teams import caller, limited, person, role, share, team
from tests.test_removal import held, numbers_of, overlapping, sides, wait_until, waits_for_a_lock_elsewhere

__all__ = ["overlapping"]

Act = Callable[[Caller, Project], object]


@pytest.fixture
def owner(project: Project) -> Caller:
    """May do all in the project, by the team that owns it."""
    share(project, "ml", is_owner=True)
    return caller("owner", ml="power_user")


def shared(project: Project) -> dict[str, tuple[str, bool]]:
    rows = Share.objects.filter(project=project).values_list("team__key", "role__key", "is_owner")
    return {team: (role, is_owner) for team, role, is_owner in rows}


def sharings(project: Project) -> list[Sharing]:
    """As they are, as the SDK sends them back with one changed."""
    rows = Share.objects.filter(project=project).select_related("team", "role").order_by("pk")
    return [Sharing(row.team, row.role, row.is_owner) for row in rows]


# Every act and the permission it needs

ACTS: dict[str, tuple[Permission, Act]] = {
    "update": (Permission.UPDATE_PROJECT, lambda c, p: projects.update(c, p, name="Other")),
    "set_shares": (Permission.SHARE, lambda c, p: projects.set_shares(c, p, sharings(p))),
    "metric": (Permission.SEE, lambda c, p: projects.metric(c, p, "thumbs")),
    "register": (Permission.MANAGE_METRICS, lambda c, p: projects.register(c, p, "new")),
    "update_metric": (Permission.MANAGE_METRICS, lambda c, p: projects.update_metric(c, p, "thumbs", name="Other")),
    "delete_metric": (Permission.MANAGE_METRICS, lambda c, p: projects.delete_metric(c, p, "thumbs")),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_needs_its_permission_in_the_project_and_no_other(act: str, project: Project) -> None:
    permission, do = ACTS[act]
    share(project, "ml", is_owner=True)
    share(project, "guests", IN_PROJECTS - {permission})
    share(project, "friends", {permission})
    without = [
        caller("almost", ml=IN_PROJECTS - {permission}),
        caller("guest", guests="power_user"),
        limited("almost", project),
    ]
    strangers = [caller("stranger"), caller("captain", others="admin")]
    before = held()
    for asking in without:
        with pytest.raises(Forbidden, match=permission):
            do(asking, project)
        assert held() == before
    for stranger in strangers:
        with pytest.raises(NotFound) as raised:
            do(stranger, project)
        assert raised.value.field == "project"
        assert held() == before
    do(caller("friend", friends="power_user"), project)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("key", access.ROLES)
def test_a_default_role_allows_just_its_acts(act: str, key: str, project: Project) -> None:
    permission, do = ACTS[act]
    share(project, "ml", is_owner=True)
    asking = caller("ann", ml=key)
    if permission in access.ROLES[key]:
        do(asking, project)
    else:
        with pytest.raises(Forbidden):
            do(asking, project)


# Making


def test_a_new_project_is_owned_by_the_maker_s_team_and_reached_by_its_maker(db: None) -> None:
    asking = caller("ann", ml="power_user")
    project = projects.create(asking, None, " Customer Support ", " Who asks what ")
    assert (project.key, project.name, project.description) == ("customer-support", "Customer Support", "Who asks what")
    assert shared(project) == {"ml": ("power_user", True)}
    assert asking.permissions(project.pk) == IN_PROJECTS
    assert access.project(asking, str(project.uid), Permission.READ) == project
    assert access.caller_of(person("ann")).permissions(project.pk) == IN_PROJECTS


def test_a_project_is_made_for_the_team_that_is_named(db: None) -> None:
    asking = caller("ann", ml="power_user", ops="power_user", friends="annotator")
    assert shared(projects.create(asking, "one", "One", team=team("ops"))) == {"ops": ("power_user", True)}
    for key in ("friends", "strangers"):
        with pytest.raises(Forbidden, match=f"project:create in the team “{key}”"):
            projects.create(asking, "two", "Two", team=team(key))
    root = caller("root", admin="admin")
    assert shared(projects.create(root, "two", "Two", team=team("strangers"))) == {"strangers": ("power_user", True)}
    assert shared(projects.create(root, "three", "Three")) == {"admin": ("power_user", True)}


def test_a_limited_key_makes_no_project(project: Project) -> None:
    share(project, "ml", is_owner=True)
    for asking in (limited("ann", project, ml="power_user"), limited("root", project, admin="admin")):
        with pytest.raises(Forbidden, match="a key that is not for some projects only"):
            projects.create(asking, "new", "New")
        with pytest.raises(Forbidden):
            projects.create(asking, "new", "New", team=team("ml"))
    assert Project.objects.count() == 1


@pytest.mark.parametrize("key", ["support", None])
def test_a_project_s_key_is_its_own_even_where_the_maker_cannot_see_the_other(
    project: Project, key: str | None
) -> None:
    with pytest.raises(Conflict, match="There is a project “support” already") as raised:
        projects.create(caller("ann", ml="power_user"), key, "Support")
    assert raised.value.field == "key"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": "a b"}, "key"),
        ({"key": "../etc"}, "key"),
        ({"key": "a\n"}, "key"),
        ({"key": "x" * 101}, "key"),
        ({"key": None, "name": "支援"}, "key"),
        ({"key": str(uuid4())}, "key"),
        ({"key": None, "name": str(uuid4())}, "key"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "\udc00"}, "name"),
        ({"description": "a\x00"}, "description"),
        ({"description": "x" * 20_001}, "description"),
        ({"default_metric": "thumbs"}, "default_metric"),
    ],
)
def test_a_project_that_could_not_be_kept_or_called_is_refused(db: None, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        projects.create(caller("ann", ml="power_user"), **{"key": "new", "name": "New", **fields})
    assert raised.value.field == field
    assert not Project.objects.exists()


def test_of_two_who_make_the_same_project_at_once_one_is_told_of_the_other(overlapping: ThreadPoolExecutor) -> None:
    asking = caller("ann", ml="power_user")
    started: list[Future[object]] = []

    def create() -> Project:
        return projects.create(asking, "new", "New")

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not started and sql.startswith('INSERT INTO "interactions_project"'):
            started.append(overlapping.submit(create))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        project = create()
    assert isinstance(started[0].exception(), Conflict)
    assert shared(project) == {"ml": ("power_user", True)}


def test_a_project_is_described_anew(owner: Caller, project: Project) -> None:
    kept = projects.update(owner, project)
    assert (kept.key, kept.name, kept.description, kept.default_metric) == ("support", "Support", "", None)
    projects.update(owner, project, name=" Help ", description="…", default_metric="thumbs")
    project.refresh_from_db()
    assert (project.name, project.description, str(project.default_metric)) == ("Help", "…", "thumbs")
    projects.update(owner, project, default_metric="")
    project.refresh_from_db()
    assert (project.name, project.default_metric) == ("Help", None)
    with pytest.raises(NotFound, match="no feedback key “nothing”") as raised:
        projects.update(owner, project, name="Lost", default_metric="nothing")
    assert raised.value.field == "metric"
    project.refresh_from_db()
    assert project.name == "Help"


def test_what_is_changed_leaves_what_another_changed_meanwhile(owner: Caller, project: Project) -> None:
    Project.objects.update(keep_interactions=30, description="another's")
    projects.update(owner, project, name="Help")
    project.refresh_from_db()
    assert (project.name, project.description, project.keep_interactions) == ("Help", "another's", 30)


# Sharing


def test_the_shares_of_a_project_are_what_was_sent_last(owner: Caller, project: Project) -> None:
    share(project, "old", "annotator")
    given = [
        Sharing(team("ml"), role("power_user"), is_owner=True),
        Sharing(team("guests"), role("read-only")),
        Sharing(team("ops"), role("annotator"), is_owner=True),
    ]
    projects.set_shares(owner, project, given)
    assert shared(project) == {
        "ml": ("power_user", True),
        "guests": ("read-only", False),
        "ops": ("annotator", True),
    }
    projects.set_shares(owner, project, given[:1])
    assert shared(project) == {"ml": ("power_user", True)}


def test_the_last_share_may_go_and_the_reserved_team_still_reaches_the_project(owner: Caller, project: Project) -> None:
    projects.set_shares(owner, project, [])
    assert shared(project) == {}
    with pytest.raises(NotFound):
        access.caller_of(person("owner")).project_id("support", Permission.SEE)
    root = caller("root", admin="admin")
    projects.set_shares(root, project, [Sharing(team("ml"), role("power_user"), is_owner=True)])
    assert access.caller_of(person("owner")).permissions(project.pk) == IN_PROJECTS


def test_a_team_is_named_once(owner: Caller, project: Project) -> None:
    twice = [*sharings(project), Sharing(team("ml"), role("annotator"))]
    with pytest.raises(Invalid, match="“ml” is named twice") as raised:
        projects.set_shares(owner, project, twice)
    assert raised.value.field == "shares[1].team"


def test_a_share_gives_no_ownership_by_who_does_not_have_it(owner: Caller, project: Project) -> None:
    share(project, "guests", "power_user")
    guest = caller("guest", guests="power_user", third="power_user")
    guests, ml = team("guests"), team("ml")
    power = role("power_user")
    attempts = {
        "for their own team": [Sharing(ml, power, is_owner=True), Sharing(guests, power, is_owner=True)],
        "for another team": [*sharings(project), Sharing(team("third"), power, is_owner=True)],
        "in place of the owner": [Sharing(guests, power, is_owner=True)],
        "taking it from the owner": [Sharing(ml, power), Sharing(guests, power)],
        "leaving the owner out": [Sharing(guests, power)],
        "leaving all out": [],
    }
    by_limited_key = limited("owner", project)  # it reaches the project, but acts for no team
    before = held()
    for who in (guest, by_limited_key):
        for wanted in attempts.values():
            with pytest.raises(Forbidden, match="in a team that owns it") as raised:
                projects.set_shares(who, project, wanted)
            assert raised.value.field == "shares"
            assert held() == before
    for who in (guest, by_limited_key):
        projects.set_shares(who, project, [*sharings(project), Sharing(team(f"x{who.is_limited}"), power)])
    assert shared(project).keys() == {"ml", "guests", "xFalse", "xTrue"}


def test_nobody_s_share_is_raised_above_what_its_giver_may_do(project: Project) -> None:
    share(project, "ml", is_owner=True)
    share(project, "guests", {Permission.SEE, Permission.SHARE, Permission.READ})
    guest = caller("guest", guests="admin", third="power_user")
    ml, guests, third = Sharing(team("ml"), role("power_user"), is_owner=True), team("guests"), team("third")
    own = Share.objects.get(team=guests).role
    before = held()
    for wanted in (
        [ml, Sharing(guests, role("power_user"))],
        [ml, Sharing(guests, own), Sharing(third, role("annotator"))],
        [Sharing(ml.team, role("read-only"), is_owner=True), Sharing(guests, own)],
    ):
        with pytest.raises(Forbidden, match="what you may not do yourself"):
            projects.set_shares(guest, project, wanted)
        assert held() == before
    projects.set_shares(guest, project, [ml, Sharing(guests, own), Sharing(third, own)])
    assert access.caller_of(person("guest")).permissions(project.pk) == set(own.permissions)


def test_a_member_of_the_owner_with_less_power_makes_no_other_owner(project: Project) -> None:
    share(project, "ml", is_owner=True)
    lead = caller("lead", ml=IN_PROJECTS - {Permission.DELETE}, third="power_user")
    with pytest.raises(Forbidden, match=Permission.DELETE):
        projects.set_shares(
            lead, project, [*sharings(project), Sharing(team("third"), role("read-only"), is_owner=True)]
        )
    projects.set_shares(lead, project, [*sharings(project), Sharing(team("third"), role("read-only"))])
    with pytest.raises(Forbidden, match=Permission.DELETE):
        projects.set_shares(lead, project, [*sharings(project)[:1], Sharing(team("third"), role("power_user"))])


def test_two_who_share_at_once_share_one_after_the_other(
    overlapping: ThreadPoolExecutor, owner: Caller, project: Project
) -> None:
    """The second, who owned the project when they asked, and no longer when it is their turn, changes nothing."""
    share(project, "ops", is_owner=True)
    second = caller("second", ops="power_user")
    ml = Sharing(team("ml"), role("power_user"), is_owner=True)
    ops = Sharing(team("ops"), role("power_user"), is_owner=True)
    started: list[Future[object]] = []

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not started and sql.startswith("DELETE"):
            started.append(overlapping.submit(projects.set_shares, second, project, [ops]))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        projects.set_shares(owner, project, [ml])
    assert isinstance(started[0].exception(), Forbidden)
    assert shared(project) == {"ml": ("power_user", True)}


# Feedback keys


def test_a_feedback_key_is_registered_and_found(owner: Caller, project: Project) -> None:
    made = projects.register(
        owner, project, "latency", "Latency", "scalar", "lower_is_better", "until the first word", "ms"
    )
    found = projects.metric(owner, project, "latency")
    assert found == made == projects.metric(owner, project, str(made.uid))
    assert (found.name, found.kind, found.scoring, found.description, found.unit) == (
        "Latency", "scalar", "lower_is_better", "until the first word", "ms"
    )  # fmt: skip
    assert projects.register(owner, project, "Is it so?", kind="bool").name == "Is it so?"


def test_a_feedback_key_that_is_there_is_told_of_and_left_as_it_is(owner: Caller, project: Project) -> None:
    before = held()
    with pytest.raises(Conflict, match="“thumbs” already, of the same kind: it can be used as it is") as raised:
        projects.register(owner, project, "thumbs", kind="bool", description="another")
    assert raised.value.field == "key"
    with pytest.raises(Conflict, match=r"“thumbs” already, of the kind bool where higher is better\."):
        projects.register(owner, project, "thumbs", kind="scalar")
    with pytest.raises(Conflict, match="of the kind bool"):
        projects.register(owner, project, "thumbs", kind="bool", scoring="lower_is_better")
    assert held() == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "a\x00"}, "key"),
        ({"key": "x" * 201}, "key"),
        ({"key": str(uuid4())}, "key"),
        ({"name": "x" * 201}, "name"),
        ({"kind": "BOOL"}, "kind"),
        ({"scoring": "best"}, "scoring"),
        ({"description": "\x00"}, "description"),
        ({"unit": "x" * 101}, "unit"),
        ({"unit": "\x00"}, "unit"),
    ],
)
def test_a_feedback_key_that_could_not_be_kept_is_refused(
    owner: Caller, project: Project, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        projects.register(owner, project, **{"key": "new", **fields})
    assert raised.value.field == field
    assert FeedbackKey.objects.count() == 2


def test_what_a_feedback_key_means_is_described_anew_and_its_kind_stays(owner: Caller, project: Project) -> None:
    changed = projects.update_metric(
        owner, project, "quality", name="Grade", description="1 to 5", scoring="lower_is_better", unit="points"
    )
    changed.refresh_from_db()
    assert (changed.key, changed.kind) == ("quality", "scalar")
    assert (changed.name, changed.description, changed.scoring, changed.unit) == (
        "Grade", "1 to 5", "lower_is_better", "points"
    )  # fmt: skip
    projects.update_metric(owner, project, str(changed.uid), unit="")
    changed.refresh_from_db()
    assert (changed.name, changed.unit) == ("Grade", "")
    with pytest.raises(Invalid):
        projects.update_metric(owner, project, "quality", scoring="best")
    with pytest.raises(NotFound) as raised:
        projects.update_metric(owner, project, "nothing", name="x")
    assert raised.value.field == "metric"


def test_feedback_keys_are_listed_for_the_projects_one_sees(owner: Caller, project: Project, foreign: Project) -> None:
    def listed(asking: Caller) -> list[tuple[str, str]]:
        return [(metric.project.key, metric.key) for metric in projects.metrics(asking)]

    own = [("support", "quality"), ("support", "thumbs")]
    assert listed(owner) == listed(limited("owner", project)) == own
    assert listed(caller("root", admin="read-only")) == [("secret", "thumbs"), *own]
    assert listed(caller("stranger")) == []
    with pytest.raises(NotFound):
        projects.metric(owner, project, str(FeedbackKey.objects.get(project=foreign).uid))


def test_what_was_given_under_a_feedback_key_is_known(api: Api, project: Project) -> None:
    one, two = api.log(feedbacks=[{"metric": "thumbs", "value": True}]), api.log()
    api.post("comparison", {"project": "support", "metric": "quality", **sides(one, two)})
    keys = {key.key: key for key in FeedbackKey.objects.filter(project=project)}
    given = projects.given(list(keys.values()))
    assert given[keys["thumbs"].pk] == (True, False)
    assert given[keys["quality"].pk] == (False, True)


# Deleting feedback keys


def judged(api: Api) -> list[dict[str, Any]]:
    """Interactions with feedback under two keys, comparisons and outcomes."""
    given = [{"metric": "thumbs", "value": True}, {"metric": "quality", "value": 3}]
    logged = [api.log(feedbacks=given) for _ in range(3)] + [api.log() for _ in range(2)]
    for metric in ("thumbs", "quality"):
        api.post("comparison", {"project": "support", "metric": metric, **sides(logged[3], logged[0])})
        api.post("comparison", {"project": "support", "metric": metric, **sides(logged[0], logged[4])})
        session = logged[0]["session_id"]
        api.post("outcome", {"project": "support", "metric": metric, "session_id": session, "value": 1})
    assert (Feedback.objects.count(), Comparison.objects.count(), Outcome.objects.count()) == (6, 4, 2)
    return logged


def test_a_feedback_key_goes_with_all_that_was_said_under_it_and_nothing_else(
    api: Api, owner: Caller, project: Project
) -> None:
    logged = judged(api)
    projects.update(owner, project, default_metric="thumbs")
    found = {
        name: finding.find(project, condition)
        for name, condition in {
            "thumbs": Scored("thumbs", "eq", 1),
            "quality": Scored("quality"),
            "any": HasFeedback(),
            "compared": Compared("thumbs"),
            "compared otherwise": Compared("quality"),
            "unlabelled": conditions.Not(Scored("thumbs")),
        }.items()
    }
    assert [found[name].count() for name in ("thumbs", "any", "compared", "unlabelled")] == [3, 3, 3, 2]
    with pytest.raises(Conflict, match=r"under “thumbs” 6 times, .* Confirm that number") as raised:
        projects.delete_metric(owner, project, "thumbs")
    assert raised.value.field == "confirmed"
    with pytest.raises(Conflict, match="6 times"):
        projects.delete_metric(owner, project, "thumbs", confirmed=5)
    assert Feedback.objects.count() == 6

    projects.delete_metric(owner, project, "thumbs", confirmed=6)

    assert {key.key for key in projects.metrics(owner)} == {"quality"}
    for kind, left in ((Feedback, 3), (Comparison, 2), (Outcome, 1)):
        assert kind.objects.filter(key__key="quality").count() == kind.objects.count() == left
    assert Interaction.objects.count() == len(logged)
    project.refresh_from_db()
    assert project.default_metric is None
    assert [found[name].count() for name in ("thumbs", "compared", "unlabelled")] == [0, 0, 5]
    assert found["quality"].numbers() == found["any"].numbers() == numbers_of(*logged[:3])
    assert found["compared otherwise"].count() == 3
    projects.register(owner, project, "thumbs", kind="bool")
    assert found["thumbs"].count() == found["compared"].count() == 0
    assert finding.find(project, Scored("quality", "gte", 3)).count() == 3


def test_the_index_follows_the_end_of_a_feedback_key(api: Api, owner: Caller, project: Project) -> None:
    """Also of one that could be asked for: as a key it is gone, as a change it is in the history."""
    logged = judged(api)
    key = FeedbackKey.objects.get(key="thumbs")
    finding.find(project, Scored("thumbs")).count()
    projects.delete_metric(owner, project, "thumbs", confirmed=6)
    with current(project) as index:
        assert index is not None
        assert key.pk not in index.postings.values(SCORED).held
        assert key.pk not in index.postings.values(COMPARED).held
        assert not index.postings.values(SCORE(key.pk)).held
        assert len(index.everything()) == len(logged)


def test_a_feedback_key_with_more_said_than_goes_into_one_transaction_goes(
    api: Api, owner: Caller, project: Project
) -> None:
    given = [{"metric": "thumbs", "value": n % 2 == 0} for n in range(3)]
    body = {"project": "support", "messages": [], "completion": "x", "feedbacks": given}
    api.post("interactions/batch", {"interactions": [body] * 70})
    for _ in range(45):
        outcome = {"project": "support", "metric": "thumbs", "session_id": str(uuid4()), "value": 1}
        api.post("outcome", outcome)
    projects.delete_metric(owner, project, "thumbs", confirmed=255)
    assert not Feedback.objects.exists()
    assert not Outcome.objects.exists()
    assert finding.find(project, HasFeedback(False)).count() == 70


def test_a_feedback_key_that_decides_a_running_test_stays(owner: Caller, project: Project, api: Api) -> None:
    key = FeedbackKey.objects.get(key="thumbs")
    test = AbTest.objects.create(project=project, key="which", name="Which", metric=key, traffic_split=1)
    AbArm.objects.create(test=test, model=Model.objects.create(project=project, key="m", name="m"))
    AbEntry.objects.create(project=project, interaction_id=UUID(api.log()["completion_id"]), test=test)
    for state in ("WARMUP", "IN_PROGRESS"):
        AbTest.objects.update(state=state)
        with pytest.raises(Conflict, match=r"The A/B test “which” is decided by “thumbs”\. Cancel it"):
            projects.delete_metric(owner, project, "thumbs")
    AbTest.objects.update(state="DONE")
    projects.delete_metric(owner, project, "thumbs")
    assert not AbTest.objects.exists()
    assert Interaction.objects.count() == Model.objects.count() == 1


def add_feedback(api: Api, logged: dict[str, Any], value: float) -> Any:
    told = {"completion_id": logged["completion_id"], "metric": "quality", "value": value}
    request = ingest.Request(access.digest(api.secret), [ingest.AddFeedback(payloads.read(payloads.Feedback, told))])
    return ingest.commit([request])[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kinds", [("scalar", "bool"), ("bool", "scalar"), ("scalar", "scalar"), ("scalar", None)])
def test_a_process_that_remembers_a_deleted_feedback_key_gives_feedback_under_the_new_one(
    api: Api, owner: Caller, project: Project, kinds: tuple[str, str | None]
) -> None:
    FeedbackKey.objects.filter(key="quality").update(kind=kinds[0])
    logged = api.log()
    assert "feedback_id" in add_feedback(api, logged, 1)
    remembered = dict(vocabulary._feedback_keys)
    projects.delete_metric(owner, project, "quality", confirmed=1)
    assert vocabulary.feedback_key(project.pk, "quality") is None
    if kinds[1]:
        projects.register(owner, project, "quality", kind=kinds[1])
    for value in (1, 7):
        vocabulary._feedback_keys.update(remembered)  # as another process does
        answer = add_feedback(api, logged, value)
        if kinds[1] is None:
            assert isinstance(answer, NotFound)
        elif kinds[1] == "bool" and value == 7:
            assert isinstance(answer, Invalid)
        else:
            assert "feedback_id" in answer
    known = FeedbackKey.objects.filter(key="quality").values_list("pk", flat=True)
    assert {given.key_id for given in Feedback.objects.all()} == set(known)
    Feedback.objects.all().delete()


def test_feedback_that_is_given_while_its_key_is_deleted_goes_too_or_is_refused(
    overlapping: ThreadPoolExecutor, api: Api, owner: Caller, project: Project
) -> None:
    logged = api.log(feedbacks=[{"metric": "quality", "value": 1}])
    started: list[Future[Any]] = []
    counted: list[Future[int]] = []

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith('DELETE FROM "interactions_feedbackkey"'):
            assert counted[0].result() == 1
            started.append(overlapping.submit(add_feedback, api, logged, 2))
            wait_until(lambda: started[-1].done() or waits_for_a_lock_elsewhere())
        elif not started and sql.startswith('DELETE FROM "interactions_feedback"'):
            started.append(overlapping.submit(add_feedback, api, logged, 3))
            wait_until(lambda: started[-1].done() or waits_for_a_lock_elsewhere())
            counted.append(overlapping.submit(lambda: finding.find(project, Scored("quality", "eq", 3)).count()))
        return result

    with connection.execute_wrapper(beside):
        projects.delete_metric(owner, project, "quality", confirmed=1)
    first, last = (one.result() for one in started)
    assert "feedback_id" in first
    assert isinstance(last, NotFound)
    assert not Feedback.objects.exists()
    with current(project) as index:
        assert index is not None
        assert not index.postings.values(SCORED).held


def test_a_test_that_starts_too_late_is_refused_and_never_deleted(
    overlapping: ThreadPoolExecutor, owner: Caller, project: Project
) -> None:
    key = FeedbackKey.objects.get(key="quality")
    looked: list[str] = []
    started: list[Future[Any]] = []

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if sql.startswith("SELECT") and '"interactions_abtest"."state" IN' in sql:
            looked.append(sql)
            if len(looked) == 2:  # first before anything is deleted, then when nobody can refer to the key any more
                given = {"key": "which", "name": "Which", "metric": key, "traffic_split": 1}
                started.append(overlapping.submit(AbTest.objects.create, project=project, **given))
                wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        projects.delete_metric(owner, project, "quality")
    assert isinstance(started[0].exception(), IntegrityError)
    assert not FeedbackKey.objects.filter(pk=key.pk).exists()


def test_a_test_that_starts_at_the_last_moment_keeps_its_feedback_key(
    overlapping: ThreadPoolExecutor, api: Api, owner: Caller, project: Project
) -> None:
    api.log(feedbacks=[{"metric": "quality", "value": 1}])
    key = FeedbackKey.objects.get(key="quality")

    def start() -> None:
        AbTest.objects.create(project=project, key="which", name="Which", metric=key, traffic_split=1)

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if sql.startswith('DELETE FROM "interactions_feedback"'):
            overlapping.submit(start).result()
        return execute(sql, *arguments)

    with connection.execute_wrapper(beside), pytest.raises(Conflict, match="Cancel it first"):
        projects.delete_metric(owner, project, "quality", confirmed=1)
    assert FeedbackKey.objects.filter(pk=key.pk).exists()
    assert AbTest.objects.exists()


# Ids and keys


def test_a_project_cannot_be_hidden_by_one_that_has_its_id_for_a_key(owner: Caller, project: Project) -> None:
    with pytest.raises(Invalid, match="must not have the form of an id"):
        projects.create(owner, str(project.uid), "Mimic")
    with pytest.raises(Invalid):
        projects.register(owner, project, FeedbackKey.objects.filter(project=project)[0].uid.hex)


@pytest.mark.parametrize("named", ["a\x00b", "x" * 5_000, str(ids.random_id()), ""])
def test_a_project_with_an_impossible_key_is_not_there(db: None, named: str) -> None:
    root = access.caller_of(User.objects.create_superuser("chief@example.org"))
    with pytest.raises(NotFound):
        access.project(root, named, Permission.SEE)
