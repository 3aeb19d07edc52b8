"""Datasets: what is taken as one, what becomes of uploads and selections, and what is left behind."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyroaring import BitMap

from interactions import access, datasets, ids, removal
from interactions.access import Caller
from interactions.datasets import background
from interactions.datasets.files import selection_path, set_aside
from interactions.errors import Conflict, Forbidden, Invalid, NotFound, RequestError, TooLarge
from interactions.models import Dataset, FeedbackKey, Interaction, Project, Upload, User
from tests.api.pictures import data_uri, picture
from tests.conftest import Api

ASKED = [{"role": "user", "content": "Where is my order?"}]
PROMPT = {"messages": ASKED}
COMPLETED = PROMPT | {"completion": "On its way."}
SCORED = COMPLETED | {"feedbacks": {"quality": 0.8, "helpful": True}}
PREFERRED = PROMPT | {"preferred_completion": "On its way.", "other_completion": "?", "feedback_key": "tone"}


@pytest.fixture(autouse=True)
def _tidy_now() -> None:
    background._tidied_at = float("-inf")


@pytest.fixture
def caller(ann: User) -> Caller:
    return access.caller_of(ann)


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], list[str]]:
    """The names of all files of datasets and uploads."""

    def found() -> list[str]:
        places = (tmp_path / "datasets", tmp_path / "uploads")
        return sorted(path.name for place in places for path in place.rglob("*") if path.is_file())

    return found


def jsonl(*records: Any) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def create(caller: Caller, content: bytes, key: str = "d", name: str = "D") -> Dataset:
    return datasets.create(caller, "support", name, key, BytesIO(content))


def content_of(caller: Caller, key: str, form: str = "original") -> bytes:
    return b"".join(datasets.open_file(caller, "support", key, form).chunks)


def records_of(caller: Caller, key: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content_of(caller, key).splitlines()]


# What is taken


@pytest.mark.parametrize(
    ("record", "kind", "metrics"),
    [
        (PROMPT, "PROMPT", {}),
        (COMPLETED, "PROMPT_COMPLETION", {}),
        (
            SCORED,
            "PROMPT_COMPLETION_SCORE",
            {"helpful": {"scores": 2, "comparisons": 0}, "quality": {"scores": 2, "comparisons": 0}},
        ),
        (PREFERRED, "PREFERENCE", {"tone": {"scores": 0, "comparisons": 2}}),
    ],
)
def test_each_kind_of_record_is_known_by_its_fields_and_given_back_byte_for_byte(
    caller: Caller, ann: User, record: dict[str, Any], kind: str, metrics: dict[str, Any]
) -> None:
    content = jsonl(record, record | {"labels": {"env": "prod"}, "metadata": {"sql": ["SELECT 1"]}})
    create(caller, content)
    dataset = datasets.get(caller, "support", "d")
    assert (dataset.kind, dataset.records, dataset.metrics) == (kind, 2, metrics)
    assert (dataset.state, dataset.source, dataset.progress, dataset.error) == ("DONE", "UPLOADED", 1.0, "")
    assert (dataset.size, dataset.created_by) == (len(content), ann)
    assert content_of(caller, str(dataset.uid)) == content


def test_images_stay_as_they_are(caller: Caller) -> None:
    part = {"type": "image", "url": data_uri(picture())}
    content = jsonl({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]})
    create(caller, content)
    assert content_of(caller, "d") == content


def test_empty_lines_a_byte_order_mark_and_windows_line_ends_do_no_harm(caller: Caller) -> None:
    content = b"\xef\xbb\xbf" + b"\r\n\r\n".join(jsonl(PROMPT, PROMPT).splitlines())
    assert create(caller, content).records == 2
    assert content_of(caller, "d") == content


def test_a_recipe_reads_labels_and_images_in_one_form(caller: Caller) -> None:
    uri = data_uri(picture())
    parts = [{"type": "image_url", "image_url": {"url": uri}}, {"type": "image_url", "image_url": uri}]
    record = {"messages": [{"role": "user", "content": parts}], "labels": [["env", "prod"]]}
    create(caller, b"\n" + jsonl(record, PROMPT | {"labels": [{"key": "env", "value": "dev"}]}))
    first, second = (json.loads(line) for line in content_of(caller, "d", "recipe").splitlines())
    assert first["messages"][0]["content"] == [{"type": "image", "url": uri}] * 2
    assert (first["labels"], second["labels"]) == ({"env": "prod"}, {"env": "dev"})


def test_unknown_feedback_keys_are_registered_with_the_kind_of_their_values(caller: Caller, project: Project) -> None:
    given = [{"sure": True, "mixed": False}, {"sure": False, "mixed": 2, "thumbs": 1}]
    create(caller, jsonl(*(COMPLETED | {"feedbacks": one} for one in given)))
    create(caller, jsonl(PREFERRED), "e")
    kinds = dict(FeedbackKey.objects.filter(project=project).values_list("key", "kind"))
    assert kinds == {"thumbs": "bool", "quality": "scalar", "sure": "bool", "mixed": "scalar", "tone": "scalar"}


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        (b"{", "line 2", "Line 2: The line is not valid JSON"),
        (b"[]", "line 2", "A record is an object"),
        (b"\xff", "line 2", "not valid JSON"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "line 2", "not valid JSON"),
        (b'{"messages": [{"role": "user", "content": NaN}]}', "line 2", "not valid JSON"),
        (b'{"messages": [{"role": "user", "content": [1e999]}]}', "line 2", "number"),
        (b'{"messages": [{"role": "user", "content": ' + b"[" * 90 + b"]" * 90 + b"}]}", "line 2.", "nested more than"),
        (b'{"messages": []}', "line 2.messages", "at least 1"),
        (b'{"messages": [{"content": "x"}]}', "line 2.messages[0].role", "Line 2, messages[0].role: This field is req"),
        (jsonl({}), "line 2.messages", "required"),
        (jsonl(PROMPT | {"complettion": "x"}), "line 2.complettion", "not known"),
        (jsonl(PROMPT | {"labels": {"env": 1}}), "line 2.labels.env", "must be a text"),
        (jsonl(PROMPT | {"labels": [["env"]]}), "line 2.labels", "list of pairs"),
        (jsonl(PROMPT | {"metadata": "x"}), "line 2.metadata", "must be an object"),
        (jsonl(COMPLETED), "line 2", "of the kind PROMPT_COMPLETION, and the first one is of the kind PROMPT"),
        (jsonl(PROMPT | {"completion": None}), "line 2.completion", "must be a text"),
        (jsonl(SCORED | {"feedbacks": {"quality": "good"}}), "line 2.feedbacks.quality", "neither a number"),
        (jsonl(PREFERRED | {"other_completion": 1}), "line 2.other_completion", "must be a text"),
        (jsonl(PROMPT | {"feedback_key": "tone"}), "line 2.preferred_completion", "required"),
    ],
)
def test_what_is_refused_names_its_line_and_field_and_nothing_of_it_is_stored(
    caller: Caller, files: Callable[[], list[str]], line: bytes, field: str, said: str
) -> None:
    with pytest.raises(Invalid) as refused:
        create(caller, jsonl(PROMPT) + line + b"\n" + jsonl(PROMPT))
    assert (refused.value.field or "").startswith(field)
    assert said in refused.value.message
    assert (Dataset.objects.count(), files()) == (0, [])


def test_a_yes_or_no_key_takes_no_number(caller: Caller) -> None:
    with pytest.raises(Invalid, match="“thumbs” is a yes-or-no key: send true or false, not 3"):
        create(caller, jsonl(COMPLETED | {"feedbacks": {"thumbs": 3}}))


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_records_is_refused(caller: Caller, content: bytes) -> None:
    with pytest.raises(Invalid, match="no records"):
        create(caller, content)


def test_a_line_that_memory_could_not_hold_is_refused(caller: Caller, settings: Any) -> None:
    settings.MAX_REQUEST_BYTES = 2**20
    with pytest.raises(Invalid, match=r"Line 2: A record may have 1 MB"):
        datasets.create(caller, "support", "D", "d", iter([jsonl(PROMPT), *[b"x" * 300_000] * 5]))


def test_memory_stays_flat_however_large_the_file_is(caller: Caller) -> None:
    record = jsonl(PROMPT | {"metadata": {"padding": "x" * 500_000}})
    tracemalloc.start()
    try:
        dataset = datasets.create(caller, "support", "D", "d", (record for _ in range(200)))
        assert sum(map(len, datasets.open_file(caller, "support", "d").chunks)) == dataset.size == 200 * len(record)
        assert sum(map(len, datasets.open_file(caller, "support", "d", "recipe").chunks)) > 100_000_000
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()


# Names and permissions


def test_without_a_key_it_gets_one_of_its_name(caller: Caller) -> None:
    content = jsonl(PROMPT)
    assert datasets.create(caller, "support", "Customer support, v1", None, [content]).key == "customer-support-v1"
    assert datasets.create(caller, "support", "资料", "", [content]).key.startswith("dataset-")
    assert datasets.create(caller, "support", "GPT-4.1 answers", None, [content]).key == "gpt-4.1-answers"


def test_a_key_is_given_once(caller: Caller, files: Callable[[], list[str]]) -> None:
    create(caller, jsonl(PROMPT))
    with pytest.raises(Conflict, match="has a dataset “d” already"):
        create(caller, jsonl(PROMPT))
    assert len(files()) == 1


@pytest.mark.parametrize(
    ("name", "key", "field"),
    [(" ", "d", "name"), ("x" * 201, "d", "name"), ("D", "a/b", "key"), ("D", str(uuid4()), "key")],
)
def test_names_and_keys_that_are_none_are_refused(caller: Caller, name: str, key: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        create(caller, jsonl(PROMPT), key, name)
    assert refused.value.field == field


def test_an_id_finds_what_has_it_and_never_what_is_called_so(caller: Caller) -> None:
    first, second = create(caller, jsonl(PROMPT)), create(caller, jsonl(PROMPT), "e")
    Dataset.objects.filter(pk=second.pk).update(key=str(first.uid))  # as keys could be once
    assert datasets.get(caller, "support", str(first.uid)) == first


def test_who_may_only_look_may_download_and_no_more(caller: Caller, vic: User, foreign: Project) -> None:
    dataset, looker = create(caller, jsonl(PROMPT)), access.caller_of(vic)
    assert content_of(looker, "d") == jsonl(PROMPT)
    assert list(datasets.list_datasets(looker, "support")) == [dataset]
    refused: list[Callable[[], Any]] = [
        lambda: create(looker, jsonl(PROMPT), "e"),
        lambda: datasets.delete(looker, "support", "d"),
        lambda: datasets.begin_upload(looker, 1),
        lambda: datasets.create_from_selection(looker, "support", "S", "s", BitMap([1]), "PROMPT"),
    ]
    for act in refused:
        with pytest.raises(Forbidden):
            act()
    for act in (lambda: datasets.list_datasets(caller, "secret"), lambda: datasets.get(caller, "secret", "d")):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(NotFound, match="has no dataset “e”"):
        datasets.get(caller, "support", "e")


def test_what_is_deleted_is_gone_with_its_file(caller: Caller, files: Callable[[], list[str]]) -> None:
    create(caller, jsonl(PROMPT))
    datasets.delete(caller, "support", "d")
    assert (Dataset.objects.count(), files()) == (0, [])
    create(caller, jsonl(PROMPT))


def test_a_file_that_is_missing_in_the_store_is_said_to_be(caller: Caller, tmp_path: Path) -> None:
    create(caller, jsonl(PROMPT))
    (file,) = (tmp_path / "datasets").rglob("*.zst")
    file.unlink()
    with pytest.raises(NotFound, match="missing in the store"):
        datasets.open_file(caller, "support", "d")


# Uploads


def uploaded(caller: Caller, *parts: bytes) -> str:
    session = str(datasets.begin_upload(caller, len(parts), "application/jsonl").uid)
    for number, part in enumerate(parts, start=1):
        datasets.add_part(caller, session, number, BytesIO(part))
    return session


def test_parts_come_in_any_order_and_may_come_again(caller: Caller) -> None:
    content = jsonl(SCORED, SCORED)
    session = str(datasets.begin_upload(caller, 3).uid)
    for number, part in ((3, content[60:]), (1, b"something else"), (1, content[:20])):
        datasets.add_part(caller, session, number, BytesIO(part))
    assert datasets.upload_status(caller, session) == ([1, 3], 3)
    with pytest.raises(Invalid, match="1 of 3 parts are missing, first 2"):
        datasets.create_from_upload(caller, "support", "D", "d", session)
    datasets.add_part(caller, session, 2, [content[20:60]])
    pending = datasets.create_from_upload(caller, "support", "D", "d", session)
    assert (pending.state, pending.kind, pending.records) == ("PENDING", "PROMPT_COMPLETION_SCORE", None)
    datasets.carry_on()
    done = datasets.get(caller, "support", "d")
    assert (done.state, done.records, done.progress, done.size) == ("DONE", 2, 1.0, len(content))
    assert content_of(caller, "d") == content
    assert FeedbackKey.objects.get(key="helpful").kind == "bool"


def test_when_a_dataset_is_made_its_upload_is_gone(caller: Caller, files: Callable[[], list[str]]) -> None:
    dataset = datasets.create_from_upload(caller, "support", "D", "d", uploaded(caller, jsonl(PROMPT)))
    datasets.carry_on()
    assert (Upload.objects.count(), files()) == (0, [f"{dataset.uid}.jsonl.zst"])


def test_a_wrong_line_is_told_when_it_is_met_and_leaves_the_key_free(
    caller: Caller, files: Callable[[], list[str]]
) -> None:
    session = uploaded(caller, jsonl(PROMPT) * 5, b'{"messages": 1}')
    datasets.create_from_upload(caller, "support", "D", "d", session)
    with pytest.raises(Conflict, match="still being made"):
        datasets.open_file(caller, "support", "d")
    datasets.carry_on()
    failed = datasets.get(caller, "support", "d")
    assert (failed.state, failed.error) == ("ERROR", "Line 6, messages: This must be a list.")
    assert (Upload.objects.count(), files()) == (0, [])
    with pytest.raises(Conflict, match="Line 6"):
        datasets.open_file(caller, "support", "d")
    assert create(caller, jsonl(PROMPT)).state == "DONE"
    assert datasets.list_datasets(caller, "support").count() == 1


def test_what_is_wrong_in_the_first_record_is_told_at_once(caller: Caller) -> None:
    session = uploaded(caller, b'{"messages": 1}')
    with pytest.raises(Invalid, match="Line 1, messages"):
        datasets.create_from_upload(caller, "support", "D", "d", session)
    assert not Dataset.objects.exists()
    datasets.add_part(caller, session, 1, [jsonl(PROMPT)])
    datasets.create_from_upload(caller, "support", "D", "d", session)


def test_an_upload_is_for_who_began_it(caller: Caller, project: Project) -> None:
    other = User.objects.create_superuser("root@example.org", "correct horse")
    session, stranger = uploaded(caller, jsonl(PROMPT)), access.caller_of(other)
    acts: list[Callable[[], Any]] = [
        lambda: datasets.add_part(stranger, session, 1, [b"x"]),
        lambda: datasets.upload_status(stranger, session),
        lambda: datasets.abort_upload(stranger, session),
        lambda: datasets.create_from_upload(stranger, "support", "D", "d", session),
    ]
    for act in acts:
        with pytest.raises(NotFound, match="of yours"):
            act()
    with pytest.raises(Forbidden):
        datasets.begin_upload(access.operator(project), 1)


@pytest.mark.parametrize("parts", [0, -1, 10_001])
def test_an_upload_has_1_to_10_000_parts(caller: Caller, parts: int) -> None:
    with pytest.raises(Invalid, match="1 to 10,000 parts"):
        datasets.begin_upload(caller, parts)


def test_parts_that_cannot_be_are_refused(caller: Caller, settings: Any, files: Callable[[], list[str]]) -> None:
    settings.MAX_PART_BYTES = 2**20
    session = str(datasets.begin_upload(caller, 2).uid)
    cases: list[tuple[int, list[bytes], type[RequestError]]] = [
        (0, [b"x"], Invalid),
        (3, [b"x"], Invalid),
        (1, [], Invalid),
        (1, [b"x" * 600_000] * 2, TooLarge),
    ]
    for number, content, error in cases:
        with pytest.raises(error):
            datasets.add_part(caller, session, number, content)
    assert files() == []


def test_an_upload_that_is_given_up_leaves_nothing(caller: Caller, files: Callable[[], list[str]]) -> None:
    session = uploaded(caller, b"x")
    datasets.abort_upload(caller, session)
    assert (Upload.objects.count(), files()) == (0, [])
    with pytest.raises(NotFound):
        datasets.add_part(caller, session, 1, [b"x"])


def test_an_upload_is_used_once(caller: Caller) -> None:
    session = uploaded(caller, jsonl(PROMPT))
    datasets.create_from_upload(caller, "support", "D", "d", session)
    acts: list[Callable[[], Any]] = [
        lambda: datasets.create_from_upload(caller, "support", "E", "e", session),
        lambda: datasets.add_part(caller, session, 1, [b"x"]),
        lambda: datasets.abort_upload(caller, session),
    ]
    for act in acts:
        with pytest.raises(Conflict, match="is being made of this upload"):
            act()


def test_deleting_what_is_being_made_ends_that(caller: Caller, files: Callable[[], list[str]]) -> None:
    datasets.create_from_upload(caller, "support", "D", "d", uploaded(caller, jsonl(PROMPT)))
    datasets.delete(caller, "support", "d")
    datasets.carry_on()
    assert (Dataset.objects.count(), Upload.objects.count(), files()) == (0, 0, [])


# The background


def test_one_worker_at_a_time_makes_a_dataset_and_a_dead_one_is_replaced(caller: Caller) -> None:
    datasets.create_from_upload(caller, "support", "D", "d", uploaded(caller, jsonl(PROMPT)))
    Dataset.objects.update(worker="another", worked_until=ids.now() + timedelta(minutes=1))
    datasets.carry_on()
    assert datasets.get(caller, "support", "d").state == "PENDING"
    Dataset.objects.update(worked_until=ids.now())
    datasets.carry_on()
    assert datasets.get(caller, "support", "d").state == "DONE"


def test_who_lost_a_dataset_to_another_worker_writes_nothing_more(
    caller: Caller, files: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets.create_from_upload(caller, "support", "D", "d", uploaded(caller, jsonl(PROMPT) * 3))
    monkeypatch.setattr(background, "_SAID_EVERY_SECONDS", 0)
    claim = background._next_claim()
    assert claim is not None
    Dataset.objects.update(worker="another", worked_until=ids.now() + timedelta(minutes=1))
    background._make(claim)
    dataset = datasets.get(caller, "support", "d")
    assert (dataset.state, dataset.worker, files()) == ("PENDING", "another", ["1"])


def test_an_upload_that_is_missing_is_waited_for_then_an_error_and_holds_up_no_other(
    caller: Caller, tmp_path: Path
) -> None:
    lost = uploaded(caller, jsonl(PROMPT))
    datasets.create_from_upload(caller, "support", "Lost", "lost", lost)
    datasets.create_from_upload(caller, "support", "Kept", "kept", uploaded(caller, jsonl(PROMPT)))
    (tmp_path / "uploads" / lost / "1").unlink()
    datasets.carry_on()
    assert datasets.get(caller, "support", "kept").state == "DONE"
    assert datasets.get(caller, "support", "lost").state == "PENDING"
    Dataset.objects.update(created_at=ids.now() - timedelta(hours=2))
    datasets.carry_on()
    failed = datasets.get(caller, "support", "lost")
    assert (failed.state, failed.error.split(".")[0]) == ("ERROR", "What it was to be made of is missing in the store")


def test_what_nobody_needs_is_cleared_away(caller: Caller, tmp_path: Path, files: Callable[[], list[str]]) -> None:
    kept = create(caller, jsonl(PROMPT))
    used = uploaded(caller, jsonl(PROMPT))
    pending = datasets.create_from_upload(caller, "support", "P", "pending", used)
    stale, fresh = uploaded(caller, b"stale"), uploaded(caller, b"fresh")
    Upload.objects.filter(uid__in=(stale, used)).update(created_at=ids.now() - timedelta(days=8))
    Dataset.objects.filter(pk=pending.pk).update(worker="x", worked_until=ids.now() + timedelta(minutes=1))
    place = tmp_path / "datasets" / str(kept.project_id)
    (tmp_path / "uploads" / str(uuid4())).mkdir()
    for orphan in (place / f"{uuid4()}.selection", place / f"{kept.uid}.jsonl.zst.abc.new"):
        orphan.write_bytes(b"")
    for path in tmp_path.rglob("*"):
        os.utime(path, (time.time() - 8 * 24 * 3_600,) * 2)
    young = place / f"{uuid4()}.selection"
    young.write_bytes(b"")
    datasets.carry_on()
    assert files() == sorted([f"{kept.uid}.jsonl.zst", young.name, "1", "1"])
    assert {path.name for path in (tmp_path / "uploads").iterdir()} == {used, fresh}


def test_a_deletion_that_was_cut_short_is_ended_or_taken_back(
    caller: Caller, tmp_path: Path, files: Callable[[], list[str]]
) -> None:
    kept, gone = create(caller, jsonl(PROMPT)), create(caller, jsonl(PROMPT), "e")
    for dataset in (kept, gone):
        set_aside(dataset)
    assert content_of(caller, "d") == jsonl(PROMPT)  # the row says that it is there
    gone.delete()
    assert len(files()) == 2
    datasets.carry_on()
    assert files() == [f"{kept.uid}.jsonl.zst"]
    assert content_of(caller, "d") == jsonl(PROMPT)


# From interactions


def numbers(**fields: Any) -> BitMap:
    return BitMap(Interaction.objects.filter(**fields).values_list("number", flat=True))


def from_selection(caller: Caller, kind: str, **options: Any) -> list[dict[str, Any]]:
    datasets.create_from_selection(caller, "support", "S", f"s{uuid4().hex}", numbers(), kind, **options)
    return records_of(caller, datasets.list_datasets(caller, "support")[0].key)


def test_interactions_become_records_with_their_labels_and_images_byte_for_byte(caller: Caller, api: Api) -> None:
    part = {"type": "image_url", "image_url": data_uri(picture())}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]
    api.log(messages=messages, completion="A square.", labels={"env": "prod"})
    assert from_selection(caller, "PROMPT") == [{"messages": messages, "labels": {"env": "prod"}}]
    assert from_selection(caller, "PROMPT_COMPLETION") == [
        {"messages": messages, "completion": "A square.", "labels": {"env": "prod"}}
    ]
    dataset = datasets.list_datasets(caller, "support")[0]
    assert (dataset.source, dataset.kind, dataset.records, dataset.state) == (
        "FILTERED",
        "PROMPT_COMPLETION",
        1,
        "DONE",
    )


def test_scores_are_the_latest_under_each_wanted_key(caller: Caller, api: Api) -> None:
    logged = api.log(completion="judged")["completion_id"]
    api.log(completion="not judged")
    for metric, value in (("quality", 1), ("thumbs", True), ("quality", 4.5)):
        api.post("feedback", {"completion_id": logged, "metric": metric, "value": value})
    (record,) = from_selection(caller, "PROMPT_COMPLETION_SCORE")
    assert (record["completion"], record["feedbacks"]) == ("judged", {"quality": 4.5, "thumbs": True})
    thumbs = str(FeedbackKey.objects.get(project__key="support", key="thumbs").uid)
    (record,) = from_selection(caller, "PROMPT_COMPLETION_SCORE", metrics=[thumbs])
    assert record["feedbacks"] == {"thumbs": True}
    assert datasets.list_datasets(caller, "support")[0].metrics == {"thumbs": {"scores": 1, "comparisons": 0}}
    with pytest.raises(NotFound, match="no feedback key “nope”"):
        from_selection(caller, "PROMPT_COMPLETION_SCORE", metrics=["nope"])


def test_comparisons_become_preferences_once_each_and_ties_none(caller: Caller, api: Api) -> None:
    sides = [api.log(completion=f"{n}", labels={"n": f"{n}"})["completion_id"] for n in range(4)]

    def compare(preferred: int, other: int, **more: Any) -> None:
        body = {"preferred_completion": sides[preferred], "other_completion": sides[other], "metric": "quality"}
        assert api.post("comparison", {"project": "support"} | body | more).status_code == 201

    compare(1, 0)
    compare(2, 1)
    compare(2, 3, tied="good")
    pairs = {(r["preferred_completion"], r["other_completion"]) for r in from_selection(caller, "PREFERENCE")}
    assert pairs == {("1", "0"), ("2", "1")}
    only = numbers(pk=sides[0])
    datasets.create_from_selection(caller, "support", "O", "only", only, "PREFERENCE", ["quality"])
    assert records_of(caller, "only") == [
        {
            "messages": ASKED,
            "preferred_completion": "1",
            "other_completion": "0",
            "feedback_key": "quality",
            "labels": {"n": "1"},
        }
    ]
    assert datasets.get(caller, "support", "only").metrics == {"quality": {"scores": 0, "comparisons": 1}}
    assert len(from_selection(caller, "PREFERENCE", sample=datasets.Sample("LAST", 1))) == 1
    with pytest.raises(Invalid, match="gives a record of the kind PREFERENCE"):
        from_selection(caller, "PREFERENCE", metrics=["thumbs"])


def test_those_without_texts_and_those_that_failed_are_left_out(caller: Caller, api: Api, project: Project) -> None:
    emptied = api.log(completion="emptied")["completion_id"]
    api.log(completion="", state="failed", messages=[{"role": "user", "content": "failed"}])
    api.log(completion="kept")
    removal.drop_transcripts(project.pk, numbers(pk=emptied))
    assert [record["completion"] for record in from_selection(caller, "PROMPT_COMPLETION")] == ["kept"]
    asked = [record["messages"][0]["content"] for record in from_selection(caller, "PROMPT")]
    assert asked == ["failed", "Where is my order?"]


def test_a_sample_is_the_last_ones_or_some_at_random_that_can_be_had_again(
    caller: Caller, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(30):
        api.log(completion=f"{n}", created_at=f"2026-01-{30 - n:02}T00:00:00Z")
    last = from_selection(caller, "PROMPT_COMPLETION", sample=datasets.Sample("LAST", 3))
    assert [record["completion"] for record in last] == ["0", "1", "2"]
    some = from_selection(caller, "PROMPT_COMPLETION", sample=datasets.Sample("RANDOM", 10))
    assert len({record["completion"] for record in some}) == 10
    monkeypatch.setattr("interactions.datasets.making.MOST_AT_ONCE", 1)
    dataset = datasets.create_from_selection(
        caller, "support", "R", "r", numbers(), "PROMPT_COMPLETION", sample=datasets.Sample("RANDOM", 10)
    )
    selection = selection_path(dataset).read_bytes()
    datasets.carry_on()
    first = records_of(caller, "r")
    selection_path(dataset).write_bytes(selection)
    Dataset.objects.filter(pk=dataset.pk).update(state="PENDING")
    datasets.carry_on()
    assert records_of(caller, "r") == first
    assert len(from_selection_all(caller)) == 30
    for how in ("RANDOM", "LAST"):
        with pytest.raises(Invalid, match="Say how many"):
            datasets.Sample(how)


def from_selection_all(caller: Caller) -> list[dict[str, Any]]:
    datasets.create_from_selection(
        caller, "support", "A", "all", numbers(), "PROMPT", sample=datasets.Sample("RANDOM", 99)
    )
    datasets.carry_on()
    return records_of(caller, "all")


def test_many_interactions_are_written_in_the_background(
    caller: Caller, api: Api, files: Callable[[], list[str]]
) -> None:
    plain = [{"project": "support", "messages": ASKED, "completion": f"{n}"} for n in range(1_001)]
    for some in (plain[:1_000], plain[1_000:]):
        assert api.post("interactions/batch", {"interactions": some}).status_code == 200
    selected = numbers()
    dataset = datasets.create_from_selection(caller, "support", "S", "s", selected, "PROMPT_COMPLETION")
    assert (dataset.state, dataset.kind, files()) == ("PENDING", "PROMPT_COMPLETION", [f"{dataset.uid}.selection"])
    datasets.carry_on()
    done = datasets.get(caller, "support", "s")
    assert (done.state, done.records, done.progress) == ("DONE", 1_001, 1.0)
    assert files() == [f"{dataset.uid}.jsonl.zst"]
    assert [int(record["completion"]) for record in records_of(caller, "s")] == list(range(1_001))


def test_a_preview_shows_the_first_records_and_stores_nothing(
    caller: Caller, api: Api, files: Callable[[], list[str]]
) -> None:
    part = {"type": "image", "url": data_uri(picture())}
    api.log(messages=[{"role": "user", "content": [part]}], completion="0")
    for n in range(1, 5):
        api.log(completion=f"{n}")
    text = datasets.preview_from_selection(caller, "support", numbers(), "PROMPT_COMPLETION")
    shown = [json.loads(line) for line in text.splitlines()]
    assert [record["completion"] for record in shown] == ["0", "1", "2"]
    assert shown[0]["messages"][0]["content"][0]["url"].startswith("/api/v1/images/support/")
    assert (Dataset.objects.count(), files()) == (0, [])
    assert datasets.preview_from_selection(caller, "support", numbers(), "PREFERENCE") == ""


def test_a_selection_that_cannot_be_is_refused(caller: Caller, api: Api) -> None:
    api.log()
    with pytest.raises(Invalid, match="There is no kind “TABLE”"):
        from_selection(caller, "TABLE")
    with pytest.raises(Invalid, match="No interactions are selected"):
        datasets.create_from_selection(caller, "support", "S", "s", BitMap(), "PROMPT")
    assert not Dataset.objects.exists()


def test_interactions_of_another_project_are_out_of_reach(caller: Caller, api: Api, foreign: Project) -> None:
    api.log()
    Interaction.objects.update(project=foreign)
    with pytest.raises(Invalid, match="None of the selected interactions"):
        from_selection(caller, "PROMPT")
