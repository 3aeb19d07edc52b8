"""Arize Phoenix: spans with OpenInference's attributes over OTLP, feedback as span annotations, questions in GraphQL.

A list asks for the columns of Phoenix's own table of spans. Labels are span metadata.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import processes
from benchmarks.client import Response, request
from benchmarks.corpus import PROJECT
from benchmarks.peers import environments, otlp
from benchmarks.peers.line import Line
from benchmarks.peers.peer import Peer, answer
from benchmarks.peers.questions import PAGE, Filter
from benchmarks.peers.records import TAKEN, Judgement, Record, text
from benchmarks.processes import HOST, Server
from tests.postgres import free_port

_JSON = {"Content-Type": "application/json"}

_NEWEST = """
query ($project: ID!, $first: Int!, $range: TimeRange, $filter: String) {
  node(id: $project) {
    ... on Project {
      spans(first: $first, sort: {col: startTime, dir: desc}, timeRange: $range, filterCondition: $filter) {
        edges {
          node {
            id spanId name spanKind statusCode startTime latencyMs metadata userId tokenCountTotal
            costSummary { total { cost } }
            input { value: truncatedValue }
            output { value: truncatedValue }
            spanAnnotations { id name label score annotatorKind }
            trace { traceId }
          }
        }
        pageInfo { endCursor hasNextPage }
      }
    }
  }
}
"""
_COUNT = """
query ($project: ID!, $range: TimeRange, $filter: String) {
  node(id: $project) { ... on Project { recordCount(timeRange: $range, filterCondition: $filter) } }
}
"""
_ANNOTATION_COUNT = """
query ($project: ID!) { node(id: $project) { ... on Project { spanAnnotationNameCounts { count } } } }
"""
_DETAIL = """
query ($span: ID!) {
  node(id: $span) {
    ... on Span {
      id spanId name spanKind statusCode statusMessage startTime endTime latencyMs tokenCountTotal attributes
      input { value mimeType }
      output { value mimeType }
      events { name message timestamp }
      spanAnnotations { id name label score explanation annotatorKind createdAt }
      trace { traceId }
    }
  }
}
"""


class Phoenix(Peer):
    name = "phoenix"
    # As its client sends them; without waiting for the database, as is the client's default.
    judgements_at_once = 100

    _project = ""

    @classmethod
    def prepare(cls) -> str:
        environments.install(cls.name)
        return environments.version(cls.name, "arize-phoenix")

    def serving(self) -> contextlib.AbstractContextManager[Server]:
        port = free_port()
        variables = environments.variables(
            self.data.parent,
            PHOENIX_HOST=HOST,
            PHOENIX_PORT=str(port),
            PHOENIX_GRPC_PORT=str(free_port()),
            PHOENIX_WORKING_DIR=str(self.data),
            PHOENIX_SQL_DATABASE_URL=self.database_url,
            PHOENIX_TELEMETRY_ENABLED="false",
            PHOENIX_ALLOW_EXTERNAL_RESOURCES="false",
        )
        command = [environments.program(self.name, "phoenix"), "serve"]
        return processes.serving(command, variables, self.data.parent, self.log_file, port, "/readyz")

    async def open(self, line: Line) -> None:
        body = json.dumps({"name": PROJECT}).encode()
        made = answer(await line.exchange(request("POST", "/v1/projects", _JSON, body)))
        self._project = made["data"]["id"]

    # Logging

    def log(self, records: Sequence[Record]) -> bytes:
        body = otlp.export(map(_span, records), {"openinference.project.name": PROJECT})
        return request("POST", "/v1/traces", {"Content-Type": otlp.CONTENT_TYPE}, body)

    def judge(self, judgements: Sequence[Judgement]) -> bytes:
        body = json.dumps({"data": list(map(_annotation, judgements))}).encode()
        return request("POST", "/v1/span_annotations", _JSON, body)

    def judgement_count(self) -> bytes | None:
        return self._ask(_ANNOTATION_COUNT)

    # Reading

    def newest(self, wanted: Filter) -> bytes:
        return self._ask(_NEWEST, first=PAGE, **_spelled(wanted))

    def ids(self, response: Response) -> list[str]:
        return [edge["node"]["id"] for edge in answer(response)["data"]["node"]["spans"]["edges"]]

    def count(self, wanted: Filter) -> bytes:
        return self._ask(_COUNT, **_spelled(wanted))

    def counted(self, response: Response) -> int:
        found = answer(response)["data"]["node"]
        if "recordCount" in found:
            return int(found["recordCount"])
        return sum(one["count"] for one in found["spanAnnotationNameCounts"])

    def detail(self, id: str) -> bytes:
        return self._ask(_DETAIL, span=id)

    def _ask(self, query: str, **variables: Any) -> bytes:
        known = {"project": self._project} if "$project" in query else {}
        body = json.dumps({"query": query, "variables": known | variables}).encode()
        return request("POST", "/graphql", _JSON, body)


def _spelled(wanted: Filter) -> dict[str, Any]:
    """Phoenix's filter is an expression of Python."""
    conditions = []
    if wanted.label:
        conditions.append("metadata[{!r}] == {!r}".format(*wanted.label))
    if wanted.disliked:
        conditions.append("annotations['thumbs'].label == 'down'")
    if wanted.text:
        conditions.append(f"{wanted.text!r} in input.value")
    spelled: dict[str, Any] = {"filter": " and ".join(conditions) or None}
    moments = {"start": wanted.since, "end": wanted.before}
    if given := {name: moment.isoformat() for name, moment in moments.items() if moment}:
        spelled["range"] = given
    return spelled


# Records in Phoenix's words


def _span(record: Record) -> bytes:
    """Attributes as OpenInference's own instrumentation of OpenAI's client writes them.

    https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
    """
    body = record.body
    said = [{"role": message["role"], "content": text(message)} for message in body["messages"]]
    attributes: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": body["model"],
        "input.value": json.dumps({"model": body["model"], "messages": said}),
        "input.mime_type": "application/json",
        "output.value": body["completion"],
        "output.mime_type": "text/plain",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": body["completion"],
        "session.id": body["session_id"],
        "user.id": body["user"],
        "metadata": json.dumps(record.labels),
    }
    for place, message in enumerate(body["messages"]):
        attributes |= _message(f"llm.input_messages.{place}.message", message)
    started = record.started
    return otlp.span(record.trace_id, record.span_id, "ChatCompletion", started, started + TAKEN, attributes)


def _message(name: str, message: Mapping[str, Any]) -> dict[str, str]:
    attributes = {f"{name}.role": message["role"]}
    if isinstance(message["content"], str):
        return attributes | {f"{name}.content": message["content"]}
    for place, part in enumerate(message["content"]):
        content = f"{name}.contents.{place}.message_content"
        if "text" in part:
            attributes |= {f"{content}.type": "text", f"{content}.text": part["text"]}
        else:
            attributes |= {f"{content}.type": "image", f"{content}.image.image.url": part["image_url"]["url"]}
    return attributes


def _annotation(judgement: Judgement) -> dict[str, Any]:
    result: dict[str, Any] = {"score": float(judgement.value)}
    if isinstance(judgement.value, bool):
        result["label"] = "up" if judgement.value else "down"
    span_id = judgement.span_id.hex()
    return {"span_id": span_id, "name": judgement.metric, "annotator_kind": "HUMAN", "result": result}
