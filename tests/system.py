"""The programs the tests need beside Python: Chromium and PostgreSQL's server, found or installed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

OLDEST_POSTGRES = 15

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_POSTGRES_PLACES = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # the PostgreSQL project's own RPMs
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


class Need(NamedTuple):
    """Something to install: what it is for a person, and Debian's packages that bring it."""

    name: str
    packages: tuple[str, ...]


CHROMIUM = Need("Chromium", ("chromium", "fonts-dejavu-core"))
POSTGRES = Need(f"PostgreSQL {OLDEST_POSTGRES} or newer (the server)", ("postgresql",))


def find_chromium() -> Path | None:
    """The browser to drive; the variable CHROMIUM names another."""
    for name in (os.environ.get("CHROMIUM", ""), *_CHROMIUM_NAMES, *_MAC_BROWSERS):
        if name and (found := shutil.which(name)):
            return Path(found)
    return None


def chromium_arguments() -> list[str]:
    """Arguments for a headless start that asks nothing of the network and works in a container."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    # QUIC and the GPU are of no use on loopback; /dev/shm is tiny in containers.
    plain = ["--disable-quic", "--disable-gpu", "--disable-dev-shm-usage"]
    # Chromium's sandbox refuses to run as root.
    return [*quiet, *plain, *(["--no-sandbox"] if _is_root() else [])]


def find_postgres() -> Path | None:
    """The directory of the newest usable PostgreSQL server's programs."""
    versions = ((version, place) for place in _postgres_places() if (version := _postgres_version(place)))
    version, place = max(versions, default=(0, None))
    return place if version >= OLDEST_POSTGRES else None


def missing() -> list[Need]:
    checks = ((CHROMIUM, find_chromium), (POSTGRES, find_postgres))
    return [need for need, find in checks if find() is None]


def install(needs: list[Need]) -> None:
    """Install `needs` with apt where that is allowed; if it is not, or fails, exit with a line that says what to do."""
    if needs and _is_root() and shutil.which("apt-get"):
        _apt_install([package for need in needs for package in need.packages])
        needs = [need for need in missing() if need in needs]
    if needs:
        names = " and ".join(need.name for need in needs)
        packages = " ".join(package for need in needs for package in need.packages)
        sys.exit(f"The tests need {names}: install it (Debian, Ubuntu: sudo apt-get install {packages}).")


def _apt_install(packages: list[str]) -> None:
    print(f"Installing {' '.join(packages)} with apt-get ...", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-q", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            print(done.stdout, file=sys.stderr)


def _postgres_places() -> Iterator[Path]:
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    for pattern in _POSTGRES_PLACES:
        yield from Path("/").glob(pattern)


def _postgres_version(place: Path) -> int | None:
    """The major version of the server in `place`; None where there are only client programs."""
    server = place / "postgres"
    if not (server.is_file() and (place / "initdb").is_file()):
        return None
    answer = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\) (\d+)", answer)
    return int(found[1]) if found else None


def _is_root() -> bool:
    return os.geteuid() == 0
