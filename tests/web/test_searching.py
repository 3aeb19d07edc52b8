"""Searching in the tab and through the API: what is found, how it is shown, and what is said when it takes too long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils.http import urlencode

from interactions import texts
from interactions.errors import TooSlow
from interactions.models import User
from tests.conftest import Api

LIST = "/projects/support/interactions"


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def page(web: Client, status: int = 200, **query: str) -> str:
    response = web.get(f"{LIST}?{urlencode(query)}")
    assert response.status_code == status
    return response.content.decode()


def excerpts(shown: str) -> list[str]:
    """As they stand in the page's source, but for what says where."""
    return re.findall(r'<p class="excerpt"[^>]*><span class="hidden-text">in the \w+:</span> (.*?)</p>', shown)


def log(api: Api, prompt: str, completion: str) -> None:
    api.log(messages=[{"role": "user", "content": prompt}], completion=completion)


def test_the_find_box_finds_words_and_phrases_in_prompt_and_completion(api: Api, web: Client) -> None:
    log(api, "Where is my order?", "On its way")
    log(api, "Is it on its way", "Your order left")
    assert page(web, q="order way").count('<a class="open"') == 2
    assert page(web, q='"my order"').count('<a class="open"') == 1
    assert page(web, q="orde").count('<a class="open"') == 0
    assert re.search(r'<input id="find"[^>]* name="q"', page(web))


def test_a_row_shows_where_it_was_found(api: Api, web: Client) -> None:
    log(api, "word " * 500 + "where is the needle now", "no Needle here")
    shown = page(web, q="needle")
    prompt, completion = excerpts(shown)
    assert prompt.startswith("…")
    assert prompt.endswith("where is the <mark>needle</mark> now ")
    assert completion == "no <mark>Needle</mark> here"
    assert "in the prompt:" in shown
    assert excerpts(page(web, completion="dle h")) == ["no Nee<mark>dle h</mark>ere"]
    assert excerpts(page(web)) == []


def test_an_excerpt_is_text_whatever_it_holds(api: Api, web: Client) -> None:
    log(api, "", "<script>alert(1)</script> order <mark>x</mark> & <img src=x onerror=y>")
    assert excerpts(page(web, q="order script")) == [
        "&lt;<mark>script</mark>&gt;alert(1)&lt;/<mark>script</mark>&gt; <mark>order</mark> "
        "&lt;mark&gt;x&lt;/mark&gt; &amp; &lt;img src=x onerror=y&gt;"
    ]


def test_a_search_without_a_word_is_a_problem_with_a_way_out(api: Api, web: Client) -> None:
    shown = unescape(page(web, 422, q="-> ?"))
    assert "“-> ?” holds no word to search for" in shown
    refused = api.get(f"interactions?project=support&{urlencode({'q': '-> ?'})}")
    assert refused.status_code == 422
    assert refused.json()["error"]["field"] == "q"


@contextmanager
def too_slow() -> Iterator[None]:
    error = TooSlow("This filter could not be answered in 10 seconds.")
    with patch.object(texts, "among", side_effect=error), patch.object(texts, "numbers", side_effect=error):
        yield


def test_a_filter_that_takes_too_long_says_so_and_offers_narrower_ones(api: Api, web: Client) -> None:
    log(api, "order", "")
    with too_slow():
        shown = page(web, 422, q="order", source="LIVE")
    assert "could not be answered in 10 seconds" in shown
    assert '<a class="open"' not in shown
    ways = {unescape(text): unescape(link) for link, text in re.findall(r'<li><a href="([^"]*)">([^<]*)</a>', shown)}
    assert ways["Only the last 7 days"] == f"{LIST}?q=order&source=LIVE&last=7d"
    assert ways["Without the text mentions order"] == f"{LIST}?source=LIVE"
    with too_slow():
        assert "Only the" not in page(web, 422, q="order", last="24h")


def test_numbers_that_take_too_long_say_so(api: Api, web: Client) -> None:
    log(api, "order", "")
    with too_slow():
        response = web.get(f"{LIST}/summary?q=order")
    assert "take longer than 10 seconds" in response.content.decode()


def test_the_api_refuses_what_takes_too_long_with_a_code_of_its_own(api: Api) -> None:
    log(api, "order", "")
    with too_slow():
        refused = api.get("interactions?project=support&q=order")
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "too_slow"


def test_what_a_removal_takes_from_the_store_is_searched_for_in_vain(api: Api, web: Client) -> None:
    from interactions import removal
    from interactions.models import Project

    log(api, "secretive order", "")
    project = Project.objects.get(key="support")
    for _ in texts.Indexer().catch_up(project.pk, 10):
        pass
    found = texts.numbers(project.pk, _Secretive())
    assert len(found) == 1
    removal.delete(project.pk, found)
    assert not texts.numbers(project.pk, _Secretive())


class _Secretive:
    searched = texts.mentions("secretive")
