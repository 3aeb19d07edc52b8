"""Selections of interactions that wait to be fetched under an address of their own, for a day."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Literal

from django.conf import settings
from pydantic_core import from_json, to_json
from pyroaring import BitMap

from interactions.database import NewFile
from interactions.errors import NotFound
from interactions.models import Project

# The lossless documents, or training records of prompts with completions.
Form = Literal["documents", "records"]

_SECONDS_KEPT = 86_400
_TOKEN = re.compile(r"[0-9A-Za-z_-]{22}")


def offer(project: Project, numbers: BitMap, form: Form) -> str:
    """Keep a selection. Returns its token, which whoever may read the project's interactions can `take`."""
    directory, token = _directory(), secrets.token_urlsafe(16)
    with NewFile(directory / token) as file:
        file.write(to_json({"project": project.pk, "form": form}) + b"\n" + numbers.serialize())
        file.keep()
    _forget_old(directory)
    return token


def take(project: Project, token: str) -> tuple[BitMap, Form]:
    """Raises `NotFound` where there is no such selection of this project, or no longer."""
    try:
        file = _directory() / token if _TOKEN.fullmatch(token) else None
        if file is None or _is_old(file):
            raise FileNotFoundError
        head, _, numbers = file.read_bytes().partition(b"\n")
        kept = from_json(head)
        if kept["project"] != project.pk:
            raise FileNotFoundError
    except FileNotFoundError:
        raise NotFound("There is no such download, or it is older than a day. Ask for a new one.", "token") from None
    return BitMap.deserialize(numbers), kept["form"]


def _is_old(file: Path) -> bool:
    return time.time() - file.stat().st_mtime > _SECONDS_KEPT


def _forget_old(directory: Path) -> None:
    for kept in directory.iterdir():
        try:
            if _is_old(kept):
                kept.unlink()
        except FileNotFoundError:
            pass  # another process did


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "downloads"
