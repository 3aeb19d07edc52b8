"""What calls are sent to, each as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import processes
from benchmarks.corpus import PROJECT
from benchmarks.gateway.calls import Target
from benchmarks.machine import ROOT
from benchmarks.peers import environments
from benchmarks.processes import HOST
from benchmarks.server import serving
from tests.postgres import free_port
from tests.run import FOREIGN_VARIABLES

_PATH = "/v1/chat/completions"
_KEY = "sk-benchmark"


@contextlib.contextmanager
def upstream(place: Path) -> Iterator[Target]:
    with _program("benchmarks.gateway.upstream", [], place) as (port, pid):
        yield Target("the model's server", port, _PATH, "fake", pid=pid)


@contextlib.contextmanager
def proxy(place: Path, model: Target) -> Iterator[Target]:
    with _program("benchmarks.gateway.proxy", [str(model.port)], place) as (port, pid):
        yield Target("bare proxy", port, _PATH, "fake", pid=pid)


@contextlib.contextmanager
def _program(module: str, arguments: list[str], place: Path) -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [sys.executable, "-m", module, str(port), *arguments]
    with processes.serving(command, dict(os.environ), ROOT, place / f"{module}.log", port, "/health") as server:
        yield port, server.process.pid


@contextlib.contextmanager
def gateway(place: Path, model: Target, url: str, name: str) -> Iterator[Target]:
    """This server, with a store of its own."""
    place.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    environment = kept | {
        "DATABASE_URL": url,
        "DATA_DIR": str(place),
        "SECRET_KEY": secrets.token_hex(32),
        "HTTPS": "0",
    }
    opened = json.loads(_manage(environment, "-m", "benchmarks.store", "open"))
    add = ("add_model", "--project", PROJECT, "--name", "Fake", "--external-id", "fake", "--default")
    address = f"http://{HOST}:{model.port}/v1"
    _manage(environment | {"MODEL_SECRET": "none"}, "manage.py", *add, "--base-url", address)
    with serving(environment, place / "server.log") as server:
        yield Target(name, server.port, "/api/v1/chat/completions", PROJECT, opened["secret"], server.process.pid)


def _manage(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


@contextlib.contextmanager
def litellm(place: Path, model: Target) -> Iterator[Target]:
    """LiteLLM's proxy, as it is installed: it logs nothing, and has no database."""
    config = place / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: fake\n    litellm_params:\n      model: openai/fake\n"
        f"      api_base: http://{HOST}:{model.port}/v1\n      api_key: none\n"
        f"general_settings:\n  master_key: {_KEY}\n"
    )
    port = free_port()
    command = [
        environments.program("litellm", "litellm"),
        *("--config", str(config), "--port", str(port), "--host", HOST, "--num_workers", "1"),
    ]
    variables = environments.variables(place, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
    log = place / "litellm.log"
    with processes.serving(command, variables, place, log, port, "/health/liveliness") as server:
        yield Target("LiteLLM", port, _PATH, "fake", _KEY, server.process.pid)
