"""The query string: everything in it is honoured or named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from interactions import conditions
from interactions.conditions import All, AnyOf, Labelled, Not, Scored
from interactions.errors import Invalid
from interactions.filtersets import InteractionFilterSet
from interactions.models import Project


def spelled(project: Project, query: str) -> conditions.Condition:
    filterset = InteractionFilterSet(QueryDict(query), project)
    assert filterset.problems() == []
    return filterset.condition()


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("", All()),
        ("label=&prompt=%20", All()),
        ("label=env:prod", All((All((Labelled("env", ("prod",)),)),))),
        ("label=env:prod&label=env:dev", All((All((Labelled("env", ("prod", "dev")),)),))),
        ("label=env:prod&label=env", All((All((Labelled("env"),)),))),
        ("label=env:prod&label=env:prod", All((All((Labelled("env", ("prod",)),)),))),
        ("label=a:b:c", All((All((Labelled("a", ("b:c",)),)),))),
        ("not_label=env:prod", All((All((Not(Labelled("env", ("prod",))),)),))),
        ("score=thumbs:up", All((All((AnyOf((Scored("thumbs", "eq", 1.0),)),)),))),
        ("score=thumbs:eq:DOWN", All((All((AnyOf((Scored("thumbs", "eq", 0.0),)),)),))),
        ("score=thumbs", All((All((Scored("thumbs"),)),))),
        ("score=a:b:gte:-1.5e3", All((All((Scored("a:b", "gte", -1500.0),)),))),
        (
            "since=1700000000123",
            All((conditions.CreatedWithin(since=datetime(2023, 11, 14, 22, 13, 20, 123_000, UTC)),)),
        ),
        ("until=2026-01-02", All((conditions.CreatedWithin(until=datetime(2026, 1, 2, tzinfo=UTC)),))),
        ("model=b&model=a&limit=3&count=yes", All((conditions.ModelIn(("b", "a")),))),
        ("prompt=a&prompt=b", All((All((conditions.PromptContains("a"), conditions.PromptContains("b"))),))),
    ],
)
def test_a_query_string_spells_a_condition(project: Project, query: str, meant: conditions.Condition) -> None:
    assert spelled(project, query) == meant


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("colour=red", "colour", "There is no filter “colour”."),
        ("last=7d&last=1h", "last", "Give this parameter once."),
        ("last=soon", "last", "“soon” is not a span of time. Write 24h or 7d."),
        ("since=soon", "since", "“soon” is not a time."),
        ("source=live", "source", "“live” is not one of LIVE, OFFLINE"),
        ("score=thumbs:like:1", "score", "“like” is not one of eq, ne"),
        ("score=thumbs:eq:inf", "score", "“inf” is not a number. Write 0.8, up or down."),
        ("label=:prod", "label", "“:prod” has no label key. Write key:value."),
        ("image=true", "image", "“true” is not one of yes, no."),
        ("model=%00", "model", "NUL"),
        ("completion=" + "x" * 1_001, "completion", "1,001 characters; at most 1,000"),
        ("&".join(f"model={n}" for n in range(51)), "model", "at most 50 times"),
    ],
)
def test_what_cannot_be_honoured_is_named_with_a_sentence(project: Project, query: str, name: str, words: str) -> None:
    filterset = InteractionFilterSet(QueryDict(query), project)
    (problem,) = filterset.problems()
    assert problem.name == name
    assert words in problem.message
    with pytest.raises(Invalid) as raised:
        filterset.qs  # noqa: B018 - a property that refuses
    assert (raised.value.field, raised.value.message) == (name, problem.message)


def test_all_problems_are_told_and_the_rest_still_means_something(project: Project) -> None:
    filterset = InteractionFilterSet(QueryDict("colour=red&since=soon&image=yes"), project)
    assert [problem.name for problem in filterset.problems()] == ["colour", "since"]
    assert filterset.condition() == All((conditions.HasImage(True),))


def test_a_chip_s_link_takes_its_value_out_and_leaves_the_rest(project: Project) -> None:
    filterset = InteractionFilterSet(QueryDict("label=env:prod&label=env:dev&image=yes&older_than=x&limit=5"), project)
    assert [(chip.value, chip.without) for chip in filterset.chips()] == [
        ("env:prod", "label=env%3Adev&image=yes"),
        ("env:dev", "label=env%3Aprod&image=yes"),
        ("yes", "label=env%3Aprod&label=env%3Adev"),
    ]
    assert filterset.query() == "label=env%3Aprod&label=env%3Adev&image=yes"


names = st.sampled_from(sorted(InteractionFilterSet.base_filters))
words = st.text(max_size=12) | st.sampled_from(
    ["env:prod", "7d", "yes", "thumbs:up", "a:b:eq:1", "2026-01-01", "-1", "1e5", "LIVE"]
)


@runs(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, words), max_size=5))
def test_any_parameters_are_a_filter_or_a_problem(project: Project, parameters: list[tuple[str, str]]) -> None:
    data = QueryDict(mutable=True)
    for name, value in parameters:
        data.appendlist(name, value)
    filterset = InteractionFilterSet(data, project)
    filterset.chips()
    filterset.query()
    if not filterset.problems():
        assert list(filterset.qs) == []
    again = InteractionFilterSet(QueryDict(filterset.query()), project)
    assert [problem.name for problem in again.problems()] == [problem.name for problem in filterset.problems()]
