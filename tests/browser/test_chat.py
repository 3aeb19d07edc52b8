"""Somebody talks to a project's models in the browser; the demo's models answer, from a process of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, StorageState, expect

from tests.api.pictures import encoded, picture
from tests.browser.conftest import Look
from tests.conftest import ROOT, Server, manage

pytestmark = pytest.mark.browser

CHAT = "/projects/talks/chat"
HOSTILE = "<img src=x onerror=alert(1)> [link](javascript:alert(2)) ![](https://spy.example/x.png) **bold**"
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}}}}
]


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "demo_upstream", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    try:
        yield next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture(scope="module")
def secret(server: Server, upstream: str) -> str:
    """A key to the project `talks`, whose models are served."""
    server.manage("create_project", "talks")
    for name in ("demo", "demo-reasoning", "demo-tools"):
        described = ("--name", name, "--external-id", name, "--base-url", f"{upstream}/v1")
        default = ("--default",) if name == "demo" else ()
        manage(server.environment | {"MODEL_SECRET": "any"}, "add_model", "--project", "talks", *described, *default)
    change = f"ExternalModel.objects.filter(key='demo-tools').update(parameters={{'tools': {TOOLS!r}}})"
    server.manage("shell", "--command", f"from interactions.models import ExternalModel; {change}")
    return server.manage("create_api_key", "--email", server.email, "--project", "talks")


@pytest.fixture
def chat(signed_in: Look, secret: str) -> Callable[..., Page]:
    def look(query: str = "", **options: object) -> Page:
        page = signed_in(f"{CHAT}?{query}", **options)
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        return page

    return look


def type_in(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Prompt", exact=True).fill(text)
    page.keyboard.press("Enter")


def say(page: Page, text: str) -> Locator:
    """Sends a prompt, and gives its last answer once that has ended."""
    type_in(page, text)
    return ended(page)


def ended(page: Page, column: int = 0) -> Locator:
    turn = page.locator(".column").nth(column).locator(".turn").last
    expect(turn).to_have_class(re.compile("answered"))
    expect(turn).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#send")).to_be_visible()
    expect(turn.locator(".facts")).not_to_contain_text("…")
    return turn


def logged(server: Server, secret: str, turn: Locator) -> dict[str, Any]:
    """The interaction that an answer's line leads to."""
    address = turn.get_by_role("link", name="Open").get_attribute("href") or ""
    return fetched(server, secret, f"interactions/{address.rpartition('/')[2]}")


def fetched(server: Server, secret: str, path: str) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def test_an_answer_grows_is_rendered_at_its_end_and_is_an_interaction(
    chat: Callable[..., Page], server: Server, secret: str
) -> None:
    page = chat()
    type_in(page, "[slow: 100ms] one **two** three four five six seven eight nine ten")
    text = page.locator(".answered .text")
    expect(text).to_contain_text("You said: one **two**")
    assert "ten" not in text.inner_text()
    expect(page.locator(".answered")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#heard")).to_have_text("")
    turn = ended(page)
    expect(turn.locator(".text strong")).to_have_text("two")
    expect(page.locator("#heard")).to_contain_text("nine ten")
    expect(turn.locator(".facts")).to_contain_text(re.compile(r"^demo·?12 tokens·?[\d.]+ s·?[\d.]+ tokens/s"))

    kept = logged(server, secret, turn)
    assert (kept["model"], kept["state"], kept["source"]) == ("demo", "done", "LIVE")
    assert kept["labels"] == {"via": "chat"}
    turn.get_by_role("link", name="Open").click()
    expect(page.locator(".answer .content")).to_contain_text("You said: one two three")


def test_what_was_said_before_goes_along_with_the_system_prompt_and_the_settings(
    chat: Callable[..., Page], server: Server, secret: str
) -> None:
    page = chat()
    page.get_by_text("System prompt", exact=True).click()
    page.get_by_role("textbox", name="System prompt").fill("Be kind.")
    page.get_by_text("Settings", exact=True).last.click()
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Max tokens").fill("4")
    first = logged(server, secret, say(page, "My name is Ada, and I ask"))
    prompt = page.get_by_role("textbox", name="Prompt", exact=True)
    prompt.fill("What is")
    prompt.press("Shift+Enter")
    prompt.type("my name?")
    prompt.press("Enter")
    turn = ended(page)
    expect(turn.locator(".facts")).to_contain_text("ended at max tokens")
    second = logged(server, secret, turn)
    assert [(one["role"], one["content"]) for one in second["messages"]] == [
        ("system", "Be kind."),
        ("user", "My name is Ada, and I ask"),
        ("assistant", "You said: My name "),
        ("user", "What is\nmy name?"),
    ]
    assert second["parameters"] == {"temperature": 0.5, "max_tokens": 4}
    assert second["session_id"] == first["session_id"]


def test_an_answer_is_stopped_and_the_conversation_goes_on(
    chat: Callable[..., Page], server: Server, secret: str
) -> None:
    page = chat()
    type_in(page, "[slow: 150ms] one two three four five six seven eight nine ten eleven twelve")
    expect(page.locator(".answered .text")).to_contain_text("three")
    page.get_by_role("button", name="Stop").click()
    turn = ended(page)
    expect(turn.locator(".facts")).to_contain_text("stopped")
    expect(turn.locator(".failure")).to_be_hidden()
    heard = turn.locator(".text").inner_text()
    assert "twelve" not in heard
    expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_be_focused()
    following = logged(server, secret, say(page, "Go on."))
    assert following["messages"][1]["content"].strip() == heard.strip()


def test_another_answer_takes_the_place_of_the_last(chat: Callable[..., Page], server: Server, secret: str) -> None:
    page = chat()
    first = logged(server, secret, say(page, "Once more"))
    page.get_by_role("button", name="again").click()
    expect(page.locator(".answered")).to_have_count(1)
    second = logged(server, secret, ended(page))
    assert second["id"] != first["id"]
    assert second["messages"] == first["messages"]
    page.get_by_role("button", name="New chat").click()
    expect(page.locator(".turn")).to_have_count(0)
    assert logged(server, secret, say(page, "Anew"))["session_id"] != first["session_id"]


def test_two_models_answer_side_by_side_each_in_a_conversation_of_its_own(
    chat: Callable[..., Page], server: Server, secret: str
) -> None:
    page = chat()
    say(page, "Said to one")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_label("Second model")).to_have_value("talks/demo-reasoning")
    expect(page.locator(".column").nth(1)).to_contain_text("You said: Said to one")
    say(page, "[slow: 20ms] Said to both")
    turns = [ended(page, column) for column in (0, 1)]
    expect(turns[1].locator(".thoughts")).to_be_visible()
    expect(turns[1].locator(".thoughts .plain")).to_be_hidden()
    turns[1].locator(".thoughts summary").click()
    expect(turns[1].locator(".thoughts .plain")).to_have_text("The last message is what counts.")
    kept = [logged(server, secret, turn) for turn in turns]
    assert [one["model"] for one in kept] == ["demo", "demo-reasoning"]
    assert kept[0]["session_id"] != kept[1]["session_id"]
    assert len(kept[0]["messages"]) == len(kept[1]["messages"]) == 3

    page.reload()
    for column in (0, 1):
        expect(ended(page, column)).to_contain_text("You said: Said to both")
    expect(page.get_by_label("Second model")).to_have_value("talks/demo-reasoning")


def test_one_of_two_fails_alone(chat: Callable[..., Page]) -> None:
    page = chat("model=talks/demo&with=talks/demo-reasoning")
    page.route("**/chat/completions", lambda route: route.continue_(
        post_data=(route.request.post_data or "").replace("Hello", "[fault: 429] Hello")
        if "reasoning" in (route.request.post_data or "") else None
    ))  # fmt: skip
    type_in(page, "Hello")
    expect(ended(page, 0).locator(".text")).to_have_text("You said: Hello")
    expect(ended(page, 1).locator(".failure")).to_contain_text("takes no more requests")


def test_on_a_narrow_screen_one_of_two_is_shown(chat: Callable[..., Page]) -> None:
    page = chat("model=talks/demo&with=talks/demo-reasoning", viewport={"width": 390, "height": 844})
    say(page, "Hello")
    first, second = page.locator(".column").all()
    expect(second).to_be_hidden()
    page.get_by_role("radio", name="demo-reasoning").check()
    expect(second).to_be_visible()
    expect(first).to_be_hidden()
    expect(second).to_contain_text("You said: Hello")


# Images


def bring(page: Page, kind: str, **file: str) -> None:
    """Paste or drop a file into the prompt."""
    page.get_by_role("textbox", name="Prompt", exact=True).evaluate(
        """(field, { kind, name, type, content }) => {
            const brought = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            brought.items.add(new File([bytes], name, { type }));
            const about = { bubbles: true, cancelable: true };
            field.dispatchEvent(kind === "paste" ? new ClipboardEvent("paste", { ...about, clipboardData: brought })
                                                 : new DragEvent("drop", { ...about, dataTransfer: brought }));
        }""",
        {"kind": kind, **file},
    )


def test_images_are_chosen_pasted_and_dropped_seen_by_the_model_and_kept(
    chat: Callable[..., Page], server: Server, secret: str, tmp_path: Path
) -> None:
    page = chat()
    for name, colour in (("red", "red"), ("unwanted", "green")):
        (tmp_path / f"{name}.png").write_bytes(picture(color=colour))
    page.locator("input[type=file]").set_input_files([tmp_path / "red.png", tmp_path / "unwanted.png"])
    bring(page, "paste", name="blue.jpg", type="image/jpeg", content=encoded(picture("JPEG", "blue")))
    bring(page, "drop", name="yellow.png", type="image/png", content=encoded(picture(color="yellow", size=(30, 40))))
    thumbs = page.locator(".thumbs img")
    expect(thumbs).to_have_count(4)
    page.get_by_role("button", name="Remove unwanted.png").click()
    expect(thumbs).to_have_count(3)
    turn = say(page, "What are these?")
    expect(thumbs).to_have_count(0)
    expect(turn.locator(".facts")).to_be_in_viewport()
    expect(turn).to_contain_text("Image 1: 120 by 80 pixels, mostly red.")
    expect(turn).to_contain_text("Image 2: 120 by 80 pixels, mostly blue.")
    expect(turn).to_contain_text("Image 3: 30 by 40 pixels, mostly yellow.")
    kept = logged(server, secret, turn)
    assert [part["type"] for part in kept["messages"][0]["content"]] == ["text", *["image_url"] * 3]

    page.reload()
    expect(page.locator(".said img")).to_have_count(3)
    assert page.locator(".said img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    expect(ended(page)).to_contain_text("mostly red")
    following = logged(server, secret, say(page, "Thanks."))
    assert following["session_id"] == kept["session_id"]
    assert len(following["messages"]) == 3


def test_what_is_no_image_or_too_large_is_told_and_not_taken(chat: Callable[..., Page]) -> None:
    page = chat()
    bring(page, "drop", name="notes.pdf", type="application/pdf", content="")
    expect(page.locator(".refused")).to_have_text("“notes.pdf” is no PNG, JPEG, WebP or GIF image.")
    page.evaluate("pictures.most = 1024 * 1024")
    large = encoded(b"x" * 1_100_000)
    bring(page, "paste", name="large.png", type="image/png", content=large)
    expect(page.locator(".refused")).to_have_text("“large.png” has 2 MB; at most 1 MB are taken.")
    expect(page.locator(".thumbs img")).to_have_count(0)
    bring(page, "paste", name="fine.png", type="image/png", content=encoded(picture()))
    expect(page.locator(".thumbs img")).to_have_count(1)
    expect(page.locator(".refused")).to_be_hidden()
    page.evaluate("dataset.requestBytes = 100")
    expect(say(page, "Hello?").locator(".failure")).to_contain_text("the conversation has 1 MB; at most 1 MB are taken")


# What goes wrong


def test_an_error_is_told_and_tried_again(chat: Callable[..., Page], server: Server, secret: str) -> None:
    page = chat()
    turn = say(page, "[fault: 429 once] Hello")
    expect(turn.locator(".failure")).to_contain_text("429 The model takes no more requests for now.")
    expect(turn.locator(".failure")).to_contain_text("The demo answers 429.")
    assert logged(server, secret, turn)["state"] == "failed"
    turn.get_by_role("button", name="Try again").click()
    expect(ended(page).locator(".text")).to_have_text("You said: Hello")
    expect(page.locator(".answered")).to_have_count(1)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("400", "The model's server answered with an error."),
        ("refuse", "The model's server gave no answer."),
        ("error", "The answer broke off."),
        ("drop", "The answer broke off."),
    ],
)
def test_what_the_models_server_does_wrong_is_told(
    chat: Callable[..., Page], expected: list[str], fault: str, told: str
) -> None:
    expected.append("the server responded with a status of 5")
    turn = say(chat(), f"[fault: {fault}] one two three four five six")
    expect(turn.locator(".failure h4")).to_contain_text(told)
    assert turn.locator(".failure p").inner_text()
    if told == "The answer broke off.":
        expect(turn.locator(".text")).to_contain_text("You said: one")


def test_a_lost_connection_is_told(chat: Callable[..., Page], expected: list[str]) -> None:
    expected.append("net::ERR_")
    page = chat()
    page.context.set_offline(True)
    turn = say(page, "Hello")
    expect(turn.locator(".failure")).to_contain_text("This server cannot be reached.")
    page.context.set_offline(False)
    turn.get_by_role("button", name="Try again").click()
    expect(ended(page).locator(".text")).to_have_text("You said: Hello")


def test_who_was_signed_out_is_told(
    open_context: Callable[..., BrowserContext], session: StorageState, secret: str
) -> None:
    context = open_context(storage_state=session)
    page = context.new_page()
    page.goto(CHAT)
    context.clear_cookies(name="sessionid")
    turn = say(page, "Hello")
    expect(turn.locator(".failure")).to_contain_text("You are signed out.")
    page.wait_for_load_state("networkidle")
    expect(turn.locator(".facts")).to_have_text("project default · demo")
    expect(turn.locator(".text")).to_have_text("")


# What a model wrote


def test_hostile_text_does_nothing_while_it_comes_and_afterwards(chat: Callable[..., Page]) -> None:
    page = chat()
    type_in(page, f"[slow: 50ms] {HOSTILE} and some more words after it")
    expect(page.locator(".answered .text")).to_contain_text("onerror=alert(1)>")
    expect(page.locator(".answered img")).to_have_count(0)
    turn = ended(page)
    expect(turn.locator("strong")).to_have_text("bold")
    expect(turn.locator("img, a[href^=javascript]")).to_have_count(0)
    expect(turn.locator(".text")).to_contain_text("<img src=x onerror=alert(1)>")


def test_calls_of_tools_are_shown_as_json(chat: Callable[..., Page]) -> None:
    turn = say(chat("model=talks/demo-tools"), "Is it raining?")
    expect(turn.locator(".part-title")).to_have_text("call weather")
    expect(turn.locator(".code")).to_have_text('{\n  "city": "text"\n}')


def test_a_long_answer_is_followed_until_its_reader_scrolls_up(chat: Callable[..., Page]) -> None:
    page = chat()
    log = page.locator(".log").first
    rest = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    # To type as much takes Chromium 20 s.
    prompt = page.get_by_role("textbox", name="Prompt", exact=True)
    prompt.evaluate("(field, text) => { field.value = text; }", "A line of some words.\n" * 4_700)
    prompt.press("Enter")
    expect(page.locator(".answered .text > .plain > div").nth(3)).to_be_attached(timeout=30_000)
    assert log.evaluate(rest) < 60
    log.evaluate("log => { log.scrollTop = 1000; }")
    turn = ended(page)
    expect(turn.get_by_text("Show all of 103,4")).to_be_attached()
    assert log.evaluate("log => log.scrollTop") == pytest.approx(1000, abs=2)


# The page


def test_without_javascript_a_prompt_leads_to_its_interaction(
    chat: Callable[..., Page], secret: str, tmp_path: Path
) -> None:
    page = chat(java_script_enabled=False)
    expect(page.get_by_text("Without JavaScript one prompt goes")).to_be_visible()
    (tmp_path / "teal.png").write_bytes(picture())
    page.locator("input[type=file]").set_input_files(tmp_path / "teal.png")
    page.get_by_role("textbox", name="Prompt", exact=True).fill("What is this?")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"/projects/talks/interactions/[0-9a-f-]{36}$"))
    expect(page.locator("figure img")).to_have_count(1)
    for _ in range(50):
        if "mostly teal" in page.locator(".answer").inner_text():
            break
        page.reload()
    expect(page.locator(".answer")).to_contain_text("Image 1: 120 by 80 pixels, mostly teal. You said: What is this?")


def test_the_address_brings_back_what_is_shown(chat: Callable[..., Page]) -> None:
    page = chat()
    page.get_by_label("Model", exact=True).select_option("talks/demo-reasoning")
    page.reload()
    expect(page.get_by_label("Model", exact=True)).to_have_value("talks/demo-reasoning")
    turn = say(page, "Hello")
    query = parse_qs(urlsplit(page.url).query)
    assert (turn.get_by_role("link", name="Open").get_attribute("href") or "").endswith(query["continue"][0])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_the_page_is_accessible_and_fits(
    chat: Callable[..., Page], server: Server, scheme: str, width: int, expected: list[str]
) -> None:
    def check() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= 900

    page = chat(color_scheme=scheme, viewport={"width": width, "height": 900})
    check()
    page.get_by_text("System prompt", exact=True).click()
    page.get_by_text("Settings", exact=True).last.click()
    bring(page, "paste", name="w" * 100, type="image/png", content=encoded(picture()))
    check()
    say(page, f"{'w' * 400} and\n\n```\n{'wide ' * 100}\n```\n\n| {' | '.join('abcdefghijklmnop')} |\n|{'-|' * 16}")
    check()
    page.get_by_role("button", name="Compare").click()
    say(page, "[fault: 429] Hello")
    check()
    page.goto("/projects/demo/chat")
    expect(page.get_by_text("No model is served in demo yet")).to_be_visible()
    check()
