"""Which model a request wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions.calls import model_names
from interactions.errors import NotFound

pytestmark = pytest.mark.pure

PROJECTS = {"support": {"gpt-4o", "meta/llama", "support/own", "own"}, "acme": {"acme/large"}, "empty": set[str]()}


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("support", ("support", None)),
        ("empty", ("empty", None)),
        ("support/gpt-4o", ("support", "gpt-4o")),
        ("support/meta/llama", ("support", "meta/llama")),
        ("support/support/own", ("support", "support/own")),
        ("support/own", ("support", "own")),
        ("acme/acme/large", ("acme", "acme/large")),
        ("acme/large", ("acme", "acme/large")),
    ],
)
def test_a_name_is_a_project_or_one_of_its_models(name: str, named: tuple[str, str | None]) -> None:
    assert model_names.split(name, PROJECTS.get) == named


@pytest.mark.parametrize("name", ["", "/", "/gpt-4o", "other", "other/gpt-4o", "Support"])
def test_an_unknown_project_is_told(name: str) -> None:
    with pytest.raises(NotFound, match="no project"):
        model_names.split(name, PROJECTS.get)


@pytest.mark.parametrize("name", ["support/", "support/GPT-4o", "support/gpt-4o/", "support//gpt-4o", "empty/x"])
def test_an_unknown_model_is_told_with_its_project(name: str) -> None:
    with pytest.raises(NotFound, match="in the project"):
        model_names.split(name, PROJECTS.get)


@given(st.text("abc/", max_size=8), st.sets(st.text("abc/", min_size=1, max_size=8)))
def test_every_key_can_be_named(project: str, models: set[str]) -> None:
    project = project.replace("/", "") or "p"
    for key in models:
        assert model_names.split(f"{project}/{key}", lambda _: models) == (project, key)
