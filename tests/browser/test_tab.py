"""A person at work in the dashboard."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, StorageState, expect

from tests.browser.conftest import Look
from tests.conftest import Server

pytestmark = pytest.mark.browser

THUMBNAIL = "tbody tr .thumbs img"


def _query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def _count(page: Page) -> int:
    """The number of matches, once it has arrived."""
    number = page.locator("#count > span").first
    expect(number).to_contain_text(re.compile(r"\d"))
    return int(re.sub(r"\D", "", number.inner_text()))


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


# The numbers: total, facets, time strip

LIST = "/projects/demo/interactions"
SUMMARY = re.compile(r"/interactions/summary\?")


class Held:
    """Summaries that wait until they are let go, or until the page gives them up."""

    def __init__(self, page: Page) -> None:
        self.waiting: list[Route] = []
        self.given_up: list[str] = []
        page.on("requestfailed", self._note)
        page.route(SUMMARY, lambda route: self.waiting.append(route))

    def _note(self, request: Request) -> None:
        if SUMMARY.search(request.url) and "ERR_ABORTED" in (request.failure or ""):
            self.given_up.append(urlsplit(request.url).query)

    def let_go(self) -> None:
        self.waiting.pop().continue_()


def _blank(signed_in: Look) -> Page:
    """A page that is not the list, so that what the list asks for can be listened to from the start."""
    return signed_in("/projects")


def _open_list(page: Page, query: str = "") -> Page:
    page.goto(f"{LIST}?{query}")
    expect(page.locator("tbody tr").first).to_be_visible()
    return page


def _option(page: Page, facet: str, value: str) -> tuple[str, bool]:
    """The number beside an option, and whether it looks like one that may be out of date."""
    beside = page.get_by_role("group", name=facet, exact=True).get_by_role("listitem").filter(has_text=value)
    number = beside.locator(".n")
    return number.inner_text(), float(number.evaluate("n => getComputedStyle(n).opacity")) < 1


def _number_of(page: Page, facet: str, value: str) -> int:
    beside = page.get_by_role("group", name=facet, exact=True).get_by_role("listitem").filter(has_text=value)
    expect(beside.locator(".n")).to_have_text(re.compile(r"\d"))
    return int(beside.locator(".n").inner_text().replace(",", ""))


def _settled(page: Page) -> None:
    """All numbers are there, and are those of the filter."""
    page.wait_for_load_state("networkidle")
    expect(page.locator(".old")).to_have_count(0)


def test_the_number_beside_an_option_is_how_many_it_leads_to(signed_in: Look) -> None:
    page = signed_in(f"{LIST}?image=no")
    told = _number_of(page, "env", "staging")
    assert _number_of(page, "lang", "de") > 0
    page.locator("#rail").get_by_label("staging", exact=True).check()
    expect(page.locator(".bar")).to_contain_text("env is staging")
    _settled(page)
    assert _count(page) == told
    # Its siblings stay, with what choosing them too would add.
    assert _number_of(page, "env", "prod") > 0
    page.locator("#rail").get_by_label("prod", exact=True).check()
    expect(page.locator(".bar")).to_contain_text("env is prod")
    _settled(page)
    assert _count(page) == told + _number_of(page, "env", "prod")


def test_rows_do_not_wait_for_the_numbers_and_nothing_moves_when_these_come(signed_in: Look) -> None:
    page = _blank(signed_in)
    page.add_init_script(
        "window.moved = []; new PerformanceObserver((list) => window.moved.push(...list.getEntries()"
        ".map((shift) => shift.sources.map((source) => source.node?.outerHTML?.slice(0, 200)).join())))"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    held = Held(page)
    _open_list(page)
    assert page.locator("#filters .n").all_inner_texts() == [""] * page.locator("#filters .n").count()
    places = page.locator("#rail li, #rail legend, tbody tr").evaluate_all(
        "all => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    )
    held.let_go()
    _settled(page)
    assert _number_of(page, "env", "prod") > 0
    assert page.locator(".bars a").count() > 10
    page.wait_for_timeout(300)
    assert page.evaluate("window.moved") == []
    assert places == page.locator("#rail li:not(.ranges li), #rail legend, tbody tr").evaluate_all(
        "all => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    )


def test_a_filter_that_changes_gives_up_the_numbers_that_were_asked_for(signed_in: Look) -> None:
    page = _blank(signed_in)
    held = Held(page)
    _open_list(page)
    page.wait_for_timeout(100)
    assert len(held.waiting) == 1
    rail = page.locator("#rail")
    rail.get_by_label("prod", exact=True).check()
    expect(page.locator(".bar")).to_contain_text("env is prod")
    rail.get_by_label("de", exact=True).check()
    expect(page.locator(".bar")).to_contain_text("lang is de")
    page.wait_for_timeout(100)
    assert held.given_up == ["", "label=env%3Aprod"]
    held.let_go()
    _settled(page)
    assert _number_of(page, "lang", "de") == _count(page)
    assert held.given_up == ["", "label=env%3Aprod"]


def test_numbers_of_the_filter_before_look_so_until_the_new_ones_come(signed_in: Look) -> None:
    page = signed_in()
    _settled(page)
    before = _option(page, "lang", "de")
    assert not before[1]
    held = Held(page)
    page.locator("#rail").get_by_label("staging", exact=True).check()
    expect(page.locator(".bar")).to_contain_text("env is staging")
    page.wait_for_timeout(200)
    assert _option(page, "lang", "de") == (before[0], True)
    assert float(page.locator("#strip").evaluate("strip => getComputedStyle(strip).opacity")) < 1
    assert float(page.locator("#count").evaluate("count => getComputedStyle(count).opacity")) < 1
    held.let_go()
    _settled(page)
    page.wait_for_timeout(200)
    after = _option(page, "lang", "de")
    assert after != before
    assert not after[1]


def test_numbers_that_could_not_be_had_are_not_shown(browser: Browser, server: Server, session: StorageState) -> None:
    context = browser.new_context(base_url=server.url, storage_state=session)  # one that may complain
    page = _open_list(context.new_page())
    _settled(page)
    page.route(SUMMARY, lambda route: route.fulfill(status=503))
    page.locator("#rail").get_by_label("staging", exact=True).check()
    expect(page.locator("#offline")).to_contain_text("503")
    _settled(page)
    assert "".join(page.locator("#filters .n, #count, #strip").all_inner_texts()).strip() == ""
    page.unroute(SUMMARY)
    page.locator("#rail").get_by_label("staging", exact=True).uncheck()
    expect(page.locator(".bars a").first).to_be_visible()
    assert _number_of(page, "env", "prod") > 0
    context.close()


def test_another_page_of_the_list_keeps_the_numbers_and_asks_for_none(signed_in: Look) -> None:
    page = signed_in()
    _settled(page)
    total, held = _count(page), Held(page)
    page.get_by_role("link", name="Older →").click()
    expect(page).to_have_url(re.compile("older_than="))
    expect(page.get_by_role("link", name="← Newer")).to_be_visible()
    _settled(page)
    assert (_count(page), held.waiting) == (total, [])
    assert page.locator(".bars a").count() > 10
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_bar_leads_to_its_time(signed_in: Look) -> None:
    page = signed_in(f"{LIST}?label=env:prod")
    bars = page.locator(".bars a")
    expect(bars.first).to_be_visible()
    bar = bars.nth(bars.count() // 2)
    title = bar.get_attribute("title") or ""
    bar.click()
    expect(page.locator(".bar")).to_contain_text("before 20")
    _settled(page)
    assert _query(page).keys() == {"label", "since", "until"}
    assert _count(page) == int(title.rpartition(": ")[2].replace(",", ""))


def test_dragging_over_bars_leads_to_their_time(signed_in: Look) -> None:
    page = signed_in(f"{LIST}?label=env:prod")
    bars = page.locator(".bars a")
    expect(bars.first).to_be_visible()
    number = bars.count()
    some = [bars.nth(n) for n in range(number // 3, number // 2)]
    told = sum(int((bar.get_attribute("title") or "").rpartition(": ")[2].replace(",", "")) for bar in some)
    first, last = some[0].bounding_box(), some[-1].bounding_box()
    assert first
    assert last
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + 20)
    page.mouse.down()
    page.mouse.move(first["x"] + first["width"] / 2, first["y"] + 30, steps=5)
    assert page.locator(".bars .chosen").count() >= len(some)
    page.mouse.up()
    expect(page.locator(".bar")).to_contain_text("before 20")
    _settled(page)
    assert _count(page) == told
    assert len(_query(page)["until"]) == 1


def test_escape_lets_go_of_a_drag(signed_in: Look) -> None:
    page = signed_in(f"{LIST}?label=env:prod")
    place = page.locator(".bars").bounding_box()
    assert place
    page.mouse.move(place["x"] + 50, place["y"] + 20)
    page.mouse.down()
    page.mouse.move(place["x"] + 250, place["y"] + 20, steps=5)
    page.keyboard.press("Escape")
    assert page.locator(".bars .chosen").count() == 0
    page.mouse.up()
    assert _query(page).keys() == {"label"}


def test_a_range_of_scores_is_a_filter_and_is_let_go_again(signed_in: Look) -> None:
    page = signed_in()
    span = page.get_by_role("group", name="toxicity").get_by_role("listitem").first
    told = int(span.locator(".n").inner_text())
    span.get_by_role("link").click()
    expect(page.locator(".bar")).to_contain_text("toxicity ≥")
    _settled(page)
    assert _count(page) == told
    page.get_by_role("group", name="toxicity").locator("[aria-current]").click()
    expect(page.locator(".chip")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1000, 1440])
def test_tens_of_millions_fit(signed_in: Look, width: int, scheme: str) -> None:
    page = _blank(signed_in)
    page.set_viewport_size({"width": width, "height": 900})

    def enlarge(route: Route) -> None:
        answer = route.fetch()
        larger = re.sub(r'(<data value="[^"]*">|class="n">)\d+', r"\g<1>98765432", answer.text())
        route.fulfill(response=answer, body=re.sub(r"<span>[\d,]+</span>", "<span>98,765,432</span>", larger))

    page.route(SUMMARY, enlarge)
    _open_list(page, "label=env:prod")
    _settled(page)
    expect(page.locator(".count")).to_contain_text("98,765,432")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 900:
        page.get_by_role("button", name="Filters").click()
    rail = page.locator("#rail")
    assert rail.evaluate("rail => rail.scrollWidth <= rail.clientWidth")
    option = page.locator("#rail li").filter(has_text="98,765,432")
    assert option.count() > 10
    assert option.locator(".n").evaluate_all("all => all.every((n) => n.scrollWidth <= n.clientWidth)")
    # And some of the name beside it.
    assert option.locator("label").evaluate_all("all => Math.min(...all.map((label) => label.clientWidth))") > 80
