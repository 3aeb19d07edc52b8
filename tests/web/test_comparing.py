"""Two interactions side by side, and a request that is sent once more."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from interactions import bridge, gateway, payloads
from interactions.access import Caller
from interactions.bridge import threads
from interactions.calls import Route
from interactions.errors import Unavailable
from interactions.gateway import Asked
from interactions.models import ExternalModel, Interaction, Model, Project, Share, Team, Transcript, User
from interactions.web import word_diff
from tests.api.pictures import data_uri, picture
from tests.conftest import Api
from tests.web.test_answers import CALL, chat
from tests.web.test_detail import PAGES, allowed, shown
from tests.web.test_markdown import HOSTILE, Seen
from tests.web.through import begun, end, ended


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def compared(client: Client, one: Any, other: Any) -> str:
    response = client.get(f"{PAGES}/{one}/compare/{other}")
    assert response.status_code == 200
    return response.content.decode()


def said(page: str, name: str) -> list[tuple[str, str]]:
    """The text of a side in pieces, each with its element, if it has one."""
    whole = re.search(rf'id="side-{name}".*?<div class="plain diff"[^>]*>(.*?)</div>', page, re.S)
    assert whole
    found = re.findall(r"<(del|ins)>(.*?)</\1>|([^<]+)", whole[1], re.S)
    return [(tag, unescape(marked or plain)) for tag, marked, plain in found]


def line(page: str, name: str) -> list[str]:
    row = re.search(rf'<th scope="row">{name}</th>(.*?)</tr>', page, re.S)
    return re.findall(r"<td>(.*?)</td>", row[1], re.S) if row else []


def test_what_only_one_of_them_says_is_marked(project: Project, web: Client) -> None:
    one = ended(project, chat({"content": "The sky is blue today."}))
    other = ended(project, chat({"content": "The sky is <grey> today."}))
    page = compared(web, one, other)
    assert said(page, "a") == [("", "The sky is "), ("del", "blue"), ("", " today.")]
    assert said(page, "b") == [("", "The sky is "), ("ins", "<grey>"), ("", " today.")]
    assert "1 word only in A, 1 only in B, 4 in both." in page
    assert "Two answers to one prompt" in page
    assert page.count("Hello?") == 1
    assert f"{PAGES}/{one}" in page
    assert f"{PAGES}/{other}/compare/{one}" in page


def test_the_facts_of_both_stand_in_one_line(project: Project, web: Client) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 40, "total_tokens": 43}
    timings = payloads.Timings(first_token_ms=200, total_ms=1_200)
    body = chat({"content": "x"}, usage=usage)
    one = ended(project, body, timings=timings, cost=2_000_000, parameters={"temperature": 0, "seed": 1})
    other = ended(project, {"error": {"message": "no"}}, error="http_500", parameters={"temperature": 1, "seed": 1})
    page = compared(web, one, other)
    assert line(page, "State") == ["done", "failed"]
    assert line(page, "Error") == ["–", "http_500"]
    assert line(page, "Cost") == ["$0.002", "–"]
    assert line(page, "Speed") == ["40.0 tokens/s", "–"]
    assert line(page, "temperature") == ["0", "1"]
    assert '<tr class="differs"><th scope="row">temperature' in page
    assert '<tr><th scope="row">seed' in page
    assert "All that the model’s server said" in page


def test_what_is_no_text_stands_below_it(project: Project, web: Client) -> None:
    one = ended(project, chat({"content": None, "tool_calls": [CALL], "reasoning": "Hm."}))
    other = ended(project, chat({"content": "No."}, {"content": "Yes."}))
    page = compared(web, one, other)
    assert "call refund" in page
    assert ">Reasoning <span>" in page
    assert "1 further choice is on its page." in page


def test_prompts_that_are_not_the_same_are_both_shown(api: Api, web: Client) -> None:
    one, other = (api.log(messages=[{"role": "user", "content": text}])["completion_id"] for text in ("One?", "Two?"))
    page = compared(web, one, other)
    assert "Two interactions" in page
    assert "One?" in page
    assert "Two?" in page
    assert "The texts are the same." in page


def test_texts_that_differ_in_too_much_are_shown_as_they_are_and_that_is_said(
    api: Api, web: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_diff, "MOST_EDITS", 10)
    monkeypatch.setattr(word_diff, "LONGEST", 400)
    one = api.log(completion="\n".join(f"a{n}" for n in range(200)))["completion_id"]
    other = api.log(completion="\n".join(f"b{n}" for n in range(200)))["completion_id"]
    page = compared(web, one, other)
    assert "differ in more than 10 words and more than 10 lines, so nothing is marked" in page
    assert "Of each text the first 400 characters are compared." in page
    assert page.count("The rest of it is in the") == 2


def test_removed_texts_and_others_projects_are_no_secret_and_no_leak(
    api: Api, web: Client, project: Project, foreign: Project
) -> None:
    one, other = api.log()["completion_id"], api.log()["completion_id"]
    Transcript.objects.filter(pk=one).delete()
    Interaction.objects.filter(pk=one).update(texts_removed_at="2026-01-01T00:00:00Z")
    assert "were removed on 1 Jan 2026" in compared(web, one, other)
    theirs = ended(foreign, chat({"content": "secret"}))
    for pair in ((one, theirs), (theirs, one), (one, uuid4())):
        assert web.get(f"{PAGES}/{pair[0]}/compare/{pair[1]}").status_code == 404


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_was_said_becomes_markup(project: Project, web: Client, text: str) -> None:
    one = ended(project, chat({"content": text, "refusal": text}), messages=[{"role": "user", "content": text}])
    other = ended(project, chat({"content": f"{text} and more"}), parameters={text[:50]: text})
    page = compared(web, one, other)
    assert [(tag, a) for tag, a in Seen(page).elements if not allowed(tag, a) and tag not in ("del", "ins")] == []
    assert "".join(piece for _, piece in said(page, "b")) == f"{text} and more"


def test_while_one_of_them_goes_on_the_page_is_asked_again_cheaply(project: Project, web: Client) -> None:
    one, other = ended(project, chat({"content": "Done."})), begun(project)
    page = compared(web, one, other)
    version = re.findall(r'data-live="([^"]+)"', page)[0]
    assert "live.js" in page
    assert "<del>" not in page, "half an answer is not compared"
    with CaptureQueriesContext(connection) as captured:
        answer = web.get(f"{PAGES}/{one}/compare/{other}", headers={"If-None-Match": f'"{version}"'})
    assert (answer.status_code, len(captured) <= 5) == (304, True)
    end(project, other, completion="Done!")
    page = web.get(f"{PAGES}/{one}/compare/{other}", headers={"If-None-Match": f'"{version}"'}).content.decode()
    assert "<del>.</del>" in page
    assert "data-live" not in page


def test_the_number_of_queries_does_not_grow(project: Project, web: Client) -> None:
    few = [ended(project, chat({"content": "a"})) for _ in range(2)]
    body = chat({"content": "a " * 500}, *({"content": "b"} for _ in range(9)))
    many = [ended(project, body, labels={"a": "b", "c": "d"}) for _ in range(2)]
    counts = []
    for pair in (few, few, many):
        with CaptureQueriesContext(connection) as captured:
            compared(web, *pair)
        counts.append(len(captured))
    assert counts[1] == counts[2] <= 16


def test_answers_to_the_same_prompt_lead_to_their_comparison(api: Api, web: Client) -> None:
    one, other = api.log(completion="a")["completion_id"], api.log(completion="b")["completion_id"]
    assert f'href="{PAGES}/{one}/compare/{other}"' in shown(web, one)


# Replay


@pytest.fixture
def served(project: Project, ann: User) -> Project:
    """With two models that can be asked, one that is off, and one that was only logged."""
    team = Team.objects.get(pk=Share.objects.filter(project=project)[0].team_id)
    for key in ("large", "small", "off"):
        external = ExternalModel.objects.create(
            team=team, key=key, name=key, provider="OPEN_AI", external_id=key, base_url="http://127.0.0.1:9/v1"
        )
        so = {"is_default": key == "small", "is_wanted_online": key != "off"}
        Model.objects.create(project=project, key=key, name=key, external=external, **so)
    Model.objects.create(project=project, key="logged", name="logged")
    return project


class Sent:
    """What was begun, and with what."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.calls: list[tuple[Asked, Route, Caller]] = []

    def begin(self, call: tuple[Asked, Route, Caller]) -> UUID:
        self.calls.append(call)
        return begun(self.project)

    @property
    def asked(self) -> Asked:
        return self.calls[-1][0]


@pytest.fixture
def sent(project: Project, monkeypatch: pytest.MonkeyPatch) -> Sent:
    made = Sent(project)
    monkeypatch.setattr(gateway, "begin_unheard", lambda *call: call)
    monkeypatch.setattr(bridge, "on_loop", made.begin)
    return made


def replay(client: Client, id: Any, model: str = "large") -> Any:
    return client.post(f"{PAGES}/{id}/replay", {"model": model})


def test_a_replay_sends_the_same_and_leads_to_both(served: Project, web: Client, ann: User, sent: Sent) -> None:
    content = [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": data_uri(picture())}}]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
    parameters = {"temperature": 0.3, "tools": [{"type": "function", "function": {"name": "f"}}], "user": str(uuid4())}
    told: dict[str, Any] = {"messages": messages, "parameters": parameters, "labels": {"env": "prod"}}
    id = ended(served, chat({"content": "x"}), timings=payloads.Timings(first_token_ms=5, total_ms=9), **told)
    answer = replay(web, id)
    new = Interaction.objects.order_by("-id")[0]
    assert (answer.status_code, answer["Location"]) == (303, f"{PAGES}/{id}/compare/{new.id}")
    asked, route, caller = sent.calls[0]
    assert asked.body == {"model": "support/large", "messages": messages, "stream": True} | parameters
    assert (asked.labels, asked.user, asked.session_id) == ({"replay_of": str(id)}, None, None)
    assert (route.model_key, route.project_id, caller.user_uid) == ("large", served.pk, ann.uid)


@pytest.mark.parametrize(
    ("api", "body", "messages", "expected"),
    [
        ("completions", {"choices": [{"text": "x"}]}, [{"role": "user", "content": "Once"}], {"prompt": "Once"}),
        ("embeddings", {}, [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], {"input": ["a", "b"]}),
        ("responses", {"output": []}, [{"role": "user", "content": "Hi"}], {"input": "Hi"}),
        ("chat", chat({}), [{"role": "user", "content": "a"}], {"messages": [{"role": "user", "content": "a"}]}),
    ],
)
def test_each_api_is_asked_as_it_was(
    served: Project, web: Client, sent: Sent, api: str, body: Any, messages: Any, expected: dict[str, Any]
) -> None:
    replay(web, ended(served, body, api=api, messages=messages))
    assert (sent.asked.api, sent.asked.is_stream) == (api, False)
    assert sent.asked.body == {"model": "support/large"} | expected


def test_what_was_logged_otherwise_is_asked_as_a_chat(api: Api, served: Project, web: Client, sent: Sent) -> None:
    parameters = {"model": "other", "stream": True, "labels": 7, "store": False, "top_p": 1}
    replay(web, api.log(parameters=parameters)["completion_id"])
    plain = [{"role": "user", "content": "Where is my order?"}]
    assert sent.asked.body == {"model": "support/large", "messages": plain, "top_p": 1}


def test_the_model_that_answered_is_chosen_else_the_default(api: Api, served: Project, web: Client) -> None:
    for model, chosen in (("large", "large"), ("logged", "small"), ("off", "small"), (None, "small")):
        page = shown(web, api.log(model=model)["completion_id"])
        assert re.findall(r"<option( selected)?>([^<]*)</option>", page) == [
            (" selected" if name == chosen else "", name) for name in ("large", "small")
        ]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("off", "switched off in the project"),
        ("logged", "nobody serves it"),
        ("gone", "nobody serves it"),
        ("", "Choose a model."),
    ],
)
def test_why_it_cannot_be_asked_again_is_said(
    api: Api, served: Project, web: Client, sent: Sent, model: str, sentence: str
) -> None:
    answer = replay(web, api.log()["completion_id"], model)
    assert answer.status_code == 422
    alert = re.findall(r'<p class="notice bad" role="alert">(.*?)</p>', answer.content.decode())
    assert len(alert) == 1
    assert sentence in unescape(alert[0])
    assert not sent.calls


def test_what_the_store_or_the_request_refuses_is_said_too(
    api: Api, served: Project, web: Client, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(call: Any) -> UUID:
        raise Unavailable("The store cannot commit.")

    assert "without any message" in replay(web, api.log(messages=[])["completion_id"]).content.decode()
    id = api.log()["completion_id"]
    monkeypatch.setattr(bridge, "on_loop", refuse)
    assert "The store cannot commit." in replay(web, id).content.decode()
    Transcript.objects.all().delete()
    assert "What was said is not kept" in replay(web, id).content.decode()
    assert 'name="model"' not in shown(web, id)


def test_without_a_server_it_says_so(api: Api, served: Project, web: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "on_loop", threads.on_loop)
    answer = replay(web, api.log()["completion_id"])
    assert "This needs the server" in answer.content.decode()


def test_who_may_not_ask_models_is_not_offered_to(api: Api, served: Project, vic: User, sent: Sent) -> None:
    viewer = Client()
    viewer.force_login(vic)
    id = api.log()["completion_id"]
    assert "/replay" not in shown(viewer, id)
    assert replay(viewer, id).status_code == 403
    assert not sent.calls


def test_a_project_without_a_model_says_what_is_missing(api: Api, web: Client) -> None:
    page = shown(web, api.log()["completion_id"])
    assert "No model is served in this project yet." in page
    assert "/replay" not in page


def test_a_replay_leads_back_to_its_original(api: Api, web: Client) -> None:
    one = api.log()["completion_id"]
    other = api.log(labels={"replay_of": one})["completion_id"]
    assert f'<a href="{PAGES}/{one}/compare/{other}">Compare it with the original</a>' in shown(web, other)
    assert "This is a replay" not in shown(web, api.log(labels={"replay_of": "no id"})["completion_id"])
