"""A PostgreSQL server of one's own: made in a temporary directory, gone afterwards, or in one that is kept.

with private_cluster() as database_url: ...
with private_cluster(kept=directory) as database_url: ...
python -m tests.postgres [--durable] COMMAND...     # runs COMMAND with DATABASE_URL (and PGHOST, ...) set
"""

import argparse
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.system import POSTGRES, find_postgres, install

HOST = "127.0.0.1"
USER = "interactions"
DATABASE = "interactions"
# After a crash, a large one first goes through its log; before it ends, it writes what it holds in memory.
SECONDS_TO_START = 300
SECONDS_TO_END = 300
SECONDS_TO_STOP = 30

# What is written to a throw-away database need not survive a power cut.
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class _Cluster(NamedTuple):
    programs: Path
    directory: Path
    password: str
    # Who runs the server, in Popen's words: PostgreSQL refuses to run as root.
    account: dict[str, Any]

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def password_file(self) -> Path:
        """There as soon as the server's database is."""
        return self.directory / "password"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def url(self, port: int) -> str:
        return f"postgresql://{USER}:{self.password}@{HOST}:{port}/{DATABASE}"

    def run(self, program: str, *arguments: str, **variables: str) -> None:
        """Run one of PostgreSQL's programs to its end; its output is shown only when it fails."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.directory,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self.account,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}")


@contextlib.contextmanager
def private_cluster(*, durable: bool = False, directory: Path | None = None, kept: Path | None = None) -> Iterator[str]:
    """A running server with an empty database, as a DATABASE_URL.

    `durable`: keep PostgreSQL's own settings for writing to disk, as a measurement needs them.
    `directory`: where to make the temporary directory; its parents must be open to the account that runs the server.
    `kept`: a directory of the server's own that stays, made if need be. A server that lies there goes on with what its
    database holds. Its parents must be open to that account, too.
    """
    with _termination_as_exit(), _kept_directory(kept) if kept else _temporary_directory(directory) as place:
        cluster = _found(place) or _create(place, durable=durable)
        with _running(cluster, {} if durable else _FORGETFUL) as port:
            if not cluster.password_file.exists():
                variables = client_variables(cluster.url(port))
                cluster.run("createdb", "--maintenance-db=postgres", DATABASE, **variables)
                _write_password(cluster, cluster.password_file)
            yield cluster.url(port)


def client_variables(database_url: str) -> dict[str, str]:
    """The same database for programs that speak libpq, such as psql."""
    parts = urlsplit(database_url)
    return {
        "PGHOST": parts.hostname or HOST,
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or USER,
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.path.lstrip("/"),
    }


def _found(place: Path) -> _Cluster | None:
    cluster = _Cluster(_programs(), place, "", _account())
    if cluster.password_file.exists():
        return cluster._replace(password=cluster.password_file.read_text())
    if any(place.iterdir()):
        sys.exit(f"{place} holds something else than a whole server. Name another directory, or empty this one.")
    return None


def _programs() -> Path:
    install([] if find_postgres() else [POSTGRES])
    programs = find_postgres()
    assert programs is not None  # install() ends the program otherwise
    return programs


def _create(place: Path, *, durable: bool) -> _Cluster:
    cluster = _Cluster(_programs(), place, secrets.token_urlsafe(18), _account())
    _give(place, cluster.account)
    password_file = place / "password-for-initdb"
    _write_password(cluster, password_file)
    # Lower and upper case beyond ASCII, as a real installation has them, need a UTF-8 locale; macOS lacks this one.
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    options = [f"--pgdata={cluster.data}", f"--username={USER}", f"--pwfile={password_file}", f"--locale={locale}"]
    options += ["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", *([] if durable else ["--no-sync"])]
    cluster.run("initdb", *options)
    password_file.unlink()
    return cluster


def _write_password(cluster: _Cluster, file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(cluster.password)
    _give(file, cluster.account)


def _account() -> dict[str, Any]:
    """As ourselves; from root, as an account without rights that every system has."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    sys.exit("PostgreSQL refuses to run as root: make an account named postgres.")


def _give(path: Path, account: dict[str, Any]) -> None:
    if account:
        os.chown(path, account["user"], account["group"])


@contextlib.contextmanager
def _temporary_directory(parent: Path | None) -> Iterator[Path]:
    # Root's own TMPDIR may be closed to the account that runs the server; /tmp is open to all.
    inside = parent or (Path("/tmp") if os.geteuid() == 0 else None)  # noqa: S108  mkdtemp makes a private directory in it
    place = Path(tempfile.mkdtemp(prefix="interactions-postgres-", dir=inside)).resolve()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _kept_directory(place: Path) -> Iterator[Path]:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield place.resolve()


@contextlib.contextmanager
def _running(cluster: _Cluster, settings: dict[str, str]) -> Iterator[int]:
    server, port = _start(cluster, settings)
    try:
        yield port
    finally:
        _stop(server)


def _start(cluster: _Cluster, settings: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    for attempt in (1, 2, 3):
        port = free_port()
        server = _launch(cluster, settings | {"port": str(port), "listen_addresses": HOST})
        try:
            if _is_ready(cluster, server, port):
                return server, port
        except BaseException:
            _stop(server)
            raise
        _stop(server)
        # Between our look and the server's start somebody else may have taken the port.
        if attempt == 3:
            raise RuntimeError(f"PostgreSQL did not start:\n{cluster.log.read_text(errors='replace')[-4000:]}")
    raise AssertionError("unreachable")


def _launch(cluster: _Cluster, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    # No socket file: its directory may not exist here, and TCP is what DATABASE_URL uses.
    options = [f"-c{name}={value}" for name, value in (settings | {"unix_socket_directories": ""}).items()]
    with cluster.log.open("ab") as log:
        return subprocess.Popen(
            [cluster.programs / "postgres", f"-D{cluster.data}", *options],
            cwd=cluster.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is ours to handle: the server goes after the programs that use it.
            start_new_session=True,
            **cluster.account,
        )


def _is_ready(cluster: _Cluster, server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server takes connections; False when it ended instead."""
    question: list[str | Path] = [cluster.programs / "pg_isready", "--quiet", f"--host={HOST}", f"--port={port}"]
    deadline = time.monotonic() + SECONDS_TO_START
    while server.poll() is None and time.monotonic() < deadline:
        answered = subprocess.run(question, check=False).returncode == 0
        # Another server that took our port would answer too, but ours would be gone by then.
        if answered and server.poll() is None and _says_ready(cluster):
            return True
        time.sleep(0.05)
    return False


def _says_ready(cluster: _Cluster) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return "ready" in (cluster.data / "postmaster.pid").read_text()
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast (INT: ends connections), then at once (QUIT), then by force."""
    for way in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(way)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(SECONDS_TO_END)
            return


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let TERM and HUP unwind the stack as Ctrl-C does, so that nothing is left behind."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_with_cluster(command: list[str], *, durable: bool) -> int:
    with private_cluster(durable=durable) as database_url:
        variables = client_variables(database_url) | {"DATABASE_URL": database_url}
        with subprocess.Popen(command, env=os.environ | variables) as process:
            try:
                return process.wait()
            finally:
                # Leaving early: the command goes before the server it talks to.
                if process.poll() is None:
                    process.terminate()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(SECONDS_TO_STOP)
                    process.kill()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.postgres", description="Run a command on a private PostgreSQL."
    )
    parser.add_argument(
        "--durable", action="store_true", help="write to disk as carefully as PostgreSQL does by itself"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("name a command to run")
    try:
        return _run_with_cluster(arguments.command, durable=arguments.durable)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
