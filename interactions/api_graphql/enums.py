"""The enums of the schema. Values beyond these make the client fail, so nothing else is ever sent."""

from __future__ import annotations

import enum

import strawberry


@strawberry.enum
class CompletionSource(enum.Enum):
    LIVE = "LIVE"
    OFFLINE = "OFFLINE"
    AUTOMATION = "AUTOMATION"
    DATASET = "DATASET"
    EVALUATION = "EVALUATION"


@strawberry.enum
class CompletionGroupBy(enum.Enum):
    MODEL = "MODEL"
    PROMPT = "PROMPT"


@strawberry.enum
class SortDirection(enum.Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum
class MetricKind(enum.Enum):
    SCALAR = "scalar"
    BOOL = "bool"


@strawberry.enum
class MetricScoringType(enum.Enum):
    HIGHER_IS_BETTER = "higher_is_better"
    LOWER_IS_BETTER = "lower_is_better"


@strawberry.enum
class MetricCategory(enum.Enum):
    SYSTEM = "SYSTEM"
    GRADER = "GRADER"
    USER = "USER"


@strawberry.enum
class ScoreSource(enum.Enum):
    GRADER = "GRADER"
    USER = "USER"
    SYSTEM = "SYSTEM"
    UNKNOWN = "UNKNOWN"


@strawberry.enum
class ProviderName(enum.Enum):
    OPEN_AI = "OPEN_AI"
    LEGACY_OPEN_AI = "LEGACY_OPEN_AI"
    HARMONY = "HARMONY"
    GOOGLE = "GOOGLE"
    ANTHROPIC = "ANTHROPIC"


@strawberry.enum
class ExternalModelProviderName(enum.Enum):
    OPEN_AI = "OPEN_AI"
    LEGACY_OPEN_AI = "LEGACY_OPEN_AI"
    GOOGLE = "GOOGLE"
    ANTHROPIC = "ANTHROPIC"


@strawberry.enum
class ModelOnline(enum.Enum):
    ONLINE = "ONLINE"
    DEGRADED = "DEGRADED"
    PENDING = "PENDING"
    SCALING = "SCALING"
    OFFLINE = "OFFLINE"
    ERROR = "ERROR"


@strawberry.enum
class ModelCapabilityFilter(enum.Enum):
    Embedding = "Embedding"
    TextGeneration = "TextGeneration"
    ImageUnderstanding = "ImageUnderstanding"
    Reasoning = "Reasoning"
    Regression = "Regression"


@strawberry.enum
class DatasetKind(enum.Enum):
    PROMPT = "PROMPT"
    PROMPT_COMPLETION = "PROMPT_COMPLETION"
    PROMPT_COMPLETION_SCORE = "PROMPT_COMPLETION_SCORE"
    PREFERENCE = "PREFERENCE"


@strawberry.enum
class DatasetSource(enum.Enum):
    UPLOADED = "UPLOADED"
    GENERATED = "GENERATED"
    GENERATING = "GENERATING"
    FILTERED = "FILTERED"


@strawberry.enum
class SessionStatus(enum.Enum):
    PENDING = "PENDING"
    DONE = "DONE"
    ERROR = "ERROR"


@strawberry.enum
class SelectionTypeInput(enum.Enum):
    ALL = "ALL"
    RANDOM = "RANDOM"
    LAST = "LAST"


@strawberry.enum
class AbcampaignStatus(enum.Enum):
    WARMUP = "WARMUP"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@strawberry.enum
class ScoreType(enum.Enum):
    DIRECT = "DIRECT"
    COMPARISON = "COMPARISON"


@strawberry.enum
class UserType(enum.Enum):
    HUMAN = "HUMAN"
    SYSTEM = "SYSTEM"
