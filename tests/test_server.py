"""The server as browsers meet it: its own process, over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Server


@pytest.fixture(scope="module")
def signed_in(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, follow_redirects=True) as client:
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/login/").text)[0]
        sent = {"username": server.email, "password": server.password, "csrfmiddlewaretoken": token}
        assert client.post("/login/", data=sent).status_code == 200
        yield client


def test_a_page_is_private_and_its_files_are_kept_for_good(signed_in: httpx.Client) -> None:
    page = signed_in.get("/projects/demo/interactions")
    assert page.headers["cache-control"] == "no-store"
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert len(files) >= 4
    for address in files:
        file = signed_in.get(address.replace("&amp;", "&"))
        assert file.status_code == 200, address
        assert "immutable" in file.headers["cache-control"] or "max-age=31536000" in file.headers["cache-control"]


@pytest.mark.parametrize("path", ["/projects/demo/interactions", "/login/", "/api/v1/nothing", "/health"])
def test_no_response_may_load_or_run_what_is_not_the_server_s_own(signed_in: httpx.Client, path: str) -> None:
    policy = signed_in.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_an_export_streams_all_that_the_list_counts(signed_in: httpx.Client) -> None:
    query = "label=env:prod"
    summary = signed_in.get(f"/projects/demo/interactions/summary?{query}").text
    counted = int(re.findall(r'<span id="count"[^>]*><span>([\d,]+)', summary)[0].replace(",", ""))
    lines = [json.loads(line) for line in signed_in.get(f"/projects/demo/interactions.jsonl?{query}").text.splitlines()]
    assert len(lines) == counted > 100
    assert len({line["id"] for line in lines}) == counted
    assert all(line["labels"]["env"] == "prod" for line in lines)
    rows = signed_in.get(f"/projects/demo/interactions.csv?{query}")
    assert rows.headers["content-type"] == "text/csv; charset=utf-8"


def test_the_server_goes_on_after_a_reader_left_in_the_middle_of_an_export(signed_in: httpx.Client) -> None:
    for _ in range(12):  # more often than there are threads
        with signed_in.stream("GET", "/projects/demo/interactions.jsonl") as response:
            next(response.iter_bytes(1))
    assert signed_in.get("/projects/demo/interactions").status_code == 200
