"""The store. Small tables have an integer id (and a public `uid`); what belongs to an interaction holds its UUIDv7."""

from interactions.models.accounts import ApiKey, ApiKeyProject, Membership, User
from interactions.models.images import Image, ImageUse
from interactions.models.interactions import Interaction, Transcript
from interactions.models.judgements import Comparison, Feedback, IdempotencyKey, Labelling, Outcome
from interactions.models.projects import FeedbackKey, Label, LabelKey, Model, Project
from interactions.models.removals import Removal
from interactions.models.revisions import Change, Revision, Segment
from interactions.models.texts import TextIndex, TextPage, TextSegment

__all__ = [
    "ApiKey",
    "ApiKeyProject",
    "Change",
    "Comparison",
    "Feedback",
    "FeedbackKey",
    "IdempotencyKey",
    "Image",
    "ImageUse",
    "Interaction",
    "Label",
    "LabelKey",
    "Labelling",
    "Membership",
    "Model",
    "Outcome",
    "Project",
    "Removal",
    "Revision",
    "Segment",
    "TextIndex",
    "TextPage",
    "TextSegment",
    "Transcript",
    "User",
]
