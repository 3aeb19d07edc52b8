"""The store goes away, and comes back: on SQLite its files take no more writes, as on a full disk; on PostgreSQL
nothing answers any more at the address that the server knows."""

from __future__ import annotations

import os
import resource
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.conftest import server_environment
from tests.gateway.stage import Gateway, prepared
from tests.postgres import private_cluster


class _Proxy:
    """Between a server and its database. Who is `cut` off finds nobody there."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.listen()

    def listen(self) -> None:
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        self._open |= {near, far}
        other = {near: far, far: near}
        with near, far, suppress(OSError):
            while True:
                for one in select.select([near, far], [], [])[0]:
                    if not (data := one.recv(65_536)):
                        return
                    other[one].sendall(data)
        self._open -= {near, far}


class Store:
    """That of a gateway's server."""

    def __init__(self, environment: dict[str, str], proxy: _Proxy | None) -> None:
        self.environment = environment
        self._proxy = proxy
        self.gateway: Gateway | None = None

    @contextmanager
    def away(self) -> Iterator[None]:
        self.leave()
        try:
            yield
        finally:
            self.come_back()

    def leave(self) -> None:
        if self._proxy:
            self._proxy.cut()
        else:
            self._limit(_FULL)

    def come_back(self) -> None:
        if self._proxy:
            self._proxy.listen()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        """No file of the server's can grow beyond this."""
        assert self.gateway
        for worker in self.gateway.process.workers() if self.gateway.process.is_running() else ():
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


# The log of what was committed is longer than that once a few calls were made; an entry of the spool is not.
_FULL = 100_000


@contextmanager
def store(place: Path) -> Iterator[Store]:
    environment = server_environment(place)
    if "DATABASE_URL" not in environment:
        yield Store(environment, None)
        return
    parts = urlsplit(environment["DATABASE_URL"])
    proxy = _Proxy((parts.hostname or "", parts.port or 5432))
    try:
        yield Store(environment | {"DATABASE_URL": _at(parts, proxy.port)}, proxy)
    finally:
        proxy.cut()


def _at(parts: Any, port: int) -> str:
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))


@contextmanager
def restarting_store(place: Path, cluster: Path) -> Iterator[Store]:
    """On PostgreSQL one whose server really ends, and starts again elsewhere, behind the same address."""
    environment = server_environment(place)
    if "DATABASE_URL" not in environment:
        with store(place) as made:
            yield made
        return
    with ExitStack() as stack:
        made = _Restarting(environment, stack, cluster)
        yield made
        made.end()


class _Restarting(Store):
    def __init__(self, environment: dict[str, str], stack: ExitStack, cluster: Path) -> None:
        self._cluster, self._stack = cluster, stack
        self._running: Any = None
        proxy = _Proxy(("127.0.0.1", 1))
        url = self._start()
        parts = urlsplit(url)
        proxy.target = ("127.0.0.1", parts.port or 0)
        super().__init__(environment | {"DATABASE_URL": _at(parts, proxy.port)}, proxy)

    def _start(self) -> str:
        self._running = private_cluster(kept=self._cluster)
        return str(self._running.__enter__())

    def end(self) -> None:
        self._running.__exit__(None, None, None)

    def leave(self) -> None:
        self.end()
        super().leave()

    def come_back(self) -> None:
        assert self._proxy
        self._proxy.target = ("127.0.0.1", urlsplit(self._start()).port or 0)
        super().come_back()


@contextmanager
def gateway_on(store: Store, demo: str, scripted: str) -> Iterator[Gateway]:
    """A running server on that store."""
    made = prepared(store.environment, demo, scripted)
    store.gateway = made
    with made.process.running():
        for number in range(12):
            made.chat(f"{number} {os.urandom(4_000).hex()}").raise_for_status()
        yield made
