"""What is removed is gone, all of it, from every table and from the disk; and nothing else is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.utils import timezone
from pyroaring import BitMap

from interactions import access, conditions, exports, finding, ids, images, ingest, payloads, removal
from interactions.errors import NotFound, Unavailable
from interactions.ingest import history
from interactions.models import (
    AbEntry,
    Change,
    Comparison,
    Feedback,
    Image,
    ImageUse,
    Interaction,
    Label,
    Labelling,
    OpenCall,
    Outcome,
    Project,
    Removal,
    Transcript,
)
from interactions.removal import batches
from tests.api.pictures import data_uri, picture, showing
from tests.conftest import Api, interaction

PICTURE = {"type": "image_url", "image_url": data_uri(picture())}


def numbers_of(*logged: dict[str, Any]) -> BitMap:
    ids_ = [answer["completion_id"] for answer in logged]
    return BitMap(Interaction.objects.filter(pk__in=ids_).values_list("number", flat=True))


def delete(project: Project, *logged: dict[str, Any]) -> None:
    removal.delete(project.pk, numbers_of(*logged))


def files() -> list[Path]:
    root = Path(default_storage.path(""))
    return sorted(path for path in root.rglob("*") if path.is_file())


def held() -> str:
    """All that any table holds, as text; bytes and UUIDs in hexadecimal digits."""
    found = []
    for model in apps.get_app_config("interactions").get_models():
        for row in model._default_manager.values():
            found.append(f"{model.__name__} {json.dumps(row, default=_text)}")
    return "\n".join(found)


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.hex if isinstance(value, UUID) else str(value)


def changed(project: Project, after: int = 0) -> BitMap:
    noted = Change.objects.filter(project=project, revision__gt=after).values_list("numbers", flat=True)
    return BitMap.union(BitMap(), *(BitMap.deserialize(bytes(numbers)) for numbers in noted))


# Deleting


def test_nothing_remains_of_what_was_deleted(api: Api, project: Project) -> None:
    other = api.log(labels={"env": "prod"})
    gone = api.log(
        messages=showing({"type": "text", "text": "zebra prompt"}, PICTURE),
        completion="zebra completion",
        labels={"env": "prod", "who": "zebra-value"},
        model="model-of-both",
        session_id=str(uuid4()),
        user=str(uuid4()),
        parameters={"zebra": 1},
        error={"kind": "timeout", "message": "zebra error"},
        feedbacks=[{"metric": "thumbs", "value": True, "details": "zebra details", "reason": "zebra reason"}],
    )
    api.post("comparison", {"project": "support", "metric": "quality", **sides(gone, other)})
    api.post("outcome", {"project": "support", "metric": "quality", "session_id": gone["session_id"], "value": 0.5})
    row = Interaction.objects.get(pk=gone["completion_id"])
    traces = ["zebra", row.pk.hex, row.session_id.hex, row.user_uid.hex if row.user_uid else "", row.prompt_hash]
    traces += [Image.objects.get().sha256, gone["feedback_ids"][0].replace("-", "")]
    before = held()
    assert [trace for trace in traces if trace not in before] == []

    delete(project, gone)

    after = held()
    assert [trace for trace in traces if trace in after] == []
    assert files() == []
    assert Interaction.objects.get().pk == UUID(other["completion_id"])
    assert Labelling.objects.get().label.value == "prod"


def sides(preferred: dict[str, Any], other: dict[str, Any]) -> dict[str, str]:
    return {"preferred_completion": preferred["completion_id"], "other_completion": other["completion_id"]}


def test_every_table_that_belongs_to_an_interaction_is_known_here() -> None:
    """A new one must go with the interaction, too; then it can be added."""
    known = {AbEntry, Feedback, ImageUse, Labelling, OpenCall, Transcript}
    refer = {
        model
        for model in apps.get_app_config("interactions").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is Interaction
    }
    assert refer == known


def test_what_is_deleted_or_altered_is_noted_in_the_project_s_history(api: Api, project: Project) -> None:
    first, second, third, fourth = (api.log() for _ in range(4))
    api.post("comparison", {"project": "support", "metric": "quality", **sides(third, first)})
    before = history.write(project.pk, 0) - 1
    numbers = numbers_of(first, second), numbers_of(third)
    delete(project, first, second)
    assert changed(project, before) == numbers[0] | numbers[1], "the comparison of the third is gone"
    assert not Comparison.objects.exists()
    before = history.write(project.pk, 0) - 1
    removal.drop_transcripts(project.pk, numbers_of(fourth))
    assert changed(project, before) == numbers_of(fourth)


def test_label_values_go_with_their_last_use(api: Api, project: Project) -> None:
    one, two = api.log(labels={"env": "prod", "who": "ann"}), api.log(labels={"env": "dev", "who": "ann"})
    delete(project, one)
    assert set(Label.objects.values_list("value", flat=True)) == {"dev", "ann"}
    delete(project, two)
    assert not Label.objects.exists()


def test_a_label_that_is_gone_can_be_given_again(transactional_db: None, api: Api, project: Project) -> None:
    delete(project, api.log(labels={"env": "prod"}))
    again = api.log(labels={"env": "prod"})  # this process remembers the ids that are gone
    assert api.get(f"interactions/{again['completion_id']}").json()["labels"] == {"env": "prod"}


def test_what_was_said_about_a_session_goes_with_its_last_interaction(api: Api, project: Project) -> None:
    session = str(uuid4())
    one, two = (api.log(session_id=session) for _ in range(2))
    api.post("outcome", {"project": "support", "metric": "quality", "session_id": session, "value": 1})
    delete(project, one)
    assert Outcome.objects.count() == 1
    delete(project, two)
    assert not Outcome.objects.exists()


def test_numbers_of_another_project_or_of_nothing_remove_nothing(api: Api, project: Project, foreign: Project) -> None:
    logged = api.log()
    removal.delete(foreign.pk, numbers_of(logged))
    removal.delete(project.pk, BitMap([10_000]))
    removal.delete(project.pk, BitMap())
    assert Interaction.objects.count() == 1


def test_what_is_said_about_a_deleted_interaction_is_refused(api: Api, project: Project) -> None:
    gone, other = api.log(), api.log()
    delete(project, gone)
    feedback = {"completion_id": gone["completion_id"], "metric": "thumbs", "value": True}
    assert api.post("feedback", feedback).status_code == 404
    comparison = {"project": "support", "metric": "quality", **sides(other, gone)}
    assert api.post("comparison", comparison).status_code == 404
    assert not Feedback.objects.exists()
    assert not Comparison.objects.exists()


def test_a_comparison_with_what_is_deleted_meanwhile_is_not_stored(api: Api, project: Project) -> None:
    gone, other = api.log(), api.log()
    caller = access.operator(project)
    told = {"project": "support", "metric": "quality", **sides(other, gone)}
    act = ingest.Compare(payloads.read(payloads.Comparison, told))
    batch = ingest.batch.Batch()
    act.plan(caller, batch)
    delete(project, gone)
    with pytest.raises(IntegrityError):
        batch.insert()


# In batches


def test_many_are_removed_in_batches_and_each_tells_how_far_it_is(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_FIRST", 2)
    monkeypatch.setattr(batches, "_MOST", 2)
    logged = [api.log(messages=showing(PICTURE)) for _ in range(5)]
    told: list[int] = []
    removal.delete(project.pk, numbers_of(*logged), told.append)
    assert told == [2, 4, 5]
    assert not Interaction.objects.exists()
    assert files() == []


def test_a_store_that_is_away_is_given_time_and_then_said_to_be(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("interactions.removal.batches.time.sleep", slept.append)

    def fail(*_: object) -> None:
        raise OperationalError("the store is away")

    monkeypatch.setattr(batches, "_written", fail)
    with pytest.raises(Unavailable):
        batches.Pace().run(fail)
    assert sum(slept) > 5


def request(project: Project, *logged: dict[str, Any]) -> Removal:
    return removal.request(project, Removal.What.INTERACTIONS, numbers_of(*logged), "selected by hand")


def test_a_removal_goes_on_where_it_was(api: Api, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_FIRST", 2)
    wanted = request(project, *(api.log() for _ in range(5)))

    def die(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        removal.work_off(wanted, die)
    wanted.refresh_from_db()
    assert (wanted.done, wanted.finished_at, Interaction.objects.count()) == (2, None, 3)
    Removal.objects.update(worked_until=ids.now())  # its worker is taken for dead
    assert removal.work_off(wanted)
    wanted.refresh_from_db()
    assert (wanted.done, wanted.numbers) == (5, b"")
    assert wanted.finished_at
    assert not Interaction.objects.exists()
    assert removal.work_off(wanted)


def test_one_process_works_on_a_removal_at_a_time(api: Api, project: Project) -> None:
    wanted = request(project, api.log())
    Removal.objects.update(worker="another", worked_until=ids.now() + timedelta(minutes=1))
    assert not removal.work_off(wanted, seconds=0.01)
    assert Interaction.objects.count() == 1


def test_a_server_works_off_what_was_asked_for_and_applies_retention(api: Api, project: Project) -> None:
    request(project, api.log())
    old = api.log(created_at=(ids.now() - timedelta(days=3)).isoformat())
    Project.objects.update(keep_interactions=2)
    api.log()
    removal.background._looked_at = float("-inf")
    removal.carry_on()
    assert Interaction.objects.count() == 1
    assert not Interaction.objects.filter(pk=old["completion_id"]).exists()
    assert Removal.objects.filter(finished_at=None).count() == 0


# Only the texts


def drop(project: Project, *logged: dict[str, Any]) -> None:
    removal.drop_transcripts(project.pk, numbers_of(*logged))


def test_without_its_texts_an_interaction_still_says_all_else(api: Api, project: Project) -> None:
    messages = showing({"type": "text", "text": "zebra prompt"}, PICTURE)
    given = [{"metric": "thumbs", "value": True}]
    logged = api.log(messages=messages, completion="zebra completion", labels={"env": "prod"}, feedbacks=given)
    drop(project, logged)
    assert "zebra" not in held()
    assert files() == []
    assert not Image.objects.exists()
    document = api.get(f"interactions/{logged['completion_id']}").json()
    assert (document["texts_removed"], document["messages"], document["completion"]) == (True, None, None)
    assert (document["labels"], document["feedbacks"][0]["value"]) == ({"env": "prod"}, True)
    row = api.get("interactions?project=support").json()["interactions"][0]
    assert (row["prompt_preview"], row["completion_preview"], row["image_count"]) == ("", "", 0)
    assert api.get("interactions?project=support&image=yes").json()["interactions"] == []
    assert api.get("interactions?project=support&prompt=zebra").json()["interactions"] == []
    drop(project, logged)  # again changes nothing
    delete(project, logged)
    assert not Interaction.objects.exists()


def test_texts_that_are_there_are_said_to_be(api: Api) -> None:
    assert api.get(f"interactions/{api.log()['completion_id']}").json()["texts_removed"] is False


def test_exports_hold_the_interactions_whose_texts_were_removed(api: Api, project: Project) -> None:
    kept, emptied = api.log(completion="still here"), api.log(completion="zebra", labels={"env": "prod"})
    drop(project, emptied)
    everything = finding.find(project, conditions.All())
    lines = [json.loads(line) for line in b"".join(exports.jsonl(everything, project)).splitlines()]
    assert [(line["id"], line["completion"], line["texts_removed"]) for line in lines] == [
        (emptied["completion_id"], None, True),
        (kept["completion_id"], "still here", False),
    ]
    table = b"".join(exports.as_csv(everything, project)).decode()
    assert emptied["completion_id"] in table
    assert "zebra" not in table


# Retention


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def logged_at(api: Api, moment: datetime) -> str:
    return str(api.log(created_at=moment.isoformat())["completion_id"])


def apply(project: Project, now: datetime = NOW) -> None:
    for wanted in removal.apply_retention(project, now):
        removal.work_off(wanted)


def test_retention_is_exact_to_the_microsecond(api: Api, project: Project) -> None:
    tick = timedelta(microseconds=1)
    deleted = logged_at(api, NOW - timedelta(days=30) - tick)
    emptied = [logged_at(api, NOW - timedelta(days=30)), logged_at(api, NOW - timedelta(days=7) - tick)]
    kept = logged_at(api, NOW - timedelta(days=7))
    project.keep_interactions, project.keep_transcripts = 30, 7
    assert removal.overdue(project, NOW) == (1, 2)
    apply(project)
    assert {str(id) for id in Interaction.objects.values_list("pk", flat=True)} == {*emptied, kept}
    assert not Interaction.objects.filter(pk=deleted).exists()
    assert [str(id) for id in Transcript.objects.values_list("pk", flat=True)] == [kept]
    assert removal.overdue(project, NOW) == (0, 0)
    assert removal.apply_retention(project, NOW) == []


def test_without_days_all_is_kept(api: Api, project: Project) -> None:
    logged_at(api, datetime(1971, 1, 1, tzinfo=UTC))
    assert removal.overdue(project, NOW) == (0, 0)
    assert removal.apply_retention(project, NOW) == []
    project.keep_interactions = 2_000_000_000
    assert removal.overdue(project, NOW) == (0, 0)


def test_retention_leaves_other_projects_alone(api: Api, project: Project, foreign: Project) -> None:
    logged_at(api, NOW - timedelta(days=10))
    foreign.keep_interactions = 1
    assert removal.overdue(foreign, NOW) == (0, 0)
    apply(foreign)
    assert Interaction.objects.count() == 1


def test_retention_is_not_asked_for_twice(api: Api, project: Project) -> None:
    logged_at(api, NOW - timedelta(days=10))
    project.keep_interactions = 1
    assert len(removal.apply_retention(project, NOW)) == 1
    assert removal.apply_retention(project, NOW) == []


def test_retention_is_due_once_a_day(project: Project) -> None:
    now = timezone.now()
    assert list(removal.retention.due_projects(now)) == []
    Project.objects.update(keep_interactions=1)
    assert list(removal.retention.due_projects(now)) == [project]
    assert list(removal.retention.due_projects(now + timedelta(hours=23))) == []
    assert list(removal.retention.due_projects(now + timedelta(hours=24))) == [project]


# Images: shared, and in every order of events


def log_picture(api: Api, name: str = "teal") -> dict[str, Any]:
    part = {"type": "image_url", "image_url": data_uri(picture(color=name))}
    return api.log(messages=showing(part))


def test_an_image_stays_as_long_as_something_shows_it(api: Api, project: Project) -> None:
    first, second = log_picture(api), log_picture(api)
    delete(project, first)
    (file,) = files()
    assert file.read_bytes() == picture()
    assert ImageUse.objects.count() == 1
    delete(project, second)
    assert files() == []
    assert not Image.objects.exists()


def prepared_picture(project: Project) -> ingest.Prepared:
    told = interaction(messages=showing(PICTURE))
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, None)
    ingest.store_images([prepared])
    return prepared


def commit(project: Project, prepared: ingest.Prepared) -> None:
    ingest.perform(access.operator(project), ingest.Record(prepared))


def check_images() -> None:
    """Every image that is shown has its content, and there is no other file."""
    expected = set()
    for image in Image.objects.all():
        assert images.read(image) == picture()
        expected.add(f"{image.sha256}.{image.format}")
    assert {file.name for file in files()} == expected


def test_a_picture_that_was_known_and_is_deleted_before_the_commit_must_be_sent_again(
    api: Api, project: Project
) -> None:
    shown = log_picture(api)
    prepared = prepared_picture(project)
    delete(project, shown)
    with pytest.raises(Unavailable, match="Send the request again"):
        commit(project, prepared)
    assert not Interaction.objects.exists()
    commit(project, prepared_picture(project))
    check_images()


def test_a_picture_that_was_new_and_is_deleted_before_the_commit_must_be_sent_again(api: Api, project: Project) -> None:
    prepared = prepared_picture(project)  # wrote the file, as no row was there
    delete(project, log_picture(api))  # another one's row came, and went with the file
    with pytest.raises(Unavailable, match="Send the request again"):
        commit(project, prepared)
    assert not Interaction.objects.exists()
    assert not Image.objects.exists()
    commit(project, prepared_picture(project))
    check_images()


def test_only_the_request_whose_picture_was_deleted_is_turned_away(api: Api, project: Project) -> None:
    shown = log_picture(api)
    with_picture = prepared_picture(project)
    delete(project, shown)
    told = payloads.read(payloads.Interaction, interaction())
    without = ingest.prepare(told, project.pk, None)
    digest = access.digest(api.secret)
    requests = [ingest.Request(digest, [ingest.Record(one)]) for one in (with_picture, without)]
    refused, stored = ingest.commit(requests)
    assert isinstance(refused, Unavailable)
    assert isinstance(stored, dict)
    assert Interaction.objects.get().pk == without.id


def test_a_picture_sent_while_its_file_is_set_aside_is_written_anew(api: Api, project: Project) -> None:
    shown = log_picture(api)
    batch = batches.Batch()
    with batch:
        batch.remove(Removal.What.INTERACTIONS, project.pk, numbers_of(shown))
        kept = images.verify(picture(), "")
        images.keep(project.pk, picture(), kept)  # what a request does before its transaction
    commit(project, prepared_picture(project))
    check_images()


def test_when_the_store_fails_all_is_as_it_was(api: Api, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = log_picture(api)

    def fail(*arguments: Any) -> None:
        assert files()[0].name.endswith(".deleted"), "it fails after the file was set aside"
        raise IntegrityError

    monkeypatch.setattr(history, "write", fail)
    monkeypatch.setattr(batches, "_ATTEMPTS", 2)
    monkeypatch.setattr(batches, "_PAUSE_SECONDS", 0)
    with pytest.raises(Unavailable, match="Try again later"):
        delete(project, shown)
    check_images()
    assert ImageUse.objects.count() == Transcript.objects.count() == 1


def killed_between(project: Project) -> Image:
    """An image whose file a removal renamed before it was killed; its transaction is gone with it."""
    image = Image.objects.get()
    assert images.set_aside(project.pk, image.sha256, image.format)
    return image


def test_a_removal_that_was_killed_before_its_commit_loses_nothing(api: Api, project: Project) -> None:
    log_picture(api)
    image = killed_between(project)
    assert images.read(image) == picture()
    images.settle()
    check_images()
    assert Image.objects.count() == 1


def test_a_picture_can_be_sent_while_its_file_waits_to_be_put_back(api: Api, project: Project) -> None:
    log_picture(api)
    killed_between(project)
    log_picture(api)
    assert len(files()) == 2
    images.settle()
    check_images()
    assert ImageUse.objects.count() == 2


def test_a_removal_that_was_killed_after_its_commit_leaves_nothing(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = log_picture(api)
    with monkeypatch.context() as patched:
        patched.setattr(images, "discard", lambda files: None)
        delete(project, shown)
    assert len(files()) == 1
    images.settle()
    assert files() == []


def test_what_is_left_of_one_removal_does_not_harm_the_next(
    api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(images, "discard", lambda files: None)
        delete(project, log_picture(api))
    shown = log_picture(api)
    killed_between(project)
    images.settle()
    check_images()
    assert Image.objects.count() == 1
    delete(project, shown)
    assert files() == []


def test_a_missing_image_file_keeps_no_interaction_from_being_deleted(api: Api, project: Project) -> None:
    shown = log_picture(api)
    files()[0].unlink()
    delete(project, shown)
    assert not Image.objects.exists()


def test_a_picture_whose_file_is_missing_is_restored_by_whoever_sends_it(api: Api, project: Project) -> None:
    log_picture(api)
    files()[0].unlink()
    log_picture(api)
    check_images()
    assert ImageUse.objects.count() == 2


# On PostgreSQL transactions overlap. On SQLite one waits for the other, so the orders above are all there are.


@pytest.fixture
def overlapping(transactional_db: None) -> Iterator[ThreadPoolExecutor]:
    """A thread with a database connection of its own."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with ThreadPoolExecutor(1) as thread:
        yield thread
        thread.submit(lambda: connection.close()).result()


def waits_for_a_lock_elsewhere() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("commits", [True, False])
def test_a_request_that_meets_a_removal_half_way_is_stored_with_its_picture_or_not_at_all(
    overlapping: ThreadPoolExecutor,
    api: Api,
    project: Project,
    known: bool,
    commits: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "_LOCK_MILLISECONDS", 20_000)
    prepared = None if known else prepared_picture(project)  # of what is known, only the row is looked at
    shown = log_picture(api)
    prepared = prepared or prepared_picture(project)
    request = ingest.Request(access.digest(api.secret), [ingest.Record(prepared)])
    batch = batches.Batch()
    try:
        with batch:
            batch.remove(Removal.What.INTERACTIONS, project.pk, numbers_of(shown))
            answered = overlapping.submit(ingest.commit, [request])
            wait_until(lambda: answered.done() or waits_for_a_lock_elsewhere())
            if not commits:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    (answer,) = answered.result()
    stored = set(Interaction.objects.values_list("pk", flat=True))
    if isinstance(answer, dict):
        assert prepared.id in stored
    else:
        assert isinstance(answer, Unavailable)
        assert prepared.id not in stored
    assert (UUID(shown["completion_id"]) in stored) != commits
    check_images()


def test_feedback_on_what_is_being_deleted_is_refused_and_none_is_left(
    overlapping: ThreadPoolExecutor, api: Api, project: Project
) -> None:
    logged = api.log()
    told = {"completion_id": logged["completion_id"], "metric": "thumbs", "value": True}
    request = ingest.Request(access.digest(api.secret), [ingest.AddFeedback(payloads.read(payloads.Feedback, told))])
    with batches.Batch() as batch:
        batch.remove(Removal.What.INTERACTIONS, project.pk, numbers_of(logged))
        answered = overlapping.submit(ingest.commit, [request])
        wait_until(waits_for_a_lock_elsewhere)
    (answer,) = answered.result()
    assert isinstance(answer, NotFound)
    assert not Feedback.objects.exists()


def test_a_removal_gives_way_to_who_holds_what_it_needs(
    overlapping: ThreadPoolExecutor, api: Api, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = api.log()
    monkeypatch.setattr(batches, "_LOCK_MILLISECONDS", 10)
    monkeypatch.setattr(batches, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(batches, "_ATTEMPTS", 2)
    with transaction.atomic():
        history.note(project.pk, UUID(logged["completion_id"]))
        with pytest.raises(Unavailable):
            overlapping.submit(delete, project, logged).result()
    assert Interaction.objects.count() == 1
    delete(project, logged)
    assert not Interaction.objects.exists()


def test_a_sweep_waits_for_the_removal_that_set_a_file_aside(
    overlapping: ThreadPoolExecutor, api: Api, project: Project
) -> None:
    shown = log_picture(api)
    with batches.Batch() as batch:
        batch.remove(Removal.What.INTERACTIONS, project.pk, numbers_of(shown))
        swept = overlapping.submit(images.settle)
        wait_until(waits_for_a_lock_elsewhere)
    swept.result()
    assert files() == []
