"""What came back through the gateway, on the page of its interaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from interactions import payloads
from interactions.models import Interaction, Project, User
from interactions.web import wording
from tests.web.test_detail import PAGES, allowed, shown
from tests.web.test_markdown import HOSTILE, Seen
from tests.web.through import begun, end, ended


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def chat(message: dict[str, Any], *others: dict[str, Any], **fields: Any) -> dict[str, Any]:
    choices = [
        {"index": index, "message": {"role": "assistant"} | one, "finish_reason": "stop"}
        for index, one in enumerate((message, *others))
    ]
    return {"object": "chat.completion", "choices": choices} | fields


CALL: dict[str, Any] = {
    "id": "call_9",
    "type": "function",
    "function": {"name": "refund", "arguments": '{"amount":23.80}'},
}


def test_reasoning_is_folded_before_the_answer(project: Project, web: Client) -> None:
    page = shown(web, ended(project, chat({"content": "It is **4**.", "reasoning_content": "Two <b>and</b> two."})))
    assert "<summary>Reasoning <span>19 characters</span></summary>" in page
    assert page.index("Two &lt;b&gt;and&lt;/b&gt; two.") < page.index("It is <strong>4</strong>.")
    assert "reasoning_content" not in page


def test_long_reasoning_leaves_the_answer_where_it_is(project: Project, web: Client) -> None:
    page = shown(web, ended(project, chat({"content": "At last.", "reasoning": "hm " * 100_000})))
    answer = page[page.index('id="message-completion"') :]
    assert answer.index("300,000 characters") < answer.index("At last.")
    assert "Show all of" not in answer
    assert len(page) < 120_000


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat", chat({"content": None, "tool_calls": [CALL]})),
        ("chat", chat({"content": None, "function_call": CALL["function"]})),
        ("responses", {"output": [{"type": "function_call", "call_id": "call_9"} | CALL["function"]]}),
    ],
)
def test_tool_calls_of_each_api_are_shown_as_those_of_messages_are(
    project: Project, web: Client, api: str, body: Any
) -> None:
    page = shown(web, ended(project, body, api=api))
    assert "call refund" in page
    assert "&quot;amount&quot;: 23.80" in page
    assert "no completion" not in page


def test_a_tools_arguments_are_no_references_into_the_prompt(project: Project, web: Client) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": {"$text": [0, 5], "$image": "x"}}}
    page = shown(web, ended(project, chat({"content": {"$text": [0, 1]}, "tool_calls": [call, {"$text": 7}, None]})))
    assert "&quot;$image&quot;: &quot;x&quot;" in page


def test_a_refusal_and_fields_that_only_some_servers_send_are_shown(project: Project, web: Client) -> None:
    page = shown(web, ended(project, chat({"content": None, "refusal": "I'd rather not.", "annotations": [{"x": 1}]})))
    assert "I&#x27;d rather not." in page
    assert ">Refusal<" in page
    assert "annotations" in page
    output = [
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "message", "content": [{"type": "output_text", "text": "So."}]},
    ]
    assert "ws_1" in shown(web, ended(project, {"output": output}, api="responses"))


def test_further_choices_are_shown_each_with_how_it_ended(project: Project, web: Client) -> None:
    body = chat(
        {"content": "One."}, {"content": "Two.", "reasoning": "Hm."}, *({"content": f"n{n}"} for n in range(30))
    )
    body["choices"][1]["finish_reason"] = "length"
    page = shown(web, ended(project, body))
    assert page.index('id="message-completion"') < page.index('id="message-choice-2"') < page.index(">Two.<")
    second = page[page.index('id="message-choice-2"') : page.index('id="message-choice-3"')]
    assert "<span>length</span>" in second
    assert "Hm." in second
    assert "11 more choices are in the" in page


def test_all_that_a_server_said_of_an_error_is_shown(project: Project, web: Client) -> None:
    body = {"error": {"message": "Too many <requests>", "type": "rate_limit", "code": "slow_down"}}
    page = shown(web, ended(project, body, error="http_429", told={"status": 429}))
    assert "<pre>Too many &lt;requests&gt;</pre>" in page
    assert "&quot;slow_down&quot;" in page
    assert "?error_kind=http_429" in page


def test_oddities_are_noted_quietly(project: Project, web: Client) -> None:
    page = shown(
        web, ended(project, chat({"content": "x"}), told={"oddities": ["[DONE] came <twice>", "data came after"]})
    )
    assert "2 things about this answer were not as they should be" in page
    assert "[DONE] came &lt;twice&gt;" in page


def test_the_facts_tell_what_it_took_and_cost(project: Project, web: Client) -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 7}}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150} | details
    timings = payloads.Timings(first_token_ms=500, total_ms=1_500)
    body = chat({"content": "x"}, usage=usage)
    page = shown(web, ended(project, body, cost=1_234_567, timings=timings, parameters={"temperature": 0.5}))
    for told in (
        "<dt>Cost</dt><dd>$0.00123</dd>", "<dt>First token</dt><dd>500 ms</dd>", "<dt>Took</dt><dd>1.50 s</dd>",
        "<dt>Speed</dt><dd>50.0 tokens/s</dd>", "<dt>API</dt><dd>chat</dd>", "<dt>temperature</dt><dd>0.5</dd>",
        "100 in, 50 out · 64 from cache, 7 reasoning",
    ):  # fmt: skip
        assert told in page, told


@pytest.mark.parametrize(
    ("billionths", "told"),
    [
        (None, ""), (0, "$0"), (1, "$0.000000001"), (150, "$0.00000015"), (1_234_567, "$0.00123"),
        (23_400_000, "$0.0234"), (500_000_000, "$0.50"), (994_999_999, "$0.995"), (999_999_999, "$1.00"),
        (1_000_000_000, "$1.00"), (12_345_000_000, "$12.35"), (1_234_567_000_000, "$1,234.57"),
    ],
)  # fmt: skip
def test_a_cost_is_told_with_as_many_digits_as_say_something(billionths: int | None, told: str) -> None:
    assert wording.dollars(billionths) == told


@pytest.mark.parametrize(
    ("tokens", "total", "first", "told"),
    [
        (50, 1_500, 500, "50.0 tokens/s"), (50, 1_000, None, "50.0 tokens/s"), (500, 1_000, 1_000, "500 tokens/s"),
        (18, 114, 113, "158 tokens/s"), (18, 164, 114, "360 tokens/s"),
        (None, 10, 1, ""), (5, None, None, ""), (5, 0, 0, ""), (0, 10, None, ""),
    ],
)  # fmt: skip
def test_the_speed_is_that_of_the_stream_once_it_began(tokens: Any, total: Any, first: Any, told: str) -> None:
    assert wording.speed(tokens, total, first) == told


def test_embeddings_say_how_many_vectors_there_were(project: Project, web: Client) -> None:
    id = ended(project, {"object": "list"}, api="embeddings", told={"vectors": 2, "dimensions": 1536})
    page = shown(web, id)
    assert "<dt>Vectors</dt><dd>2 vectors × 1,536 dimensions</dd>" in page
    assert "which are not kept" in page
    assert "no completion" not in page


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_server_sends_becomes_markup(project: Project, web: Client, text: str) -> None:
    text = text.replace("\x00", "")
    message: dict[str, Any] = {
        "content": text, "reasoning": text, "refusal": text, text or "x": text, "audio": {text: text},
        "tool_calls": [{"id": text, "function": {"name": text, "arguments": text}}],
    }  # fmt: skip
    body = chat(message, message)
    body["choices"][1]["finish_reason"] = text[:90]
    id = ended(project, body, error="http_500", told={"oddities": [text]}, state="failed")
    page = shown(web, id)
    assert [(tag, a) for tag, a in Seen(page).elements if not allowed(tag, a)] == []
    assert not [
        a for tag, a in Seen(page).elements if tag == "script" and not (a.get("src") or "").startswith("/static/")
    ]


def test_nothing_a_body_can_be_breaks_the_page(project: Project, web: Client) -> None:
    odd: list[Any] = [
        None, [], "x", 7, {"choices": {}}, {"choices": [None, 1, {"message": []}]},
        {"choices": [{"index": [], "message": {"content": 1}}]},
        {"choices": [{"index": {}, "message": {"content": "x"}}]}, {"usage": {"prompt_tokens": "many"}}, {"error": [1]},
    ]  # fmt: skip
    for body in odd:
        shown(web, ended(project, body))
        shown(web, ended(project, {"output": body}, api="responses"))


# What is still to come, or was never kept


def test_a_call_that_goes_on_says_so_and_what_ends_it_is_told(project: Project, web: Client) -> None:
    id = begun(project)
    page = shown(web, id)
    number = Interaction.objects.get(pk=id).number
    assert "The answer is still coming" in page
    assert f'data-live="n{number}"' in page
    assert "no completion" not in page
    same = web.get(f"{PAGES}/{id}", headers={"If-None-Match": f'"n{number}"'})
    assert (same.status_code, same.content) == (304, b"")
    end(project, id, completion="There it is.")
    other = web.get(f"{PAGES}/{id}", headers={"If-None-Match": f'"n{number}"'})
    assert other.status_code == 200
    page = other.content.decode()
    assert "There it is." in page
    assert "data-live" not in page
    assert "live.js" not in page


def test_asking_again_is_cheap(project: Project, web: Client) -> None:
    id = begun(project)
    number = Interaction.objects.get(pk=id).number
    shown(web, id)
    with CaptureQueriesContext(connection) as captured:
        web.get(f"{PAGES}/{id}", headers={"If-None-Match": f'"n{number}"'})
    assert len(captured) <= 5


def test_what_its_caller_did_not_want_kept_is_not_said_to_be_removed(project: Project, web: Client) -> None:
    id = begun(project, is_kept=False)
    for _ in range(2):
        page = shown(web, id)
        assert "asked to keep nothing" in page
        assert "were removed" not in page
        listed = web.get(PAGES).content.decode()
        assert "not kept" in listed
        assert "texts removed" not in listed
        end(project, id)
