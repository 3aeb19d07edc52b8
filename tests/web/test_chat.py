"""The server's part of the chat page: what can be talked to, one prompt without JavaScript, answers as HTML."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pyroaring import BitMap

from interactions import access, documents, external_models, ingest, payloads, people
from interactions.models import AbArm, AbTest, FeedbackKey, Interaction, Model, Project, User
from interactions.removal import batches
from tests.api.pictures import data_uri, picture

CHAT = "/projects/support/chat"
HOSTILE = "<img src=x onerror=alert(1)> **bold** [here](javascript:alert(1)) ![](https://spy.example/x.png)"


def serve(project: Project, name: str, *, is_default: bool = False, is_wanted_online: bool = True) -> Model:
    """A model that nobody answers for: calls of it begin, and go nowhere."""
    operator = access.operator()
    external = external_models.add(operator, name, "OPEN_AI", name, "", "http://127.0.0.1:9/v1")
    external_models.attach(operator, project, external)
    return external_models.update(
        operator, project, external.key, is_default=is_default, is_wanted_online=is_wanted_online
    )


@pytest.fixture
def model(project: Project, ann: User) -> Model:
    return serve(project, "sage", is_default=True)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


def page(client: Client, query: str = "") -> str:
    response = client.get(f"{CHAT}?{query}")
    assert response.status_code == 200
    return unescape(response.content.decode())


def offered(page: str) -> list[str]:
    (first, *_) = re.findall(r"<select.*?</select>", page, re.DOTALL)
    return re.findall(r'<option value="([^"]*)"', first)


def begun(user: User | None = None, **fields: Any) -> Interaction:
    """An interaction that was logged, which differs from a plain one in `fields`."""
    told = {"project": "support", "messages": [{"role": "user", "content": "Hello?"}], "completion": "Hi."} | fields
    project = Project.objects.get(key=told["project"])
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, user.uid if user else None)
    ingest.store_images([prepared])
    (logged,) = ingest.perform(access.operator(project), ingest.Record(prepared))
    return Interaction.objects.get(pk=str(logged["completion_id"]))


# What can be talked to


def test_a_project_that_nobody_serves_says_how_to_change_that(web: Client) -> None:
    shown = page(web)
    assert "No model is served in support yet" in shown
    assert '<a href="/projects/support/models">Models</a>' in shown
    assert "manage.py demo_upstream" in shown
    assert "add_model --project support" in shown
    assert "chat.js" not in shown


def test_models_that_are_served_are_offered_after_the_default(web: Client, project: Project, model: Model) -> None:
    serve(project, "elder")
    serve(project, "asleep", is_wanted_online=False)
    gone = serve(project, "gone")
    external_models.detach(access.operator(), project, gone.key)
    Model.objects.create(project=project, key="only-logged", name="only-logged")
    shown = page(web)
    assert offered(shown) == ["support", "support/sage", "support/elder"]
    assert "project default · sage<" in shown


def test_without_a_default_there_is_none_to_choose(web: Client, project: Project) -> None:
    serve(project, "sage")
    assert offered(page(web)) == ["support/sage"]


def test_an_ab_test_is_part_of_the_default_and_is_told(web: Client, project: Project, model: Model) -> None:
    metric = FeedbackKey.objects.get(project=project, key="thumbs")
    test = AbTest.objects.create(project=project, key="tone", name="Tone", metric=metric, traffic_split=1)
    AbArm.objects.create(test=test, model=model)
    shown = page(web)
    assert "project default · sage or A/B test tone" in shown
    assert "takes part in the A/B test tone" in shown


def test_the_address_chooses_both_models(web: Client, project: Project, model: Model) -> None:
    serve(project, "elder")
    shown = page(web, "model=support/elder&with=support/sage")
    assert re.findall(r'<option value="([^"]*)"[^>]* selected', shown) == ["support/elder", "support/sage"]


def test_who_may_not_use_models_sees_neither_the_page_nor_its_tab(vic: User, model: Model) -> None:
    client = signed_in(vic)
    assert client.get(CHAT).status_code == 403
    assert client.post(CHAT, {"model": "support", "prompt": "Hello?"}).status_code == 403
    assert CHAT not in client.get("/projects/support/interactions").content.decode()
    assert not Interaction.objects.exists()


def test_who_may_not_read_is_sent_nowhere_they_cannot_go(project: Project, model: Model) -> None:
    ida = User.objects.create_user("ida@example.org", name="Ida")
    people.belong(ida, project, "inference")
    shown = page(signed_in(ida), f"continue={begun(ida).id}")
    assert 'data-interactions=""' in shown
    assert "which you may not read" in shown
    assert "[]</script>" in shown


# One prompt, without JavaScript


def test_a_prompt_begins_a_call_and_leads_to_its_page(web: Client, ann: User, model: Model) -> None:
    typed = {"model": "support", "system": "Be brief.", "prompt": "What is this?", "temperature": "0.2"}
    image = SimpleUploadedFile("x.png", picture(), "image/png")
    response = web.post(CHAT, {**typed, "max_tokens": "", "image": [image]})
    made = Interaction.objects.with_everything().get()
    assert (response.status_code, response["Location"]) == (303, f"/projects/support/interactions/{made.id}")
    document = next(documents.whole([made], "support", "inline"))
    picture_part = {"type": "image_url", "image_url": {"url": data_uri(picture())}}
    assert document["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture_part]},
    ]
    assert document["labels"] == {"via": "chat"}
    assert document["parameters"] == {"temperature": 0.2}
    assert (document["model"], document["user"], document["source"]) == ("sage", str(ann.uid), "LIVE")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"prompt": "  "}, "Write something, or choose an image."),
        ({"model": "secret"}, "Choose one of the project's models."),
        ({"model": "support/nobody"}, "Choose one of the project's models."),
        ({"temperature": "warm"}, "Temperature: Enter a number."),
        ({"max_tokens": "0"}, "Max tokens: Ensure this value is greater than or equal to 1."),
        ({"image": SimpleUploadedFile("x.png", b"no image", "image/png")}, "This is no PNG, JPEG, WebP or GIF image"),
    ],
)
def test_what_cannot_be_sent_is_told_and_stays_typed(web: Client, model: Model, typed: Any, told: str) -> None:
    response = web.post(CHAT, {"model": "support", "prompt": "What is <this>?"} | typed)
    assert response.status_code == 422
    shown = response.content.decode()
    assert told in unescape(shown)
    assert ("What is &lt;this&gt;?" in shown) == ("prompt" not in typed)
    assert not Interaction.objects.exists()


# Answers as HTML


def rendered(client: Client, text: str, **fields: Any) -> str:
    response = client.post(f"{CHAT}/answer", {"text": text} | fields)
    assert response.status_code == 200
    return response.content.decode()


def test_an_answer_is_rendered_and_can_do_nothing(web: Client, model: Model) -> None:
    shown = rendered(web, HOSTILE)
    assert "<strong>bold</strong>" in shown
    assert "&lt;img src=x onerror" in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown


def test_plain_text_json_and_nothing_are_shown_as_what_they_are(web: Client, model: Model) -> None:
    assert '<div class="plain">Fine, thanks.</div>' in rendered(web, "Fine, thanks.")
    assert '<pre class="code">' in rendered(web, '{"a": [1]}')
    assert "<div" not in rendered(web, "")


def test_a_long_answer_is_folded(web: Client, model: Model) -> None:
    shown = rendered(web, "A sentence.\n\n" * 10_000)
    assert "Show all of 130,000 characters" in shown


def test_the_line_below_tells_of_ones_own_call_and_of_no_other(web: Client, ann: User, vic: User, model: Model) -> None:
    call = {
        "model": "sage",
        "usage": {"prompt_tokens": 3, "completion_tokens": 12, "total_tokens": 15},
        "timings": {"first_token_ms": 200, "total_ms": 1_500},
        "finish_reason": "length",
    }
    own, theirs = begun(ann, **call), begun(vic, **call)
    shown = rendered(web, "Hi.", id=str(own.id))
    facts = re.findall(r"<span>([^<]*)</span>", shown)
    assert facts == ["sage", "12 tokens", "1.50 s", "8.0 tokens/s", "first token 200 ms", "ended at max tokens"]
    assert f'href="/projects/support/interactions/{own.id}"' in shown
    assert "<span>stopped</span>" in rendered(web, "Hi.", id=str(own.id), stopped="1")
    for id in (theirs.id, uuid4(), "nonsense"):
        assert "sage" not in rendered(web, "Hi.", id=str(id))


# Going on


def continued(client: Client, *ids: Any) -> list[dict[str, Any]]:
    shown = client.get(f"{CHAT}?{'&'.join(f'continue={id}' for id in ids)}").content.decode()
    (found,) = re.findall(r'<script id="continued" type="application/json">(.*?)</script>', shown)
    told: list[dict[str, Any]] = json.loads(found)
    return told


def test_a_conversation_goes_on_with_all_that_was_said(web: Client, ann: User, model: Model) -> None:
    said = [{"type": "text", "text": "</script><b>"}, {"type": "image_url", "image_url": {"url": data_uri(picture())}}]
    fields = {"model": "sage", "parameters": {"temperature": 0.5}, "session_id": str(uuid4())}
    made = begun(ann, messages=[{"role": "user", "content": said}], **fields)
    (told,) = continued(web, made.id)
    assert told == {
        "id": str(made.id),
        "session": fields["session_id"],
        "model": "support/sage",
        "messages": [{"role": "user", "content": said}],
        "completion": "Hi.",
        "parameters": {"temperature": 0.5},
    }


def test_two_go_on_in_the_order_of_the_address(web: Client, ann: User, model: Model) -> None:
    first, second = begun(ann), begun(ann)
    assert [one["id"] for one in continued(web, second.id, first.id, first.id)] == [str(second.id), str(first.id)]


def test_somebody_elses_conversation_goes_on_as_another(web: Client, vic: User, model: Model) -> None:
    assert continued(web, begun(vic).id)[0]["session"] is None


def test_nothing_goes_on_that_is_not_there(web: Client, ann: User, foreign: Project, model: Model) -> None:
    removed = begun(ann)
    batches.drop_transcripts(removed.project_id, BitMap([removed.number]))
    assert continued(web, begun(ann, project="secret").id, "nonsense", removed.id) == []
