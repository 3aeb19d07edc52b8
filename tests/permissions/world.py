"""Two projects that hold all there can be in one, and everybody who could ask for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from pyroaring import BitMap

from interactions import access, choices, datasets, downloads, ids, ingest, payloads, people, removal
from interactions.access import IN_PROJECTS, ROLES, Permission
from interactions.bridge import callers
from interactions.database.vendor import is_sqlite
from interactions.datasets.files import part_path
from interactions.ingest import vocabulary
from interactions.models import (
    AbArm,
    AbTest,
    ApiKey,
    ExternalModel,
    Feedback,
    FeedbackKey,
    Image,
    Member,
    Model,
    Project,
    Role,
    Share,
    Team,
    Upload,
    User,
)
from interactions.web.people import _state
from tests.api.pictures import data_uri, picture

OURS, THEIRS = "ours", "theirs"
# Where models are served that nobody shall reach: nothing listens there.
NOBODY = "http://127.0.0.1:1/v1"
ADMINISTRATION = frozenset(Permission) - IN_PROJECTS
NOTHING: frozenset[Permission] = frozenset()

# Keys and ids are what callers name things by, and so are told again; these words nobody sends.
NAMES = {key: f"{key}-name-7c1f9e" for key in (OURS, THEIRS)}
TEXTS = {key: f"{key}-text-52ab08" for key in (OURS, THEIRS)}


@dataclass(frozen=True)
class Rights:
    """What somebody may do in the project `ours`, in some project, in some team, and on the server."""

    project: frozenset[Permission] = NOTHING
    some_project: frozenset[Permission] = NOTHING
    team: frozenset[Permission] = NOTHING
    server: frozenset[Permission] = NOTHING
    is_limited: bool = False


@dataclass(frozen=True)
class Who:
    """Who asks, and by what. Without rights they are nobody, by whatever door they come."""

    name: str
    by: Literal["key", "session"]
    secret: str = ""  # the key, or the session's
    rights: Rights | None = None
    hidden: tuple[str, ...] = (*NAMES.values(), *TEXTS.values())
    # What is their own, by the names that calls have for it.
    own: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass
class World:
    directory: Path
    everybody: list[Who]
    # What calls are about, all of it in or around `ours`.
    names: Mapping[str, str]

    def __post_init__(self) -> None:
        self._files = self.files()

    def files(self) -> dict[Path, bytes]:
        places = ((Path(folder), names) for folder, _, names in os.walk(self.directory))
        return {path: path.read_bytes() for folder, names in places for path in map(folder.joinpath, names)}

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens in the block has not happened afterwards."""
        try:
            with _transaction():
                yield
                transaction.set_rollback(True)
        finally:
            for path in self.files().keys() - self._files.keys():
                path.unlink()
            for path, content in self._files.items():
                if not path.exists() or path.read_bytes() != content:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            vocabulary.forget()
            callers._callers.clear()
            choices._known.clear()

    def stored(self) -> tuple[int, dict[Path, bytes]]:
        """Differs after anything was written, even if it was taken back."""
        return rows_written(), self.files()


def rows_written() -> int:
    """How many rows were inserted, updated and deleted in this transaction."""
    counted = "SELECT total_changes()"
    if not is_sqlite(connection):
        counted = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables"
    with connection.cursor() as cursor:
        cursor.execute(counted)
        return int(cursor.fetchone()[0])


def _transaction() -> transaction.Atomic:
    """One that code which begins its own does not see, as that of a test case."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]
    return atomic


@contextmanager
def built() -> Iterator[World]:
    """The world, in a transaction that is rolled back, with its files in DATA_DIR."""
    with _transaction():
        people.keep_defaults()
        guests = Team.objects.create(key="guests", name="Guests")
        # In both teams, so that who sees them in one could learn of the other.
        both = User.objects.create_user("both@example.org", name="Both")
        names = {key: _filled(key, both) for key in (OURS, THEIRS)}
        _quiet()
        everybody = _everybody()
        yield World(Path(settings.DATA_DIR), everybody, names[OURS] | _server(guests))
        transaction.set_rollback(True)


# What there is


def _filled(key: str, both: User) -> dict[str, str]:
    name, text = NAMES[key], TEXTS[key]
    project = Project.objects.create(key=key, name=name, description=name)
    team = Team.objects.create(key=f"{key}-team", name=name)
    Share.objects.create(project=project, team=team, role=people.find_role("power_user"), is_owner=True)
    Member.objects.create(user=both, team=team, role=people.find_role("power_user"))
    metric = FeedbackKey.objects.create(project=project, key="thumbs", name=name, kind="bool", description=name)
    FeedbackKey.objects.create(project=project, key="unused", name=name)
    external = ExternalModel.objects.create(
        team=team, key=f"{key}-served", name=name, provider="OPEN_AI", external_id=name, description=name,
        base_url=NOBODY,
    )  # fmt: skip
    served = Model.objects.create(project=project, key=external.key, name=name, external=external)
    arms = [Model.objects.create(project=project, key=f"{key}-{one}", name=name) for one in ("first", "second")]
    test = AbTest.objects.create(project=project, key=f"{key}-test", name=name, metric=metric, traffic_split=1)
    AbArm.objects.bulk_create(AbArm(test=test, model=model) for model in arms)
    caller = access.caller_of(both)
    logged, other = (_logged(caller, project, said) for said in (text, f"{text} again"))
    compared = {"project": key, "metric": "thumbs", "preferred_completion": logged, "other_completion": other}
    ingest.perform(caller, ingest.Compare(payloads.read(payloads.Comparison, compared)))
    record = {"messages": [{"role": "user", "content": text}], "completion": text}
    dataset = datasets.create(caller, key, text, f"{key}-set", BytesIO(json.dumps(record).encode()))
    asked = removal.request(project, "transcripts", BitMap(), text, both)
    return {
        "project": key,
        "team": team.key,
        "metric": "thumbs",
        "unused": "unused",
        "model": external.key,
        "served": str(served.uid),
        "first": arms[0].key,
        "second": arms[1].key,
        "test": test.key,
        "interaction": logged,
        "other": other,
        "feedback": str(Feedback.objects.get(interaction=UUID(logged)).pk),
        "digest": str(Image.objects.get(project=project).sha256),
        "dataset": dataset.key,
        "download": downloads.offer(project, BitMap(range(1_000)), "documents"),
        "dataset_id": str(dataset.uid),
        "removal": str(asked.pk),
    }


def _quiet() -> None:
    """A project of the same team in which no A/B test goes on: there is one at a time."""
    project = Project.objects.create(key="quiet", name="Quiet")
    role, team = people.find_role("power_user"), people.find_team(f"{OURS}-team")
    Share.objects.create(project=project, team=team, role=role, is_owner=True)
    FeedbackKey.objects.create(project=project, key="thumbs", kind="bool")
    for key in ("first", "second"):
        Model.objects.create(project=project, key=f"{OURS}-{key}", name=key)


def _logged(caller: access.Caller, project: Project, text: str) -> str:
    shown = {"type": "image_url", "image_url": {"url": data_uri(picture())}}
    told = {
        "project": project.key,
        "model_service": f"{project.key}-first",
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}, shown]}],
        "completion": text,
        "labels": {"topic": text},
        "feedbacks": [{"metric": "thumbs", "value": True, "details": text, "reason": text}],
    }
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, caller.user_uid)
    ingest.store_images([prepared])
    (answer,) = ingest.perform(caller, ingest.Record(prepared))
    return str(answer["completion_id"])


def _server(guests: Team) -> dict[str, str]:
    """People and roles that what is done to people and roles is done to."""
    person, program = (
        User.objects.create_user(f"{name}@example.org", name=name, is_program=name == "program")
        for name in ("person", "program")
    )
    Member.objects.create(user=person, team=guests, role=people.find_role("read-only"))
    custom = Role.objects.create(key="custom", name="Custom", permissions=[Permission.SEE])
    named = {"person": person.email, "person_id": str(person.uid), "program_id": str(program.uid)}
    return named | {"guests": guests.key, "quiet": "quiet", "custom": custom.key, "state": _state(person)}


# Who asks


def _everybody() -> list[Who]:
    return [*_nobodies(), *_members(), *_administrators()]


def _nobodies() -> Iterator[Who]:
    yield Who("nobody", "key")
    yield Who("a malformed key", "key", "ik_nonsense")
    yield Who("an unknown key", "key", f"ik_abcdefgh_{'x' * 43}")
    gone = _person("gone", OURS, "power_user")
    for name, change in {
        "a revoked key": {"revoked_at": ids.now()},
        "an expired key": {"expires_at": ids.now() - timedelta(seconds=1)},
    }.items():
        issued = access.issue_key(gone, None)
        ApiKey.objects.filter(pk=issued.api_key.pk).update(**change)
        yield Who(name, "key", issued.secret)
    session, secret = _session(gone), access.issue_key(gone, None).secret
    User.objects.filter(pk=gone.pk).update(is_active=False)
    yield Who("an inactive user", "session", session)
    yield Who("an inactive user's key", "key", secret)


def _members() -> Iterator[Who]:
    for role, listed in ROLES.items():
        allowed = listed & IN_PROJECTS  # the others count in the reserved team alone
        hidden = [NAMES[THEIRS], TEXTS[THEIRS]] + [TEXTS[OURS]] * (Permission.READ not in allowed)
        yield from _ways(_person(role, OURS, role), role, Rights(allowed, allowed, allowed), hidden)
    allowed = ROLES["power_user"]
    stranger = _person("stranger", THEIRS, "power_user")
    yield from _ways(stranger, "a stranger", Rights(NOTHING, allowed, allowed), [NAMES[OURS], TEXTS[OURS]], THEIRS)


def _administrators() -> Iterator[Who]:
    everywhere = Rights(IN_PROJECTS, IN_PROJECTS, IN_PROJECTS, ADMINISTRATION)
    administrator = User.objects.create_user("administrator@example.org", name="administrator")
    people.make_administrator(administrator)
    yield from _ways(administrator, "an administrator", everywhere)
    yield from _ways(User.objects.create_superuser("superuser@example.org"), "a superuser", everywhere)


def _person(name: str, project: str, role: str) -> User:
    user = User.objects.create_user(f"{name}@example.org", name=f"{name} {NAMES[project]}")
    Member.objects.create(user=user, team=Team.objects.get(key=f"{project}-team"), role=people.find_role(role))
    return user


def _ways(user: User, name: str, rights: Rights, hidden: list[str] | None = None, project: str = OURS) -> Iterator[Who]:
    """Signed in, by a key, and by a key for some projects."""
    within = Project.objects.filter(key__in=[OURS, "quiet"] if project == OURS else [THEIRS])
    issued, limited = access.issue_key(user, None), access.issue_key(user, within)
    # Later than any request, so that none of them notes that it used the key.
    ApiKey.objects.filter(user=user).update(last_used_at=ids.now() + timedelta(days=1))
    upload = Upload.objects.create(user=user, parts=1, content_type="")
    part = part_path(upload, 1)
    part.parent.mkdir(parents=True)
    part.write_text('{"messages": [{"role": "user", "content": "Hello?"}]}\n')
    own = {"me": user.email, "key": str(issued.api_key.uid), "upload": str(upload.uid)}
    seen = tuple(hidden or ())
    yield Who(f"{name}, signed in", "session", _session(user), rights, seen, own)
    yield Who(f"{name}'s key", "key", issued.secret, rights, seen, own)
    # A key for some projects is none for teams, nor for other projects.
    elsewhere = THEIRS if project == OURS else OURS
    fewer = Rights(rights.project, rights.some_project, is_limited=True)
    by_key = {NAMES[elsewhere], TEXTS[elsewhere], *seen}
    yield Who(f"{name}'s limited key", "key", limited.secret, fewer, tuple(by_key), own)


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
