from __future__ import annotations

from django.urls import path

from interactions.api_rest import datasets, inference, reading, removing, writing  # noqa: F401 - they add their routes
from interactions.api_rest.api import api, router
from interactions.api_rest.health import health

api.add_router("/v1", router)

urlpatterns = [
    path("api/", api.urls),
    path("health", health),
]
