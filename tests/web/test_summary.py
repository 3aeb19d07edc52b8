"""The numbers of the tab: as exact through the page's door as when every interaction is counted by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from interactions import statistics
from interactions.choices import VALUES_SHOWN
from interactions.conditions import All
from interactions.errors import Unavailable
from interactions.filtersets import InteractionFilterSet
from interactions.histogram import Bar
from interactions.models import FeedbackKey, Project, User
from interactions.statistics import ErrorTallies, Summary
from interactions.web import facets
from interactions.web.strip import Strip, strip
from tests import counting
from tests.conftest import Api, interaction

LIST = "/projects/support/interactions"
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def shown(client: Client, query: str = "", status: int = 200) -> str:
    response = client.get(f"{LIST}/summary?{query}")
    assert response.status_code == status
    return response.content.decode()


@dataclass
class Told(HTMLParser):
    """What a summary says: the total, each facet's counts, its ranges and their links, and the bars."""

    page: str
    total: int = -1
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    ranges: dict[str, dict[str, str]] = field(default_factory=dict)
    bars: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._facet = self._value = ""
        self._reads = ""
        self.feed(self.page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self._reads = tag if tag in ("data", "a", "span") else self._reads
        if "data-facet" in of:
            self._facet = of["data-facet"]
            self.counts[self._facet], self.ranges[self._facet] = {}, {}
        elif tag == "data":
            self._value = of["value"]
        elif tag == "a" and "tabindex" in of:
            self.bars[of["title"]] = of["href"]
        elif tag == "a":
            self.ranges[self._facet][of["title"]] = of["href"]

    def handle_data(self, data: str) -> None:
        if self._reads == "data" and data.strip():
            self.counts[self._facet][self._value] = int(data)


def total(page: str) -> int:
    return int(re.findall(r'<span id="count"[^>]*><span>([\d,]+)</span>', page)[0].replace(",", ""))


def bar_counts(page: str) -> list[int]:
    """Of the bars that are not empty."""
    return [int(text.replace(",", "")) for text in re.findall(r'<a href="[^"]*" title="[^"]*: ([\d,]+)"', page)]


@pytest.fixture
def diary(api: Api) -> None:
    """Sixty interactions over twelve days, with every combination of what can be counted."""
    FeedbackKey.objects.create(project=Project.objects.get(key="support"), key="score", name="", kind="scalar")
    items = [
        interaction(
            created_at=(START + timedelta(hours=5 * n)).isoformat(),
            source=("LIVE", "DATASET")[n % 2],
            labels={"env": ("prod", "dev", "test")[n % 3]} | ({"customer": f"c{n % 7}"} if n % 4 else {}),
            feedbacks=[
                *([{"metric": "thumbs", "value": n % 4 == 1}] if n % 2 else []),
                *[{"metric": "quality", "value": value} for value in (n % 5, n % 3)],
                *([{"metric": "score", "value": n / 7}] if n % 3 else []),
            ],
            **({"model": f"m{n % 4}"} if n % 5 else {}),
        )
        for n in range(60)
    ]
    assert api.post("interactions/batch", {"interactions": items}).status_code == 200


FILTERS = [
    "",
    "label=env:prod",
    "label=env:prod&label=env:dev",
    "label=env:prod&label=customer:c1&label=customer:c2",
    "not_label=env:prod",
    "not_label=env:prod&label=env:dev&label=customer",
    "model=m1",
    "model=m1&model=m2&source=LIVE&label=env:test",
    "source=DATASET&score=thumbs:up",
    "score=quality:4&score=quality:3&score=thumbs:down",
    "score=quality:gte:2&score=quality:lte:3&score=score:gt:4",
    "feedback=yes&label=env:dev",
    "since=2026-03-04T01:07&until=2026-03-06&label=env:prod",
    "prompt=order&label=env:prod&model=m3",
    "label=env:nowhere",
    "label=env:prod&model=nobody",
]


@pytest.mark.parametrize("query", FILTERS)
def test_every_number_is_what_counting_by_hand_gives(diary: None, web: Client, project: Project, query: str) -> None:
    condition = InteractionFilterSet(QueryDict(query), project).condition()
    counting.check(statistics.summary(project, condition), project, condition)
    expected = counting.summary(project, condition)
    page = shown(web, query)
    told = Told(page)
    assert total(page) == expected.total
    assert sum(bar_counts(page)) == expected.total
    assert told.counts["model "] == {tally.value: tally.count for tally in expected.models}
    assert told.counts["source "] == {tally.value: tally.count for tally in expected.sources}
    for label in expected.labels:
        assert told.counts[f"label {label.key}:"] == {tally.value: tally.count for tally in label.values}
    for scores in expected.scores:
        if scores.key != "score":  # which comes in ranges
            spelled = {facets.score_text(v.value, is_bool=scores.is_bool): v.count for v in scores.values}
            assert told.counts[f"score {scores.key}:"] == spelled


def test_a_facet_leaves_its_own_filter_out_and_so_shows_its_siblings(diary: None, web: Client) -> None:
    everything, narrowed = Told(shown(web)), Told(shown(web, "label=env:prod&model=m1"))
    assert narrowed.counts["label env:"].keys() == everything.counts["label env:"].keys()
    assert narrowed.counts["model "].keys() == everything.counts["model "].keys()
    assert narrowed.counts["label env:"] == Told(shown(web, "model=m1")).counts["label env:"]
    assert narrowed.counts["model "] == Told(shown(web, "label=env:prod")).counts["model "]


def listed(client: Client, link: str) -> int:
    """How many rows the list of a link has; it fits on one page."""
    return len(re.findall(r'<a class="open"', client.get(f"{unescape(link)}&limit=1000").content.decode()))


@pytest.mark.parametrize("query", ["", "label=env:prod", "label=env:prod&since=2026-03-04T01:07:30&until=2026-03-09"])
def test_a_bar_leads_to_as_many_rows_as_it_says(diary: None, web: Client, query: str) -> None:
    page = shown(web, query)
    bars = Told(page).bars
    assert len(bars) > 3
    assert [listed(web, link) for link in bars.values()] == bar_counts(page)


def test_a_bar_leads_to_as_many_rows_as_it_says_also_within_a_span(api: Api, web: Client) -> None:
    """The span begins in the midst of the first bar, where what is older must not come along."""
    now = datetime.now(UTC)
    for minutes in (1, 700, 1439, 1441, 1445, 1455):
        api.log(created_at=(now - timedelta(minutes=minutes)).isoformat())
    page = shown(web, "last=24h")
    assert sum(bar_counts(page)) == 3
    assert [listed(web, link) for link in Told(page).bars.values()] == bar_counts(page)


def test_a_bar_keeps_the_other_filters_and_takes_the_place_of_those_on_time(diary: None, web: Client) -> None:
    link = next(iter(Told(shown(web, "label=env:prod&last=9999d")).bars.values()))
    query = parse_qs(urlsplit(link).query)
    assert query.keys() == {"label", "since", "until"}
    assert query["label"] == ["env:prod"]


@pytest.mark.parametrize("query", ["", "score=quality:2&score=score:gte:3&score=thumbs:up"])
def test_a_range_leads_to_as_many_rows_as_it_says(diary: None, web: Client, query: str) -> None:
    page = shown(web, query)
    ranges = Told(page).ranges["score score:"]
    said = [int(text) for text in re.findall(r'<span class="n">(\d+)</span>', page)]
    assert len(ranges) > 3
    assert [listed(web, link) for link in ranges.values()] == said[-len(ranges) :]
    scores = parse_qs(urlsplit(next(iter(ranges.values()))).query)["score"]
    assert [score for score in scores if score.startswith("score:")] != []
    assert all(score in scores for score in parse_qs(query).get("score", ()) if not score.startswith("score:"))


def test_the_chosen_range_says_so_and_leads_back(diary: None, web: Client) -> None:
    title, link = next(iter(Told(shown(web, "label=env:dev")).ranges["score score:"].items()))
    page = shown(web, urlsplit(link).query)
    assert page.count('aria-current="true"') == 1
    assert Told(page).ranges["score score:"][title] == f"{LIST}?label=env%3Adev"


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_hostile_names_stay_names(api: Api, web: Client) -> None:
    api.log(model=HOSTILE, labels={HOSTILE: HOSTILE, "a b:c": "d&e"})
    page = shown(web, "label=a%20b:c:d%26e")
    assert "<script" not in page
    assert "<img" not in page
    told = Told(shown(web))
    assert told.counts["model "] == {HOSTILE: 1}
    assert told.counts[f"label {HOSTILE}:"] == {HOSTILE: 1}
    assert told.counts["label a b:c:"] == {"d&e": 1}


def test_no_summary_has_inline_scripts_or_styles(diary: None, web: Client) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", shown(web))


def test_of_very_many_values_the_commonest_are_told_and_that_there_are_more(api: Api, web: Client) -> None:
    items = [interaction(labels={"customer": f"c{n % 230:03}"}) for n in range(240)]
    api.post("interactions/batch", {"interactions": items})
    page = shown(web)
    assert '<ul data-facet="label customer:" data-partial>' in page
    counts = Told(page).counts["label customer:"]
    assert len(counts) == VALUES_SHOWN
    assert list(counts.values())[:11] == [2] * 10 + [1]


def test_an_empty_project_has_a_summary(web: Client, project: Project) -> None:
    page = shown(web)
    assert total(page) == 0
    assert 'class="bars"' not in page


def test_a_filter_that_is_not_understood_has_no_summary(web: Client, project: Project) -> None:
    assert shown(web, "lable=env:prod", status=422) == ""
    assert shown(web, "since=yesterday", status=422) == ""


def test_the_page_asks_for_the_numbers_of_its_own_filter(diary: None, web: Client) -> None:
    page = web.get(f"{LIST}?label=env:prod&limit=5&count=1").content.decode()
    assert f'hx-get="{LIST}/summary?label=env%3Aprod" hx-trigger="ask"' in page
    refused = web.get(f"{LIST}?lable=env:prod").content.decode()
    assert '<i id="ask" hidden></i>' in refused


def test_while_the_numbers_are_prepared_the_page_is_told_so_and_asks_again(
    web: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(project: Project, condition: All) -> Summary:
        raise Unavailable("Not yet.")

    monkeypatch.setattr(statistics, "summary", unavailable)
    page = shown(web, "label=env:prod", status=202)
    assert "are being prepared" in page
    assert f'hx-get="{LIST}/summary?label=env:prod" hx-trigger="load delay:2s"' in page


def test_a_summary_takes_a_fixed_number_of_queries(diary: None, web: Client, api: Api) -> None:
    def queries() -> int:
        shown(web, "label=env:prod&score=thumbs:up&model=m1")
        with CaptureQueriesContext(connection) as captured:
            shown(web, "label=env:prod&score=thumbs:up&model=m1")
        return len(captured)

    before = queries()
    items = [interaction(labels={"env": "prod", "customer": f"c{n}"}, model=f"m{n}") for n in range(50)]
    api.post("interactions/batch", {"interactions": items})
    assert queries() == before <= 20


# Words and ticks of the time strip


def drawn(since: datetime, width: timedelta, counts: list[int], now: datetime) -> Strip:
    bars = [Bar(since + width * n, since + width * (n + 1), count) for n, count in enumerate(counts)]
    made = strip(Summary(sum(counts), [], [], [], ErrorTallies([]), [], [], bars), "", All(), now)
    assert made
    return made


def below(made: Strip) -> dict[int, str]:
    return {number: bar.tick for number, bar in enumerate(made.bars) if bar.tick}


DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NOVEMBER = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "width", "count", "title"),
    [
        (datetime(2026, 11, 3, tzinfo=UTC), DAY, 1204, "2026-11-03: 1,204"),
        (datetime(2026, 11, 2, tzinfo=UTC), 7 * DAY, 1, "2026-11-02 to 2026-11-08: 1"),
        (datetime(2026, 11, 3, 14, tzinfo=UTC), HOUR, 2, "2026-11-03 14:00 to 15:00: 2"),
        (datetime(2026, 11, 3, 22, tzinfo=UTC), 2 * HOUR, 2, "2026-11-03 22:00 to 00:00: 2"),
        (datetime(2026, 11, 3, 14, 30, tzinfo=UTC), 30 * MINUTE, 2, "2026-11-03 14:30 to 15:00: 2"),
    ],
)
def test_a_bar_says_its_time_and_its_exact_count(since: datetime, width: timedelta, count: int, title: str) -> None:
    assert drawn(since, width, [count], NOVEMBER).bars[0].title == title


def test_bars_are_as_high_as_their_counts_and_none_that_counts_is_invisible() -> None:
    made = drawn(NOVEMBER - 4 * HOUR, HOUR, [1000, 500, 1, 0], NOVEMBER)
    assert [bar.top for bar in made.bars] == ["0.0", "50.0", "95.0", "100.0"]
    assert [bool(bar.query) for bar in made.bars] == [True, True, True, False]


@pytest.mark.parametrize(
    ("since", "width", "bars", "ticks", "end"),
    [
        (datetime(2026, 11, 16, tzinfo=UTC), 2 * HOUR, 91, {0: "16 Nov", 12: "17 Nov", 24: "18 Nov"}, "now"),
        (
            datetime(2026, 11, 23, 11, 30, tzinfo=UTC),
            MINUTE,
            60,
            {0: "23 Nov 11:30", 10: "11:40", 20: "11:50"},
            "23 Nov 12:30",
        ),
        (datetime(2025, 8, 1, tzinfo=UTC), DAY, 90, {0: "1 Aug 2025", 31: "Sep", 61: "Oct"}, "29 Oct 2025"),
        (datetime(2025, 11, 24, tzinfo=UTC), 7 * DAY, 53, {0: "24 Nov 2025", 10: "Feb", 14: "Mar"}, "now"),
        (datetime(2026, 11, 20, tzinfo=UTC), DAY, 1, {0: "20 Nov"}, ""),
    ],
)
def test_below_the_bars_stands_when_hours_days_or_months_begin(
    since: datetime, width: timedelta, bars: int, ticks: dict[int, str], end: str
) -> None:
    made = drawn(since, width, [1] * bars, NOVEMBER)
    assert dict(list(below(made).items())[:3]) == ticks
    assert made.bars[-1].end == end


def test_the_strip_says_in_a_sentence_what_it_shows() -> None:
    made = drawn(datetime(2026, 11, 20, tzinfo=UTC), DAY, [1, 1300, 0, 3], NOVEMBER)
    assert made.sentence == (
        "1,304 interactions over time (UTC), one bar for each day. The first is 2026-11-20, the last 2026-11-23; "
        "the highest is 2026-11-21: 1,300."
    )
