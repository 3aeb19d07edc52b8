"""Images are content: verified by their bytes, stored once per project under their SHA-256, shown as thumbnails."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import Semaphore
from typing import cast

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import ExifTags, ImageOps
from PIL import Image as Pillow

from interactions import database
from interactions.database import DurableFiles
from interactions.errors import Invalid, NotFound
from interactions.models import Image

log = logging.getLogger(__name__)

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
# What Pillow calls a JPEG that carries further pictures, as phones write it.
_KINDS = {"MPO": "jpeg"}
MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}

# A row shows 44 px, twice that on a fine screen; the longer side keeps a tall receipt recognisable when enlarged.
_SHORT_SIDE, _LONG_SIDE = 96, 240

# The pixels of an image are counted before they are decoded, against a setting of our own.
Pillow.MAX_IMAGE_PIXELS = None

# A decoded image of 40 megapixels takes 160 MB; two at a time would be the server's whole budget.
_decoding = Semaphore(1)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that was verified: `content` is one of `FORMATS`, whole, and not too large."""

    sha256: str
    format: str
    width: int
    height: int
    size: int
    thumbnail: bytes


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def verify(content: bytes, field: str) -> Picture:
    """Decode `content` and make its thumbnail. Raises `Invalid` with a sentence about the image at `field`."""
    if len(content) > settings.MAX_IMAGE_BYTES:
        limit = settings.MAX_IMAGE_BYTES // 1024 // 1024
        raise Invalid(f"The image has {len(content):,} bytes; at most {limit} MB are accepted.", field)
    with _decoding:
        try:
            return _decode(content, field)
        except Invalid:
            raise
        except Exception as error:
            # Pillow's readers raise whatever their format's damage leads to: OSError, SyntaxError, struct.error, …
            raise Invalid(
                "This is no PNG, JPEG, WebP or GIF image, or a damaged one. Send the bytes of its file as they are.",
                field,
            ) from error


def _decode(content: bytes, field: str) -> Picture:
    with Pillow.open(BytesIO(content), formats=FORMATS) as image:
        width, height = image.size
        if width * height > settings.MAX_IMAGE_PIXELS:
            limit = settings.MAX_IMAGE_PIXELS // 1_000_000
            raise Invalid(
                f"The image has {width:,} × {height:,} pixels; at most {limit} megapixels are accepted.", field
            )
        kind = _KINDS.get(str(image.format), str(image.format).lower())
        image.draft("RGB", (_LONG_SIDE, _LONG_SIDE))  # lets JPEG decode at a fraction of its size
        image.load()
        return Picture(sha256(content), kind, width, height, len(content), _thumbnail(image))


def _thumbnail(image: Pillow.Image) -> bytes:
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    upright = ImageOps.exif_transpose(image) if turned else image
    scale = min(1.0, max(_SHORT_SIDE / min(upright.size), 1 / max(upright.size)), _LONG_SIDE / max(upright.size))
    size = tuple(max(1, round(side * scale)) for side in upright.size)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    mode = "RGBA" if has_alpha else "RGB"
    # Converting copies, also to the same mode: of a large image that is more than 100 MB.
    whole = upright if upright.mode == mode else upright.convert(mode)
    small = whole.resize((size[0], size[1]), Pillow.Resampling.BOX, reducing_gap=2)
    encoded = BytesIO()
    small.save(encoded, "WEBP", quality=72, method=2)
    return encoded.getvalue()


# Kept content


def known(project_id: int, digests: Iterable[str]) -> set[str]:
    """Those of `digests` that the project holds already, row and content."""
    kept = Image.objects.filter(project_id=project_id, sha256__in=list(digests)).values_list("sha256", "format")
    return {str(digest) for digest, kind in kept if is_there(project_id, str(digest), kind)}


def is_there(project_id: int, digest: str, kind: str) -> bool:
    """Whether the content of an image is in the store."""
    return default_storage.exists(_name(project_id, digest, kind))


def keep(project_id: int, content: bytes, picture: Picture) -> None:
    """Put the content where it stays. To be called before a row refers to it."""
    name = _name(project_id, picture.sha256, picture.format)
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content))


def read(image: Image) -> bytes:
    """The content. Raises `NotFound` where its file is gone, as in a store that was restored without its files."""
    name = _name(image.project_id, image.sha256, image.format)
    # Set aside, too, it is content as long as there is the row: the removal that did it was not committed.
    for place in (name, *_set_aside_from(name)):
        try:
            with default_storage.open(place) as file:
                return bytes(file.read())
        except FileNotFoundError:
            continue
    raise NotFound(f"The image's file {name} is missing in the store. Restore it from a backup.")


def _set_aside_from(name: str) -> Iterator[str]:
    yield from _files().set_aside_from(name)


def read_if_there(image: Image) -> bytes | None:
    try:
        return read(image)
    except NotFound:
        log.exception("An image is exported as a link")
        return None


def _name(project_id: int, digest: str, kind: str) -> str:
    return f"{project_id}/{digest[:2]}/{digest}.{kind}"


# Removed content
#
# A row without its file would be a lost image, so the file goes last; a file whose row is gone would be an image that
# was deleted and is still there. Between the two stands the name: a removal deletes the row and, in the same
# transaction, renames the file (`set_aside`); after the commit it unlinks what it renamed (`discard`).
#
# Ingest writes the file, then in its transaction the row, and then looks whether the file is there under its name; else
# the caller is told to send the image again. So whichever way the two cross:
#
# - The file is renamed before that look: ingest stores nothing. It cannot be renamed after it: the removal deleted the
#   row first, and whoever refers to that row, or inserts it anew, waits until the removal has ended (SQLite has one
#   writer at a time; PostgreSQL keeps the row, and its unique key, locked). Then a reference fails, an insertion looks.
# - The file is written again after it was renamed: the renamed one is unlinked, not this. No two removals rename to the
#   same name, so neither unlinks what the other may have to put back.
# - The removal does not commit, or is killed: the row stays, its file has the other name. `read` finds it there, ingest
#   writes it anew, `settle` gives it its name back. Killed after the commit: there is no row, so `settle` unlinks it.
#   Either way `settle` locks the row, or waits for whoever has, so it never meets a removal half way.


def set_aside(project_id: int, digest: str, kind: str) -> str | None:
    """Within the transaction that deleted the row. Returns the file's new name, if it was there."""
    return _files().set_aside(_name(project_id, digest, kind))


def discard(files: Iterable[str]) -> None:
    """Unlink what was set aside, once that is committed."""
    _files().discard(files)


def settle(files: Iterable[str] | None = None) -> None:
    """Put back, or unlink, what was set aside by removals that did not come to their end; else all there is."""
    for aside in files if files is not None else _files().all_set_aside():
        name = database.original_name(aside)
        project_id, _, file = name.split("/")
        with transaction.atomic(durable=True):
            row = Image.objects.select_for_update().filter(project_id=project_id, sha256=file.partition(".")[0])
            if row.exists() and not default_storage.exists(name):
                _files().put_back(aside)
            else:
                _files().discard([aside])


def _files() -> DurableFiles:
    return cast(DurableFiles, default_storage)


def thumbnail_uri(image: Image) -> str:
    return "data:image/webp;base64," + base64.b64encode(image.thumbnail).decode()
