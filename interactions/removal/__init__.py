"""The one way out: interactions, or only their texts and images, are removed here, whoever asks.

A removal is immediate and complete, and goes in batches, each a transaction so short that recording hardly notices:
what was said about the interactions, their comparisons, the images and label values that nothing else uses, and the
index's and the search's knowledge of them go together with the rows, or not at all.

`delete` and `drop_transcripts` do it at once. What a person or retention asks for is a `Removal`: a row that outlives
the process, so that `work_off` goes on after a crash where it was.
"""

from interactions.removal.background import carry_on
from interactions.removal.batches import Progress, delete, delete_feedback_key, drop_transcripts
from interactions.removal.requests import request, work_off
from interactions.removal.retention import MOST_DAYS, Overdue, apply_retention, overdue

__all__ = [
    "MOST_DAYS",
    "Overdue",
    "Progress",
    "apply_retention",
    "carry_on",
    "delete",
    "delete_feedback_key",
    "drop_transcripts",
    "overdue",
    "request",
    "work_off",
]
