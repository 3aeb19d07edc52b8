"""Keys, names and descriptions of the small tables: what they may be, how keys are made, and finding by them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count
from typing import TypeVar

from django.db.models import Model, QuerySet

from interactions import ids
from interactions.errors import Invalid
from interactions.payloads import PROJECT_KEY

_M = TypeVar("_M", bound=Model)

_LONGEST_KEY = 100
_LONGEST_NAME = 200
_LONGEST_TEXT = 20_000
KEY_RULE = f"has 1 to {_LONGEST_KEY} letters, digits, “-”, “_” and “.”, and begins with no “.”"


# What somebody may send


def key(text: str, field: str = "key") -> str:
    """What URLs and clients call something. Raises `Invalid`."""
    if not PROJECT_KEY.fullmatch(text):
        raise Invalid(f"A key {KEY_RULE}.", field)
    return unlike_id(text, field)


def unlike_id(text: str, field: str) -> str:
    """Keys and ids are given in the same place, so a key that is the id of something else would stand in its way."""
    if ids.uuid(text):
        raise Invalid("A key must not have the form of an id (a UUID). Choose one that people can read.", field)
    return text


def name(text: str, field: str = "name") -> str:
    """A line of text. Raises `Invalid`."""
    text = text.strip()
    if not 1 <= len(text) <= _LONGEST_NAME or not is_storable(text):
        raise Invalid(f"This must have 1 to {_LONGEST_NAME} characters, none of them NUL.", field)
    return text


def description(text: str, field: str = "description") -> str:
    """A text that may be empty. Raises `Invalid`."""
    text = text.strip()
    if len(text) > _LONGEST_TEXT or not is_storable(text):
        raise Invalid(f"This must have at most {_LONGEST_TEXT:,} characters, none of them NUL.", field)
    return text


def is_storable(text: str) -> bool:
    """Whether both databases take it: PostgreSQL has no NUL, and neither has halves of surrogate pairs."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


# Making keys


def slug(name: str) -> str:
    """A key made of a name, keeping its dots (“GPT-4.1 mini” is gpt-4.1-mini). Empty where no letter remains."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("-._")[:_LONGEST_KEY]


def free(key: str, taken: Container[str]) -> str:
    """The key, or where it is taken, with the first number after it that makes it another."""
    if key not in taken:
        return key
    numbered = (f"{key[: _LONGEST_KEY - 8]}-{number}" for number in count(2))
    return next(candidate for candidate in numbered if candidate not in taken)


# Finding


def find(rows: QuerySet[_M], key_or_id: str, column: str = "key") -> _M | None:
    """The one with this public id, else the one with this key."""
    if not is_storable(key_or_id):
        return None
    uid = ids.uuid(key_or_id)
    return (uid and rows.filter(uid=uid).first()) or rows.filter(**{column: key_or_id}).first()
