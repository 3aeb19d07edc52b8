"""Logging over REST."""

from __future__ import annotations

from interactions.models import Interaction
from tests.conftest import Api, interaction


def test_an_interaction_that_was_acknowledged_can_be_read_back(api: Api) -> None:
    logged = api.log(labels={"env": "prod"}, feedbacks=[{"metric": "thumbs", "value": True, "details": "yes"}])
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert read["messages"] == interaction()["messages"]
    assert read["completion"] == interaction()["completion"]
    assert read["labels"] == {"env": "prod"}
    assert [(f["metric"], f["value"], f["details"]) for f in read["feedbacks"]] == [("thumbs", True, "yes")]
    assert read["session_id"] == logged["session_id"]


def test_a_foreign_project_looks_like_one_that_does_not_exist(api: Api, foreign: object) -> None:
    for key in ("secret", "nowhere"):
        response = api.post("interactions", interaction(project=key))
        assert response.status_code == 404
        assert response.json()["error"]["field"] == "project"
    assert not Interaction.objects.exists()
