from __future__ import annotations

from django.urls import path

from interactions.api_graphql.view import graphql

urlpatterns = [path("api/graphql", graphql, name="graphql")]
