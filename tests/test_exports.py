"""The filtered set as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from interactions import exports
from interactions.models import Interaction, Project, User
from tests.api.pictures import picture, shown
from tests.conftest import Api, interaction

HOSTILE = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x"]


@pytest.fixture
def pages(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def exported(pages: Client, name: str) -> str:
    response: Any = pages.get(f"/projects/support/interactions.{name}")
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def documents_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line]


def test_json_lines_lose_nothing(api: Api, pages: Client) -> None:
    """A line is the document that REST gives, images inline; logged again it is the same prompt."""
    logged = [
        api.log(messages=shown(picture()), labels={"env": "größe"}, feedbacks=[{"metric": "quality", "value": 0.1}]),
        api.log(messages=[{"role": "user", "content": "\0 \u2028 \n"}], completion="\0", model_service="m", usage={
            "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
        }, parameters={"n": 10**30}, state="failed", error={"kind": "timeout", "message": "late"}),
    ]  # fmt: skip
    lines = documents_of(exported(pages, "jsonl"))
    ids = [one["completion_id"] for one in reversed(logged)]
    assert lines == [api.get(f"interactions/{id}?images=inline").json() for id in ids]
    again = api.log(messages=lines[1]["messages"], completion=lines[1]["completion"])
    assert api.get(f"interactions/{again['completion_id']}").json()["prompt_hash"] == lines[1]["prompt_hash"]


def test_images_may_be_left_out_of_json_lines(api: Api, pages: Client) -> None:
    api.log(messages=shown(picture()))
    (line,) = documents_of(exported(pages, "jsonl?images=link"))
    assert line["messages"][0]["content"][1]["image_url"].startswith("/api/v1/images/support/")


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_a_file_holds_the_filtered_set_newest_first_each_once(
    api: Api, pages: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_CHUNK_ROWS", 7)
    monkeypatch.setattr(exports, "_CHUNK_BYTES", 1_000)
    items = [interaction(labels={"odd": str(n % 2)}, created_at=f"2026-01-0{n % 3 + 1}") for n in range(42)]
    api.post("interactions/batch", {"interactions": items})
    read: Callable[[str], list[Any]] = documents_of if name == "jsonl" else rows_of
    expected = Interaction.objects.filter(labellings__label__value="1").newest_first()
    lines: list[dict[str, Any]] = read(exported(pages, f"{name}?label=odd:1"))
    assert [line["id"] for line in lines] == [str(row.id) for row in expected]
    assert len(read(exported(pages, name))) == 42
    assert read(exported(pages, f"{name}?label=odd:7")) == []


def test_a_spreadsheet_finds_a_column_for_each_label_and_feedback_key(api: Api, pages: Client) -> None:
    api.log(
        labels={"env": "prod", "a,b": 'quote " and\nline'},
        feedbacks=[
            {"metric": "thumbs", "value": True},
            {"metric": "quality", "value": 0.1},
            {"metric": "quality", "value": -3},
        ],
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Größe?"}],
        created_at="2026-01-02T03:04:05Z",
        model_service="gpt",
    )
    api.log(feedbacks=[{"metric": "quality", "value": -2.5}])
    second, first = rows_of(exported(pages, "csv"))
    assert first["label env"] == "prod"
    assert first["label a,b"] == 'quote " and\nline'
    assert (first["feedback thumbs"], first["feedback quality"]) == ("1", "0.1; -3")
    assert (first["prompt"], first["created_at"], first["model"]) == (
        "Be brief.\nGröße?",
        "2026-01-02T03:04:05Z",
        "gpt",
    )
    assert (second["label env"], second["feedback thumbs"], second["feedback quality"]) == ("", "", "-2.5")


def test_nothing_in_a_spreadsheet_is_a_formula(api: Api, pages: Client) -> None:
    for text in HOSTILE:
        named = text.strip() or text
        asked = [{"role": "user", "content": text}]
        said = {"completion": text, "labels": {named: named}, "error": {"kind": named}, "finish_reason": named}
        api.log(messages=asked, model_service=named, state="failed", **said)
    text = exported(pages, "csv")
    cells = [cell for row in csv.reader(StringIO(text, newline="")) for cell in row]
    dangerous = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    assert not [cell for cell in cells if cell.startswith(dangerous)]
    assert {f"'{hostile}" for hostile in HOSTILE} <= set(cells)


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_an_export_that_cannot_be_honoured_is_refused(api: Api, pages: Client, name: str) -> None:
    api.log()
    response: Any = pages.get(f"/projects/support/interactions.{name}?colour=red")
    assert response.status_code == 422
    assert "colour" in response.content.decode()


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_an_export_is_for_those_who_may_read(api: Api, pages: Client, foreign: Project, name: str) -> None:
    assert Client().get(f"/projects/support/interactions.{name}").status_code == 302
    for key in ("secret", "nowhere"):
        assert pages.get(f"/projects/{key}/interactions.{name}").status_code == 404


def test_an_export_is_a_download_with_a_name(api: Api, pages: Client) -> None:
    for name, kind in (("jsonl", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8")):
        response: Any = pages.get(f"/projects/support/interactions.{name}")
        assert response["Content-Type"] == kind
        assert response["Content-Disposition"] == f'attachment; filename="support-interactions.{name}"'
        list(response.streaming_content)


def test_one_missing_image_file_does_not_end_an_export(api: Api, pages: Client, tmp_path: Path) -> None:
    api.log(messages=shown(picture()))
    api.log()
    (file,) = (path for path in (tmp_path / "images").rglob("*") if path.is_file())
    file.unlink()
    newer, older = documents_of(exported(pages, "jsonl"))
    assert newer["messages"] == interaction()["messages"]
    assert f"/api/v1/images/support/{file.name}" in json.dumps(older["messages"])


def test_an_export_refuses_a_form_of_images_that_it_does_not_know(pages: Client) -> None:
    for query in ("images=none", "images=link&images=inline"):
        response = pages.get(f"/projects/support/interactions.jsonl?{query}")
        assert response.status_code == 422
        assert response.content.decode().startswith("images: ")
