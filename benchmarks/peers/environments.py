"""Each peer in a virtual environment of its own, below var/peers/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import ROOT

ENVIRONMENTS = ROOT / "var" / "peers"
REQUIREMENTS = Path(__file__).parent / "requirements"
# What a program needs from ours; nothing of a developer's settings is meant for it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


def install(peer: str, requirements: Path = REQUIREMENTS) -> None:
    """The versions of PEER.txt in `requirements`; nothing is done when they are installed already."""
    place, wanted = ENVIRONMENTS / peer, requirements / f"{peer}.txt"
    # A copy of what is installed, written last: an installation that was stopped is begun again.
    installed = place / "requirements.txt"
    if installed.exists() and installed.read_text() == wanted.read_text():
        return
    print(f"Installing {peer} into {place.relative_to(ROOT)}", file=sys.stderr, flush=True)
    shutil.rmtree(place, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(place))
    _run(
        *(program(peer, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--requirement", str(wanted)),
    )
    shutil.copy(wanted, installed)


def program(peer: str, name: str) -> str:
    return str(ENVIRONMENTS / peer / "bin" / name)


def version(peer: str, distribution: str) -> str:
    """Of what is installed, not of what was wanted."""
    question = f"import importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    asked = subprocess.run([program(peer, "python"), "-c", question], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def variables(home: Path, **more: str) -> dict[str, str]:
    """Of a peer's process. `home`: where it may keep what it wants to keep."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "HOME": str(home), "PYTHONUNBUFFERED": "1", **more}


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
