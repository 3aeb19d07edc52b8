"""Many interactions in one call: each one stored whole or not at all, and answered in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interactions import access, people
from interactions.ingest import vocabulary
from interactions.models import Feedback, Image, Interaction, Labelling, Project, User
from tests.api.pictures import data_uri, picture, showing, shown
from tests.conftest import Api, interaction

Stored = Callable[[], dict[str, int]]


def results_of(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    assert set(response.json()) == {"results"}
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_a_thousand_interactions_are_answered_in_their_order(api: Api) -> None:
    items = [interaction(completion=f"number {n}", labels={"n": str(n % 7)}) for n in range(1_000)]
    results = results_of(api.post("interactions/batch", {"interactions": items}))
    stored = dict(Interaction.objects.values_list("id", "completion_preview"))
    assert len(stored) == 1_000
    ids = [result["completion_id"] for result in results]
    assert [api.get(f"interactions/{id}").json()["completion"] for id in ids[::250]] == [
        f"number {n}" for n in range(0, 1_000, 250)
    ]
    assert {str(id): text for id, text in stored.items()} == {id: f"number {n}" for n, id in enumerate(ids)}
    assert Labelling.objects.count() == 1_000


def test_items_that_name_one_moment_keep_the_order_of_the_call(api: Api) -> None:
    items = [interaction(completion=str(n), created_at="2026-01-01T00:00:00Z") for n in range(50)]
    api.post("interactions/batch", {"interactions": items})
    assert [row.completion_preview for row in Interaction.objects.oldest_first()] == [str(n) for n in range(50)]


def test_long_texts_among_short_ones_come_back_as_they_were(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr("interactions.database.writing._LARGE", 100)
    told = [
        interaction(completion=f"{number} {'long ' * number * 10}", labels={"n": str(number)}) for number in range(6)
    ]
    results = api.post("interactions/batch", {"interactions": told}).json()["results"]
    for sent, result in zip(told, results, strict=True):
        read = api.get(f"interactions/{result['completion_id']}").json()
        assert (read["completion"], read["labels"]) == (sent["completion"], sent["labels"])


def test_an_empty_batch_has_no_results(api: Api, stored: Stored) -> None:
    assert results_of(api.post("interactions/batch", {"interactions": []})) == []
    assert stored() == {}


def test_each_refused_item_says_why_in_its_place_and_the_others_are_stored(api: Api, foreign: Project) -> None:
    bad: dict[str, Any] = {
        "interactions[1]": "a text",
        "interactions[2].colour": interaction(colour="red"),
        "interactions[3].feedbacks[0].metric": interaction(feedbacks=[{"metric": "nowhere", "value": 1}]),
        "interactions[4].feedbacks[0].value": interaction(feedbacks=[{"metric": "thumbs", "value": 7}]),
        "interactions[5].project": interaction(project="secret"),
        "interactions[6].messages[0].content[1].image_url": interaction(messages=shown(b"no picture")),
        "interactions[7].feedbacks[1].metric": interaction(
            messages=shown(picture(color="red")),
            feedbacks=[{"metric": "thumbs", "value": True}, {"metric": "nowhere", "value": 1}],
        ),
        "interactions[8].messages[0].content[2].image_url.url": interaction(
            messages=showing(
                {"type": "image_url", "image_url": data_uri(picture(color="gold"))},
                {"type": "image_url", "image_url": {"url": data_uri(b"no picture")}},
            )
        ),
    }
    good = interaction(messages=shown(picture()), labels={"env": "prod"}, feedbacks=[{"metric": "thumbs", "value": 1}])
    results = results_of(api.post("interactions/batch", {"interactions": [good, *bad.values(), good]}))
    assert [result["error"]["field"] for result in results[1:-1]] == list(bad)
    assert all(result["error"]["message"].endswith(".") for result in results[1:-1])
    assert {result["error"]["code"] for result in results[1:-1]} == {"invalid", "not_found"}
    kept = {results[0]["completion_id"], results[-1]["completion_id"]}
    assert {str(id) for id in Interaction.objects.values_list("id", flat=True)} == kept
    assert (Labelling.objects.count(), Feedback.objects.count(), Image.objects.count()) == (2, 2, 1)


def test_a_batch_of_nothing_but_errors_stores_nothing(api: Api, stored: Stored) -> None:
    items = [interaction(messages=shown(b"no picture")), interaction(labels={"a": ""}), 7, None]
    results = results_of(api.post("interactions/batch", {"interactions": items}))
    assert [set(result) for result in results] == [{"error"}] * 4
    assert stored() == {}


def test_the_same_image_in_many_items_is_stored_once(api: Api, stored: Stored) -> None:
    items = [interaction(messages=shown(picture())) for _ in range(20)]
    assert all(
        "completion_id" in result for result in results_of(api.post("interactions/batch", {"interactions": items}))
    )
    assert (stored()["Image"], stored()["ImageUse"], stored()["files"]) == (1, 20, 1)


def test_a_project_that_was_made_a_moment_ago_can_be_logged_to(api: Api, ann: User) -> None:
    """Callers are remembered for some seconds, and what they may reach grows meanwhile."""
    wide = Api(access.issue_key(ann, []).secret)
    assert wide.post("interactions", interaction()).status_code == 404
    young = Project.objects.create(key="young", name="Young")
    people.belong(ann, young)
    ann.api_keys.order_by("-id")[0].projects.add(young)
    results = results_of(wide.post("interactions/batch", {"interactions": [interaction(project="young")]}))
    assert "completion_id" in results[0]


def test_more_names_than_are_remembered_are_no_obstacle(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(vocabulary, "_LIMIT", 3)
    for n in range(6):
        api.log(labels={"env": "prod", "customer": f"c{n}"}, model_service=f"m{n}")
    assert Labelling.objects.count() == 12
