"""The vendor's client in both its forms, used alike."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from adaptive_sdk import Adaptive, AsyncAdaptive

from tests.conftest import Server

_Test = TypeVar("_Test", bound=Callable[..., Any])

# By method of the client, such as `interactions.list`: the tests that prove it.
PROVED: dict[str, list[str]] = {}


def proves(*methods: str) -> Callable[[_Test], _Test]:
    """A test of these methods of the client. `docs/sdk.md` is made of it."""

    def note(test: _Test) -> _Test:
        for method in methods:
            PROVED.setdefault(method, []).append(test.__name__)
        return test

    return note


class Sdk:
    """`sdk("interactions.list", page=…)` calls that method, and waits for it where it is asynchronous."""

    def __init__(self, client: Adaptive | AsyncAdaptive, runner: asyncio.Runner) -> None:
        self.client = client
        self._runner = runner
        self.is_async = isinstance(client, AsyncAdaptive)

    def __call__(self, method: str, *arguments: Any, **named: Any) -> Any:
        resource, _, name = method.partition(".")
        return self._done(getattr(getattr(self.client, resource), name)(*arguments, **named))

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """What the client's own GraphQL client gets. Raises what it raises."""
        client = self.client._gql_client
        name = query.partition("(")[0].partition("{")[0].split()[-1]
        response = self._done(client.execute(query=query, operation_name=name, variables=variables))
        data: dict[str, Any] = client.get_data(response)
        return data

    def close(self) -> None:
        self._done(self.client.close())

    def _done(self, result: Any) -> Any:
        if inspect.isawaitable(result):

            async def wait() -> Any:
                return await result

            return self._runner.run(wait())
        return result


@pytest.fixture(scope="session")
def admin_key(server: Server) -> str:
    return server.manage("create_api_key", "--admin", "--email", "root@example.org")


@pytest.fixture(scope="module", params=["sync", "async"])
def connect(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Sdk]]:
    """Makes clients of one form for a key and a default project."""
    made: list[Sdk] = []
    with asyncio.Runner() as runner:

        def make(key: str, project: str | None = None) -> Sdk:
            kind = Adaptive if request.param == "sync" else AsyncAdaptive
            client = kind(base_url=server.url, api_key=key)
            if project:
                client.set_default_project(project)
            made.append(Sdk(client, runner))
            return made[-1]

        yield make
        for sdk in made:
            sdk.close()


@pytest.fixture(scope="module")
def sdk(connect: Callable[..., Sdk], admin_key: str) -> Sdk:
    """An administrator's client, with a project of its own as the default."""
    key = f"sdk-{uuid4().hex[:8]}"
    made = connect(admin_key, key)
    made("projects.create", key)
    for metric, kind in (("thumbs", "bool"), ("rating", "scalar"), ("preference", "bool")):
        made("feedback.register_key", key, metric, kind)
    return made


@pytest.fixture
def project(sdk: Sdk) -> str:
    return sdk.client.default_project or ""
