"""How each page, REST operation and GraphQL field is called so that it succeeds for who may; `$…` is a name of `World`.

An entry says nothing of who may: that is declared with the view or the resolver.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class About(Enum):
    """What a call is about, where its permission does not tell: so that it is clear where the caller must have it."""

    PROJECT = auto()
    INTERACTION = auto()  # named by its id alone: who may not read its project is told that there is none
    UPLOAD = auto()  # which belongs to no project yet
    TEAM = auto()  # something new that one of the caller's teams will own
    WHAT_IS_SEEN = auto()  # a list, without those that the caller does not see


@dataclass(frozen=True)
class Field:
    """A root field of GraphQL. `arguments` stand as they are written in a query."""

    arguments: str = ""
    about: About = About.PROJECT
    # What any caller is told where this server has nothing to give.
    code: str = ""


_CHOSEN = '{fromSelection: {include: ["$interaction"]}}'
_NEW_SET = f'project: "$project", name: "New", completionQuery: {_CHOSEN}, kind: PROMPT_COMPLETION'

FIELDS: dict[str, Field] = {
    # Queries
    "completions": Field('filter: {project: "$project"}, page: {first: 5}'),
    "completion": Field('project: "$project", id: "$interaction"'),
    "completionsGrouped": Field('filter: {project: "$project"}, groupBy: MODEL, page: {first: 5}'),
    "interactionOptions": Field('filter: {projectId: "$project"}'),
    "completionDownloadUrl": Field(f'project: "$project", selection: {_CHOSEN}'),
    "completionAsDatasetDownloadUrl": Field(f'project: "$project", selection: {_CHOSEN}'),
    "datasets": Field('project: "$project"'),
    "dataset": Field('project: "$project", idOrKey: "$dataset"'),
    "datasetUploadProcessingStatus": Field('input: {project: "$project", datasetId: "$dataset_id"}'),
    "previewDatasetFromFilters": Field(f"input: {{{_NEW_SET}}}"),
    "abCampaigns": Field("filter: {}", About.WHAT_IS_SEEN),
    "abCampaign": Field('idOrKey: "$test"'),
    "metrics": Field("", About.WHAT_IS_SEEN),
    "metric": Field('projectIdOrKey: "$project", metricIdOrKey: "$metric"'),
    "projects": Field("", About.WHAT_IS_SEEN),
    "project": Field('idOrKey: "$project"'),
    "models": Field("filter: {}", About.WHAT_IS_SEEN),
    "model": Field('idOrKey: "$model"'),
    "me": Field(),
    "users": Field(),
    "teams": Field(),
    "roles": Field(),
    "permissions": Field(),
    # Mutations
    "updateCompletion": Field(
        'input: {id: "$interaction", addLabels: [{key: "topic", value: "new"}]}', About.INTERACTION
    ),
    "deleteCompletion": Field('id: "$interaction"', About.INTERACTION),
    "deleteCompletionSelection": Field(f'project: "$project", selection: {_CHOSEN}'),
    "createDataset": Field('input: {project: "$project", name: "New"}, file: $$file'),
    "createDatasetFromMultipartUpload": Field('input: {project: "$project", name: "New", uploadSessionId: "$upload"}'),
    "createDatasetFromFilters": Field(f"input: {{{_NEW_SET}}}"),
    "deleteDataset": Field('project: "$project", idOrKey: "$dataset"'),
    "createAbCampaign": Field(
        'input: {project: "$quiet", key: "new", metric: "$metric", modelServices: ["$first", "$second"], '
        "autoDeploy: false, trafficSplit: 1}",
    ),
    "cancelAbCampaign": Field('input: "$test"'),
    "createMetric": Field('project: "$project", input: {name: "New", key: "new", kind: BOOL}'),
    "addDirectScore": Field(
        'completionId: "$interaction", metricId: "$metric", input: {value: true}', About.INTERACTION
    ),
    "createProject": Field('input: {name: "New", key: "new"}', About.TEAM),
    "updateProject": Field('idOrKey: "$project", input: {description: "New"}'),
    "shareProject": Field(
        'idOrKey: "$project", input: {shares: [{team: "$team", role: "power_user", isOwner: true}, '
        '{team: "$guests", role: "read-only", isOwner: false}]}'
    ),
    "updateMetric": Field('project: "$project", metric: "$metric", input: {description: "New"}'),
    "deleteMetric": Field('project: "$project", metric: "$unused"'),
    "addExternalModel": Field(
        'input: {name: "New", provider: OPEN_AI, providerData: {openAI: {apiKey: "x", externalModelId: "new"}}}',
        About.TEAM,
    ),
    "addModelsToProject": Field('input: {project: "$project", models: ["$model"]}'),
    "deployModel": Field('input: {project: "$project", model: "$model"}'),
    "updateModelService": Field('input: {project: "$project", modelService: "$model", name: "New"}'),
    "removeModelFromProject": Field('input: {project: "$project", model: "$model"}'),
    "createUser": Field('input: {name: "New", email: "new@example.org", teams: []}'),
    "deleteUser": Field('user: "$person"'),
    "setTeamMember": Field('input: {user: "$person", team: "$team", role: "read-only"}'),
    "removeTeamMember": Field('input: {user: "$person", team: "$guests"}'),
    "createTeam": Field('input: {name: "New"}'),
    "createRole": Field('input: {name: "New", permissions: []}'),
    "createApiKey": Field('input: {user: "$me"}'),
    "terminateModel": Field('idOrKey: "$model"', code="not_part_of_this_server"),
    "updateModelComputeConfig": Field('idOrKey: "$model", input: {}', code="not_part_of_this_server"),
}


@dataclass(frozen=True)
class Request:
    """A request to the REST API, or for a page. `body` is JSON or bytes, or for a page a form."""

    path: str
    body: Any = None
    about: About = About.PROJECT
    # Whether a page of this server sends it too, for who is signed in.
    by_session: bool = False


_MODEL = "$project/$model"
_ASKED = [{"role": "user", "content": "Hello?"}]
_LOGGED = {"project": "$project", "messages": [{"role": "user", "content": "Hello?"}], "completion": "Hello."}

# By the route as it is described, with its method.
OPERATIONS: dict[tuple[str, str], Request] = {
    ("post", "/api/v1/interactions"): Request("interactions", _LOGGED),
    ("get", "/api/v1/interactions"): Request("interactions?project=$project"),
    ("post", "/api/v1/interactions/batch"): Request("interactions/batch", {"interactions": [_LOGGED]}),
    ("get", "/api/v1/interactions/{interaction_id}"): Request("interactions/$interaction", about=About.INTERACTION),
    ("delete", "/api/v1/interactions/{interaction_id}"): Request("interactions/$interaction", about=About.INTERACTION),
    ("get", "/api/v1/images/{project}/{name}"): Request("images/$project/$digest.png"),
    ("post", "/api/v1/feedback"): Request(
        "feedback", {"completion_id": "$interaction", "metric": "$metric", "value": True}, About.INTERACTION
    ),
    ("post", "/api/v1/comparison"): Request(
        "comparison",
        {
            "project": "$project",
            "metric": "$metric",
            "preferred_completion": "$interaction",
            "other_completion": "$other",
        },
    ),
    ("post", "/api/v1/outcome"): Request(
        "outcome", {"project_id": "$project", "session_id": "$interaction", "metric": "$metric", "value": True}
    ),
    ("post", "/api/v1/upload/init"): Request("upload/init", {"total_parts_count": 1}, About.UPLOAD),
    ("post", "/api/v1/upload/part"): Request("upload/part?session_id=$upload&part_number=1", b"{}", About.UPLOAD),
    ("post", "/api/v1/upload/status"): Request("upload/status", {"session_id": "$upload"}, About.UPLOAD),
    ("delete", "/api/v1/upload/abort"): Request("upload/abort", {"session_id": "$upload"}, About.UPLOAD),
    ("get", "/api/v1/projects/{project}/datasets/{dataset_id}/download"): Request(
        "projects/$project/datasets/$dataset/download"
    ),
    ("get", "/api/v1/projects/{project}/downloads/{token}"): Request("projects/$project/downloads/$download"),
    ("post", "/api/v1/chat/completions"): Request(
        "chat/completions", {"model": _MODEL, "messages": _ASKED}, by_session=True
    ),
    ("post", "/api/v1/completions"): Request("completions", {"model": _MODEL, "prompt": "Hello?"}, by_session=True),
    ("post", "/api/v1/responses"): Request("responses", {"model": _MODEL, "input": "Hello?"}, by_session=True),
    ("post", "/api/v1/embeddings"): Request("embeddings", {"model": _MODEL, "input": "Hello?"}, by_session=True),
    ("get", "/api/v1/models"): Request("models", about=About.WHAT_IS_SEEN),
}

_LIST = "/projects/$project/interactions"
_ONE = f"{_LIST}/$interaction"
_MODEL = "/projects/$project/models/$served"

# By the method and the name of the route; after that, where one page has several forms, which of them.
PAGES: dict[tuple[str, str], Request] = {
    ("get", "home"): Request("/"),
    ("get", "login"): Request("/login/"),
    ("post", "login"): Request("/login/", {"username": "x", "password": "x"}),
    ("post", "logout"): Request("/logout/"),
    ("get", "password"): Request("/password"),
    ("post", "password"): Request("/password", {"new_password1": "correct horse", "new_password2": "correct horse"}),
    ("get", "keys"): Request("/keys"),
    ("post", "keys"): Request("/keys", {"name": "New", "reach": "all"}),
    ("get", "key-limits"): Request("/keys/$key/limits"),
    ("post", "key-limits"): Request("/keys/$key/limits", {"budget": "20"}),
    ("get", "key-revoke"): Request("/keys/$key/revoke"),
    ("post", "key-revoke"): Request("/keys/$key/revoke"),
    ("get", "people"): Request("/people"),
    ("get", "person-new"): Request("/people/new"),
    ("post", "person-new"): Request(
        "/people/new", {"name": "New", "email": "new@example.org", "team": "$guests", "role": "read-only"}
    ),
    ("get", "person"): Request("/people/$person_id"),
    ("post", "person place"): Request("/people/$person_id", {"act": "place", "team": "$team", "role": "read-only"}),
    ("post", "person password"): Request("/people/$person_id", {"act": "password", "state": "$state"}),
    ("post", "person key"): Request("/people/$program_id", {"act": "key", "name": "New", "reach": "all"}),
    ("get", "person-delete"): Request("/people/$person_id/delete"),
    ("post", "person-delete"): Request("/people/$person_id/delete"),
    ("get", "teams"): Request("/teams"),
    ("post", "teams"): Request("/teams", {"name": "New"}),
    ("get", "team"): Request("/teams/$team"),
    ("post", "team"): Request("/teams/$team", {"user": "$person", "role": "read-only"}),
    ("get", "team-delete"): Request("/teams/$guests/delete"),
    ("post", "team-delete"): Request("/teams/$guests/delete"),
    ("get", "roles"): Request("/roles"),
    ("post", "roles"): Request("/roles", {"name": "New"}),
    ("get", "role"): Request("/roles/$custom"),
    ("post", "role"): Request("/roles/$custom", {"permission": ["project:read", "interaction:read"]}),
    ("get", "role-delete"): Request("/roles/$custom/delete"),
    ("post", "role-delete"): Request("/roles/$custom/delete"),
    ("get", "projects"): Request("/projects"),
    ("get", "interactions"): Request(_LIST),
    ("get", "interactions-summary"): Request(f"{_LIST}/summary"),
    ("get", "interactions-json"): Request(f"{_LIST}.json"),
    ("get", "interactions-jsonl"): Request(f"{_LIST}.jsonl"),
    ("get", "interactions-csv"): Request(f"{_LIST}.csv"),
    ("get", "interactions-remove"): Request(f"{_LIST}/remove"),
    ("post", "interactions-remove"): Request(f"{_LIST}/remove", {"selected": ["$interaction"], "confirmed": "1"}),
    ("get", "interaction"): Request(_ONE),
    ("get", "interaction-json"): Request(f"{_ONE}.json"),
    ("get", "interaction-curl"): Request(f"{_ONE}.curl"),
    ("get", "interaction-python"): Request(f"{_ONE}.py"),
    ("get", "interaction-compare"): Request(f"{_ONE}/compare/$other"),
    ("post", "interaction-replay"): Request(f"{_ONE}/replay", {"model": "$model"}),
    ("post", "interaction-feedback"): Request(f"{_ONE}/feedback", {"metric": "$metric", "value": "true"}),
    ("post", "interaction-feedback-remove"): Request(f"{_ONE}/feedback/$feedback/remove"),
    ("post", "interaction-label"): Request(f"{_ONE}/labels", {"key": "topic", "value": "new"}),
    ("post", "interaction-label-remove"): Request(f"{_ONE}/labels/remove", {"key": "topic"}),
    ("get", "image"): Request("/projects/$project/images/$digest"),
    ("get", "removal"): Request("/projects/$project/removals/$removal"),
    ("get", "project-models"): Request("/projects/$project/models"),
    ("get", "project-model-new"): Request("/projects/$project/models/new"),
    ("post", "project-model-new"): Request(
        "/projects/$project/models/new", {"name": "New", "provider": "OPEN_AI", "external_id": "new"}
    ),
    ("post", "project-model-new attach"): Request("/projects/$quiet/models/new", {"act": "attach", "model": "$model"}),
    ("get", "project-model"): Request(_MODEL),
    ("post", "project-model change"): Request(_MODEL, {"act": "change", "name": "New", "external_id": "new"}),
    ("post", "project-model default"): Request(_MODEL, {"act": "default"}),
    ("post", "project-model detach"): Request(_MODEL, {"act": "detach"}),
    ("get", "project-model-delete"): Request(f"{_MODEL}/delete"),
    ("post", "project-model-delete"): Request(f"{_MODEL}/delete"),
    ("get", "project-chat"): Request("/projects/$project/chat"),
    ("post", "project-chat"): Request("/projects/$project/chat", {"model": "$project/$model", "prompt": "Hello?"}),
    ("post", "project-chat-answer"): Request(
        "/projects/$project/chat/answer", {"text": "Hello.", "id": "$interaction"}
    ),
    ("get", "project-settings"): Request("/projects/$project/settings"),
    ("post", "project-settings"): Request("/projects/$project/settings", {"keep_transcripts": "30"}),
    ("get", "project-sharing"): Request("/projects/$project/settings/sharing"),
    ("post", "project-sharing"): Request(
        "/projects/$project/settings/sharing", {"team": "$guests", "role": "read-only"}
    ),
    ("get", "health"): Request("/health"),
}
