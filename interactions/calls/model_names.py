"""What a request calls the model it wants: `project`, or `project/model`, where a model's key may hold `/` too."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from interactions.errors import NotFound

# A longer name is told shortened.
_LONGEST_TOLD = 200


class ModelName(NamedTuple):
    """A project's key, and the key of one of its models; none means the project's default, or an A/B test's arm."""

    project: str
    model: str | None


def split(name: str, keys: Callable[[str], Collection[str] | None]) -> ModelName:
    """`name`, taken apart. `keys` gives the keys of a project's models, or None where the caller sees no such project.

    A project's key holds no `/`, so it ends at the first. Where the rest is no key, the whole name may be one: of the
    model `acme/large` in the project `acme`, that is, which is otherwise called `acme/acme/large`.

    Raises `NotFound` with what is missing: the project, or the model in it.
    """
    project, slash, rest = name.partition("/")
    known = keys(project) if project else None
    if known is None:
        raise NotFound(
            f"There is no project “{project[:_LONGEST_TOLD]}”. The model is called “project” or “project/model”.",
            "model",
        )
    if not slash:
        return ModelName(project, None)
    for key in (rest, name):
        if key in known:
            return ModelName(project, key)
    raise NotFound(f"There is no model “{rest[:_LONGEST_TOLD]}” in the project “{project}”.", "model")
