"""How a root field declares what it needs. A field without a declaration fails a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from interactions.access import Permission

_Resolver = TypeVar("_Resolver", bound=Callable[..., Any])

# By the field's name in the schema.
NEEDED: dict[str, Permission | str] = {}


def needs(permission: Permission | str) -> Callable[[_Resolver], Any]:
    """A root field. `permission` is what the caller needs in the project that it is about, or on the server; or
    “signed-in”, for what any valid key may ask, or “unlimited-key”, for what any may that is not for some projects.

    It declares; the act that the resolver calls is what checks, for every door alike.
    """

    def declare(resolver: _Resolver) -> Any:
        words = resolver.__name__.split("_")
        NEEDED[words[0] + "".join(word.title() for word in words[1:])] = permission
        return strawberry.field(resolver=resolver, description=resolver.__doc__)

    return declare
