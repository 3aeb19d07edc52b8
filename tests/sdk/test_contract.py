"""The client as a contract: its documents, its methods, and the page that says what works."""

from __future__ import annotations

import ast
import inspect

import pytest
from adaptive_sdk.graphql_client import client as generated
from graphql import OperationDefinitionNode, parse, validate

from interactions.api_graphql import elsewhere
from interactions.api_graphql.schema import schema
from tests.sdk import clients, table


def _documents() -> dict[str, str]:
    """Every operation that the client can send, by its name."""
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(generated))) if isinstance(node, ast.Call))
    texts = [call.args[0].value for call in calls if isinstance(call.func, ast.Name) and call.func.id == "gql"]  # type: ignore[attr-defined]
    return {_operation(text).name.value: text for text in texts}  # type: ignore[union-attr]


def _operation(text: str) -> OperationDefinitionNode:
    return next(one for one in parse(text).definitions if isinstance(one, OperationDefinitionNode))


def _root(text: str) -> str:
    (field,) = _operation(text).selection_set.selections
    return str(field.name.value)  # type: ignore[attr-defined]


DOCUMENTS = _documents()
IN_SCOPE = [name for name, text in DOCUMENTS.items() if _root(text) not in elsewhere.FIELDS]


@pytest.mark.parametrize("name", IN_SCOPE)
def test_each_document_of_the_client_is_valid_for_our_schema(name: str) -> None:
    assert validate(schema._schema, parse(DOCUMENTS[name])) == []


def test_the_client_has_as_many_documents_as_we_think() -> None:
    assert len(DOCUMENTS) == 77
    assert len(IN_SCOPE) == 42


def test_each_method_of_the_client_is_proved_by_a_test() -> None:
    assert len(table.methods()) == 42
    assert {method for method in table.methods() if not clients.PROVED.get(method)} == set()
    assert set(clients.PROVED) <= set(table.methods())


def test_the_page_about_the_client_is_up_to_date() -> None:
    assert table.PAGE.read_text() == table.page(), "write it anew: python -m tests.sdk"
