"""Every route of the server. Each view declares the permission it needs; a test walks this table."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("interactions.api_graphql.urls")),
    path("", include("interactions.api_rest.urls")),
    path("", include("interactions.web.urls")),
]

handler500 = "interactions.web.failures.failed"
