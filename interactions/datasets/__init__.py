"""Training data: files of records, uploaded or made from interactions, checked once and kept compressed.

`create` checks a small file at once. A large one comes in parts (`begin_upload`, `add_part`), and `create_from_upload`
answers before it was looked through; so does `create_from_selection` for many interactions. The rest happens in the
background (`carry_on`): the row is PENDING, then DONE, or ERROR with a sentence that says why.
"""

from interactions.datasets.background import carry_on
from interactions.datasets.library import Download, delete, get, list_datasets, open_file
from interactions.datasets.making import (
    create,
    create_from_selection,
    create_from_upload,
    preview_from_selection,
    records_of,
)
from interactions.datasets.selections import Sample
from interactions.datasets.uploads import UploadStatus, abort_upload, add_part, begin_upload, upload_status

__all__ = [
    "Download",
    "Sample",
    "UploadStatus",
    "abort_upload",
    "add_part",
    "begin_upload",
    "carry_on",
    "create",
    "create_from_selection",
    "create_from_upload",
    "delete",
    "get",
    "list_datasets",
    "open_file",
    "preview_from_selection",
    "records_of",
    "upload_status",
]
