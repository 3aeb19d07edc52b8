"""What waits on the disk, and what becomes of the calls of processes that have ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from interactions import access, ids, ingest, payloads
from interactions.calls import processes, recovery, spool
from interactions.errors import Unavailable
from interactions.models import Interaction, OpenCall, Process, Project

# The spool


@pytest.fixture
def waiting(settings: Any) -> None:
    settings.SPOOL_BYTES = 10_000


def entries() -> list[dict[str, Any]]:
    with spool.draining() as paths:
        return [spool.read(path) for path in paths]


def test_entries_come_out_in_the_order_in_which_they_went_in(waiting: None) -> None:
    for number in range(30):
        spool.add({"id": number})
    assert [entry["id"] for entry in entries()] == list(range(30))
    with spool.draining() as paths:
        for path in paths:
            spool.remove(path)
    assert spool.is_empty()


def test_a_full_spool_takes_ends_for_a_while_and_then_nothing(waiting: None) -> None:
    def fill(**named: bool) -> None:
        with pytest.raises(Unavailable, match="spool is full"):  # noqa: PT012 - it is the last that is refused
            for _ in range(1_000):
                spool.add({"text": "x" * 100}, **named)

    fill()
    assert 7_000 < spool.size() <= 7_500
    fill(is_end=True)
    assert 9_500 < spool.size() <= 10_000


def test_what_cannot_be_written_is_refused_and_leaves_nothing(waiting: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk. No file may grow beyond 10 bytes, in a process of its own."""
    code = (
        "import django, resource; django.setup()\n"
        "from interactions.calls import spool\nfrom interactions.errors import Unavailable\n"
        "spool.folder()\nresource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try:\n    spool.add({'text': 'x' * 100_000})\n"
        "except Unavailable as error:\n    print(error.message, [*spool.folder().iterdir()])"
    )
    place = spool.folder().parent
    environment = os.environ | {"DATA_DIR": str(place), "SECRET_KEY": "x"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "The store cannot commit, nor its spool be written to. Nothing was sent. []"


def test_only_one_drains_at_a_time(waiting: None) -> None:
    spool.add({"id": 1})
    with spool.draining() as mine:
        assert len(list(mine)) == 1
        code = (
            "import django; django.setup()\nfrom interactions.calls import spool\n"
            "with spool.draining() as paths:\n    print(len(list(paths)))"
        )
        environment = os.environ | {"DATA_DIR": str(spool.folder().parent), "SECRET_KEY": "x"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


# Processes


@pytest.fixture
def another(tmp_path: Path) -> Iterator[tuple[UUID, subprocess.Popen[str]]]:
    """A process of this machine, with its name."""
    code = (
        "import django; django.setup()\nfrom interactions.calls import processes\n"
        "print(processes.own(), flush=True)\ninput()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"DATA_DIR": str(tmp_path), "SECRET_KEY": "x"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdin
    yield UUID(process.stdout.readline().strip()), process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_whether_a_process_of_this_machine_lives_shows_at_once(
    another: tuple[UUID, subprocess.Popen[str]],
) -> None:
    uid, process = another
    assert not processes.has_ended(uid)
    process.kill()
    process.wait()
    assert processes.has_ended(uid)
    processes.forget_ended()
    # Of what is unknown nothing is certain.
    assert not processes.has_ended(uid)
    assert not processes.has_ended(uuid4())


def test_a_process_knows_that_it_lives() -> None:
    assert processes.own() == processes.own()
    assert not processes.has_ended(processes.own())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr("interactions.calls.recovery.time.monotonic", lambda: now[0])
    monkeypatch.setattr(recovery, "_beat_at", 0.0)
    recovery._seen.clear()
    return now


def begin(project: Project, process: UUID) -> UUID:
    told = {"project": project.key, "messages": [{"role": "user", "content": "Hello"}], "completion": ""}
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, None)
    ingest.perform(access.operator(), ingest.Begin(prepared, process))
    return prepared.id


def state(id: UUID) -> tuple[str, str]:
    row = Interaction.objects.get(pk=id)
    return row.state, row.error_kind


def test_a_process_elsewhere_is_lost_when_it_has_not_been_seen_to_live_for_20_s(
    project: Project, clock: list[float]
) -> None:
    lost, alive = uuid4(), uuid4()
    Process.objects.create(uid=alive)
    ids = begin(project, lost), begin(project, alive), begin(project, processes.own())
    for _ in range(4):
        recovery.carry_on()
        clock[0] += 5
        Process.objects.filter(uid=alive).update(beats=clock[0])
        assert [state(id) for id in ids] == [("started", "")] * 3
    recovery.carry_on()
    assert [state(id) for id in ids] == [("interrupted", "interrupted"), ("started", ""), ("started", "")]
    assert Process.objects.get(uid=processes.own()).beats > 0
    assert OpenCall.objects.count() == 2


def test_a_process_of_this_machine_that_has_ended_is_lost_at_once(
    project: Project, clock: list[float], another: tuple[UUID, subprocess.Popen[str]]
) -> None:
    uid, process = another
    many = [begin(project, uid) for _ in range(3)]
    recovery.carry_on()
    assert {state(id) for id in many} == {("started", "")}
    process.kill()
    process.wait()
    clock[0] += 5
    recovery.carry_on()
    assert {state(id) for id in many} == {("interrupted", "interrupted")}


def test_who_was_thought_lost_and_was_not_ends_as_it_ended(project: Project) -> None:
    process = uuid4()
    id = begin(project, process)
    recovery.end_all_of(process)
    assert state(id) == ("interrupted", "interrupted")
    answered = ingest.Answered("done", "late")
    ingest.perform(access.operator(), ingest.End(id, project.pk, answered, even_if_interrupted=True))
    assert state(id) == ("done", "")


def payload(project: Project, **fields: Any) -> payloads.Interaction:
    told = {"project": "-", "messages": [{"role": "user", "content": "Hello"}], "completion": "", **fields}
    return payloads.read(payloads.Interaction, told)


def test_what_waited_is_written_once_however_often_it_is_tried(project: Project, clock: list[float]) -> None:
    id = ids.new_id(ids.now())
    told = payload(project, labels={"a": "b"}, parameters={"temperature": 1}, model="gpt")
    error, usage = payloads.Failure(kind="x", message="y"), payloads.Usage(
        prompt_tokens=1, completion_tokens=2, total_tokens=3
    )  # fmt: skip
    answered = ingest.Answered("failed", "a\x00b", error, "stop", usage, payloads.Timings(total_ms=5), 7, {"z": [1]})
    for _ in range(3):
        recovery.begin_later(told, project.pk, None, id, is_kept=True)
        recovery.end_later(ingest.End(id, project.pk, answered))
    recovery.carry_on()
    assert spool.is_empty()
    row = Interaction.objects.get()
    assert (row.pk, row.state, row.error_kind, row.cost, row.total_ms) == (id, "failed", "x", 7, 5)
    assert not OpenCall.objects.exists()


def test_what_is_refused_for_good_is_set_aside_and_holds_up_nothing(project: Project, clock: list[float]) -> None:
    id = ids.new_id(ids.now())
    spool.add({"id": uuid4(), "end": {"project_id": project.pk, "answered": {}, "spent_by": None}})
    (spool.folder() / "0.json").write_bytes(b"torn")
    (spool.folder() / "1.json").write_text(json.dumps({"id": "none", "begin": {}}))
    recovery.begin_later(payload(project), project.pk, None, id, is_kept=True)
    recovery.carry_on()
    assert spool.is_empty()
    assert Interaction.objects.get().pk == id
    assert len(list((spool.folder() / "refused").iterdir())) == 3
