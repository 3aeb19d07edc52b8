"""A person at work in the dashboard."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Look
from tests.conftest import Server

pytestmark = pytest.mark.browser

THUMBNAIL = "tbody tr .thumbs img"


def _query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def _count(page: Page) -> int:
    """The number of matches, once it has arrived."""
    expect(page.locator(".count")).to_contain_text(re.compile(r"\d"))
    return int(re.sub(r"\D", "", page.locator(".count").inner_text()))


def test_an_auditor_filters_opens_a_row_judges_it_and_returns_to_the_same_list(signed_in: Look) -> None:
    page = signed_in()
    everything = _count(page)

    page.locator("#rail").get_by_label("prod", exact=True).check()
    expect(page).to_have_url(re.compile(r"label=env%3Aprod"))
    expect(page.locator(".bar")).to_contain_text("env is prod")
    expect(page.locator(".count")).to_contain_text("matching")
    assert 0 < _count(page) < everything

    page.get_by_role("group", name="thumbs").get_by_label("up", exact=True).check()
    expect(page).to_have_url(re.compile(r"score=thumbs"))
    filtered = page.url
    for row in page.locator("tbody tr").all():
        expect(row.locator(".labels")).to_contain_text("prod")

    page.locator("tbody tr .open").first.click()
    page.wait_for_url(re.compile(r"/interactions/[0-9a-f-]{36}"))
    page.get_by_role("button", name="quality 4", exact=True).click()
    expect(page.get_by_role("button", name="quality 4, given by you")).to_be_visible()
    page.get_by_label("Label key").fill("audited")
    page.get_by_label("Label value").fill("yes")
    page.locator("#label-set").click()
    expect(page.locator("#labels")).to_contain_text("audited")

    page.get_by_role("link", name="← Interactions").click()
    page.wait_for_url("**/interactions?**")
    assert _query(page) == parse_qs(urlsplit(filtered).query)
    page.goto("/projects/demo/interactions?label=audited:yes")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_who_is_not_signed_in_is_asked_to_and_then_gets_what_was_asked_for(
    open_context: Callable[..., BrowserContext], server: Server
) -> None:
    page = open_context().new_page()
    page.goto("/projects/demo/interactions?label=lang:de")
    page.get_by_label("Email").fill(server.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(server.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".bar")).to_contain_text("lang is de")


def test_the_list_is_filtered_by_time(signed_in: Look) -> None:
    page = signed_in()
    everything = _count(page)
    page.locator("#rail").get_by_label("7d", exact=True).check()
    expect(page).to_have_url(re.compile(r"last=7d"))
    expect(page.locator(".count")).to_contain_text("matching")
    assert 0 < _count(page) < everything


def test_the_list_is_filtered_by_feedback(signed_in: Look) -> None:
    page = signed_in("/projects/demo/interactions?score=thumbs:down")
    rows = page.locator("tbody tr")
    assert rows.count() > 0
    for row in rows.all():
        expect(row.locator(".thumb-icon.bad")).to_have_count(1)


def test_the_pictures_themselves_are_on_the_row_and_whole_on_the_page(signed_in: Look) -> None:
    page = signed_in("/projects/demo/interactions?image=yes")
    source = page.locator(THUMBNAIL).first.get_attribute("src") or ""
    assert source.startswith("data:image/webp;base64,")
    with Image.open(BytesIO(base64.b64decode(source.partition(",")[2]))) as thumbnail:
        colours = thumbnail.convert("RGB").getcolors(100_000) or []
        assert len(colours) > 20, "the thumbnail is no picture"
    painted = Image.open(BytesIO(page.locator(THUMBNAIL).first.screenshot())).convert("RGB")
    assert len(painted.getcolors(100_000) or []) > 20, "the browser did not paint the thumbnail"

    page.locator("tbody tr .open").first.click()
    picture = page.locator("figure img").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") >= 200
    assert picture.evaluate("image => image.naturalWidth") == int(picture.get_attribute("width") or 0)


def test_the_keyboard_moves_through_the_rows_and_through_the_interactions(signed_in: Look) -> None:
    page = signed_in("/projects/demo/interactions?label=env:prod")
    second = page.locator("tbody tr .open").nth(1).get_attribute("href")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/interactions/[0-9a-f-]{36}"))
    assert page.url.endswith(second or "?")
    page.keyboard.press("j")
    page.wait_for_url(lambda url: not url.endswith(second or "?"))
    assert _query(page)["label"] == ["env:prod"]
    page.keyboard.press("Escape")
    page.wait_for_url("**/interactions?**")


def test_older_and_newer_walk_the_whole_list(signed_in: Look) -> None:
    page = signed_in("/projects/demo/interactions?label=lang:de")
    expected, seen = _count(page), page.locator("tbody tr").count()
    while page.get_by_role("link", name="Older →").count():
        page.get_by_role("link", name="Older →").click()
        page.wait_for_load_state("networkidle")
        seen += page.locator("tbody tr").count()
    assert seen == expected


def test_everything_works_without_javascript(signed_in: Look) -> None:
    page = signed_in(java_script_enabled=False)
    page.locator("#rail").get_by_label("prod", exact=True).check()
    page.get_by_role("button", name="Apply").last.click()
    expect(page.locator(".bar")).to_contain_text("env is prod")
    page.get_by_role("link", name="count", exact=True).click()
    assert _count(page) > 0
    page.locator("tbody tr .open").first.click()
    page.get_by_role("button", name="thumbs yes", exact=True).click()
    expect(page.get_by_role("button", name="thumbs yes, given by you")).to_be_visible()


def test_an_unknown_filter_is_shown_and_can_be_taken_away(signed_in: Look) -> None:
    page = signed_in("/projects/demo/interactions?lable=env:prod")
    expect(page.locator("#results")).to_contain_text("There is no filter “lable”")
    assert page.locator("tbody tr").count() == 0
    page.locator("#results").get_by_role("link").first.click()
    expect(page.locator("tbody tr").first).to_be_visible()
