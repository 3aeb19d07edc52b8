"""Somebody who runs the server: keys that are seen once, people who are let in, teams and what they reach."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Look
from tests.conftest import Server

pytestmark = pytest.mark.browser


@pytest.fixture
def name() -> str:
    """Of the test's own, and sorted first."""
    return f"a{secrets.token_hex(4)}"


def answers(server: Server, secret: str) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{server.url}/api/v1/interactions?project=demo&limit=1", headers=headers).status_code


def make_key(page: Page, name: str) -> str:
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".secret")).to_be_focused()
    page.wait_for_load_state()  # what the buttons do comes with a script that is loaded last
    return page.locator("#secret").inner_text()


@pytest.mark.parametrize("scripted", [True, False])
def test_a_key_is_seen_once_and_works_until_it_is_revoked(
    signed_in: Look, server: Server, name: str, scripted: bool
) -> None:
    page = signed_in("/keys", java_script_enabled=scripted)
    page.get_by_label("only these").check()
    page.get_by_label("demo", exact=True).check()
    page.get_by_label("Name").fill(name)
    make = page.get_by_role("button", name="Make the key")
    (make.dblclick if scripted else make.click)()
    secret = page.locator("#secret").inner_text()
    expect(page.locator("#curl")).to_contain_text(secret)
    assert answers(server, secret) == 200

    page.reload()
    expect(page.locator("#secret")).to_have_count(0)
    expect(page.locator(".messages")).to_contain_text("made already")
    assert page.url == f"{server.url}/keys"
    row = page.locator("table.keys tr").filter(has_text=name)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("demo")

    row.get_by_role("link", name=f"Revoke {name}…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_role("button", name="Revoke this key").click()
    expect(page.locator(".messages")).to_contain_text(f"Revoked the key “{name}”")
    expect(page.locator("table.keys tr").filter(has_text=name)).to_have_count(0)
    assert answers(server, secret) == 401


def test_a_secret_is_copied_with_its_button(
    open_context: Callable[..., BrowserContext], session: object, name: str
) -> None:
    page = open_context(storage_state=session, permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.goto("/keys")
    secret = make_key(page, name)
    for button, copied in (("Copy the secret", secret), ("Copy the command", page.locator("#curl").inner_text())):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("button", name=button)).to_have_text("copied")
        assert page.evaluate("navigator.clipboard.readText()") == copied


def test_a_person_is_let_in_sees_what_their_team_may_and_is_deleted(
    signed_in: Look, open_context: Callable[..., BrowserContext], name: str
) -> None:
    page = signed_in("/projects/demo/interactions")
    page.locator(".menu.face summary").click()
    page.locator(".menu.face").get_by_role("link", name="People").click()
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Name").fill(f"Bea {name}")
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Team").select_option("demo")
    page.get_by_label("Role there").select_option("annotator")
    page.get_by_role("button", name="Add the person").click()
    password = page.locator("#secret").inner_text()

    theirs = open_context().new_page()
    theirs.goto("/login/")
    theirs.get_by_label("Email").fill(f"{name}@example.org")
    theirs.get_by_label("Password").fill(password)
    theirs.get_by_role("button", name="Log in").click()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Choose a password")
    theirs.get_by_label("New password").fill("battery staple")
    theirs.get_by_label("The same again").fill("battery staple")
    theirs.get_by_role("button", name="Save").click()
    theirs.wait_for_url("**/projects/demo/interactions")
    expect(theirs.locator(".menu.face")).not_to_contain_text("People")

    page.goto("/people")
    page.get_by_label("A part of a name").press_sequentially(name)
    expect(page).to_have_url(re.compile(f"q={name}"))
    expect(page.locator("#found tbody tr")).to_have_count(1)
    expect(page.get_by_label("A part of a name")).to_be_focused()
    page.get_by_role("link", name=f"Bea {name}").click()
    page.get_by_role("link", name="Delete this account…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator(".messages")).to_have_text(f"Deleted {name}@example.org.")
    theirs.reload()
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Log in")


def test_a_team_is_made_given_a_project_and_kept_while_it_alone_has_it(signed_in: Look, name: str) -> None:
    page = signed_in("/teams", java_script_enabled=False)
    page.get_by_label("Name", exact=True).fill(f"Team {name}")
    page.get_by_label("Key").fill(name)
    page.get_by_role("button", name="Make the team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Team {name}")

    page.goto("/projects/demo/settings")
    page.get_by_role("link", name="Shared with").click()
    another = page.get_by_role("form", name="Share with another team")
    another.get_by_label("Team").select_option(name)
    another.get_by_label("Role").select_option("annotator")
    another.get_by_role("button", name="Share").click()
    shared = page.get_by_role("form", name=f"Shared with {name}")
    expect(shared.get_by_label("Role")).to_have_value("annotator")
    shared.get_by_label("owner").check()
    shared.get_by_role("button", name="Save").click()
    expect(shared.get_by_label("owner")).to_be_checked()

    owner = page.get_by_role("form", name="Shared with demo")
    owner.get_by_label("owner").uncheck()
    owner.get_by_role("button", name="Save").click()
    shared.get_by_label("owner").uncheck()
    shared.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("needs a team that owns it")
    owner.get_by_label("owner").check()
    owner.get_by_role("button", name="Save").click()
    shared.get_by_role("button", name="No longer share").click()
    expect(shared).to_have_count(0)

    page.goto(f"/teams/{name}")
    page.get_by_role("link", name="Delete this team…").click()
    page.get_by_role("button", name="Delete this team").click()
    expect(page.locator(".messages")).to_have_text(f"Deleted the team {name}.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_are_accessible_and_fit(signed_in: Look, name: str, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = signed_in("/keys", **options)

    def check() -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    make_key(page, name)
    check()
    page.get_by_role("link", name=f"Revoke {name}…").click()
    revoke = page.get_by_role("button", name="Revoke this key")
    expect(revoke).to_be_visible()
    check()
    revoke.click()
    page.get_by_text("Keys that ended").click()
    check()

    page.goto("/people/new?kind=program")
    page.get_by_label("Name", exact=True).fill(f"{name} " + "w" * 150)
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Team").select_option("demo")
    page.get_by_role("button", name="Add the service account").click()
    expect(page.locator("#secret")).to_be_visible()
    page.get_by_text("Make a key").click()
    check()
    for path in ("/teams", "/teams/demo", "/teams/admin", "/roles/annotator", "/password", "/people?q=nobody-at-all"):
        page.goto(path)
        check()
