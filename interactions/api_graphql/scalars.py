"""Scalars of the schema (vendor's names), and how times are written in it: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NewType

import strawberry
from django.core.files import File
from strawberry.file_uploads import Upload
from strawberry.schema.config import StrawberryConfig

from interactions import ids, payloads

IdOrKey = NewType("IdOrKey", str)
Timestamp = NewType("Timestamp", int)
InputDatetime = NewType("InputDatetime", datetime)


def _id_or_key(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 500 or "\x00" in value:
        raise ValueError("An id or a key is a text of 1 to 500 characters.")
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("A time is ISO 8601 (2026-11-23T14:58:07Z) or Unix milliseconds.")
    try:
        return payloads.parse_moment(value)
    except ValueError:
        raise ValueError(f"“{str(value)[:100]}” is no time: send ISO 8601 or Unix milliseconds.") from None


def _file(value: Any) -> File[bytes]:
    if not isinstance(value, File):
        raise ValueError("This must be a file: send it in a multipart request, with its place in the map.")
    return value


SCALARS: dict[object, Any] = {
    Upload: strawberry.scalar(name="Upload", description="A file of a multipart request.", parse_value=_file),
    IdOrKey: strawberry.scalar(
        name="IdOrKey", description="An entity's id or its key.", serialize=str, parse_value=_id_or_key
    ),
    Timestamp: strawberry.scalar(name="Timestamp", description="Unix milliseconds.", serialize=int, parse_value=int),
    InputDatetime: strawberry.scalar(
        name="InputDatetime",
        description="ISO 8601, UTC if it names no zone, or Unix milliseconds.",
        serialize=str,
        parse_value=_moment,
    ),
}
CONFIG = StrawberryConfig(scalar_map=SCALARS)


def milliseconds(moment: datetime) -> Timestamp:
    return Timestamp((moment - ids.EPOCH) // timedelta(milliseconds=1))


def milliseconds_or_none(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else milliseconds(moment)
