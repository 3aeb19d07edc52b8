"""Somebody who manages a project's models and what keys may use of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Look
from tests.conftest import Server

pytestmark = pytest.mark.browser

MODELS = "/projects/shelf/models"
SECRET = "sk-zebra-0123456789"


@pytest.fixture(scope="module", autouse=True)
def _project(server: Server) -> None:
    """A project whose models nobody else adds to."""
    server.manage("create_project", "shelf")


@pytest.fixture
def name() -> str:
    """Of the test's own."""
    return f"zebra-{secrets.token_hex(4)}"


def add(page: Page, name: str, **fields: str) -> None:
    page.goto(f"{MODELS}/new")
    new = page.get_by_role("form", name="Add a new model")
    new.get_by_label("Name", exact=True).fill(name)
    new.get_by_label("What the provider calls it").fill(fields.pop("external_id", "zebra-4"))
    for label, text in fields.items():
        new.get_by_label(label, exact=True).fill(text)
    new.get_by_label("the default").uncheck()
    new.get_by_role("button", name="Add the model").click()


def delete(page: Page, name: str) -> None:
    page.goto(MODELS)
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Delete this model…").click()
    page.get_by_role("button", name="Delete this model").click()
    expect(page.locator(".messages")).to_contain_text("Deleted the model")


@pytest.mark.parametrize("scripted", [True, False])
def test_a_model_is_added_changed_chosen_taken_out_attached_and_deleted(
    signed_in: Look, name: str, scripted: bool
) -> None:
    page = signed_in("/projects/shelf/interactions", java_script_enabled=scripted)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")

    add(page, name, Address="https://models.example.org/v1", Secret=SECRET, Input="ten")
    refused = page.get_by_label("Input", exact=True)
    expect(refused).to_have_value("ten")
    expect(refused).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_have_text("This must be a number, such as 20 or 0.25.")
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    expect(page.get_by_label("Secret", exact=True)).to_have_value("")
    refused.fill("0.25")
    page.get_by_label("Secret", exact=True).fill(SECRET)
    page.get_by_role("button", name="Add the model").click()
    row = page.locator("table.models tbody tr").filter(has_text=f"shelf/{name}")
    expect(row).to_contain_text("https://models.example.org/v1 · secret set")
    expect(row).to_contain_text("0.25")
    assert SECRET not in page.content()

    row.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Make it the default").click()
    expect(page.locator(".tags")).to_have_text("default")
    page.get_by_role("button", name="Switch it offline").click()
    expect(page.locator(".tags")).to_contain_text("offline")
    page.get_by_label("Address").fill("https://other.example.org/v1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("the secret was thrown away")

    page.get_by_role("button", name="Take it out of the project").click()
    expect(row).to_have_count(0)
    page.goto(f"{MODELS}/new")
    page.get_by_role("form", name="Attach a model").get_by_label("Model").select_option(name)
    page.get_by_role("button", name="Attach", exact=True).click()
    expect(row).to_contain_text("no secret")
    delete(page, name)
    expect(row).to_have_count(0)


def test_the_example_is_copied_with_its_button(
    open_context: Callable[..., BrowserContext], session: object, name: str
) -> None:
    page = open_context(storage_state=session, permissions=["clipboard-read", "clipboard-write"]).new_page()
    add(page, name)
    page.wait_for_load_state()  # what the button does comes with a script that is loaded last
    page.get_by_role("button", name="Copy the example").click()
    expect(page.get_by_role("button", name="Copy the example")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#example").inner_text()
    assert "/api/v1" in copied
    delete(page, name)


def test_the_limits_of_a_key_are_set_and_changed(signed_in: Look, server: Server, name: str) -> None:
    page = signed_in("/keys", java_script_enabled=False)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Requests a minute").fill("60")
    page.get_by_label("Expires").select_option("in 90 days")
    page.get_by_role("button", name="Make the key").click()
    row = page.locator("table.keys tr").filter(has_text=name)
    expect(row).to_contain_text("60 requests a minute")
    row.get_by_role("link", name=f"Change the limits of {name}…").click()
    page.get_by_label("Budget in dollars").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".messages")).to_contain_text("Changed the limits of the key")
    expect(row).to_contain_text("$0.00 of $20.00 this month")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_are_accessible_and_fit(signed_in: Look, name: str, scheme: str, width: int) -> None:
    page = signed_in(MODELS, color_scheme=scheme, viewport={"width": width, "height": 900})

    def check() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    expect(page.get_by_role("heading", name="No model yet")).to_be_visible()
    check()
    long = f"{name} " + "w" * 150
    add(page, long, external_id="x" * 500, Address="https://models.example.org/" + "y" * 1900, Output="9999999.999999")
    expect(page.locator("table.models")).to_be_visible()
    check()
    page.get_by_role("link", name=name).click()
    expect(page.get_by_label("Output")).to_have_value("9999999.999999")
    page.get_by_role("button", name="Make it the default").click()
    expect(page.locator(".tags")).to_have_text("default")
    check()
    page.get_by_label("Seconds in all").fill("soon")
    page.get_by_label("Parameters").fill("{")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_count(1)
    check()
    page.get_by_role("link", name="Delete this model…").click()
    expect(page.get_by_role("button", name="Delete this model")).to_be_visible()
    check()
    delete(page, name)

    page.goto("/keys")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Requests a minute").fill("1000000")
    page.get_by_label("Budget in dollars").fill("1000000000")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#secret")).to_be_visible()
    check()
    page.get_by_role("link", name=f"Change the limits of {name}…").click()
    page.get_by_label("Budget in dollars").fill("much")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check()
