"""Pages when something is wrong behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from interactions import access, ingest, payloads
from interactions.errors import Unavailable
from interactions.models import Interaction, Project, User
from tests.conftest import interaction


def _signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def test_a_page_says_with_503_that_the_store_is_away(ann: User, project: Project) -> None:
    def away(*_: object) -> None:
        raise OperationalError("the connection is closed")

    client = _signed_in(ann)
    with connection.execute_wrapper(away):
        response = client.get(f"/projects/{project.key}/interactions")
    assert response.status_code == 503
    assert "The store cannot be reached" in response.content.decode()


def test_a_fault_of_ours_is_a_500_that_tells_nothing_of_its_inside(
    ann: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _signed_in(ann)
    monkeypatch.setattr("interactions.pagination.page", None)
    response = client.get(f"/projects/{project.key}/interactions")
    assert response.status_code == 500
    assert "NoneType" not in response.content.decode()


def test_what_cannot_be_committed_is_refused_with_a_sentence(ann: User, project: Project) -> None:
    def read_only(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith("SELECT"):
            raise OperationalError("attempt to write a readonly database")
        return execute(sql, *rest)

    payload = payloads.read(payloads.Interaction, interaction())
    act = ingest.Record(ingest.prepare(payload, project.pk, None))
    with connection.execute_wrapper(read_only), pytest.raises(Unavailable, match="nothing was stored"):
        ingest.perform(access.caller_of(ann), act)
    assert not Interaction.objects.exists()
