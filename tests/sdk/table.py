"""The page docs/sdk.md: each method of the client, and the tests that prove it. `python -m tests.sdk` writes it."""

from __future__ import annotations

import importlib.metadata
import inspect
from pathlib import Path
from types import ModuleType

from adaptive_sdk import resources

from tests.sdk import clients, test_graphql, test_sdk

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sdk.md"

# The client's attributes, and the classes behind them: sync, async.
KINDS: dict[str, tuple[type, type]] = {
    "interactions": (resources.Interactions, resources.AsyncInteractions),
    "feedback": (resources.Feedback, resources.AsyncFeedback),
    "projects": (resources.Project, resources.AsyncProject),
    "models": (resources.Models, resources.AsyncModels),
    "datasets": (resources.Datasets, resources.AsyncDatasets),
    "ab_tests": (resources.ABTests, resources.AsyncABTests),
    "users": (resources.Users, resources.AsyncUsers),
    "teams": (resources.Teams, resources.AsyncTeams),
    "roles": (resources.Roles, resources.AsyncRoles),
    "permissions": (resources.Permissions, resources.AsyncPermissions),
}
# They place models on GPUs, which is not part of this server.
ELSEWHERE = {"models.add_hf_model", "models.terminate", "models.update_compute_config"}
_MODULES: tuple[ModuleType, ...] = (test_sdk, test_graphql)


def methods() -> dict[str, tuple[bool, bool]]:
    """By `resource.method`: whether the synchronous and the asynchronous client have it."""
    found: dict[str, tuple[bool, bool]] = {}
    for name, (plain, waiting) in KINDS.items():
        for method in sorted(_public(plain) | _public(waiting)):
            if f"{name}.{method}" not in ELSEWHERE:
                found[f"{name}.{method}"] = (method in _public(plain), method in _public(waiting))
    return found


def _public(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("_")}


def page() -> str:
    version = importlib.metadata.version("adaptive-sdk")
    rows = [
        f"| `{method}` | {_mark(plain)} | {_mark(waiting)} | {_tests(method)} |"
        for method, (plain, waiting) in methods().items()
    ]
    return "\n".join([_HEAD.format(version=version, count=len(rows)), *rows, "", _FOOT])


def _mark(has: bool) -> str:
    return "yes" if has else "not in the client"


def _tests(method: str) -> str:
    modules = {name: module.__name__.rpartition(".")[2] for module in _MODULES for name in vars(module)}
    return ", ".join(f"`{modules[test]}::{test}`" for test in clients.PROVED.get(method, ["–"]))


_HEAD = """# `adaptive-sdk` {version}, method by method

Point `base_url` at this server and change nothing else. Each method below is called by the unmodified client, sync and
async, against a running server; the tests are in `tests/sdk/`. `python -m tests.sdk` writes this page, and a test
checks that it is up to date. {count} methods:

| method | sync | async | proved by |
| --- | --- | --- | --- |"""

_FOOT = """Not part of this server: `jobs`, `recipes`, `graders`, `artifacts`, `compute_pools`, `integrations`, remote
environments, `monitoring`, and of `models` what places weights on GPUs (`add_hf_model`, `terminate`,
`update_compute_config`). The client raises `GraphQLClientGraphQLMultiError` with “not part of this server” for them
(`test_graphql::test_what_belongs_to_training_says_that_it_is_not_part_of_this_server`).

## What the client loses on its way

- `interactions.list(filters={"user_id": …})`, `feedbacks` and `comparisons` leave the client as `{}`. The server
  refuses that with a sentence instead of listing everything. Over GraphQL ask with `createdBy` or `scores` in
  `advancedFilter`, over REST with `user=`, `score=` and `compared=`.
- Several `source` values are sent so that all would have to hold; the server takes them as alternatives.
- `log_metric` sends no user: feedback is from the key's user.
- The asynchronous `models.detach` asks for nothing, so nothing is detached.
"""
