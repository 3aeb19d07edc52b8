"""What the pages look like: accessible, within the window, and as the README shows them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Look
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

LIST = "/projects/demo/interactions"
PAGES = {
    "list": f"{LIST}?label=env:prod",
    "detail": f"{LIST}?image=yes&score=quality&label=env:prod",
    "login": "/login/",
    "models": "/projects/demo/models",
    "model": "/projects/demo/models/new",
    "keys": "/keys",
    "people": "/people",
    "person": "/people/new",
    "roles": "/roles",
    "sharing": "/projects/demo/settings/sharing",
}


def _open(signed_in: Look, name: str, **options: object) -> Page:
    page = signed_in(PAGES[name], **options)
    if name == "list":
        expect(page.locator(".count")).to_contain_text(re.compile(r"\d"))  # its numbers come after the rest
    if name == "detail":
        page.locator("tbody tr .open").first.click()
        page.wait_for_url("**/interactions/*")
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("Promise.allSettled(document.getAnimations().map(one => one.finished)).then(() => null)")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(signed_in: Look, name: str, scheme: str) -> None:
    page = _open(signed_in, name, color_scheme=scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [390, 768, 1280, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(signed_in: Look, name: str, width: int) -> None:
    page = _open(signed_in, name, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["list", "detail"])
def test_the_pictures_of_the_readme_can_be_taken(signed_in: Look, tmp_path: Path, name: str, scheme: str) -> None:
    """`SCREENSHOTS=1` keeps them in docs/images; else they are only looked at, so that a test changes no file."""
    folder = ROOT / "docs" / "images" if os.environ.get("SCREENSHOTS") == "1" else tmp_path
    page = _open(signed_in, name, color_scheme=scheme, viewport={"width": 1440, "height": 900})
    file = folder / f"{name}-{scheme}.png"
    page.screenshot(path=file)
    with Image.open(file) as picture:
        gray = picture.convert("L").histogram()
    assert sum(count > 0 for count in gray) > 100, "the page is empty"
    assert (sum(gray[128:]) > sum(gray[:128])) == (scheme == "light")
