"""MLflow: traces of one span over OTLP, with tags for labels; feedback as assessments; questions in its REST API."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from benchmarks import processes
from benchmarks.client import Response, request
from benchmarks.corpus import PROJECT, milliseconds
from benchmarks.peers import environments, otlp
from benchmarks.peers.line import Line
from benchmarks.peers.peer import Peer, answer
from benchmarks.peers.questions import PAGE, Filter
from benchmarks.peers.records import TAKEN, Judgement, Record
from benchmarks.processes import HOST, Server
from tests.postgres import free_port

_JSON = {"Content-Type": "application/json"}


class MLflow(Peer):
    name = "mlflow"
    # On a kept connection its answers come 40 ms late, as they do where small pieces wait for an acknowledgement; on a
    # new one they do not. The better of the two is measured.
    keeps_connections = False
    # The only way that its API has.
    judgements_at_once = 1

    _experiment = ""

    @classmethod
    def prepare(cls) -> str:
        environments.install(cls.name)
        return environments.version(cls.name, "mlflow")

    def serving(self) -> contextlib.AbstractContextManager[Server]:
        port = free_port()
        place = self.data.parent
        variables = environments.variables(place, MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        # Its scripts find Python and each other on the path.
        variables["PATH"] = f"{environments.ENVIRONMENTS / self.name / 'bin'}:{variables['PATH']}"
        command = [environments.program(self.name, "mlflow"), "server", f"--host={HOST}", f"--port={port}"]
        # SQLAlchemy has several drivers for PostgreSQL; the one that requirements/mlflow.txt holds has to be named.
        store = self.database_url.replace("postgresql://", "postgresql+psycopg2://")
        command += [f"--backend-store-uri={store}", f"--artifacts-destination={self.data / 'artifacts'}"]
        return processes.serving(command, variables, place, self.log_file, port, "/health")

    async def open(self, line: Line) -> None:
        body = json.dumps({"name": PROJECT}).encode()
        made = answer(await line.exchange(request("POST", "/api/2.0/mlflow/experiments/create", _JSON, body)))
        self._experiment = made["experiment_id"]

    # Logging

    def log(self, records: Sequence[Record]) -> bytes:
        headers = {"Content-Type": otlp.CONTENT_TYPE, "x-mlflow-experiment-id": self._experiment}
        return request("POST", "/v1/traces", headers, otlp.export(map(_span, records), {}))

    def judge(self, judgements: Sequence[Judgement]) -> bytes:
        (judgement,) = judgements
        trace = _trace_id(judgement.trace_id)
        assessment = {
            "assessment_name": judgement.metric,
            "trace_id": trace,
            "source": {"source_type": "HUMAN", "source_id": "benchmark"},
            "feedback": {"value": judgement.value},
        }
        body = json.dumps({"assessment": assessment}).encode()
        return request("POST", f"/api/3.0/mlflow/traces/{trace}/assessments", _JSON, body)

    # Reading

    def newest(self, wanted: Filter) -> bytes:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self._experiment}}
        asked: dict[str, Any] = {"locations": [place], "max_results": PAGE, "order_by": ["timestamp_ms DESC"]}
        if conditions := _spelled(wanted):
            asked["filter"] = conditions
        return request("POST", "/api/3.0/mlflow/traces/search", _JSON, json.dumps(asked).encode())

    def ids(self, response: Response) -> list[str]:
        return [trace["trace_id"] for trace in answer(response).get("traces", ())]

    def count(self, wanted: Filter) -> bytes:
        """Its search does not count; the numbers of its overview do, with filters of their own."""
        asked: dict[str, Any] = {"view_type": "TRACES", "metric_name": "trace_count", "filters": []}
        if wanted.label:
            asked["filters"].append("trace.tag.{} = '{}'".format(*wanted.label))
        if wanted.disliked:
            asked |= {"view_type": "ASSESSMENTS", "metric_name": "assessment_count", "dimensions": ["assessment_value"]}
            asked["filters"].append("assessment.name = 'thumbs'")
        if wanted.since:
            asked["start_time_ms"] = milliseconds(wanted.since)
        asked |= {"experiment_ids": [self._experiment], "aggregations": [{"aggregation_type": "COUNT"}]}
        return request("POST", "/api/3.0/mlflow/traces/metrics", _JSON, json.dumps(asked).encode())

    def counted(self, response: Response) -> int:
        points = answer(response).get("data_points", [])
        # Thumbs come as one number for each value.
        wanted = [one for one in points if one.get("dimensions", {}).get("assessment_value", "false") == "false"]
        return int(sum(one["values"]["COUNT"] for one in wanted))

    def detail(self, id: str) -> bytes:
        return request("GET", f"/api/3.0/mlflow/traces/get?{urlencode({'trace_id': id})}")


def _spelled(wanted: Filter) -> str:
    conditions = []
    if wanted.since:
        conditions.append(f"trace.timestamp_ms >= {milliseconds(wanted.since)}")
    if wanted.before:
        conditions.append(f"trace.timestamp_ms < {milliseconds(wanted.before)}")
    if wanted.label:
        conditions.append("tags.{} = '{}'".format(*wanted.label))
    if wanted.disliked:
        conditions.append("feedback.thumbs = 'false'")
    if wanted.text:
        conditions.append(f"trace.text LIKE '%{wanted.text}%'")
    return " AND ".join(conditions)


# Records in MLflow's words


def _trace_id(trace_id: bytes) -> str:
    return f"tr-{trace_id.hex()}"


def _span(record: Record) -> bytes:
    """Attributes as MLflow's own client sends them for a call of OpenAI's, tags as its OpenTelemetry export does."""
    body = record.body
    completion = {"role": "assistant", "content": body["completion"]}
    attributes: dict[str, Any] = {
        "mlflow.spanType": "CHAT_MODEL",
        "mlflow.message.format": "openai",
        "mlflow.llm.model": body["model"],
        "mlflow.spanInputs": {"model": body["model"], "messages": body["messages"]},
        "mlflow.spanOutputs": {"choices": [{"index": 0, "message": completion}]},
        "session.id": body["session_id"],
        "user.id": body["user"],
    }
    attributes |= {f"mlflow.traceTag.{name}": value for name, value in record.labels.items()}
    started = record.started
    return otlp.span(record.trace_id, record.span_id, "Completions", started, started + TAKEN, attributes)
