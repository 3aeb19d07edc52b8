from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps.registry import Apps
from django.db.models.signals import post_migrate


class InteractionsConfig(AppConfig):
    name = "interactions"
    verbose_name = "Interactions"

    def ready(self) -> None:
        post_migrate.connect(_keep_defaults, sender=self)


def _keep_defaults(apps: Apps | None = None, **_: Any) -> None:
    """After migrating, and after a store was emptied, which tells no `apps`."""
    if apps and ("interactions", "role") not in {(m._meta.app_label, m._meta.model_name) for m in apps.get_models()}:
        return  # migrated to an older state
    from interactions import people

    people.keep_defaults()
