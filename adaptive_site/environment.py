"""Typed readers of environment variables. Each refuses a value it does not understand, with a sentence."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE | FALSE:
        return value.strip().lower() in TRUE
    raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false. Set it to 1 or 0.")


def integer(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdecimal() or len(value) > 20 or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name}={value[:100]!r} is not a whole number from {least} to {most}.")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def data_dir() -> Path:
    return Path(text("DATA_DIR", str(BASE_DIR / "var"))).expanduser().resolve()


def secret_key(*, debug: bool) -> str:
    """`SECRET_KEY`, or the one that `manage.py serve` keeps in the data directory."""
    kept = data_dir() / "secret_key"
    if text("SECRET_KEY"):
        return text("SECRET_KEY")
    if kept.is_file():
        return kept.read_text().strip()
    if debug:
        return "only-for-debugging-" + "x" * 40
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set SECRET_KEY to a long random string (or DEBUG=1 on your own machine only), "
        "or start with `make serve`, which makes one and keeps it in DATA_DIR."
    )


def keep_secret() -> None:
    """Write a new secret into the data directory, readable by its owner only, unless there is one."""
    if text("SECRET_KEY"):
        return
    directory = data_dir()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(directory / "secret_key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))


def database(url: str) -> dict[str, Any]:
    """`sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host:port/name?option=value`."""
    try:
        parts = urlsplit(url)
        port = str(parts.port or "")
    except ValueError:  # a port or an address that is none
        parts, port = urlsplit(""), ""
    if parts.scheme == "sqlite" and parts.path[1:]:
        return _sqlite(Path(unquote(parts.path[1:])))
    if parts.scheme in ("postgresql", "postgres") and parts.path[1:]:
        return _postgresql(
            name=unquote(parts.path[1:]),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=parts.hostname or "",
            port=port,
            options=dict(parse_qsl(parts.query)),
        )
    # The value may hold a password, so the message does not repeat it.
    raise ImproperlyConfigured(
        "DATABASE_URL is not understood. Set it to sqlite:///path/to/file or postgresql://user:password@host:port/name."
    )


def _sqlite(path: Path) -> dict[str, Any]:
    from adaptive_site.sqlite import journal_mode

    file = BASE_DIR / path
    file.parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "CONN_MAX_AGE": None,  # a thread keeps its connection: opening one takes longer than most requests
        "OPTIONS": {
            # A transaction that reads before it writes would fail as "locked" when another writes in between.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "cached_statements": 400,
            # FULL: what was acknowledged survives a power cut, not only a crash of the process.
            "init_command": (
                f"PRAGMA journal_mode={journal_mode()}; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=67108864;"
                # Eight times the default: a page that many writes touch is copied into the database less often.
                "PRAGMA wal_autocheckpoint=8000;"
            ),
        },
    }


def _postgresql(
    *, name: str, user: str, password: str, host: str, port: str, options: dict[str, str]
) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 0,  # the pool keeps the connections, and lends one for each request
        "CONN_HEALTH_CHECKS": True,  # after a restart of the database, the first request finds a new one
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": integer("DATABASE_POOL", 24, least=4, most=500),
                "timeout": 5,
                # Each attempt to connect waits twice as long as the one before. So it is given up soon, and who asks
                # next begins another: after a long outage nobody waits as long again.
                "reconnect_timeout": 3,
            },
            "options": "-c synchronous_commit=on -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
            **options,
        },
    }
