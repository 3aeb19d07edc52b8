"""A person deletes: rows that were ticked, one interaction, all that a filter matches."""

from __future__ import annotations

import re
import secrets

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.conftest import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def label(server: Server) -> str:
    """Eight interactions of the test's own have this label."""
    value = f"doomed-{secrets.token_hex(4)}"
    logged = [
        {"project": "demo", "messages": [{"role": "user", "content": f"number {n}"}], "completion": "x"}
        | {"labels": {"own": value}}
        for n in range(8)
    ]
    headers = {"Authorization": f"Bearer {server.secret}"}
    httpx.post(f"{server.url}/api/v1/interactions/batch", json={"interactions": logged}, headers=headers)
    return value


def rows(page: Page, count: int) -> None:
    expect(page.locator("tbody tr")).to_have_count(count)
    expect(page.locator(".count")).to_contain_text(re.compile(rf"^\s*{count}\b"))


def test_rows_are_ticked_with_mouse_and_keyboard_and_deleted(signed_in: Look, label: str) -> None:
    page = signed_in(f"/projects/demo/interactions?label=own:{label}")
    rows(page, 8)
    boxes, told = page.locator("td.select input"), page.locator("#selection [role=status]")
    expect(page.locator("#selection")).to_be_hidden()
    boxes.nth(1).click()
    expect(told).to_have_text("1 selected")
    boxes.nth(4).click(modifiers=["Shift"])
    expect(told).to_have_text("4 selected")
    page.keyboard.press("Escape")
    page.locator("tbody tr .open").nth(6).focus()
    page.keyboard.press("x")
    expect(told).to_have_text("5 selected")
    page.keyboard.press("k")
    page.keyboard.press("Shift+X")
    expect(told).to_have_text("6 selected")
    page.keyboard.press("x")
    expect(told).to_have_text("5 selected")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete 5 interactions for good?")
    page.get_by_role("button", name="Delete 5 interactions").click()
    expect(page.locator(".messages")).to_have_text("Deleted 5 interactions.")
    rows(page, 3)
    assert f"label=own%3A{label}" in page.url


def test_a_page_is_ticked_and_cleared(signed_in: Look, label: str) -> None:
    page = signed_in(f"/projects/demo/interactions?label=own:{label}")
    whole, told = page.locator("#select-page"), page.locator("#selection [role=status]")
    whole.click()
    expect(told).to_have_text("8 selected")
    page.locator("td.select input").first.click()
    expect(told).to_have_text("7 selected")
    assert whole.evaluate("box => box.indeterminate")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#selection")).to_be_hidden()
    assert "/interactions?" in page.url, "ticking opens no row"


def test_all_that_match_are_deleted_without_javascript(signed_in: Look, label: str) -> None:
    page = signed_in(f"/projects/demo/interactions?label=own:{label}", java_script_enabled=False)
    page.locator("td.select input").first.check()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Remove only texts and images").click()
    expect(page.locator("tbody tr").first).to_contain_text("texts removed")
    page.get_by_role("link", name="Delete all that match…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete 8 interactions for good?")
    page.get_by_role("button", name="Delete 8 interactions").click()
    expect(page.locator("#results")).to_contain_text("No interaction matches")


def test_an_interaction_is_deleted_from_its_page(signed_in: Look, label: str) -> None:
    page = signed_in(f"/projects/demo/interactions?label=own:{label}")
    page.locator("tbody tr .open").first.click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete 1 interaction").click()
    rows(page, 7)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_that_ask_are_accessible_and_fit(signed_in: Look, label: str, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = signed_in("/projects/demo/interactions", **options)
    page.locator("td.select input").first.click()
    for address in ("", "/projects/demo/interactions/remove", "/projects/demo/settings"):
        if address:
            page.goto(address)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Keep interactions").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"This deletes [\d,]+ interactions? for good now"))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
