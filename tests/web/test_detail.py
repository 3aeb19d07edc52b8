"""The page of one interaction, and what an auditor does there."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image as Pillow

from interactions.models import Feedback, FeedbackKey, Image, Interaction, Labelling, Project, User
from tests.conftest import Api
from tests.web.test_markdown import HOSTILE, Seen

PAGES = "/projects/support/interactions"


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def viewer(vic: User) -> Client:
    client = Client()
    client.force_login(vic)
    return client


def shown(client: Client, identifier: Any, query: str = "") -> str:
    response = client.get(f"{PAGES}/{identifier}{query}")
    assert response.status_code == 200
    return response.content.decode()


def log(api: Api, **fields: Any) -> str:
    return str(api.log(**fields)["completion_id"])


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    content = BytesIO()
    Pillow.new("RGB", (48, 32), colour).save(content, kind)
    return content.getvalue()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def uri(content: bytes) -> str:
    return f"data:image/png;base64,{encoded(content)}"


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


# What the page shows


def test_every_section_appears_with_what_was_logged(api: Api, web: Client) -> None:
    session = str(uuid4())
    first = log(api, session_id=session, messages=[{"role": "user", "content": "The turn before"}])
    identifier = log(
        api,
        session_id=session,
        model="support-v7",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is **it**?"}],
        completion="It is *here*.",
        labels={"env": "prod", "customer": "acme"},
        feedbacks=[
            {"metric": "thumbs", "value": True, "details": "Right at once."},
            {"metric": "quality", "value": 0.82, "reason": "exact", "user": str(uuid4())},
        ],
        usage={"prompt_tokens": 1214, "completion_tokens": 31, "total_tokens": 1245},
        timings={"first_token_ms": 210, "total_ms": 840},
        parameters={"temperature": 0.2, "stop": ["a", "b"]},
        finish_reason="stop",
        source="LIVE",
    )
    page = shown(web, identifier)
    for text in (
        ">system</h2>", ">user</h2>", ">assistant</h2>", "Be brief.", "<strong>it</strong>", "<em>here</em>",
        "support-v7", "31 tokens", "840 ms", "first token 210 ms", "1,214 in, 31 out",
        "Right at once.", "by <span title=\"you\">you</span>", "<b>0.82</b>", "exact",
        ">env</span>", ">prod</a>", ">customer</span>", ">acme</a>",
        "temperature", "0.2", "&quot;a&quot;", ">stop<", ">live<", ">done<", identifier,
        "turn 2 of 2", f"{PAGES}/{first}?session={session}", "The turn before",
    ):  # fmt: skip
        assert text in page, text


def test_an_authors_account_is_named_and_a_foreign_id_is_shortened(api: Api, web: Client, vic: User) -> None:
    stranger = str(uuid4())
    given = [{"metric": "thumbs", "value": 1, "user": str(vic.uid)}, {"metric": "thumbs", "value": 0, "user": stranger}]
    page = shown(web, log(api, feedbacks=given, user=str(vic.uid)))
    assert 'by <span title="vic@example.org">vic</span>' in page
    assert f"user {stranger[:8]}" in page
    assert f"?user={vic.uid}" in page


def test_rendered_and_raw_are_both_on_the_page(api: Api, web: Client) -> None:
    page = shown(web, log(api, completion="# Title\n\n**bold** & <b>"))
    assert "<h3>Title</h3>" in page
    assert "# Title\n\n**bold** &amp; &lt;b&gt;" in page
    assert 'name="view-completion" value="raw"' in page


def test_a_failure_is_shown_with_its_kind_and_message(api: Api, web: Client) -> None:
    error = {"kind": "timeout", "message": "No token within 30 s"}
    page = shown(web, log(api, completion="", state="failed", error=error))
    assert "timeout" in page
    assert "No token within 30 s" in page
    assert "no completion" in page


def test_tool_calls_and_their_results_are_shown_as_json(api: Api, web: Client) -> None:
    call = {"id": "call_7", "type": "function", "function": {"name": "refund", "arguments": '{"amount":23.80}'}}
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "name": "refund", "tool_call_id": "call_7", "content": '{"done":true}'},
    ]
    page = shown(web, log(api, messages=messages))
    assert "call refund" in page
    assert "&quot;amount&quot;: 23.80" in page
    assert "tool_call_id call_7" in page
    assert "&quot;done&quot;: true" in page


def test_parts_and_fields_of_an_unknown_kind_are_shown_as_json(api: Api, web: Client) -> None:
    part = {"type": "hologram", "$depth": 3, "text_like": ["x"]}
    message = {"role": "assistant", "content": [part], "reasoning_content": "I think", "audio": {"id": "a1"}}
    page = shown(web, log(api, messages=[message]))
    for text in ("hologram", "&quot;$depth&quot;: 3", "reasoning_content", "I think", "&quot;a1&quot;"):
        assert text in page, text


def test_an_interaction_without_messages_has_a_page(api: Api, web: Client) -> None:
    assert "without any message" in shown(web, log(api, messages=[]))


# Images

SHAPES: dict[str, Any] = {
    "openai string": lambda p: {"type": "image_url", "image_url": uri(p)},
    "openai object": lambda p: {"type": "image_url", "image_url": {"url": uri(p), "detail": "high"}},
    "openai responses": lambda p: {"type": "input_image", "image_url": uri(p)},
    "anthropic": lambda p: {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": encoded(p)},
    },
    "gemini": lambda p: {"inline_data": {"mime_type": "image/png", "data": encoded(p)}},
    "adaptive file": lambda p: {"type": "image", "url": uri(p)},
    "bare": uri,
    "anthropic tool result": lambda p: {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": encoded(p)}}],
    },
    "unknown": lambda p: {"type": "scan", "page": 1, "pages": [{"image": uri(p)}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_stands_at_its_place_between_the_texts(api: Api, web: Client, shape: str) -> None:
    one, two = picture("red"), picture("blue")
    parts = [{"type": "text", "text": "before"}, SHAPES[shape](one), {"type": "text", "text": "between"}]
    parts += [SHAPES[shape](two), {"type": "text", "text": "after"}]
    page = shown(web, log(api, messages=[{"role": "user", "content": parts}]))
    body = page[page.index('id="message-1"') : page.index('id="message-completion"')]
    places = [body.index(text) for text in (">before<", digest(one), ">between<", digest(two), ">after<")]
    assert places == sorted(places)
    assert "2 images" in body
    assert 'width="48" height="32" loading="lazy"' in body
    assert "48 × 32 · PNG · " in body


def test_geminis_own_message_shape_is_read_too(api: Api, web: Client) -> None:
    content = picture()
    parts = [{"text": "Look:"}, SHAPES["gemini"](content)]
    page = shown(web, log(api, messages=[{"role": "user", "parts": parts}]))
    assert page.index("Look:") < page.index(digest(content))


def test_a_caption_says_in_how_many_interactions_an_image_is(api: Api, web: Client) -> None:
    messages = [{"role": "user", "content": [SHAPES["openai string"](picture())]}]
    identifiers = [log(api, messages=messages, completion=str(n)) for n in range(3)]
    assert "seen in 3 interactions" in shown(web, identifiers[0])


@pytest.mark.parametrize("shape", ["string", "object", "anthropic"])
def test_an_image_elsewhere_is_named_and_not_loaded(api: Api, web: Client, shape: str) -> None:
    address = "https://evil.example/pixel.png"
    parts: dict[str, Any] = {
        "string": {"type": "image_url", "image_url": address},
        "object": {"type": "image_url", "image_url": {"url": address}},
        "anthropic": {"type": "image", "source": {"type": "url", "url": address}},
    }
    page = shown(web, log(api, messages=[{"role": "user", "content": [parts[shape]]}]))
    assert address in page
    assert not [a for tag, a in Seen(page).elements if address in str(a)]


def test_an_image_is_served_as_what_it_is_and_can_do_nothing(api: Api, web: Client) -> None:
    content = picture()
    log(api, messages=[{"role": "user", "content": [SHAPES["anthropic"](content)]}])
    response = web.get(f"/projects/support/images/{digest(content)}")
    assert response.content == content
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["0" * 64, "nonsense", "Z" * 64, "../../etc/passwd"])
def test_an_image_that_is_not_kept_is_a_404(web: Client, name: str) -> None:
    assert web.get(f"/projects/support/images/{name}").status_code == 404


def test_an_image_of_a_foreign_project_is_a_404(api: Api, web: Client, foreign: Project) -> None:
    content = picture()
    log(api, messages=[{"role": "user", "content": [SHAPES["anthropic"](content)]}])
    Image.objects.update(project=foreign)
    assert web.get(f"/projects/support/images/{digest(content)}").status_code == 404
    assert web.get(f"/projects/secret/images/{digest(content)}").status_code == 404


# Hostile content


def allowed(tag: str, attributes: dict[str, str | None]) -> bool:
    events = [name for name in attributes if name.startswith(("on", "style"))]
    remote = [v for name in ("src", "href", "action", "hx-get", "hx-post") if (v := attributes.get(name) or "")]
    mine = all(v.startswith(("/", "#", "?")) and not v.startswith("//") for v in remote)
    linked = tag == "a" and attributes.get("rel") == "noopener noreferrer nofollow"
    return tag not in ("iframe", "style", "math", "object", "base") and not events and (mine or linked)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_does_nothing_in_any_field(api: Api, web: Client, project: Project, text: str) -> None:
    FeedbackKey.objects.create(project=project, key=text[:200], name=text[:200], description=text)
    fields: dict[str, Any] = {
        "messages": [
            {
                "role": text[:100],
                "name": text,
                "content": text,
                text: text,
                "tool_calls": [{"function": {"name": text}}],
            },
            {
                "role": "tool",
                "tool_call_id": text,
                "content": [{"type": text, "x": text}, {"type": "text", "text": text}],
            },
        ],
        "completion": text,
        "model": text,
        "labels": {text: text},
        "feedbacks": [{"metric": "thumbs", "value": 1, "details": text, "reason": text}],
        "parameters": {text: text},
        "ab_campaign": text,
        "finish_reason": text[:100],
        "state": "failed",
        "error": {"kind": text, "message": text},
    }
    log(api, **fields)
    page = shown(web, log(api, **fields | {"session_id": str(uuid4())}))
    scripts = [a for tag, a in Seen(page).elements if tag == "script"]
    assert all((attributes.get("src") or "").startswith("/static/") for attributes in scripts)
    assert [(tag, a) for tag, a in Seen(page).elements if not allowed(tag, a)] == []
    assert 'class="message" id="message-1" hx-disable' in page


# Long texts


def test_a_long_message_is_folded_after_its_beginning(api: Api, web: Client) -> None:
    page = shown(web, log(api, completion="A paragraph of words.\n\n" * 1_500))
    assert "<summary>Show all of 34,500 characters</summary>" in page
    assert page.index("A paragraph") < page.index('class="fold"')


def test_a_very_long_prompt_leaves_its_end_to_the_json_document(api: Api, web: Client) -> None:
    identifier = log(api, messages=[{"role": "user", "content": "word " * 1_000_000}])
    page = shown(web, identifier)
    assert len(page) < 500_000
    assert f'in the <a href="{PAGES}/{identifier}.json">JSON document</a>' in page


def test_many_messages_are_bounded_and_the_rest_counted(api: Api, web: Client) -> None:
    page = shown(web, log(api, messages=[{"role": "user", "content": f"turn {n}"} for n in range(500)]))
    assert "200 more messages" in page


def test_the_json_document_is_whole(api: Api, web: Client) -> None:
    identifier = log(api, completion="x" * 1_000_000)
    document = json.loads(web.get(f"{PAGES}/{identifier}.json").content)
    assert document == api.get(f"interactions/{identifier}").json()


def test_a_block_of_code_is_not_cut_by_the_fold(api: Api, web: Client) -> None:
    code = "```\n" + "line\n" * 1_200 + "```\n"
    page = shown(web, log(api, completion="A sentence.\n\n" * 200 + code + "End.\n\n" * 4_000))
    above, below = page[page.index('id="message-completion"') :].split('class="fold"')
    assert "<pre>" not in above
    assert "<pre><code>line\n" in below
    assert "<p>End.</p>" in below


# Around it


def test_newer_and_older_stay_within_the_filter(api: Api, web: Client) -> None:
    at = [log(api, labels={"env": env}) for env in ("prod", "dev", "prod", "dev", "prod")]
    page = shown(web, at[2], "?label=env:prod&older_than=" + at[4])
    query = f"label=env%3Aprod&amp;older_than={at[4]}"
    assert f'id="newer" rel="prev" href="{PAGES}/{at[4]}?{query}"' in page
    assert f'id="older" rel="next" href="{PAGES}/{at[0]}?{query}"' in page
    assert f'id="to-list" href="{PAGES}?{query}"' in page
    assert "env is prod" in page


def test_at_the_ends_of_the_list_there_is_no_further_link(api: Api, web: Client) -> None:
    page = shown(web, log(api))
    assert 'id="newer"' not in page
    assert 'id="older"' not in page


def test_a_filter_that_is_not_understood_is_said_and_not_followed(api: Api, web: Client) -> None:
    log(api)
    page = shown(web, log(api), "?labl=env:prod")
    assert "There is no filter “labl”" in page
    assert 'id="older"' not in page


def test_the_turns_of_its_session_are_shown_around_it(api: Api, web: Client) -> None:
    session = str(uuid4())
    turns = [
        log(api, session_id=session, messages=[{"role": "user", "content": f"Question {n}"}]) for n in range(1, 11)
    ]
    page = shown(web, turns[4])
    assert "turn 5 of 10" in page
    links = [n for n in range(10) if f"{PAGES}/{turns[n]}?session=" in page]
    assert links == [1, 2, 3, 5, 6, 7]
    assert "All 10 turns" in page


def test_a_session_of_many_turns_is_still_counted_exactly(api: Api, web: Client) -> None:
    session = str(uuid4())
    turns = [log(api, session_id=session) for _ in range(55)]
    assert "turn 53 of 55" in shown(web, turns[52])


def test_other_answers_to_the_same_prompt_are_shown_and_counted(api: Api, web: Client) -> None:
    others = [log(api, model=f"m{n}", completion=f"Answer {n}") for n in range(8)]
    log(api, messages=[{"role": "user", "content": "Another question"}])
    page = shown(web, log(api, model="mine"))
    assert "8 interactions" in page
    assert "show all" in page
    assert [n for n in range(8) if f"{PAGES}/{others[n]}?prompt_hash" in page] == [3, 4, 5, 6, 7]


def test_a_comparison_links_to_the_other_side(api: Api, web: Client) -> None:
    won, lost = log(api, model="a"), log(api, model="b", completion="Worse")
    body = {"project": "support", "metric": "thumbs", "preferred_completion": won, "other_completion": lost}
    assert api.post("comparison", body).status_code in (200, 201)
    page = shown(web, won)
    assert ">won<" in page
    assert f'href="{PAGES}/{lost}">against b</a>' in page
    assert ">lost<" in shown(web, lost)


def test_the_number_of_queries_does_not_grow_with_what_there_is(api: Api, web: Client) -> None:
    def logged(n: int) -> str:
        parts = [SHAPES["openai string"](picture(colour)) for colour in ("red", "blue", "green", "gold")[:n]]
        session = str(uuid4())
        feedback = [{"metric": "quality", "value": k, "user": str(uuid4())} for k in range(n)]
        sent: dict[str, Any] = {"messages": [{"role": "user", "content": [*parts, f"{n}"]}] * n, "feedbacks": feedback}
        for k in range(n):
            log(api, **sent, session_id=session, model=f"m{k}", labels={f"k{i}": "v" for i in range(n)})
        return log(api, **sent, session_id=session, labels={f"k{i}": "v" for i in range(n)})

    def queries(identifier: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            shown(web, identifier, "?label=k0:v")
        return len(captured)

    few, many = logged(1), logged(4)
    log(api)
    queries(few)  # the index reads what is new
    assert queries(few) == queries(many) <= 30


# Judging


def test_feedback_is_added_and_the_section_comes_back(api: Api, web: Client, ann: User) -> None:
    identifier = log(api)
    answer = web.post(
        f"{PAGES}/{identifier}/feedback?label=env:prod",
        {"metric": "thumbs", "value": "false", "details": "Wrong\r\norder."},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 200
    assert answer.content.decode().lstrip().startswith('<section id="feedback"')
    given = Feedback.objects.get()
    assert (given.value, given.details, given.user_uid) == (0.0, "Wrong\norder.", ann.uid)
    assert "Wrong\norder." in answer.content.decode()


def test_without_javascript_a_judgement_leads_back_to_the_page_and_its_list(api: Api, web: Client) -> None:
    identifier = log(api)
    answer = web.post(f"{PAGES}/{identifier}/feedback?label=env%3Aprod", {"metric": "quality", "value": "0.5"})
    assert answer.status_code == 303
    assert answer["Location"] == f"{PAGES}/{identifier}?label=env%3Aprod#feedback"
    assert Feedback.objects.get().value == 0.5


def test_a_note_outlives_what_is_given_under_another_key(api: Api, web: Client) -> None:
    identifier = log(api)
    before = [a for _, a in Seen(shown(web, identifier)).elements if "hx-preserve" in a and a.get("name") == "details"]
    htmx = {"HX-Request": "true"}
    answer = web.post(f"{PAGES}/{identifier}/feedback", {"metric": "thumbs", "value": "true"}, headers=htmx)
    after = [a for _, a in Seen(answer.content.decode()).elements if a.get("name") == "details"]
    quality, thumbs = (FeedbackKey.objects.get(key=key).pk for key in ("quality", "thumbs"))
    assert [a["id"] for a in before] == [f"details-{quality}-0", f"details-{thumbs}-0"]
    assert [a["id"] for a in after] == [f"details-{quality}-0", f"details-{thumbs}-1"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [("7", "yes-or-no key"), ("abc", "is not a number"), ("", "is not a number"), ("inf", "is not a number")],
)
@pytest.mark.parametrize("htmx", [True, False])
def test_a_refused_value_comes_back_with_a_sentence_and_all_that_was_typed(
    api: Api, web: Client, value: str, sentence: str, htmx: bool
) -> None:
    identifier = log(api)
    typed = {"metric": "thumbs", "value": value, "details": "A long <thought>"}
    answer = web.post(f"{PAGES}/{identifier}/feedback", typed, headers={"HX-Request": "true"} if htmx else {})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert "A long &lt;thought&gt;</textarea>" in page
    assert ("<html" in page) is not htmx
    assert not Feedback.objects.exists()


def test_an_unknown_feedback_key_is_refused_with_a_sentence(api: Api, web: Client) -> None:
    answer = web.post(f"{PAGES}/{log(api)}/feedback", {"metric": "mood", "value": "1"})
    assert answer.status_code == 422
    assert "no feedback key “mood”" in answer.content.decode()


def test_feedback_is_removed(api: Api, web: Client) -> None:
    identifier = log(api, feedbacks=[{"metric": "thumbs", "value": True}, {"metric": "quality", "value": 3}])
    given = Feedback.objects.get(key__key="thumbs")
    answer = web.post(f"{PAGES}/{identifier}/feedback/{given.pk}/remove", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert [f.key.key for f in Feedback.objects.all()] == ["quality"]


def test_removing_what_is_gone_shows_the_page_as_it_is(api: Api, web: Client) -> None:
    identifier = log(api)
    assert web.post(f"{PAGES}/{identifier}/feedback/{uuid4()}/remove").status_code == 303
    assert web.post(f"{PAGES}/{identifier}/labels/remove", {"key": "env"}).status_code == 303


def test_feedback_of_another_interaction_is_not_removed(api: Api, web: Client) -> None:
    log(api, feedbacks=[{"metric": "thumbs", "value": True}])
    web.post(f"{PAGES}/{log(api)}/feedback/{Feedback.objects.get().pk}/remove")
    assert Feedback.objects.count() == 1


def labels_of(identifier: str) -> dict[str, str]:
    rows = Labelling.objects.filter(interaction=UUID(identifier))
    return dict(rows.values_list("key__key", "label__value"))


def test_a_label_is_added_changed_and_removed(api: Api, web: Client) -> None:
    identifier = log(api, labels={"env": "dev"})
    web.post(f"{PAGES}/{identifier}/labels", {"key": " customer ", "value": "acme"})
    assert labels_of(identifier) == {"env": "dev", "customer": "acme"}
    answer = web.post(f"{PAGES}/{identifier}/labels", {"key": "env", "value": "prod"}, headers={"HX-Request": "true"})
    assert ">prod</a>" in answer.content.decode()
    assert labels_of(identifier) == {"env": "prod", "customer": "acme"}
    web.post(f"{PAGES}/{identifier}/labels/remove", {"key": "env"})
    assert labels_of(identifier) == {"customer": "acme"}


@pytest.mark.parametrize(("key", "value"), [("", "x"), ("env", "  "), ("k" * 201, "x"), ("env", "v" * 501)])
def test_a_refused_label_comes_back_with_what_was_typed(api: Api, web: Client, key: str, value: str) -> None:
    identifier = log(api)
    answer = web.post(f"{PAGES}/{identifier}/labels", {"key": key, "value": value})
    assert answer.status_code == 422
    assert f'value="{key}"' in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    assert labels_of(identifier) == {}


def test_known_labels_are_suggested(api: Api, web: Client) -> None:
    log(api, labels={"env": "prod", "lang": "de"})
    page = shown(web, log(api))
    assert '<option value="env"></option>' in page
    assert '<option value="de" data-key="lang">' in page


def test_a_key_whose_values_were_whole_numbers_to_five_is_given_by_buttons(api: Api, web: Client) -> None:
    identifier = log(api, feedbacks=[{"metric": "quality", "value": n} for n in (2, 5)])
    page = shown(web, identifier)
    assert page.count('id="give-') == 2 + 5
    assert '<b>5</b><span class="quiet">/5</span>' in page


@pytest.mark.parametrize("value", [0, 6, 2.5, -1])
def test_any_other_key_is_given_as_a_number(api: Api, web: Client, value: float) -> None:
    page = shown(web, log(api, feedbacks=[{"metric": "quality", "value": n} for n in (4, value)]))
    assert 'inputmode="decimal"' in page
    assert page.count('id="give-') == 2 + 1


def test_a_project_without_feedback_keys_says_how_to_get_one(api: Api, web: Client) -> None:
    FeedbackKey.objects.all().delete()
    assert "register_key" in shown(web, log(api))


# Who may


def test_a_viewer_reads_without_forms_and_cannot_judge(api: Api, viewer: Client) -> None:
    identifier = log(api, labels={"env": "prod"}, feedbacks=[{"metric": "thumbs", "value": True}])
    page = shown(viewer, identifier)
    assert "/feedback" not in page
    assert "/labels" not in page
    assert "Your role lets you read here, not judge." in page
    given = Feedback.objects.get().pk
    for path in ("feedback", f"feedback/{given}/remove", "labels", "labels/remove"):
        typed = {"metric": "thumbs", "value": "true", "key": "env"}
        assert viewer.post(f"{PAGES}/{identifier}/{path}", typed).status_code == 403
    assert labels_of(identifier) == {"env": "prod"}


def test_a_foreign_project_is_a_404(api: Api, web: Client, foreign: Project) -> None:
    identifier = log(api)
    theirs = "/projects/secret/interactions"
    assert web.get(f"{theirs}/{identifier}").status_code == 404
    assert web.get(f"{theirs}/{identifier}.json").status_code == 404
    Interaction.objects.update(project=foreign)
    for path in ("", ".json"):
        assert web.get(f"{PAGES}/{identifier}{path}").status_code == 404
    for path in ("feedback", f"feedback/{uuid4()}/remove", "labels", "labels/remove"):
        assert web.post(f"{PAGES}/{identifier}/{path}", {"key": "a", "value": "1"}).status_code == 404


def test_whoever_is_not_signed_in_is_sent_to_the_login(api: Api) -> None:
    answer = Client().get(f"{PAGES}/{log(api)}")
    assert answer.status_code == 302
    assert "/login" in answer["Location"]


def test_a_judgement_needs_a_post_with_a_token(api: Api, ann: User) -> None:
    identifier = log(api)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.post(f"{PAGES}/{identifier}/labels", {"key": "a", "value": "b"}).status_code == 403
    assert client.get(f"{PAGES}/{identifier}/labels").status_code == 405
