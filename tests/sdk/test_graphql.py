"""Each method of the vendor's client, unmodified, sync and async, against a running server."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from adaptive_sdk.error_handling import AdaptiveEntityNotFoundError
from adaptive_sdk.graphql_client.exceptions import GraphQLClientGraphQLMultiError, GraphQLClientHttpError

from tests.api.pictures import data_uri, picture
from tests.sdk.clients import Sdk, admin_key, connect, project, proves, sdk

__all__ = ["admin_key", "connect", "project", "sdk"]

HELLO: Any = [{"role": "user", "content": "Hello!"}]


def asked(text: str) -> Any:
    return [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]


def log(sdk: Sdk, **fields: Any) -> UUID:
    told = {"messages": HELLO, "completion": "Hi."} | fields
    return UUID(str(sdk("interactions.create", **told).completion_id))


# Interactions


@proves("interactions.create", "interactions.get")
def test_what_was_logged_is_read_back(sdk: Sdk, project: str) -> None:
    session, user = uuid4(), uuid4()
    image = {"type": "image_url", "image_url": data_uri(picture())}
    content = [{"type": "text", "text": "What is"}, image, {"type": "text", "text": "this?"}]
    id = log(
        sdk, messages=[*asked("first"), {"role": "user", "content": content}], completion="A square.", model="eyes",
        feedbacks=[{"feedback_key": "thumbs", "value": True, "details": "quick"}], labels={"env": "prod"},
        session_id=session, user=user,
    )  # fmt: skip
    read = sdk("interactions.get", id)
    assert str(read.id) == str(id)
    assert [(message.role, message.content) for message in read.chat_messages] == [
        ("system", "Be kind."), ("user", "first"), ("user", "What is\nthis?"),
    ]  # fmt: skip
    assert (read.completion, read.source.value, read.model.key) == ("A square.", "OFFLINE", "eyes")
    (score,) = read.direct_scores
    assert (score.value, score.details, score.metric.key, score.metric.kind.value) == (1.0, "quick", "thumbs", "BOOL")
    assert [(label.key, label.value) for label in read.labels] == [("env", "prod")]
    assert abs(read.created_at / 1000 - datetime.now(UTC).timestamp()) < 60
    assert sdk("interactions.get", id, project=project).id == read.id
    assert sdk("interactions.get", str(uuid4())) is None


@proves("interactions.list")
def test_interactions_are_listed_newest_first_page_by_page(sdk: Sdk) -> None:
    batch = uuid4().hex
    ids = [str(log(sdk, completion=f"{n}", labels={"batch": batch})) for n in range(7)]
    filters = {"labels": [{"key": "batch", "value": [batch]}]}
    whole = sdk("interactions.list", filters=filters)
    assert whole.total_count == 7
    assert [str(node.id) for node in whole.nodes] == ids[::-1]
    assert not whole.page_info.has_next_page

    listed: list[str] = []
    page: dict[str, Any] = {"first": 3}
    while True:
        some = sdk("interactions.list", filters=filters, page=page)
        assert some.total_count == 7
        listed += [str(node.id) for node in some.nodes]
        if not some.page_info.has_next_page:
            break
        page = {"first": 3, "after": some.page_info.end_cursor}
    assert listed == ids[::-1]

    oldest_first = [{"field": "created_at", "order": "ASC"}]
    first = sdk("interactions.list", filters=filters, order=oldest_first, page={"first": 2})
    assert [str(node.id) for node in first.nodes] == ids[:2]
    last = sdk("interactions.list", filters=filters, page={"last": 2})
    assert [str(node.id) for node in last.nodes] == ids[1::-1]
    before = sdk("interactions.list", filters=filters, page={"last": 2, "before": last.page_info.end_cursor})
    assert [str(node.id) for node in before.nodes] == [ids[2], ids[1]]
    skipped = sdk("interactions.list", filters=filters, page={"first": 2, "offset": 4})
    assert [str(node.id) for node in skipped.nodes] == [ids[2], ids[1]]


@proves("interactions.list")
def test_every_filter_of_the_client_narrows(sdk: Sdk) -> None:
    batch, session = uuid4().hex, uuid4()
    mine = {"key": "batch", "value": [batch]}
    old = datetime.now(UTC) - timedelta(days=2)
    one = str(log(sdk, model="m1", labels={"batch": batch, "env": "prod"}, session_id=session))
    two = str(log(sdk, model="m2", labels={"batch": batch, "lang": "de"}, messages=asked("again")))

    def found(**filters: Any) -> set[str]:
        listed = sdk("interactions.list", filters={"labels": [mine, *filters.pop("labels", [])]} | filters)
        return {str(node.id) for node in listed.nodes}

    assert found() == {one, two}
    assert found(models=["m1"]) == {one}
    assert found(models=["m1", "m2"]) == {one, two}
    assert found(models=[]) == set()
    assert found(session_id=str(session)) == {one}
    assert found(completion_id=two) == {two}
    assert found(labels=[{"key": "env", "value": ["prod", "dev"]}]) == {one}
    assert found(labels=[{"key": "lang"}]) == {two}
    assert found(labels=[{"key": "env", "value": []}]) == set()
    assert found(source=["OFFLINE"]) == {one, two}
    assert found(source=["LIVE", "OFFLINE"]) == {one, two}
    assert found(source=["LIVE"]) == set()
    now = datetime.now(UTC) + timedelta(minutes=1)
    assert found(timerange={"from_": int(old.timestamp() * 1000), "to": int(now.timestamp() * 1000)}) == {one, two}
    assert found(timerange={"from_": "2024-01-01", "to": old.isoformat()}) == set()
    (group,) = (
        group
        for group in sdk("interactions.list", filters={"labels": [mine]}, group_by="prompt").nodes
        if str(group.completions.nodes[0].id) == two
    )
    assert found(prompt_hash=group.key) == {two}


@proves("interactions.list")
def test_interactions_are_grouped_with_statistics(sdk: Sdk) -> None:
    batch = uuid4().hex
    filters = {"labels": [{"key": "batch", "value": [batch]}]}
    for n in range(4):
        log(
            sdk, model="a" if n < 3 else "b", messages=asked(f"q{n % 2}"), labels={"batch": batch},
            feedbacks=[{"feedback_key": "rating", "value": n}],
        )  # fmt: skip
    log(sdk, labels={"batch": batch})  # without a model
    by_model = sdk("interactions.list", filters=filters, group_by="model")
    assert (by_model.total_count, by_model.group_by.value) == (3, "MODEL")
    assert [(group.key, group.count) for group in by_model.nodes] == [("a", 3), ("b", 1), (None, 1)]
    (stats,) = by_model.nodes[0].direct_scores_stats
    assert (stats.metric.key, stats.scores, stats.average, stats.min, stats.max, stats.sum) == ("rating", 3, 1, 0, 2, 3)
    assert stats.stddev == pytest.approx((2 / 3) ** 0.5)
    assert [len(group.completions.nodes) for group in by_model.nodes] == [3, 1, 1]
    by_prompt = sdk("interactions.list", filters=filters, group_by="prompt")
    assert by_prompt.total_count == 3
    assert sorted(group.count for group in by_prompt.nodes) == [1, 2, 2]
    # The client sends the groups' cursor to the interactions within, too.
    first = sdk("interactions.list", filters=filters, group_by="prompt", page={"first": 2})
    assert first.page_info.has_next_page
    second = sdk(
        "interactions.list", filters=filters, group_by="prompt", page={"first": 2, "after": first.page_info.end_cursor}
    )
    assert [group.key for group in (*first.nodes, *second.nodes)] == [group.key for group in by_prompt.nodes]
    assert all(group.completions.nodes for group in second.nodes)


@pytest.mark.parametrize("lost", [{"user_id": str(uuid4())}, {"feedbacks": [{"metric": "thumbs"}]}])
def test_a_filter_that_the_client_loses_is_refused_with_a_way_out(sdk: Sdk, lost: dict[str, Any]) -> None:
    with pytest.raises(GraphQLClientGraphQLMultiError, match=r"loses the filters user_id, feedbacks and comparisons"):
        sdk("interactions.list", filters=lost)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"order": [{"field": "magic", "order": "ASC"}]}, "Order by created_at, createdAt, id"),
        ({"page": {"after": "bm9ib2R5"}}, "not a cursor of this list"),
        ({"page": {"first": 5_000}}, "A page has 0 to 1,000 rows"),
        ({"filters": {"prompt_hash": "abc"}}, "64 hexadecimal digits"),
        ({"filters": {"timerange": {"from_": "soon", "to": 1}}}, "is no time"),
    ],
)
def test_what_cannot_be_listed_is_told(sdk: Sdk, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(GraphQLClientGraphQLMultiError, match=sentence):
        sdk("interactions.list", **arguments)


# Feedback


@proves("feedback.register_key", "feedback.get_key", "feedback.list_keys")
def test_a_feedback_key_is_registered_and_read(sdk: Sdk, project: str) -> None:
    key = f"helpful-{uuid4().hex[:6]}"
    made = sdk(
        "feedback.register_key", project, key, "scalar", scoring_type="lower_is_better", name="Help", description="x"
    )
    assert (made.key, made.name, made.description) == (key, "Help", "x")
    assert (made.kind.value, made.scoring_type.value) == ("SCALAR", "LOWER_IS_BETTER")
    assert (made.has_direct_scores, made.has_comparison_scores) == (False, False)
    assert sdk("feedback.get_key", project, key).id == made.id
    assert sdk("feedback.get_key", project, str(made.id)).key == key
    listed = {one.key: one for one in sdk("feedback.list_keys")}
    assert [of.key for of in listed[key].projects] == [project]


@proves("feedback.log_metric")
def test_feedback_is_logged_on_a_completion(sdk: Sdk, project: str) -> None:
    id = log(sdk)
    logged = [
        sdk("feedback.log_metric", value, id, key, details="d") for value, key in ((True, "thumbs"), (3.5, "rating"))
    ]
    scores = sdk("interactions.get", id).direct_scores
    assert [(str(score.id), score.value) for score in scores] == [
        (str(logged[0].feedback_id), 1.0), (str(logged[1].feedback_id), 3.5),
    ]  # fmt: skip
    assert sdk("feedback.get_key", project, "thumbs").has_direct_scores
    with pytest.raises(GraphQLClientGraphQLMultiError, match="send true or false, not 7"):
        sdk("feedback.log_metric", 7, id, "thumbs")


@proves("feedback.log_preference")
def test_a_preference_is_seen_from_both_sides(sdk: Sdk, project: str) -> None:
    won, lost = log(sdk, model="a", completion="good"), log(sdk, model="b", completion="bad")
    user = {"user_id": uuid4()} if sdk.is_async else {"user": uuid4()}
    made = sdk("feedback.log_preference", "preference", won, lost, **user)
    for id in (won, lost):
        (seen,) = sdk("interactions.get", id).comparison_scores
        assert str(seen.id) == str(made.comparison_id)
        assert (seen.metric.key, seen.project.key) == ("preference", project)
        assert (seen.prefered_completion.completion, seen.other_completion.completion) == ("good", "bad")
        assert (seen.prefered_completion.model.key, seen.other_completion.source.value) == ("a", "OFFLINE")


# Projects


@proves("projects.create", "projects.get", "projects.list")
def test_a_project_is_made_and_read(sdk: Sdk) -> None:
    key = f"new-{uuid4().hex[:6]}"
    made = sdk("projects.create", key, name="New", description="Fresh")
    assert (made.key, made.name, made.description) == (key, "New", "Fresh")
    assert "interaction:read" in made.permissions
    assert [(share.team.key, share.is_owner) for share in made.shares] == [("admin", True)]
    assert sdk("projects.get", key).id == made.id
    assert sdk("projects.get", str(made.id)).key == key
    assert key in [project.key for project in sdk("projects.list")]
    with pytest.raises(GraphQLClientGraphQLMultiError, match="There is a project"):
        sdk("projects.create", key)


@proves("projects.share", "projects.unshare")
def test_a_project_is_shared_and_no_longer(sdk: Sdk, connect: Callable[..., Sdk], project: str) -> None:
    team = f"team-{uuid4().hex[:6]}"
    sdk("teams.create", team)
    reader = sdk("users.create_service_account", f"reader-{uuid4().hex[:6]}", [(team, "power_user")])
    theirs = connect(reader.api_key)
    with pytest.raises(AdaptiveEntityNotFoundError):
        theirs("projects.get", project)
    shared = sdk("projects.share", project, team, "read-only")
    assert (team, "read-only", False) in [(s.team.key, s.role.key, s.is_owner) for s in shared.shares]
    assert set(theirs("projects.get", project).permissions) == {
        "project:read", "interaction:read", "model:read", "dataset:read",
    }  # fmt: skip
    left = sdk("projects.unshare", project, team)
    assert team not in [share.team.key for share in left.shares]
    with pytest.raises(AdaptiveEntityNotFoundError):
        theirs("projects.get", project)


# Models


@proves("models.add_external", "models.get", "models.list")
def test_an_external_model_is_added_and_its_secret_never_told(sdk: Sdk) -> None:
    name = f"GPT {uuid4().hex[:6]}"
    made = sdk("models.add_external", name, "gpt-4o", "sk-very-secret", "open_ai", extra_params={"a": 1})
    assert (made.name, made.provider_name.value, made.is_external) == (name, "OPEN_AI", True)
    assert sdk("models.get", made.key).id == made.id
    assert sdk("models.get", str(made.id)).key == made.key
    listed = {model.key: model for model in sdk("models.list")}
    assert listed[made.key].projects == []
    assert "sk-very-secret" not in f"{made!r} {listed!r}"
    google = sdk("models.add_external", name, "gemini", "k", "google")
    assert google.key != made.key


def attached(sdk: Sdk, project: str) -> dict[str, Any]:
    return {service.key: service for service in sdk("projects.get", project).model_services}


def serve(sdk: Sdk, project: str) -> str:
    """Adds an external model and takes it into the project, as both forms of the client can."""
    model = sdk("models.add_external", f"Served {uuid4().hex[:6]}", "x", "k", "open_ai")
    add = "mutation Add($input: AddModelsToProjectInput!) { addModelsToProject(input: $input) { success } }"
    told = sdk.graphql(add, input={"project": project, "models": [model.key]})
    assert told == {"addModelsToProject": {"success": True}}
    return str(model.key)


@proves("models.list")
def test_a_model_that_was_logged_is_listed_with_its_projects(sdk: Sdk, project: str) -> None:
    key = f"logged-{uuid4().hex[:6]}"
    log(sdk, model=key)
    assert [of.key for of in {m.key: m for m in sdk("models.list")}[key].projects] == [project]
    assert attached(sdk, project)[key].model.online.value == "OFFLINE"
    with pytest.raises(GraphQLClientGraphQLMultiError, match="was only logged"):
        sdk("models.update", key, is_default=True)
    if not sdk.is_async:  # which has neither
        sdk("models.add_to_project", key)  # where it is already
        with pytest.raises(Exception, match="Model key does not exist"):
            sdk("models.deploy", key)


@proves("models.update")
def test_a_model_is_made_the_default_and_what_is_not_named_stays(sdk: Sdk, project: str) -> None:
    first, second = serve(sdk, project), serve(sdk, project)
    assert sdk("models.update", first, is_default=True).is_default
    updated = sdk("models.update", second, is_default=True)
    assert (updated.key, updated.is_default, updated.model.key) == (second, True, second)
    assert [key for key, service in attached(sdk, project).items() if service.is_default] == [second]
    away = sdk("models.update", second, desired_online=False)
    assert (away.is_default, away.desired_online, away.model.online.value) == (True, False, "OFFLINE")


@proves("models.add_to_project", "models.attach", "models.deploy", "models.detach")
def test_an_external_model_is_attached_and_detached(sdk: Sdk, project: str) -> None:
    if sdk.is_async:  # its detach asks for nothing, and the others it has not
        model = serve(sdk, project)
        sdk("models.detach", model, project)
        assert model in attached(sdk, project)
        return
    model = sdk("models.add_external", f"Served {uuid4().hex[:6]}", "x", "k", "open_ai").key
    sdk("models.add_to_project", model)
    assert attached(sdk, project)[model].model.online.value == "ONLINE"
    sdk("models.deploy", model, make_default=True)
    assert attached(sdk, project)[model].is_default
    sdk("models.detach", model, project)
    assert model not in attached(sdk, project)
    sdk("models.attach", model, wait=True, make_default=True)
    assert attached(sdk, project)[model].is_default
    with pytest.raises(Exception, match="no model"):
        sdk("models.add_to_project", "nowhere")


# People


@proves("users.me", "users.list", "users.create", "users.delete")
def test_a_user_is_made_and_deleted(sdk: Sdk) -> None:
    assert sdk("users.me").email == "root@example.org"
    email = f"u{uuid4().hex[:6]}@example.org"
    made = sdk("users.create", email, "New", [("admin", "read-only")])
    assert [(place.team.key, place.role.key) for place in made.teams] == [("admin", "read-only")]
    assert email in [user.email for user in sdk("users.list")]
    sdk("users.delete", email)
    assert email not in [user.email for user in sdk("users.list")]


@proves("users.add_to_team", "users.remove_from_team", "teams.create", "teams.list")
def test_a_user_is_put_into_a_team_and_taken_out(sdk: Sdk) -> None:
    email, team = f"u{uuid4().hex[:6]}@example.org", f"team-{uuid4().hex[:6]}"
    assert sdk("teams.create", team, name="Team").name == "Team"
    assert team in [one.key for one in sdk("teams.list")]
    sdk("users.create", email, "New", [])
    put = sdk("users.add_to_team", email, team, "annotator")
    assert (put.user.email, put.team.key, put.role.key) == (email, team, "annotator")
    left = sdk("users.remove_from_team", email, team)
    assert left.teams == []


@proves("users.create_service_account")
def test_a_service_account_has_a_key_that_works(sdk: Sdk, connect: Callable[..., Sdk], project: str) -> None:
    name = f"bot-{uuid4().hex[:6]}"
    made = sdk("users.create_service_account", name, [("admin", "inference")])
    assert made.email == f"{name}@system.adaptive.local"
    bot = connect(made.api_key, project)
    assert bot("users.me").name == name
    log(bot)
    with pytest.raises(GraphQLClientGraphQLMultiError, match="interaction:read"):
        bot("interactions.list")


@proves("roles.create", "roles.list", "permissions.list")
def test_a_role_is_a_set_of_permissions(sdk: Sdk) -> None:
    key = f"role-{uuid4().hex[:6]}"
    made = sdk("roles.create", key, ["project:read", "interaction:read"], name="Reader")
    assert sorted(made.permissions) == ["interaction:read", "project:read"]
    listed = {role.key: role for role in sdk("roles.list")}
    assert listed[key].name == "Reader"
    assert {"admin", "power_user", "annotator", "inference", "read-only"} <= listed.keys()
    assert {"project:read", "project:share"} <= set(sdk("permissions.list"))
    with pytest.raises(GraphQLClientGraphQLMultiError, match="There is no permission “magic:use”"):
        sdk("roles.create", f"{key}-2", ["magic:use"])


# What goes wrong, as the client raises it


def test_what_is_not_there_is_raised_with_the_client_s_own_hint(sdk: Sdk, project: str) -> None:
    missing = {
        "Project key": lambda: sdk("projects.get", "nowhere"),
        "Project": lambda: sdk("interactions.list", project="nowhere"),
        "Feedback key": lambda: sdk("feedback.get_key", project, "nowhere"),
        "feedback key": lambda: sdk("feedback.log_metric", True, log(sdk), "nowhere"),
        "Model": lambda: sdk("models.get", "nowhere"),
        "User": lambda: sdk("users.delete", "nobody@example.org"),
    }
    hints = {}
    for what, ask in missing.items():
        with pytest.raises(AdaptiveEntityNotFoundError) as raised:
            ask()
        hints[what] = str(raised.value)
    assert "projects.create" in hints["Project key"]
    assert hints["Project"] == hints["Project key"]
    assert "feedback.register_key" in hints["Feedback key"] or "feedback.link" in hints["Feedback key"]
    assert hints["feedback key"] == hints["Feedback key"]
    assert "odel" in hints["Model"]
    assert "ser" in hints["User"]
    with pytest.raises(AdaptiveEntityNotFoundError, match="There is no interaction"):
        sdk("feedback.log_metric", True, uuid4(), "thumbs")


@pytest.mark.parametrize("key", ["project", "model-metric", "a user's model"])
def test_a_name_that_holds_the_words_of_hints_does_not_mislead_the_client(sdk: Sdk, project: str, key: str) -> None:
    with pytest.raises(AdaptiveEntityNotFoundError) as raised:
        sdk("feedback.get_key", project, key)
    with pytest.raises(AdaptiveEntityNotFoundError) as plain:
        sdk("feedback.get_key", project, "nowhere")
    assert str(raised.value) == str(plain.value).replace("nowhere", key)


ELSEWHERE: dict[str, Callable[[Sdk], Any]] = {
    "jobs": lambda sdk: sdk("jobs.list"),
    "recipes": lambda sdk: sdk("recipes.list"),
    "graders": lambda sdk: sdk("graders.list"),
    "compute pools": lambda sdk: sdk("compute_pools.list"),
    "integrations": lambda sdk: sdk("integrations.list", "team"),
    "terminating a model": lambda sdk: sdk("models.terminate", "m"),
    "a model's compute": lambda sdk: sdk("models.update_compute_config", "m", {"tp": 1}),
    "weights": lambda sdk: sdk("models.add_hf_model", "Qwen/Qwen3-4B", "M", "m", "token"),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_belongs_to_training_says_that_it_is_not_part_of_this_server(sdk: Sdk, what: str) -> None:
    with pytest.raises(GraphQLClientGraphQLMultiError, match="not part of this server"):
        ELSEWHERE[what](sdk)


def test_a_key_that_is_none_is_refused(connect: Callable[..., Sdk]) -> None:
    with pytest.raises(GraphQLClientHttpError, match="401"):
        connect("ik_abcdefgh_" + "x" * 43)("projects.list")


# Datasets

RECORDS: dict[str, dict[str, Any]] = {
    "PROMPT": {"messages": HELLO},
    "PROMPT_COMPLETION": {"messages": HELLO, "completion": "Hi.", "labels": {"env": "prod"}},
    "PROMPT_COMPLETION_SCORE": {"messages": HELLO, "completion": "Hi.", "feedbacks": {"thumbs": True, "new-one": 0.5}},
    "PREFERENCE": {
        "messages": HELLO, "preferred_completion": "Hi.", "other_completion": "Go.", "feedback_key": "preference",
    },
}  # fmt: skip


@proves("datasets.upload", "datasets.get", "datasets.list", "datasets.download", "datasets.delete")
@pytest.mark.parametrize("kind", RECORDS)
def test_a_dataset_is_uploaded_read_back_and_deleted(sdk: Sdk, tmp_path: Path, kind: str) -> None:
    key, file, copy = f"set-{uuid4().hex[:6]}", tmp_path / "records.jsonl", tmp_path / "copy.jsonl"
    file.write_text("".join(json.dumps(RECORDS[kind]) + "\n" for _ in range(3)))
    made = sdk("datasets.upload", str(file), key, name="Set")
    assert (made.key, made.name, made.kind.value, made.records) == (key, "Set", kind, 3)
    usage = {one.metric.key: (one.score_count, one.comparison_count) for one in made.metrics_usage}
    assert usage == {
        "PROMPT_COMPLETION_SCORE": {"thumbs": (3, 0), "new-one": (3, 0)}, "PREFERENCE": {"preference": (0, 3)},
    }.get(kind, {})  # fmt: skip
    assert sdk("datasets.get", key).id == made.id
    assert key in [one.key for one in sdk("datasets.list")]
    sdk("datasets.download", key, str(copy))
    assert copy.read_bytes() == file.read_bytes()
    assert sdk("datasets.delete", key) is True
    assert sdk("datasets.get", key) is None


@proves("datasets.upload")
def test_a_large_dataset_is_uploaded_in_parts(sdk: Sdk, tmp_path: Path) -> None:
    file, copy = tmp_path / "large.jsonl", tmp_path / "copy.jsonl"
    records = ({"messages": [{"role": "user", "content": f"{n} {'x' * 1000}"}]} for n in range(7_000))
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    key = f"large-{uuid4().hex[:6]}"
    made = sdk("datasets.upload", str(file), key)
    assert (made.kind.value, made.records) == ("PROMPT", 7_000)
    sdk("datasets.download", key, str(copy))
    assert copy.read_bytes() == file.read_bytes()


def test_a_record_that_is_none_is_refused_with_its_line(sdk: Sdk, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({"messages": HELLO}) + "\n" + json.dumps({"completion": "x"}) + "\n")
    with pytest.raises(GraphQLClientGraphQLMultiError, match="2"):
        sdk("datasets.upload", str(file), f"bad-{uuid4().hex[:6]}")


# A/B tests


@proves("ab_tests.create", "ab_tests.get", "ab_tests.list", "ab_tests.cancel")
@pytest.mark.parametrize("kind", ["metric", "preference"])
def test_an_ab_test_is_begun_watched_and_cancelled(sdk: Sdk, project: str, kind: str) -> None:
    key, arms = f"ab-{uuid4().hex[:6]}", [serve(sdk, project), serve(sdk, project)]
    metric = "thumbs" if kind == "metric" else "preference"
    made = sdk("ab_tests.create", key, metric, arms, traffic_split=0.5, feedback_type=kind)
    assert (made.key, made.status.value) == (key, "WARMUP")
    for n, arm in enumerate(arms):
        id = log(sdk, model=arm)
        sdk("feedback.log_metric", bool(n), id, "thumbs")
    told = sdk("ab_tests.get", key)
    assert [variant.variant.key for variant in told.report.variants] == arms
    assert (told.scores, told.has_enough_scores, told.report.p_value) == (0, False, None)
    assert [of.key for of in told.models] == arms
    assert (told.metric.key, told.project.key, told.traffic_split) == (metric, project, 0.5)
    assert key in [one.key for one in sdk("ab_tests.list", active=True)]
    assert key not in [one.key for one in sdk("ab_tests.list", status="done")]
    assert sdk("ab_tests.cancel", key) == key
    cancelled = sdk("ab_tests.get", key)
    assert cancelled.status.value == "CANCELLED"
    assert cancelled.end_date >= cancelled.begin_date
    assert sdk("ab_tests.get", "nowhere") is None
