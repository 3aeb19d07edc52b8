"""What the product does besides, and this server does not: training, graders, GPUs and their notifications.

The client's calls for these are answered with an error that says so, which it raises as its own; never with a success
that is none.
"""

from __future__ import annotations

import strawberry

from interactions.api_graphql.context import Info
from interactions.api_graphql.models import Model
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey
from interactions.errors import RequestError

# The fields of the product's schema, as adaptive-sdk 0.14.2 spells them, by what they are about.
FIELDS: dict[str, str] = {
    field: subject
    for subject, fields in {
        "Jobs": "jobs job jobOptions createJob cancelJob updateJob deleteJob updateJobProgress",
        "Recipes": "customRecipes customRecipe parseRecipeSchema createCustomRecipe updateCustomRecipe "
        "deleteCustomRecipe patchCustomRecipe duplicateCustomRecipe",
        "Graders": "grader graders prebuiltConfigs prebuiltCriteria createGrader updateGrader deleteGrader lockGrader "
        "validateFunctionGrader",
        "Artifacts": "artifacts artifact promoteCheckpoint",
        "Compute pools": "computePools harmonyGroups allHarmonyGroups resizeInferencePartition "
        "restartInferencePartition cancelAllocation",
        "Integrations": "integrations integration providers provider notificationSystemStatus createIntegration "
        "updateIntegration deleteIntegration testNotification",
        "Remote environments": "remoteEnvs addRemoteEnv removeRemoteEnv testRemoteEnv",
        "Training runs": "monitoringRuns monitoringRun monitoringTables monitoringCategorical createMonitoringRun "
        "updateMonitoringRun deleteMonitoringRun deleteMonitoringRuns logMonitoringTable logMonitoringCategorical",
        "Models that are served from their weights": "importHfModel addModel updateModel deleteModel "
        "importAdaptiveModel discoverAdaptiveModels",
        "Tool providers": "toolProvider createToolProvider updateToolProvider deleteToolProvider",
        "Licences": "contract acceptLicense",
        "Usage statistics": "modelUsage modelUsageDetailsByProject modelUsageByProject modelUsageByUser usageOptions "
        "globalUsage",
        "This search": "searchProject meta",
    }.items()
    for field in fields.split()
}


class NotHere(RequestError):
    """No fault of the caller's, and nothing to try again."""

    status = 501
    code = "not_part_of_this_server"

    def __init__(self, subject: str, field: str) -> None:
        super().__init__(
            f"{subject}: not part of this server, which keeps and judges interactions. “{field}” did nothing.", field
        )


@strawberry.input
class ModelComputeConfigInput:
    tp: int | None = None
    kv_cache_len: int | None = None
    max_seq_len: int | None = None


_GPUS = "Models on GPUs"


@strawberry.type
class ElsewhereMutation:
    @needs("signed-in")
    def terminate_model(self, info: Info, id_or_key: IdOrKey, force: bool = False) -> str:
        raise NotHere(_GPUS, "terminateModel")

    @needs("signed-in")
    def update_model_compute_config(self, info: Info, id_or_key: IdOrKey, input: ModelComputeConfigInput) -> Model:
        raise NotHere(_GPUS, "updateModelComputeConfig")
