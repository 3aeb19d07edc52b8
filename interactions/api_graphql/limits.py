"""How much one request may ask: told before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
)

from interactions.api_graphql.elsewhere import FIELDS, NotHere
from interactions.errors import Invalid
from interactions.pagination import PAGE_SIZE

MOST_TOKENS = 2_000
MOST_ROOT_FIELDS = 20
DEEPEST = 15  # what tools ask the schema itself is as deep as that
MOST_FIELDS = 2_000  # after fragments are put in their places
MOST_ALIASES = 50
MOST_OBJECTS = 3_000  # in variables: reading one takes as long as reading a thousand texts
# Rows that the pages of a request can have in all, one within another multiplied.
MOST_ROWS = 20_000

_PAGED = ("completions", "completionsGrouped")
# What is told for each row of a page besides, in rows, where it is asked for.
_BESIDE = {"turns": 20, "history": 20, "comparisonScores": 2, "projects": 10, "modelServices": 10}


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation to execute. Raises `Invalid` where it is not clear which."""
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    named = [one for one in found if one.name and one.name.value == name] if name else found
    if len(named) != 1:
        raise Invalid(
            f"There is no operation “{name[:200]}” in the query." if name else "Name one operation.", "operationName"
        )
    return named[0]


def refuse_what_is_elsewhere(document: DocumentNode, operation: OperationDefinitionNode) -> None:
    """Before the schema is asked, which does not know these fields."""
    for selection in operation.selection_set.selections:
        if isinstance(selection, FieldNode) and (subject := FIELDS.get(selection.name.value)):
            raise NotHere(subject, selection.name.value)


def check(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
    """Raises `Invalid` for a valid operation that asks too much."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    defaults = {one.variable.name.value: one.default_value for one in operation.variable_definitions or ()}
    if _objects(variables) > MOST_OBJECTS:
        raise Invalid(f"The variables of a request hold at most {MOST_OBJECTS:,} objects.", "variables")
    walk = _Walk(fragments, variables, defaults)
    walk.fields(operation.selection_set.selections, 1, 1)
    if walk.roots > MOST_ROOT_FIELDS:
        raise Invalid(f"A request has at most {MOST_ROOT_FIELDS} root fields.", "query")
    if walk.aliases > MOST_ALIASES:
        raise Invalid(f"A request has at most {MOST_ALIASES} aliases.", "query")
    if walk.rows > MOST_ROWS:
        raise Invalid(
            f"This asks for up to {walk.rows:,} rows at once; at most {MOST_ROWS:,} are told. Ask for smaller pages.",
            "page",
        )


def _objects(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    return sum(map(_objects, value)) if isinstance(value, list) else 0


@dataclass
class _Walk:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    defaults: Mapping[str, ValueNode | None]
    roots: int = 0
    aliases: int = 0
    rows: int = 0
    seen: int = 0

    def fields(self, selections: Iterable[SelectionNode], depth: int, times: int) -> None:
        for selection in selections:
            if isinstance(selection, FragmentSpreadNode):
                self.fields(self.fragments[selection.name.value].selection_set.selections, depth, times)
            elif isinstance(selection, InlineFragmentNode):
                self.fields(selection.selection_set.selections, depth, times)
            elif isinstance(selection, FieldNode):
                self._field(selection, depth, times)

    def _field(self, field: FieldNode, depth: int, times: int) -> None:
        self.seen += 1
        self.roots += depth == 1
        self.aliases += field.alias is not None
        if depth > DEEPEST:
            raise Invalid(f"A request is at most {DEEPEST} fields deep.", "query")
        if self.seen > MOST_FIELDS:
            raise Invalid(f"A request has at most {MOST_FIELDS:,} fields, fragments put in their places.", "query")
        name = field.name.value
        if name in _PAGED or name in _BESIDE:
            times *= self._size(field) if name in _PAGED else _BESIDE[name]
            self.rows += times
        if field.selection_set:
            self.fields(field.selection_set.selections, depth + 1, times)

    def _size(self, field: FieldNode) -> int:
        """The rows of a page: never less than one, so that empty pages do not hide what is below them."""
        given = next((one.value for one in field.arguments or () if one.name.value == "page"), None)
        page = self._value(given)
        sizes = [page.get(name) for name in ("first", "last")] if isinstance(page, Mapping) else []
        known = [int(size) for size in sizes if isinstance(size, int | float)]
        return max(1, *known) if known else PAGE_SIZE

    def _value(self, node: ValueNode | None) -> Any:
        if isinstance(node, VariableNode):
            name = node.name.value
            return self.variables[name] if name in self.variables else self._value(self.defaults.get(name))
        if isinstance(node, ObjectValueNode):
            return {field.name.value: self._value(field.value) for field in node.fields}
        if isinstance(node, IntValueNode):
            return int(node.value)
        return None
