"""The system's Chromium, signed in to a real server with demo data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, StorageState, sync_playwright

from tests.conftest import Server
from tests.system import chromium_arguments, find_chromium

Look = Callable[..., Page]

# What htmx writes of a request that the page gave up, and of nothing else alone.
GIVEN_UP = ("htmx:afterRequest", "htmx:sendAbort")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=chromium_arguments())
        yield browser
        browser.close()


@pytest.fixture
def expected() -> list[str]:
    """What the browser may complain of in a test, which adds to it."""
    return ["the server responded with a status of 4"]


@pytest.fixture
def open_context(browser: Browser, server: Server, expected: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browser contexts in which nothing is loaded from elsewhere, and nothing goes wrong unseen."""
    opened: list[BrowserContext] = []
    complaints: list[str] = []

    def guard(route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(server.url).netloc:
            route.continue_()
        else:
            complaints.append(f"the page asked for {route.request.url[:200]}")
            route.abort()

    def listen(message: ConsoleMessage) -> None:
        is_fine = any(text in message.text for text in expected) or message.text.startswith(GIVEN_UP)
        if message.type == "error" and not is_fine:
            complaints.append(message.text)

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=server.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        context.route("**/*", guard)
        context.on("console", listen)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def session(browser: Browser, server: Server) -> StorageState:
    """The cookies of someone who logged in."""
    with browser.new_context(base_url=server.url) as context:
        page = context.new_page()
        page.goto("/login/")
        page.get_by_label("Email").fill(server.email)
        page.get_by_label("Password").fill(server.password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/interactions")
        return context.storage_state()


@pytest.fixture
def signed_in(open_context: Callable[..., BrowserContext], session: StorageState) -> Look:
    """Opens a page as the demo user; `options` are the browser context's (colours, size, JavaScript or none)."""

    def look(path: str = "/projects/demo/interactions", **options: object) -> Page:
        page = open_context(storage_state=session, **options).new_page()
        page.goto(path)
        return page

    return look
