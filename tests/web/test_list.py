"""The Interactions tab: what its rows show, and that its address means what it says."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image as Pillow

from interactions.models import Interaction, Model, Project, User
from interactions.web import facets, rows
from tests.conftest import Api
from tests.web import through

LIST = "/projects/support/interactions"
HTMX = {"HX-Request": "true", "HX-Target": "results"}


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def shown(client: Client, query: str = "", status: int = 200) -> str:
    response = client.get(f"{LIST}{query}")
    assert response.status_code == status
    return response.content.decode()


def links(page: str) -> list[str]:
    """Where the rows lead, in their order."""
    return [unescape(link) for link in re.findall(r'<a class="open"[^>]* href="([^"]*)"', page)]


def ids_of(page: str) -> list[str]:
    return [urlsplit(link).path.rpartition("/")[2] for link in links(page)]


def prompts(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r'<a class="open"[^>]*>([^<]*)</a>', page)]


def chips(page: str) -> dict[str, str]:
    """The active filters: what each says, and where its remove link leads."""
    found = re.findall(r'<li class="chip[^"]*"><span title="[^"]*">([^<]*)</span><a href="([^"]*)"', page)
    return {unescape(text): unescape(link) for text, link in found}


def number(page: str) -> str:
    """The count beside the title, as far as it is there."""
    return "".join(re.findall(r'<span id="count"[^>]*><span>([\d,]+)</span>', page))


def column(page: str, name: str) -> list[str]:
    return re.findall(rf'<td class="{name}">(.*?)</td>', page, re.S)


def says(text: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **fields}


def picture(colour: str = "red", size: tuple[int, int] = (48, 32)) -> dict[str, Any]:
    content = BytesIO()
    Pillow.new("RGB", size, colour).save(content, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": uri}}


# Rows


def test_a_row_shows_what_was_logged(api: Api, web: Client) -> None:
    api.log(
        **says("Is it raining?", completion="Not any more.", model="weather-1", labels={"env": "prod"}),
        feedbacks=[{"metric": "thumbs", "value": False, "details": "It is."}, {"metric": "quality", "value": 2.5}],
    )
    page = shown(web)
    assert prompts(page) == ["Is it raining?"]
    assert "Not any more." in column(page, "completion")[0]
    assert "weather-1" in column(page, "model")[0]
    assert "<span>env</span><span>prod</span>" in column(page, "labels")[0]
    feedback = column(page, "feedback")[0]
    assert 'class="thumb-icon bad" title="thumbs: no · It is."' in feedback
    assert "<b>2.5</b> <small>quality</small>" in feedback


def test_rows_come_newest_first_and_lead_to_their_pages(api: Api, web: Client) -> None:
    old = api.log(created_at="2026-01-02T03:04:05Z")["completion_id"]
    new = api.log(created_at="2026-01-02T03:04:06Z")["completion_id"]
    assert ids_of(shown(web)) == [new, old]
    assert all(web.get(link).status_code == 200 for link in links(shown(web)))


def test_a_row_shows_source_and_session_and_leads_to_the_session(api: Api, web: Client) -> None:
    session = str(uuid4())
    api.log(session_id=session)
    api.log()
    cell = column(shown(web), "model")[1]
    assert "offline" in cell
    assert session[-6:] in cell
    assert len(links(shown(web, f"?session={session}"))) == 1
    assert f"{LIST}?session={session}" in cell


def test_thumbnails_stand_on_the_row_as_data_uris(api: Api, web: Client) -> None:
    content = [{"type": "text", "text": "Same?"}, picture("red"), picture("blue")]
    api.log(messages=[{"role": "user", "content": content}])
    cell = column(shown(web), "prompt")[0]
    sources = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="([^"]+)"', cell)
    assert [alt for _, alt in sources] == ["Image 1 of 2, 48 × 32", "Image 2 of 2, 48 × 32"]
    with Pillow.open(BytesIO(base64.b64decode(sources[0][0]))) as thumbnail:
        assert thumbnail.convert("RGB").getpixel((5, 5)) == pytest.approx((255, 0, 0), abs=8)
    assert cell.index("<img") < cell.index("Same?")


def test_four_thumbnails_are_shown_and_the_others_counted(api: Api, web: Client) -> None:
    pictures = [picture(colour) for colour in ("red", "blue", "lime", "black", "white", "pink")]
    api.log(messages=[{"role": "user", "content": pictures}])
    cell = column(shown(web), "prompt")[0]
    assert cell.count("<img") == 4
    assert "<small>+2</small>" in cell


def test_a_thumbnail_leads_to_the_image(api: Api, web: Client) -> None:
    api.log(messages=[{"role": "user", "content": [picture("red")]}])
    link = re.findall(r'<a href="([^"]+)"><img', shown(web))[0]
    assert web.get(link)["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("state", "tag"),
    [("failed", 'class="tag bad" title="rate_limit"'), ("cancelled", "cancelled"), ("interrupted", "interrupted")],
)
def test_a_row_shows_what_became_of_it(api: Api, web: Client, state: str, tag: str) -> None:
    error = {"error": {"kind": "rate_limit"}} if state == "failed" else {}
    api.log(completion="", state=state, **error)
    assert tag in column(shown(web), "completion")[0]


def test_a_row_without_completion_says_so(api: Api, web: Client) -> None:
    api.log(completion="")
    assert "no completion" in column(shown(web), "completion")[0]


def test_six_labels_are_shown_and_the_others_counted(api: Api, web: Client) -> None:
    api.log(labels={f"key{n:02}": f"value{n}" for n in range(40)})
    cell = column(shown(web), "labels")[0]
    assert cell.count('<a class="label"') == 6
    assert "+34" in cell
    assert "key39: value39" in cell


def test_a_label_on_a_row_narrows_the_list_to_it(api: Api, web: Client) -> None:
    api.log(**says("one", labels={"a:b&c": "ü=1"}))
    api.log(**says("two", labels={"env": "dev"}))
    link = unescape(re.findall(r'<a class="label"[^>]* href="([^"]+)"', column(shown(web), "labels")[0])[0])
    assert prompts(web.get(link).content.decode()) == ["two"]


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}'


def test_hostile_texts_stay_texts(api: Api, web: Client) -> None:
    api.log(
        **says(HOSTILE, completion=HOSTILE, model=HOSTILE, labels={HOSTILE: HOSTILE}),
        feedbacks=[{"metric": "thumbs", "value": True, "details": HOSTILE}],
    )
    page = shown(web, "?not_label=x:%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page
    assert "onerror=alert(2)>" not in page
    assert "{{ 7" in page
    assert prompts(page) == [HOSTILE]


def test_no_page_has_inline_scripts_or_styles(api: Api, web: Client) -> None:
    api.log(**says("x" * 10_000, labels={"k": "v" * 500}))
    page = shown(web)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=61), "2 mo"),
    ],
)
def test_an_age_is_told_in_one_unit(age: timedelta, text: str) -> None:
    assert rows.ago(age) == text


def test_the_time_is_exact_on_hover(api: Api, web: Client) -> None:
    api.log(created_at="2026-01-02T03:04:05.678Z")
    assert 'datetime="2026-01-02T03:04:05.678+00:00" title="2026-01-02T03:04:05.678+00:00"' in shown(web)


# Filters

WANTED: list[tuple[str, dict[str, Any]]] = [
    ("label=env:prod", {"labels": {"env": "prod"}}),
    ("label=env:prod&label=env:test", {"labels": {"env": "test"}}),
    ("label=env", {"labels": {"env": "anything"}}),
    ("model=m-1", {"model": "m-1"}),
    ("source=DATASET", {"source": "DATASET"}),
    ("state=failed", {"state": "failed", "error": {"kind": "timeout"}}),
    ("score=thumbs:up", {"feedbacks": [{"metric": "thumbs", "value": True}]}),
    ("score=thumbs:down", {"feedbacks": [{"metric": "thumbs", "value": False}]}),
    ("score=quality:gte:4", {"feedbacks": [{"metric": "quality", "value": 5}]}),
    ("feedback=yes", {"feedbacks": [{"metric": "quality", "value": 1}]}),
    ("session=6f9619ff-8b86-4d11-b42d-00c04fc964ff", {"session_id": "6f9619ff-8b86-4d11-b42d-00c04fc964ff"}),
    ("user=6f9619ff-8b86-4d11-b42d-00c04fc964ff", {"user": "6f9619ff-8b86-4d11-b42d-00c04fc964ff"}),
    ("image=yes", {"messages": [{"role": "user", "content": [{"type": "text", "text": "wanted"}, picture()]}]}),
    ("prompt=want", {}),
    ("completion=found%20it", {"completion": "I found it."}),
    ("until=2026-01-02", {"created_at": "2026-01-01T23:59:59Z"}),
    ("since=2026-01-02T00:00&until=2026-01-03T00:00", {"created_at": "2026-01-02T12:00:00Z"}),
]


@pytest.mark.parametrize(("query", "fields"), WANTED, ids=[query for query, _ in WANTED])
def test_a_filter_shows_what_matches_and_nothing_else(
    api: Api, web: Client, query: str, fields: dict[str, Any]
) -> None:
    api.log(**says("other"))
    api.log(**{**says("wanted"), **fields})
    page = shown(web, f"?{query}")
    assert prompts(page) == ["wanted"]
    assert len(chips(page)) == len(parse_qsl(query))
    assert number(page) == "1"


def test_an_excluded_label_is_absent_and_its_chip_is_red(api: Api, web: Client) -> None:
    api.log(**says("unwanted", labels={"env": "prod"}))
    api.log(**says("wanted", labels={"env": "dev"}))
    page = shown(web, "?not_label=env:prod")
    assert prompts(page) == ["wanted"]
    assert '<li class="chip bad">' in page


def test_the_last_day_is_a_filter(api: Api, web: Client) -> None:
    api.log(**says("old", created_at=(datetime.now(UTC) - timedelta(hours=25)).isoformat()))
    api.log(**says("new"))
    assert prompts(shown(web, "?last=24h")) == ["new"]


def test_each_chip_leads_to_the_list_without_it(api: Api, web: Client) -> None:
    query = "?label=env:prod&label=env:dev&last=7d&prompt=a%26b"
    found = chips(shown(web, query))
    assert len(found) == 4
    for text, link in found.items():
        without = chips(web.get(link).content.decode())
        assert set(without) == set(found) - {text}


def test_the_last_chip_leads_to_the_whole_list(api: Api, web: Client) -> None:
    assert list(chips(shown(web, "?image=no")).values()) == [LIST]


def test_an_untouched_form_is_no_filter(api: Api, web: Client) -> None:
    api.log()
    page = shown(web, "?last=&since=&until=&label=&score=&feedback=&image=&completion=&session=&user=&prompt=")
    assert chips(page) == {}
    assert len(links(page)) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("foo=bar", "There is no filter “foo”."),
        ("last=soon", "“soon” is not a span of time"),
        ("since=yesterday", "“yesterday” is not a time"),
        ("score=thumbs:maybe", "“maybe” is not a number"),
        ("session=1", "“1” is not an id"),
        ("source=MARS", "“MARS” is not one of"),
        ("image=perhaps", "“perhaps” is not one of"),
        ("last=1h&last=7d", "Give this parameter once"),
        ("older_than=x", "not an interaction"),
        ("limit=0", "whole number"),
        ("foo=%3Cscript%3Ealert(1)%3C/script%3E", "There is no filter"),
    ],
)
def test_what_is_not_understood_is_shown_with_a_link_without_it(
    api: Api, web: Client, query: str, message: str
) -> None:
    api.log(labels={"env": "prod"})
    page = shown(web, f"?label=env:prod&{query}", status=422)
    assert message in unescape(page)
    assert links(page) == []
    assert "<script>alert" not in page
    link = unescape(re.findall(r'<a href="([^"]+)">Remove it</a>', page)[0])
    assert web.get(link).status_code == 200
    assert "label=env%3Aprod" in link


# The form


def test_the_form_keeps_every_active_filter(api: Api, web: Client) -> None:
    api.log(labels={"env": "prod"}, model="m", feedbacks=[{"metric": "quality", "value": 4}])
    query = (
        "label=env:prod&label=ghost:1&not_label=env:dev&score=quality:eq:4&score=thumbs:up&model=m&model=gone"
        "&prompt=a&prompt=b&completion=c&source=LIVE&state=done&last=3h&image=no&feedback=yes&user=x@example.org"
    )
    page = shown(web, f"?{query}")
    form = page[page.index('<form id="filters"') : page.index("</form>", page.index('<form id="filters"'))]
    sent = re.findall(r'<input type="(?:hidden|text)" name="(\w+)" value="([^"]+)"', form)
    sent += re.findall(r'<input type="(?:checkbox|radio)" name="(\w+)" value="([^"]+)" checked', form)
    sent += re.findall(r'<input class="field" type="text" name="(\w+)"[^>]* value="([^"]+)"', form)
    # The box for quality 4 says it in the shorter way.
    expected = {*parse_qsl(query), ("score", "quality:4")} - {("score", "quality:eq:4")}
    assert sorted(set(sent)) == sorted(expected)
    assert len(sent) == len(set(sent))


def test_many_values_are_typed_instead_of_ticked(api: Api, web: Client) -> None:
    project = Project.objects.get(key="support")
    Model.objects.bulk_create(Model(project=project, key=f"model-{n:03}", name="") for n in range(60))
    api.log(model="model-059")
    page = shown(web, "?model=model-059")
    assert page.count('type="checkbox" name="model"') == facets.VALUES_SHOWN
    assert page.count('<option value="model-') == 60
    assert 'name="model" value="model-059" checked' in page


def test_a_label_value_can_be_excluded_without_javascript(api: Api, web: Client) -> None:
    api.log(labels={"env": "prod"})
    assert 'name="not_label" value="env:prod"' in shown(web)


# Pages


def test_paging_both_ways_reaches_every_row_once(api: Api, web: Client) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(12):
        # Equal moments too: the id breaks the tie.
        api.log(created_at=(start + timedelta(seconds=n // 3)).isoformat(), labels={"odd": str(n % 2)})
    everything = ids_of(shown(web, "?limit=1000"))
    assert len(everything) == 12

    page, pages = shown(web, "?limit=5"), []
    while True:
        pages.append(ids_of(page))
        following = re.findall(r'rel="next" href="([^"]+)"', page)
        if not following:
            break
        page = web.get(unescape(following[0])).content.decode()
    assert [id for ids in pages for id in ids] == everything

    back = [pages[-1]]
    while previous := re.findall(r'rel="prev" href="([^"]+)"', page):
        page = web.get(unescape(previous[0])).content.decode()
        back.append(ids_of(page))
    assert [id for ids in reversed(back) for id in ids] == everything


def test_pages_and_files_keep_the_filter(api: Api, web: Client) -> None:
    for _ in range(3):
        api.log(labels={"env": "prod"})
    page = unescape(shown(web, "?label=env:prod&limit=2"))
    assert "?label=env%3Aprod&limit=2&older_than=" in page
    assert '"/projects/support/interactions.json?label=env%3Aprod"' in page
    for ending in ("jsonl", "csv"):
        assert f'"{LIST}.{ending}?label=env%3Aprod"' in page


def test_a_row_leads_to_its_page_with_the_list_it_was_in(api: Api, web: Client) -> None:
    api.log(labels={"env": "prod"})
    assert links(shown(web, "?label=env:prod&count=1"))[0].endswith("?label=env%3Aprod")


def test_beyond_the_end_there_is_a_way_back(api: Api, web: Client) -> None:
    first = api.log(labels={"env": "prod"})["completion_id"]
    page = shown(web, f"?label=env:prod&older_than={first}")
    assert "nothing further" in page
    assert f'href="{LIST}?label=env%3Aprod"' in page


# The count


def test_the_count_is_there_at_once_where_the_first_page_holds_all(api: Api, web: Client) -> None:
    for n in range(3):
        api.log(labels={"env": "prod" if n else "dev"})
    assert number(shown(web, "?label=env:prod&limit=2")) == "2"
    assert number(shown(web, "?label=env:test")) == "0"


def test_the_count_of_more_than_a_page_comes_after_the_rows(api: Api, web: Client) -> None:
    for n in range(4):
        api.log(labels={"env": "prod" if n else "dev"})
    page = shown(web, "?label=env:prod&limit=2")
    assert number(page) == ""
    url = unescape(re.findall(r'<i id="ask"[^>]* hx-get="([^"]+)"', page)[0])
    assert number(web.get(url).content.decode()) == "3"
    older = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    assert number(web.get(older).content.decode()) == ""


def test_the_count_is_there_without_javascript_when_asked_for(api: Api, web: Client) -> None:
    for _ in range(2):
        api.log()
    link = re.findall(r'<a class="unscripted" href="([^"]+)">count</a>', shown(web, "?limit=1"))[0]
    assert number(web.get(f"{unescape(link)}&limit=1").content.decode()) == "2"


# Nothing to show


def test_an_empty_project_shows_how_to_log_the_first(web: Client, project: Project) -> None:
    page = shown(web)
    assert "No interactions yet" in page
    assert "client.interactions.create(" in page
    assert 'project="support"' in unescape(page)


def test_when_nothing_matches_each_filter_can_be_removed(api: Api, web: Client) -> None:
    api.log()
    page = shown(web, "?label=env:prod&image=yes")
    assert "No interaction matches these 2 filters together" in page
    assert re.findall(r'href="([^"]+)">without', page) == [f"{LIST}?image=yes", f"{LIST}?label=env%3Aprod"]


# htmx


def test_a_ticked_filter_gets_the_results_alone(api: Api, web: Client) -> None:
    api.log(labels={"env": "prod"})
    response = web.get(f"{LIST}?label=env:prod", headers=HTMX)
    page = response.content.decode()
    assert "<html" not in page
    assert '<form id="filters"' not in page
    assert len(links(page)) == 1
    assert page.count('hx-swap-oob="true"') == 3  # chips, count, and what asks for the numbers
    assert list(chips(page)) == ["env is prod"]
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize(
    "headers",
    [
        {"HX-Request": "true", "HX-Boosted": "true", "HX-Target": "page"},
        {"HX-Request": "true", "HX-History-Restore-Request": "true"},
        {},
    ],
)
def test_everything_else_gets_the_whole_page(web: Client, project: Project, headers: dict[str, str]) -> None:
    assert b"<html" in web.get(LIST, headers=headers).content


def test_a_refused_filter_reaches_htmx_with_its_status(web: Client, project: Project) -> None:
    response = web.get(f"{LIST}?foo=1", headers=HTMX)
    assert response.status_code == 422
    assert "There is no filter" in response.content.decode()


def test_an_ended_session_sends_the_browser_to_the_login_and_back(project: Project) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{LIST}?image=yes"}
    response = Client().get(f"{LIST}?image=no", headers=headers, follow=True)
    assert response["HX-Redirect"] == f"/login/?next={LIST.replace('/', '%2F')}%3Fimage%3Dyes"


# Who may look


def test_a_stranger_is_sent_to_the_login(project: Project) -> None:
    response = Client().get(f"{LIST}?image=yes")
    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={LIST}%3Fimage%3Dyes"


def test_a_foreign_project_looks_like_none(web: Client, foreign: Project) -> None:
    for path in (
        "/projects/secret/interactions",
        "/projects/secret/interactions/summary",
        "/projects/none/interactions",
    ):
        assert web.get(path).status_code == 404


def test_rows_of_another_project_never_appear(api: Api, ann: User, foreign: Project, web: Client) -> None:
    logged = api.log(labels={"env": "prod"})
    Interaction.objects.filter(pk=logged["completion_id"]).update(project=foreign)
    assert links(shown(web)) == []
    assert links(shown(web, f"?id={logged['completion_id']}")) == []


def test_home_leads_to_the_first_project(web: Client, project: Project) -> None:
    assert web.get("/")["Location"] == LIST


def test_home_says_what_to_do_without_a_project(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("new@example.org", "pass"))
    page = client.get("/").content.decode()
    assert "manage.py create_project" in page


def test_logging_in_leads_back_and_logging_out_ends_it(ann: User, project: Project) -> None:
    client = Client()
    wrong = client.post("/login/", {"username": "ann@example.org", "password": "wrong"})
    assert 'role="alert"' in wrong.content.decode()
    right = {"username": "ann@example.org", "password": "correct horse"}
    assert client.post(f"/login/?next={LIST}", right)["Location"] == LIST
    assert client.get(LIST).status_code == 200
    assert client.get("/logout/").status_code == 405
    client.post("/logout/")
    assert client.get(LIST).status_code == 302


# Cost


def test_the_number_of_queries_does_not_grow_with_the_rows(api: Api, web: Client) -> None:
    fields = {
        "labels": {"env": "prod"},
        "model": "m",
        "feedbacks": [{"metric": "thumbs", "value": True}],
        "messages": [{"role": "user", "content": [picture()]}],
    }
    api.log(**fields)
    web.get(LIST)
    with CaptureQueriesContext(connection) as one:
        web.get(LIST)
    for _ in range(49):
        api.log(**fields)
    web.get(LIST)  # the index reads what is new
    with CaptureQueriesContext(connection) as fifty:
        assert len(links(shown(web))) == 50
    assert len(fifty) == len(one) <= 16
    with CaptureQueriesContext(connection) as none:
        web.get(f"{LIST}?state=cancelled")
    assert len(none) <= len(one)
    with CaptureQueriesContext(connection) as partial:
        web.get(LIST, headers=HTMX)
    assert len(partial) <= 14


def test_fifty_rows_with_images_stay_below_300_kb(api: Api, web: Client) -> None:
    for n in range(50):
        noise = Pillow.effect_noise((320, 240), 40 + n)
        content = BytesIO()
        noise.convert("RGB").resize((80, 60)).save(content, "PNG")
        uri = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
        content_parts = [{"type": "text", "text": "x y " * 200}, {"type": "image_url", "image_url": {"url": uri}}]
        api.log(messages=[{"role": "user", "content": content_parts}], completion="z " * 400)
    assert len(shown(web).encode()) < 300_000


# Errors


def test_kinds_of_errors_are_a_facet_where_there_are_some(api: Api, web: Client) -> None:
    assert 'data-facet="error_kind ' not in shown(web)
    api.log()
    timed_out = api.log(completion="", state="failed", error={"kind": "timeout"})["completion_id"]
    api.log(completion="", state="failed", error={"kind": "http_429"})
    page = shown(web)
    assert re.findall(r'name="error_kind" value="([^"]*)"', page) == ["http_429", "timeout"]
    assert ids_of(shown(web, "?error_kind=timeout")) == [timed_out]
    assert "error is timeout" in chips(shown(web, "?error_kind=timeout"))
    assert len(ids_of(shown(web, "?error_kind=timeout&error_kind=http_429"))) == 2
    numbers = web.get(f"{LIST}/summary?error_kind=timeout").content.decode()
    assert '<data value="http_429">1</data>' in numbers, "the other kinds are counted all the same"
    assert '<data value="failed">1</data>' in numbers


def test_an_error_that_is_no_longer_there_stays_in_the_form(api: Api, web: Client) -> None:
    assert '<input type="hidden" name="error_kind" value="gone">' in shown(web, "?error_kind=gone")


# What still goes on


def again(web: Client, known: str, query: str = "") -> Any:
    return web.get(f"{LIST}{query}", headers={**HTMX, "If-None-Match": f'"{known}"'})


def test_a_row_that_goes_on_is_marked_and_can_be_asked_about(api: Api, web: Client, project: Project) -> None:
    api.log()
    id = through.begun(project)
    page = shown(web)
    number = Interaction.objects.get(pk=id).number
    assert f'<tr id="row-{id}" data-live="{number}">' in page
    assert page.count("data-live") == 1
    assert '<span class="tag live" title="in progress">in progress</span>' in page
    assert again(web, f"n{number}").status_code == 304
    api.log()
    assert again(web, f"n{number}").status_code == 304, "new rows are no news of this one"
    through.end(project, id, completion="Here.")
    answer = again(web, f"n{number}")
    assert answer.status_code == 200
    assert f'<tr id="row-{id}">' in answer.content.decode()


def test_nothing_is_told_again_until_something_happened(api: Api, web: Client, project: Project) -> None:
    api.log()
    revision = re.findall(r'data-revision="([^"]+)"', shown(web))[0]
    assert again(web, revision).status_code == 304
    for act in (
        lambda: api.log(),
        lambda: through.begun(project),
        lambda: api.post("feedback", {"completion_id": ids_of(shown(web))[0], "metric": "thumbs", "value": True}),
    ):
        act()
        answer = again(web, revision)
        assert answer.status_code == 200
        assert ids_of(answer.content.decode()) == ids_of(shown(web))
        revision = re.findall(r'data-revision="([^"]+)"', answer.content.decode())[0]
        assert again(web, revision).status_code == 304


def test_asking_again_is_cheap(api: Api, web: Client, project: Project) -> None:
    for _ in range(30):
        number = Interaction.objects.get(pk=through.begun(project)).number
    revision = re.findall(r'data-revision="([^"]+)"', shown(web))[0]
    for known in (revision, f"n{number}", "n" + "-".join(str(number - n) for n in range(30))):
        with CaptureQueriesContext(connection) as captured:
            assert again(web, known).status_code == 304
        assert len(captured) <= 5


@pytest.mark.parametrize(
    "known", ["", "n", "r", "r-1", "nx", "n0", "n-", "n9999999999999999999999", "n1-2-", "W/x", "x\x00"]
)
def test_who_asks_about_nothing_there_is_gets_the_page(api: Api, web: Client, known: str) -> None:
    api.log()
    assert again(web, known).status_code == 200


def test_numbers_of_another_project_say_nothing(api: Api, web: Client, foreign: Project) -> None:
    theirs = Interaction.objects.get(pk=through.begun(foreign)).number
    assert again(web, f"n{theirs}").status_code == 200


def test_how_many_failed_is_told_beside_the_number(api: Api, web: Client) -> None:
    def failed(query: str) -> list[tuple[str, str]]:
        numbers = web.get(f"{LIST}/summary?{query}").content.decode()
        return [
            (unescape(link), text) for link, text in re.findall(r'<a class="bad" href="([^"]*)">([^<]*)</a>', numbers)
        ]

    api.log(labels={"env": "prod"})
    assert failed("") == []
    api.log(labels={"env": "prod"}, state="failed", error={"kind": "timeout"})
    api.log(state="failed")
    assert failed("") == [(f"{LIST}?state=failed", "2 failed")]
    assert failed("label=env:prod") == [(f"{LIST}?label=env%3Aprod&state=failed", "1 failed")]
    assert failed("state=failed") == failed("error_kind=timeout") == []
    assert len(ids_of(shown(web, "?label=env%3Aprod&state=failed"))) == 1


def test_a_row_without_a_text_says_why(api: Api, web: Client) -> None:
    api.log(completion="", finish_reason="tool_calls")
    assert '<p class="quiet">called tools</p>' in shown(web)


def test_the_pager_counts_the_rows(api: Api, web: Client) -> None:
    for _ in range(3):
        api.log()
    assert "<p>3 shown" in shown(web)
