"""Models compete for requests, and feedback tells which is the best; by chance alone, seldom."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import comb
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from interactions import ab_tests, access, ids
from interactions.ab_tests import looks, significance
from interactions.ab_tests.significance import Sample
from interactions.access import Caller
from interactions.bridge import background
from interactions.errors import Conflict, Forbidden, Invalid, NotFound
from interactions.ingest import history
from interactions.models import (
    AbEntry,
    AbTest,
    Comparison,
    ExternalModel,
    Feedback,
    FeedbackKey,
    Interaction,
    Model,
    Project,
    Team,
    User,
)
from tests.conftest import ROOT, Api

# The statistics, against what others computed


def sample(*values: float) -> Sample:
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Sample(len(values), mean, math.sqrt(squares / (len(values) - 1)))


# Student (1908): hours of sleep gained by two drugs; R's `sleep`.
FIRST_DRUG = sample(0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
SECOND_DRUG = sample(1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
# Dobson (1983): dried weights of plants; R's `PlantGrowth`.
PLANTS = [
    sample(4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14),
    sample(4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69),
    sample(6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26),
]


@pytest.mark.parametrize(
    ("hits", "count", "start", "end"),
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_s_interval_is_the_published_one(hits: int, count: int, start: float, end: float) -> None:
    interval = significance.wilson(hits / count, count)
    assert interval == pytest.approx((start, hits / count, end), abs=6e-5)


def test_student_s_interval_is_that_of_r() -> None:
    # t.test(sleep$extra[1:10] - sleep$extra[11:20]): from -2.4598858 to -0.7001142
    gains = sample(-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4)
    assert significance.student(gains) == pytest.approx((-2.4598858, -1.58, -0.7001142), abs=1e-6)


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (9, 2.262), (30, 2.042), (120, 1.980), (10**8, 1.960)])
def test_student_s_quantiles_are_those_of_the_tables(freedom: int, t: float) -> None:
    interval = significance.student(Sample(freedom + 1, 0.0, math.sqrt(freedom + 1)))
    assert interval is not None
    assert interval.end == pytest.approx(t, abs=5e-4)


def test_pearson_s_test_gives_the_published_probability() -> None:
    # Fleiss (1981), p. 139, and R's prop.test: smokers among patients; X-squared = 12.6, df = 3, p = 0.005585.
    smokers, patients = (83, 90, 129, 70), (86, 93, 136, 82)
    samples = [Sample(n, hits / n, 0.0) for hits, n in zip(smokers, patients, strict=True)]
    assert significance.pearson(samples) == pytest.approx(0.005585, abs=5e-7)


def test_welch_s_test_gives_the_probabilities_of_r() -> None:
    # t.test(extra ~ group, sleep): p-value = 0.07939; oneway.test(weight ~ group, PlantGrowth): p-value = 0.01739
    assert significance.welch([FIRST_DRUG, SECOND_DRUG]) == pytest.approx(0.07939, abs=5e-6)
    assert significance.welch(PLANTS) == pytest.approx(0.01739, abs=5e-6)


@pytest.mark.parametrize("factor", [1e-150, 1e-9, 1e150])
def test_welch_s_test_does_not_depend_on_the_unit(factor: float) -> None:
    scaled = [Sample(one.size, one.mean * factor, one.deviation * factor) for one in PLANTS]
    assert significance.welch(scaled) == pytest.approx(0.01739, abs=5e-6)


def test_an_arm_without_variance_counts_as_one_with_next_to_none() -> None:
    for arms in ([Sample(50, 1.0, 0.0), Sample(50, 0.9, 0.3)], [Sample(50, 1.0, 0.0), *PLANTS]):
        nearly = [Sample(50, 1.0, 1e-9), *arms[1:]]
        assert significance.welch(arms) == pytest.approx(significance.welch(nearly), rel=1e-6)
    # Against a constant it is the t-test of one sample: t = (1 - 0.9) / (0.3 / √50) = 2.357 with 49 degrees of freedom.
    assert significance.welch([Sample(50, 1.0, 0.0), Sample(50, 0.9, 0.3)]) == pytest.approx(0.0225, abs=1e-4)
    assert significance.welch([Sample(100, 1.0, 0.0), Sample(100, 0.0, 0.0)]) == pytest.approx(0)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (9, 0), (5, 13), (100, 100), (480, 520), (1_100, 900)])
def test_the_sign_test_is_exact(wins: int, losses: int) -> None:
    count = wins + losses
    tail = sum(comb(count, i) for i in range(min(wins, losses) + 1))
    assert significance.sign_test(wins, losses) == pytest.approx(min(1.0, 2 * tail / 2**count), rel=1e-9)


def test_the_sign_test_of_many_is_that_of_the_normal_approximation() -> None:
    wins, losses = 50_150_000, 49_850_000
    z = (wins - losses - 1) / math.sqrt(wins + losses)
    assert significance.sign_test(wins, losses) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-3)


def test_several_sign_tests_are_corrected_by_their_number() -> None:
    assert significance.sign_tests([(9, 0), (5, 13), (4, 4)]) == pytest.approx(3 * 2 / 512)
    assert significance.sign_tests([(5, 4), (0, 0)]) == 1


def extremes() -> Iterable[list[Sample]]:
    sizes, means, deviations = (0, 1, 2, 10**9), (-1e308, 0.0, 1e-308, 1.0, 1e308), (0.0, 1e-308, 1.0, 1e308)
    every = [Sample(n, mean, deviation) for n in sizes for mean in means for deviation in deviations]
    draw = random.Random(5)
    yield from ([], every[:1], every[-20:])
    yield from (draw.choices(every, k=k) for k in (2, 2, 2, 3, 7) for _ in range(60))


def test_whatever_the_scores_are_a_probability_is_one_or_none() -> None:
    for samples in extremes():
        rates = [one._replace(mean=min(abs(one.mean), 1.0)) for one in samples]
        for p in (significance.welch(samples), significance.pearson(rates)):
            assert p is None or 0 <= p <= 1
        for one in (*map(significance.student, samples), *(significance.wilson(one.mean, one.size) for one in rates)):
            assert one is None or (one.start <= one.middle <= one.end and all(map(math.isfinite, one)))


def test_scores_that_are_all_the_same_show_no_difference() -> None:
    for rate in (0.0, 1.0):
        same = [Sample(200, rate, 0.0)] * 3
        assert significance.pearson(same) == significance.welch(same) == 1
    assert significance.pearson([Sample(10, 0.5, 0.5), Sample(0, 0.0, 0.0)]) is None
    assert significance.welch([Sample(10, 0.5, 0.5), Sample(1, 0.0, 0.0)]) is None


def test_the_server_starts_without_mpmath() -> None:
    code = "import sys, django; django.setup(); import interactions.bridge.background; print('mpmath' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# The looks


def test_the_levels_of_all_looks_add_up_to_the_error_rate() -> None:
    assert [looks.level(i - 1, i) for i in (1, 2, 3)] == [0.025, 0.0125, 0.00625]
    assert math.fsum(looks.level(i - 1, i) for i in range(1, 40)) == pytest.approx(0.05)
    assert looks.level(0, 3) == pytest.approx(0.025 + 0.0125 + 0.00625), "looks that were missed are taken at once"


@cache
def probability(one: int, other: int, size: int) -> float:
    return significance.pearson([Sample(size, one / size, 0.0), Sample(size, other / size, 0.0)]) or 0.0


def null_run(draw: random.Random, sizes: list[int]) -> list[float]:
    """The probabilities at each of these sizes, of two arms that both please every other time."""
    hits, size, found = [0, 0], 0, []
    for larger in sizes:
        hits = [one + draw.getrandbits(larger - size).bit_count() for one in hits]
        size = larger
        # Most need no computing: below 1.9 standard deviations p is above 5.7 %.
        close = abs(hits[0] - hits[1]) < 1.9 * math.sqrt(size / 2)
        found.append(1.0 if close else probability(min(hits), max(hits), size))
    return found


def test_equals_are_told_apart_in_less_than_five_percent_of_tests_though_they_are_looked_at_often() -> None:
    draw = random.Random(1)
    runs = [null_run(draw, [100 * 2**i for i in range(6)]) for _ in range(20_000)]
    ended = sum(any(p <= looks.level(i, i + 1) for i, p in enumerate(run)) for run in runs)
    assert ended / len(runs) < 0.05
    careless = sum(any(p <= 0.05 for p in run) for run in runs)
    assert careless / len(runs) > 0.15, "at 5 % each time it is these"


# Tests in a project


@pytest.fixture
def models(project: Project) -> list[Model]:
    return [Model.objects.create(project=project, key=key, name=key.upper()) for key in ("small", "large", "third")]


@pytest.fixture
def caller(ann: User, models: list[Model]) -> Caller:
    return access.caller_of(ann)


def create(caller: Caller, **fields: Any) -> AbTest:
    plain = {"project": "support", "key": "race", "metric": "thumbs", "models": ["small", "large"]}
    return ab_tests.create(caller, **(plain | fields))


def test_a_test_has_what_it_was_made_with(caller: Caller, project: Project, models: list[Model]) -> None:
    metric = FeedbackKey.objects.get(project=project, key="quality")
    made = create(
        caller, project=str(project.uid), metric=str(metric.uid), models=[str(models[2].uid), "small"],
        traffic_split=0.25, auto_deploy=True, scores="COMPARISON", name=" Which one ",
    )  # fmt: skip
    test = ab_tests.get(caller, str(made.uid))
    assert (test.key, test.name, test.metric, test.scores) == ("race", "Which one", metric, "COMPARISON")
    assert (test.state, test.traffic_split, test.auto_deploy, test.ended_at) == ("WARMUP", 0.25, True, None)
    assert [arm.model.key for arm in test.arms.order_by("pk")] == ["third", "small"]
    ab_tests.cancel(caller, "race")
    assert create(caller, key="plain").name == "plain"


@pytest.mark.parametrize(
    ("fields", "error", "field", "sentence"),
    [
        ({"project": "nowhere"}, NotFound, "project", "no project"),
        ({"key": "  "}, Invalid, "key", "1 to 200"),
        ({"key": "x" * 201}, Invalid, "key", "1 to 200"),
        ({"key": str(uuid4())}, Invalid, "key", "form of an id"),
        ({"name": "a\x00b"}, Invalid, "name", "1 to 200"),
        ({"metric": "unheard"}, NotFound, "metric", "no feedback key “unheard”"),
        ({"models": ["small"]}, Invalid, "models", "2 to 20"),
        ({"models": [f"m{i}" for i in range(21)]}, Invalid, "models", "2 to 20"),
        ({"models": ["small", "huge"]}, NotFound, "models[1]", "no model “huge”"),
        ({"models": ["small", "third"]}, NotFound, "models[1]", "no model “third”"),
        ({"models": ["small", "large", "small"]}, Invalid, "models[2]", "named twice"),
        ({"traffic_split": 0}, Invalid, "traffic_split", "above 0"),
        ({"traffic_split": 1.01}, Invalid, "traffic_split", "at most 1"),
        ({"traffic_split": math.nan}, Invalid, "traffic_split", "above 0"),
        ({"scores": "GUESSED"}, Invalid, "scores", "DIRECT, COMPARISON"),
    ],
)
def test_what_cannot_be_a_test_is_refused_with_a_reason(
    caller: Caller, fields: dict[str, Any], error: type[Any], field: str, sentence: str
) -> None:
    Model.objects.filter(key="third").update(is_attached=False)
    with pytest.raises(error, match=sentence) as raised:
        create(caller, **fields)
    assert raised.value.field == field
    assert not AbTest.objects.exists()


def test_a_model_or_metric_of_another_project_is_unknown(caller: Caller, foreign: Project) -> None:
    elsewhere = Model.objects.create(project=foreign, key="elsewhere", name="Elsewhere")
    with pytest.raises(NotFound, match="no model"):
        create(caller, models=["small", str(elsewhere.uid)])
    with pytest.raises(NotFound, match="no feedback key"):
        create(caller, metric=str(FeedbackKey.objects.get(project=foreign).uid))


def test_a_model_that_others_serve_is_also_named_by_the_id_it_has_there(caller: Caller, models: list[Model]) -> None:
    served = ExternalModel.objects.create(team=Team.objects.get(key="admin"), key="zebra", name="Zebra")
    Model.objects.filter(key="large").update(external=served)
    test = create(caller, models=["small", str(served.uid)])
    assert [arm.model.key for arm in test.arms.order_by("pk")] == ["small", "large"]


def test_one_test_goes_on_at_a_time_and_a_key_is_used_once(caller: Caller) -> None:
    create(caller)
    with pytest.raises(Conflict, match="“race” goes on"):
        create(caller, key="another")
    ab_tests.cancel(caller, "race")
    with pytest.raises(Conflict, match="“race” already"):
        create(caller)
    create(caller, key="another")


def test_who_may_only_look_sees_tests_and_changes_none(caller: Caller, vic: User) -> None:
    create(caller)
    viewer = access.caller_of(vic)
    assert ab_tests.get(viewer, "race").key == "race"
    with pytest.raises(Forbidden, match="ab_test:manage"):
        create(viewer, key="another")
    with pytest.raises(Forbidden, match="ab_test:manage"):
        ab_tests.cancel(viewer, "race")
    assert AbTest.objects.get().state == AbTest.State.WARMUP


def test_a_foreign_test_and_none_are_told_alike(caller: Caller, foreign: Project) -> None:
    root = access.caller_of(User.objects.create_superuser("root@example.org"))
    for key in "ab":
        Model.objects.create(project=foreign, key=key, name=key)
    hidden = create(root, project="secret", key="hidden", models=["a", "b"])
    told = []
    for key in ("hidden", str(hidden.uid), "nowhere"):
        for act in (ab_tests.get, ab_tests.cancel):
            with pytest.raises(NotFound) as raised:
                act(caller, key)
            told.append(raised.value.message.replace(key, "…"))
    assert len(set(told)) == 1
    assert list(ab_tests.visible(caller)) == []
    assert list(ab_tests.visible(root)) == [hidden]
    with pytest.raises(NotFound):
        ab_tests.visible(caller, project="secret")


def test_of_several_tests_with_a_key_the_newest_is_meant(caller: Caller, foreign: Project) -> None:
    root = access.caller_of(User.objects.create_superuser("root@example.org"))
    for key in "ab":
        Model.objects.create(project=foreign, key=key, name=key)
    older, newer = create(caller), create(root, project="secret", models=["a", "b"])
    assert ab_tests.get(root, "race") == newer
    assert ab_tests.get(caller, "race") == older


def test_tests_are_listed_newest_first_by_what_is_asked_for(caller: Caller) -> None:
    create(caller, key="one")
    ab_tests.cancel(caller, "one")
    create(caller, key="two")
    assert [test.key for test in ab_tests.visible(caller)] == ["two", "one"]
    assert [test.key for test in ab_tests.visible(caller, active=True)] == ["two"]
    assert [test.key for test in ab_tests.visible(caller, active=False, project="support")] == ["one"]
    assert [test.key for test in ab_tests.visible(caller, state="CANCELLED")] == ["one"]
    assert [test.key for test in ab_tests.visible(caller, active=True, state="CANCELLED")] == []
    with pytest.raises(Invalid, match="WARMUP"):
        ab_tests.visible(caller, state="asleep")


def test_a_test_that_has_ended_cannot_be_cancelled(caller: Caller) -> None:
    create(caller)
    cancelled = ab_tests.cancel(caller, "race")
    assert (cancelled.state, cancelled.ended_at is None) == ("CANCELLED", False)
    with pytest.raises(Conflict, match="ended already"):
        ab_tests.cancel(caller, "race")
    assert AbTest.objects.get().ended_at == cancelled.ended_at


# The choice of an arm


def test_the_split_takes_part_and_the_arms_share_it_evenly(caller: Caller, project: Project) -> None:
    create(caller, models=["small", "large", "third"], traffic_split=0.3)
    chance = random.Random(7)
    chosen = [ab_tests.arms(project.pk).choose(chance) for _ in range(3_000)]
    drawn = Counter(choice.model if choice else None for choice in chosen)
    # Within four standard deviations of what is expected.
    for model in ("small", "large", "third"):
        assert drawn[model] == pytest.approx(300, abs=4 * math.sqrt(3_000 * 0.1 * 0.9))
    assert drawn[None] == pytest.approx(2_100, abs=4 * math.sqrt(3_000 * 0.3 * 0.7))
    assert {choice.test for choice in chosen if choice} == {"race"}


def test_a_whole_split_leaves_no_request_out(caller: Caller, project: Project) -> None:
    create(caller)
    assert None not in {ab_tests.arms(project.pk).choose(random.Random(seed)) for seed in range(200)}


def test_only_a_test_that_goes_on_is_given_requests(
    caller: Caller, project: Project, foreign: Project, django_assert_num_queries: Any
) -> None:
    assert ab_tests.arms(project.pk).choose(random.Random(1)) is None
    create(caller)
    assert ab_tests.arms(foreign.pk).choose(random.Random(1)) is None
    with django_assert_num_queries(1):
        assert ab_tests.arms(project.pk).choose(random.Random(1)) is not None
    AbTest.objects.update(state="IN_PROGRESS")
    assert ab_tests.arms(project.pk).choose(random.Random(1)) is not None
    ab_tests.cancel(caller, "race")
    assert ab_tests.arms(project.pk).choose(random.Random(1)) is None


def test_a_model_that_is_gone_or_offline_is_given_no_requests(caller: Caller, project: Project) -> None:
    create(caller, models=["small", "large", "third"])
    Model.objects.filter(key="small").update(is_attached=False)
    Model.objects.filter(key="third").update(is_wanted_online=False)
    chosen = {ab_tests.arms(project.pk).choose(random.Random(seed)) for seed in range(50)}
    assert {choice.model for choice in chosen if choice} == {"large"}
    Model.objects.filter(key="large").update(is_attached=False)
    assert ab_tests.arms(project.pk).choose(random.Random(1)) is None
    assert ab_tests.choose_in(project.pk, "race", random.Random(1)) is None


def test_a_request_that_names_a_test_takes_part_whatever_the_split(
    caller: Caller, project: Project, foreign: Project
) -> None:
    test = create(caller, traffic_split=1e-9)
    drawn = {
        ab_tests.choose_in(project.pk, name, random.Random(9 + i))
        for i in range(20)
        for name in ("race", str(test.uid))
    }
    assert {choice.model for choice in drawn if choice} == {"small", "large"}
    for place, name in ((foreign, "race"), (project, "unheard")):
        with pytest.raises(NotFound, match="no A/B test") as raised:
            ab_tests.choose_in(place.pk, name, random.Random(1))
        assert raised.value.field == "ab_campaign"
    ab_tests.cancel(caller, "race")
    assert ab_tests.choose_in(project.pk, "race", random.Random(1)) is None


# Entries


def test_an_interaction_that_names_a_test_is_an_entry_of_it(api: Api, caller: Caller) -> None:
    test = create(caller)
    by_key, by_id = api.log(ab_campaign="race", model="small"), api.log(ab_campaign=str(test.uid), model="large")
    api.log(model="small")
    assert {str(entry.interaction_id) for entry in AbEntry.objects.filter(test=test)} == {
        by_key["completion_id"],
        by_id["completion_id"],
    }
    assert {entry.project_id for entry in AbEntry.objects.all()} == {test.project_id}


def test_a_name_that_is_no_test_of_the_project_is_kept_and_makes_no_entry(
    api: Api, caller: Caller, foreign: Project
) -> None:
    root = access.caller_of(User.objects.create_superuser("root@example.org"))
    for key in "ab":
        Model.objects.create(project=foreign, key=key, name=key)
    create(root, project="secret", key="hidden", models=["a", "b"])
    for name in ("hidden", "later"):
        logged = api.log(ab_campaign=name)
        transcript = Interaction.objects.get(pk=logged["completion_id"]).transcript
        assert f'"ab_campaign":"{name}"' in transcript.document
    assert not AbEntry.objects.exists()
    create(caller, key="later")
    api.log(ab_campaign="later")
    assert AbEntry.objects.count() == 1


def test_a_batch_makes_entries_too(api: Api, caller: Caller) -> None:
    create(caller)
    item = {"project": "support", "messages": [{"role": "user", "content": "?"}], "completion": "!", "model": "small"}
    batch = {"interactions": [item | {"ab_campaign": "race"}, item, item | {"ab_campaign": "race"}]}
    assert api.post("interactions/batch", batch).status_code in (200, 201, 207)
    assert (Interaction.objects.count(), AbEntry.objects.count()) == (3, 2)


def test_a_test_that_is_gone_does_not_cost_the_interaction(transactional_db: None, api: Api, caller: Caller) -> None:
    create(caller)
    api.log(ab_campaign="race")
    AbEntry.objects.all().delete()
    AbTest.objects.all().delete()
    api.log(ab_campaign="race")  # this process remembers the id that is gone
    assert (Interaction.objects.count(), AbEntry.objects.count()) == (2, 0)


def test_an_interaction_that_names_no_test_asks_nothing_of_tests_and_a_known_name_is_remembered(
    api: Api, caller: Caller
) -> None:
    create(caller)
    api.log(ab_campaign="race")
    with connection.execute_wrapper(plain := Statements()):
        api.log()
    with connection.execute_wrapper(entered := Statements()):
        api.log(ab_campaign="race")
    assert plain.told
    assert [sql for sql in plain.told + entered.told if "_abtest" in sql] == []
    assert AbEntry.objects.count() == 2


class Statements:
    """What is asked of the database, but for the rows that are recorded, which go past Django."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        self.told.append(sql)
        return execute(sql, *rest)


# Reports


def entries(test: AbTest, model_key: str, count: int) -> list[UUID]:
    """Record so many interactions of a model that are entries of the test. Returns their ids."""
    moment, project = ids.now(), test.project
    first = history.write(project.pk, count)
    rows = [
        Interaction(
            id=ids.new_id(moment),
            project=project,
            model=Model.objects.get(project=project, key=model_key),
            created_at=moment,
            recorded_at=moment,
            source="LIVE",
            state="done",
            session_id=uuid4(),
            number=first + n,
            prompt_hash="0" * 64,
        )
        for n in range(count)
    ]
    Interaction.objects.bulk_create(rows)
    AbEntry.objects.bulk_create(AbEntry(project=project, interaction=row, test=test) for row in rows)
    return [row.pk for row in rows]


def score(
    test: AbTest, interactions: Iterable[UUID], values: Iterable[float], metric: FeedbackKey | None = None
) -> None:
    moment = ids.now()
    Feedback.objects.bulk_create(
        Feedback(
            id=ids.new_id(moment), project=test.project, interaction_id=interaction, key=test.metric,
            value=value, created_at=moment,
        )
        for interaction, value in zip(interactions, values, strict=True)
    )  # fmt: skip


def scored(test: AbTest, **values: Sequence[float]) -> None:
    """Give each arm entries with these scores."""
    for model_key, given in values.items():
        score(test, entries(test, model_key, len(given)), given)


def compared(test: AbTest, preferred: UUID, other: UUID, tied: str = "", metric: FeedbackKey | None = None) -> None:
    moment = ids.now()
    Comparison.objects.create(
        id=ids.new_id(moment), project=test.project, key=metric or test.metric, preferred_id=preferred, other_id=other,
        tied=tied, created_at=moment,
    )  # fmt: skip


def yes_and_no(yes: int, no: int) -> list[float]:
    return [1.0] * yes + [0.0] * no


def test_a_report_without_scores_has_nothing_to_tell(caller: Caller) -> None:
    for key, metric, scores in (("a", "thumbs", "DIRECT"), ("b", "quality", "DIRECT"), ("c", "thumbs", "COMPARISON")):
        report = ab_tests.report(create(caller, key=key, metric=metric, scores=scores))
        assert (report.p_value, report.scores, report.has_enough_scores) == (None, 0, False)
        assert [(one.model.key, one.scores, one.mean, one.interval) for one in report.variants] == [
            ("small", 0, None, None),
            ("large", 0, None, None),
        ]
        ab_tests.cancel(caller, key)


def test_a_report_on_yes_or_no_has_rates(caller: Caller) -> None:
    test = create(caller)
    scored(test, small=yes_and_no(83, 3), large=yes_and_no(90, 3))
    report = ab_tests.report(test)
    small, large = report.variants
    assert (small.model.key, small.scores, small.comparisons) == ("small", 86, None)
    assert small.mean == pytest.approx(83 / 86)
    assert small.interval == pytest.approx(significance.wilson(83 / 86, 86))
    assert (large.scores, report.scores, report.statistic) == (93, 179, "Pearson's chi-squared test")
    # X² = 179 (83 · 3 - 90 · 3)² / (86 · 93 · 173 · 6) for a table of two by two, and p = erfc(√(X² / 2)).
    squares = 179 * (83 * 3 - 90 * 3) ** 2 / (86 * 93 * 173 * 6)
    assert report.p_value == pytest.approx(math.erfc(math.sqrt(squares / 2)))


def test_a_report_on_a_scale_has_means_of_what_the_database_summed_up(caller: Caller) -> None:
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    test = create(caller, metric="quality")
    scored(test, small=first, large=second)
    report = ab_tests.report(test)
    assert report.statistic == "Welch's t-test"
    assert report.p_value == pytest.approx(0.07939, abs=5e-6)
    assert [one.interval for one in report.variants] == [
        pytest.approx(significance.student(one)) for one in (FIRST_DRUG, SECOND_DRUG)
    ]


@pytest.mark.parametrize("offset", [1e9, -1e9])
def test_values_far_from_zero_keep_their_differences(caller: Caller, offset: float) -> None:
    test = create(caller, metric="quality")
    scored(
        test, small=[offset + one for one in (1.0, 2.0, 3.0, 4.0)], large=[offset + one for one in (3.0, 4.0, 5.0, 6.0)]
    )
    expected = significance.welch([sample(1, 2, 3, 4), sample(3, 4, 5, 6)])
    assert ab_tests.report(test).p_value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ([1.0], []),
        ([1.0], [2.0]),
        ([1.0, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [2.0, 2.0, 2.0]),
        ([9e307, -9e307, 0.0], [9e307, 9e307, 1.0]),
        ([5e-324, 0.0, 1e-200], [-1.0, 1e-200, 1.0]),
        ([1e100, 1e-300, 3.0], [1e-300, -1e-300, 0.0]),
    ],
)
def test_whatever_was_given_the_report_has_no_error_and_no_nan(
    caller: Caller, small: list[float], large: list[float]
) -> None:
    test = create(caller, metric="quality")
    scored(test, small=small, large=large)
    report = ab_tests.report(test)
    assert report.p_value is None or 0 <= report.p_value <= 1
    for one in report.variants:
        assert one.mean is None or math.isfinite(one.mean)
        assert one.interval is None or all(map(math.isfinite, one.interval))
    assert [one.scores for one in report.variants] == [len(small), len(large)]
    assert not looks.look(test)


def test_only_the_latest_feedback_under_the_metric_on_entries_counts(
    api: Api, caller: Caller, project: Project
) -> None:
    test = create(caller, models=["small", "large"])
    first = api.log(ab_campaign="race", model="small", feedbacks=[{"metric": "thumbs", "value": True}])
    api.post("feedback", {"completion_id": first["completion_id"], "metric": "thumbs", "value": False})
    api.post("feedback", {"completion_id": first["completion_id"], "metric": "quality", "value": 1})
    api.log(ab_campaign="race", model="large", feedbacks=[{"metric": "quality", "value": 3}])
    api.log(ab_campaign="race", model="third", feedbacks=[{"metric": "thumbs", "value": True}])
    api.log(ab_campaign="race", feedbacks=[{"metric": "thumbs", "value": True}])
    api.log(model="small", feedbacks=[{"metric": "thumbs", "value": True}])
    other = AbTest.objects.create(project=project, key="other", name="other", metric=test.metric, traffic_split=1)
    scored(other, small=[1.0], large=[1.0])
    small, large = ab_tests.report(test).variants
    assert (small.scores, small.mean) == (1, 0.0)
    assert (large.scores, large.mean) == (0, None)


def test_feedback_that_is_given_after_the_end_changes_no_report(caller: Caller) -> None:
    test = create(caller)
    rows = entries(test, "small", 1)
    score(test, rows, [1.0])
    test = ab_tests.cancel(caller, "race")
    score(test, rows, [0.0])
    score(test, entries(test, "large", 1), [1.0])
    assert [one.mean for one in ab_tests.report(test).variants] == [1.0, None]


def test_a_report_on_comparisons_counts_each_pair(api: Api, caller: Caller, project: Project) -> None:
    test = create(caller, models=["small", "large", "third"], scores="COMPARISON")
    small, large, third = (entries(test, key, 2) for key in ("small", "large", "third"))
    for _ in range(9):
        compared(test, small[0], large[1])
    compared(test, large[0], small[1])
    compared(test, large[0], small[1], "good")
    compared(test, third[0], small[1], "bad")
    # These tell nothing about the arms of the test.
    compared(test, small[0], small[1])
    compared(test, small[0], large[1], metric=FeedbackKey.objects.get(project=project, key="quality"))
    stranger = api.log(model="large")
    compared(test, small[0], UUID(stranger["completion_id"]))
    compared(test, UUID(stranger["completion_id"]), small[0])

    report = ab_tests.report(test)
    first, second, last = report.variants
    assert [(one.scores, one.mean) for one in report.variants] == [
        (12, pytest.approx(10 / 12)), (11, pytest.approx(1.5 / 11)), (1, 0.5),
    ]  # fmt: skip
    assert first.interval == pytest.approx(significance.wilson(10 / 12, 12))
    assert [(one.model.key, *counts(one)) for one in first.comparisons or ()] == [
        ("large", 11, 9, 1, 1, 0), ("third", 1, 0, 0, 0, 1),
    ]  # fmt: skip
    assert [(one.model.key, *counts(one)) for one in second.comparisons or ()] == [
        ("small", 11, 1, 9, 1, 0), ("third", 0, 0, 0, 0, 0),
    ]  # fmt: skip
    assert [(one.model.key, *counts(one)) for one in last.comparisons or ()] == [
        ("small", 1, 0, 0, 0, 1), ("large", 0, 0, 0, 0, 0),
    ]  # fmt: skip
    assert (report.scores, report.statistic) == (12, "Sign tests of all pairs with Holm's correction")
    assert report.p_value == pytest.approx(3 * 2 * (10 + 1) / 2**10)


def counts(against: ab_tests.Against) -> tuple[int, ...]:
    return against.scores, against.wins, against.losses, against.ties_good, against.ties_bad


def test_two_arms_that_are_compared_have_one_sign_test(caller: Caller) -> None:
    test = create(caller, scores="COMPARISON")
    small, large = entries(test, "small", 1)[0], entries(test, "large", 1)[0]
    for _ in range(9):
        compared(test, large, small)
    compared(test, small, large, "good")
    report = ab_tests.report(test)
    assert report.statistic == "Sign test"
    assert report.p_value == pytest.approx(2 / 512)
    assert [one.mean for one in report.variants] == [0.05, 0.95]


@pytest.mark.parametrize("scores", ["DIRECT", "COMPARISON"])
def test_a_report_asks_as_much_however_many_scores_there_are(
    caller: Caller, scores: str, django_assert_num_queries: Any
) -> None:
    test = create(caller, metric="quality", scores=scores)
    small, large = entries(test, "small", 300), entries(test, "large", 300)
    score(test, small + large, [float(i % 5) for i in range(600)])
    for pair in zip(small, large, strict=True):
        compared(test, *pair)
    test = ab_tests.get(caller, "race")
    with django_assert_num_queries(4 if scores == "DIRECT" else 3):
        assert ab_tests.report(test).has_enough_scores


# The end


def refreshed(test: AbTest) -> AbTest:
    return AbTest.objects.select_related("metric").get(pk=test.pk)


def test_a_test_warms_up_until_its_first_look_and_goes_on_while_nothing_shows(caller: Caller) -> None:
    test = create(caller)
    scored(test, small=yes_and_no(50, 50), large=yes_and_no(50, 49))
    assert not looks.look(test)
    assert refreshed(test).state == AbTest.State.WARMUP
    scored(test, large=[0.0])
    assert looks.look(test)
    after = refreshed(test)
    assert (after.state, after.looked_at, after.winner, after.ended_at) == ("IN_PROGRESS", 1, None, None)
    scored(test, large=yes_and_no(99, 0), small=yes_and_no(0, 99))
    assert not looks.look(after), "between two looks nothing is decided, whatever shows"
    scored(test, large=[1.0], small=[0.0])
    assert looks.look(after)
    after = refreshed(test)
    assert (after.state, after.looked_at, after.winner and after.winner.key) == ("DONE", 2, "large")
    assert after.ended_at
    assert ab_tests.report(after).p_value == pytest.approx(
        significance.pearson([Sample(200, 0.25, 0), Sample(200, 0.75, 0)])
    )
    assert not looks.look(after)


def test_what_is_below_five_percent_at_a_look_need_not_be_enough(caller: Caller) -> None:
    test = create(caller)
    scored(test, small=yes_and_no(50, 50), large=yes_and_no(64, 36))
    p_value = ab_tests.report(test).p_value
    assert p_value is not None
    assert 0.025 < p_value < 0.05
    assert looks.look(test)
    assert refreshed(test).state == AbTest.State.IN_PROGRESS


@pytest.mark.parametrize(("scoring", "winner"), [("higher_is_better", "large"), ("lower_is_better", "small")])
def test_the_winner_has_the_best_mean_as_the_metric_means_it(caller: Caller, scoring: str, winner: str) -> None:
    FeedbackKey.objects.update(scoring=scoring)
    test = create(caller, metric="quality", models=["large", "third", "small"])
    scored(test, small=[1.0, 2.0] * 50, third=[2.0, 3.0] * 50, large=[3.0, 4.0] * 50)
    assert looks.look(test)
    after = refreshed(test)
    assert after.winner
    assert after.winner.key == winner


def test_of_what_was_compared_the_winner_is_who_was_preferred_whatever_the_scoring(caller: Caller) -> None:
    FeedbackKey.objects.update(scoring="lower_is_better")
    test = create(caller, scores="COMPARISON")
    small, large = entries(test, "small", 1)[0], entries(test, "large", 1)[0]
    for n in range(100):
        compared(test, *((large, small) if n % 4 else (small, large)))
    assert looks.look(test)
    after = refreshed(test)
    assert after.winner
    assert after.winner.key == "large"


@pytest.fixture
def decided(caller: Caller) -> AbTest:
    """A test whose next look ends it; `large` wins."""
    test = create(caller, auto_deploy=True)
    scored(test, small=yes_and_no(20, 80), large=yes_and_no(80, 20))
    return test


def defaults() -> list[str]:
    return list(Model.objects.filter(is_default=True).values_list("key", flat=True))


def test_auto_deploy_makes_the_winner_the_default_in_place_of_another(decided: AbTest) -> None:
    Model.objects.filter(key="third").update(is_default=True)
    assert looks.look(decided)
    assert defaults() == ["large"]


def test_without_auto_deploy_the_default_stays(decided: AbTest) -> None:
    Model.objects.filter(key="third").update(is_default=True)
    AbTest.objects.update(auto_deploy=False)
    assert looks.look(refreshed(decided))
    assert (refreshed(decided).state, defaults()) == ("DONE", ["third"])


def test_a_winner_that_was_taken_out_of_the_project_is_not_deployed(decided: AbTest) -> None:
    Model.objects.filter(key="third").update(is_default=True)
    Model.objects.filter(key="large").update(is_attached=False)
    assert looks.look(decided)
    assert (refreshed(decided).state, defaults()) == ("DONE", ["third"])


def test_a_test_that_is_cancelled_while_it_is_looked_at_stays_cancelled(decided: AbTest, caller: Caller) -> None:
    stale = refreshed(decided)
    ab_tests.cancel(caller, "race")
    assert not looks.look(stale)
    assert (refreshed(decided).state, refreshed(decided).winner, defaults()) == ("CANCELLED", None, [])


def test_of_two_processes_that_look_one_decides(decided: AbTest) -> None:
    one, other = refreshed(decided), refreshed(decided)
    assert [looks.look(one), looks.look(other)] == [True, False]


# On SQLite one transaction waits for the other, so one after the other is all there is.


@pytest.fixture
def overlapping(transactional_db: None) -> Iterator[ThreadPoolExecutor]:
    """Threads with database connections of their own."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with ThreadPoolExecutor(4) as threads:
        yield threads
        everyone = threading.Barrier(4)

        def close() -> None:
            everyone.wait()
            connection.close()

        for closed in [threads.submit(close) for _ in range(4)]:
            closed.result()


def test_of_processes_that_look_at_once_one_decides(overlapping: ThreadPoolExecutor, decided: AbTest) -> None:
    together = threading.Barrier(4)

    def look() -> bool:
        test = refreshed(decided)
        together.wait()
        return looks.look(test)

    looked = [future.result() for future in [overlapping.submit(look) for _ in range(4)]]
    assert sorted(looked) == [False, False, False, True]
    assert (refreshed(decided).state, defaults()) == ("DONE", ["large"])


def test_of_tests_that_are_made_at_once_one_is(overlapping: ThreadPoolExecutor, caller: Caller) -> None:
    together = threading.Barrier(4)

    def make(key: str) -> bool:
        together.wait()
        try:
            create(caller, key=key)
        except Conflict:
            return False
        return True

    made = [future.result() for future in [overlapping.submit(make, key) for key in "abcd"]]
    assert sorted(made) == [False, False, False, True]
    assert AbTest.objects.count() == 1


def test_the_server_looks_at_all_tests_by_itself_every_minute(decided: AbTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert background.WORK["ab_tests"] is ab_tests.carry_on
    monkeypatch.setattr(looks, "_again_at", float("-inf"))
    ab_tests.carry_on()
    assert refreshed(decided).state == AbTest.State.DONE
    AbTest.objects.update(state=AbTest.State.IN_PROGRESS, looked_at=0)
    ab_tests.carry_on()
    assert refreshed(decided).state == AbTest.State.IN_PROGRESS, "a minute has not passed"
