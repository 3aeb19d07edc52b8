from __future__ import annotations

from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import override_settings

from interactions import bridge
from tests.permissions.world import World, built


@pytest.fixture(scope="module")
def _world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with django_db_blocker.unblock(), _stored_in(tmp_path_factory.mktemp("world")), built() as world:
        yield world


@pytest.fixture(autouse=True)
def _no_model_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would begin a call has begun it."""

    def on_loop(work: Coroutine[Any, Any, UUID]) -> UUID:
        work.close()
        return uuid4()

    monkeypatch.setattr(bridge, "on_loop", on_loop)


@pytest.fixture
def world(_one_connection: None, db: None, _world: World) -> Iterator[World]:
    with _stored_in(_world.directory):
        yield _world


def _stored_in(directory: Path) -> override_settings:
    images: dict[str, Any] = {**settings.STORAGES["default"]}  # type: ignore[dict-item]
    images["OPTIONS"] = {"location": directory / "images"}
    return override_settings(DATA_DIR=directory, STORAGES={**settings.STORAGES, "default": images})
