"""Threads that stay, with a database connection each: kept on SQLite, lent by the pool on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import close_old_connections, connection

from interactions.errors import Fault

_T = TypeVar("_T")

# Of their own, so that neither slow pages nor large uploads hold up the other.
_threads = ThreadPoolExecutor(4, thread_name_prefix="work")
_page_threads = ThreadPoolExecutor(8, thread_name_prefix="page")
_disk_threads = ThreadPoolExecutor(2, thread_name_prefix="disk")


# Where the server runs, for those who are in a thread.
_loop: asyncio.AbstractEventLoop | None = None


def on_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Have the server's event loop do some work, and wait for it in a thread."""
    if _loop is None:
        work.close()
        raise Fault("This needs the server: start it with “manage.py serve”.")
    return asyncio.run_coroutine_threadsafe(work, _loop).result()


async def in_page_thread(act: Callable[..., _T], *arguments: Any) -> _T:
    global _loop
    _loop = asyncio.get_running_loop()
    return await asyncio.get_running_loop().run_in_executor(_page_threads, with_connection, act, *arguments)


async def in_thread(act: Callable[..., _T], *arguments: Any) -> _T:
    result: _T = await _run(act, *arguments)
    return result


async def in_disk_thread(act: Callable[..., _T], *arguments: Any) -> _T:
    """For what must go on while all others wait for the store; it may not ask for that itself."""
    return await asyncio.get_running_loop().run_in_executor(_disk_threads, act, *arguments)


async def _run(act: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, with_connection, act, *arguments)


def with_connection(act: Callable[..., _T], *arguments: Any) -> _T:
    """Run `act`; afterwards its connection goes where the settings say, or is closed if it broke."""
    try:
        return act(*arguments)
    finally:
        close_old_connections()


def with_kept_connection(act: Callable[..., _T], *arguments: Any) -> _T:
    """The same for a thread that is never idle for long: its connection stays, on both databases."""
    try:
        return act(*arguments)
    finally:
        connection.close_at = None
        close_old_connections()
