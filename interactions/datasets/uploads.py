"""Files that come in parts, because they are large or the line is poor. A part that is there is on the disk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from interactions import ids
from interactions.access import Caller, Permission
from interactions.database import NewFile
from interactions.datasets import files
from interactions.datasets.files import Readable
from interactions.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from interactions.models import Dataset, Upload

MOST_PARTS = 10_000
KEPT = timedelta(days=7)


class UploadStatus(NamedTuple):
    """The numbers of the parts that arrived, in order, and how many there will be."""

    completed: list[int]
    total: int


def begin_upload(caller: Caller, parts: int, content_type: str = "") -> Upload:
    """An upload of so many parts; `uid` of it is the session's id."""
    allow_uploads(caller)
    user = caller.user()
    if user is None:
        raise Forbidden("Only a user can begin an upload.")
    if not 1 <= parts <= MOST_PARTS:
        raise Invalid(f"An upload has 1 to {MOST_PARTS:,} parts.", "total_parts_count")
    return Upload.objects.create(user=user, parts=parts, content_type=content_type[:200])


def add_part(caller: Caller, session_id: str, number: int, content: Readable | Iterable[bytes]) -> None:
    """Keep a part; the same number again replaces it. `content` is read some at a time."""
    upload = open_upload(caller, session_id)
    if not 1 <= number <= upload.parts:
        raise Invalid(f"This upload has the parts 1 to {upload.parts:,}.", "part_number")
    with NewFile(files.part_path(upload, number)) as file:
        size = 0
        for chunk in files.chunks(content):
            size += len(chunk)
            if size > settings.MAX_PART_BYTES:
                limit = settings.MAX_PART_BYTES // 1024 // 1024
                raise TooLarge(f"The part has more than {limit} MB. Upload the file in smaller parts.")
            file.write(chunk)
        if not size:
            raise Invalid("The part is empty. Send its bytes as the body.", "part_number")
        file.flush()
        # Locked, so that whoever makes a dataset of the parts or gives them up does so before, or after.
        with transaction.atomic():
            try:
                open_upload(caller, session_id, for_update=True)
            except NotFound:
                files.discard_parts(upload.uid)
                raise
            file.keep()


def upload_status(caller: Caller, session_id: str) -> UploadStatus:
    upload = _find_upload(caller, session_id)
    return UploadStatus(files.parts(upload), upload.parts)


def abort_upload(caller: Caller, session_id: str) -> None:
    """Give an upload up, and forget its parts."""
    with transaction.atomic():
        upload = open_upload(caller, session_id, for_update=True)
        upload.delete()
    files.discard_parts(upload.uid)


def allow_uploads(caller: Caller) -> None:
    """An upload belongs to no project until a dataset is made of it."""
    if not caller.may_in_some_project(Permission.MANAGE_DATASETS):
        raise Forbidden(f"This needs the permission {Permission.MANAGE_DATASETS} in some project.")


def _find_upload(caller: Caller, session_id: str, *, for_update: bool = False) -> Upload:
    """The caller's own upload. `NotFound` for those of others as for none."""
    allow_uploads(caller)
    uid = ids.uuid(session_id)
    rows = Upload.objects.select_for_update() if for_update else Upload.objects
    upload = rows.filter(uid=uid, user__uid=caller.user_uid).first() if uid and caller.user_uid else None
    if upload is None:
        raise NotFound(f"There is no upload “{session_id[:100]}” of yours. Begin a new one.", "session_id")
    return upload


def open_upload(caller: Caller, session_id: str, *, for_update: bool = False) -> Upload:
    """As long as nothing is made of it."""
    upload = _find_upload(caller, session_id, for_update=for_update)
    used = Dataset.objects.filter(upload=upload).first()
    if used is not None:
        raise Conflict(f"The dataset “{used.key}” is being made of this upload already.", "session_id")
    return upload


def forget_stale() -> None:
    """Uploads that nobody finished."""
    stale = Upload.objects.filter(created_at__lt=ids.now() - KEPT)
    for upload in stale.exclude(pk__in=Dataset.objects.exclude(upload=None).values("upload_id")):
        upload.delete()
        files.discard_parts(upload.uid)
