"""Settings come from the environment, and what is no setting is refused with a sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from adaptive_site import environment, sqlite
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        (" on ", True),
        ("0", False),
        ("False", False),
        ("no", False),
        ("", False),
    ],
)
def test_a_flag_is_on_or_off(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("DEBUG", value)
    assert environment.flag("DEBUG", default=not meant) is meant


@pytest.mark.parametrize("value", ["maybe", "2", "tru", "yes please"])
def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DEBUG", value)
    with pytest.raises(ImproperlyConfigured, match=f"^DEBUG='{value}' is neither true nor false. Set it to 1 or 0.$"):
        environment.flag("DEBUG")


@pytest.mark.parametrize("value", ["abc", "-1", "0", "65536", "8000.5", "1e3", "0x10", "9" * 6000])
def test_a_number_out_of_its_range_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ImproperlyConfigured, match="is not a whole number from 1 to 65535"):
        environment.integer("PORT", 8000, least=1, most=65535)


@pytest.mark.parametrize("value", ["", "  "])
def test_a_number_that_is_not_set_has_its_default(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)
    assert environment.integer("PORT", 8000, least=1, most=65535) == 8000


def test_a_list_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example , ,b.example,")
    assert environment.words("ALLOWED_HOSTS") == ["a.example", "b.example"]


# Databases


def test_a_database_is_a_file_or_a_server(tmp_path: Path) -> None:
    file = environment.database(f"sqlite:///{tmp_path}/deep/down/a%20store.sqlite3")
    assert file["NAME"] == f"{tmp_path}/deep/down/a store.sqlite3"
    assert (tmp_path / "deep" / "down").is_dir()
    server = environment.database("postgresql://ann:p%40ss@db.example:6543/store?sslmode=require")
    assert {name: server[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "store",
        "USER": "ann",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6543",
    }
    assert server["OPTIONS"]["sslmode"] == "require"
    assert "synchronous_commit=on" in server["OPTIONS"]["options"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:secret@db/store",
        "postgresql://ann:secret@db",
        "sqlite://",
        "sqlite:///",
        "store.sqlite3",
        "postgresql://ann:secret@db:port/store",
        "postgresql://ann:secret@[db/store",
        "",
    ],
)
def test_any_other_database_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not understood") as raised:
        environment.database(url)
    assert "secret" not in str(raised.value)


def test_the_store_is_durable_and_holds_its_references(db: None) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            settings = {"synchronous_commit": "on", "lock_timeout": "10s"}
            for name, value in settings.items():
                cursor.execute(f"SHOW {name}")
                assert cursor.fetchone() == (value,)
            return
        expected = {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 20_000, "journal_size_limit": 67_108_864}
        for name, number in expected.items():
            cursor.execute(f"PRAGMA {name}")
            assert cursor.fetchone() == (number,), name


def test_a_file_is_written_ahead_where_the_library_is_sound(tmp_path: Path) -> None:
    """Through the settings' own statements, on a file: a test database may lie in memory."""
    options = environment.database(f"sqlite:///{tmp_path}/store.sqlite3")["OPTIONS"]
    library = sys.modules["sqlite3"]
    store = library.connect(tmp_path / "store.sqlite3")
    for statement in filter(str.strip, options["init_command"].split(";")):
        store.execute(statement)
    (mode,) = store.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store.execute("PRAGMA synchronous").fetchone()
    store.close()
    assert mode == sqlite.journal_mode().lower()
    assert (mode == "wal") == (library.sqlite_version_info >= sqlite.SOUND)
    assert synchronous == 2
    assert options["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("version", "mode"), [((3, 40, 1), "TRUNCATE"), ((3, 51, 2), "TRUNCATE"), ((3, 51, 3), "WAL"), ((4, 0, 0), "WAL")]
)
def test_an_unsound_library_is_not_trusted_with_a_write_ahead_log(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], mode: str
) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", SimpleNamespace(sqlite_version_info=version))
    assert sqlite.journal_mode() == mode


def test_a_sound_library_takes_an_unsound_one_s_place() -> None:
    used: Any = sys.modules["sqlite3"]
    if sqlite3.sqlite_version_info < sqlite.SOUND:
        assert used.__name__ == "pysqlite3"
    assert used.sqlite_version_info >= sqlite.SOUND


# The whole, as a process sees it


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["check", "migrate", "serve", "create_project"])
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"DEBUG": "maybe", "SECRET_KEY": "x"}, "DEBUG='maybe' is neither true nor false. Set it to 1 or 0."),
        ({"MAX_IMAGE_MB": "lots", "SECRET_KEY": "x"}, "MAX_IMAGE_MB='lots' is not a whole number from 1 to 2048."),
        ({"DATABASE_URL": "oracle://db/store", "SECRET_KEY": "x"}, "DATABASE_URL is not understood."),
    ],
)
def test_broken_settings_end_every_command_with_one_sentence(
    tmp_path: Path, command: str, variables: dict[str, str], sentence: str
) -> None:
    done = started(command, DATA_DIR=str(tmp_path), **variables)
    assert done.returncode != 0
    assert done.stderr.startswith(f"The settings are not right: {sentence}")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_secret_nothing_starts_and_the_sentence_says_what_to_set(tmp_path: Path) -> None:
    done = started("check", DATA_DIR=str(tmp_path))
    assert done.returncode != 0
    assert done.stderr == (
        "The settings are not right: SECRET_KEY is not set. Set SECRET_KEY to a long random string "
        "(or DEBUG=1 on your own machine only), or start with `make serve`, which makes one and keeps it in DATA_DIR.\n"
    )
    assert started("check", DATA_DIR=str(tmp_path), DEBUG="1").returncode == 0


def test_a_server_without_a_secret_refuses_to_start(tmp_path: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", "import adaptive_site.asgi"]
    done = subprocess.run(
        command,
        env=kept | {"DATA_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "SECRET_KEY is not set. Set SECRET_KEY to a long random string" in done.stderr.splitlines()[-1]


def test_a_kept_secret_is_made_once_and_read_by_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "new"))
    monkeypatch.delenv("SECRET_KEY", raising=False)
    environment.keep_secret()
    secret = environment.secret_key(debug=False)
    assert len(secret) >= 50
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o777 == 0o600
    environment.keep_secret()
    assert environment.secret_key(debug=False) == secret
    monkeypatch.setenv("SECRET_KEY", "given")
    assert environment.secret_key(debug=False) == "given"
