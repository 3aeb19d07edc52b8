"""The one way in. Whatever door they come by, interactions, labels and judgements are written here.

An *act* is one thing to write. It is prepared (pure work: parsing, hashing, images), planned (names become ids; refused
here if at all) and inserted. Acts that arrive together share one transaction. What `commit` returned is on the disk.
"""

from interactions.ingest.acts import Act, AddFeedback, AddOutcome, Compare, Record
from interactions.ingest.batch import Spender
from interactions.ingest.calls import Answered, Begin, End
from interactions.ingest.commit import Answer, Request, commit, perform, told
from interactions.ingest.labels import change_labels, remove_feedback, remove_label, set_label
from interactions.ingest.preparation import Prepared, prepare, store_images

__all__ = [
    "Act",
    "AddFeedback",
    "AddOutcome",
    "Answer",
    "Answered",
    "Begin",
    "Compare",
    "End",
    "Prepared",
    "Record",
    "Request",
    "Spender",
    "change_labels",
    "commit",
    "perform",
    "prepare",
    "remove_feedback",
    "remove_label",
    "set_label",
    "store_images",
    "told",
]
