"""Models: those that others serve, and those that projects use or merely named when they logged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from interactions import access, external_models
from interactions.access import Permission
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import (
    ExternalModelProviderName,
    ModelCapabilityFilter,
    ModelOnline,
    ProviderName,
)
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds
from interactions.errors import Invalid, NotFound, RequestError
from interactions.models import ExternalModel
from interactions.models import Model as StoredModel
from interactions.models import Project as StoredProject

if TYPE_CHECKING:
    from interactions.api_graphql.projects import Project


@strawberry.type
class ComputeConfig:
    tp: int
    kv_cache_len: int
    max_seq_len: int


@strawberry.type
class Model:
    """A model that somebody serves; or one that was only named by what was logged, which nobody serves here."""

    id: UUID
    key: str
    name: str
    online: ModelOnline
    error: str | None
    is_external: bool
    provider_name: ProviderName
    is_adapter: bool
    is_training: bool
    created_at: Timestamp
    size: int | None
    compute_config: ComputeConfig | None
    uses: strawberry.Private[list[int]]

    @strawberry.field
    def backbone(self) -> Model | None:
        return None

    @strawberry.field
    def projects(self, info: Info) -> list[Annotated[Project, strawberry.lazy("interactions.api_graphql.projects")]]:
        return [project for pk, project in info.context.projects.items() if pk in self.uses]

    @classmethod
    def of_external(cls, model: ExternalModel, uses: Iterable[int] = (), *, online: bool = True) -> Model:
        return cls(
            id=model.uid,
            key=model.key,
            name=model.name,
            online=ModelOnline.ONLINE if online else ModelOnline.OFFLINE,
            error=None,
            is_external=True,
            provider_name=ProviderName[model.provider],
            is_adapter=False,
            is_training=False,
            created_at=milliseconds(model.created_at),
            size=None,
            compute_config=None,
            uses=list(uses),
        )

    @classmethod
    def named(cls, models: list[StoredModel]) -> Model:
        """A name that was logged, in one project or in several."""
        first = models[0]
        return cls(
            id=first.uid,
            key=first.key,
            name=first.name,
            online=ModelOnline.OFFLINE,
            error=None,
            is_external=False,
            provider_name=ProviderName.HARMONY,
            is_adapter=False,
            is_training=False,
            created_at=milliseconds(first.created_at),
            size=None,
            compute_config=None,
            uses=[model.project_id for model in models],
        )

    @classmethod
    def of_project(cls, models: Iterable[StoredModel]) -> list[Model]:
        models = list(models)
        external = ExternalModel.objects.in_bulk({model.external_id for model in models if model.external_id})
        return [
            cls.of_external(external[model.external_id], [model.project_id], online=model.is_wanted_online)
            if model.external_id
            else cls.named([model])
            for model in models
        ]


@strawberry.type
class ModelService:
    """A model as a project uses it."""

    id: UUID
    key: str
    name: str
    model: Model
    is_default: bool
    desired_online: bool
    created_at: Timestamp

    @classmethod
    def of(cls, model: StoredModel) -> ModelService:
        return cls.several([model])[0]

    @classmethod
    def several(cls, models: Iterable[StoredModel]) -> list[ModelService]:
        models = list(models)
        return [
            cls(
                id=stored.uid,
                key=stored.key,
                name=stored.name,
                model=told,
                is_default=stored.is_default,
                desired_online=stored.is_wanted_online,
                created_at=milliseconds(stored.created_at),
            )
            for stored, told in zip(models, Model.of_project(models), strict=True)
        ]


@strawberry.input
class IntegerNumericCondition:
    eq: int | None = None
    neq: int | None = None
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


@strawberry.input
class CapabilityFilter:
    any: list[ModelCapabilityFilter] | None = None
    all: list[ModelCapabilityFilter] | None = None


@strawberry.input
class ModelFilter:
    """What no model here has (weights in storage, a known size, training) matches none when it is asked for."""

    in_storage: bool | None = None
    available: bool | None = None
    trainable: bool | None = None
    capabilities: CapabilityFilter | None = None
    view_all: bool | None = None
    online: list[ModelOnline] | None = None
    published: bool | None = None
    size: IntegerNumericCondition | None = None


@strawberry.input
class OpenAIProviderDataInput:
    api_key: str
    external_model_id: str
    endpoint: str | None = None
    extra_params: JSON | None = None


@strawberry.input
class GoogleProviderDataInput:
    api_key: str
    external_model_id: str
    endpoint: str | None = None


@strawberry.input
class AnthropicProviderDataInput:
    api_key: str
    external_model_id: str
    endpoint: str | None = None
    extra_params: JSON | None = None


@strawberry.input
class ModelProviderDataInput:
    open_ai: OpenAIProviderDataInput | None = strawberry.field(name="openAI", default=None)
    legacy_open_ai: OpenAIProviderDataInput | None = strawberry.field(name="legacyOpenAI", default=None)
    google: GoogleProviderDataInput | None = None
    anthropic: AnthropicProviderDataInput | None = None


@strawberry.input
class AddExternalModelInput:
    name: str
    provider: ExternalModelProviderName
    provider_data: ModelProviderDataInput | None = None
    description: str | None = None


@strawberry.input
class AddModelsToProjectInput:
    project: IdOrKey
    models: list[IdOrKey]


@strawberry.input
class ModelPlacementInput:
    compute_pools: list[IdOrKey]
    max_ttft_ms: int | None = None


@strawberry.input
class SpeculativeDecodingInput:
    num_draft_steps: int


@strawberry.input
class DeployModelInput:
    project: IdOrKey
    model: IdOrKey
    placement: ModelPlacementInput | None = None
    wait: bool = False
    speculative_decoding: SpeculativeDecodingInput | None = None


@strawberry.input
class RemoveModelFromProjectInput:
    project: IdOrKey
    model: IdOrKey


@strawberry.input
class UpdateModelService:
    """null leaves a field unchanged."""

    project: IdOrKey
    model_service: IdOrKey
    is_default: bool | None = None
    desired_online: bool | None = None
    name: str | None = None
    placement: ModelPlacementInput | None = None
    speculative_decoding: SpeculativeDecodingInput | None = None


@strawberry.type
class BindFailure:
    model: str
    reason: str


@strawberry.type
class AddModelsResult:
    success: bool
    failures: list[BindFailure]


@strawberry.type
class DeployResult:
    model_service: ModelService
    warnings: list[str]


@strawberry.type
class ModelsQuery:
    @needs(Permission.SEE_MODELS)
    def models(self, info: Info, filter: ModelFilter) -> list[Model]:
        return [model for model in _visible(info) if _matches(model, filter)]

    @needs(Permission.SEE_MODELS)
    def model(self, info: Info, id_or_key: IdOrKey) -> Model | None:
        for model in _visible(info):
            if id_or_key in (model.key, str(model.id)):
                return model
        raise NotFound(f"There is no model “{id_or_key[:200]}” that this caller can see.", "model")


def _visible(info: Info) -> list[Model]:
    caller = info.context.caller
    uses: defaultdict[int, list[int]] = defaultdict(list)
    named: defaultdict[str, list[StoredModel]] = defaultdict(list)
    projects = access.projects(caller, Permission.SEE_MODELS)
    for used in StoredModel.objects.filter(project__in=projects, is_attached=True).order_by("key", "pk"):
        if used.external_id:
            uses[used.external_id].append(used.project_id)
        else:
            named[used.key].append(used)
    external = [Model.of_external(model, uses[model.pk]) for model in external_models.visible(caller)]
    return external + [Model.named(models) for models in named.values()]


def _matches(model: Model, filter: ModelFilter) -> bool:
    capabilities = filter.capabilities
    regression = ModelCapabilityFilter.Regression
    return not (
        filter.trainable
        or filter.in_storage
        or filter.size is not None
        or (filter.online is not None and model.online not in filter.online)
        or (capabilities and capabilities.any is not None and set(capabilities.any) <= {regression})
        or (capabilities and capabilities.all is not None and regression in capabilities.all)
    )


@strawberry.type
class ModelsMutation:
    @needs(Permission.MANAGE_MODELS)
    def add_external_model(self, info: Info, input: AddExternalModelInput) -> Model:
        """It belongs to a team of the caller's; projects take it in by `addModelsToProject`."""
        told = input.provider_data or ModelProviderDataInput()
        given = {
            ExternalModelProviderName.OPEN_AI: told.open_ai,
            ExternalModelProviderName.LEGACY_OPEN_AI: told.legacy_open_ai,
            ExternalModelProviderName.GOOGLE: told.google,
            ExternalModelProviderName.ANTHROPIC: told.anthropic,
        }[input.provider]
        if given is None:
            raise Invalid(f"Give the data of the provider {input.provider.value}.", "providerData")
        model = external_models.add(
            info.context.caller,
            input.name,
            input.provider.value,
            given.external_model_id,
            given.api_key,
            base_url=given.endpoint or "",
            parameters=getattr(given, "extra_params", None) or {},
            description=input.description or "",
        )
        return Model.of_external(model)

    @needs(Permission.MANAGE_MODELS)
    def add_models_to_project(self, info: Info, input: AddModelsToProjectInput) -> AddModelsResult:
        """Those that can be taken in are, and for the others it says why not."""
        project = info.context.project(input.project, Permission.MANAGE_MODELS)
        failures = []
        for key_or_id in input.models:
            try:
                _take_in(info, project, key_or_id)
            except RequestError as error:
                failures.append(BindFailure(model=key_or_id, reason=error.message))
        return AddModelsResult(success=not failures, failures=failures)

    @needs(Permission.MANAGE_MODELS)
    def deploy_model(self, info: Info, input: DeployModelInput) -> DeployResult:
        """What others serve is online as soon as the project has it: there is nothing to place or to wait for."""
        project = info.context.project(input.project, Permission.MANAGE_MODELS)
        model = external_models.deploy(info.context.caller, project, input.model)
        ignored = {"placement": input.placement, "speculativeDecoding": input.speculative_decoding}
        warnings = [f"{name} means nothing for a model that others serve." for name, value in ignored.items() if value]
        return DeployResult(model_service=ModelService.of(model), warnings=warnings)

    @needs(Permission.MANAGE_MODELS)
    def update_model_service(self, info: Info, input: UpdateModelService) -> ModelService:
        project = info.context.project(input.project, Permission.MANAGE_MODELS)
        return ModelService.of(
            external_models.update(
                info.context.caller,
                project,
                input.model_service,
                is_default=input.is_default,
                is_wanted_online=input.desired_online,
                name=input.name,
            )
        )

    @needs(Permission.MANAGE_MODELS)
    def remove_model_from_project(self, info: Info, input: RemoveModelFromProjectInput) -> bool:
        project = info.context.project(input.project, Permission.MANAGE_MODELS)
        external_models.detach(info.context.caller, project, input.model)
        return True


def _take_in(info: Info, project: StoredProject, key_or_id: str) -> None:
    """Attach one that others serve, if it is not yet. One that was logged in the project is in it already."""
    caller = info.context.caller
    try:
        external_models.attach(caller, project, external_models.get(caller, key_or_id))
    except NotFound:
        known = external_models.find(project, key_or_id)
        if known is None or not known.is_attached:
            raise
