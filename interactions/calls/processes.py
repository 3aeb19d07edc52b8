"""Which processes live. Each holds a lock on a file of its own for as long as it does, which others of the same machine
can tell at once; what becomes of processes elsewhere shows only with time, see `recovery`."""

from __future__ import annotations

import fcntl
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def own() -> UUID:
    """This process, as the calls that it makes name it. From now on others can tell whether it lives."""
    uid = uuid4()
    with suppress(OSError):  # then it is as one elsewhere
        _hold(_file(uid))
    return uid


def _hold(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.parent / f"new.{path.name}"
    # Held open, and so locked, until the process ends, however it does.
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    unfinished.rename(path)


def has_ended(uid: UUID) -> bool:
    """Whether that is certain."""
    try:
        descriptor = os.open(_file(uid), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def forget_ended() -> None:
    """Remove what processes left that have ended. Later nothing is certain about them."""
    for path in (settings.DATA_DIR / "processes").glob(f"{_kernel()}.*"):
        if has_ended(UUID(path.suffix[1:])):
            path.unlink(missing_ok=True)


def _file(uid: UUID) -> Path:
    folder: Path = settings.DATA_DIR / "processes"
    return folder / f"{_kernel()}.{uid}"


@cache
def _kernel() -> str:
    """Locks are known within one; several machines may share the directory."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return platform.node().replace("/", "-") or "here"
