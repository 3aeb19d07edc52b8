"""Datasets: uploaded, made from interactions, listed and deleted. Their content goes over REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import strawberry
from pyroaring import BitMap
from strawberry.file_uploads import Upload

from interactions import datasets
from interactions.access import Permission
from interactions.api_graphql import selections
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import DatasetKind, DatasetSource, SelectionTypeInput, SessionStatus
from interactions.api_graphql.feedback import Metric
from interactions.api_graphql.interactions import ScoreFilterInput
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey
from interactions.api_graphql.selections import CompletionSelectionQuery
from interactions.errors import NotFound
from interactions.finding import find
from interactions.models import Dataset as StoredDataset
from interactions.models import FeedbackKey
from interactions.models import Project as StoredProject


@strawberry.type
class MetricUsage:
    score_count: int
    comparison_count: int
    metric: Metric


@strawberry.type
class Dataset:
    id: UUID
    key: str | None
    name: str
    created_at: datetime
    kind: DatasetKind
    source: DatasetSource
    records: int | None
    download_url: str
    metrics_usage: list[MetricUsage]

    @classmethod
    def several(cls, project: StoredProject, stored: Iterable[StoredDataset]) -> list[Dataset]:
        """Without those whose kind is not known yet, for there is no word for that in the schema."""
        stored = [dataset for dataset in stored if dataset.kind]
        used = {key for dataset in stored for key in dataset.metrics}
        rows = FeedbackKey.objects.filter(project=project, key__in=used).order_by("key")
        metrics = {metric.key: metric for metric in Metric.several(rows).values()} if used else {}
        return [cls._of(project, dataset, metrics) for dataset in stored]

    @classmethod
    def of(cls, project: StoredProject, dataset: StoredDataset) -> Dataset:
        return cls.several(project, [dataset])[0]

    @classmethod
    def _of(cls, project: StoredProject, dataset: StoredDataset, metrics: Mapping[str | None, Metric]) -> Dataset:
        usage = [
            MetricUsage(
                score_count=counts.get("scores", 0), comparison_count=counts.get("comparisons", 0), metric=metrics[key]
            )
            for key, counts in sorted(dataset.metrics.items())
            if key in metrics
        ]
        return cls(
            id=dataset.uid,
            key=dataset.key,
            name=dataset.name,
            created_at=dataset.created_at,
            kind=DatasetKind[dataset.kind],
            source=DatasetSource[dataset.source],
            records=dataset.records,
            download_url=f"/api/v1/projects/{project.key}/datasets/{dataset.uid}/download",
            metrics_usage=usage,
        )


@strawberry.type
class UploadStatus:
    dataset_id: UUID
    status: SessionStatus
    progress: float
    error: str | None

    @classmethod
    def of(cls, dataset: StoredDataset) -> UploadStatus:
        status = SessionStatus[dataset.state]
        return cls(dataset_id=dataset.uid, status=status, progress=dataset.progress, error=dataset.error or None)


@strawberry.input
class DatasetCreate:
    project: IdOrKey
    name: str
    key: str | None = None
    source: DatasetSource | None = None


@strawberry.input
class DatasetCreateFromMultipartUpload:
    project: IdOrKey
    name: str
    upload_session_id: str
    key: str | None = None
    source: DatasetSource | None = None


@strawberry.input
class DatasetUploadProcessingStatusInput:
    project: IdOrKey
    dataset_id: UUID


@strawberry.input
class SampleConfig:
    selection_type: SelectionTypeInput
    sample_size: int | None = None


@strawberry.input
class DatasetCreateFromFilters:
    project: IdOrKey
    name: str
    completion_query: CompletionSelectionQuery
    kind: DatasetKind
    key: str | None = None
    sample_config: SampleConfig | None = None
    score_filters: ScoreFilterInput | None = None
    metrics: list[IdOrKey] | None = None


@strawberry.type
class DatasetsQuery:
    @needs(Permission.SEE_DATASETS)
    def datasets(self, info: Info, project: IdOrKey) -> list[Dataset]:
        found = info.context.project(project, Permission.SEE_DATASETS)
        return Dataset.several(found, datasets.list_datasets(info.context.caller, found.key))

    @needs(Permission.SEE_DATASETS)
    def dataset(self, info: Info, id_or_key: IdOrKey, project: IdOrKey) -> Dataset | None:
        found = info.context.project(project, Permission.SEE_DATASETS)
        with suppress(NotFound):
            stored = datasets.get(info.context.caller, found.key, id_or_key)
            return Dataset.of(found, stored) if stored.kind else None
        return None

    @needs(Permission.SEE_DATASETS)
    def dataset_upload_processing_status(self, info: Info, input: DatasetUploadProcessingStatusInput) -> UploadStatus:
        return UploadStatus.of(datasets.get(info.context.caller, input.project, str(input.dataset_id)))

    @needs(Permission.READ)
    def preview_dataset_from_filters(self, info: Info, input: DatasetCreateFromFilters) -> str:
        """The first records, as JSON lines."""
        project = info.context.project(input.project, Permission.READ)
        return datasets.preview_from_selection(
            info.context.caller, project.key, _numbers(project, input), input.kind.value, input.metrics
        )


@strawberry.type
class DatasetsMutation:
    @needs(Permission.MANAGE_DATASETS)
    def create_dataset(self, info: Info, input: DatasetCreate, file: Upload) -> Dataset:
        project = info.context.project(input.project, Permission.MANAGE_DATASETS)
        made = datasets.create(info.context.caller, project.key, input.name, input.key, file)  # type: ignore[arg-type]
        return Dataset.of(project, made)

    @needs(Permission.MANAGE_DATASETS)
    def create_dataset_from_multipart_upload(self, info: Info, input: DatasetCreateFromMultipartUpload) -> UploadStatus:
        """Answers at once; `datasetUploadProcessingStatus` tells how far it is."""
        return UploadStatus.of(
            datasets.create_from_upload(
                info.context.caller, input.project, input.name, input.key, input.upload_session_id
            )
        )

    @needs(Permission.MANAGE_DATASETS)
    def create_dataset_from_filters(self, info: Info, input: DatasetCreateFromFilters) -> Dataset:
        """Of up to 1,000 interactions at once; of more in the background, with `records` once it is done."""
        project = info.context.project(input.project, Permission.MANAGE_DATASETS)
        config = input.sample_config
        sample = datasets.Sample(config.selection_type.value, config.sample_size) if config else datasets.Sample()
        made = datasets.create_from_selection(
            info.context.caller,
            project.key,
            input.name,
            input.key,
            _numbers(project, input),
            input.kind.value,
            input.metrics,
            sample,
        )
        return Dataset.of(project, made)

    @needs(Permission.MANAGE_DATASETS)
    def delete_dataset(self, info: Info, id_or_key: IdOrKey, project: IdOrKey) -> bool:
        datasets.delete(info.context.caller, project, id_or_key)
        return True


def _numbers(project: StoredProject, input: DatasetCreateFromFilters) -> BitMap:
    """What was selected, as far as it has the labels that are asked for."""
    meant = selections.numbers(project, input.completion_query)
    return meant & find(project, input.score_filters.condition()).numbers() if input.score_filters else meant
