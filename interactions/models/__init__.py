"""The store. Small tables have an integer id (and a public `uid`); what belongs to an interaction holds its UUIDv7."""

from interactions.models.ab_tests import AbArm, AbEntry, AbTest
from interactions.models.accounts import ApiKey, ApiKeyProject, Member, Role, Share, Team, User
from interactions.models.calls import KeyUsage, OpenCall, Process
from interactions.models.datasets import Dataset, Upload
from interactions.models.images import Image, ImageUse
from interactions.models.interactions import Interaction, Transcript
from interactions.models.judgements import Comparison, Feedback, IdempotencyKey, Labelling, Outcome
from interactions.models.projects import ExternalModel, FeedbackKey, Label, LabelKey, Model, Project
from interactions.models.removals import Removal
from interactions.models.revisions import Change, Revision, Segment
from interactions.models.texts import TextIndex, TextPage, TextSegment

__all__ = [
    "AbArm",
    "AbEntry",
    "AbTest",
    "ApiKey",
    "ApiKeyProject",
    "Change",
    "Comparison",
    "Dataset",
    "ExternalModel",
    "Feedback",
    "FeedbackKey",
    "IdempotencyKey",
    "Image",
    "ImageUse",
    "Interaction",
    "KeyUsage",
    "Label",
    "LabelKey",
    "Labelling",
    "Member",
    "Model",
    "OpenCall",
    "Outcome",
    "Process",
    "Project",
    "Removal",
    "Revision",
    "Role",
    "Segment",
    "Share",
    "Team",
    "TextIndex",
    "TextPage",
    "TextSegment",
    "Transcript",
    "Upload",
    "User",
]
