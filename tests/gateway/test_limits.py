"""What a key may use holds exactly, however many ask at once, and of however many processes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openai
import pytest

from tests.gateway.stage import Gateway, Script, until


@pytest.fixture(scope="module")
def two(own_gateway: Gateway) -> Iterator[Gateway]:
    """A server of two processes."""
    own_gateway.process.environment["WORKERS"] = "2"
    with own_gateway.process.running():
        yield own_gateway


def seconds_left() -> float:
    """Of this minute."""
    now = datetime.now(UTC)
    return 60 - now.second - now.microsecond / 1e6


def ask(gateway: Gateway, key: str, content: str = "Hello", model: str = "") -> httpx.Response:
    """By a connection of its own, so that any of the processes may answer."""
    return gateway.post(gateway.asked(content, model), Authorization=f"Bearer {key}")


def at_once(gateway: Gateway, key: str, count: int) -> Counter[int]:
    with ThreadPoolExecutor(16) as threads:
        return Counter(threads.map(lambda n: ask(gateway, key, f"{n}").status_code, range(count)))


def usage(gateway: Gateway, name: str, unit: str) -> dict[str, int]:
    """What is counted for the key of that name, over all periods."""
    told = gateway.run(
        "from django.db.models import Sum\n"
        f"rows = KeyUsage.objects.filter(api_key__user__email='{name}@example.org', unit={unit!r})\n"
        "print(rows.aggregate(requests=Sum('requests'), cost=Sum('cost')))"
    )
    found: dict[str, int] = eval(told.splitlines()[-1])  # noqa: S307 - our own words
    return found


def test_as_many_requests_a_minute_as_are_allowed_and_not_one_more(two: Gateway) -> None:
    key = two.make_key("rate", requests_per_minute=17)
    until(lambda: seconds_left() > 20)
    assert at_once(two, key, 40) == {200: 17, 429: 23}
    assert usage(two, "rate", "minute")["requests"] == 17


def test_a_key_that_may_ask_no_more_is_told_when_it_may(two: Gateway) -> None:
    key = two.make_key("soon", requests_per_minute=1)
    until(lambda: seconds_left() > 10)
    calls, rows = len(two.ledger()), len(two.rows())
    assert ask(two, key).status_code == 200
    left = seconds_left()
    answer = ask(two, key)
    assert answer.status_code == 429
    assert left - 10 <= int(answer.headers["retry-after"]) <= left + 1
    told = answer.json()["error"]
    assert (told["code"], told["type"]) == ("too_many_requests", "rate_limit_error")
    assert "1 requests a minute" in told["message"]
    # What was refused was neither sent nor kept.
    assert (len(two.ledger()), len(two.rows())) == (calls + 1, rows + 1)
    with (
        openai.OpenAI(base_url=two.v1, api_key=key, max_retries=0) as client,
        pytest.raises(openai.RateLimitError, match="1 requests a minute"),
    ):
        client.chat.completions.create(model=two.project, messages=[{"role": "user", "content": "x"}])


def test_a_key_that_may_ask_nothing_is_always_refused(two: Gateway) -> None:
    key = two.make_key("nothing", requests_per_minute=0)
    assert {ask(two, key).status_code for _ in range(3)} == {429}


def test_a_budget_that_is_spent_is_spent_until_the_next_day(two: Gateway) -> None:
    """“Hello” is a token, and “You said: Hello” are three: 2.5 and 30 millionths of a dollar."""
    cost = 32_500
    key = two.make_key("budget", budget=3 * cost, budget_period="day")
    assert [ask(two, key).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert usage(two, "budget", "day") == {"requests": 3, "cost": 3 * cost}
    answer = ask(two, key)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    left = (midnight - datetime.now(UTC)).total_seconds()
    assert left - 10 <= int(answer.headers["retry-after"]) <= left + 2
    assert "budget of this API key for the day is spent" in answer.json()["error"]["message"]
    two.run("ApiKey.objects.filter(user__email='budget@example.org').update(budget=1000 * 10**9)")
    # Who asks is remembered for a moment.
    until(lambda: ask(two, key).status_code == 200)


def test_every_cost_is_counted_once_however_many_calls_end_at_once(two: Gateway) -> None:
    key = two.make_key("sum", budget=10**12, budget_period="month")
    before = {row["id"] for row in two.rows()}
    assert at_once(two, key, 60) == {200: 60}
    rows = [row for row in two.rows() if row["id"] not in before]
    counted = usage(two, "sum", "month")
    assert counted == {"requests": 60, "cost": round(sum(row["cost"] for row in rows) * 1e9)}
    assert counted["cost"] == 60 * 32_500


def test_what_fails_costs_what_it_used_and_is_counted_as_asked(two: Gateway) -> None:
    key = two.make_key("failing", budget=10**12, budget_period="day", requests_per_minute=100)
    assert ask(two, key, "[fault: 500]").status_code == 500
    assert ask(two, key, "Hello", "absent").status_code == 502
    assert usage(two, "failing", "day") == {"requests": 2, "cost": 0}


PRICED: list[tuple[dict[str, Any], float | None]] = [
    ({"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}, 0.0035),
    ({"prompt_tokens": 1_000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 800}}, 0.0025),
    ({"prompt_tokens": 0, "completion_tokens": 0}, 0.0),
    ({"prompt_tokens": 1, "completion_tokens": 0}, 0.0000025),
    ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 10**6}}, 0.0000125),
    ({"prompt_tokens": -5, "completion_tokens": "many"}, None),
]


@pytest.mark.parametrize(("told", "cost"), PRICED)
def test_a_call_costs_what_its_model_s_prices_make_of_its_usage(
    two: Gateway, script: Script, told: dict[str, Any], cost: float | None
) -> None:
    script.says(json.dumps({"choices": [], "usage": told}).encode())
    document = two.of(two.chat("Hello", "scripted"))
    assert document["cost"] == (None if cost is None else pytest.approx(cost, abs=1e-12))


def test_without_a_usage_no_cost_is_known(two: Gateway, script: Script) -> None:
    script.says(b'{"choices": []}')
    assert two.of(two.chat("Hello", "scripted"))["cost"] is None
