"""The model that a request names, and the address behind it. Nothing else in a request can choose where it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from interactions import ab_tests, access, external_models
from interactions.access import Caller, Permission
from interactions.calls import model_names
from interactions.calls.pricing import Prices
from interactions.errors import Fault, NotFound
from interactions.models import ExternalModel, Model

# Where a model without an address of its own is served. Sources: the providers' pages on OpenAI compatibility.
PROVIDERS: Mapping[str, str] = {
    ExternalModel.Provider.OPEN_AI: "https://api.openai.com/v1",
    ExternalModel.Provider.LEGACY_OPEN_AI: "https://api.openai.com/v1",
    ExternalModel.Provider.GOOGLE: "https://generativelanguage.googleapis.com/v1beta/openai",
    ExternalModel.Provider.ANTHROPIC: "https://api.anthropic.com/v1",
}

_chance = Random()  # noqa: S311 - which arm of a test answers is no secret


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a model is served, and how it is asked."""

    base_url: str
    external_id: str
    secret: str = field(repr=False)
    parameters: Mapping[str, Any]
    prices: Prices
    silence_seconds: int
    total_seconds: int
    # OpenAI itself calls the most tokens of a completion otherwise than all others do, and refuses the old name.
    is_openai: bool
    # Why it cannot be asked, where that is so.
    fault: str = ""


class Route(NamedTuple):
    """Where one request goes. `test` is the A/B test that chose."""

    project_id: int
    model_key: str
    upstream: Upstream
    test: str | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """A project's models, as they are for the next few seconds. A value of None: nobody serves that one."""

    project_id: int
    key: str
    models: Mapping[str, Upstream | None]
    online: frozenset[str]
    default: str | None
    arms: ab_tests.Arms

    def choose(self, model: str | None, choice: ab_tests.Choice | None = None) -> Route:
        """For a request that names this model, or none; then the arm of a test may be chosen already. Raises `NotFound`
        and says what can be done."""
        test: str | None = None
        if model is None:
            choice = choice or self.arms.choose(_chance)
            model, test = (choice.model, choice.test) if choice else (self.default, None)
            if model is None:
                raise NotFound(
                    f"The project “{self.key}” has no default model. Name one: “{self.key}/model”, or make one the "
                    "default on its Models page.",
                    "model",
                )
        upstream = self.models.get(model)
        if upstream is None:
            raise NotFound(f"“{model}” was only logged: nobody serves it. Attach an external model.", "model")
        if model not in self.online:
            raise NotFound(f"The model “{model}” is switched off in the project “{self.key}”.", "model")
        return Route(self.project_id, model, upstream, test)


def project_of(name: str) -> str:
    """The project's key in what a request calls the model."""
    return name.partition("/")[0]


def model_of(name: str, routes: Routes) -> str | None:
    """The model's key in it, or None. Raises `NotFound`."""
    return model_names.split(name, lambda _: routes.models.keys()).model


def routes(caller: Caller, project_key: str) -> Routes:
    """Raises `NotFound` and `Forbidden` as `Caller.project_id` does."""
    try:
        project_id = caller.project_id(project_key, Permission.USE_MODELS)
    except NotFound as error:
        raise NotFound(error.message, "model") from None
    known = list(Model.objects.filter(project=project_id, is_attached=True).select_related("external"))
    return Routes(
        project_id,
        project_key,
        {model.key: _upstream(model.external) if model.external else None for model in known},
        frozenset(model.key for model in known if model.is_wanted_online),
        next((model.key for model in known if model.is_default), None),
        ab_tests.arms(project_id),
    )


class Listed(NamedTuple):
    """A model as a request may name it. `created` is in seconds since 1970."""

    name: str
    project: str
    created: int


def listed(caller: Caller) -> list[Listed]:
    """Each model that somebody serves, and each project that has a default one, under its own key."""
    projects = access.projects(caller, Permission.USE_MODELS)
    served = Model.objects.filter(
        project__in=projects, is_attached=True, is_wanted_online=True, external__isnull=False
    ).select_related("project")
    found = []
    for model in served.order_by("project__key", "-is_default", "key"):
        key, created = model.project.key, int(model.created_at.timestamp())
        if model.is_default:
            found.append(Listed(key, key, created))
        found.append(Listed(f"{key}/{model.key}", key, created))
    return found


def arm_of(routes: Routes, key_or_id: str) -> ab_tests.Choice | None:
    """The arm for a request that names a test. Raises `NotFound` for a test that never was."""
    return ab_tests.choose_in(routes.project_id, key_or_id, _chance)


def _upstream(external: ExternalModel) -> Upstream:
    fault = secret = ""
    try:
        secret = external_models.open_secret(external)
    except Fault as error:
        fault = error.message
    return Upstream(
        base_url=external.base_url or PROVIDERS[external.provider],
        external_id=external.external_id,
        secret=secret,
        parameters=external.parameters,
        prices=Prices(external.input_price, external.cached_input_price, external.output_price),
        silence_seconds=external.silence_seconds or external_models.SILENCE_SECONDS,
        total_seconds=external.total_seconds or external_models.TOTAL_SECONDS,
        is_openai=not external.base_url and external.provider == ExternalModel.Provider.OPEN_AI,
        fault=fault,
    )
