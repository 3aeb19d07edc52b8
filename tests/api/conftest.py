from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps

# Written by setting up a test, not by a request.
_GIVEN = {"User", "Project", "Member", "Team", "Role", "Share", "ApiKey", "ApiKeyProject", "FeedbackKey"}


@pytest.fixture
def stored(tmp_path: Path, db: None) -> Callable[[], dict[str, int]]:
    """Says what requests have stored: the number of rows of each kind and of image files, where there are any."""

    def count() -> dict[str, int]:
        models = [model for model in apps.get_app_config("interactions").get_models() if model.__name__ not in _GIVEN]
        rows = {model.__name__: model._default_manager.count() for model in models}
        files = sum(path.is_file() for path in (tmp_path / "images").rglob("*"))
        return {name: number for name, number in (rows | {"files": files}).items() if number}

    return count
