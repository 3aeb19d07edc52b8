"""What still goes on, as a person sees it: rows that end by themselves, replays, and what is copied."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, StorageState, expect

from tests.browser.conftest import Look
from tests.conftest import ROOT, Server

pytestmark = pytest.mark.browser

LIST = "/projects/demo/interactions"


@pytest.fixture(scope="module")
def upstream(server: Server) -> Iterator[str]:
    """Demo models that the project can use."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo_upstream", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=server.environment)
    assert process.stdout
    try:
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        server.environment["MODEL_SECRET"] = "any"
        # Keys of models differ on the whole server, on which other tests have the demo's by their own names.
        for name, demo in (("live", "demo"), ("live-reasoning", "demo-reasoning")):
            model = ("--name", name, "--external-id", demo, "--base-url", f"{address}/v1")
            server.manage("add_model", "--project", "demo", *model, *(["--default"] if name == "live" else []))
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


class Calls:
    """Calls of the demo's models through the server, each in a thread of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._threads: list[threading.Thread] = []

    def start(self, content: str, *, stream: bool = True, **fields: Any) -> None:
        body = {"model": "demo/live", "messages": [{"role": "user", "content": content}], "stream": stream} | fields
        thread = threading.Thread(target=self._send, args=(body,))
        thread.start()
        self._threads.append(thread)

    def _send(self, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._server.secret}"}
        httpx.post(f"{self._server.url}/api/v1/chat/completions", json=body, headers=headers, timeout=60)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(timeout=60)


@pytest.fixture
def calls(server: Server, upstream: str) -> Iterator[Calls]:
    made = Calls(server)
    yield made
    made.end()


def _newest(page: Page) -> Any:
    return page.locator("tbody tr").first


def _open(page: Page, text: str) -> None:
    page.goto(f"{LIST}?prompt={text}")
    page.locator("tbody tr .open").first.click()
    page.wait_for_url(re.compile(r"/interactions/[0-9a-f-]{36}"))


def test_a_row_appears_and_ends_by_itself(signed_in: Look, calls: Calls) -> None:
    page = signed_in()
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    calls.start("[slow: 400ms] A row that ends by itself, after ten words or so.")
    expect(_newest(page)).to_contain_text("A row that ends by itself")
    expect(_newest(page).locator(".tag.live")).to_have_text("in progress")
    expect(_newest(page).locator(".completion p")).to_contain_text("You said: A row that ends", timeout=20_000)
    expect(page.locator(".tag.live")).to_have_count(0)
    expect(page.locator("tbody tr")).to_have_count(50)


def test_without_live_rows_that_are_there_end_and_none_appears(signed_in: Look, calls: Calls) -> None:
    calls.start("[slow: 400ms] The first of two calls, which takes a little while.")
    page = signed_in(f"{LIST}?prompt=two calls")
    for _ in range(40):
        if page.locator(".tag.live").count():
            break
        page.reload()
    assert page.locator("tbody tr").count() == 1
    calls.start("The second of two calls.")
    expect(_newest(page).locator(".completion p")).to_contain_text("You said: The first", timeout=20_000)
    assert page.locator("tbody tr").count() == 1
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_nothing_moves_for_who_has_ticked_a_row(signed_in: Look, calls: Calls) -> None:
    page = signed_in()
    page.get_by_role("button", name="Live").click()
    box = page.locator("td.select input").first
    box.check()
    ticked = box.get_attribute("value")
    first = _newest(page).get_attribute("id")
    calls.start("This one has to wait.")
    calls.end()
    page.wait_for_timeout(5_000)
    assert _newest(page).get_attribute("id") == first
    expect(page.locator("#live")).to_have_class(re.compile("held"))
    page.locator("#selection button[type=reset]").click()
    page.mouse.move(5, 5)
    expect(_newest(page)).to_contain_text("This one has to wait.", timeout=15_000)
    assert not page.locator(f'td.select input[value="{ticked}"]').is_checked()


def test_the_page_of_a_call_that_goes_on_shows_the_answer_once_it_is_there(signed_in: Look, calls: Calls) -> None:
    calls.start("[slow: 500ms] A page that waits for its answer, word by word.")
    page = signed_in(f"{LIST}?prompt=waits for its answer")
    while not page.locator("tbody tr .open").count():
        page.reload()
    page.locator("tbody tr .open").first.click()
    expect(page.locator("#message-completion")).to_contain_text("The answer is still coming")
    page.get_by_label("Label key").fill("half typed")
    expect(page.locator("#message-completion")).to_contain_text("You said: A page that waits", timeout=20_000)
    expect(page.locator("#details")).to_contain_text("tokens/s")
    expect(page.get_by_label("Label key")).to_have_value("half typed")


def test_a_request_is_replayed_and_both_answers_are_compared(signed_in: Look, calls: Calls) -> None:
    calls.start("[slow: 200ms] What shall be replayed?")
    calls.end()
    page = signed_in()
    _open(page, "shall be replayed")
    page.get_by_label("Ask").select_option("live-reasoning")
    page.get_by_role("button", name="Replay").click()
    page.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}"))
    expect(page.locator("#side-b .tag.live")).to_be_visible()
    expect(page.locator("#side-b .diff")).to_contain_text("You said: What shall be replayed?", timeout=20_000)
    expect(page.locator(".found")).to_have_text("The texts are the same.")
    expect(page.locator("#side-b .thoughts")).to_contain_text("Reasoning")
    expect(page.locator(".about tr", has_text="Model")).to_contain_text("live-reasoning")
    page.locator("#side-b").get_by_role("link", name="open").click()
    expect(page.locator("#labels")).to_contain_text("replay_of")
    page.get_by_role("link", name="Compare it with the original").click()
    page.wait_for_url(re.compile(r"/compare/"))
    expect(page.locator("#side-b .diff")).to_contain_text("What shall be replayed?")


def test_a_replay_needs_no_script(signed_in: Look, calls: Calls) -> None:
    calls.start("A replay with no script.", stream=False)
    calls.end()
    page = signed_in(f"{LIST}?prompt=with no script", java_script_enabled=False)
    page.locator("tbody tr .open").first.click()
    page.get_by_role("button", name="Replay").click()
    page.wait_for_url(re.compile(r"/compare/[0-9a-f-]{36}"))
    for _ in range(20):
        if page.get_by_role("link", name="Look again").count() == 0:
            break
        page.get_by_role("link", name="Look again").first.click()
    expect(page.locator("#side-b .diff")).to_contain_text("You said: A replay with no script.")


def test_the_request_is_copied_as_text(
    open_context: Callable[..., BrowserContext], session: StorageState, calls: Calls, server: Server
) -> None:
    calls.start("Copy 'this' $HOME.", stream=False, temperature=0.5)
    calls.end()
    context = open_context(storage_state=session, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    _open(page, "Copy 'this'")
    for name, beginning in (
        ("curl", f"curl {server.url}/api/v1/chat/completions"),
        ("Python", "import os\n\nfrom openai"),
    ):
        page.get_by_role("link", name=f"Copy as {name}").click()
        expect(page.get_by_role("link", name="copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(beginning)
        assert "$HOME" in copied
        assert "temperature" in copied
        expect(page.get_by_role("link", name=f"Copy as {name}")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_too_wide(signed_in: Look, calls: Calls, scheme: str) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    calls.start(f"Tools for {scheme}", tools=tools, reasoning_effort="high")
    calls.start(f"[fault: 429] Tools for {scheme}")
    calls.end()
    page = signed_in(f"{LIST}?prompt=Tools for {scheme}", color_scheme=scheme)
    one, other = (link.get_attribute("href") or "" for link in page.locator("tbody tr .open").all())
    path, identifier = urlsplit(one).path, urlsplit(other).path.rpartition("/")[2]
    for address in (one, other, f"{path}/compare/{identifier}"):
        page.goto(address)
        for fold in page.locator("#transcript summary, #pair summary").all():
            fold.click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
