"""The schema, put together of its rooms."""

from __future__ import annotations

import strawberry

from interactions.api_graphql.ab_tests import AbTestsMutation, AbTestsQuery
from interactions.api_graphql.curation import CurationMutation, CurationQuery
from interactions.api_graphql.datasets import DatasetsMutation, DatasetsQuery
from interactions.api_graphql.elsewhere import ElsewhereMutation
from interactions.api_graphql.feedback import FeedbackMutation, FeedbackQuery
from interactions.api_graphql.grouped import GroupedQuery
from interactions.api_graphql.interactions import ImageContentPart, InteractionsQuery, TextContentPart
from interactions.api_graphql.models import ModelsMutation, ModelsQuery
from interactions.api_graphql.people import PeopleMutation, PeopleQuery
from interactions.api_graphql.projects import ProjectsMutation, ProjectsQuery
from interactions.api_graphql.scalars import CONFIG


@strawberry.type
class Query(
    InteractionsQuery,
    GroupedQuery,
    CurationQuery,
    DatasetsQuery,
    AbTestsQuery,
    FeedbackQuery,
    ProjectsQuery,
    ModelsQuery,
    PeopleQuery,
):
    pass


@strawberry.type
class Mutation(
    CurationMutation,
    DatasetsMutation,
    AbTestsMutation,
    FeedbackMutation,
    ProjectsMutation,
    ModelsMutation,
    PeopleMutation,
    ElsewhereMutation,
):
    pass


schema = strawberry.Schema(Query, Mutation, config=CONFIG, types=[TextContentPart, ImageContentPart])
